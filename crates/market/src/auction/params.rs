//! Governed parameters of the auction.

use std::time::Duration;

use ledger::{Context, Failure, Rejection};
use primitives::{Coin, Coins};
use proto::akash::market::v1beta5 as wire;

use super::state::PARAMS;
use crate::deployment::params::{half_a_unit, least_deposits};
use crate::refusal::market as refusal;
use crate::wire::{coin_out, duration_in};

/// The most that [`Params::order_max_bids`] can be.
const ORDER_MAX_BIDS: u32 = 500;

/// What the authority may change (defaults: spec/akash.md 1.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// The least deposit of a bid, base units per denom; other denoms are not taken. Default: half a unit of each.
    pub bid_min_deposits: Coins,
    /// No bid is taken on an order that has more than this many that are not lost: 1 to 500, default 20.
    pub order_max_bids: u32,
    /// The shortest reclamation window; default one hour.
    pub min_reclamation_window: Duration,
    /// The longest reclamation window; default 30 days.
    pub max_reclamation_window: Duration,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            bid_min_deposits: half_a_unit(),
            order_max_bids: 20,
            min_reclamation_window: Duration::from_secs(3_600),
            max_reclamation_window: Duration::from_secs(2_592_000),
        }
    }
}

fn whole_seconds(name: &str, window: Option<&proto::Duration>) -> Result<Duration, Rejection> {
    let window = window.and_then(duration_in).filter(|window| window.subsec_nanos() == 0 && !window.is_zero());
    window.ok_or_else(|| refusal::invalid_param(format!("{name} must be given in whole seconds, at least one")))
}

impl Params {
    /// Checks parameters of a message or of genesis. `bid_min_deposit`, which old clients read, must repeat one of
    /// `bid_min_deposits` or be absent.
    ///
    /// # Errors
    /// `market` 29 when one is out of bounds.
    pub fn from_wire(params: &wire::Params) -> Result<Self, Rejection> {
        let deposits = least_deposits(&params.bid_min_deposits);
        let bid_min_deposits = deposits.map_err(|why| refusal::invalid_param(format!("bid_min_deposits: {why}")))?;
        if let Some(single) = &params.bid_min_deposit {
            let single = Coin::from_wire(&single.denom, &single.amount);
            let single = single.map_err(|error| refusal::invalid_param(format!("bid_min_deposit: {error}")))?;
            if bid_min_deposits.amount_of(&single.denom) != single.amount {
                let why = format!("bid_min_deposit {single} is not one of bid_min_deposits {bid_min_deposits}");
                return Err(refusal::invalid_param(why));
            }
        }
        let order_max_bids = params.order_max_bids;
        if !(1..=ORDER_MAX_BIDS).contains(&order_max_bids) {
            let why = format!("order_max_bids is {order_max_bids}; allowed are 1 to {ORDER_MAX_BIDS}");
            return Err(refusal::invalid_param(why));
        }
        let min = whole_seconds("min_reclamation_window", params.min_reclamation_window.as_ref())?;
        let max = whole_seconds("max_reclamation_window", params.max_reclamation_window.as_ref())?;
        if min > max {
            return Err(refusal::invalid_param("min_reclamation_window is longer than max_reclamation_window"));
        }
        Ok(Self { bid_min_deposits, order_max_bids, min_reclamation_window: min, max_reclamation_window: max })
    }

    /// For storage and answers; `bid_min_deposit` is the first of the deposits.
    pub fn to_wire(&self) -> wire::Params {
        let deposits: Vec<_> = self.bid_min_deposits.iter().map(|coin| coin_out(&coin)).collect();
        let seconds = |window: Duration| proto::Duration {
            seconds: i64::try_from(window.as_secs()).unwrap_or(i64::MAX),
            nanos: 0,
        };
        wire::Params {
            bid_min_deposit: deposits.first().cloned(),
            order_max_bids: self.order_max_bids,
            bid_min_deposits: deposits,
            min_reclamation_window: Some(seconds(self.min_reclamation_window)),
            max_reclamation_window: Some(seconds(self.max_reclamation_window)),
        }
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

    /// Whether a reclamation window is within bounds.
    ///
    /// # Errors
    /// Says what the bounds are.
    pub fn check_window(&self, window: Duration) -> Result<(), String> {
        let (min, max) = (self.min_reclamation_window, self.max_reclamation_window);
        if (min..=max).contains(&window) {
            return Ok(());
        }
        Err(format!("the window is {} s; allowed are {} to {} s", window.as_secs(), min.as_secs(), max.as_secs()))
    }
}
