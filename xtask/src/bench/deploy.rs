//! From the command to HTTP 200, phase by phase, beside plain runc.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::demo::network::{Home, Network};
use crate::demo::{build, load_image, url_of};
use crate::failure::{Doing, Failure, Result};
use crate::{http, setup, shell};

const EXAMPLE: &str = "examples/hello-web/deploy.yaml";
/// The goals of the first issue: from the first bid to HTTP 200 at 500 ms blocks, and the runtime against plain runc.
const GOAL_FROM_BID_MS: u64 = 3_000;
const GOAL_RUNTIME: u64 = 2;

/// Options of `bench deploy`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many deployments
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// From one block to the next
    #[arg(long, default_value = "500ms")]
    block_time: String,
}

/// One column of the table: a phase, and what it took in each round, in microseconds.
type Rows = BTreeMap<&'static str, Vec<u64>>;

/// Runs it.
///
/// # Errors
/// When a step fails.
pub(crate) fn run(args: &Args) -> Result {
    setup::run(setup::RUN)?;
    if !setup::is_root() {
        return Err(Failure::new("containers need root").hint("sudo -E env PATH=\"$PATH\" cargo xtask bench deploy"));
    }
    build()?;
    let home = Home::new();
    let mut network = Network::start(home.clone(), 1, 1, &args.block_time)?;
    load_image(&home)?;
    let agent = network.report.providers.first().map(|provider| provider.dir.clone());
    let agent = agent.ok_or_else(|| Failure::new("the network has no provider"))?;
    let mut rows = Rows::new();
    for round in 1..=args.rounds {
        println!("round {round} of {}", args.rounds);
        one(&home, &agent, &mut rows)?;
    }
    network.stop()?;
    table(&rows, args);
    Ok(())
}

