//! A cluster, end to end: four suppliers in network namespaces of their own, one behind NAT, one that SSH alone leads to, who prove
//! their devices to each other and form trial clusters; an all-reduce on all by torchrun's variables; Ray with a job that needs all three; a worker and the head killed with -9; and
//! a bill that adds up. This shares no code with the chain.

mod lab;
pub(super) mod mixed;
mod suppliers;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use self::lab::{Lab, MACHINES};
use self::suppliers::Suppliers;
use super::checks::Checks;
use super::network::{Home, Network};
use super::subnet::crew::{Crew, wait};
use super::{build, step};
use crate::failure::{Doing, Failure, Result};
use crate::{http, setup, shell};

/// What torchrun's programs do, without torch.
const ALL_REDUCE: &str = include_str!("allreduce.py");
/// A Ray job that goes on where it was.
const JOB: &str = include_str!("job.py");
/// Of Ray's nodes.
const IMAGE: &str = "tetra-ray:2.60.0";
/// Ports of Ray, all pinned.
const RAY_PORTS: [u16; 10] = [6_379, 6_380, 6_381, 6_382, 6_383, 6_384, 8_265, 10_001, 10_002, 52_365];
/// Who hires.
const TENANT: &str = "alice";

/// Options of `demo cluster` and `demo mixed`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave the network and its machines up until a key is pressed
    #[arg(long)]
    pub(crate) keep: bool,
    /// What CI has time for: without the worker and the head that are killed; of the mixed one, without the render node and Ray
    #[arg(long)]
    pub(crate) short: bool,
}

/// The sum of the squares below a number.
fn squares(below: u64) -> u64 {
    (below - 1) * below * (2 * below - 1) / 6
}

/// What demos of clusters need: tools, root, the programs, and the image of Ray.
fn begin(name: &str) -> Result<(Home, String)> {
    setup::run(setup::RUN)?;
    setup::run(setup::RAY)?;
    if !setup::is_root() {
        return Err(Failure::new("network namespaces and containers need root")
            .hint(format!("sudo -E env PATH=\"$PATH\" cargo xtask {name}")));
    }
    build()?;
    let home = Home::new();
    fs::create_dir_all(home.file("")).doing(home.file("").display())?;
    step("the image of Ray 2.60.0, from Debian and PyPI");
    let image = ray_image(&home)?;
    Ok((home, image))
}

/// The image of Ray as a file, built where the one that is there is older than how it is built.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn ray_image(home: &Home) -> Result<String> {
    let image = home.file("tetra-ray.tar");
    let script = shell::root().join("examples/ray/build-image.sh");
    let written = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let is_there = written(&image).zip(written(&script)).is_some_and(|(image, script)| image > script);
    let image = image.display().to_string();
    if !is_there {
        shell::show(shell::program(&script).arg(&image))?;
    }
    Ok(image)
}

/// Runs it.
///
/// # Errors
/// When a step fails, or a claim does not hold.
pub(crate) fn run(args: &Args) -> Result {
    let (home, image) = begin("demo cluster")?;
    step(
        "a chain, and four machines with addresses of their own; the third stands behind NAT, to the fourth SSH alone leads",
    );
    let network = Network::start(home.clone(), 1, 0, "500ms")?;
    let port = network.rpc()?.rsplit(':').next().and_then(|port| port.parse().ok());
    let lab = Lab::make(port.ok_or_else(|| Failure::new("the node's address names no port"))?)?;
    let suppliers = Suppliers::start(&home, &lab, &image, &MACHINES, &[])?;
    let mut checks = Checks::default();

    step("each proves its devices, and is verified by the others");
    let proved = wait("proofs", || {
        let offers = home.json(&["cluster", "offers"])?;
        Ok((offers["classes"][0]["proved"] == 4).then_some(offers))
    })?;
    shell::show(&mut home.tetra(&["cluster", "offers"]))?;
    checks.claim(
        proved["classes"][0]["claimed"] == 0,
        "four devices are proved and were tried by strangers, none is claimed alone",
    );
    shell::show(&mut home.tetra(&["cluster", "quote", "-n", "4"]))?;
    let tethered = proved["offers"].as_array().into_iter().flatten().filter(|offer| offer["source"] == "ssh").count();
    checks.claim(tethered == 1, "one of them says that it came by SSH");

    all_reduce(&home, &mut checks)?;
    let money = Money::now(&home, &suppliers)?;
    let cluster = ray(&home, &lab, &mut checks)?;
    if !args.short {
        worker(&home, &cluster, &mut checks)?;
        head(&home, &cluster, &mut checks)?;
    }
    step("the bill");
    home.json(&["cluster", "stop", &cluster, "-y"])?;
    money.check(&home, &suppliers, &cluster, &mut checks)?;
    if args.keep {
        println!("\nTETRA_HOME={}; enter ends everything", home.file("").display());
        let _ = std::io::stdin().read_line(&mut String::new());
    }
    drop(suppliers);
    drop(lab);
    network.finish(false, checks)
}

