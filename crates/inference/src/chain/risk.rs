//! Who is replaced when somebody registers, and how far a miner is from it.
//!
//! The rule is that of 2026 (specification 1.5): the lowest emission of the last epoch goes first, then the oldest, then the
//! lowest uid; those immune only when nobody else is left.

use serde::Serialize;

use super::metagraph::{Metagraph, Neuron};
use crate::keys::HotkeyId;

/// How a miner stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its place.
    pub uid: u16,
    /// Base units that it earned in the last epoch.
    pub earned_last_epoch: u128,
    /// What it would earn in a day at that rate, in base units, rounded down.
    pub earned_per_day: u128,
    /// Its place among miners by incentive, from 1; none without incentive.
    pub rank: Option<usize>,
    /// How many registrations would replace it, if nobody's emission changed: 1 is the next one.
    pub registrations_away: usize,
    /// Blocks in which it cannot be replaced before others.
    pub immune_blocks: u64,
    /// In words.
    pub risk: &'static str,
}

/// How a hotkey stands in a subnet; nothing where it is not registered.
pub fn standing(graph: &Metagraph, hotkey: HotkeyId) -> Option<Standing> {
    let own = graph.find(hotkey)?;
    let free = usize::from(graph.terms.max_uids).saturating_sub(graph.neurons.len());
    let mut order: Vec<&Neuron> = graph.neurons.iter().collect();
    order.sort_by_key(|neuron| (immune(graph, neuron) > 0, neuron.emission, neuron.registered_at, neuron.uid));
    let place = order.iter().position(|neuron| neuron.uid == own.uid)?;
    let better = graph.neurons.iter().filter(|other| other.incentive > own.incentive).count();
    let immune_blocks = immune(graph, own);
    let registrations_away = free + place + 1;
    let risk = match registrations_away {
        _ if immune_blocks > 0 => "immune",
        1 => "next to be replaced",
        2..=5 => "in danger",
        _ if own.emission == 0 => "earns nothing",
        _ => "safe for now",
    };
    Some(Standing {
        uid: own.uid,
        earned_last_epoch: own.emission,
        earned_per_day: per_day(graph, own.emission),
        rank: (own.incentive > 0).then_some(better + 1),
        registrations_away,
        immune_blocks,
        risk,
    })
}

fn immune(graph: &Metagraph, neuron: &Neuron) -> u64 {
    (neuron.registered_at.saturating_add(graph.terms.immunity)).saturating_sub(graph.height)
}

fn per_day(graph: &Metagraph, emission: u128) -> u128 {
    let epoch_ms = u128::from(graph.terms.tempo).saturating_mul(u128::from(graph.block_ms)).max(1);
    emission.saturating_mul(86_400_000) / epoch_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::file::tests::{graph, neuron};

    #[test]
    fn the_lowest_emission_goes_first_and_the_immune_last() {
        let mut graph = graph(1000);
        graph.terms.max_uids = 4;
        graph.terms.immunity = 100;
        graph.neurons = vec![neuron(0), neuron(1), neuron(2), neuron(3)];
        for (neuron, (emission, registered)) in graph.neurons.iter_mut().zip([(5, 10), (0, 950), (5, 9), (7, 8)]) {
            (neuron.emission, neuron.registered_at, neuron.incentive) = (emission, registered, emission as u16);
        }
        let away = |uid: u8| standing(&graph, neuron(uid).hotkey).unwrap().registrations_away;
        assert_eq!([away(2), away(0), away(3), away(1)], [1, 2, 3, 4]);
        let first = standing(&graph, neuron(3).hotkey).unwrap();
        assert_eq!((first.rank, first.risk), (Some(1), "in danger"));
        // 7 an epoch of 360 blocks of a second: 240 epochs a day.
        assert_eq!(first.earned_per_day, 1680);
        let new = standing(&graph, neuron(1).hotkey).unwrap();
        assert_eq!((new.rank, new.immune_blocks, new.risk), (None, 50, "immune"));
        assert_eq!(standing(&graph, neuron(9).hotkey), None);
        graph.terms.max_uids = 6;
        assert_eq!(standing(&graph, neuron(2).hotkey).unwrap().registrations_away, 3, "free places come first");
    }
}
