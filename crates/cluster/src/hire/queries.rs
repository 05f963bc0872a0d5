//! Queries of hires.

use ledger::pages::Paging;
use ledger::{Context, Failure, QueryError, QueryRoute};
use proto::tetra::cluster::v1::{
    Cluster, Excluded, QueryClusterRequest, QueryClusterResponse, QueryClustersRequest, QueryClustersResponse,
    QueryHeldQuoteRequest, QueryHeldQuoteResponse, QueryQuoteRequest, QueryQuoteResponse, QueryWorkRequest,
    QueryWorkResponse,
};

use super::state::{BY_OFFER, CLUSTERS, LIVE, QUOTES};
use super::{ask as asked, choice, quote};
use crate::ids::{ClusterId, OfferId};
use crate::params::params;

/// How many of the next best devices a quote shows.
const MOST_ALTERNATIVES: usize = 16;

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.cluster.v1.Query/Quote", quote),
        QueryRoute::new("/tetra.cluster.v1.Query/HeldQuote", held_quote),
        QueryRoute::new("/tetra.cluster.v1.Query/Cluster", cluster),
        QueryRoute::new("/tetra.cluster.v1.Query/Clusters", clusters),
        QueryRoute::new("/tetra.cluster.v1.Query/Work", work),
    ]
}

/// The quote that would be given now, the next best devices, and why each other offer is not in it.
///
/// # Errors
/// `InvalidArgument` for an ask that is malformed.
pub fn quote(ctx: &Context, request: QueryQuoteRequest) -> Result<QueryQuoteResponse, QueryError> {
    let ask = request.ask.ok_or_else(|| QueryError::invalid("what is asked for is missing"))?;
    asked::check(&params(ctx)?, &ask)?;
    let look = choice::look_at_all(ctx, &ask)?;
    let chosen = choice::choose(&look.fitting, ask.nodes, ask.pack);
    let excluded = look
        .unfit
        .iter()
        .map(|(id, reason)| Excluded { offer: Some(id.to_wire(&ctx.chain.prefix)), reason: reason.clone() });
    let excluded = excluded.collect();
    let others = look.fitting.iter().filter(|(device, _)| !chosen.contains(device));
    let alternatives =
        others.take(MOST_ALTERNATIVES).map(|(device, _)| quote::line(ctx, device)).collect::<Result<_, _>>()?;
    let (quote, refusal) = match chosen.len() == ask.nodes as usize {
        true => (Some(quote::of(ctx, &ask, &chosen)?), String::new()),
        false => (None, quote::too_few(&ask, &chosen, &look).to_string()),
    };
    Ok(QueryQuoteResponse { quote, excluded, alternatives, refusal })
}

fn missing(ctx: &Context, what: &str, id: &ClusterId) -> QueryError {
    QueryError::not_found(format!("there is no {what} {}", id.text(&ctx.chain.prefix)))
}

/// A quote that holds.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn held_quote(ctx: &Context, request: QueryHeldQuoteRequest) -> Result<QueryHeldQuoteResponse, QueryError> {
    let id = ClusterId::from_wire(ctx, request.id.as_ref())?;
    let quote = QUOTES.get(&ctx.state, &id)?.ok_or_else(|| missing(ctx, "quote", &id))?;
    Ok(QueryHeldQuoteResponse { quote: Some(quote) })
}

/// One cluster.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed id.
pub fn cluster(ctx: &Context, request: QueryClusterRequest) -> Result<QueryClusterResponse, QueryError> {
    let id = ClusterId::from_wire(ctx, request.id.as_ref())?;
    let cluster = CLUSTERS.get(&ctx.state, &id)?.ok_or_else(|| missing(ctx, "cluster", &id))?;
    Ok(QueryClusterResponse { cluster: Some(cluster) })
}

/// Clusters of a tenant or of all.
///
/// # Errors
/// `InvalidArgument` for a malformed tenant or page request.
pub fn clusters(ctx: &Context, request: QueryClustersRequest) -> Result<QueryClustersResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let find = |id: ClusterId, (): ()| Ok(CLUSTERS.get(&ctx.state, &id)?);
    let all = |_: ClusterId, cluster: Cluster| Ok(Some(cluster));
    let (clusters, pagination) = match (request.tenant.is_empty(), request.live) {
        (true, true) => paging.pick(&ctx.state, &LIVE, &(), find)?,
        (true, false) => paging.pick(&ctx.state, &CLUSTERS, &(), all)?,
        (false, true) => paging.pick(&ctx.state, &LIVE, &ctx.address(&request.tenant)?, find)?,
        (false, false) => paging.pick(&ctx.state, &CLUSTERS, &ctx.address(&request.tenant)?, all)?,
    };
    Ok(QueryClustersResponse { clusters, pagination })
}

/// Clusters that have a live node of an offer.
///
/// # Errors
/// `InvalidArgument` for a malformed id.
pub fn work(ctx: &Context, request: QueryWorkRequest) -> Result<QueryWorkResponse, QueryError> {
    let id = OfferId::from_wire(ctx, request.id.as_ref())?;
    let found: Result<Vec<Option<Cluster>>, Failure> = BY_OFFER
        .under(&ctx.state, &id)?
        .into_iter()
        .map(|((_, cluster), ())| Ok(CLUSTERS.get(&ctx.state, &cluster)?))
        .collect();
    Ok(QueryWorkResponse { clusters: found?.into_iter().flatten().collect() })
}
