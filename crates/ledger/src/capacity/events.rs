//! What capacity announces.

use primitives::Address;
use proto::tetra::capacity::v1 as events;
use proto::tetra::capacity::v1::Hold;
use serde_json::{Value, json};

use super::state::HostKey;
use crate::context::Context;

/// Bytes as hex, which is what people search events by.
fn key(bytes: &[u8]) -> Value {
    json!(hex::encode(bytes))
}

fn id(hold: &Hold) -> Value {
    json!(hold.id.to_string())
}

pub(super) fn registered(ctx: &mut Context, owner: &Address, host: &HostKey) {
    let owner = json!(ctx.text(owner));
    ctx.announce_typed::<events::EventHostRegistered, 2>([("owner", owner), ("host_key", key(host))]);
}

pub(super) fn shrunk(ctx: &mut Context, owner: &Address, host: &HostKey) {
    let owner = json!(ctx.text(owner));
    ctx.announce_typed::<events::EventHostShrunk, 2>([("owner", owner), ("host_key", key(host))]);
}

pub(super) fn retired(ctx: &mut Context, owner: &Address, host: &HostKey) {
    let owner = json!(ctx.text(owner));
    ctx.announce_typed::<events::EventHostRetired, 2>([("owner", owner), ("host_key", key(host))]);
}

pub(super) fn created(ctx: &mut Context, hold: &Hold) {
    ctx.announce_typed::<events::EventHoldCreated, 5>([
        ("id", id(hold)),
        ("host_key", key(&hold.host_key)),
        ("kind", json!(hold.kind().as_str_name())),
        ("market", json!(hold.market)),
        ("reference", json!(hold.reference)),
    ]);
}

pub(super) fn firm(ctx: &mut Context, hold: &Hold) {
    let fence = json!(hold.fence.to_string());
    let fields = [("id", id(hold)), ("host_key", key(&hold.host_key)), ("fence", fence)];
    ctx.announce_typed::<events::EventHoldFirm, 3>(fields);
}

pub(super) fn ended(ctx: &mut Context, hold: &Hold, reason: &str) {
    let fields = [("id", id(hold)), ("host_key", key(&hold.host_key)), ("reason", json!(reason))];
    ctx.announce_typed::<events::EventHoldEnded, 3>(fields);
}
