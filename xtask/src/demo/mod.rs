//! The main job, end to end: a network, an image, an auction, a container, a page, and a bill that adds up.
//!
//! | module | what it holds |
//! |---|---|
//! | `network` | the local network, by `tetra up` and `tetra down` |
//! | `chain`, `trail` | the chain as an auditor sees it; the story of a deployment |
//! | `money`, `audit` | what a lease must cost; balances compared with it |
//! | `held` | what agents hold of the kernel |
//! | `render` | renders instead: a scene, frames, proofs, a film, burn and mint |
//! | `subnet` | a subnet instead: miners, validators, OpenAI's client |
//! | `cluster` | a cluster instead: three machines, an overlay, Ray, faults, a bill; `mixed`: one of all sources |
//! | `checks` | the claims |

mod audit;
pub(crate) mod chain;
mod checks;
pub(crate) mod cluster;
pub(crate) mod held;
mod money;
pub(crate) mod network;
mod render;
pub(crate) mod subnet;
mod trail;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};
use crate::{http, setup, shell};
use audit::Audit;
use chain::Chain;
use checks::Checks;
use held::Held;
pub(crate) use held::tag;
use network::{Home, Network};

const EXAMPLE: &str = "examples/hello-web/deploy.yaml";
const TENANT: &str = "alice";
/// How long kernel objects of an ended lease may take to go.
const SWEEP_LIMIT: Duration = Duration::from_secs(20);

/// Options of `demo`.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) what: Option<What>,
    /// Validators, each a process
    #[arg(long, default_value_t = 1)]
    pub(crate) validators: u16,
    /// Providers, each a process; a second one asks more and must lose
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) providers: u16,
    /// Leave the network up, and the container running
    #[arg(long)]
    pub(crate) keep: bool,
    /// From one block to the next
    #[arg(long, default_value = "500ms")]
    pub(crate) block_time: String,
    /// How many blocks the lease lasts before it is closed
    #[arg(long, default_value_t = 40)]
    pub(crate) blocks: u64,
}

/// Other jobs than a container on a lease.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum What {
    /// Frames of a scene by two render nodes, proven, approved, fetched, and paid by burn and mint
    Render(render::Args),
    /// A cluster: three suppliers in network namespaces, an all-reduce, Ray, a worker and the head killed, and the bill
    Cluster(cluster::Args),
    /// A cluster of all four sources: a provider, an idle render window, a machine behind SSH, a lease on a second network
    Mixed(cluster::Args),
    /// A subnet: a real model, three miners, two validators, OpenAI's client, and who was paid
    Subnet(subnet::Args),
}

impl Args {
    /// The short demo of clusters.
    pub(crate) fn short_cluster() -> Self {
        let short = cluster::Args { short: true, keep: false };
        Self { what: Some(What::Cluster(short)), ..Self::default() }
    }

    /// The short demo of a lease in a cluster.
    pub(crate) fn short_mixed() -> Self {
        let short = cluster::Args { short: true, keep: false };
        Self { what: Some(What::Mixed(short)), ..Self::default() }
    }
}

impl Default for Args {
    fn default() -> Self {
        Self { what: None, validators: 1, providers: 1, keep: false, block_time: "500ms".to_owned(), blocks: 40 }
    }
}

