//! A capped supply that is minted at so much a day and halves at thresholds of issuance.
//!
//! The rule is Bittensor's (spec/bittensor.md section 3): the rate is halved once for each threshold cap × (1 - 2^-j),
//! j ≥ 1, that issuance has reached. Issuance is what was minted less what was recycled, so that recycled amounts are
//! minted again, and recycling delays a halving or takes it back. In integers: the number of halvings is the greatest j
//! with (cap - issuance) × 2^j ≤ cap.
//!
//! Time is milliseconds, whatever the block interval. Each millisecond mints at the rate that holds when it begins.
//! What is less than a base unit is kept as a [`Carry`], so that cutting time into other pieces changes nothing, not
//! even at a threshold. Nothing is minted after the last halving that a base unit can show (54 for WIT); less than one
//! base unit of the cap is therefore never minted.

use primitives::math::mul_div_floor;
use thiserror::Error;

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;
/// WIT's cap in base units of 10^-9: 21,000,000 tokens.
pub const CAP: u128 = 21_000_000_000_000_000;
/// What WIT mints a day before the first halving, in base units: 7,200 tokens.
pub const PER_DAY: u128 = 7_200_000_000_000;

/// A schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halving {
    cap: u128,
    /// Base units per millisecond before the first halving, as a fraction in lowest terms.
    numerator: u128,
    denominator: u128,
    /// How often the rate is halved before nothing is minted.
    last: u32,
}

/// What is minted but less than a base unit; a state keeps it beside the issuance. It is counted in parts of a base
/// unit of which only the schedule knows the size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Carry(pub u128);

/// What a span of time mints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minted {
    /// Whole base units.
    pub amount: u128,
    /// What to hand to the next call.
    pub carry: Carry,
}

/// Why a schedule, or a question to it, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HalvingError {
    /// A cap or rate of zero.
    #[error("a cap or a daily amount of 0 mints nothing: set both")]
    Nothing,
    /// A cap that cannot be counted in parts of base units.
    #[error("a cap of {0} base units is too large to be counted exactly: use a coarser base unit")]
    TooLarge(u128),
    /// A rate so high that thresholds would pass unnoticed within a millisecond.
    #[error("{0} base units a day would mint the cap within seconds: lower it")]
    TooFast(u128),
    /// More in circulation than the cap, or a carry that is no part of a base unit.
    #[error("an issuance of {0} base units with its remainder is above the cap: the books are wrong")]
    Impossible(u128),
}

impl Default for Halving {
    /// WIT: 21,000,000 at most, 7,200 a day at first, in base units of 10^-9.
    fn default() -> Self {
        // 7,200 × 10^9 a day is 250,000 / 3 a millisecond; 2^54 is the highest power of two below the cap.
        Self { cap: CAP, numerator: 250_000, denominator: 3, last: 54 }
    }
}

impl Halving {
    /// A schedule of at most `cap` base units, `per_day` of them a day before the first halving.
    ///
    /// # Errors
    /// When one of them is zero, or too large for exact arithmetic.
    pub fn new(cap: u128, per_day: u128) -> Result<Self, HalvingError> {
        if cap == 0 || per_day == 0 {
            return Err(HalvingError::Nothing);
        }
        let common = gcd(per_day, u128::from(DAY_MS));
        let (numerator, denominator) = (per_day / common, u128::from(DAY_MS) / common);
        // A millisecond must mint far less than lies between two thresholds.
        if numerator / denominator >= cap >> 20 {
            return Err(HalvingError::TooFast(per_day));
        }
        let schedule = Self { cap, numerator, denominator, last: cap.ilog2() };
        // Room for the cap, and for what all milliseconds up to a threshold mint.
        let room = schedule.part().and_then(|part| cap.checked_mul(part)).and_then(|all| all.checked_mul(4));
        room.map(|_| schedule).ok_or(HalvingError::TooLarge(cap))
    }

    /// Parts that a base unit has: all rates are whole numbers of parts a millisecond.
    fn part(&self) -> Option<u128> {
        self.denominator.checked_mul(1u128.checked_shl(self.last)?)
    }

    /// How often the rate is halved at an issuance in base units; `None` where nothing is minted any more.
    pub fn halvings(&self, issuance: u128) -> Option<u32> {
        self.halvings_of(self.cap, issuance)
    }

    /// The same for amounts in any unit.
    fn halvings_of(&self, cap: u128, issuance: u128) -> Option<u32> {
        let left = cap.checked_sub(issuance).filter(|left| *left > 0)?;
        let halvings = (cap / left).ilog2();
        (halvings <= self.last).then_some(halvings)
    }

    /// The issuance at which the rate is next halved, in base units rounded up; `None` where nothing is minted any
    /// more.
    pub fn next_threshold(&self, issuance: u128) -> Option<u128> {
        let halvings = self.halvings(issuance)?;
        Some(self.cap - (self.cap >> (halvings + 1)))
    }

    /// What a day mints at an issuance, in base units, rounded down.
    pub fn per_day(&self, issuance: u128) -> u128 {
        self.over(u128::from(DAY_MS), issuance)
    }

    /// What `ms` milliseconds mint at the rate of an issuance, rounded down.
    fn over(&self, ms: u128, issuance: u128) -> u128 {
        let Some(halvings) = self.halvings(issuance) else { return 0 };
        mul_div_floor(ms, self.numerator, self.denominator).unwrap_or(0) >> halvings
    }

    /// What `ms` milliseconds mint on top of `issuance` base units and the carry of the call before.
    ///
    /// # Errors
    /// When the issuance is above the cap or the carry is a base unit or more.
    pub fn mint(&self, issuance: u128, carry: Carry, ms: u64) -> Result<Minted, HalvingError> {
        let impossible = HalvingError::Impossible(issuance);
        let part = self.part().filter(|part| carry.0 < *part).ok_or(impossible)?;
        // Within 126 bits, as `new` saw to.
        let cap = self.cap * part;
        let begin = issuance.checked_mul(part).and_then(|all| all.checked_add(carry.0)).ok_or(impossible)?;
        if begin > cap {
            return Err(impossible);
        }
        let (mut now, mut left) = (begin, u128::from(ms));
        while let Some(halvings) = self.halvings_of(cap, now).filter(|_| left > 0) {
            let rate = self.numerator << (self.last - halvings);
            // `cap` is a multiple of 2^last, so that only a threshold after the last is rounded.
            let threshold = cap - (cap >> (halvings + 1));
            let span = threshold.saturating_sub(now).div_ceil(rate).clamp(1, left);
            now = now.saturating_add(rate.saturating_mul(span)).min(cap);
            left -= span;
        }
        Ok(Minted { amount: now / part - issuance, carry: Carry(now % part) })
    }

    /// How long it takes until the rate is next halved if `recycled_per_day` base units a day go back, in
    /// milliseconds rounded up: (threshold - issuance) / (daily amount - recycled). `None` when it never happens.
    pub fn until_next(&self, issuance: u128, recycled_per_day: u128) -> Option<u64> {
        let distance = self.next_threshold(issuance)?.checked_sub(issuance)?;
        let net = self.per_day(issuance).checked_sub(recycled_per_day).filter(|net| *net > 0)?;
        let ms = primitives::math::mul_div_ceil(distance, u128::from(DAY_MS), net)?;
        u64::try_from(ms).ok()
    }
}

/// The greatest common divisor of two numbers above zero.
fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
#[path = "halving_tests.rs"]
mod tests;
