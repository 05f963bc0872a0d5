//! Clusters: from `tetra cluster create` to Ray's first task beside Ray that is started by hand in three network namespaces of
//! the same machine; the overlay beside a plain link; what a reservation costs the chain among many devices.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::by_hand::{Hand, NODES};
use super::chain::{load, met, number};
use crate::demo::cluster::ray_image;
use crate::demo::held::Held;
use crate::demo::network::{Home, Network};
use crate::failure::{Doing, Failure, Result};
use crate::{setup, shell};

/// The first task beside Ray by hand, blocks apart.
const GOAL: f64 = 1.2;
/// How much dearer a reservation may be among a hundred times as many devices: log 10^5 / log 10^3, and what is measured beside it.
const GOAL_DEVICES: f64 = 2.0;
const BLOCK_MS: u64 = 500;
const LIMIT: Duration = Duration::from_secs(180);

/// Options of `bench cluster`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave out Ray
    #[arg(long)]
    no_ray: bool,
    /// Leave out all but Ray
    #[arg(long, conflicts_with = "no_ray")]
    only_ray: bool,
    /// How often Ray is started each way
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// Runs it.
///
/// # Errors
/// When a program cannot be built, or a run fails.
pub(crate) fn run(args: &Args) -> Result {
    if !args.only_ray {
        shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "load"]))?;
        decisions()?;
        overlay()?;
    }
    if args.no_ray { Ok(()) } else { first_task(args.rounds) }
}

fn decisions() -> Result {
    let mut costs = Vec::new();
    for devices in ["1000", "10000", "100000"] {
        let seen = load(&["hires", "--devices", devices])?;
        let (quote, hire) = (number(&seen, "/quote_us"), number(&seen, "/hire_us"));
        println!(
            "{devices} devices: a quote of 8 nodes in {quote:.0} µs, taking it in {hire:.0} µs: {:.0} reservations per second; \
             {:.0} keys of the state are read or written for both",
            1e6 / (quote + hire),
            number(&seen, "/keys")
        );
        costs.push(quote + hire);
    }
    let ratio = costs.last().copied().unwrap_or(0.0) / costs.first().copied().unwrap_or(1.0).max(1.0);
    println!(
        "a hundred times as many devices: {ratio:.2} times the cost (goal: at most {GOAL_DEVICES}, logarithmic): {}",
        met(ratio <= GOAL_DEVICES)
    );
    Ok(())
}

fn overlay() -> Result {
    let seen = load(&["overlay"])?;
    for way in ["plain", "overlay"] {
        let of = |field: &str| number(&seen, &format!("/{way}/{field}"));
        println!(
            "{way}: {:.0} MiB/s, {:.2} s of processor a GiB, {:.0} µs there and back",
            of("mib_per_s"),
            of("cpu_s_per_gib"),
            of("median_us")
        );
    }
    let ratio = |field: &str| {
        number(&seen, &format!("/overlay/{field}")) / number(&seen, &format!("/plain/{field}")).max(0.001)
    };
    println!(
        "overlay beside plain: {:.3} of the throughput, {:.1} times the processor, {:.1} times the latency",
        ratio("mib_per_s"),
        ratio("cpu_s_per_gib"),
        ratio("median_us")
    );
    Ok(())
}

/// Waits for all nodes, runs a task, and prints how many nodes there are.
const TASK: &str = "import ray, time; ray.init(address='auto', logging_level='ERROR')\n\
                    while len(ray.nodes()) < 3: time.sleep(0.1)\n\
                    print(ray.get(ray.remote(lambda: 'first task').remote()), len(ray.nodes()))";

fn said() -> String {
    format!("first task {NODES}")
}

fn first_task(rounds: u32) -> Result {
    setup::run(setup::RUN)?;
    setup::run(setup::RAY)?;
    shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "tetra"]))?;
    let home = Home::release();
    fs::create_dir_all(home.file("")).doing(home.file("").display())?;
    let image = ray_image(&home)?;
    let block = format!("{BLOCK_MS}ms");
    let mut network = Network::start(home.clone(), 1, 3, &block)?;
    home.json(&["image", "load", &image])?;
    for provider in &network.report.providers {
        let dir = provider.dir.display().to_string();
        home.json(&["provider", "cluster", "enable", &dir, "--cpu", "0.5", "--memory", "2", "--storage", "1"])?;
    }
    let began = Instant::now();
    while home.json(&["cluster", "offers"])?["classes"][0]["proved"] != NODES {
        if began.elapsed() > LIMIT * 2 {
            return Err(Failure::new("the devices were not proved in time"));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let agents: Vec<PathBuf> = network.report.providers.iter().map(|provider| provider.dir.clone()).collect();
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let hand = Hand::start()?;
        by_hand.push(hand.first_task(TASK, &said())?);
        drop(hand);
        ours.push(created(&home, &agents)?);
        println!(
            "round {round}: {:.1} s by hand, {:.1} s by `tetra cluster create`",
            by_hand[by_hand.len() - 1],
            ours[ours.len() - 1]
        );
    }
    network.stop()?;
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (ours, by_hand) = (median(&mut ours), median(&mut by_hand));
    let limit = GOAL * by_hand + 2.0 * (BLOCK_MS as f64) / 1e3;
    println!(
        "from nothing to Ray's first task on {NODES} nodes: {ours:.1} s beside {by_hand:.1} s by hand (goal: at most {limit:.1} s): {}",
        met(ours <= limit)
    );
    Ok(())
}

/// By the command line that users have.
fn created(home: &Home, agents: &[PathBuf]) -> Result<f64> {
    let began = Instant::now();
    let hired: Value = home.json(&["cluster", "create", "-n", "3", "-k", "ray", "-d", "20m", "-y"])?;
    let cluster = hired["cseq"].as_u64().unwrap_or_default().to_string();
    let text = shell::read(&mut home.tetra(&["cluster", "run", &cluster, "--rank", "0", "--", "python3", "-c", TASK]))?;
    let took = began.elapsed().as_secs_f64();
    if !text.contains(&said()) {
        return Err(Failure::new(format!("the first task said {text:?}")));
    }
    home.json(&["cluster", "stop", &cluster, "-y"])?;
    // What the last one held is given back before the next one begins.
    let stopped = Instant::now();
    while !Held::by(agents)?.is_empty() {
        if stopped.elapsed() > LIMIT {
            return Err(Failure::new(format!("nodes did not end: {} are left", Held::by(agents)?)));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(took)
}
