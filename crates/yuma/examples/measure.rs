//! Times one epoch, for `cargo xtask bench yuma`: `measure NEURONS VALIDATORS WEIGHTS RULES ROUNDS`.
//!
//! Each validator weighs WEIGHTS neurons other than itself, chosen and weighted from a fixed seed; bonds are those that
//! two epochs before it left. Prints one line of JSON: the least and middle processor time in microseconds (one thread), and
//! the memory of the process in bytes, before an epoch and at most during one.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this measures: it needs arguments and a clock"
)]
#![allow(clippy::print_stdout, reason = "this is what it is for")]

use std::error::Error;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use yuma::{Bonds, Common, Epoch, Era, Liquid, Neuron, Outcome, Rows, Rules, Subnet, Uid, Unweighted};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Blocks between epochs.
const TEMPO: u64 = 360;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [neurons, validators, weights, rules, rounds] = args.as_slice() else {
        return Err("measure NEURONS VALIDATORS WEIGHTS 2024|classic|liquid ROUNDS".into());
    };
    let rules = rules_called(rules, validators.parse()?)?;
    let subnet = subnet(neurons.parse()?, validators.parse()?, weights.parse()?)?;
    let cells = subnet.weights.cells().cells();
    let mut epoch = Epoch::new(rules, subnet)?;
    for _ in 0..2 {
        let outcome = epoch.run();
        epoch = following(epoch, outcome)?;
    }
    // From here on the peak is counted anew.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let before = memory("VmRSS")?;
    let mut times = Vec::new();
    for _ in 0..rounds.parse::<usize>()?.max(1) {
        let start = processor_time()?;
        let outcome = epoch.run();
        times.push(u64::try_from((processor_time()? - start).as_micros())?);
        if outcome.incentive.iter().all(|incentive| incentive.to_bits() == 0) {
            return Err("nobody earned anything".into());
        }
    }
    times.sort_unstable();
    let (least, middle) = (times.first().copied().unwrap_or(0), times.get(times.len() / 2).copied().unwrap_or(0));
    let peak = memory("VmHWM")?;
    println!(
        "{{\"weights\":{cells},\"least_us\":{least},\"median_us\":{middle},\"before_bytes\":{before},\"peak_bytes\":{peak}}}"
    );
    Ok(())
}

fn rules_called(name: &str, most_validators: u16) -> Result<Rules> {
    let liquid = Liquid { low: 45_875, high: 58_982, steepness: 1000, unweighted: Unweighted::Drop };
    let era = match name {
        "2024" => Era::V2024,
        "classic" => Era::V2026 { stake_threshold: 0, bonds_penalty: 65_535, bonds: Bonds::Classic },
        "liquid" => {
            let bonds = Bonds::Yuma3 { liquid: Some(liquid) };
            Era::V2026 { stake_threshold: 0, bonds_penalty: 32_767, bonds }
        }
        other => return Err(format!("no rules are called {other}").into()),
    };
    let common = Common { kappa: 32_767, activity_cutoff: 5000, most_validators, bonds_moving_average: 900_000 };
    Ok(Rules { common, era })
}

/// A subnet whose first neurons are its validators.
fn subnet(neurons: usize, validators: usize, weights: usize) -> Result<Subnet> {
    let mut seed = Seed(7);
    let neuron = |uid: usize, stake| Neuron {
        stake,
        last_update: 9_900,
        registered: 1,
        permit: uid < validators,
        committed: None,
    };
    let made = (0..neurons).map(|uid| neuron(uid, if uid < validators { seed.below(1 << 40) + 1 } else { 0 }));
    let made = made.collect();
    // Miners have a worth that validators more or less agree on.
    let worth: Vec<u64> = (0..neurons).map(|_| seed.below(60_000) + 1).collect();
    let mut rows = vec![Vec::new(); neurons];
    for (row, entries) in rows.iter_mut().enumerate().take(validators) {
        let mut others: Vec<usize> = (0..neurons).filter(|uid| *uid != row).collect();
        for place in 0..weights.min(others.len()) {
            let chosen = place + usize::try_from(seed.below(u64::try_from(others.len() - place)?))?;
            others.swap(place, chosen);
        }
        for uid in others.into_iter().take(weights) {
            let value = worth.get(uid).copied().unwrap_or(1) + seed.below(5_000);
            entries.push((Uid::try_from(uid)?, u16::try_from(value)?));
        }
    }
    Ok(Subnet {
        now: 10_000,
        tempo: TEMPO,
        last_step: Some(9_640),
        neurons: made,
        owner: None,
        weights: Rows::sparse(&rows)?,
        bonds: Rows::empty(neurons)?,
        emission: 1_000_000_000,
    })
}

/// The epoch after.
fn following(epoch: Epoch, outcome: Outcome) -> Result<Epoch> {
    let rules = *epoch.rules();
    let mut subnet = epoch.into_subnet();
    subnet.last_step = Some(subnet.now);
    subnet.now += TEMPO;
    for neuron in &mut subnet.neurons {
        neuron.last_update += TEMPO;
    }
    subnet.bonds = outcome.bonds;
    Ok(Epoch::new(rules, subnet)?)
}

/// What this process used: on a machine that others use too, time on the wall says little.
fn processor_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

/// A figure of this process, in bytes.
fn memory(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kibibytes: u64 = line.and_then(|line| line.split_whitespace().next()).ok_or("no such figure")?.parse()?;
    Ok(kibibytes * 1024)
}

/// Numbers from a seed (splitmix64).
struct Seed(u64);

impl Seed {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }
}
