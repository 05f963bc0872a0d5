//! What audits announce.

use ledger::Context;
use proto::tetra::render::v1::{AuditStage, EventAudit, Verdict};
use serde_json::json;

use crate::ids::TryId;
use crate::job::events::unit_json;

pub(super) fn audit(ctx: &mut Context, (unit, attempt): &TryId, stage: AuditStage, verdict: Verdict, reason: &str) {
    let unit = unit_json(ctx, unit);
    ctx.announce_typed::<EventAudit, 5>([
        ("unit", unit),
        ("attempt", json!(attempt)),
        ("stage", json!(stage.as_str_name())),
        ("verdict", json!(verdict.as_str_name())),
        ("reason", json!(reason)),
    ]);
}
