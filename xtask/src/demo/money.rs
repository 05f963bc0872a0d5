//! What a lease must have cost, computed from its rate and its blocks alone. This shares no code with the chain.

use crate::failure::{Doing, Failure, Result};

/// Places behind the point that a rate has on the chain.
const PLACES: usize = 18;
/// One base unit in the smallest parts of a rate.
const ONE: u128 = 10u128.pow(18);

/// A price per block, in 10^-18 base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rate(u128);

impl Rate {
    /// From `0.058` or `12`.
    ///
    /// # Errors
    /// When the text is no decimal number of at most 18 places.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let short = fraction.len() <= PLACES && !whole.is_empty();
        let digits = format!("{whole}{fraction:0<PLACES$}");
        let digits = Some(digits).filter(|digits| short && digits.bytes().all(|byte| byte.is_ascii_digit()));
        let digits =
            digits.ok_or_else(|| Failure::new(format!("`{text}` is no price with at most {PLACES} places")))?;
        digits.parse().map(Self).doing(format!("the price `{text}`"))
    }
}

/// Where the money of a deployment went once it is closed, in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Whole units of rate x blocks: what the lease earned.
    pub(crate) earned: u128,
    /// The network's part of it.
    pub(crate) take: u128,
    /// The provider's part of it.
    pub(crate) paid: u128,
    /// Back to the tenant: whole units of what was set aside less rate x blocks.
    pub(crate) refund: u128,
    /// The unit that two fractions make, if there are any; goes to the community pool.
    pub(crate) dust: u128,
}

/// What one lease of a deployment must have cost.
///
/// # Errors
/// When it cost more than was set aside, or more than can be counted.
pub(crate) fn due(deposit: u128, rate: Rate, blocks: u64, take_percent: u32) -> Result<Due> {
    let too_much = || Failure::new(format!("a rate of {} for {blocks} blocks cannot be counted", rate.0));
    let cost = rate.0.checked_mul(u128::from(blocks)).ok_or_else(too_much)?;
    let rest = deposit.checked_mul(ONE).and_then(|deposit| deposit.checked_sub(cost)).ok_or_else(too_much)?;
    let (earned, refund) = (cost / ONE, rest / ONE);
    let take = earned * u128::from(take_percent) / 100;
    Ok(Due { earned, take, paid: earned - take, refund, dust: deposit - earned - refund })
}

/// How a balance moved.
pub(crate) fn change(before: u128, after: u128) -> Result<i128> {
    let number = |amount: u128| i128::try_from(amount).doing("a balance");
    Ok(number(after)? - number(before)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_parse_exactly() {
        assert_eq!(Rate::parse("0.000000000000000001").unwrap(), Rate(1));
        assert_eq!(Rate::parse("12.5").unwrap(), Rate(12_500_000_000_000_000_000));
        assert_eq!(Rate::parse("7").unwrap(), Rate(7 * ONE));
        for wrong in ["", ".5", "1.0000000000000000001", "-1", "1e3", "1.2.3"] {
            assert!(Rate::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_is_lost() {
        let due = due(5_000_000, Rate::parse("2.34").unwrap(), 25, 20).unwrap();
        assert_eq!(due, Due { earned: 58, take: 11, paid: 47, refund: 4_999_941, dust: 1 });
        let whole = super::due(100, Rate::parse("4").unwrap(), 25, 4).unwrap();
        assert_eq!(whole, Due { earned: 100, take: 4, paid: 96, refund: 0, dust: 0 });
        for blocks in 0..40 {
            let due = super::due(100, Rate::parse("2.345").unwrap(), blocks, 20).unwrap();
            assert_eq!(due.paid + due.take + due.refund + due.dust, 100);
            assert!(due.dust <= 1);
        }
    }

    #[test]
    fn more_than_was_set_aside_is_no_bill() {
        assert!(due(57, Rate::parse("2.3").unwrap(), 25, 20).is_err());
    }
}
