//! Messages of `tetra.oracle.v1`.

use std::collections::BTreeMap;

use primitives::Address;
use proto::tetra::oracle::v1::{MsgPostPrices, MsgPostPricesResponse, MsgUpdateParams, MsgUpdateParamsResponse};

use super::params::{self, Params};
use super::prices::{HIGHEST, PAIRS, known, settle};
use super::state::{AVERAGES, OBSERVED, StoredObservation};
use super::{events, refusals};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

struct CheckedPost {
    feeder: Address,
    prices: BTreeMap<&'static str, u64>,
}

impl CheckedPost {
    fn parse(ctx: &Context, msg: &MsgPostPrices) -> Result<Self, Failure> {
        let feeder = ctx.address(&msg.feeder)?;
        let mut prices = BTreeMap::new();
        for price in &msg.prices {
            let pair = known(&price.pair)?;
            let micros = price.micros;
            if !(1..=HIGHEST).contains(&micros) {
                let why = format!("{pair} is posted at {micros} millionths; a price is 1 to {HIGHEST}");
                return Err(Rejection::invalid_request(why).into());
            }
            if prices.insert(pair, micros).is_some() {
                return Err(Rejection::invalid_request(format!("{pair} is posted twice; name each pair once")).into());
            }
        }
        if prices.is_empty() {
            return Err(Rejection::invalid_request("no prices; post at least one").into());
        }
        Ok(Self { feeder, prices })
    }
}

/// Notes what a feeder sees, in place of what it said before. What it said before counts in the average up to now.
///
/// # Errors
/// `oracle` 2 when the signer is no feeder, 3 for an unknown pair; `sdk` 7 for a malformed address, 18 for a price out
/// of bounds, a pair named twice, or no price.
pub fn post_prices(ctx: &mut Context, msg: MsgPostPrices) -> Result<MsgPostPricesResponse, Failure> {
    let CheckedPost { feeder, prices } = CheckedPost::parse(ctx, &msg)?;
    let params = params::params(ctx)?;
    if !params.feeders.contains(&feeder) {
        return Err(refusals::not_a_feeder(&msg.feeder).into());
    }
    let posted_ms = ctx.block.time_ms();
    for (pair, micros) in prices {
        settle(ctx, &params, pair, true)?;
        OBSERVED.set(&mut ctx.state, &(pair.to_owned(), feeder), &StoredObservation { micros, posted_ms });
        events::posted(ctx, &feeder, pair, micros);
    }
    Ok(MsgPostPricesResponse {})
}

/// Replaces the parameters. Averages are settled by the old ones up to now; another window begins empty. The words of
/// feeders that are no longer named are forgotten.
///
/// # Errors
/// `sdk` 4 when the signer is not the authority, 7 for a malformed address, 18 for parameters out of bounds.
pub fn update_params(ctx: &mut Context, msg: MsgUpdateParams) -> Result<MsgUpdateParamsResponse, Failure> {
    ctx.require_authority(&msg.authority)?;
    let wire = msg.params.ok_or_else(|| Rejection::invalid_request("params are missing; send all of them"))?;
    let checked = Params::from_wire(ctx, &wire)?;
    let before = params::params(ctx)?;
    for pair in PAIRS {
        settle(ctx, &before, pair, false)?;
        let key = pair.to_owned();
        if before.window_ms != checked.window_ms
            && let Some(mut average) = AVERAGES.get(&ctx.state, &key)?
        {
            average.buckets.clear();
            AVERAGES.set(&mut ctx.state, &key, &average);
        }
        for (id, _) in OBSERVED.under(&ctx.state, &key)? {
            if !checked.feeders.contains(&id.1) {
                OBSERVED.remove(&mut ctx.state, &id);
            }
        }
    }
    params::set(ctx, &checked);
    Ok(MsgUpdateParamsResponse {})
}
