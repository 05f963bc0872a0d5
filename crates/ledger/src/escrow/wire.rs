//! Accounts and payments as clients see them.

use primitives::{Dec, Denom};
use proto::akash::escrow::id::v1 as ids;
use proto::akash::escrow::types::v1 as types;
use proto::cosmos::base::v1beta1::{Coin, DecCoin};

use super::state::{Account, AccountId, Depositor, Payment, PaymentId};
use crate::context::Context;

fn dec_coin(denom: &Denom, amount: Dec) -> DecCoin {
    DecCoin { denom: denom.to_string(), amount: amount.to_wire() }
}

/// Whole base units as a decimal on the wire, exact at any size.
fn whole_on_wire(amount: u128) -> String {
    if amount == 0 { "0".to_owned() } else { format!("{amount}{:018}", 0) }
}

fn height(height: u64) -> i64 {
    i64::try_from(height).unwrap_or(i64::MAX)
}

pub(super) fn account_id(id: &AccountId) -> ids::Account {
    ids::Account { scope: id.scope as i32, xid: id.xid.clone() }
}

/// The funds of an overdrawn account are negative: what it owes.
pub(super) fn account(ctx: &Context, id: &AccountId, account: &Account) -> types::Account {
    let denom = &account.denom;
    let funds = match account.owed {
        0 => account.funds().to_wire(),
        owed => format!("-{}", whole_on_wire(owed)),
    };
    let depositor = |deposit: &Depositor| types::Depositor {
        owner: ctx.text(&deposit.owner),
        height: height(deposit.height),
        source: deposit.source as i32,
        balance: Some(dec_coin(denom, deposit.balance)),
    };
    let state = types::AccountState {
        owner: ctx.text(&account.owner),
        state: account.state as i32,
        transferred: vec![dec_coin(denom, account.transferred)],
        settled_at: height(account.settled_at),
        funds: vec![types::Balance { denom: denom.to_string(), amount: funds }],
        deposits: account.deposits.iter().map(depositor).collect(),
    };
    types::Account { id: Some(account_id(id)), state: Some(state) }
}

pub(super) fn payment(ctx: &Context, id: &PaymentId, denom: &Denom, payment: &Payment) -> types::Payment {
    let state = types::PaymentState {
        owner: ctx.text(&payment.payee),
        state: payment.state as i32,
        rate: Some(dec_coin(denom, payment.rate)),
        balance: Some(dec_coin(denom, payment.balance)),
        unsettled: Some(DecCoin { denom: denom.to_string(), amount: whole_on_wire(payment.owed) }),
        withdrawn: Some(Coin { denom: denom.to_string(), amount: payment.withdrawn.to_string() }),
    };
    let id = ids::Payment { aid: Some(account_id(&id.account())), xid: id.payment.clone() };
    types::Payment { id: Some(id), state: Some(state) }
}
