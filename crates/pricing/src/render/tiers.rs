//! What work costs in each tier, and the published controller that moves it.
//!
//! A tier's price is work per euro, in thousandths of a work unit: 100, 400 and 800 units at the start, which is 25, 100
//! and 200 per credit (A2.1). Creators are charged rounded up and nodes are credited rounded down, each to a base unit of
//! a credit (EUR 0.00000025), so that what creators pay is never below what nodes are credited.
//!
//! Render never published how these numbers move (A2.2). Here, each epoch and in each tier,
//!
//! ```text
//! wanted = work per euro × (1 + gain × (target - use)),   use = billed unit-seconds / freshly proved unit-seconds
//! ```
//!
//! rounded down, then held within the tier's band, then within a tenth of what it was. The step is held last: a band that
//! governance moves is approached by at most a tenth an epoch. Bands are A2.2's, two to four and eight to sixteen times
//! tier 1, which is the anchor and stays where it is. Tier 2 thus begins at the cheap end of its band and tier 3 at the
//! dear end of its own, as on Render.

use primitives::math::{mul_div_ceil, mul_div_floor};

use super::{CREDITS_PER_EURO, MICRO, PPM};

/// What a creator asks for, from the dearest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Tier 1: vetted nodes.
    Trusted,
    /// Tier 2: served first.
    Priority,
    /// Tier 3: what the others leave.
    Economy,
}

/// A tier's price: thousandths of a work unit that a euro buys; more is cheaper. Above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerEuro(u64);

impl PerEuro {
    /// From thousandths of a work unit per euro; `None` for zero.
    pub fn new(milli: u64) -> Option<Self> {
        (milli > 0).then_some(Self(milli))
    }

    /// Thousandths of a work unit per euro.
    pub const fn milli(self) -> u64 {
        self.0
    }

    /// What a creator is charged for `work` thousandths of a work unit: base units of credits, rounded up. `None` when it
    /// needs more than 128 bits.
    pub fn charge(self, work: u128) -> Option<u128> {
        mul_div_ceil(work, CREDITS_PER_EURO * MICRO, u128::from(self.0))
    }

    /// What a node is credited for it: the same, rounded down.
    pub fn value(self, work: u128) -> Option<u128> {
        mul_div_floor(work, CREDITS_PER_EURO * MICRO, u128::from(self.0))
    }
}

impl Tier {
    /// All of them, tier 1 first.
    pub const ALL: [Self; 3] = [Self::Trusted, Self::Priority, Self::Economy];

    /// 1, 2 or 3.
    pub const fn number(self) -> u32 {
        match self {
            Self::Trusted => 1,
            Self::Priority => 2,
            Self::Economy => 3,
        }
    }

    /// What a network starts with.
    pub const fn start(self) -> PerEuro {
        PerEuro(match self {
            Self::Trusted => 100_000,
            Self::Priority => 400_000,
            Self::Economy => 800_000,
        })
    }

    /// Between what the controller moves it.
    pub const fn band(self) -> Band {
        let (dearest, cheapest) = match self {
            Self::Trusted => (100_000, 100_000),
            Self::Priority => (200_000, 400_000),
            Self::Economy => (800_000, 1_600_000),
        };
        Band { dearest: PerEuro(dearest), cheapest: PerEuro(cheapest) }
    }
}

/// The ends that a tier's price is held between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// The least work that a euro buys.
    pub dearest: PerEuro,
    /// The most.
    pub cheapest: PerEuro,
}

/// How the controller moves prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controller {
    /// The use that moves nothing, in millionths.
    pub target: u32,
    /// How much of the distance to the target the price moves, in millionths.
    pub gain: u32,
    /// The furthest that a price moves in an epoch, in millionths of itself; at most a million.
    pub step: u32,
}

impl Default for Controller {
    /// A target of 80 %, a tenth an epoch, both of A2.2; the gain of a half is ours, for A2.2 leaves it open.
    fn default() -> Self {
        Self { target: 800_000, gain: 500_000, step: 100_000 }
    }
}

/// What held a price back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing: it is what the formula wants.
    Free,
    /// An end of the tier's band.
    Band,
    /// The furthest step of an epoch.
    Step,
    /// Nobody proved a unit-second, so that there is no use to go by: the price stays.
    NoSupply,
}

/// A change of a price with all that it was computed from, for the public log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The price of the epoch that ended.
    pub before: PerEuro,
    /// The price of the next one.
    pub after: PerEuro,
    /// Unit-seconds that were billed.
    pub billed: u128,
    /// Unit-seconds that were freshly proved.
    pub proved: u128,
    /// Their quotient in millionths, rounded down; above a million when more was billed than proved, which itself wants
    /// an explanation. `None` without supply.
    pub used: Option<u128>,
    /// What the formula wants before anything holds it, in thousandths of a work unit per euro.
    pub wanted: u64,
    /// What held it.
    pub held: Held,
    /// The parameters.
    pub controller: Controller,
    /// The band.
    pub band: Band,
}

