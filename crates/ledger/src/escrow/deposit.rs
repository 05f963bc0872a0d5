//! Deposits as users ask for them.

use primitives::Coin;
use proto::akash::base::deposit::v1::{Deposit, Source};

use super::errors;
use crate::failure::{Failure, Rejection};

/// A deposit that is well formed and is drawn from the signer's balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedDeposit {
    /// How much; may be zero where the market allows it.
    pub amount: Coin,
}

impl CheckedDeposit {
    /// Checks the deposit of a message. Sources are walked in order; as there are no authz grants on this chain, the
    /// source `grant` holds nothing, and a deposit that names no other source is refused.
    ///
    /// # Errors
    /// `sdk` 10 when the coin is malformed, `escrow` 16 when sources are missing, repeated, unknown or grants alone.
    pub fn parse(deposit: Option<&Deposit>) -> Result<Self, Failure> {
        let deposit = deposit.ok_or_else(|| errors::invalid_deposit("it is missing"))?;
        let coin = deposit.amount.as_ref().ok_or_else(|| errors::invalid_deposit("it has no amount"))?;
        let amount = Coin::from_wire(&coin.denom, &coin.amount);
        let amount = amount.map_err(|error| Rejection::invalid_coins(format!("deposit: {error}")))?;
        let mut sources: Vec<Source> = Vec::new();
        for number in &deposit.sources {
            match Source::try_from(*number) {
                Ok(Source::Invalid) | Err(_) => {
                    return Err(errors::invalid_deposit(&format!("source {number} is unknown; use balance")).into());
                }
                Ok(source) if sources.contains(&source) => {
                    return Err(errors::invalid_deposit("a source is named twice").into());
                }
                Ok(source) => sources.push(source),
            }
        }
        match sources.contains(&Source::Balance) {
            true => Ok(Self { amount }),
            false if sources.is_empty() => Err(errors::invalid_deposit("it names no source; use balance").into()),
            false => Err(errors::invalid_deposit(
                "this chain has no authz grants yet, so a deposit cannot come from one; name the source balance",
            )
            .into()),
        }
    }
}
