//! Queries of supply.

use ledger::pages::Paging;
use ledger::{Context, Failure, QueryError, QueryRoute};
use proto::tetra::cluster::v1::{
    Offer, QueryClassesRequest, QueryClassesResponse, QueryDutiesRequest, QueryDutiesResponse, QueryOfferRequest,
    QueryOfferResponse, QueryOffersRequest, QueryOffersResponse, QueryParamsRequest, QueryParamsResponse,
    QueryRewardsRequest, QueryRewardsResponse, QueryRoundRequest, QueryRoundResponse,
};

use super::state::{APPEALS, OFFERS, PROOFS, REWARDS, ROUND, terms};
use super::{appeal, class, draw, round, verdict};
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
        QueryRoute::new("/tetra.cluster.v1.Query/Rewards", rewards),
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

/// One offer, with its proof in the current round and its appeal.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn offer(ctx: &Context, request: QueryOfferRequest) -> Result<QueryOfferResponse, QueryError> {
    let id = OfferId::from_wire(ctx, request.id.as_ref())?;
    let offer = found(ctx, &id)?;
    let proof = PROOFS.get(&ctx.state, &(offer.committed_round, offer.place))?;
    let proof = proof.filter(|proof| proof.offer == offer.id && offer.committed_round > 0);
    let appeal = APPEALS.get(&ctx.state, &id)?;
    Ok(QueryOfferResponse { offer: Some(offer), proof, appeal })
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

/// The proofs and appeals that an offer is drawn for and has not spoken of, and who verifies its own.
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
    let mut verifiers = Vec::new();
    if let Some(own) = PROOFS.get(&ctx.state, &(round.number, offer.place))? {
        for place in verdict::judges(ctx, &round, &params, &own)? {
            verifiers.extend(PROOFS.get(&ctx.state, &(round.number, place))?);
        }
    }
    let appeals = appeal::of_judge(ctx, &round, &offer)?;
    Ok(QueryDutiesResponse { proofs, verifiers, appeals })
}

/// What was shared among suppliers that are there, and what the schedule emitted.
///
/// # Errors
/// When the state fails.
pub fn rewards(ctx: &Context, _: QueryRewardsRequest) -> Result<QueryRewardsResponse, QueryError> {
    let emitted = super::rewards::emitted(ctx, &params::params(ctx)?)?.to_string();
    Ok(QueryRewardsResponse { rewards: REWARDS.get(&ctx.state)?, emitted })
}