impl Controller {
    /// The price of the next epoch.
    pub fn next(self, before: PerEuro, band: Band, billed: u128, proved: u128) -> Change {
        // A use that does not fit is that of an epoch in which nearly nothing was proved.
        let used = (proved > 0).then(|| mul_div_floor(billed, PPM, proved).unwrap_or(u128::MAX));
        let Some(by) = used else {
            let (wanted, held) = (before.0, Held::NoSupply);
            return Change { before, after: before, billed, proved, used, wanted, held, controller: self, band };
        };
        let wanted = self.wanted(before, by);
        let banded = wanted.min(band.cheapest.0).max(band.dearest.0);
        let step = u128::from(self.step).min(PPM);
        let move_by = |ratio: u128| mul_div_floor(u128::from(before.0), ratio, PPM).unwrap_or(u128::MAX);
        let down = u64::try_from(move_by(step)).unwrap_or(u64::MAX);
        let lowest = before.0.saturating_sub(down).max(1);
        let highest = before.0.saturating_add(down);
        let after = banded.clamp(lowest, highest);
        let held = match (after == banded, banded == wanted) {
            (true, true) => Held::Free,
            (true, false) => Held::Band,
            (false, _) => Held::Step,
        };
        Change { before, after: PerEuro(after), billed, proved, used, wanted, held, controller: self, band }
    }

    fn wanted(self, before: PerEuro, used: u128) -> u64 {
        let (target, gain) = (u128::from(self.target), u128::from(self.gain));
        let moved = |distance: u128| mul_div_floor(gain, distance, PPM).unwrap_or(u128::MAX);
        let factor = if used <= target {
            PPM.saturating_add(moved(target - used))
        } else {
            // Rounded the same way: towards dearer.
            PPM.saturating_sub(mul_div_ceil(gain, used - target, PPM).unwrap_or(u128::MAX))
        };
        let wanted = mul_div_floor(u128::from(before.0), factor, PPM).unwrap_or(u128::MAX);
        u64::try_from(wanted).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_credit_buys_25_100_and_200_units() {
        for (tier, units) in Tier::ALL.into_iter().zip([25, 100, 200]) {
            assert_eq!(tier.start().charge(units * 1_000), Some(MICRO));
            assert_eq!(tier.start().value(units * 1_000), Some(MICRO));
        }
        // A2.1: an hour of 1,300 units costs about EUR 3.25 in tier 2 and EUR 1.625 in tier 3.
        assert_eq!(Tier::Priority.start().charge(1_300_000), Some(13 * MICRO));
        assert_eq!(Tier::Economy.start().charge(1_300_000), Some(6_500_000));
        assert_eq!(Tier::ALL.map(Tier::number), [1, 2, 3]);
        assert_eq!(PerEuro::new(0), None);
    }

    #[test]
    fn a_fraction_is_the_creators() {
        let price = PerEuro::new(3).unwrap();
        assert_eq!((price.charge(1), price.value(1)), (Some(1_333_334), Some(1_333_333)));
    }

    #[test]
    fn use_moves_the_price() {
        let next = |billed, proved| {
            let change = Controller::default().next(PerEuro(300_000), Tier::Priority.band(), billed, proved);
            (change.after.milli(), change.used, change.held)
        };
        assert_eq!(next(80, 100), (300_000, Some(800_000), Held::Free));
        // 1 + 0.5 × (0.8 - 0.7) = 1.05.
        assert_eq!(next(70, 100), (315_000, Some(700_000), Held::Free));
        assert_eq!(next(90, 100), (285_000, Some(900_000), Held::Free));
        assert_eq!(next(0, 100), (330_000, Some(0), Held::Step));
        assert_eq!(next(1_000, 100), (270_000, Some(10_000_000), Held::Step));
        assert_eq!(next(5, 0), (300_000, None, Held::NoSupply));
        let dear = Controller::default().next(PerEuro(210_000), Tier::Priority.band(), 100, 100);
        assert_eq!((dear.after, dear.wanted, dear.held), (PerEuro(200_000), 189_000, Held::Band));
        let anchor = Controller::default().next(Tier::Trusted.start(), Tier::Trusted.band(), 0, 1);
        assert_eq!((anchor.after, anchor.held), (Tier::Trusted.start(), Held::Band));
    }

    proptest! {
        #[test]
        fn the_creator_pays_at_least_what_the_node_is_credited(work in 0u128..1 << 90, milli in 1u64..1 << 40) {
            let price = PerEuro(milli);
            let (charge, value) = (price.charge(work).unwrap(), price.value(work).unwrap());
            prop_assert!(charge == value || charge == value + 1);
        }

        #[test]
        fn parts_of_work_never_cost_less(parts in proptest::collection::vec(0u128..1 << 60, 1..20), milli in 1u64..1 << 40) {
            let price = PerEuro(milli);
            let whole = price.charge(parts.iter().sum()).unwrap();
            let sum: u128 = parts.iter().map(|part| price.charge(*part).unwrap()).sum();
            prop_assert!(whole <= sum && sum < whole + parts.len() as u128);
        }

        #[test]
        fn a_price_keeps_its_band_and_its_step(
            before in 1u64..u64::MAX, low in 1u64..1 << 50, width in 0u64..1 << 50,
            billed: u128, proved: u128, target in 0u32..=1_000_000, gain: u32, step in 0u32..=1_000_000,
        ) {
            let band = Band { dearest: PerEuro(low), cheapest: PerEuro(low + width) };
            let controller = Controller { target, gain, step };
            let change = controller.next(PerEuro(before), band, billed, proved);
            let after = change.after.milli();
            let furthest = u128::from(before) * u128::from(step) / PPM;
            prop_assert!(u128::from(after.abs_diff(before)) <= furthest);
            if (low..=low + width).contains(&before) {
                prop_assert!((low..=low + width).contains(&after));
            }
            // More use is never cheaper.
            if let Some(more) = billed.checked_add(proved / 7) {
                prop_assert!(controller.next(PerEuro(before), band, more, proved).after <= change.after);
            }
        }
    }
}
