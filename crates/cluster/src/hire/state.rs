//! What is stored of hires. Every index follows from the records alone.

use std::collections::BTreeSet;

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{Ask, Cluster, ClusterState, Node, NodeState, Quote};
use store::Map;

use super::{MODULE, events, timers};
use crate::ids::{ClusterId, NodeNumber, OfferId};
use crate::refusal::hire as refusal;

/// Clusters, also those that ended.
pub const CLUSTERS: Map<ClusterId, Cluster> = Map::new(MODULE, 1);
/// Quotes that hold.
pub const QUOTES: Map<ClusterId, Quote> = Map::new(MODULE, 2);
/// Clusters by the header time (milliseconds) at which time changes something.
pub const TIMERS: Map<(u64, ClusterId), ()> = Map::new(MODULE, 3);
/// Quotes by their last height.
pub const EXPIRIES: Map<(u64, ClusterId), ()> = Map::new(MODULE, 4);
/// Clusters that have a live node of an offer.
pub const BY_OFFER: Map<(OfferId, ClusterId), ()> = Map::new(MODULE, 5);
/// Clusters that have not ended.
pub const LIVE: Map<ClusterId, ()> = Map::new(MODULE, 6);

/// What its tenant asked for.
pub fn ask(cluster: &Cluster) -> Ask {
    cluster.ask.clone().unwrap_or_default()
}

/// Whether it has ended for good.
pub fn has_ended(cluster: &Cluster) -> bool {
    matches!(cluster.state(), ClusterState::Stopped | ClusterState::Failed)
}

/// Whether a node holds its device.
pub fn is_live(node: &Node) -> bool {
    matches!(node.state(), NodeState::Starting | NodeState::Joined | NodeState::Running)
}

/// The nodes that hold their devices.
pub fn live(cluster: &Cluster) -> impl Iterator<Item = &Node> {
    cluster.nodes.iter().filter(|node| is_live(node))
}

/// The offers of live nodes.
fn offers(ctx: &Context, cluster: &Cluster) -> BTreeSet<OfferId> {
    live(cluster).filter_map(|node| OfferId::from_wire(ctx, node.offer.as_ref()).ok()).collect()
}

/// A live node of a cluster.
pub fn node(cluster: &mut Cluster, number: NodeNumber) -> Option<&mut Node> {
    cluster.nodes.iter_mut().find(|node| node.number == number && is_live(node))
}

/// A cluster that must be there.
///
/// # Errors
/// `cluster` 3 when it is not.
pub fn require(ctx: &Context, id: &ClusterId) -> Result<Cluster, Failure> {
    CLUSTERS.get(&ctx.state, id)?.ok_or_else(|| refusal::not_found(&id.text(&ctx.chain.prefix)).into())
}

/// A cluster that must not have ended.
///
/// # Errors
/// `cluster` 3, 8.
pub fn require_live(ctx: &Context, id: &ClusterId) -> Result<Cluster, Failure> {
    let cluster = require(ctx, id)?;
    if has_ended(&cluster) {
        let state = cluster.state().as_str_name();
        return Err(refusal::ended(&id.text(&ctx.chain.prefix), state).into());
    }
    Ok(cluster)
}

/// Stores a cluster, moves its index entries, and announces another state.
///
/// # Errors
/// When the state fails.
pub fn put(ctx: &mut Context, id: &ClusterId, mut cluster: Cluster) -> Result<(), Failure> {
    let old = CLUSTERS.get(&ctx.state, id)?.unwrap_or_default();
    let notice = crate::params::params(ctx)?.notice_ms;
    cluster.timer_ms = timers::next(&cluster, notice);
    index(ctx, id, &old, &cluster);
    CLUSTERS.set(&mut ctx.state, id, &cluster);
    if old.state != cluster.state {
        events::cluster(ctx, id, cluster.state(), &cluster.reason);
    }
    Ok(())
}

/// Stores a cluster of genesis as it is.
pub(crate) fn import(ctx: &mut Context, id: &ClusterId, cluster: &Cluster) {
    index(ctx, id, &Cluster::default(), cluster);
    CLUSTERS.set(&mut ctx.state, id, cluster);
}

fn index(ctx: &mut Context, id: &ClusterId, old: &Cluster, new: &Cluster) {
    let (before, after) = (offers(ctx, old), offers(ctx, new));
    for offer in before.difference(&after) {
        BY_OFFER.remove(&mut ctx.state, &(*offer, *id));
    }
    for offer in after.difference(&before) {
        BY_OFFER.set(&mut ctx.state, &(*offer, *id), &());
    }
    if old.timer_ms != new.timer_ms {
        if old.timer_ms > 0 {
            TIMERS.remove(&mut ctx.state, &(old.timer_ms, *id));
        }
        if new.timer_ms > 0 {
            TIMERS.set(&mut ctx.state, &(new.timer_ms, *id), &());
        }
    }
    match has_ended(new) {
        true => LIVE.remove(&mut ctx.state, id),
        false => LIVE.set(&mut ctx.state, id, &()),
    }
}

/// Stores a quote.
pub(crate) fn put_quote(ctx: &mut Context, id: &ClusterId, quote: &Quote) {
    QUOTES.set(&mut ctx.state, id, quote);
    EXPIRIES.set(&mut ctx.state, &(quote.expires_height, *id), &());
}

/// Takes a quote out of the state. Its holds are the caller's.
pub(crate) fn remove_quote(ctx: &mut Context, id: &ClusterId, quote: &Quote) {
    QUOTES.remove(&mut ctx.state, id);
    EXPIRIES.remove(&mut ctx.state, &(quote.expires_height, *id));
}