/// Hires a cluster, waits until it works, and gives its number.
fn create(home: &Home, options: &[&str]) -> Result<(String, Duration)> {
    let began = Instant::now();
    let hired = home.json(&[&["cluster", "create", "-y", "--image", IMAGE][..], options].concat())?;
    let number = hired["cseq"].as_u64().ok_or_else(|| Failure::new(format!("no number in {hired}")))?;
    Ok((number.to_string(), began.elapsed()))
}

fn file(home: &Home, name: &str, text: &str) -> Result<String> {
    let path = home.file(name);
    fs::write(&path, text).doing(path.display())?;
    Ok(path.display().to_string())
}

fn all_reduce(home: &Home, checks: &mut Checks) -> Result {
    step("an all-reduce over the overlay, by RANK, WORLD_SIZE and MASTER_ADDR");
    let (cluster, took) = create(home, &["-n", "4", "-k", "torchrun", "-d", "20m"])?;
    println!("  cluster {cluster} works after {:.1} s", took.as_secs_f64());
    let script = file(home, "allreduce.py", ALL_REDUCE)?;
    home.json(&["cluster", "cp", &cluster, &script, "all:/root/allreduce.py"])?;
    let done = home.outcome(&["cluster", "run", &cluster, "--", "python3", "/root/allreduce.py"])?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    said.lines().for_each(|line| println!("  {line}"));
    if !done.status.success() {
        println!("{}", String::from_utf8_lossy(&done.stderr));
    }
    let right = said.matches(": right in").count();
    checks.equal("ranks with the right sum", i128::try_from(right).doing("ranks")?, 4);
    shell::show(&mut home.tetra(&["cluster", "nodes", &cluster]))?;
    let nodes = home.json(&["cluster", "nodes", &cluster])?;
    let paths: Vec<String> = nodes.as_array().into_iter().flatten().map(paths).collect();
    paths.iter().for_each(|line| println!("  {line}"));
    let direct = paths.iter().all(|line| line.matches("direct").count() == 3);
    checks.claim(direct, "every node reaches every other directly, the one behind NAT and the one behind SSH too");
    home.json(&["cluster", "stop", &cluster, "-y"])?;
    wait("devices to be free", || {
        let offers = home.json(&["cluster", "offers"])?;
        Ok((offers["classes"][0]["hired"] == 0).then_some(()))
    })
}

/// How a node reaches the others, by its agent's word.
fn paths(node: &Value) -> String {
    let peers = node["agent"]["overlay"]["peers"].as_object().into_iter().flatten();
    let path = |(number, peer): (&String, &Value)| format!("{number}: {}", peer["path"]);
    let all: Vec<String> = peers.map(path).collect();
    format!("node {} reaches {}", node["number"], all.join(", "))
}

