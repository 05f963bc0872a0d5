//! The registry of denoms, and by which policy the supply of each may change.

use std::fmt;
use std::str::FromStr;

use primitives::{Coins, Denom};
use serde::{Deserialize, Serialize};

use super::params;
use super::state::{DENOMS, SendEnabled, StoredDenom};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// Why coins of a denom come into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The chain never does it by itself: a bridge issues the denom or, on a development network, a faucet.
    None,
    /// Proof-of-stake inflation towards a bonded goal.
    Inflation,
    /// Burned for credits at the oracle's price, minted per epoch on a schedule.
    BurnAndMint,
    /// A hard cap, emission halving by issuance.
    Capped,
    /// An hourly emission that falls by a fixed rate.
    Disinflation,
}

impl Policy {
    const ALL: [Self; 5] = [Self::None, Self::Inflation, Self::BurnAndMint, Self::Capped, Self::Disinflation];

    /// The name that genesis, state and announcements use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Inflation => "inflation",
            Self::BurnAndMint => "burn_and_mint",
            Self::Capped => "capped",
            Self::Disinflation => "disinflation",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|policy| policy.name() == text);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is no policy of a denom; there are {known}")
        })
    }
}

/// Whether the chain knows a denom.
///
/// # Errors
/// When the state fails.
pub fn is_registered(ctx: &Context, denom: &Denom) -> Result<bool, Failure> {
    Ok(DENOMS.has(&ctx.state, &denom.as_str().to_owned())?)
}

/// By which policy a denom is minted; none of one that the chain does not know.
///
/// # Errors
/// When the state fails.
pub fn policy(ctx: &Context, denom: &Denom) -> Result<Option<String>, Failure> {
    Ok(DENOMS.get(&ctx.state, &denom.as_str().to_owned())?.map(|found| found.policy))
}

pub(super) fn registered(ctx: &Context, denom: &Denom) -> Result<StoredDenom, Failure> {
    let found = DENOMS.get(&ctx.state, &denom.as_str().to_owned())?;
    found.ok_or_else(|| {
        Rejection::invalid_coins(format!("{denom} is no denom of this chain: genesis names all that exist")).into()
    })
}

/// Refuses coins that users may not send: `bank` 5, in the words of the Cosmos SDK.
pub(super) fn require_sendable(ctx: &Context, coins: &Coins) -> Result<(), Failure> {
    let default = params(ctx)?.default_send_enabled;
    for coin in coins.iter() {
        let Some(stored) = DENOMS.get(&ctx.state, &coin.denom.as_str().to_owned())? else {
            continue;
        };
        let enabled = match stored.send_enabled() {
            SendEnabled::Default => default,
            SendEnabled::Yes => true,
            SendEnabled::No => false,
        };
        if !enabled {
            let why = format!("{} transfers are currently disabled: send transactions are disabled", coin.denom);
            return Err(Rejection::new("bank", 5, why).into());
        }
    }
    Ok(())
}
