//! One epoch of Yuma consensus: three rule sets, three sizes, sparse and all-to-all.

use serde_json::Value;

use crate::failure::{Doing, Failure, Result};
use crate::shell;

/// How many validators a sparse subnet has.
const VALIDATORS: u32 = 64;
/// The goals: so many times as fast as the reference on a like machine, and for liquid alpha on sparse weights at the largest
/// size.
const GOAL: f64 = 2.0;
const GOAL_SPARSE_LIQUID: f64 = 20.0;

/// What the chain's own code took on 2 shared Xeon cores, the best of several runs, in milliseconds
/// (spec/bittensor.md 2.4): classic, liquid, 2024.
struct Case {
    neurons: u32,
    validators: u32,
    /// By each validator.
    weights: u32,
    reference: [f64; 3],
}

const fn sparse(neurons: u32, weights: u32, reference: [f64; 3]) -> Case {
    Case { neurons, validators: VALIDATORS, weights, reference }
}

const fn all_to_all(neurons: u32, reference: [f64; 3]) -> Case {
    Case { neurons, validators: neurons, weights: neurons - 1, reference }
}

const CASES: [Case; 6] = [
    sparse(256, 94, [1.0, 30.0, 0.9]),
    all_to_all(256, [15.0, 38.0, 12.0]),
    sparse(1024, 484, [5.0, 600.0, 9.0]),
    all_to_all(1024, [240.0, 990.0, 230.0]),
    sparse(4096, 2016, [180.0, 15_600.0, 70.0]),
    all_to_all(4096, [5_400.0, 19_900.0, 7_400.0]),
];

const RULES: [&str; 3] = ["classic", "liquid", "2024"];

/// Options of `bench yuma`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many epochs of each case; the best one counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Runs it.
///
/// # Errors
/// When the program cannot be built, or fails.
pub(crate) fn run(args: &Args) -> Result {
    shell::show(shell::cargo().args(["build", "--release", "--locked", "-p", "yuma", "--example", "measure"]))?;
    println!("one epoch, processor time of one thread; the reference's times are those of another machine");
    println!(
        "{:>7} {:>10} {:>10} {:>8} {:>10} {:>10} {:>10} {:>7} {:>9} {:>9}",
        "neurons",
        "validators",
        "weights",
        "rules",
        "best ms",
        "median ms",
        "reference",
        "times",
        "input MB",
        "peak MB"
    );
    let mut missed = Vec::new();
    for case in &CASES {
        for (rules, reference) in RULES.iter().zip(case.reference) {
            let told = measure(case, rules, args.rounds)?;
            let (best, median) = (number(&told, "least_us")? / 1e3, number(&told, "median_us")? / 1e3);
            let (before, peak) = (number(&told, "before_bytes")? / 1e6, number(&told, "peak_bytes")? / 1e6);
            let times = reference / best.max(1e-3);
            println!(
                "{:>7} {:>10} {:>10} {rules:>8} {best:>10.2} {median:>10.2} {reference:>10.1} {times:>7.1} {before:>9.1} {peak:>9.1}",
                case.neurons,
                case.validators,
                number(&told, "weights")?,
            );
            let goal = goal(case, rules);
            if times < goal {
                missed.push(format!("{} neurons, {} validators, {rules}: {times:.1}", case.neurons, case.validators));
            }
        }
    }
    println!(
        "\ngoal: {GOAL} times the reference, {GOAL_SPARSE_LIQUID} times for liquid alpha on sparse weights at 4096"
    );
    match missed.as_slice() {
        [] => println!("met in every case"),
        missed => println!("missed:\n  {}", missed.join("\n  ")),
    }
    Ok(())
}

fn goal(case: &Case, rules: &str) -> f64 {
    let hardest = case.neurons == 4096 && case.validators == VALIDATORS && rules == "liquid";
    if hardest { GOAL_SPARSE_LIQUID } else { GOAL }
}

/// A process of its own for each case, so that its memory is its own.
fn measure(case: &Case, rules: &str, rounds: u32) -> Result<Value> {
    let mut command = shell::program(shell::target().join("release/examples/measure"));
    let numbers = [case.neurons, case.validators, case.weights].map(|number| number.to_string());
    command.args(numbers).args([rules, &rounds.to_string()]);
    let text = shell::read(&mut command)?;
    serde_json::from_str(&text).doing(shell::line(&command))
}

fn number(told: &Value, name: &str) -> Result<f64> {
    let number = told.get(name).and_then(Value::as_f64);
    number.ok_or_else(|| Failure::new(format!("the measurement has no {name}: {told}")))
}
