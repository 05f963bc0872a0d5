//! Which neuron makes room when a subnet is full (spec/bittensor.md 1.5).

use crate::Uid;

/// The pruning score that the slot of a replaced neuron gets until the next epoch (rules of 2024).
pub const SCORE_OF_REPLACED: u16 = u16::MAX;
/// The pruning score of a neuron that was appended, until the next epoch (rules of 2024).
pub const SCORE_OF_APPENDED: u16 = 0;
/// How many neurons that are not immune have to be there before one of them is replaced (rules of 2026).
pub const LEAST_MATURE: usize = 10;

/// A neuron of a full subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its pruning score, by the rules of 2024; ignored by those of 2026.
    pub score: u16,
    /// What the last epoch paid it in rao, by the rules of 2026; ignored by those of 2024.
    pub emission: u64,
    /// The block in which it was registered.
    pub registered: u64,
    /// Whether the owner keeps it whatever it earns, by the rules of 2026; ignored by those of 2024.
    pub kept_by_owner: bool,
}

impl Slot {
    /// Too young to be replaced.
    fn immune(&self, now: u64, immunity: u64) -> bool {
        now.saturating_sub(self.registered) < immunity
    }
}

/// By the rules of 2024: of those that are not immune the one with the lowest score, the latest uid where scores are
/// equal; when none of them has a score below the highest possible, the immune one with the lowest score, the earliest
/// uid where scores are equal. Where every score is the highest possible, uid 0. None in an empty subnet.
pub fn of_2024(slots: &[Slot], now: u64, immunity: u64) -> Option<Uid> {
    let scored = |immune: bool| {
        let slots = (0..=Uid::MAX).zip(slots).filter(move |(_, slot)| slot.immune(now, immunity) == immune);
        slots.map(|(uid, slot)| (slot.score, uid)).filter(|(score, _)| *score < SCORE_OF_REPLACED)
    };
    let mature = scored(false).min_by_key(|(score, uid)| (*score, std::cmp::Reverse(*uid)));
    let found = mature.or_else(|| scored(true).min()).map(|(_, uid)| uid);
    found.or(if slots.is_empty() { None } else { Some(0) })
}

/// By the rules of 2026: lowest emission, then longest registered, then lowest uid; of those that are not immune while
/// there are more than `least_mature` of them ([`LEAST_MATURE`]), otherwise of the immune ones. None when there is nobody
/// to choose from: the subnet takes no new neuron.
pub fn of_2026(slots: &[Slot], now: u64, immunity: u64, least_mature: usize) -> Option<Uid> {
    let candidates = |immune: bool| {
        let slots = (0..=Uid::MAX).zip(slots).filter(|(_, slot)| !slot.kept_by_owner);
        slots.filter(move |(_, slot)| slot.immune(now, immunity) == immune)
    };
    let of_immune = candidates(false).count() <= least_mature;
    candidates(of_immune).min_by_key(|(uid, slot)| (slot.emission, slot.registered, *uid)).map(|(uid, _)| uid)
}

/// The neurons that an owner keeps, by the rules of 2026: that of its hotkey, then the longest registered of its other
/// ones, `limit` in all.
pub fn kept_by_owner(hotkey: Option<Uid>, others: &[(Uid, u64)], limit: usize) -> Vec<Uid> {
    let mut others: Vec<(u64, Uid)> = others.iter().map(|(uid, registered)| (*registered, *uid)).collect();
    others.sort_unstable();
    let others = others.into_iter().map(|(_, uid)| uid).filter(|uid| Some(*uid) != hotkey);
    hotkey.into_iter().chain(others).take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IMMUNITY: u64 = 100;
    const NOW: u64 = 1000;

    /// Slots of score or emission, and age.
    fn slots(of: &[(u16, u64)]) -> Vec<Slot> {
        let slot = |(worth, age): &(u16, u64)| Slot {
            score: *worth,
            emission: u64::from(*worth),
            registered: NOW - age,
            kept_by_owner: false,
        };
        of.iter().map(slot).collect()
    }

    fn old(of: &[(u16, u64)]) -> Option<Uid> {
        of_2024(&slots(of), NOW, IMMUNITY)
    }

    fn new(of: &[(u16, u64)], least: usize) -> Option<Uid> {
        of_2026(&slots(of), NOW, IMMUNITY, least)
    }

    #[test]
    fn in_2024_the_later_of_equals_goes() {
        assert_eq!(old(&[(5, 100), (3, 500), (3, 100), (0, 99)]), Some(2));
        // All immune: the earlier of equals.
        assert_eq!(old(&[(5, 1), (3, 1), (3, 99)]), Some(1));
        // A slot that was just replaced is not replaced again while there is another.
        assert_eq!(old(&[(65535, 500), (65535, 5), (7, 5)]), Some(2));
        assert_eq!(old(&[(65535, 5), (65535, 500)]), Some(0));
        assert_eq!(old(&[]), None);
    }

    #[test]
    fn in_2026_the_oldest_of_equals_goes() {
        assert_eq!(new(&[(5, 900), (3, 200), (3, 300), (3, 300), (0, 9)], 3), Some(2));
        // Too few that are not immune: one of the others.
        assert_eq!(new(&[(5, 900), (3, 200), (3, 9), (3, 10)], 2), Some(3));
        assert_eq!(new(&[(5, 900)], 1), None);
        assert_eq!(new(&[], 0), None);
    }

    #[test]
    fn owners_keep_what_is_theirs() {
        let mut kept = slots(&[(0, 900), (5, 900), (6, 900)]);
        kept[0].kept_by_owner = true;
        assert_eq!(of_2026(&kept, NOW, IMMUNITY, 1), Some(1));
        // What the owner keeps does not count among those that are not immune.
        assert_eq!(of_2026(&kept, NOW, IMMUNITY, 2), None);
        assert_eq!(kept_by_owner(Some(7), &[(3, 20), (4, 10), (7, 1)], 2), [7, 4]);
        assert_eq!(kept_by_owner(None, &[(3, 20), (4, 20)], 1), [3]);
    }

    proptest! {
        #[test]
        fn in_2024_somebody_always_goes(of in proptest::collection::vec((0u16.., 0u64..=NOW), 1..50)) {
            let uid = old(&of).map(usize::from);
            prop_assert!(uid.is_some_and(|uid| uid < of.len()));
        }

        #[test]
        fn nobody_worth_less_stays(of in proptest::collection::vec((0u16..9, 0u64..=NOW), 12..50), least in 0usize..9) {
            let mature = of.iter().filter(|(_, age)| *age >= IMMUNITY);
            let lowest = mature.clone().map(|(worth, _)| *worth).min();
            if mature.count() > least {
                let gone = usize::from(new(&of, least).unwrap());
                prop_assert_eq!(Some(of[gone].0), lowest);
                prop_assert!(of[gone].1 >= IMMUNITY);
            }
        }
    }
}
