//! Which miner is asked first: by incentive, less for those that are slow or failed of late.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::chain::{Metagraph, Neuron};
use crate::keys::HotkeyId;
use crate::wire::dendrite::Axon;

/// A miner that failed is asked last for this long, doubled with each further failure.
const FIRST_REST: Duration = Duration::from_secs(2);
const MAX_DOUBLINGS: u32 = 7;
/// Up to this an answer is as good as an immediate one, to validators; a gateway halves a miner whose first words take so long.
pub(crate) const QUICK: Duration = Duration::from_secs(5);
/// What a new measurement counts in the mean of first words.
const NEW: f64 = 0.2;

/// A miner that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its place.
    pub uid: u16,
    /// Who and where it is.
    pub axon: Axon,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    times: u32,
    until: Instant,
}

/// What is known of miners besides the chain.
#[derive(Debug, Default)]
pub struct Health {
    failing: BTreeMap<HotkeyId, Failing>,
    /// Seconds to the first word, a moving mean.
    latency: BTreeMap<HotkeyId, f64>,
}

impl Health {
    /// An answer came.
    pub fn answered(&mut self, miner: HotkeyId) {
        self.failing.remove(&miner);
    }

    /// How long a first word took.
    pub fn first_word(&mut self, miner: HotkeyId, took: Duration) {
        let took = took.as_secs_f64();
        let mean = self.latency.entry(miner).or_insert(took);
        *mean += NEW * (took - *mean);
    }

    /// None came.
    pub fn failed(&mut self, miner: HotkeyId, now: Instant) {
        let failing = self.failing.entry(miner).or_insert(Failing { times: 0, until: now });
        failing.until = now + FIRST_REST * 2u32.pow(failing.times.min(MAX_DOUBLINGS));
        failing.times += 1;
    }

    /// Miners in the order in which they are asked: those at rest last, and otherwise by incentive / (1 + first word / 5 s), the highest
    /// first and equal ones by uid: validators take off for slowness in the same way. Miners without incentive are not asked, unless none has any.
    pub fn order(&mut self, graph: &Metagraph, stake_limit: u128, now: Instant) -> Vec<Candidate> {
        self.failing.retain(|hotkey, _| graph.find(*hotkey).is_some());
        self.latency.retain(|hotkey, _| graph.find(*hotkey).is_some());
        let mut miners: Vec<_> = graph.miners(stake_limit).collect();
        if miners.iter().any(|(neuron, _)| neuron.incentive > 0) {
            miners.retain(|(neuron, _)| neuron.incentive > 0);
        }
        let rests = |hotkey| self.failing.get(&hotkey).is_some_and(|failing| failing.until > now);
        let worth = |neuron: &Neuron| {
            let latency = self.latency.get(&neuron.hotkey).copied().unwrap_or(0.0);
            f64::from(neuron.incentive) / (1.0 + latency / QUICK.as_secs_f64())
        };
        miners.sort_by(|(a, _), (b, _)| {
            let last = rests(a.hotkey).cmp(&rests(b.hotkey));
            last.then(worth(b).total_cmp(&worth(a))).then(a.uid.cmp(&b.uid))
        });
        let candidate =
            |(neuron, at): (&Neuron, _)| Candidate { uid: neuron.uid, axon: Axon { hotkey: neuron.hotkey, at } };
        miners.into_iter().map(candidate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::file::tests::{graph, neuron};

    #[test]
    fn the_best_is_first_until_it_fails() {
        let mut graph = graph(1);
        graph.neurons = (0..4).map(neuron).collect();
        for (neuron, incentive) in graph.neurons.iter_mut().zip([10, 30, 0, 30]) {
            (neuron.incentive, neuron.axon) = (incentive, Some("127.0.0.1:1".parse().unwrap()));
        }
        let (mut health, now) = (Health::default(), Instant::now());
        let order = |health: &mut Health, now| -> Vec<u16> {
            health.order(&graph, u128::MAX, now).iter().map(|candidate| candidate.uid).collect()
        };
        assert_eq!(order(&mut health, now), [1, 3, 0]);
        health.failed(neuron(1).hotkey, now);
        assert_eq!(order(&mut health, now), [3, 0, 1]);
        assert_eq!(order(&mut health, now + FIRST_REST), [1, 3, 0]);
        health.failed(neuron(1).hotkey, now);
        assert_eq!(order(&mut health, now + FIRST_REST), [3, 0, 1]);
        health.answered(neuron(1).hotkey);
        assert_eq!(order(&mut health, now), [1, 3, 0]);
        health.first_word(neuron(1).hotkey, Duration::from_secs(5));
        assert_eq!(order(&mut health, now), [3, 1, 0], "as good and slower");
        health.first_word(neuron(3).hotkey, Duration::from_secs(20));
        assert_eq!(order(&mut health, now), [1, 0, 3]);
    }
}
