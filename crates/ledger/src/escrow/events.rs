//! What escrow announces.

use primitives::{Address, Denom};
use proto::tetra::escrow::v1 as events;
use serde_json::{Value, json};

use super::state::{AccountId, PaymentId};
use crate::context::Context;

fn account(id: &AccountId) -> Value {
    json!({ "scope": id.scope.as_str_name(), "xid": id.xid })
}

fn payment(id: &PaymentId) -> Value {
    json!({ "aid": account(&id.account()), "xid": id.payment })
}

fn coin(denom: &Denom, amount: u128) -> Value {
    json!({ "denom": denom.as_str(), "amount": amount.to_string() })
}

pub(super) fn settled(ctx: &mut Context, id: &AccountId) {
    let height = json!(ctx.block.height.to_string());
    ctx.announce_typed::<events::EventAccountSettled, 2>([("id", account(id)), ("height", height)]);
}

pub(super) fn deposited(ctx: &mut Context, id: &AccountId, depositor: &Address, denom: &Denom, amount: u128) {
    let depositor = json!(ctx.text(depositor));
    let fields = [("id", account(id)), ("depositor", depositor), ("amount", coin(denom, amount))];
    ctx.announce_typed::<events::EventDeposited, 3>(fields);
}

pub(super) fn closed(ctx: &mut Context, id: &AccountId, overdrawn: bool) {
    ctx.announce_typed::<events::EventAccountClosed, 2>([("id", account(id)), ("overdrawn", json!(overdrawn))]);
}

pub(super) fn withdrawn(ctx: &mut Context, id: &PaymentId, denom: &Denom, paid: u128, take: u128) {
    let fields = [("id", payment(id)), ("paid", coin(denom, paid)), ("take", coin(denom, take))];
    ctx.announce_typed::<events::EventPaymentWithdrawn, 3>(fields);
}

pub(super) fn refunded(ctx: &mut Context, id: &AccountId, depositor: &Address, denom: &Denom, amount: u128) {
    let depositor = json!(ctx.text(depositor));
    let fields = [("id", account(id)), ("depositor", depositor), ("amount", coin(denom, amount))];
    ctx.announce_typed::<events::EventDepositRefunded, 3>(fields);
}

pub(super) fn dust_collected(ctx: &mut Context, id: &AccountId, denom: &Denom, amount: u128) {
    let fields = [("id", account(id)), ("amount", coin(denom, amount))];
    ctx.announce_typed::<events::EventDustCollected, 2>(fields);
}
