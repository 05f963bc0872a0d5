//! Render's emission: a budget of new tokens shared out over the years, independent of what is burned.
//!
//! Years 1 to 3 are published (spec/render_ionet.md A3.3: RNP-006 and RNP-018). Later years are parameters. Their
//! default is a fit, not a source: 5.5 % of the budget in year 4, 4.31 % in year 5, then each year 0.945 of the one
//! before; it reaches the cap in year 60, as RNP-023 says that the published table does.

use primitives::math::mul_div_floor;
use thiserror::Error;

const TOKEN: u128 = 1_000_000;
const PPM: u128 = 1_000_000;
/// Supply before burn and mint, in whole tokens.
const ORIGINAL: u128 = 536_870_912;
/// What burn and mint may add: 20 % of the original supply, in base units.
pub const BUDGET: u128 = 107_374_182 * TOKEN;
/// The cap of the supply, in base units: 644,245,094 tokens.
pub const CAP: u128 = ORIGINAL * TOKEN + BUDGET;
/// What the first three years emit, in base units.
pub const PUBLISHED: [u128; 3] = [9_126_804 * TOKEN, 5_905_580 * TOKEN, 5_905_580 * TOKEN];
/// The average Gregorian year of 365.2425 days, in milliseconds.
pub const YEAR_MS: u64 = 31_556_952_000;
/// The slowest fall that is taken, so that a look into the far future takes bounded work.
const SLOWEST: u32 = 999_000;

/// A schedule of yearly emissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnMint {
    budget: u128,
    first: Vec<u128>,
    then: u32,
    year: u64,
}

/// Why a schedule is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BurnMintError {
    /// No first year, from which the later ones would follow.
    #[error("a schedule without years emits nothing: list at least the first one")]
    NoYears,
    /// The listed years need more than the budget.
    #[error("the listed years emit more than the budget: lower them")]
    OverBudget,
    /// A fall that is none, or nearly none.
    #[error(
        "each later year may have at most 999000 millionths of the one before, not {0}: list years that do not fall"
    )]
    DoesNotFall(u32),
    /// A year without length.
    #[error("a year of 0 ticks has no epochs: give its length")]
    NoYear,
}

impl Default for BurnMint {
    /// Render's schedule in milliseconds.
    fn default() -> Self {
        let share = |basis_points: u128| BUDGET * basis_points / 10_000;
        let later = [share(550), share(431)];
        let first = PUBLISHED.into_iter().chain(later).collect();
        Self { budget: BUDGET, first, then: 945_000, year: YEAR_MS }
    }
}

impl BurnMint {
    /// A schedule of `budget` base units: the `first` years as listed, each later one `then` millionths of the one
    /// before, rounded down, until the budget is spent. A year has `year` ticks, of whatever kind the caller counts.
    ///
    /// # Errors
    /// When no year is listed, the listed ones need more than the budget, later ones hardly fall, or a year has no
    /// length.
    pub fn new(budget: u128, first: Vec<u128>, then: u32, year: u64) -> Result<Self, BurnMintError> {
        if first.is_empty() {
            return Err(BurnMintError::NoYears);
        }
        let sum = first.iter().try_fold(0u128, |sum, amount| sum.checked_add(*amount));
        if sum.is_none_or(|sum| sum > budget) {
            return Err(BurnMintError::OverBudget);
        }
        if then > SLOWEST {
            return Err(BurnMintError::DoesNotFall(then));
        }
        if year == 0 {
            return Err(BurnMintError::NoYear);
        }
        Ok(Self { budget, first, then, year })
    }

