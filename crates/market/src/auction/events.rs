//! What the auction announces (spec/akash.md 1.14).

use ledger::Context;
use primitives::DecCoin;
use proto::akash::market::v1 as wire;
use proto::akash::market::v1::LeaseClosedReason;
use serde_json::{Value, json};

use crate::ids::{BidId, LeaseId, OrderId};
use crate::wire::price_json;

fn order_json(ctx: &Context, id: &OrderId) -> Value {
    let wire::OrderId { owner, dseq, gseq, oseq } = id.to_wire(&ctx.chain.prefix);
    json!({ "owner": owner, "dseq": dseq.to_string(), "gseq": gseq, "oseq": oseq })
}

fn bid_json(ctx: &Context, id: &BidId) -> Value {
    let wire::BidId { owner, dseq, gseq, oseq, provider, bseq } = id.to_wire(&ctx.chain.prefix);
    json!({
        "owner": owner, "dseq": dseq.to_string(), "gseq": gseq, "oseq": oseq, "provider": provider, "bseq": bseq,
    })
}

pub(crate) fn order_created(ctx: &mut Context, id: &OrderId) {
    let id = order_json(ctx, id);
    ctx.announce_typed::<wire::EventOrderCreated, _>([("id", id)]);
}

pub(crate) fn order_closed(ctx: &mut Context, id: &OrderId) {
    let id = order_json(ctx, id);
    ctx.announce_typed::<wire::EventOrderClosed, _>([("id", id)]);
}

pub(crate) fn bid_created(ctx: &mut Context, id: &BidId, price: &DecCoin) {
    let id = bid_json(ctx, id);
    ctx.announce_typed::<wire::EventBidCreated, _>([("id", id), ("price", price_json(price))]);
}

pub(crate) fn bid_closed(ctx: &mut Context, id: &BidId) {
    let id = bid_json(ctx, id);
    ctx.announce_typed::<wire::EventBidClosed, _>([("id", id)]);
}

pub(crate) fn lease_created(ctx: &mut Context, id: &LeaseId, price: &DecCoin) {
    let id = bid_json(ctx, id);
    ctx.announce_typed::<wire::EventLeaseCreated, _>([("id", id), ("price", price_json(price))]);
}

pub(crate) fn lease_closed(ctx: &mut Context, id: &LeaseId, reason: LeaseClosedReason) {
    let id = bid_json(ctx, id);
    ctx.announce_typed::<wire::EventLeaseClosed, _>([("id", id), ("reason", reason.as_str_name().into())]);
}

pub(crate) fn reclaim_started(ctx: &mut Context, id: &LeaseId, reason: LeaseClosedReason, deadline: i64) {
    let id = bid_json(ctx, id);
    ctx.announce_typed::<wire::EventLeaseReclaimStarted, _>([
        ("id", id),
        ("reason", reason.as_str_name().into()),
        ("deadline", deadline.to_string().into()),
    ]);
}
