//! What epochs announce.

use ledger::Context;
use pricing::render::tiers::{Change, Held};
use primitives::Address;
use proto::tetra::render::v1::{EventEpochClosed, EventPriceMoved, EventRewardsClaimed, EventWorkAttributed, Tier};
use serde_json::json;

use crate::credit::LUX;

pub(super) fn attributed(ctx: &mut Context, epoch: u64, unit: &str, owner: &Address, ucredits: u64, work_milli: u64) {
    let owner = json!(ctx.text(owner));
    ctx.announce_typed::<EventWorkAttributed, 5>([
        ("epoch", json!(epoch.to_string())),
        ("unit", json!(unit)),
        ("owner", owner),
        ("ucredits", json!(ucredits.to_string())),
        ("work_milli", json!(work_milli.to_string())),
    ]);
}

pub(super) fn closed(ctx: &mut Context, number: u64) {
    ctx.announce_typed::<EventEpochClosed, 1>([("number", json!(number.to_string()))]);
}

pub(super) fn looked(ctx: &mut Context, tier: Tier, change: &Change, use_bp: u32) {
    let held = match change.held {
        Held::Free => "free",
        Held::Band => "band",
        Held::Step => "step",
        Held::NoSupply => "no supply",
    };
    ctx.announce_typed::<EventPriceMoved, 8>([
        ("tier", json!(tier.as_str_name())),
        ("from", json!(change.before.milli().to_string())),
        ("to", json!(change.after.milli().to_string())),
        ("use_bp", json!(use_bp)),
        ("billed", json!(change.billed.to_string())),
        ("proved", json!(change.proved.to_string())),
        ("wanted", json!(change.wanted.to_string())),
        ("held", json!(held)),
    ]);
}

pub(super) fn claimed(ctx: &mut Context, owner: &Address, amount: u128) {
    let owner = json!(ctx.text(owner));
    let fields = [("owner", owner), ("paid", json!(format!("{amount}{LUX}")))];
    ctx.announce_typed::<EventRewardsClaimed, 2>(fields);
}
