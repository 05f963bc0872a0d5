//! Queries of proofs.

use ledger::pages::Paging;
use ledger::{Context, QueryError, QueryRoute};
use proto::tetra::render::v1::{
    QueryAuditRequest, QueryAuditResponse, QueryDutiesRequest, QueryDutiesResponse, QueryProofParamsRequest,
    QueryProofParamsResponse,
};

use super::params;
use super::state::{AUDITS, DUTIES};
use crate::ids::{NodeId, TryId, UnitId};

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.render.v1.ProofQuery/Audit", audit),
        QueryRoute::new("/tetra.render.v1.ProofQuery/Duties", duties),
        QueryRoute::new("/tetra.render.v1.ProofQuery/ProofParams", proof_params),
    ]
}

/// The audit of one try at a unit; attempt 0 asks for the last one.
///
/// # Errors
/// `NotFound`, also for a unit that was not drawn; `InvalidArgument` for a malformed id.
pub fn audit(ctx: &Context, request: QueryAuditRequest) -> Result<QueryAuditResponse, QueryError> {
    let unit = UnitId::from_wire(ctx, request.unit.as_ref())?;
    let found = match request.attempt {
        0 => {
            let newest = store::PageQuery { from: None, limit: 1, reverse: true };
            AUDITS.page(&ctx.state, &unit, &newest)?.entries.pop().map(|(_, audit)| audit)
        }
        attempt => AUDITS.get(&ctx.state, &(unit, attempt))?,
    };
    let found =
        found.ok_or_else(|| QueryError::not_found("no audit of this unit: it was not drawn, or not committed"))?;
    Ok(QueryAuditResponse { audit: Some(found) })
}

/// Audits that are not closed and in which a node takes part.
///
/// # Errors
/// `InvalidArgument` for a malformed id or page.
pub fn duties(ctx: &Context, request: QueryDutiesRequest) -> Result<QueryDutiesResponse, QueryError> {
    let node = NodeId::from_wire(ctx, request.node.as_ref())?;
    let show = |(_, id): (NodeId, TryId), ()| Ok(AUDITS.get(&ctx.state, &id)?);
    let (audits, pagination) = Paging::parse(request.pagination)?.pick(&ctx.state, &DUTIES, &node, show)?;
    Ok(QueryDutiesResponse { audits, pagination })
}

/// The parameters in force.
///
/// # Errors
/// `Internal` when the state fails.
pub fn proof_params(ctx: &Context, _: QueryProofParamsRequest) -> Result<QueryProofParamsResponse, QueryError> {
    Ok(QueryProofParamsResponse { params: Some(params::load(ctx)?) })
}
