//! All that CI runs, in order, to the first failure.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Result};
use crate::{chaos, demo, floors, fuzz, licences, setup, shell};

/// Where nextest's profile `ci` writes what tests printed.
const JUNIT: &str = "nextest/ci/junit.xml";

/// Options of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also what is too long for CI: property tests with 4096 cases, ignored tests (50 rounds of crashes), the demo with
    /// one validator, 1000 seeds of chaos, a minute of fuzzing for each decoder
    #[arg(long)]
    full: bool,
}

/// What a step does; it may add to the list of what was skipped.
type Work = Box<dyn Fn(&mut Vec<String>) -> Result>;

/// One step: what it is called, how to run it alone, what it does.
struct Step {
    name: &'static str,
    again: String,
    work: Work,
}

/// Runs all steps.
///
/// # Errors
/// When one fails; the failure names the command that runs it again.
pub(crate) fn run(args: &Args) -> Result {
    let begin = Instant::now();
    let mut skipped = known_gaps(args);
    let mut times = Vec::new();
    for step in steps(args) {
        println!("\n== {} ==", step.name);
        let start = Instant::now();
        let done = (step.work)(&mut skipped);
        let took = start.elapsed();
        times.push((step.name, took));
        if let Err(failure) = done {
            summary(&times, begin.elapsed(), &skipped);
            let failure = format!("{failure}\n\nstep `{}` failed after {}", step.name, seconds(took));
            return Err(Failure::new(failure.trim_start_matches("error: ")).hint(format!("again: {}", step.again)));
        }
    }
    summary(&times, begin.elapsed(), &skipped);
    println!("all passed");
    Ok(())
}

fn steps(args: &Args) -> Vec<Step> {
    let mut steps = vec![
        step("system packages", "cargo xtask setup", |_| setup::run(setup::ALL)),
        command_step("format", || cargo(&["fmt", "--all", "--check"])),
        step("arrows", "cargo xtask arrows", |_| floors::run()),
        step("licences", "cargo xtask licences", |_| licences::run()),
        command_step("lints", || {
            cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])
        }),
        tests_step(args.full),
        command_step("doc tests", || cargo(&["test", "--workspace", "--doc", "--locked", "--quiet"])),
        command_step("documentation", || {
            let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--locked", "--quiet"]);
            doc.env("RUSTDOCFLAGS", "--deny warnings");
            doc
        }),
        demo_step("demo: 4 validators, 2 providers", demo::Args { validators: 4, providers: 2, ..Default::default() }),
        step("demo: a cluster with Ray", "cargo xtask demo cluster --short", |skipped| {
            in_namespaces("demo: a cluster with Ray", &demo::Args::short_cluster(), skipped)
        }),
        step("demo: a cluster with a lease elsewhere", "cargo xtask demo mixed --short", |skipped| {
            in_namespaces("demo: a cluster with a lease elsewhere", &demo::Args::short_mixed(), skipped)
        }),
    ];
    if args.full {
        let one = demo::Args { validators: 1, providers: 1, ..Default::default() };
        steps.push(demo_step("demo: 1 validator, 1 provider", one));
        // The first 200 seeds are tests of the crate.
        let more = || chaos::Args { seeds: 1000, from: 200, ..Default::default() };
        steps.push(step(
            "chaos: 1000 seeds",
            "cargo xtask chaos --seeds 1000 --from 200",
            move |_| chaos::run(&more()),
        ));
        steps.push(step("fuzz: a minute each", "cargo xtask fuzz", |_| fuzz::run(&fuzz::Args::minute_each())));
    }
    steps
}

fn step(name: &'static str, again: &str, work: impl Fn(&mut Vec<String>) -> Result + 'static) -> Step {
    Step { name, again: again.to_owned(), work: Box::new(work) }
}

fn command_step(name: &'static str, command: impl Fn() -> Command + 'static) -> Step {
    let again = shell::line(&command());
    step(name, &again, move |_| shell::show(&mut command()))
}

/// Namespaces of machines need root; what else is missing is installed.
fn in_namespaces(name: &str, args: &demo::Args, skipped: &mut Vec<String>) -> Result {
    if setup::is_root() {
        return demo::run(args);
    }
    skipped.push(format!("{name}: network namespaces need root"));
    Ok(())
}

fn demo_step(name: &'static str, args: demo::Args) -> Step {
    let again = format!("cargo xtask demo --validators {} --providers {}", args.validators, args.providers);
    step(name, &again, move |_| demo::run(&args))
}

fn cargo(args: &[&str]) -> Command {
    let mut command = shell::cargo();
    command.args(args);
    command
}

