//! How clusters end.

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{Cluster, ClusterState, NodeState};

use super::state::{ask, live, node};
use super::{billing, events, formation, nodes};
use crate::ids::{ClusterId, NodeNumber};

/// Ends a cluster: everyone is paid to this block, the rest of the money goes back, devices are free.
///
/// # Errors
/// When the state fails.
pub(crate) fn stop(ctx: &mut Context, id: &ClusterId, cluster: &mut Cluster, reason: &str) -> Result<(), Failure> {
    end(ctx, id, cluster, ClusterState::Stopped, reason)
}

/// Gives up a cluster that did not form: nothing but the fee of the reservation was paid.
///
/// # Errors
/// When the state fails.
pub(super) fn fail(ctx: &mut Context, id: &ClusterId, cluster: &mut Cluster, reason: &str) -> Result<(), Failure> {
    end(ctx, id, cluster, ClusterState::Failed, reason)
}

/// Gives up a cluster that its asker's own image or command kept from forming: the time held is paid.
///
/// # Errors
/// When the state fails.
pub(super) fn fail_by_asker(
    ctx: &mut Context,
    id: &ClusterId,
    cluster: &mut Cluster,
    reason: &str,
) -> Result<(), Failure> {
    billing::pay_held(ctx, id, cluster)?;
    end(ctx, id, cluster, ClusterState::Failed, reason)
}

/// Keeps the nodes of a cluster that its asker's own image or command kept from forming, to be looked at: the time held is paid, and
/// the time kept as it passes.
///
/// # Errors
/// When the state fails.
pub(super) fn keep(ctx: &mut Context, id: &ClusterId, cluster: &mut Cluster, reason: &str) -> Result<(), Failure> {
    let (now, kept) = (ctx.block.time_ms(), ask(cluster).keep_failed_ms);
    billing::pay_held(ctx, id, cluster)?;
    if !billing::is_open(ctx, id)? {
        return end(ctx, id, cluster, ClusterState::Failed, reason);
    }
    let numbers: Vec<NodeNumber> = live(cluster).map(|node| node.number).collect();
    for number in numbers {
        let Some(node) = node(cluster, number) else { continue };
        node.set_state(NodeState::Running);
        node.paid_from_ms = now;
        let node = node.clone();
        billing::begin(ctx, id, &node)?;
        events::node(ctx, id, number, NodeState::Running, "kept to be looked at");
    }
    cluster.set_state(ClusterState::Kept);
    (cluster.deadline_ms, cluster.vacant, cluster.noticed) = (0, Vec::new(), true);
    cluster.ends_ms = now.saturating_add(kept);
    cluster.reason = format!("its nodes are kept to be looked at, and paid: {reason}");
    formation::shorten(ctx, id, cluster)
}

fn end(
    ctx: &mut Context,
    id: &ClusterId,
    cluster: &mut Cluster,
    state: ClusterState,
    reason: &str,
) -> Result<(), Failure> {
    billing::close(ctx, id)?;
    let numbers: Vec<NodeNumber> = live(cluster).map(|node| node.number).collect();
    for number in numbers {
        nodes::end(ctx, id, cluster, number, (NodeState::Released, reason))?;
    }
    cluster.set_state(state);
    (cluster.reason, cluster.ended_ms) = (reason.to_owned(), ctx.block.time_ms());
    (cluster.deadline_ms, cluster.vacant) = (0, Vec::new());
    Ok(())
}