fn ray(home: &Home, lab: &Lab, checks: &mut Checks) -> Result<String> {
    step("Ray over the three");
    let (cluster, took) = create(home, &["-n", "3", "-k", "ray", "-d", "1h", "--checkpoint", "1"])?;
    println!("  cluster {cluster} works after {:.1} s", took.as_secs_f64());
    let script = file(home, "job.py", JOB)?;
    home.json(&["cluster", "cp", &cluster, &script, "0:/checkpoint/job.py"])?;
    let done = home.outcome(&["cluster", "submit", &cluster, "--", "python3", "/checkpoint/job.py", "9", "0.5"])?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    said.lines().rev().take(3).for_each(|line| println!("  {line}"));
    let wanted = format!("sum {} from 3 nodes", squares(9_000));
    checks.claim(said.contains(&wanted), format!("a job on all three: {wanted}"));
    forget(home, &cluster)?;

    let mut crew = Crew::default();
    let door = crew.start(home, "dashboard", &["cluster", "dashboard", &cluster, "--listen", "127.0.0.1:0"])?;
    let url = door["url"].as_str().unwrap_or_default().to_owned();
    let page = http::get(&url)?;
    checks.claim(
        page.status == 200 && page.body.contains("Ray"),
        format!("the dashboard through the gateway: HTTP {}", page.status),
    );
    let version = http::get(&format!("{url}api/version"))?;
    checks.claim(version.body.contains("2.60.0"), "the Jobs API says that it is Ray 2.60.0");
    let jobs = home.json(&["cluster", "job", "list", &cluster])?;
    checks.claim(jobs.as_array().is_some_and(|jobs| jobs.len() == 1), "it lists one job");

    step("what listens on the machines");
    let mut open = Vec::new();
    for machine in MACHINES {
        for port in RAY_PORTS {
            let address = format!("{}:{port}", machine.outside).parse().doing(machine.outside)?;
            if std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok() {
                open.push(address.to_string());
            }
        }
        let listens = shell::read(&mut lab.on(machine.name, shell::program("ss").args(["-Hltn"])))?;
        let ours = ["8443", "8444", "8080", "8445"];
        let foreign = listens.lines().filter_map(|line| line.split_whitespace().nth(3)?.rsplit(':').next());
        open.extend(foreign.filter(|port| !ours.contains(port)).map(|port| format!("{}:{port}", machine.name)));
    }
    checks.claim(open.is_empty(), format!("no port of Ray on any address of a machine: {open:?}"));
    Ok(cluster)
}

/// Lets the next job begin from nothing.
fn forget(home: &Home, cluster: &str) -> Result {
    let remove = ["cluster", "run", cluster, "--rank", "0", "--", "rm", "-f", "/checkpoint/done.json"];
    shell::read(&mut home.tetra(&remove)).map(drop)
}

/// Ends the Ray processes of a node as a fault would, by the kernel.
fn kill(address: &str) -> Result {
    let pattern = format!("node-ip-address={address} ");
    let killed = shell::output(shell::program("pkill").args(["-9", "-f", &pattern]))?;
    if killed.status.success() { Ok(()) } else { Err(Failure::new(format!("no process of {address} to kill"))) }
}

fn nodes(home: &Home, cluster: &str) -> Result<(String, Vec<Value>)> {
    let shown = home.json(&["cluster", "show", cluster])?;
    let state = shown["state"].as_str().unwrap_or_default().to_owned();
    Ok((state, shown["nodes"].as_array().cloned().unwrap_or_default()))
}

/// The node that has a rank now.
fn of_rank(nodes: &[Value], rank: u64) -> Result<Value> {
    let live = |node: &&Value| node["rank"] == rank && node["ended_ms"] == 0;
    nodes.iter().find(live).cloned().ok_or_else(|| Failure::new(format!("no node has rank {rank}")))
}

/// Waits until another node than `before` has the rank, and all works.
fn replaced(home: &Home, cluster: &str, before: &Value) -> Result<Vec<Value>> {
    let rank = before["rank"].as_u64().unwrap_or_default();
    wait("the replacement", || {
        let (state, nodes) = nodes(home, cluster)?;
        let now = of_rank(&nodes, rank).ok();
        let other = now.is_some_and(|node| node["number"] != before["number"]);
        Ok((state == "running" && other).then_some(nodes))
    })
}

