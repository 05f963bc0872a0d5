//! What nodes announce.

use ledger::Context;
use proto::tetra::render::v1::{EventNodeState, NodeState};
use serde_json::{Value, json};

use crate::ids::NodeId;

/// A node's id as it stands in events.
pub(crate) fn node_json(ctx: &Context, id: &NodeId) -> Value {
    json!({ "owner": ctx.text(&id.owner), "host_key": hex::encode(id.host) })
}

pub(super) fn state(ctx: &mut Context, id: &NodeId, state: NodeState, reason: &str) {
    let node = node_json(ctx, id);
    ctx.announce_typed::<EventNodeState, 3>([
        ("node", node),
        ("state", json!(state.as_str_name())),
        ("reason", json!(reason)),
    ]);
}