fn one(home: &Home, agent: &Path, rows: &mut Rows) -> Result {
    let start = Instant::now();
    let told = home.json(&["deploy", EXAMPLE, "--auto", "cheapest", "--yes"])?;
    let url = url_of(&told).ok_or_else(|| Failure::new(format!("`tetra deploy` names no address: {told}")))?;
    let page = http::get(&url)?;
    if page.status != 200 {
        return Err(Failure::new(format!("HTTP {} from {url}", page.status)));
    }
    let total = micros(start.elapsed());
    let phase = |name: &str| told.pointer(&format!("/phases_ms/{name}")).and_then(Value::as_u64).map(|ms| ms * 1000);
    let mut note = |name, value: u64| rows.entry(name).or_default().push(value);
    note("z total: command to HTTP 200", total);
    let (mut before_bid, mut known) = (0, 0);
    for (name, label) in [
        ("create", "a create: transaction in a block"),
        ("first_bid", "b first bid on the chain"),
        ("bid_wait", "c waiting for further bids"),
        ("lease", "d lease: transaction in a block"),
        ("manifest", "e manifest taken, pod started"),
        ("ready", "f every replica ready"),
    ] {
        let took = phase(name).ok_or_else(|| Failure::new(format!("`tetra deploy -o json` has no phase {name}")))?;
        note(label, took);
        known += took;
        if ["create", "first_bid"].contains(&name) {
            before_bid += took;
        }
    }
    note("g start of the program, page", total.saturating_sub(known));
    note("y from the first bid to HTTP 200", total.saturating_sub(before_bid));
    let start_us = told.pointer("/leases/0/start_us").cloned().unwrap_or_default();
    for (name, label) in [
        ("image", "k pod: image"),
        ("network", "l pod: network"),
        ("volumes", "m pod: volumes"),
        ("rootfs", "n pod: root file system"),
        ("runtime", "o pod: runtime (shim and runc)"),
    ] {
        let took = start_us.get(name).and_then(Value::as_u64);
        note(label, took.ok_or_else(|| Failure::new(format!("the provider told no phase {name}: {told}")))?);
    }
    note("p plain runc, same bundle", plain_runc(agent)?);
    let dseq = told.get("dseq").map(|dseq| dseq.as_str().map_or_else(|| dseq.to_string(), str::to_owned));
    let dseq = dseq.ok_or_else(|| Failure::new("`tetra deploy -o json` names no dseq"))?;
    home.json(&["deployment", "close", &dseq, "--yes"]).map(drop)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Starts the running container's bundle once more with plain `runc run --detach`, under another name and in a cgroup
/// of its own, and ends it.
fn plain_runc(agent: &Path) -> Result<u64> {
    let bundle = running_bundle(agent)?;
    let config = bundle.join("config.json");
    let mut config: Value =
        serde_json::from_str(&fs::read_to_string(&config).doing(config.display())?).doing("config.json")?;
    config["linux"]["cgroupsPath"] = json!("/tetra-bench-plain");
    if let Some(root) = config.pointer("/root/path").and_then(Value::as_str).map(PathBuf::from)
        && root.is_relative()
    {
        config["root"]["path"] = json!(bundle.join(root));
    }
    let scratch = shell::target().join("demo/plain-runc");
    fs::create_dir_all(&scratch).doing(scratch.display())?;
    fs::write(scratch.join("config.json"), config.to_string()).doing(scratch.display())?;
    let runc = |args: &[&str]| {
        let mut command = shell::program("runc");
        command.arg("--root").arg(scratch.join("state")).args(args).arg("plain").stdin(Stdio::null());
        command
    };
    let bundle = scratch.display().to_string();
    let start = Instant::now();
    // Its output goes nowhere: a pipe would be held open by the container.
    let mut command = runc(&["run", "--detach", "--bundle", &bundle]);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().doing(shell::line(&command))?;
    let took = micros(start.elapsed());
    shell::output(&mut runc(&["delete", "--force"]))?;
    if !status.success() {
        return Err(Failure::new(format!("`{}` failed: {status}", shell::line(&command))));
    }
    Ok(took)
}

/// The bundle of the agent's one container.
fn running_bundle(agent: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    let run = PathBuf::from("/run").join(format!("tetra-{}", crate::demo::tag(agent))).join("pods");
    for pod in folders(&run) {
        found.extend(folders(&pod).into_iter().map(|replica| replica.join("bundle")).filter(|bundle| bundle.exists()));
    }
    found.pop().ok_or_else(|| Failure::new(format!("no container's bundle lies below {}", run.display())))
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn table(rows: &Rows, args: &Args) {
    println!(
        "\nfrom `tetra deploy` to HTTP 200, {} rounds, a block every {}, debug build",
        args.rounds, args.block_time
    );
    println!("{:<36} {:>9} {:>9} {:>9}", "milliseconds", "least", "median", "most");
    for (label, values) in rows {
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let (least, most) = (sorted.first().copied().unwrap_or(0), sorted.last().copied().unwrap_or(0));
        println!("{:<36} {:>9} {:>9} {:>9}", &label[2..], ms(least), ms(median(values)), ms(most));
    }
    let of = |key: &str| rows.get(key).map_or(0, |values| median(values));
    let (ours, plain) = (of("o pod: runtime (shim and runc)"), of("p plain runc, same bundle"));
    let ratio = ours * 100 / plain.max(1);
    println!("\nruntime phase / plain runc: {}.{:02} (goal: at most {GOAL_RUNTIME})", ratio / 100, ratio % 100);
    println!(
        "from the first bid to HTTP 200: {} ms (goal: at most {GOAL_FROM_BID_MS} ms at 500 ms blocks)",
        ms(of("y from the first bid to HTTP 200"))
    );
}

fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

fn ms(micros: u64) -> String {
    format!("{}.{}", micros / 1000, micros % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one_counts() {
        assert_eq!((median(&[3, 1, 2]), median(&[]), median(&[5, 1])), (2, 0, 5));
        assert_eq!((ms(1_234), ms(50)), ("1.2".to_owned(), "0.0".to_owned()));
    }
}
