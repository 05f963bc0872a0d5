//! How clusters end.

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{Cluster, ClusterState, NodeState};

use super::state::live;
use super::{billing, nodes};
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
