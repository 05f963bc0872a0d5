//! What subnets and neurons announce.

use ledger::Context;
use proto::tetra::subnet::v1::{EventNeuron, EventSubnet};
use serde_json::json;

use crate::ids::{HotkeyId, Netuid, Uid, text};

/// A subnet was created or pruned, or its rules changed.
pub(super) fn subnet(ctx: &mut Context, netuid: Netuid, what: &str, owner: &str, amount: u64) {
    ctx.announce_typed::<EventSubnet, 4>([
        ("netuid", json!(netuid)),
        ("what", json!(what)),
        ("owner", json!(owner)),
        ("amount", json!(amount.to_string())),
    ]);
}

/// A neuron was registered, replaced or swapped, or lost its machine.
pub(super) fn neuron(ctx: &mut Context, netuid: Netuid, uid: Uid, hotkey: &HotkeyId, what: &str, burned: u64) {
    ctx.announce_typed::<EventNeuron, 5>([
        ("netuid", json!(netuid)),
        ("uid", json!(uid)),
        ("hotkey", json!(text(hotkey))),
        ("what", json!(what)),
        ("burned", json!(burned.to_string())),
    ]);
}
