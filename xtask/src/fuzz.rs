//! libFuzzer over every decoder of foreign bytes, on the stable toolchain: the instrumentation is a pass of LLVM, and
//! needs no unstable flag.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Doing, Failure, Result};
use crate::{setup, shell};

/// Coverage as libFuzzer reads it: a counter for each edge, and the operands of comparisons.
const INSTRUMENTATION: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];
/// Memory that one input may take, in MiB.
const MEMORY: u32 = 2048;
/// Seconds that one input may take.
const PATIENCE: u32 = 10;

/// Options of `fuzz`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Targets; all when none is named
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Run one target on one file, such as an input that broke a promise
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Print the targets
    #[arg(long)]
    list: bool,
}

impl Args {
    /// All targets for a minute each.
    pub(crate) fn minute_each() -> Self {
        Self { seconds: 60, ..Self::default() }
    }
}

/// Runs targets, each over what it knows and then further.
///
/// # Errors
/// When one breaks its promise; the failure names the input and how to run it again.
pub(crate) fn run(args: &Args) -> Result {
    let known = targets()?;
    if args.list {
        known.iter().for_each(|name| println!("{name}"));
        return Ok(());
    }
    let chosen = if args.targets.is_empty() { known.clone() } else { args.targets.clone() };
    if let Some(stranger) = chosen.iter().find(|name| !known.contains(name)) {
        return Err(Failure::new(format!("there is no fuzz target {stranger:?}")).hint(known.join(", ")));
    }
    if let (Some(_), false) = (&args.replay, chosen.len() == 1) {
        return Err(Failure::new("--replay wants one target").hint("cargo xtask fuzz TARGET --replay FILE"));
    }
    setup::run(setup::FUZZ)?;
    let program = build()?;
    if let (Some(file), [name]) = (&args.replay, chosen.as_slice()) {
        return shell::show(prepared(&program, name).arg(file));
    }
    for name in &chosen {
        println!("\n-- {name}: {} s --", args.seconds);
        one(&program, name, args.seconds)?;
    }
    println!("\n{} targets, {} s each: every promise held", chosen.len(), args.seconds);
    Ok(())
}

fn corpora() -> PathBuf {
    shell::root().join("crates/fuzz/corpus")
}

/// A target is a folder of the corpus; a test of `fuzz` holds the two together.
fn targets() -> Result<Vec<String>> {
    let folders = fs::read_dir(corpora()).doing("reading crates/fuzz/corpus")?;
    let mut names: Vec<String> = folders.flatten().filter_map(|folder| folder.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn build() -> Result<PathBuf> {
    let version = shell::read(shell::program("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or_else(|| Failure::new("`rustc -vV` names no host"))?;
    let folder = shell::target().join("fuzz");
    let mut cargo = shell::cargo();
    cargo.args(["build", "--locked", "-p", "fuzz", "--features", "libfuzzer", "--profile", "fuzz", "--target", host]);
    // With a target given, build scripts and macros are built without the instrumentation.
    cargo.arg("--target-dir").arg(&folder).env("RUSTFLAGS", INSTRUMENTATION.join(" "));
    shell::show(&mut cargo)?;
    Ok(folder.join(host).join("fuzz/fuzz"))
}

fn prepared(program: &Path, name: &str) -> Command {
    let mut command = shell::program(program);
    command.env("TETRA_FUZZ_TARGET", name).arg(format!("-rss_limit_mb={MEMORY}")).arg(format!("-timeout={PATIENCE}"));
    command
}

fn one(program: &Path, name: &str, seconds: u32) -> Result {
    let found = shell::target().join("fuzz/found").join(name);
    let broken = shell::target().join("fuzz/broken").join(name);
    for folder in [&found, &broken] {
        fs::create_dir_all(folder).doing(format!("making {}", folder.display()))?;
    }
    let mut command = prepared(program, name);
    command.arg(format!("-max_total_time={seconds}")).args(["-print_final_stats=1", "-verbosity=0"]);
    command.arg(format!("-artifact_prefix={}/", broken.display())).arg(&found).arg(corpora().join(name));
    shell::show(&mut command).map_err(|failure| {
        let newest = fs::read_dir(&broken)
            .into_iter()
            .flatten()
            .flatten()
            .max_by_key(|file| file.metadata().and_then(|meta| meta.modified()).ok());
        let file = newest.map_or_else(|| broken.join("FILE"), |file| file.path());
        Failure::new(format!("{name} broke its promise: {failure}"))
            .hint(format!("again: cargo xtask fuzz {name} --replay {}", file.display()))
    })
}
