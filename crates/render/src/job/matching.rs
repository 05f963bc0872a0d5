//! Which job a node takes: one pure function, of which dispatch and its explanation make the same use.
//!
//! Of the jobs of one tier that are looked at, those that the node may not take are removed, each for the first reason that
//! holds. Of the rest the one with the least power at work on it is taken; but if the node holds scenes of some whose power
//! is more by no more than the node's own, the first of those.

use crate::ids::JobId;

/// What matters of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taker {
    /// Bytes of memory of its window.
    pub memory: u64,
    /// Its power, in thousandths of a unit per second.
    pub power_milli: u64,
}

/// What matters of a job to a node that looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The job.
    pub job: JobId,
    /// The power at work on it, in thousandths of a unit per second.
    pub power_milli: u64,
    /// Bytes of memory that it needs.
    pub min_memory: u64,
    /// Whether the node holds its scene.
    pub holds_scene: bool,
    /// Whether the node failed in it too often, or cheated.
    pub blocked: bool,
    /// Whether a unit waits at all.
    pub waits: bool,
    /// The first unit that waits and at which this node has not failed.
    pub unit: Option<u32>,
    /// Whether what is set aside covers the next unit, below the ceiling.
    pub paid: bool,
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken.
    Chosen,
    /// The node's window is too small.
    Memory,
    /// The node is on the job's blocklist.
    Blocked,
    /// The node has failed at every unit that is to be had.
    FailedHere,
    /// Nothing is left of it in this block.
    NothingLeft,
    /// The job is paused by money or by its ceiling.
    Unpaid,
    /// Another job came first.
    AnotherFirst,
}

/// Why a job was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It had the least power at work on it, this much.
    LeastPower(u64),
    /// The node holds its scene, and it has no more power than the least, `least`, and the node's own.
    HoldsScene {
        /// The least power of any.
        least: u64,
        /// Its own.
        power: u64,
    },
}

fn removed(taker: &Taker, offer: &Offer) -> Option<Verdict> {
    if !offer.waits {
        Some(Verdict::NothingLeft)
    } else if !offer.paid {
        Some(Verdict::Unpaid)
    } else if offer.min_memory > taker.memory {
        Some(Verdict::Memory)
    } else if offer.blocked {
        Some(Verdict::Blocked)
    } else if offer.unit.is_none() {
        Some(Verdict::FailedHere)
    } else {
        None
    }
}

/// Chooses among offers of one tier: a verdict for each, and which was taken and why.
pub fn choose(taker: &Taker, offers: &[Offer]) -> (Vec<Verdict>, Option<(usize, Why)>) {
    let verdicts: Vec<Option<Verdict>> = offers.iter().map(|offer| removed(taker, offer)).collect();
    let open = || offers.iter().zip(&verdicts).enumerate().filter(|(_, (_, removed))| removed.is_none());
    let rank = |offer: &Offer| (offer.power_milli, offer.job);
    let least = open().min_by_key(|(_, (offer, _))| rank(offer));
    let taken = least.map(|(place, (offer, _))| {
        let least = offer.power_milli;
        let most = least.saturating_add(taker.power_milli);
        let near = open().filter(|(_, (offer, _))| offer.holds_scene && offer.power_milli <= most);
        match near.min_by_key(|(_, (offer, _))| rank(offer)) {
            Some((place, (offer, _))) => (place, Why::HoldsScene { least, power: offer.power_milli }),
            None => (place, Why::LeastPower(least)),
        }
    });
    let chosen = taken.map(|(place, _)| place);
    let told = |(place, removed): (usize, Option<Verdict>)| match removed {
        Some(removed) => removed,
        None if Some(place) == chosen => Verdict::Chosen,
        None => Verdict::AnotherFirst,
    };
    (verdicts.into_iter().enumerate().map(told).collect(), taken)
}

#[cfg(test)]
mod tests {
    use primitives::Address;
    use proptest::prelude::*;

