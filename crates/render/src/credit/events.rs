//! What credits announce.

use ledger::Context;
use primitives::{Address, Coin};
use proto::tetra::render::v1::{Ask, EventAsk, EventAuction, EventCreditsBought};
use serde_json::json;

use super::auction::Bought;
use super::{LUX, USD};

pub(super) fn bought(ctx: &mut Context, owner: &Address, paid: &Coin, ucredits: u64) {
    let owner = json!(ctx.text(owner));
    let fields = [("owner", owner), ("paid", json!(paid.to_string())), ("ucredits", json!(ucredits.to_string()))];
    ctx.announce_typed::<EventCreditsBought, 3>(fields);
}

pub(super) fn asked(ctx: &mut Context, ask: &Ask) {
    let sell = ask.sell.as_ref().map(|sell| format!("{}{}", sell.amount, sell.denom)).unwrap_or_default();
    ctx.announce_typed::<EventAsk, 4>([
        ("ask", json!(ask.id.to_string())),
        ("seller", json!(ask.seller)),
        ("sell", json!(sell)),
        ("min_price_micros", json!(ask.min_price_micros.to_string())),
    ]);
}

pub(super) fn auctioned(ctx: &mut Context, epoch: u64, bought: &Bought) {
    ctx.announce_typed::<EventAuction, 4>([
        ("epoch", json!(epoch.to_string())),
        ("price_micros", json!(bought.price_micros.to_string())),
        ("bought", json!(format!("{}{LUX}", bought.lux))),
        ("paid", json!(format!("{}{USD}", bought.usd))),
    ]);
}
