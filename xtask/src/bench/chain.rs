//! What a chain does on this machine: transfers per second with one and with four validators at rising load, beside the
//! signatures that the machine verifies in the same run; where the time of a block goes; memory; and the interval between
//! blocks with many open leases. The load itself is the crate `load`; both programs are release builds.

use std::path::PathBuf;

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};
use crate::shell;

/// The goals of the issue that asked for these numbers.
const GOAL_PER_SECOND: f64 = 3000.0;
const GOAL_RESIDENT: f64 = 150e6;
const GOAL_INTERVAL: f64 = 1.10;

/// Options of `bench chain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// From one block to the next, in milliseconds
    #[arg(long, default_value_t = 500)]
    interval_ms: u64,
    /// How long each rate is kept up
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Block validators, one run each
    #[arg(long, value_delimiter = ',', default_values_t = [1_u8, 4])]
    validators: Vec<u8>,
    /// Open leases, one run each; the first is what the others are compared with
    #[arg(long, value_delimiter = ',', default_values_t = [0_u64, 1_000, 100_000])]
    leases: Vec<u64>,
}

/// Runs it.
///
/// # Errors
/// When a program cannot be built, or a run fails.
pub(crate) fn run(args: &Args) -> Result {
    shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "tetra", "-p", "load"]))?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let verified = number(&load(&["verify", "--threads", &threads.to_string()])?, "/per_second");
    println!("this machine verifies {verified:.0} signatures a second on {threads} threads");
    for validators in &args.validators {
        let (count, interval) = (validators.to_string(), args.interval_ms.to_string());
        let seconds = args.seconds.to_string();
        let program = program("tetra").display().to_string();
        // Memory after many transfers is one node's matter.
        let in_all = if *validators == 1 { "100000" } else { "0" };
        let told = load(&[
            "transfers",
            "--tetra",
            &program,
            "--validators",
            &count,
            "--interval-ms",
            &interval,
            "--seconds",
            &seconds,
            "--in-all",
            in_all,
        ])?;
        transfers(&told, verified, *validators == 1);
    }
    let mut empty = None;
    for count in &args.leases {
        let (count, interval) = (count.to_string(), args.interval_ms.to_string());
        let program = program("tetra").display().to_string();
        let told = load(&["leases", "--tetra", &program, "--count", &count, "--interval-ms", &interval])?;
        leases(&told, &mut empty);
    }
    Ok(())
}

pub(super) fn program(name: &str) -> PathBuf {
    shell::target().join("release").join(name)
}

pub(super) fn load(args: &[&str]) -> Result<Value> {
    let mut command = shell::program(program("load"));
    command.args(args);
    let text = shell::read(&mut command)?;
    serde_json::from_str(&text).doing(shell::line(&command)).map_err(|failure| Failure::new(failure.to_string()))
}

pub(super) fn number(told: &Value, pointer: &str) -> f64 {
    told.pointer(pointer).and_then(Value::as_f64).unwrap_or_default()
}

fn transfers(told: &Value, verified: f64, has_goal: bool) {
    let validators = number(told, "/validators");
    println!("\nsigned transfers, {validators} validator(s), a block every {} ms", number(told, "/block_interval_ms"));
    println!("{:>9} {:>9} {:>9} {:>9} {:>9} {:>9}", "offered/s", "in blocks", "refused", "p50 ms", "p99 ms", "lost");
    for step in told.get("steps").and_then(Value::as_array).into_iter().flatten() {
        println!(
            "{:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            number(step, "/offered_per_second"),
            number(step, "/committed_per_second"),
            number(step, "/refused"),
            number(step, "/latency_p50_ms"),
            number(step, "/latency_p99_ms"),
            number(step, "/lost"),
        );
    }
    let best = number(told, "/best_per_second");
    println!("best: {best:.0}/s, {:.2} of what the machine verifies", best / verified.max(1.0));
    if has_goal {
        println!("goal {GOAL_PER_SECOND:.0}/s: {}", met(best >= GOAL_PER_SECOND));
    }
    println!(
        "share of the first node's time while transfers came, by stage of a block (\"whole\" holds the others; calls overlap):"
    );
    let stages = told.get("stages").and_then(Value::as_object).into_iter().flatten();
    let stages: Vec<(&String, f64)> =
        stages.map(|(stage, share)| (stage, share.as_f64().unwrap_or_default())).collect();
    for (stage, share) in &stages {
        println!("  {stage:<18} {:>5.1} %", share * 100.0);
    }
    let single = stages.iter().filter(|(stage, _)| *stage != "whole" && !stage.starts_with("calls"));
    if let Some((stage, share)) = single.max_by(|a, b| a.1.total_cmp(&b.1)) {
        println!("the longest stage of a block: {stage}, {:.1} % of the time", share * 100.0);
    }
    let used: f64 = told
        .get("cpu_seconds_during_steps")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .sum();
    println!("processor time of all nodes: {used:.0} s in {:.0} s", number(told, "/steps_lasted_seconds"));
    let megabytes = |pointer: &str| number(told, pointer) / 1e6;
    println!(
        "memory of the first node: {:.0} MB at rest, {:.0} MB after {} transfers; storage {:.0} MB",
        megabytes("/resident_bytes/at_rest/0"),
        megabytes("/resident_bytes/after/0"),
        number(told, "/committed"),
        megabytes("/disk_bytes/0"),
    );
    if has_goal {
        let at_rest = number(told, "/resident_bytes/at_rest/0");
        println!("goal {:.0} MB at rest: {}", GOAL_RESIDENT / 1e6, met(at_rest < GOAL_RESIDENT));
    }
}

fn leases(told: &Value, empty: &mut Option<f64>) {
    let mean = number(told, "/interval_mean_ms");
    let base = *empty.get_or_insert(mean);
    println!(
        "\n{} open leases: a block every {mean:.1} ms (p50 {}, p99 {}), {:.1} % of a core, {:.0} MB, starts in {} ms",
        number(told, "/leases"),
        number(told, "/interval_p50_ms"),
        number(told, "/interval_p99_ms"),
        number(told, "/cpu_percent"),
        number(told, "/resident_bytes") / 1e6,
        number(told, "/starts_in_ms"),
    );
    let ratio = mean / base.max(1.0);
    println!("beside the first: {ratio:.3} (goal: at most {GOAL_INTERVAL}): {}", met(ratio <= GOAL_INTERVAL));
}

pub(super) fn met(yes: bool) -> &'static str {
    if yes { "met" } else { "missed" }
}