    use super::*;

    fn offer(jseq: u64, power_milli: u64, holds_scene: bool) -> Offer {
        let job = JobId { creator: Address::new([1; 20]), jseq };
        Offer { job, power_milli, min_memory: 5, holds_scene, blocked: false, waits: true, unit: Some(0), paid: true }
    }

    const TAKER: Taker = Taker { memory: 10, power_milli: 100 };

    #[test]
    fn the_least_power_unless_a_scene_is_held_near_it() {
        let (_, taken) = choose(&TAKER, &[offer(1, 300, false), offer(2, 200, false), offer(3, 301, true)]);
        assert_eq!(taken, Some((1, Why::LeastPower(200))));
        let (verdicts, taken) = choose(&TAKER, &[offer(1, 250, false), offer(2, 200, false), offer(3, 300, true)]);
        assert_eq!(taken, Some((2, Why::HoldsScene { least: 200, power: 300 })));
        assert_eq!(verdicts, [Verdict::AnotherFirst, Verdict::AnotherFirst, Verdict::Chosen]);
    }

    #[test]
    fn each_is_removed_for_its_first_reason() {
        let base = offer(1, 1, false);
        let offers = [
            Offer { waits: false, paid: false, ..base.clone() },
            Offer { paid: false, min_memory: 11, ..base.clone() },
            Offer { min_memory: 11, blocked: true, ..base.clone() },
            Offer { blocked: true, unit: None, ..base.clone() },
            Offer { unit: None, ..base },
        ];
        let (verdicts, taken) = choose(&TAKER, &offers);
        let expected = [Verdict::NothingLeft, Verdict::Unpaid, Verdict::Memory, Verdict::Blocked, Verdict::FailedHere];
        assert_eq!((verdicts.as_slice(), taken), (expected.as_slice(), None));
    }

    fn offers() -> impl Strategy<Value = Vec<Offer>> {
        let one = (0u64..9, 0u64..400, any::<bool>(), any::<bool>(), any::<bool>(), 0u64..20);
        proptest::collection::vec(one, 0..12).prop_map(|list| {
            let make = |(jseq, power, holds, blocked, paid, min_memory)| Offer {
                blocked,
                paid,
                min_memory,
                ..offer(jseq, power, holds)
            };
            list.into_iter().map(make).collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_chosen_may_be_taken_and_nothing_better_was_left(offers in offers()) {
            let (verdicts, taken) = choose(&TAKER, &offers);
            prop_assert_eq!(verdicts.len(), offers.len());
            let open: Vec<&Offer> = offers.iter().filter(|offer| removed(&TAKER, offer).is_none()).collect();
            prop_assert_eq!(taken.is_some(), !open.is_empty());
            prop_assert_eq!(verdicts.iter().filter(|v| **v == Verdict::Chosen).count(), usize::from(taken.is_some()));
            if let Some((place, _)) = taken {
                let least = open.iter().map(|offer| offer.power_milli).min().unwrap();
                let chosen = &offers[place];
                prop_assert!(open.contains(&chosen));
                prop_assert!(chosen.power_milli <= least + TAKER.power_milli);
                prop_assert!(chosen.holds_scene || chosen.power_milli == least);
            }
        }

        /// The choice depends on the offers alone, not on their order.
        #[test]
        fn order_does_not_matter(offers in offers(), turn in 0usize..12) {
            let mut turned = offers.clone();
            if !turned.is_empty() {
                let by = turn % turned.len();
                turned.rotate_left(by);
            }
            let pick = |offers: &[Offer]| choose(&TAKER, offers).1.map(|(place, why)| (offers[place].job, why));
            let unique: std::collections::BTreeSet<_> = offers.iter().map(|offer| (offer.power_milli, offer.job)).collect();
            prop_assume!(unique.len() == offers.len());
            prop_assert_eq!(pick(&offers), pick(&turned));
        }
    }
}
