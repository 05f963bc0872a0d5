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

/// The vault holds exactly what open accounts and payments hold, per denom, and no denom that none of them holds.
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
    let vault = match bank::balances(ctx, &vault()) {
        Ok(coins) => coins,
        Err(Failure::Broken(error)) => return Err(error),
        Err(Failure::Rejected(rejection)) => return Ok(vec![format!("the escrow vault cannot be read: {rejection}")]),
    };
    for coin in vault.iter() {
        add(&coin.denom, Dec::ZERO);
    }
    let mut broken = Vec::new();
    for (denom, sum) in held {
        let vault = vault.amount_of(&denom);
        if sum != Dec::from_integer(vault) {
            let sum = sum.map_or("more than can be counted of".to_owned(), |sum| sum.to_string());
            broken.push(format!("escrow accounts hold {sum} {denom}, the vault {vault}"));
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
    if account.state == State::Overdrawn && account.owed == 0 {
        broken.push(format!("{name} is overdrawn and owes nothing, so that no deposit could close it"));
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
        Some(account) if payment.state != State::Closed && account.state != payment.state => {
            broken.push(format!("{name} is {}, its account is not", payment.state.as_str_name()));
        }
        Some(_) => {}
    }
    if payment.state != State::Overdrawn && payment.owed != 0 {
        broken.push(format!("{name} is not overdrawn and is owed {}", payment.owed));
    }
    if payment.state != State::Open && !payment.balance.is_zero() {
        broken.push(format!("{name} has ended and still holds {}", payment.balance));
    }
    Ok(broken)
}