fn status(home: &Home, cluster: &str, job: &str) -> Result<String> {
    let found = home.outcome(&["cluster", "job", "show", cluster, job, "-o", "json"])?;
    let data: Value = serde_json::from_slice(&found.stdout).unwrap_or_default();
    Ok(data["status"].as_str().unwrap_or_default().to_owned())
}

/// Whether a part of a running job was noted in the checkpoint volume.
fn begun(home: &Home, cluster: &str, job: &str, parts: usize) -> Result {
    wait("the job to be under way", || {
        let logs = home.outcome(&["cluster", "logs", cluster, "--job", job])?;
        let said = String::from_utf8_lossy(&logs.stdout).matches("\npart ").count();
        Ok((said >= parts).then_some(()))
    })
}

fn worker(home: &Home, cluster: &str, checks: &mut Checks) -> Result {
    step("a worker is killed with -9 while a job runs");
    let (_, before) = nodes(home, cluster)?;
    let lost = of_rank(&before, 2)?;
    let job = [
        "cluster",
        "submit",
        cluster,
        "--id",
        "short",
        "--no-wait",
        "--",
        "python3",
        "/checkpoint/job.py",
        "24",
        "1.5",
    ];
    shell::read(&mut home.tetra(&job))?;
    begun(home, cluster, "short", 2)?;
    kill(lost["address"].as_str().unwrap_or_default())?;
    let nodes = replaced(home, cluster, &lost)?;
    shell::show(&mut home.tetra(&["cluster", "show", cluster]))?;
    let old = nodes.iter().find(|node| node["number"] == lost["number"]).cloned().unwrap_or_default();
    let new = of_rank(&nodes, 2)?;
    let (ended, paid) = (old["ended_ms"].as_u64().unwrap_or(0), new["paid_from_ms"].as_u64().unwrap_or(0));
    println!("  lost: {}", old["reason"]);
    checks
        .claim(ended > 0 && paid > ended, format!("{} ms of rank 2 are billed to nobody", paid.saturating_sub(ended)));
    ended_well(home, cluster, "short", 24, checks)?;
    forget(home, cluster)
}

fn ended_well(home: &Home, cluster: &str, job: &str, parts: u64, checks: &mut Checks) -> Result {
    let ended = wait("the job", || {
        let status = status(home, cluster, job)?;
        Ok(matches!(status.as_str(), "SUCCEEDED" | "FAILED" | "STOPPED").then_some(status))
    })?;
    let logs = home.outcome(&["cluster", "logs", cluster, "--job", job])?;
    let said = String::from_utf8_lossy(&logs.stdout).into_owned();
    said.lines().rev().take(2).for_each(|line| println!("  {line}"));
    let wanted = format!("sum {} from", squares(parts * 1_000));
    checks.claim(ended == "SUCCEEDED" && said.contains(&wanted), format!("the job {ended}: {wanted} …"));
    Ok(())
}

