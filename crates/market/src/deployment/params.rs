//! Governed parameters of deployments.

use ledger::{Context, Failure, Rejection};
use primitives::{Coin, Coins};
use proto::akash::deployment::v1beta4 as wire;
use proto::cosmos::base::v1beta1 as cosmos;

use super::state::PARAMS;
use crate::refusal::deployment as refusal;
use crate::wire::coin_out;

/// A least deposit is below this, as upstream.
const DEPOSIT_BOUND: u128 = 1 << 31;

/// What the authority may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// The least deposit of a deployment, base units per denom. The denoms listed here are those in which deployments
    /// may be priced and paid; there are no others. Default: half a unit of each denom of hired hardware
    /// (spec/akash.md 1.4).
    pub min_deposits: Coins,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_deposits: half_a_unit() }
    }
}

/// 500000 base units of `utet` and of `uusd`, the denoms of hired hardware in the default genesis.
pub(crate) fn half_a_unit() -> Coins {
    // Two well-formed constant coins, which always parse.
    "500000utet,500000uusd".parse().unwrap_or_default()
}

/// Least deposits of a message: at least one, each positive and below 2^31, no denom twice.
pub(crate) fn least_deposits(coins: &[cosmos::Coin]) -> Result<Coins, String> {
    if coins.is_empty() {
        return Err("at least one denom must be allowed".to_owned());
    }
    let mut deposits = Coins::new();
    for coin in coins {
        let coin = Coin::from_wire(&coin.denom, &coin.amount).map_err(|error| error.to_string())?;
        if coin.amount == 0 || coin.amount >= DEPOSIT_BOUND {
            return Err(format!("the least deposit {coin} must be positive and below {DEPOSIT_BOUND}"));
        }
        if deposits.amount_of(&coin.denom) > 0 {
            return Err(format!("{} is listed twice", coin.denom));
        }
        deposits.add(&coin).ok_or("the least deposits overflow")?;
    }
    Ok(deposits)
}

impl Params {
    /// Checks parameters of a message or of genesis.
    ///
    /// # Errors
    /// `deployment` 22 when one is out of bounds.
    pub fn from_wire(params: &wire::Params) -> Result<Self, Rejection> {
        let min_deposits = least_deposits(&params.min_deposits);
        Ok(Self { min_deposits: min_deposits.map_err(|why| refusal::invalid_param(format!("min_deposits: {why}")))? })
    }

    /// For storage and answers.
    pub fn to_wire(&self) -> wire::Params {
        wire::Params { min_deposits: self.min_deposits.iter().map(|coin| coin_out(&coin)).collect() }
    }

    /// The parameters in force.
    ///
    /// # Errors
    /// When the state fails.
    pub fn load(ctx: &Context) -> Result<Self, Failure> {
        match PARAMS.get(&ctx.state)? {
            Some(params) => Ok(Self::from_wire(&params)?),
            None => Ok(Self::default()),
        }
    }

    /// Puts the parameters in force.
    pub fn store(&self, ctx: &mut Context) {
        PARAMS.set(&mut ctx.state, &self.to_wire());
    }

    /// The denoms in which deployments may be priced, as text for messages.
    pub(crate) fn denoms(&self) -> String {
        let denoms: Vec<String> = self.min_deposits.iter().map(|coin| coin.denom.to_string()).collect();
        denoms.join(" or ")
    }
}
