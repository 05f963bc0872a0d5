//! LUX that is paid in: what it is worth, and what becomes of it per approved frame.
//!
//! LUX is valued at the lower of the feeders' median and the average of 24 hours, so that nobody gains by paying in at
//! the top of a spike. Of what an approved frame costs, 5 % goes to the network and the rest is burned (A3.1: RNP-006).
//!
//! What a [`Lock`] has used up after some frames is floor(locked × credits spent / credits bought); the network's part is
//! floor(5 % × used). A frame pays the difference to what was used up before, so that cutting a job into frames changes no
//! sum, the remainder of the split is burned, and at every moment
//! `locked = burned + network + refund`.

use primitives::Dec;
use primitives::math::{mul_div_ceil, mul_div_floor};
use thiserror::Error;

use super::{CREDITS_PER_EURO, PPM};

/// The network's part of what is spent, in millionths: 5 %.
pub const NETWORK: u32 = 50_000;

/// The prices that turn LUX into credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// USD per LUX, both whole.
    pub lux: Dec,
    /// USD per euro.
    pub euro: Dec,
}

/// Why LUX cannot be taken, or a frame not be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BurnError {
    /// A price of zero.
    #[error("a price of 0 USD buys nothing: wait for a price of the oracle")]
    Worthless,
    /// More than can be counted.
    #[error("the amount is too large to be counted: pay in less at once")]
    TooLarge,
    /// A frame that costs more than what is left.
    #[error("the frame costs {wanted} base units of credits, of which {left} are left: pay in more")]
    Exhausted {
        /// What the frame costs.
        wanted: u128,
        /// What is left.
        left: u128,
    },
    /// A part of more than the whole.
    #[error("a network's part of {0} millionths is more than all: it may be at most 1000000")]
    Split(u32),
}

/// What LUX is valued at when it is paid in: the lower of the two.
pub fn valuation(median: Dec, average: Dec) -> Dec {
    median.min(average)
}

impl Rates {
    /// Base units of credits for `lux` base units, rounded down. USD is converted as LUX at a price of one.
    ///
    /// # Errors
    /// When a price is zero or the result needs more than 128 bits.
    pub fn credits(self, lux: u128) -> Result<u128, BurnError> {
        self.check()?;
        let quarters = lux.checked_mul(CREDITS_PER_EURO);
        quarters.and_then(|lux| mul_div_floor(lux, self.lux.atoms(), self.euro.atoms())).ok_or(BurnError::TooLarge)
    }

    /// The least base units of LUX that give at least `credits` base units, rounded up.
    ///
    /// # Errors
    /// When a price is zero or the result needs more than 128 bits.
    pub fn lux_for(self, credits: u128) -> Result<u128, BurnError> {
        self.check()?;
        let price = self.lux.atoms().checked_mul(CREDITS_PER_EURO);
        price.and_then(|price| mul_div_ceil(credits, self.euro.atoms(), price)).ok_or(BurnError::TooLarge)
    }

    fn check(self) -> Result<(), BurnError> {
        if self.lux.is_zero() || self.euro.is_zero() { Err(BurnError::Worthless) } else { Ok(()) }
    }
}

/// LUX that is locked for a job, and the credits that it bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    locked: u128,
    credits: u128,
    spent: u128,
    network: u32,
}

/// Where the LUX of a frame goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Destroyed.
    pub burned: u128,
    /// To the network.
    pub network: u128,
}

impl Lock {
    /// Locks `locked` base units that bought `credits`; `network` millionths of what is spent go to the network.
    ///
    /// # Errors
    /// When the network's part is above the whole.
    pub fn new(locked: u128, credits: u128, network: u32) -> Result<Self, BurnError> {
        if u128::from(network) > PPM {
            return Err(BurnError::Split(network));
        }
        Ok(Self { locked, credits, spent: 0, network })
    }

    /// A lock as a state keeps it, with what of its credits was spent. `None` when that is more than all.
    pub fn resume(self, spent: u128) -> Option<Self> {
        (spent <= self.credits).then_some(Self { spent, ..self })
    }

    /// Credits that are left, in base units.
    pub const fn left(&self) -> u128 {
        self.credits - self.spent
    }

    /// Credits that were spent, in base units.
    pub const fn spent(&self) -> u128 {
        self.spent
    }

    /// LUX that frames have used up so far.
    fn used(&self) -> u128 {
        mul_div_floor(self.locked, self.spent, self.credits).unwrap_or(0)
    }

    /// What has become of it so far.
    pub fn split(&self) -> Split {
        let used = self.used();
        // At most `used`, so that it fits.
        let network = mul_div_floor(used, u128::from(self.network), PPM).unwrap_or(0);
        Split { burned: used - network, network }
    }

