//! What jobs announce.

use ledger::Context;
use proto::tetra::render::v1::{EventFrameAssigned, EventFrameState, EventJobState, FrameState, JobState};
use serde_json::{Value, json};

use crate::ids::{JobId, NodeId, UnitId};
use crate::node::events::node_json;

/// A unit's id as it stands in events.
pub(crate) fn unit_json(ctx: &Context, id: &UnitId) -> Value {
    json!({ "creator": ctx.text(&id.job.creator), "jseq": id.job.jseq.to_string(), "index": id.index })
}

pub(super) fn job_state(ctx: &mut Context, id: &JobId, state: JobState, reason: &str) {
    let id = json!({ "creator": ctx.text(&id.creator), "jseq": id.jseq.to_string() });
    ctx.announce_typed::<EventJobState, 3>([
        ("id", id),
        ("state", json!(state.as_str_name())),
        ("reason", json!(reason)),
    ]);
}

pub(super) fn assigned(ctx: &mut Context, unit: &UnitId, node: &NodeId, attempt: u32) {
    let (unit, node) = (unit_json(ctx, unit), node_json(ctx, node));
    ctx.announce_typed::<EventFrameAssigned, 3>([("unit", unit), ("node", node), ("attempt", json!(attempt))]);
}

pub(super) fn unit_state(ctx: &mut Context, unit: &UnitId, state: FrameState, reason: &str) {
    let unit = unit_json(ctx, unit);
    ctx.announce_typed::<EventFrameState, 3>([
        ("unit", unit),
        ("state", json!(state.as_str_name())),
        ("reason", json!(reason)),
    ]);
}