/// Runs it.
///
/// # Errors
/// When a step fails, or a claim does not hold.
pub(crate) fn run(args: &Args) -> Result {
    match &args.what {
        Some(What::Render(args)) => return render::run(args),
        Some(What::Subnet(args)) => return subnet::run(args),
        Some(What::Cluster(args)) => return cluster::run(args),
        Some(What::Mixed(args)) => return cluster::mixed::run(args),
        None => {}
    }
    setup::run(setup::RUN)?;
    if !setup::is_root() {
        return Err(Failure::new("containers need root: namespaces, loop devices and firewall rules of their own")
            .hint("sudo -E env PATH=\"$PATH\" cargo xtask demo"));
    }
    build()?;
    let home = Home::new();
    step(&format!("a network: {} validators, {} providers", args.validators, args.providers));
    let network = Network::start(home.clone(), args.validators, args.providers, &args.block_time)?;
    println!("  {} makes a block every {} ms", network.rpc()?, network.report.block_interval_ms);
    load_image(&home)?;
    let mut checks = Checks::default();
    let agents: Vec<PathBuf> = network.report.providers.iter().map(|provider| provider.dir.clone()).collect();
    checks.claim(Held::by(&agents)?.is_empty(), "the agents hold nothing of the kernel before the lease");
    let chain = Chain::new(network.rpc()?);
    let tenant = network.account(TENANT)?.to_owned();

    let audit = Audit::begin(&network, chain.clone(), &tenant)?;
    let (lease, url) = deploy(&home, &network, &chain, &tenant, &audit, &mut checks)?;
    let held = Held::by(&agents)?;
    let missing = held.missing_of_a_lease();
    checks.claim(missing.is_empty(), format!("the running lease holds {held}{}", lacks(&missing)));
    if args.keep {
        checks.finish()?;
        network.keep();
        say_how_to_go_on(&home, &lease.dseq, &url);
        return Ok(());
    }

    step(&format!("{} blocks pass, then the tenant closes", args.blocks));
    chain.wait_for(lease.from + args.blocks)?;
    let closed = shell::read(&mut home.tetra(&["deployment", "close", &lease.dseq, "--yes"]))?;
    indented(&closed);
    step("the money, recomputed from the chain");
    audit.check(&mut checks, &lease)?;
    bill(&home, &lease.dseq, &mut checks)?;
    if args.providers > 1 {
        no_bid(&home, &network, &chain, &tenant, &mut checks)?;
    }
    end(network, &agents, &mut checks)?;
    checks.finish()
}

/// The bill that tenants are shown, beside the audit that shares no code with it.
fn bill(home: &Home, dseq: &str, checks: &mut Checks) -> Result {
    let shown = home.json(&["deployment", "show", dseq])?;
    let of = |field: &str| shown.pointer(&format!("/bill/{field}")).and_then(Value::as_u64);
    let parts = ["net", "take", "refunded", "rounding"].map(of);
    let sum = parts.into_iter().try_fold(0u64, |sum, part| sum.checked_add(part?));
    let lines = shown.pointer("/bill/adds_up") == Some(&Value::Bool(true));
    let [net, take, refunded, rounding] = parts.map(Option::unwrap_or_default);
    let deposited = of("deposited");
    let text = format!(
        "the tenant's bill: {} = {net} to the provider + {take} take + {refunded} refunded + {rounding} rounding",
        deposited.unwrap_or_default()
    );
    checks.claim(lines && sum.is_some() && sum == deposited, text);
    Ok(())
}

/// Announces what comes next.
fn step(text: &str) {
    println!("\n{text}");
}

fn indented(text: &str) {
    text.trim_end().lines().for_each(|line| println!("  {line}"));
}

fn lacks(missing: &[&str]) -> String {
    if missing.is_empty() { String::new() } else { format!(", but shows no {}", missing.join(", ")) }
}

/// Builds the program.
///
/// # Errors
/// When it does not build.
pub(crate) fn build() -> Result {
    step("build");
    shell::show(shell::cargo().args(["build", "--locked", "--package", "tetra"]))
}

/// Builds the example's image and puts it into the providers' stores.
///
/// # Errors
/// When either fails.
pub(crate) fn load_image(home: &Home) -> Result {
    step("the image of examples/hello-web, from a Debian package");
    let image = home.file("hello-web.tar").display().to_string();
    shell::show(shell::program("examples/hello-web/build-image.sh").arg(&image))?;
    home.json(&["image", "load", &image]).map(drop)
}

