//! What hires announce.

use ledger::Context;
use proto::tetra::cluster::v1::{ClusterState, EventCluster, EventNode, NodeState};
use serde_json::json;

use crate::ids::{ClusterId, NodeNumber};

/// A cluster has another state, or its tenant is told something.
pub(super) fn cluster(ctx: &mut Context, id: &ClusterId, state: ClusterState, reason: &str) {
    let tenant = ctx.text(&id.tenant);
    ctx.announce_typed::<EventCluster, 4>([
        ("tenant", json!(tenant)),
        ("cseq", json!(id.cseq.to_string())),
        ("state", json!(state.as_str_name())),
        ("reason", json!(reason)),
    ]);
}

/// A node has another state.
pub(super) fn node(ctx: &mut Context, id: &ClusterId, number: NodeNumber, state: NodeState, reason: &str) {
    let tenant = ctx.text(&id.tenant);
    ctx.announce_typed::<EventNode, 5>([
        ("tenant", json!(tenant)),
        ("cseq", json!(id.cseq.to_string())),
        ("number", json!(number.to_string())),
        ("state", json!(state.as_str_name())),
        ("reason", json!(reason)),
    ]);
}
