//! Nodes that are lost, and what takes their place.

use std::collections::BTreeSet;

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{Ask, Cluster, ClusterState, Node, NodeState};

use super::choice::Chosen;
use super::state::{BY_OFFER, CLUSTERS, ask, has_ended, is_live, live, put};
use super::{formation, nodes, quote, stopping};
use crate::ids::{ClusterId, NodeNumber, OfferId};
use crate::money;
use crate::params::params;
use crate::supply::events;
use crate::supply::state::{OFFERS, put as put_offer};

/// Before a place for which no device was found is tried again, in milliseconds.
const AGAIN_MS: u64 = 10_000;

/// Loses a node: nothing is paid for it any more, and its place is vacant.
///
/// # Errors
/// When the state fails.
pub(super) fn lose(
    ctx: &mut Context,
    id: &ClusterId,
    cluster: &mut Cluster,
    number: NodeNumber,
    reason: &str,
) -> Result<(), Failure> {
    let Some(was) = nodes::end(ctx, id, cluster, number, (NodeState::Lost, reason))? else { return Ok(()) };
    cluster.vacant.push(was.rank);
    if cluster.state() == ClusterState::Running {
        cluster.set_state(ClusterState::Degraded);
        cluster.reason = format!("node {number} is lost: {reason}");
    }
    Ok(())
}

/// What a replacement may be: as asked, and no dearer than the dearest that the tenant agreed to.
fn wanted(cluster: &Cluster) -> Ask {
    let ask = ask(cluster);
    let dearest = cluster.nodes.iter().map(|node| node.price).max().unwrap_or(0);
    let ceiling = if ask.ceiling > 0 { ask.ceiling } else { dearest };
    Ask { nodes: 1, ceiling, ..ask }
}

/// A device for a vacant place, by the first set of offers to be passed over that leaves one.
fn replacement(ctx: &Context, ask: &Ask, tries: &[BTreeSet<OfferId>]) -> Result<Option<Chosen>, Failure> {
    for avoid in tries {
        match quote::devices(ctx, ask, avoid) {
            Ok(found) => return Ok(found.first().copied()),
            Err(Failure::Rejected(_)) => {}
            Err(broken) => return Err(broken),
        }
    }
    Ok(None)
}

/// Fills vacant places from the pool as far as there are devices; offers that lost a node of this cluster come last.
///
/// # Errors
/// When the state fails.
pub(super) fn refill(ctx: &mut Context, id: &ClusterId, cluster: &mut Cluster) -> Result<(), Failure> {
    let params = params(ctx)?;
    let offers = |ctx: &Context, wanted: &dyn Fn(&Node) -> bool| -> BTreeSet<OfferId> {
        let nodes = cluster.nodes.iter().filter(|node| wanted(node));
        nodes.filter_map(|node| OfferId::from_wire(ctx, node.offer.as_ref()).ok()).collect()
    };
    let lost = offers(ctx, &|node| node.state() == NodeState::Lost);
    let used = offers(ctx, &|node| node.state() == NodeState::Lost || is_live(node));
    // Another supplier's first, so that what was spread stays so; one's own again when there is no other, once it showed that it
    // can form.
    let (ask, none) = (wanted(cluster), BTreeSet::new());
    let mut tries = if ask.pack { vec![lost] } else { vec![used, lost] };
    if cluster.formed_ms > 0 {
        tries.push(none);
    }
    let mut waiting = false;
    for rank in std::mem::take(&mut cluster.vacant) {
        let device = match cluster.replaced < params.max_replacements {
            true => replacement(ctx, &ask, &tries)?,
            false => None,
        };
        let seated = match device {
            Some(device) => {
                let attempt = |ctx: &mut Context| nodes::add(ctx, id, cluster, rank, &device);
                match ctx.attempt(attempt) {
                    Ok(()) => true,
                    Err(Failure::Rejected(_)) => false,
                    Err(broken) => return Err(broken),
                }
            }
            None => false,
        };
        match seated {
            true => cluster.replaced = cluster.replaced.saturating_add(1),
            false => {
                cluster.vacant.push(rank);
                waiting = true;
            }
        }
    }
    let now = ctx.block.time_ms();
    let starting = live(cluster).any(|node| node.state() != NodeState::Running);
    cluster.deadline_ms = match (waiting, starting) {
        (true, _) => now.saturating_add(AGAIN_MS.min(params.formation_ms)),
        (false, true) => now.saturating_add(params.formation_ms),
        (false, false) => 0,
    };
    Ok(())
}

