//! Scores of miners: an exponential moving average of the rewards of their answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chain::Metagraph;
use crate::keys::HotkeyId;

/// How much a new reward counts; the template's value.
pub const ALPHA: f64 = 0.1;

/// A miner's score, and whose it is: a new hotkey at a uid inherits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Score {
    hotkey: HotkeyId,
    value: f64,
}

/// Scores by uid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    scores: BTreeMap<u16, Score>,
}

impl Scores {
    /// Takes the reward of an answer; what is no number counts as 0, and all lie in 0..=1.
    pub fn take(&mut self, uid: u16, hotkey: HotkeyId, reward: f64) {
        let reward = if reward.is_finite() { reward.clamp(0.0, 1.0) } else { 0.0 };
        let score = self.scores.entry(uid).or_insert(Score { hotkey, value: 0.0 });
        if score.hotkey != hotkey {
            *score = Score { hotkey, value: 0.0 };
        }
        score.value += ALPHA * (reward - score.value);
    }

    /// Forgets uids that another hotkey holds now, or nobody.
    pub fn follow(&mut self, graph: &Metagraph) {
        self.scores.retain(|uid, score| {
            graph.neurons.iter().any(|neuron| neuron.uid == *uid && neuron.hotkey == score.hotkey)
        });
    }

    /// Scores above nothing, by ascending uid.
    pub fn positive(&self) -> Vec<(u16, f64)> {
        self.scores.iter().filter(|(_, score)| score.value > 0.0).map(|(uid, score)| (*uid, score.value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::file::tests::{graph, neuron};

    #[test]
    fn rewards_are_smoothed_and_nonsense_counts_as_nothing() {
        let mut scores = Scores::default();
        let hotkey = neuron(3).hotkey;
        for reward in [1.0, f64::NAN, f64::INFINITY, 7.0] {
            scores.take(3, hotkey, reward);
        }
        let expected = ((0.1 * 0.9) * 0.9) * 0.9 + 0.1;
        assert!((scores.positive()[0].1 - expected).abs() < 1e-12);
    }

    #[test]
    fn a_new_hotkey_at_a_uid_inherits_nothing() {
        let mut scores = Scores::default();
        scores.take(0, neuron(0).hotkey, 1.0);
        scores.take(1, neuron(1).hotkey, 1.0);
        scores.take(1, neuron(7).hotkey, 0.5);
        assert_eq!(scores.positive(), [(0, 0.1), (1, 0.05)]);
        let mut graph = graph(5);
        graph.neurons = vec![neuron(0), neuron(1)];
        scores.follow(&graph);
        assert_eq!(scores.positive(), [(0, 0.1)]);
    }
}
