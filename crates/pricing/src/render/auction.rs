//! The auction by which a vault of USD buys LUX from holders, at one price for all.
//!
//! Holders ask: so much LUX, at no less than a price. Asks above the oracle's price are left out. Of the prices that were
//! asked, the auction clears at the one at which the budget buys most LUX, the lower of two that buy as much:
//!
//! ```text
//! bought(p) = min(LUX asked for at p or less, floor(budget / p))
//! ```
//!
//! Asks below that price are filled whole. If the budget does not reach for all at the price itself, these are filled pro
//! rata by the largest remainder, of equal ones the earlier first. Each payment is rounded down to a base unit of USD, so
//! that what is paid never exceeds the budget; what rounding leaves stays in the vault. A fill that would be paid nothing
//! is not made: nobody gives LUX for nothing.

use std::collections::BTreeMap;

use primitives::Dec;
use primitives::math::mul_div_floor;
use thiserror::Error;

use super::shares::largest_remainder;

/// A holder's offer. Their order is that of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Base units of LUX.
    pub lux: u128,
    /// The least USD per LUX.
    pub price: Dec,
}

/// What an auction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// USD per LUX, for all; zero when nothing was bought.
    pub price: Dec,
    /// What each ask got, in their order.
    pub fills: Vec<Fill>,
    /// LUX bought, in base units: the sum of the fills.
    pub bought: u128,
    /// USD paid, in base units: the sum of the payments, at most the budget.
    pub paid: u128,
}

/// What one ask got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Base units of LUX sold.
    pub lux: u128,
    /// Base units of USD paid for them, rounded down.
    pub usd: u128,
}

/// Why an auction cannot be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AuctionError {
    /// An ask for nothing or at nothing.
    #[error("ask {0} offers no LUX or asks for no USD: both must be above zero")]
    EmptyAsk(usize),
    /// More LUX than can be counted.
    #[error("the asks offer more LUX than can be counted: leave some out")]
    TooLarge,
}

/// Clears an auction of a `budget` in base units of USD; `ceiling` is the oracle's price in USD per LUX.
///
/// # Errors
/// When an ask is empty, or the asks sum to more than 128 bits.
pub fn clear(budget: u128, ceiling: Dec, asks: &[Ask]) -> Result<Cleared, AuctionError> {
    if let Some(empty) = asks.iter().position(|ask| ask.lux == 0 || ask.price.is_zero()) {
        return Err(AuctionError::EmptyAsk(empty));
    }
    let mut levels: BTreeMap<Dec, u128> = BTreeMap::new();
    for ask in asks.iter().filter(|ask| ask.price <= ceiling) {
        let level = levels.entry(ask.price).or_default();
        *level = level.checked_add(ask.lux).ok_or(AuctionError::TooLarge)?;
    }
    let mut best = Level::default();
    let mut below = 0u128;
    for (price, here) in levels {
        let offered = below.checked_add(here).ok_or(AuctionError::TooLarge)?;
        // A price so low that the budget buys more than can be counted buys all that is offered.
        let bought = affordable(budget, price).min(offered);
        if bought > best.bought {
            best = Level { price, bought, below };
        }
        below = offered;
    }
    Ok(fill(best, asks))
}

/// A price with what is bought at it, and what is offered for less.
#[derive(Clone, Copy, Default)]
struct Level {
    price: Dec,
    bought: u128,
    below: u128,
}

fn affordable(budget: u128, price: Dec) -> u128 {
    mul_div_floor(budget, Dec::ONE.atoms(), price.atoms()).unwrap_or(u128::MAX)
}