    /// What the years emit, the first one first, until one emits nothing.
    fn years(&self) -> impl Iterator<Item = u128> + '_ {
        let last = self.first.last().copied().unwrap_or(0);
        let fall = move |amount: &u128| mul_div_floor(*amount, u128::from(self.then), PPM);
        let later = std::iter::successors(fall(&last), fall).take_while(|amount| *amount > 0);
        let mut left = self.budget;
        self.first.iter().copied().chain(later).map(move |amount| {
            let amount = amount.min(left);
            left -= amount;
            amount
        })
    }

    /// What year `number` emits, in base units; the first is number 1.
    pub fn year(&self, number: u32) -> u128 {
        let Some(before) = number.checked_sub(1) else { return 0 };
        usize::try_from(before).ok().and_then(|before| self.years().nth(before)).unwrap_or(0)
    }

    /// What has been emitted `ticks` after the beginning, in base units: whole years, and of the running one its share
    /// rounded down.
    pub fn emitted(&self, ticks: u64) -> u128 {
        let (whole, rest) = (ticks / self.year, ticks % self.year);
        let mut sum = 0;
        for (number, amount) in (0u64..).zip(self.years()) {
            if number < whole {
                sum += amount;
                continue;
            }
            return sum + mul_div_floor(amount, u128::from(rest), u128::from(self.year)).unwrap_or(0);
        }
        sum
    }

    /// What the epoch between two ticks emits, in base units. Epochs that lie side by side sum exactly to what lies
    /// between their ends, for the remainder of each division goes to the next epoch. Zero for an end before the begin.
    pub fn epoch(&self, begin: u64, end: u64) -> u128 {
        self.emitted(end).saturating_sub(self.emitted(begin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_years_are_exact() {
        let render = BurnMint::default();
        assert_eq!(CAP, 644_245_094 * TOKEN);
        assert_eq!([1, 2, 3].map(|n| render.year(n) / TOKEN), [9_126_804, 5_905_580, 5_905_580]);
        assert_eq!([1, 2, 3].map(|n| render.year(n) % TOKEN), [0, 0, 0]);
        // The fit.
        assert_eq!([4, 5, 6].map(|n| render.year(n)), [5_905_580_010_000, 4_627_827_244_200, 4_373_296_745_769]);
        assert_eq!(render.year(0), 0);
    }

    #[test]
    fn published_months_and_shares_follow() {
        let render = BurnMint::default();
        // A3.3: per month 760,567 and 492,132, rounded to a token.
        assert_eq!([1, 2].map(|n| (render.year(n) + 6 * TOKEN) / (12 * TOKEN)), [760_567, 492_132]);
        // A3.3: 8.5 % and 5.5 % of the budget, to the millionth.
        assert_eq!([1, 2].map(|n| (render.year(n) * PPM + BUDGET / 2) / BUDGET), [85_000, 55_000]);
    }

    #[test]
    fn the_budget_is_spent_in_year_60_and_never_passed() {
        let render = BurnMint::default();
        let years: u128 = (1..=60).map(|n| render.year(n)).sum();
        assert_eq!(years, BUDGET);
        assert!(render.year(60) > 0);
        assert_eq!(render.year(61), 0);
        assert_eq!(render.emitted(59 * YEAR_MS) + render.year(60), BUDGET);
        assert_eq!(render.emitted(u64::MAX), BUDGET);
        // A3.3's other fits: 5.5 % up to year 5 ends in year 29, a fall from year 4 on in year 37.
        let ends = |first: Vec<u128>| {
            let schedule = BurnMint::new(BUDGET, first, 945_000, 1).unwrap();
            schedule.years().take_while(|amount| *amount > 0).count()
        };
        let flat = PUBLISHED[1];
        assert_eq!(ends(vec![PUBLISHED[0], flat, flat, flat, flat]), 29);
        assert_eq!(ends(PUBLISHED.to_vec()), 37);
    }

    #[test]
    fn impossible_schedules_are_refused() {
        assert_eq!(BurnMint::new(1, vec![], 1, 1), Err(BurnMintError::NoYears));
        assert_eq!(BurnMint::new(1, vec![1, 1], 1, 1), Err(BurnMintError::OverBudget));
        assert_eq!(BurnMint::new(1, vec![u128::MAX, 1], 1, 1), Err(BurnMintError::OverBudget));
        assert_eq!(BurnMint::new(1, vec![1], 1_000_000, 1), Err(BurnMintError::DoesNotFall(1_000_000)));
        assert_eq!(BurnMint::new(1, vec![1], 0, 0), Err(BurnMintError::NoYear));
    }

    proptest! {
        #[test]
        fn epochs_sum_to_their_years(lengths in proptest::collection::vec(1u64..400 * 86_400_000, 1..40)) {
            let render = BurnMint::default();
            let (mut at, mut sum) = (0, 0);
            for length in lengths {
                sum += render.epoch(at, at + length);
                at += length;
                prop_assert_eq!(sum, render.emitted(at));
            }
            // On to the end of the running year.
            let year = at / YEAR_MS + 1;
            sum += render.epoch(at, year * YEAR_MS);
            prop_assert_eq!(sum, (1..=u32::try_from(year).unwrap()).map(|n| render.year(n)).sum::<u128>());
        }

        #[test]
        fn any_schedule_keeps_its_budget(
            first in proptest::collection::vec(0u128..1 << 50, 1..6), more in 0u128..1 << 50,
            then in 0u32..=SLOWEST, year in 1u64..1000, ticks: u64,
        ) {
            let budget = first.iter().sum::<u128>() + more;
            let schedule = BurnMint::new(budget, first, then, year).unwrap();
            let emitted = schedule.emitted(ticks);
            prop_assert!(emitted <= budget);
            prop_assert!(schedule.emitted(ticks.saturating_add(1)) >= emitted);
        }

        #[test]
        fn an_epoch_is_within_one_unit_of_its_share(year in 1u32..70, begin in 0u64..YEAR_MS, length in 0u64..YEAR_MS) {
            let render = BurnMint::default();
            let start = u64::from(year - 1) * YEAR_MS;
            let end = (begin + length).min(YEAR_MS);
            let share = render.year(year) * u128::from(end - begin) / u128::from(YEAR_MS);
            prop_assert!(render.epoch(start + begin, start + end).abs_diff(share) <= 1);
        }
    }
}
