//! Shares of what is staked to a hotkey. Pure.
//!
//! Whoever stakes gets shares at what a share is worth, rounded down; whoever takes stake back gives up shares, rounded up.
//! Rounding therefore never costs those who stay. What the hotkey earns for its nominators raises the stake and not the
//! shares.

use primitives::math::{mul_div_ceil, mul_div_floor};

/// Shares that the first base unit gives, so that rounding is far below a base unit.
const SHARES_PER_UNIT: u128 = 1_000_000_000;

/// A hotkey's stake and the shares that divide it. One is zero exactly when the other is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Base units.
    pub stake: u64,
    /// All shares.
    pub shares: u128,
}

/// What taking back gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Base units.
    pub amount: u64,
    /// Shares that are gone.
    pub shares: u128,
}

impl Pool {
    /// What shares are worth, base units rounded down.
    pub fn worth(&self, shares: u128) -> u64 {
        let worth = mul_div_floor(shares, self.stake.into(), self.shares);
        worth.and_then(|worth| u64::try_from(worth).ok()).unwrap_or(0)
    }

    /// Puts base units in; gives the shares that they get. `None` when they would get none, or nothing counts that high.
    pub fn put(&mut self, amount: u64) -> Option<u128> {
        let shares = match self.shares {
            0 => u128::from(amount).checked_mul(SHARES_PER_UNIT)?,
            all => mul_div_floor(amount.into(), all, self.stake.into())?,
        };
        if shares == 0 {
            return None;
        }
        *self = Self { stake: self.stake.checked_add(amount)?, shares: self.shares.checked_add(shares)? };
        Some(shares)
    }

    /// Adds earnings of all who have shares. `None` when there are none, or nothing counts that high.
    pub fn earn(&mut self, amount: u64) -> Option<()> {
        if self.shares == 0 {
            return None;
        }
        self.stake = self.stake.checked_add(amount)?;
        Some(())
    }

    /// Takes base units out for one who has `held` shares; 0 means all that they are worth. Whoever has all shares and gives
    /// them up gets the whole stake. `None` when the shares are worth less than that.
    pub fn take(&mut self, held: u128, amount: u64) -> Option<Taken> {
        let taken = match amount {
            0 => Taken { amount: self.worth(held), shares: held },
            _ if amount > self.worth(held) => return None,
            _ => Taken { amount, shares: mul_div_ceil(amount.into(), self.shares, self.stake.into())?.min(held) },
        };
        let last = taken.shares == self.shares;
        let taken = if last { Taken { amount: self.stake, ..taken } } else { taken };
        // What is left must be worth something where shares are left, and the other way round.
        let (stake, shares) = (self.stake.checked_sub(taken.amount)?, self.shares.checked_sub(taken.shares)?);
        if (stake == 0) != (shares == 0) {
            return None;
        }
        *self = Self { stake, shares };
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn earnings_are_shared_and_leaving_gives_them() {
        let mut pool = Pool::default();
        let (first, second) = (pool.put(100).unwrap(), pool.put(300).unwrap());
        pool.earn(40).unwrap();
        assert_eq!((pool.worth(first), pool.worth(second)), (110, 330));
        let third = pool.put(11).unwrap();
        assert_eq!(pool.take(first, 111), None);
        assert_eq!(pool.take(first, 110), Some(Taken { amount: 110, shares: first }));
        assert_eq!(pool.take(second, 0).map(|taken| taken.amount), Some(330));
        assert_eq!(pool.take(third, 0).map(|taken| taken.amount), Some(11));
        assert_eq!(pool, Pool::default());
        assert_eq!(pool.earn(1), None);
    }

    #[derive(Clone, Debug)]
    enum Move {
        Put(usize, u64),
        Earn(u64),
        Take(usize, u64),
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let one = prop_oneof![
            (0usize..4, 1u64..1_000_000_000_000).prop_map(|(who, amount)| Move::Put(who, amount)),
            (1u64..1_000_000_000).prop_map(Move::Earn),
            (0usize..4, 0u64..1_000_000_000_000).prop_map(|(who, amount)| Move::Take(who, amount)),
        ];
        proptest::collection::vec(one, 1..60)
    }

    proptest! {
        /// Nobody has more than was put in and earned; nobody loses by what others do; the last one leaves nothing.
        #[test]
        fn nobody_loses_by_what_others_do(moves in moves()) {
            let (mut pool, mut held) = (Pool::default(), [0u128; 4]);
            let mut inside = 0u64;
            for step in moves {
                let before: Vec<u64> = held.iter().map(|shares| pool.worth(*shares)).collect();
                let mover = match step {
                    Move::Put(who, amount) => {
                        if let Some(shares) = pool.put(amount) {
                            held[who] += shares;
                            inside += amount;
                            prop_assert!(pool.worth(held[who]) <= before[who] + amount);
                            prop_assert!(pool.worth(held[who]) + 1 >= before[who] + amount);
                        }
                        who
                    }
                    Move::Earn(amount) => {
                        if pool.earn(amount).is_some() {
                            inside += amount;
                        }
                        4
                    }
                    Move::Take(who, amount) => {
                        if let Some(taken) = pool.take(held[who], amount) {
                            held[who] -= taken.shares;
                            inside -= taken.amount;
                        }
                        who
                    }
                };
                for (who, shares) in held.iter().enumerate().filter(|(who, _)| *who != mover) {
                    prop_assert!(pool.worth(*shares) >= before[who]);
                }
                prop_assert_eq!((held.iter().sum::<u128>(), inside), (pool.shares, pool.stake));
                prop_assert_eq!(pool.stake == 0, pool.shares == 0);
            }
        }
    }
}