fn fill(level: Level, asks: &[Ask]) -> Cleared {
    let at_price: Vec<u128> = asks.iter().map(|ask| if ask.price == level.price { ask.lux } else { 0 }).collect();
    // A level that buys more than any lower one leaves these whole.
    let marginal = level.bought.saturating_sub(level.below);
    let shared = largest_remainder(marginal, &at_price).unwrap_or_else(|| vec![0; asks.len()]);
    let mut cleared = Cleared { price: level.price, fills: Vec::with_capacity(asks.len()), bought: 0, paid: 0 };
    for (ask, shared) in asks.iter().zip(shared) {
        let lux = if ask.price < level.price { ask.lux } else { shared };
        // At most floor(budget / price) in all, so that it fits and sums to at most the budget.
        let usd = mul_div_floor(lux, level.price.atoms(), Dec::ONE.atoms()).unwrap_or(0);
        let made = if usd == 0 { Fill::default() } else { Fill { lux, usd } };
        cleared.bought += made.lux;
        cleared.paid += made.usd;
        cleared.fills.push(made);
    }
    if cleared.bought == 0 {
        cleared.price = Dec::ZERO;
    }
    cleared
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dec(text: &str) -> Dec {
        text.parse().unwrap()
    }

    fn ask(lux: u128, price: &str) -> Ask {
        Ask { lux, price: dec(price) }
    }

    fn lux(cleared: &Cleared) -> Vec<u128> {
        cleared.fills.iter().map(|fill| fill.lux).collect()
    }

    #[test]
    fn all_are_paid_the_marginal_price() {
        let asks = [ask(100, "2"), ask(100, "3"), ask(100, "2.5"), ask(100, "9")];
        let cleared = clear(600, dec("4"), &asks).unwrap();
        assert_eq!((cleared.price, lux(&cleared)), (dec("2.5"), vec![100, 0, 100, 0]));
        assert_eq!((cleared.bought, cleared.paid), (200, 500));
        // With more to spend the next price buys more, though not all that is asked at it.
        let cleared = clear(750, dec("4"), &asks).unwrap();
        assert_eq!((cleared.price, lux(&cleared), cleared.paid), (dec("3"), vec![100, 50, 100, 0], 750));
        // The oracle's price bounds what is paid, whatever is left.
        let cleared = clear(1_000_000, dec("4"), &asks).unwrap();
        assert_eq!((cleared.price, cleared.bought, cleared.paid), (dec("3"), 300, 900));
    }

    #[test]
    fn the_margin_is_shared_and_ties_go_to_the_earlier() {
        let asks = [ask(10, "1"), ask(10, "1"), ask(10, "1"), ask(4, "0.5")];
        let cleared = clear(24, dec("1"), &asks).unwrap();
        assert_eq!(lux(&cleared), [7, 7, 6, 4]);
        assert_eq!(cleared.paid, 24);
    }

    #[test]
    fn of_two_prices_that_buy_as_much_the_lower_clears() {
        let cleared = clear(100, dec("2"), &[ask(50, "1"), ask(1, "2")]).unwrap();
        assert_eq!((cleared.price, cleared.bought, cleared.paid), (dec("1"), 50, 50));
    }

    #[test]
    fn nobody_sells_for_nothing() {
        let cleared = clear(100, dec("2"), &[ask(1, "0.1"), ask(100, "0.2")]).unwrap();
        assert_eq!((cleared.price, lux(&cleared), cleared.paid), (dec("0.2"), vec![0, 100], 20));
        assert_eq!(clear(100, dec("2"), &[ask(1, "0.1")]).unwrap().price, Dec::ZERO);
    }

    #[test]
    fn empty_asks_and_empty_auctions() {
        assert_eq!(clear(1, dec("1"), &[ask(1, "1"), ask(0, "1")]), Err(AuctionError::EmptyAsk(1)));
        assert_eq!(clear(1, dec("1"), &[ask(1, "0")]), Err(AuctionError::EmptyAsk(0)));
        assert_eq!(clear(9, dec("1"), &[ask(u128::MAX, "1"), ask(1, "1")]), Err(AuctionError::TooLarge));
        let nothing = clear(9, dec("1"), &[ask(1, "2")]).unwrap();
        assert_eq!((nothing.price, nothing.bought, nothing.paid), (Dec::ZERO, 0, 0));
        assert_eq!(clear(0, dec("1"), &[ask(1, "1")]).unwrap().bought, 0);
    }

    prop_compose! {
        fn asks()(asks in proptest::collection::vec((1u128..1 << 40, 1u64..40, 0u64..1 << 30), 0..14)) -> Vec<Ask> {
            let ask = |(lux, price, fine)| Ask { lux, price: Dec::from_atoms(u128::from(price) * (Dec::ONE.atoms() / 10) + u128::from(fine % 2)) };
            asks.into_iter().map(ask).collect()
        }
    }

    proptest! {
        #[test]
        fn an_auction_is_fair(budget in 0u128..1 << 44, ceiling in 1u128..50, asks in asks()) {
            let ceiling = Dec::from_atoms(ceiling * (Dec::ONE.atoms() / 10));
            let cleared = clear(budget, ceiling, &asks).unwrap();
            prop_assert_eq!(cleared.fills.iter().map(|fill| fill.lux).sum::<u128>(), cleared.bought);
            prop_assert_eq!(cleared.fills.iter().map(|fill| fill.usd).sum::<u128>(), cleared.paid);
            prop_assert!(cleared.paid <= budget && cleared.price <= ceiling);
            for (ask, fill) in asks.iter().zip(&cleared.fills) {
                prop_assert!(fill.lux <= ask.lux);
                prop_assert!(fill.lux == 0 || ask.price <= cleared.price);
                // Who asked for less than what is paid sells all, unless it is dust.
                let dust = mul_div_floor(ask.lux, cleared.price.atoms(), Dec::ONE.atoms()).unwrap() == 0;
                prop_assert!(ask.price >= cleared.price || dust || fill.lux == ask.lux);
                let wanted = mul_div_floor(fill.lux, ask.price.atoms(), Dec::ONE.atoms()).unwrap();
                prop_assert!(fill.usd >= wanted && (fill.lux == 0 || fill.usd > 0));
            }
            // Equal asks get equal fills, but for one unit to the earlier.
            for (a, left) in asks.iter().enumerate() {
                for (b, right) in asks.iter().enumerate().skip(a + 1).filter(|(_, right)| *right == left) {
                    prop_assert_eq!(left, right);
                    prop_assert!(cleared.fills[a].lux >= cleared.fills[b].lux && cleared.fills[a].lux - cleared.fills[b].lux <= 1);
                }
            }
        }

        /// No price of any ask would have bought more.
        #[test]
        fn most_is_bought(budget in 0u128..1 << 44, asks in asks()) {
            let ceiling = Dec::from_integer(100).unwrap();
            let cleared = clear(budget, ceiling, &asks).unwrap();
            for price in asks.iter().map(|ask| ask.price) {
                let offered: u128 = asks.iter().filter(|ask| ask.price <= price).map(|ask| ask.lux).sum();
                let could = offered.min(affordable(budget, price));
                // Fills that are paid nothing are less than what a base unit of USD buys, each.
                let dust = asks.len() as u128 * 10;
                prop_assert!(could <= cleared.bought + dust, "{} {}", could, cleared.bought);
            }
        }
    }
}
