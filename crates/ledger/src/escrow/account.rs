//! What happens to accounts.

use pricing::settlement::{Unit, repay};
use primitives::{Address, Coin, Dec};
use proto::akash::base::deposit::v1::Source;
use proto::akash::escrow::types::v1::State;

use super::deposit::CheckedDeposit;
use super::payout::{self, coins};
use super::state::{self, ACCOUNTS, Account, AccountId, Depositor};
use super::{errors, events, settling, vault};
use crate::bank;
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// How many others than its owner may have money in one account, so that closing it stays cheap.
pub const MAX_DEPOSITORS: usize = 64;

/// Opens an account with a deposit of `depositor`. The denom of the deposit becomes the account's.
///
/// # Errors
/// `escrow` 1 when the id was ever used, `sdk` 5 when the depositor has too little.
pub fn create(
    ctx: &mut Context,
    id: &AccountId,
    owner: &Address,
    deposit: &CheckedDeposit,
    depositor: &Address,
) -> Result<(), Failure> {
    if ACCOUNTS.has(&ctx.state, id)? {
        return Err(errors::account_exists(id).into());
    }
    let mut account = Account {
        owner: *owner,
        state: State::Open,
        denom: deposit.amount.denom.clone(),
        unit: Unit::Block,
        settled_at: ctx.block.height,
        clock: ctx.block.height,
        transferred: Dec::ZERO,
        deposits: Vec::new(),
        dust: Dec::ZERO,
        owed: 0,
    };
    collect(ctx, id, depositor, &deposit.amount)?;
    add_deposit(ctx, &mut account, depositor, deposit.amount.amount)?;
    state::put_account(ctx, id, &account)
}

/// Adds money to an open account, or pays the debt of an overdrawn one: that does not revive it, and what is left
/// goes back to the depositor.
///
/// # Errors
/// `escrow` 2 when the account is closed, 3 when there is none, 5 for another denom than the account's, 14 when it
/// has too many depositors; `sdk` 5 when the depositor has too little.
pub fn deposit_into(
    ctx: &mut Context,
    id: &AccountId,
    deposit: &CheckedDeposit,
    depositor: &Address,
) -> Result<(), Failure> {
    let Coin { denom, amount } = &deposit.amount;
    let account = state::existing(ctx, id)?;
    if account.denom != *denom {
        return Err(errors::invalid_denomination(&account.denom, denom).into());
    }
    if *amount == 0 {
        return Err(errors::invalid_deposit("its amount is zero").into());
    }
    let mut settled = match account.state {
        State::Open => settling::settle(ctx, id, account)?,
        State::Overdrawn => settling::Settled { account, open: Vec::new() },
        State::Closed | State::Invalid => return Err(errors::account_closed(id).into()),
    };
    collect(ctx, id, depositor, &deposit.amount)?;
    if settled.account.state == State::Overdrawn {
        return pay_debt(ctx, id, settled.account, depositor, *amount);
    }
    add_deposit(ctx, &mut settled.account, depositor, *amount)?;
    settled.store(ctx, id)
}

/// Settles an open account. Anyone may have this done.
///
/// # Errors
/// `escrow` 2, 3 or 4 when the account is closed, not there or overdrawn.
pub fn settle(ctx: &mut Context, id: &AccountId) -> Result<(), Failure> {
    let account = state::open(ctx, id)?;
    let settled = settling::settle(ctx, id, account)?;
    events::settled(ctx, id);
    settled.store(ctx, id)
}

/// Closes an open account: settles, closes and pays out its payments, refunds the rest, oldest deposit first. When
/// settling shows that funds ran out, the account ends overdrawn instead, and this still succeeds.
///
/// # Errors
/// `escrow` 2, 3 or 4 when the account is closed, not there or overdrawn.
pub fn close(ctx: &mut Context, id: &AccountId) -> Result<(), Failure> {
    let account = state::open(ctx, id)?;
    let settling::Settled { mut account, open } = settling::settle(ctx, id, account)?;
    if account.state == State::Overdrawn {
        return Ok(());
    }
    for (id, mut payment) in open {
        payout::end_payment(ctx, &id, &mut account, &mut payment, State::Closed)?;
        state::put_payment(ctx, &id, &payment)?;
    }
    payout::end_account(ctx, id, &mut account, State::Closed)?;
    state::put_account(ctx, id, &account)
}

/// Moves a deposit into escrow.
fn collect(ctx: &mut Context, id: &AccountId, depositor: &Address, amount: &Coin) -> Result<(), Failure> {
    if amount.amount == 0 {
        return Ok(());
    }
    let coins = coins(&amount.denom, amount.amount)?;
    bank::send(ctx, depositor, &vault(), &coins)?;
    events::deposited(ctx, id, depositor, &amount.denom, amount.amount);
    Ok(())
}

/// Notes a deposit. Money of one depositor stays together, at the place of the first deposit.
fn add_deposit(ctx: &Context, account: &mut Account, depositor: &Address, amount: u128) -> Result<(), Failure> {
    if amount == 0 {
        return Ok(());
    }
    let too_large = || Rejection::overflow("what was ever put into the account");
    let amount = Dec::from_integer(amount).ok_or_else(too_large)?;
    let ever = account.funds().checked_add(account.transferred);
    ever.and_then(|ever| ever.checked_add(amount)).ok_or_else(too_large)?;
    let same = |deposit: &&mut Depositor| deposit.owner == *depositor && deposit.source == Source::Balance;
    if let Some(deposit) = account.deposits.iter_mut().find(same) {
        deposit.balance = deposit.balance.checked_add(amount).ok_or_else(too_large)?;
        return Ok(());
    }
    let others = account.deposits.iter().filter(|deposit| deposit.owner != account.owner).count();
    if others >= MAX_DEPOSITORS && *depositor != account.owner {
        return Err(errors::too_many_depositors(MAX_DEPOSITORS).into());
    }
    let (owner, height) = (*depositor, ctx.block.height);
    account.deposits.push(Depositor { owner, height, source: Source::Balance, balance: amount });
    Ok(())
}

/// Pays what overdrawn payments are owed; when nothing is owed any more the account is closed.
fn pay_debt(
    ctx: &mut Context,
    id: &AccountId,
    mut account: Account,
    depositor: &Address,
    amount: u128,
) -> Result<(), Failure> {
    let overdrawn = state::payments(ctx, id, State::Overdrawn)?;
    let debts: Vec<u128> = overdrawn.iter().map(|(_, payment)| payment.owed).collect();
    let shares = repay(amount, &debts);
    let too_large = || Rejection::overflow("what the account transferred");
    let mut rest = amount;
    for ((id, mut payment), share) in overdrawn.into_iter().zip(shares) {
        let earned = Dec::from_integer(share).ok_or_else(too_large)?;
        payment.balance = earned;
        payment.owed -= share;
        account.transferred = account.transferred.checked_add(earned).ok_or_else(too_large)?;
        account.owed = account.owed.saturating_sub(share);
        rest -= share;
        payout::pay_out(ctx, &id, &account.denom, &mut payment)?;
        if payment.owed == 0 {
            payment.state = State::Closed;
        }
        state::put_payment(ctx, &id, &payment)?;
    }
    if account.owed == 0 {
        // Its end was announced to the market when it was overdrawn.
        account.state = State::Closed;
        events::closed(ctx, id, false);
        payout::refund(ctx, id, depositor, &account.denom, rest)?;
    }
    state::put_account(ctx, id, &account)
}
