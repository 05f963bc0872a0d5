//! What must hold of escrow after every block.

use std::collections::BTreeMap;

use primitives::{Dec, Denom};
use proto::akash::escrow::types::v1::State;

use super::state::{
    self, ACCOUNTS, ACCOUNTS_BY_STATE, Account, AccountId, PAYMENTS, PAYMENTS_BY_STATE, Payment, PaymentId,
};
use super::vault;
use crate::bank;
use crate::context::Context;
use crate::failure::Failure;

/// The promises that are broken; none when all is well.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let accounts = ACCOUNTS.all(&ctx.state)?;
    let payments = PAYMENTS.all(&ctx.state)?;
    let mut broken = held_is_accounted(ctx, &accounts, &payments)?;
    for (id, account) in &accounts {
        broken.extend(account_is_sound(ctx, id, account)?);
    }
    for (id, payment) in &payments {
        broken.extend(payment_is_sound(ctx, id, payment)?);
    }
    let indexed = ACCOUNTS_BY_STATE.all(&ctx.state)?.len() + PAYMENTS_BY_STATE.all(&ctx.state)?.len();
    if indexed != accounts.len() + payments.len() {
        broken.push(format!("escrow indexes name {indexed} things, {} are there", accounts.len() + payments.len()));
    }
    Ok(broken)
}

/// The vault holds exactly what open accounts and payments hold, per denom.
fn held_is_accounted(
    ctx: &Context,
    accounts: &[(AccountId, Account)],
    payments: &[(PaymentId, Payment)],
) -> Result<Vec<String>, store::Error> {
    let mut held: BTreeMap<Denom, Option<Dec>> = BTreeMap::new();
    let mut add = |denom: &Denom, amount: Dec| {
        let sum = held.entry(denom.clone()).or_insert(Some(Dec::ZERO));
        *sum = sum.and_then(|sum| sum.checked_add(amount));
    };
    for (_, account) in accounts {
        add(&account.denom, account.funds());
        add(&account.denom, account.dust);
    }
    let denoms: BTreeMap<&AccountId, &Denom> = accounts.iter().map(|(id, account)| (id, &account.denom)).collect();
    for (id, payment) in payments {
        if let Some(denom) = denoms.get(&id.account()) {
            add(denom, payment.balance);
        }
    }
    let mut broken = Vec::new();
    for (denom, sum) in held {
        let vault = match bank::balance(ctx, &vault(), &denom) {
            Ok(amount) => amount,
            Err(Failure::Broken(error)) => return Err(error),
            Err(Failure::Rejected(rejection)) => {
                broken.push(format!("the escrow vault's balance of {denom} cannot be read: {rejection}"));
                continue;
            }
        };
        if sum != Dec::from_integer(vault) {
            broken.push(format!("escrow accounts hold {sum:?} {denom}, the vault {vault}"));
        }
    }
    Ok(broken)
}

fn account_is_sound(ctx: &Context, id: &AccountId, account: &Account) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    let name = format!("escrow account {}/{}", id.scope.as_str_name(), id.xid);
    if !ACCOUNTS_BY_STATE.has(&ctx.state, &(account.state as u8, id.clone()))? {
        broken.push(format!("{name} is not indexed as {:?}", account.state));
    }
    let empty = account.deposits.is_empty() && account.dust.is_zero();
    if account.state != State::Open && !empty {
        broken.push(format!("{name} has ended and still holds {} and dust {}", account.funds(), account.dust));
    }
    if account.state != State::Overdrawn && account.owed != 0 {
        broken.push(format!("{name} is not overdrawn and owes {}", account.owed));
    }
    let debts = match state::payments(ctx, id, State::Overdrawn) {
        Ok(payments) => payments.iter().map(|(_, payment)| payment.owed).sum::<u128>(),
        Err(Failure::Broken(error)) => return Err(error),
        Err(Failure::Rejected(rejection)) => return Ok(vec![format!("{name}: {rejection}")]),
    };
    if debts != account.owed {
        broken.push(format!("{name} owes {}, its payments are owed {debts}", account.owed));
    }
    Ok(broken)
}

fn payment_is_sound(ctx: &Context, id: &PaymentId, payment: &Payment) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    let name = format!("escrow payment {}/{}", id.xid, id.payment);
    if !PAYMENTS_BY_STATE.has(&ctx.state, &(payment.state as u8, id.clone()))? {
        broken.push(format!("{name} is not indexed as {:?}", payment.state));
    }
    match ACCOUNTS.get(&ctx.state, &id.account())? {
        None => broken.push(format!("{name} has no account")),
        Some(account) if payment.state == State::Open && account.state != State::Open => {
            broken.push(format!("{name} is open, its account is not"));
        }
        Some(_) => {}
    }
    if payment.state != State::Open && !payment.balance.is_zero() {
        broken.push(format!("{name} has ended and still holds {}", payment.balance));
    }
    Ok(broken)
}
