//! Who is paid what out of an escrow account for the time that passed.
//!
//! Time is counted in ticks: blocks, or billable milliseconds ([`Unit`]). All products of a rate and a number of ticks
//! are exact, since both are whole numbers of 10^-18 base units, so that it does not matter how often an account is
//! settled. When funds run out, every payee is paid for the ticks that the funds cover whole; what is left is shared
//! in proportion to the rates, each share rounded down to 10^-18. The debt is what that one further tick still wants,
//! so that it, too, is the same whenever the exhaustion is noticed. In total it is rounded up to whole base units:
//! who ran out of funds owes something.

use primitives::Dec;
use primitives::math::mul_div_floor;
use thiserror::Error;

/// How many block intervals of header time one block bills at most, so that a halted chain bills nobody.
pub const LONGEST_BLOCK: u64 = 4;

/// What a rate is counted per.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Per block, as on Akash's wire: deployments.
    #[default]
    Block,
    /// Per billable millisecond of header time ([`billable_ms`]): clusters.
    Millisecond,
}

/// Milliseconds that a block bills: the header time since its parent, at most [`LONGEST_BLOCK`] block intervals.
/// Header times are milliseconds since 1970; a time before the parent's bills nothing.
pub fn billable_ms(parent_ms: u64, block_ms: u64, block_interval_ms: u64) -> u64 {
    block_ms.saturating_sub(parent_ms).min(block_interval_ms.saturating_mul(LONGEST_BLOCK))
}

/// What a settlement pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// What each payment earned, in the order of the rates, in base units.
    pub earned: Vec<Dec>,
    /// Ticks that the funds covered whole.
    pub covered: u64,
    /// When funds ran out: what each payment is still owed of the tick after the covered ones, in whole base units.
    /// The sum is rounded up, so that it is never zero.
    pub owed: Option<Vec<u128>>,
}

/// Why an account cannot be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SettlementError {
    /// The rates add up to more than 128 bits of 10^-18 hold.
    #[error("the rates of the account's payments add up to more than the chain can count: close some of them")]
    RatesTooLarge,
}

/// The sum of the rates of all payments of an account, per tick.
///
/// # Errors
/// When the sum is larger than a [`Dec`] holds.
pub fn total_rate(rates: &[Dec]) -> Result<Dec, SettlementError> {
    let sum = rates.iter().try_fold(Dec::ZERO, |sum, rate| sum.checked_add(*rate));
    sum.ok_or(SettlementError::RatesTooLarge)
}

/// How many ticks `funds` cover whole at a total rate, rounded down; none when nothing is charged.
pub fn ticks_covered(funds: Dec, total: Dec) -> Option<u64> {
    let ticks = funds.atoms().checked_div(total.atoms())?;
    Some(u64::try_from(ticks).unwrap_or(u64::MAX))
}

/// Settles `ticks` of time at the given rates per tick out of `funds`.
///
/// # Errors
/// When the rates add up to more than a [`Dec`] holds.
pub fn settle(funds: Dec, rates: &[Dec], ticks: u64) -> Result<Settlement, SettlementError> {
    let total = total_rate(rates)?;
    let covered = ticks_covered(funds, total).map_or(ticks, |covered| covered.min(ticks));
    // No product below exceeds `funds`, so none overflows.
    let times = |rate: &Dec| Dec::from_atoms(rate.atoms().saturating_mul(u128::from(covered)));
    let whole: Vec<Dec> = rates.iter().map(times).collect();
    if covered == ticks {
        return Ok(Settlement { earned: whole, covered, owed: None });
    }
    let rest = funds.saturating_sub(times(&total));
    let share = |rate: &Dec| rest.mul_ratio_floor(rate.atoms(), total.atoms()).unwrap_or_default();
    let earned = whole
        .iter()
        .zip(rates)
        .map(|(whole, rate)| whole.checked_add(share(rate)).ok_or(SettlementError::RatesTooLarge));
    let wanted: Vec<Dec> = rates.iter().map(|rate| rate.saturating_sub(share(rate))).collect();
    let owed = whole_debts(&wanted, total.saturating_sub(rest));
    Ok(Settlement { earned: earned.collect::<Result<_, _>>()?, covered, owed: Some(owed) })
}

