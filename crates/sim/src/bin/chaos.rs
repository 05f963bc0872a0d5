//! Plays the random scenario of many seeds. `cargo xtask chaos` calls it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use sim::chaos;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Random scenarios of a whole network, one a seed
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// This seed alone, twice: both runs must give the same trace
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// So many of the four validators lie, beside the one that a seed may choose; two break what is promised
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=4))]
    liars: u8,
    /// Print all that happens; for one seed
    #[arg(long, requires = "seed")]
    trace: bool,
}

/// What went wrong with a seed, and went wrong in the same way in two runs.
fn play(seed: u64, liars: u8, trace: bool) -> Result<sim::Report, String> {
    let run = |trace| {
        let run = catch_unwind(AssertUnwindSafe(|| chaos::run(seed, liars.into(), trace)));
        let said = |panic: Box<dyn std::any::Any + Send>| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
        };
        let run = run.map(|run| run.map_err(|failed| failed.to_string()));
        run.unwrap_or_else(|panic| Err(format!("panicked: {}", said(panic))))
    };
    let (first, second) = (run(trace), run(false));
    if first != second {
        return Err(format!("two runs differ: {first:?}, {second:?}"));
    }
    first
}

fn main() -> ExitCode {
    // Deaths make errors, as they should: the nodes' own logs are shown only to those who set RUST_LOG.
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::OFF.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let args = Args::parse();
    let (from, seeds) = args.seed.map_or((args.from, args.seeds), |seed| (seed, 1));
    let begin = Instant::now();
    let next = AtomicU64::new(from);
    let failures = Mutex::new(Vec::new());
    let (done, blocks, deaths) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + seeds {
                return;
            }
            match play(seed, args.liars, args.trace) {
                Ok(report) => {
                    blocks.fetch_add(report.height, Ordering::Relaxed);
                    deaths.fetch_add(report.deaths, Ordering::Relaxed);
                    if args.seed.is_some() {
                        println!("{report:#?}");
                    }
                }
                Err(why) => {
                    let liars = if args.liars > 0 { format!(" --liars {}", args.liars) } else { String::new() };
                    eprintln!("seed {seed}: {why}\n  again: cargo xtask chaos --seed {seed}{liars} --trace");
                    failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(seed);
                }
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done % 20 == 0 && done < seeds {
                eprintln!("{done} of {seeds} seeds, {:.0} s", begin.elapsed().as_secs_f64());
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!(
        "{seeds} seeds from {from} on, each twice, in {:.1} s: {} blocks, {} deaths, {} failed",
        begin.elapsed().as_secs_f64(),
        blocks.into_inner(),
        deaths.into_inner(),
        failures.len()
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
