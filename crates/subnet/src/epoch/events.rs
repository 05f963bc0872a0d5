//! What epochs announce.

use ledger::Context;
use proto::tetra::subnet::v1::{EventEpoch, EventShares, EventUnfit, Subnet};
use serde_json::json;

use crate::ids::Netuid;

pub(super) fn epoch(ctx: &mut Context, subnet: &Subnet, paid: u64, owner_paid: u64, recycled: u64) {
    ctx.announce_typed::<EventEpoch, 5>([
        ("netuid", json!(subnet.netuid)),
        ("epoch", json!(subnet.epochs.to_string())),
        ("paid", json!(paid.to_string())),
        ("owner_paid", json!(owner_paid.to_string())),
        ("recycled", json!(recycled.to_string())),
    ]);
}

pub(super) fn shares(ctx: &mut Context, recycled: u64) {
    ctx.announce_typed::<EventShares, 1>([("recycled", json!(recycled.to_string()))]);
}

pub(super) fn unfit(ctx: &mut Context, netuid: Netuid, why: &str) {
    ctx.announce_typed::<EventUnfit, 2>([("netuid", json!(netuid)), ("why", json!(why))]);
}