/// nextest where it is installed: a process per test, two at a time. Else cargo's own harness.
fn tests_step(full: bool) -> Step {
    let nextest = shell::output(&mut cargo(&["nextest", "--version"])).is_ok_and(|output| output.status.success());
    let command = move || {
        let mut command = match (nextest, full) {
            (true, false) => cargo(&["nextest", "run", "--workspace", "--locked", "--profile", "ci"]),
            (true, true) => {
                cargo(&["nextest", "run", "--workspace", "--locked", "--profile", "ci", "--run-ignored", "all"])
            }
            (false, false) => cargo(&["test", "--workspace", "--all-targets", "--locked", "--", "--show-output"]),
            (false, true) => {
                cargo(&["test", "--workspace", "--all-targets", "--locked", "--", "--show-output", "--include-ignored"])
            }
        };
        if full {
            command.env("PROPTEST_CASES", "4096");
        }
        // Ignored tests that write fixtures anew would race with those that read them.
        command.env_remove("TETRA_RECORD");
        command
    };
    let again = shell::line(&command());
    step("tests", &again, move |skipped| {
        if nextest {
            let done = shell::show(&mut command());
            let report = fs::read_to_string(shell::target().join(JUNIT)).unwrap_or_default();
            skipped.extend(report.lines().filter_map(told_skipped));
            return done;
        }
        println!("cargo-nextest is not installed; cargo's own harness runs the tests");
        listen(&mut command(), skipped)
    })
}

/// Runs a command, passes its stdout on, and notes what tests say that they skip.
fn listen(command: &mut Command, skipped: &mut Vec<String>) -> Result {
    let mut child = command.stdout(Stdio::piped()).spawn().doing(shell::line(command))?;
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        let line = line.doing(shell::line(command))?;
        println!("{line}");
        skipped.extend(told_skipped(&line));
    }
    let status = child.wait().doing(shell::line(command))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{}` failed: {status}", shell::line(command)))) }
}

/// Tests that cannot run here print `skipped: reason`.
fn told_skipped(line: &str) -> Option<String> {
    let line = line.rsplit('>').next().unwrap_or(line).trim();
    let prefix = line.get(.."skipped: ".len())?;
    prefix.eq_ignore_ascii_case("skipped: ").then(|| format!("a test: {}", line.trim_start_matches(prefix)))
}

/// What this machine or this command leaves out.
fn known_gaps(args: &Args) -> Vec<String> {
    let mut gaps = Vec::new();
    let gallery = shell::root().join("../shared/data/sdl-gallery");
    if std::env::var_os("TETRA_SDL_GALLERY").is_none() && !gallery.is_dir() {
        gaps.push(
            "the gallery of deployment files: ../shared/data is absent and TETRA_SDL_GALLERY is not set".to_owned(),
        );
    }
    if std::env::var_os("TETRA_YUMA_VECTORS").is_none() && !shell::root().join("../shared/data/yuma").is_dir() {
        gaps.push(
            "most vectors of Yuma consensus: ../shared/data is absent and TETRA_YUMA_VECTORS is not set".to_owned(),
        );
    }
    if !setup::is_root() {
        gaps.push("whatever starts containers: this is not root".to_owned());
    }
    if !args.full {
        gaps.push(
            "property tests with 4096 cases, 50 rounds of crashes, the demo with one validator, 1000 seeds of chaos, fuzzing: \
             `cargo xtask test --full`"
                .to_owned(),
        );
    }
    gaps
}

fn summary(times: &[(&str, Duration)], total: Duration, skipped: &[String]) {
    println!("\n== summary ==");
    for (name, took) in times {
        println!("{:>8}  {name}", seconds(*took));
    }
    println!("{:>8}  together", seconds(total));
    let mut skipped = skipped.to_vec();
    skipped.sort();
    skipped.dedup();
    for gap in &skipped {
        println!("skipped: {gap}");
    }
    if skipped.is_empty() {
        println!("nothing was skipped");
    }
}

fn seconds(time: Duration) -> String {
    format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_heard() {
        assert_eq!(told_skipped("skipped: needs root").unwrap(), "a test: needs root");
        assert_eq!(told_skipped("<system-out>SKIPPED: no gallery").unwrap(), "a test: no gallery");
        assert_eq!(told_skipped("12 tests run: 12 passed, 0 skipped"), None);
        assert_eq!(told_skipped("ein Käse äöü"), None);
    }

    #[test]
    fn a_listened_command_fails_as_it_fails() {
        let mut skipped = Vec::new();
        let mut command = shell::program("sh");
        let failed =
            listen(command.args(["-c", "echo SKIPPED: nothing, this line tests the list; exit 3"]), &mut skipped);
        assert!(failed.is_err_and(|failure| failure.to_string().contains("exit status: 3")));
        assert_eq!(skipped, ["a test: nothing, this line tests the list"]);
    }
}
