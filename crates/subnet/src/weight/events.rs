//! What weights announce.

use ledger::Context;
use proto::tetra::subnet::v1::EventWeights;
use serde_json::json;

use crate::ids::{Netuid, Uid};

/// Weights were set, committed to, revealed, or their commitment was dropped.
pub(crate) fn weights(ctx: &mut Context, netuid: Netuid, uid: Uid, what: &str) {
    ctx.announce_typed::<EventWeights, 3>([("netuid", json!(netuid)), ("uid", json!(uid)), ("what", json!(what))]);
}
