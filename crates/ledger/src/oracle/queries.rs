//! Queries of `tetra.oracle.v1`.

use primitives::Address;
use proto::tetra::oracle::v1::{
    Observation, Price, PriceView, QueryParamsRequest, QueryParamsResponse, QueryPriceRequest, QueryPriceResponse,
    QueryPricesRequest, QueryPricesResponse,
};

use super::prices::{PAIRS, view};
use super::window::Word;
use crate::context::{Context, timestamp};
use crate::failure::QueryError;

fn shown(ctx: &Context, pair: &str) -> Result<PriceView, QueryError> {
    let view = view(ctx, pair)?;
    let observation = |(feeder, word): &(Address, Word)| Observation {
        feeder: ctx.text(feeder),
        price: Some(Price { pair: pair.to_owned(), micros: word.micros }),
        posted_at: Some(timestamp(word.posted_ms)),
    };
    Ok(PriceView {
        pair: pair.to_owned(),
        state: view.state.into(),
        reason: view.reason.clone(),
        spot_micros: view.spot,
        average_micros: view.average,
        observations: view.words.iter().map(observation).collect(),
        simulated: view.simulated,
    })
}

/// One pair, usable or not.
///
/// # Errors
/// `InvalidArgument` for a pair that the oracle does not keep.
pub fn price(ctx: &Context, request: QueryPriceRequest) -> Result<QueryPriceResponse, QueryError> {
    Ok(QueryPriceResponse { price: Some(shown(ctx, &request.pair)?) })
}

/// All pairs.
///
/// # Errors
/// When the state fails.
pub fn prices(ctx: &Context, _: QueryPricesRequest) -> Result<QueryPricesResponse, QueryError> {
    let prices = PAIRS.into_iter().map(|pair| shown(ctx, pair)).collect::<Result<_, _>>()?;
    Ok(QueryPricesResponse { prices })
}

/// The parameters in force.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    Ok(QueryParamsResponse { params: Some(super::params(ctx)?.to_wire(ctx)) })
}
