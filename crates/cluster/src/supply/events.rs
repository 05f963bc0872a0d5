//! What supply announces.

use ledger::Context;
use proto::tetra::cluster::v1::{
    EventAppeal, EventOffer, EventPrice, EventRound, EventSlash, EventVerdict, OfferState,
};
use serde_json::json;

use crate::ids::OfferId;

/// An offer has another state.
pub(super) fn offer(ctx: &mut Context, id: &OfferId, state: OfferState, reason: &str) {
    let owner = ctx.text(&id.owner);
    ctx.announce_typed::<EventOffer, 4>([
        ("owner", json!(owner)),
        ("host_key", json!(hex::encode(id.host))),
        ("state", json!(state.as_str_name())),
        ("reason", json!(reason)),
    ]);
}

/// A round was opened, drawn or closed.
pub(super) fn round(ctx: &mut Context, number: u64, what: &str) {
    ctx.announce_typed::<EventRound, 2>([("number", json!(number.to_string())), ("what", json!(what))]);
}

/// A proof was judged.
pub(super) fn verdict(ctx: &mut Context, id: &OfferId, round: u64, passed: bool, reason: &str) {
    let owner = ctx.text(&id.owner);
    ctx.announce_typed::<EventVerdict, 5>([
        ("owner", json!(owner)),
        ("host_key", json!(hex::encode(id.host))),
        ("round", json!(round.to_string())),
        ("passed", json!(passed.to_string())),
        ("reason", json!(reason)),
    ]);
}

/// A class has another price, and why.
pub(super) fn price(ctx: &mut Context, class: &str, before: u64, after: u64, use_bp: u32) {
    ctx.announce_typed::<EventPrice, 4>([
        ("class", json!(class)),
        ("before", json!(before.to_string())),
        ("after", json!(after.to_string())),
        ("use_bp", json!(use_bp.to_string())),
    ]);
}

/// An appeal was opened, granted or lost.
pub(super) fn appeal(ctx: &mut Context, id: &OfferId, what: &str) {
    let owner = ctx.text(&id.owner);
    ctx.announce_typed::<EventAppeal, 3>([
        ("owner", json!(owner)),
        ("host_key", json!(hex::encode(id.host))),
        ("what", json!(what)),
    ]);
}

/// Collateral was taken.
pub(crate) fn slash(ctx: &mut Context, id: &OfferId, amount: u64, reason: &str) {
    let owner = ctx.text(&id.owner);
    ctx.announce_typed::<EventSlash, 4>([
        ("owner", json!(owner)),
        ("host_key", json!(hex::encode(id.host))),
        ("amount", json!(amount.to_string())),
        ("reason", json!(reason)),
    ]);
}