fn head(home: &Home, cluster: &str, checks: &mut Checks) -> Result {
    step("the head is killed with -9 while a job runs");
    let (_, before) = nodes(home, cluster)?;
    let lost = of_rank(&before, 0)?;
    let began = Instant::now();
    let job = [
        "cluster",
        "submit",
        cluster,
        "--id",
        "long",
        "--no-wait",
        "--",
        "python3",
        "/checkpoint/job.py",
        "150",
        "1.5",
    ];
    shell::read(&mut home.tetra(&job))?;
    begun(home, cluster, "long", 6)?;
    // The suppliers copy what the head has every few seconds.
    wait("the others to have a copy", || Ok((began.elapsed() > Duration::from_secs(20)).then_some(())))?;
    kill(lost["address"].as_str().unwrap_or_default())?;
    let killed = Instant::now();
    let nodes = replaced(home, cluster, &lost)?;
    println!("  another head works after {:.1} s", killed.elapsed().as_secs_f64());
    let old = nodes.iter().find(|node| node["number"] == lost["number"]).cloned().unwrap_or_default();
    let new = of_rank(&nodes, 0)?;
    checks.claim(
        new["supplier"] != old["supplier"] || new["number"] != old["number"],
        format!("the head is node {} now, and was node {}", new["number"], old["number"]),
    );
    ended_well(home, cluster, "long", 150, checks)?;
    let logs = home.outcome(&["cluster", "logs", cluster, "--job", "long"])?;
    let said = String::from_utf8_lossy(&logs.stdout).into_owned();
    let found = said.lines().find_map(|line| line.strip_prefix("found ")?.split(' ').next()?.parse::<u64>().ok());
    checks.claim(
        found.is_some_and(|found| found > 0),
        format!("it was submitted again, and went on from {found:?} parts"),
    );
    let archive = home.file("checkpoint.tar").display().to_string();
    let kept = home.json(&["cluster", "checkpoint", cluster, &archive])?;
    checks.claim(kept["bytes"].as_u64() > Some(0), format!("its checkpoint can be fetched: {} bytes", kept["bytes"]));
    Ok(())
}

/// What everybody has of the market's coin, in base units.
struct Money {
    tenant: i128,
    suppliers: i128,
}

fn usd(home: &Home, name: &str) -> Result<i128> {
    let shown = home.json(&["wallet", "show", name])?;
    let coins = shown["balances"].as_array().cloned().unwrap_or_default();
    let coin = coins.iter().find(|coin| coin["denom"] == "uusd");
    coin.and_then(|coin| coin["amount"].as_str()).unwrap_or("0").parse().doing(name)
}

impl Money {
    fn now(home: &Home, suppliers: &Suppliers) -> Result<Self> {
        let of = suppliers.names().map(|name| usd(home, name)).sum::<Result<i128>>()?;
        Ok(Self { tenant: usd(home, TENANT)?, suppliers: of })
    }

    /// What the tenant paid is what the nodes worked, by the milliseconds between their times, and what suppliers got is that
    /// less the take.
    fn check(&self, home: &Home, suppliers: &Suppliers, cluster: &str, checks: &mut Checks) -> Result {
        let after = Self::now(home, suppliers)?;
        let shown = home.json(&["cluster", "show", cluster])?;
        shell::show(&mut home.tetra(&["cluster", "show", cluster]))?;
        let number = |value: &Value| value.as_u64().map_or(0, u128::from);
        let text = |value: &Value| value.as_str().and_then(|text| text.parse::<u128>().ok()).unwrap_or(0);
        let nodes = shown["nodes"].as_array().cloned().unwrap_or_default();
        // Millionths of base units: each node's price per hour times its milliseconds.
        let worked: u128 = nodes
            .iter()
            .filter(|node| number(&node["paid_from_ms"]) > 0)
            .map(|node| text(&node["price_per_hour"]) * (number(&node["ended_ms"]) - number(&node["paid_from_ms"])))
            .sum();
        let worked = i128::try_from(worked / 3_600_000).doing("the sum")?;
        let fee = i128::try_from(text(&shown["reservation_fee"])).doing("the fee")?;
        let (spent, earned) = (self.tenant - after.tenant, after.suppliers - self.suppliers);
        // Header times that a halt would stretch are billed at most four block intervals; on this chain they are the same.
        checks.claim(
            (spent - fee - worked).abs() <= i128::try_from(nodes.len()).doing("nodes")? + 1,
            format!("the tenant spent {spent}: {fee} for the reservation and {worked} for what the nodes worked"),
        );
        let net = worked - worked / 5;
        checks.claim(
            (earned - net).abs() <= 2 * i128::try_from(nodes.len()).doing("nodes")?,
            format!("suppliers got {earned} of it, the take of 20 % went to the pool"),
        );
        Ok(())
    }
}
