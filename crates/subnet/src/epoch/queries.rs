//! Queries of emission and epochs.

use emission::halving::{CAP, Halving};
use ledger::{Context, QueryError, QueryRoute};
use proto::tetra::subnet::v1::{
    QueryExplainRequest, QueryExplainResponse, QueryIssuanceRequest, QueryIssuanceResponse,
};

use super::explain;
use super::state::emission;
use crate::network::state::SUBNETS;
use crate::wit;

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.subnet.v1.Query/Issuance", issuance),
        QueryRoute::new("/tetra.subnet.v1.Query/Explain", explain_neuron),
    ]
}

fn short(amount: u128) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX)
}

/// How much WIT there is, where it lies, and when the next halving comes if so much is recycled a day.
///
/// # Errors
/// When the state fails.
pub fn issuance(ctx: &Context, request: QueryIssuanceRequest) -> Result<QueryIssuanceResponse, QueryError> {
    let (schedule, issuance) = (Halving::default(), wit::issuance(ctx)?);
    Ok(QueryIssuanceResponse {
        issuance: short(issuance),
        cap: short(CAP),
        per_day: short(schedule.per_day(issuance)),
        halvings: schedule.halvings(issuance).unwrap_or(0),
        next_threshold: schedule.next_threshold(issuance).map_or(0, short),
        until_next_ms: schedule.until_next(issuance, request.recycled_per_day.into()).unwrap_or(0),
        staked: short(wit::balance(ctx, &wit::stakes())?),
        locked: short(wit::balance(ctx, &wit::locks())?),
        pending: short(wit::balance(ctx, &wit::emission())?),
        recycled: emission(ctx)?.recycled,
    })
}

/// What each step of an epoch gives a neuron, if the epoch came now.
///
/// # Errors
/// `NotFound`.
pub fn explain_neuron(ctx: &Context, request: QueryExplainRequest) -> Result<QueryExplainResponse, QueryError> {
    let missing = || QueryError::not_found(format!("there is no uid {} in subnet {}", request.uid, request.netuid));
    let subnet = SUBNETS.get(&ctx.state, &request.netuid)?.ok_or_else(missing)?;
    explain::explain(ctx, &subnet, request.uid)?.ok_or_else(missing)
}
