//! A random scenario for every seed: bad links, cuts, deaths at durable writes, wrong clocks, and one byzantine
//! validator of four. After it, quiet: then everybody must come forward again.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::driver::seeded::Peer;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use thiserror::Error;

use crate::disk::Fate;
use crate::links::Links;
use crate::network::{Network, Report};
use crate::watch::Broken;
use crate::{millis, secs};

/// Validators, of whom one may be byzantine.
const VALIDATORS: Peer = 4;
/// Faults of one scenario.
const FAULTS: u32 = 10;
/// Blocks that must follow after quiet, and how long they may take.
const AFTER: (u64, Duration) = (3, secs(90));

/// Any fate, by the dice.
pub fn any_fate(dice: &mut impl Rng) -> Fate {
    *[Fate::Lost, Fate::Kept, Fate::Torn].choose(dice).unwrap_or(&Fate::Lost)
}

/// How a scenario failed: two runs of a seed fail alike to the last bit.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{why}; at {:.6} s, after {happenings} happenings of trace {trace}", at.as_secs_f64())]
pub struct Failed {
    /// The promise that was broken.
    pub why: Broken,
    /// Simulated time.
    pub at: Duration,
    /// How many things had happened.
    pub happenings: u64,
    /// SHA-256 over all of them, the first 16 bytes.
    pub trace: String,
}

/// Plays the scenario of a seed. The first `liars` validators are byzantine, beside the one that the seed may choose: with
/// two of four nothing is promised any more, so that it shows what a failure looks like.
///
/// # Errors
/// The promise that was broken, and the trace up to there.
pub fn run(seed: u64, liars: Peer, trace: bool) -> Result<Report, Failed> {
    let failed = |why, (at, happenings, trace)| Failed { why, at, happenings, trace };
    // Dice of its own, so that a change of the scenario does not change what the network throws.
    let mut dice = StdRng::seed_from_u64(seed ^ 0x5ce9_a210_5ce9_a210);
    let mut plan = Network::of(VALIDATORS).seed(seed).links(Links::any(&mut dice)).trace(trace);
    let mut traitors: BTreeSet<Peer> = (0..liars.min(VALIDATORS)).collect();
    traitors.extend(dice.random_bool(0.75).then(|| dice.random_range(0..VALIDATORS)));
    for traitor in &traitors {
        plan = plan.byzantine(*traitor);
    }
    if dice.random_bool(0.3) {
        plan = plan.skewed(dice.random_range(0..VALIDATORS), dice.random_range(-10_000..=10_000));
    }
    let mut net = plan.start().map_err(|why| failed(why, (Duration::ZERO, 0, String::new())))?;
    if let Err(why) = play(&mut net, &traitors, &mut dice) {
        return Err(failed(why, net.so_far()));
    }
    let so_far = net.so_far();
    net.finish().map_err(|why| failed(why, so_far))
}

/// Faults, then quiet, then progress.
fn play(net: &mut Network, traitors: &BTreeSet<Peer>, dice: &mut StdRng) -> Result<(), Broken> {
    for _ in 0..FAULTS {
        fault(net, traitors, dice)?;
        net.run_for(millis(dice.random_range(200..=6_000)))?;
    }
    net.quiet();
    // Who died just now is back by then, and a clock that was wrong is right again.
    for node in 0..VALIDATORS {
        net.skew(node, 0)?;
    }
    let (blocks, limit) = AFTER;
    net.run_until_all_reach(net.highest() + blocks, limit)
}

/// One fault, by the dice.
fn fault(net: &mut Network, traitors: &BTreeSet<Peer>, dice: &mut StdRng) -> Result<(), Broken> {
    let node = dice.random_range(0..VALIDATORS);
    match dice.random_range(0..10) {
        0..=4 => {
            // Whoever lies does not die: that would be nobody's fault but its own.
            let honest: Vec<Peer> = (0..VALIDATORS).filter(|node| !traitors.contains(node)).collect();
            let victim = honest.choose(dice).copied().unwrap_or(node);
            net.crash_at_write(victim, dice.random_range(1..=40), any_fate(dice))?;
        }
        5 => {
            for victim in 0..VALIDATORS {
                net.crash_at_write(victim, dice.random_range(1..=20), any_fate(dice))?;
            }
        }
        6 => net.cut(node, (node + dice.random_range(1..VALIDATORS)) % VALIDATORS),
        7 => {
            let other = (node + 1) % VALIDATORS;
            let rest: Vec<Peer> = (0..VALIDATORS).filter(|peer| ![node, other].contains(peer)).collect();
            net.split(&[&[node, other], &rest]);
        }
        8 => net.heal(),
        _ => net.links(Links::any(dice)),
    }
    Ok(())
}
