//! Which miner is asked first: by incentive, less for those that failed of late.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::chain::Metagraph;
use crate::keys::HotkeyId;
use crate::wire::dendrite::Axon;

/// A miner that failed is asked last for this long, doubled with each further failure.
const FIRST_REST: Duration = Duration::from_secs(2);
const MAX_DOUBLINGS: u32 = 7;

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
}

impl Health {
    /// An answer came.
    pub fn answered(&mut self, miner: HotkeyId) {
        self.failing.remove(&miner);
    }

    /// None came.
    pub fn failed(&mut self, miner: HotkeyId, now: Instant) {
        let failing = self.failing.entry(miner).or_insert(Failing { times: 0, until: now });
        failing.until = now + FIRST_REST * 2u32.pow(failing.times.min(MAX_DOUBLINGS));
        failing.times += 1;
    }

    /// Miners in the order in which they are asked: those at rest last, and otherwise the highest incentive first; equal ones
    /// by uid. Miners without incentive are not asked, unless none has any.
    pub fn order(&mut self, graph: &Metagraph, stake_limit: u128, now: Instant) -> Vec<Candidate> {
        self.failing.retain(|hotkey, _| graph.find(*hotkey).is_some());
        let mut miners: Vec<_> = graph.miners(stake_limit).collect();
        if miners.iter().any(|(neuron, _)| neuron.incentive > 0) {
            miners.retain(|(neuron, _)| neuron.incentive > 0);
        }
        let rests = |hotkey| self.failing.get(&hotkey).is_some_and(|failing| failing.until > now);
        miners.sort_by_key(|(neuron, _)| (rests(neuron.hotkey), std::cmp::Reverse(neuron.incentive), neuron.uid));
        let candidate = |(neuron, at): (&crate::chain::Neuron, _)| Candidate {
            uid: neuron.uid,
            axon: Axon { hotkey: neuron.hotkey, at },
        };
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
    }
}