/// Deploys the example, fetches its page, and checks who won.
fn deploy(
    home: &Home,
    network: &Network,
    chain: &Chain,
    tenant: &str,
    audit: &Audit,
    checks: &mut Checks,
) -> Result<(trail::Lease, String)> {
    step(&format!("tetra deploy {EXAMPLE} --auto cheapest"));
    let start = Instant::now();
    let data = home.json(&["deploy", EXAMPLE, "--auto", "cheapest"])?;
    let url = url_of(&data).ok_or_else(|| Failure::new(format!("`tetra deploy` names no address: {data}")))?;
    println!("  {url} after {} ms", start.elapsed().as_millis());
    let page = http::get(&url)?;
    indented(&page.body);
    let wanted = std::fs::read_to_string(shell::root().join("examples/hello-web/index.html")).doing("index.html")?;
    checks.claim(page.status == 200, format!("HTTP {} from the container", page.status));
    checks.claim(page.body == wanted, "the page is that of examples/hello-web, byte for byte");
    let lease = trail::lease(chain, tenant, audit.begin_height())?;
    let winner = network.report.providers.iter().find(|provider| provider.address == lease.provider);
    let cheapest = network.report.providers.iter().map(|provider| provider.price_percent).min();
    if let (Some(winner), true) = (winner, network.report.providers.len() > 1) {
        let text = format!("the cheaper bid wins: {} at {} %", winner.name, winner.price_percent);
        checks.claim(Some(winner.price_percent) == cheapest, text);
    }
    Ok((lease, url))
}

/// The first address in what `tetra deploy -o json` printed.
pub(crate) fn url_of(data: &Value) -> Option<String> {
    match data {
        Value::String(text) if text.starts_with("http://") => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(url_of),
        Value::Object(fields) => fields.values().find_map(url_of),
        _ => None,
    }
}

/// A ceiling below what anybody asks: no bid, a message that says why, and the deposit comes back.
fn no_bid(home: &Home, network: &Network, chain: &Chain, tenant: &str, checks: &mut Checks) -> Result {
    step("a ceiling below both providers");
    let text = std::fs::read_to_string(shell::root().join(EXAMPLE)).doing(EXAMPLE)?;
    let low = text.replace("amount: 1000", "amount: 0.000001");
    if low == text {
        return Err(Failure::new(format!("{EXAMPLE} has no `amount: 1000` any more: adapt xtask/src/demo")));
    }
    let file = home.file("too-low.yaml");
    std::fs::write(&file, low).doing(file.display())?;
    let audit = Audit::begin(network, chain.clone(), tenant)?;
    let outcome = home.outcome(&["deploy", &file.display().to_string(), "--auto", "cheapest", "--bid-wait", "5"])?;
    let told = String::from_utf8_lossy(&outcome.stderr).into_owned();
    indented(&told);
    checks.claim(!outcome.status.success(), format!("a ceiling below all prices fails: {}", outcome.status));
    let lower = told.to_lowercase();
    checks.claim(lower.contains("ceiling") || lower.contains("price"), "the message says that the price is why");
    let lease = trail::lease(chain, tenant, audit.begin_height());
    checks.claim(lease.is_err(), "no lease came of it");
    Ok(())
}

/// Ends the network and counts what is left.
fn end(mut network: Network, agents: &[PathBuf], checks: &mut Checks) -> Result {
    step("the end");
    let deadline = Instant::now() + SWEEP_LIMIT;
    let mut held = Held::by(agents)?;
    while !held.is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(200));
        held = Held::by(agents)?;
    }
    checks.claim(held.is_empty(), format!("after the lease the agents hold {held}"));
    network.stop()?;
    let left = Held::by(agents)?;
    checks.claim(left.is_empty(), format!("after `tetra down` is left: {left}"));
    held::nothing_left(&left)
}

fn say_how_to_go_on(home: &Home, dseq: &str, url: &str) {
    let folder = home.file("").display().to_string();
    println!("\nthe network is up:");
    let programs = shell::target().join("debug");
    println!("  export TETRA_HOME={} PATH={}:$PATH", folder.trim_end_matches('/'), programs.display());
    println!("  curl {url}");
    println!("  tetra deployment list");
    println!("  tetra deployment close {dseq}");
    println!("  tetra down          # ends it");
}
