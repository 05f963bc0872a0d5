//! Queries of supply.

use ledger::pages::Paging;
use ledger::{Context, Failure, QueryError, QueryRoute};
use proto::tetra::cluster::v1::{
    Offer, QueryClassesRequest, QueryClassesResponse, QueryDutiesRequest, QueryDutiesResponse, QueryOfferRequest,
    QueryOfferResponse, QueryOffersRequest, QueryOffersResponse, QueryParamsRequest, QueryParamsResponse,
    QueryRoundRequest, QueryRoundResponse,
};

use super::state::{OFFERS, PROOFS, ROUND, terms};
use super::{class, draw, round, verdict};
use crate::ids::OfferId;
use crate::params;

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.cluster.v1.Query/Params", params),
        QueryRoute::new("/tetra.cluster.v1.Query/Offers", offers),
        QueryRoute::new("/tetra.cluster.v1.Query/Offer", offer),
        QueryRoute::new("/tetra.cluster.v1.Query/Classes", classes),
        QueryRoute::new("/tetra.cluster.v1.Query/Round", round),
        QueryRoute::new("/tetra.cluster.v1.Query/Duties", duties),
    ]
}

/// The parameters in force.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    Ok(QueryParamsResponse { params: Some(params::params(ctx)?) })
}

/// Offers of an owner or of all, of a class or of all.
///
/// # Errors
/// `InvalidArgument` for a malformed owner or page request.
pub fn offers(ctx: &Context, request: QueryOffersRequest) -> Result<QueryOffersResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let wanted = |offer: &Offer| request.class.is_empty() || terms(offer).class == request.class;
    let pick = |_: OfferId, offer: Offer| Ok(wanted(&offer).then_some(offer));
    let (offers, pagination) = match request.owner.is_empty() {
        true => paging.pick(&ctx.state, &OFFERS, &(), pick)?,
        false => paging.pick(&ctx.state, &OFFERS, &ctx.address(&request.owner)?, pick)?,
    };
    Ok(QueryOffersResponse { offers, pagination })
}

fn found(ctx: &Context, id: &OfferId) -> Result<Offer, QueryError> {
    let missing = || QueryError::not_found(format!("no devices of {} are offered", id.text(&ctx.chain.prefix)));
    OFFERS.get(&ctx.state, id)?.ok_or_else(missing)
}

/// One offer, with its proof in the current round.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn offer(ctx: &Context, request: QueryOfferRequest) -> Result<QueryOfferResponse, QueryError> {
    let offer = found(ctx, &OfferId::from_wire(ctx, request.id.as_ref())?)?;
    let proof = PROOFS.get(&ctx.state, &(offer.committed_round, offer.place))?;
    let proof = proof.filter(|proof| proof.offer == offer.id && offer.committed_round > 0);
    Ok(QueryOfferResponse { offer: Some(offer), proof })
}

/// All classes as they are now.
///
/// # Errors
/// When the state fails.
pub fn classes(ctx: &Context, _: QueryClassesRequest) -> Result<QueryClassesResponse, QueryError> {
    let params = params::params(ctx)?;
    let states: Result<_, Failure> = params.classes.iter().map(|rule| class::state(ctx, &params, &rule.name)).collect();
    Ok(QueryClassesResponse { classes: states? })
}

/// The current round of proofs.
///
/// # Errors
/// `NotFound` before the first.
pub fn round(ctx: &Context, _: QueryRoundRequest) -> Result<QueryRoundResponse, QueryError> {
    let missing = || QueryError::not_found("there is no round yet: it opens when the first device is offered");
    let found = ROUND.get(&ctx.state)?.ok_or_else(missing)?;
    let next_ms = round::next_ms(&found, &params::params(ctx)?);
    Ok(QueryRoundResponse { round: Some(found), next_ms })
}

/// The proofs that an offer is drawn to verify and has not spoken of.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn duties(ctx: &Context, request: QueryDutiesRequest) -> Result<QueryDutiesResponse, QueryError> {
    let offer = found(ctx, &OfferId::from_wire(ctx, request.id.as_ref())?)?;
    let Some(round) = ROUND.get(&ctx.state)? else { return Ok(QueryDutiesResponse::default()) };
    if round.draw.is_empty() || round.closed || offer.committed_round != round.number || offer.blocked {
        return Ok(QueryDutiesResponse::default());
    }
    let params = params::params(ctx)?;
    let mut proofs = Vec::new();
    for place in draw::duties(ctx, &round, &params, offer.place) {
        let Some(proof) = PROOFS.get(&ctx.state, &(round.number, place))? else { continue };
        let spoken = proof.judged || proof.verdicts.iter().any(|said| said.verifier == offer.id);
        if !spoken && verdict::judges(ctx, &round, &params, &proof)?.contains(&offer.place) {
            proofs.push(proof);
        }
    }
    Ok(QueryDutiesResponse { proofs })
}
