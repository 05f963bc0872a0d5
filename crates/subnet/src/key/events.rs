//! What hotkeys announce.

use ledger::Context;
use proto::tetra::subnet::v1::{EventHotkey, EventStake};
use serde_json::json;

use crate::ids::{HotkeyId, text};

/// A hotkey was bound, took another's place, or has another take.
pub(super) fn hotkey(ctx: &mut Context, id: &HotkeyId, coldkey: &str, operator: &str, what: &str) {
    ctx.announce_typed::<EventHotkey, 4>([
        ("hotkey", json!(text(id))),
        ("coldkey", json!(coldkey)),
        ("operator", json!(operator)),
        ("what", json!(what)),
    ]);
}

/// Stake came or went.
pub(super) fn stake(ctx: &mut Context, id: &HotkeyId, coldkey: &str, what: &str, amount: u64) {
    ctx.announce_typed::<EventStake, 4>([
        ("hotkey", json!(text(id))),
        ("coldkey", json!(coldkey)),
        ("what", json!(what)),
        ("amount", json!(amount.to_string())),
    ]);
}
