//! What validators announce.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proto::tetra::validator::v1::EventValidatorsChanged;
use serde_json::{Value, json};

use super::rotation::Change;
use crate::context::Context;

/// Announced at the end of the block that collected the changes. As in protobuf JSON, keys are base64 and 64-bit
/// integers are texts.
pub(super) fn changed(ctx: &mut Context, changes: &[Change]) {
    let change = |(key, power): &Change| json!({"public_key": STANDARD.encode(key), "power": power.to_string()});
    let changes: Vec<Value> = changes.iter().map(change).collect();
    let from_height = ctx.block.height.saturating_add(2).to_string();
    ctx.announce_typed::<EventValidatorsChanged, 2>([
        ("changes", Value::Array(changes)),
        ("from_height", Value::String(from_height)),
    ]);
}