    /// Pays for an approved frame that costs `charge` base units of credits: the lock after it, and where its LUX goes.
    ///
    /// # Errors
    /// When fewer credits are left: the job pauses until more is paid in.
    pub fn pay(self, charge: u128) -> Result<(Self, Split), BurnError> {
        let exhausted = BurnError::Exhausted { wanted: charge, left: self.left() };
        let spent = self.spent.checked_add(charge).ok_or(exhausted)?;
        let after = self.resume(spent).ok_or(exhausted)?;
        let (old, new) = (self.split(), after.split());
        // Both grow with what is used: floor(x + d) - floor(r(x + d)) never falls for r of at most one.
        Ok((after, Split { burned: new.burned - old.burned, network: new.network - old.network }))
    }

    /// What goes back to the creator when the job ends, in base units of LUX.
    pub fn refund(&self) -> u128 {
        self.locked - self.used()
    }

    /// A new lock of what is left and what is paid in: `lux` base units that bought `credits`. What was used up before is
    /// settled for good.
    ///
    /// # Errors
    /// When the sums need more than 128 bits.
    pub fn top_up(self, lux: u128, credits: u128) -> Result<Self, BurnError> {
        let locked = self.refund().checked_add(lux).ok_or(BurnError::TooLarge)?;
        let credits = self.left().checked_add(credits).ok_or(BurnError::TooLarge)?;
        Self::new(locked, credits, self.network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dec(text: &str) -> Dec {
        text.parse().unwrap()
    }

    #[test]
    fn the_lower_price_counts() {
        assert_eq!(valuation(dec("2"), dec("3")), dec("2"));
        assert_eq!(valuation(dec("3"), dec("2")), dec("2"));
    }

    #[test]
    fn lux_becomes_credits_of_a_quarter_euro() {
        let rates = Rates { lux: dec("3.50"), euro: dec("1.17") };
        // 100 LUX = 350 USD = 299.145299 EUR = 1196.581196 credits.
        assert_eq!(rates.credits(100_000_000), Ok(1_196_581_196));
        assert_eq!(rates.lux_for(1_196_581_196), Ok(100_000_000));
        assert_eq!(Rates { lux: Dec::ZERO, ..rates }.credits(1), Err(BurnError::Worthless));
        assert_eq!(rates.credits(u128::MAX), Err(BurnError::TooLarge));
    }

    #[test]
    fn a_job_from_lock_to_refund() {
        let lock = Lock::new(1_000, 100, NETWORK).unwrap();
        let (lock, first) = lock.pay(33).unwrap();
        assert_eq!(first, Split { burned: 314, network: 16 });
        let (lock, second) = lock.pay(33).unwrap();
        assert_eq!((second, lock.refund()), (Split { burned: 313, network: 17 }, 340));
        assert_eq!(lock.pay(35), Err(BurnError::Exhausted { wanted: 35, left: 34 }));
        assert_eq!(lock.pay(u128::MAX), Err(BurnError::Exhausted { wanted: u128::MAX, left: 34 }));
        let lock = lock.top_up(160, 16).unwrap();
        assert_eq!((lock.left(), lock.refund()), (50, 500));
        let (lock, last) = lock.pay(50).unwrap();
        assert_eq!((last, lock.refund()), (Split { burned: 475, network: 25 }, 0));
        assert_eq!(Lock::new(1, 1, 1_000_001), Err(BurnError::Split(1_000_001)));
        assert_eq!(lock.resume(51), None);
    }

    proptest! {
        #[test]
        fn nothing_is_made_or_lost(
            locked: u128, credits in 1u128..1 << 100, network in 0u32..=1_000_000,
            frames in proptest::collection::vec(0u128..1 << 97, 0..12),
        ) {
            let mut lock = Lock::new(locked, credits, network).unwrap();
            let mut sum = Split::default();
            for charge in frames {
                let Ok((after, split)) = lock.pay(charge) else { continue };
                sum = Split { burned: sum.burned + split.burned, network: sum.network + split.network };
                lock = after;
                prop_assert_eq!(sum.burned + sum.network + lock.refund(), locked);
                prop_assert_eq!(sum, lock.split());
            }
            // One frame in place of all gives the same.
            let (once, split) = Lock::new(locked, credits, network).unwrap().pay(lock.spent()).unwrap();
            prop_assert_eq!((once, split), (lock, sum));
            let (all, last) = lock.pay(lock.left()).unwrap();
            prop_assert_eq!((all.refund(), sum.burned + sum.network + last.burned + last.network), (0, locked));
        }

        #[test]
        fn buying_back_and_forth_never_gains(lux in 0u128..1 << 80, price in 1u128..1 << 80, euro in 1u128..1 << 70) {
            let rates = Rates { lux: Dec::from_atoms(price), euro: Dec::from_atoms(euro) };
            if let Ok(credits) = rates.credits(lux) {
                prop_assert!(rates.lux_for(credits).unwrap() <= lux);
            }
            if let Ok(needed) = rates.lux_for(lux)
                && let Ok(credits) = rates.credits(needed)
            {
                prop_assert!(credits >= lux);
            }
        }
    }
}