/// Debts in whole base units: each rounded down, and the units that are then missing to `total`, rounded up, one each
/// to the first debts with a fraction.
fn whole_debts(wanted: &[Dec], total: Dec) -> Vec<u128> {
    let up = u128::from(!total.fraction().is_zero());
    let floors = wanted.iter().fold(0u128, |sum, debt| sum.saturating_add(debt.floor()));
    let mut missing = (total.floor() + up).saturating_sub(floors);
    let mut debt = |wanted: &Dec| {
        let more = missing.min(u128::from(!wanted.fraction().is_zero()));
        missing -= more;
        wanted.floor() + more
    };
    wanted.iter().map(&mut debt).collect()
}

/// Shares a late top-up of whole base units among debts: in proportion to them, rounded down, and the units that
/// rounding left over one each to the first debts that are not yet paid. The shares add up to the smaller of
/// `top_up` and the sum of the debts (up to 128 bits).
pub fn repay(top_up: u128, owed: &[u128]) -> Vec<u128> {
    let total = owed.iter().fold(0u128, |sum, debt| sum.saturating_add(*debt));
    let available = top_up.min(total);
    let share = |debt: &u128| mul_div_floor(available, *debt, total).unwrap_or(0);
    let mut shares: Vec<u128> = owed.iter().map(share).collect();
    let mut left = available - shares.iter().sum::<u128>();
    for (share, debt) in shares.iter_mut().zip(owed) {
        if left > 0 && *share < *debt {
            *share += 1;
            left -= 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dec(text: &str) -> Dec {
        text.parse().unwrap()
    }

    fn sum(values: &[Dec]) -> Dec {
        total_rate(values).unwrap()
    }

    #[test]
    fn fractions_are_carried() {
        let paid = settle(dec("10"), &[dec("0.3")], 1).unwrap();
        assert_eq!(paid, Settlement { earned: vec![dec("0.3")], covered: 1, owed: None });
    }

    #[test]
    fn the_last_unit_is_spent_without_running_out() {
        let paid = settle(dec("100"), &[dec("10"), dec("10")], 5).unwrap();
        assert_eq!(paid, Settlement { earned: vec![dec("50"), dec("50")], covered: 5, owed: None });
    }

    #[test]
    fn exhaustion_pays_in_proportion() {
        let paid = settle(dec("100"), &[dec("10"), dec("20")], 1000).unwrap();
        assert_eq!(paid.covered, 3);
        assert_eq!(paid.earned, [dec("33.333333333333333333"), dec("66.666666666666666666")]);
        assert_eq!(paid.owed, Some(vec![7, 13]));
    }

    #[test]
    fn a_debt_of_fractions_is_one_unit() {
        let paid = settle(dec("1"), &[dec("0.3"), dec("0.3")], 9).unwrap();
        assert_eq!((paid.covered, paid.owed), (1, Some(vec![1, 0])));
    }

    #[test]
    fn an_account_without_payments_never_runs_out() {
        assert_eq!(settle(dec("0"), &[], 9).unwrap().owed, None);
    }

    #[test]
    fn rates_that_do_not_add_up_are_refused() {
        let huge = Dec::from_atoms(u128::MAX);
        assert_eq!(settle(huge, &[huge, huge], 1), Err(SettlementError::RatesTooLarge));
    }

    #[test]
    fn a_halt_bills_four_intervals() {
        assert_eq!(billable_ms(1_000, 1_700, 500), 700);
        assert_eq!(billable_ms(1_000, 9_000_000, 500), 2_000);
        assert_eq!(billable_ms(2_000, 1_000, 500), 0);
    }

    /// A rule that cannot be wrong about time: one tick after the other.
    fn tick_by_tick(mut funds: Dec, rates: &[Dec], ticks: u64) -> (Vec<Dec>, Dec, Option<Vec<u128>>) {
        let mut earned = vec![Dec::ZERO; rates.len()];
        for _ in 0..ticks {
            let step = settle(funds, rates, 1).unwrap();
            for (earned, more) in earned.iter_mut().zip(&step.earned) {
                *earned = earned.checked_add(*more).unwrap();
            }
            funds = funds.checked_sub(sum(&step.earned)).unwrap();
            if step.owed.is_some() {
                return (earned, funds, step.owed);
            }
        }
        (earned, funds, None)
    }

    fn rate() -> impl Strategy<Value = Dec> {
        // From dust to large, with fractions that never divide evenly.
        prop_oneof![0u128..1000, 0u128..10u128.pow(18), 0u128..10u128.pow(24)].prop_map(Dec::from_atoms)
    }

    proptest! {
        #[test]
        fn any_split_of_time_pays_the_same(
            funds in 0u128..10_000, rates in proptest::collection::vec(rate(), 0..6),
            ticks in 0u64..200, cuts in proptest::collection::vec(0u64..200, 0..6),
        ) {
            let funds = Dec::from_integer(funds).unwrap();
            let once = settle(funds, &rates, ticks).unwrap();
            let left = funds.checked_sub(sum(&once.earned)).unwrap();

            let (earned, naive_left, owed) = tick_by_tick(funds, &rates, ticks);
            prop_assert_eq!(&once.earned, &earned);
            prop_assert_eq!(left, naive_left);
            prop_assert_eq!(&once.owed, &owed);

            let mut cuts: Vec<u64> = cuts.into_iter().map(|cut| cut.min(ticks)).chain([0, ticks]).collect();
            cuts.sort_unstable();
            let mut split = vec![Dec::ZERO; rates.len()];
            let mut rest = funds;
            let mut debt = None;
            for span in cuts.windows(2) {
                let part = settle(rest, &rates, span[1] - span[0]).unwrap();
                rest = rest.checked_sub(sum(&part.earned)).unwrap();
                for (total, more) in split.iter_mut().zip(&part.earned) {
                    *total = total.checked_add(*more).unwrap();
                }
                if part.owed.is_some() {
                    debt = part.owed;
                    break;
                }
            }
            prop_assert_eq!(&split, &once.earned);
            prop_assert_eq!(rest, left);
            prop_assert_eq!(debt, once.owed);
        }

        #[test]
        fn nothing_is_paid_that_was_not_there(
            funds: u128, rates in proptest::collection::vec(any::<u128>().prop_map(|atoms| Dec::from_atoms(atoms >> 3)), 0..6), ticks: u64,
        ) {
            let funds = Dec::from_atoms(funds);
            let paid = settle(funds, &rates, ticks).unwrap();
            let left = funds.checked_sub(sum(&paid.earned));
            prop_assert!(left.is_some());
            // What rounding leaves is less than one atom per payee.
            let Some(owed) = paid.owed else { return Ok(()) };
            prop_assert!(left.unwrap().atoms() < rates.len() as u128);
            // What is owed is what the tick after the covered ones still wanted, in total rounded up.
            let total = sum(&rates).atoms();
            let wanted = total - funds.atoms() % total;
            prop_assert_eq!(owed.iter().sum::<u128>(), wanted.div_ceil(Dec::ONE.atoms()));
        }

        #[test]
        fn a_top_up_is_shared_out_whole(top_up: u64, owed in proptest::collection::vec(0u128..1 << 60, 0..8)) {
            let shares = repay(u128::from(top_up), &owed);
            let total: u128 = owed.iter().sum();
            prop_assert_eq!(shares.iter().sum::<u128>(), total.min(u128::from(top_up)));
            for (share, debt) in shares.iter().zip(&owed) {
                prop_assert!(share <= debt);
            }
        }
    }
}
