//! What registering a neuron costs at a height (spec/bittensor.md 1.4; the arithmetic is `yuma::burn`).
//!
//! A price is stored with the height that it is of, and what it is now follows from that. Every epoch brings it up to date, so
//! that there are never more steps than blocks between epochs.

use std::num::NonZeroU16;

use proto::tetra::subnet::v1::{BurnPolicy, Rules, Subnet};
use yuma::burn::{Bounds, Interval, Multiplier, adjusted, decay_factor, decayed, raised};

use super::rules::short;

fn bounds(rules: &Rules) -> Bounds {
    Bounds { min: rules.min_burn, max: rules.max_burn }
}

fn count(value: u32) -> NonZeroU16 {
    NonZeroU16::new(short(value)).unwrap_or(NonZeroU16::MIN)
}

/// The price at a height, base units. The subnet's own height is not later.
pub fn at(subnet: &Subnet, height: u64) -> u64 {
    let mut subnet = subnet.clone();
    settle(&mut subnet, height);
    subnet.burn
}

/// Brings the price of a subnet up to a height.
pub(crate) fn settle(subnet: &mut Subnet, height: u64) {
    let rules = subnet.rules.unwrap_or_default();
    match rules.burn_policy() {
        BurnPolicy::Interval => by_interval(subnet, &rules, height),
        BurnPolicy::Continuous | BurnPolicy::Unspecified => continuously(subnet, &rules, height),
    }
}

fn continuously(subnet: &mut Subnet, rules: &Rules, height: u64) {
    let (factor, bounds) = (decay_factor(count(rules.burn_half_life)), bounds(rules));
    let mut burn = bounds.clamp(subnet.burn);
    for _ in subnet.burn_height..height {
        let next = decayed(burn, factor, bounds);
        if next == burn {
            break;
        }
        burn = next;
    }
    subnet.burn = burn;
    subnet.burn_height = height.max(subnet.burn_height);
}

fn by_interval(subnet: &mut Subnet, rules: &Rules, height: u64) {
    let (interval, target) = (rules.adjustment_interval.max(1), count(rules.target_registrations));
    let passed = height.saturating_sub(subnet.burn_height) / interval;
    for _ in 0..passed {
        let registrations = subnet.interval_registrations;
        let moves = Interval { by_work: 0, by_burn: short(registrations), target }.moves();
        let before = subnet.burn;
        if moves.burn {
            subnet.burn = adjusted(subnet.burn, registrations, target, rules.adjustment_smoothing, bounds(rules));
        }
        subnet.interval_registrations = 0;
        if registrations == 0 && subnet.burn == before {
            break;
        }
    }
    subnet.burn = bounds(rules).clamp(subnet.burn);
    subnet.burn_height = subnet.burn_height.saturating_add(passed.saturating_mul(interval));
}

/// Counts a registration at the price up to date.
pub(crate) fn registered(subnet: &mut Subnet, height: u64) {
    let rules = subnet.rules.unwrap_or_default();
    subnet.interval_registrations = subnet.interval_registrations.saturating_add(1);
    subnet.registration_height = height;
    if rules.burn_policy() == BurnPolicy::Continuous {
        let multiplier = Multiplier::from_millionths(rules.burn_increase_millionths);
        subnet.burn = raised(subnet.burn, multiplier, bounds(&rules));
    }
}

/// Whether the policy lets one more register at a height: by interval, one a block and three times the target in an interval
/// (2024); continuously, always.
///
/// # Errors
/// The height at which it is possible again.
pub(crate) fn allowed(subnet: &Subnet, height: u64) -> Result<(), u64> {
    let rules = subnet.rules.unwrap_or_default();
    if rules.burn_policy() != BurnPolicy::Interval {
        return Ok(());
    }
    if subnet.interval_registrations >= rules.target_registrations.saturating_mul(3) {
        return Err(subnet.burn_height.saturating_add(rules.adjustment_interval));
    }
    if subnet.registration_height == height {
        return Err(height.saturating_add(1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(policy: BurnPolicy) -> Subnet {
        let mut rules = super::super::rules::default(12_000);
        rules.set_burn_policy(policy);
        Subnet { rules: Some(rules), burn: 1_000_000_000, burn_height: 100, ..Subnet::default() }
    }

    #[test]
    fn a_price_halves_in_its_half_life_however_often_it_is_looked_at() {
        let at_once = subnet(BurnPolicy::Continuous);
        // Data/bittensor_misc.json: 360 blocks from 1 WIT.
        assert_eq!(at(&at_once, 460), 499_999_865);
        let mut often = at_once;
        (100..=460).step_by(7).for_each(|height| settle(&mut often, height));
        assert_eq!(at(&often, 460), 499_999_865);
    }

    #[test]
    fn an_interval_without_registrations_lowers_and_one_above_the_target_raises() {
        let mut subnet = subnet(BurnPolicy::Interval);
        assert_eq!(at(&subnet, 459), 1_000_000_000);
        let idle = at(&subnet, 460);
        assert!((984_900_000..985_100_000).contains(&idle), "{idle}");
        for height in [101, 102, 103] {
            assert_eq!(allowed(&subnet, height), Ok(()));
            registered(&mut subnet, height);
        }
        assert_eq!(allowed(&subnet, 103), Err(460));
        let busy = at(&subnet, 460);
        assert!((1_029_900_000..1_030_100_000).contains(&busy), "{busy}");
    }
}