/// Loses nodes of a cluster and fills their places, or ends it where that is not possible.
///
/// # Errors
/// When the state fails.
pub(super) fn replace(
    ctx: &mut Context,
    id: &ClusterId,
    cluster: &mut Cluster,
    lost: &[(NodeNumber, String)],
) -> Result<(), Failure> {
    for (number, reason) in lost {
        lose(ctx, id, cluster, *number, reason)?;
    }
    if cluster.state() == ClusterState::Kept {
        // Nothing takes the place of what is kept to be looked at.
        cluster.vacant.clear();
        if live(cluster).next().is_some() {
            return Ok(());
        }
        return stopping::stop(ctx, id, cluster, "all of its nodes are lost");
    }
    if !super::billing::is_open(ctx, id)? {
        return stopping::stop(ctx, id, cluster, "its funds are used up");
    }
    refill(ctx, id, cluster)?;
    let spent = cluster.replaced >= params(ctx)?.max_replacements && !cluster.vacant.is_empty();
    if cluster.state() == ClusterState::Forming && (spent || !cluster.vacant.is_empty()) {
        let why = lost.first().map_or("no device is free for its place", |(_, why)| why.as_str());
        return stopping::fail(
            ctx,
            id,
            cluster,
            &format!("it did not form, and nothing replaces what is missing: {why}"),
        );
    }
    if live(cluster).next().is_none() {
        return stopping::stop(ctx, id, cluster, "all of its nodes are lost, and no device is free");
    }
    formation::shorten(ctx, id, cluster)
}

/// Loses all nodes of an offer, in every cluster.
///
/// # Errors
/// When the state fails.
pub(crate) fn of_offer(ctx: &mut Context, offer: &OfferId, reason: &str) -> Result<(), Failure> {
    let name = Some(offer.to_wire(&ctx.chain.prefix));
    for ((_, id), ()) in BY_OFFER.under(&ctx.state, offer)? {
        let Some(mut cluster) = CLUSTERS.get(&ctx.state, &id)? else { continue };
        let lost = live(&cluster).filter(|node| node.offer == name).map(|node| (node.number, reason.to_owned()));
        let lost: Vec<(NodeNumber, String)> = lost.collect();
        replace(ctx, &id, &mut cluster, &lost)?;
        put(ctx, &id, cluster)?;
    }
    Ok(())
}

/// A machine has something to render: what was hired of its window ends, as its tenant agreed to.
///
/// # Errors
/// When the state fails.
pub(crate) fn recalled(ctx: &mut Context, id: &ClusterId, number: NodeNumber) -> Result<(), Failure> {
    let Some(mut cluster) = CLUSTERS.get(&ctx.state, id)? else { return Ok(()) };
    if has_ended(&cluster) || !live(&cluster).any(|node| node.number == number) {
        return Ok(());
    }
    replace(ctx, id, &mut cluster, &[(number, "its machine has something else to do".to_owned())])?;
    put(ctx, id, cluster)
}

/// A supplier took a device back: its tenant gets some hours of its price out of the collateral, and a place is vacant.
///
/// # Errors
/// When the state fails.
pub(crate) fn taken_back(ctx: &mut Context, id: &ClusterId, number: NodeNumber) -> Result<(), Failure> {
    let Some(mut cluster) = CLUSTERS.get(&ctx.state, id)? else { return Ok(()) };
    if has_ended(&cluster) {
        return Ok(());
    }
    let Some(node) = live(&cluster).find(|node| node.number == number).cloned() else { return Ok(()) };
    let offer = OfferId::from_wire(ctx, node.offer.as_ref())?;
    let hours = u64::from(params(ctx)?.return_hours);
    if let Some(mut of) = OFFERS.get(&ctx.state, &offer)? {
        let owed = node.price.saturating_mul(hours).min(of.collateral);
        money::send(ctx, &money::collateral(), &id.tenant, owed.into())?;
        of.collateral = of.collateral.saturating_sub(owed);
        let reason = "it took back a device that was hired";
        events::slash(ctx, &offer, owed, reason);
        // What it stands good with is no longer what its class asks for: its owner offers it anew.
        (of.fresh_until_ms, of.reason) = (0, reason.to_owned());
        put_offer(ctx, &offer, of)?;
    }
    replace(ctx, id, &mut cluster, &[(number, "its supplier took the device back".to_owned())])?;
    put(ctx, id, cluster)
}
