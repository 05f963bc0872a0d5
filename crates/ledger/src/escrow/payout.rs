//! Coins that leave escrow. They leave as whole base units; the fractions that stay behind add up to whole units once
//! an account ends, because whole units came in.

use pricing::take::take;
use primitives::{Address, Coin, Coins, Dec, Denom};
use proto::akash::escrow::types::v1::State;

use super::state::{Account, AccountId, Payment, PaymentId};
use super::{events, vault};
use crate::accounts::modules;
use crate::bank;
use crate::context::{Context, Outcome};
use crate::failure::{Failure, Rejection};

/// One coin as coins; none when it is zero.
pub(super) fn coins(denom: &Denom, amount: u128) -> Result<Coins, Failure> {
    let mut coins = Coins::new();
    let coin = Coin { denom: denom.clone(), amount };
    coins.add(&coin).ok_or_else(|| Rejection::overflow("the amount"))?;
    Ok(coins)
}

fn send(ctx: &mut Context, to: &Address, denom: &Denom, amount: u128) -> Result<(), Failure> {
    if amount == 0 {
        return Ok(());
    }
    let coins = coins(denom, amount)?;
    bank::send(ctx, &vault(), to, &coins)
}

fn community_pool() -> Address {
    Address::of_module(modules::COMMUNITY_POOL)
}

/// Pays the whole base units of a payment's balance: the take to the community pool, the rest to the payee. The
/// fraction stays.
pub(super) fn pay_out(ctx: &mut Context, id: &PaymentId, denom: &Denom, payment: &mut Payment) -> Result<(), Failure> {
    let gross = payment.balance.floor();
    if gross == 0 {
        return Ok(());
    }
    let overflow = || Rejection::overflow("what the payment paid out so far");
    let taken = take(payment.take_percent, payment.withdrawn, gross).ok_or_else(overflow)?;
    let paid = gross.checked_sub(taken).ok_or_else(overflow)?;
    send(ctx, &community_pool(), denom, taken)?;
    send(ctx, &payment.payee, denom, paid)?;
    payment.balance = payment.balance.fraction();
    payment.withdrawn = payment.withdrawn.checked_add(gross).ok_or_else(overflow)?;
    events::withdrawn(ctx, id, denom, paid, taken);
    Ok(())
}

/// Pays a payment out for good, moves its fraction to the account's dust and announces its end.
pub(super) fn end_payment(
    ctx: &mut Context,
    id: &PaymentId,
    account: &mut Account,
    payment: &mut Payment,
    state: State,
) -> Result<(), Failure> {
    pay_out(ctx, id, &account.denom, payment)?;
    add_dust(account, payment.balance)?;
    payment.balance = Dec::ZERO;
    payment.state = state;
    let overdrawn = state == State::Overdrawn;
    let (xid, payment) = (id.xid.clone(), id.payment.clone());
    ctx.outcomes.push_back(Outcome::PaymentClosed { xid, payment, overdrawn });
    Ok(())
}

/// Refunds what is left of each deposit, collects the dust and announces the account's end.
pub(super) fn end_account(
    ctx: &mut Context,
    id: &AccountId,
    account: &mut Account,
    state: State,
) -> Result<(), Failure> {
    for deposit in std::mem::take(&mut account.deposits) {
        refund(ctx, id, &deposit.owner, &account.denom, deposit.balance.floor())?;
        add_dust(account, deposit.balance.fraction())?;
    }
    let dust = account.dust.floor();
    account.dust = account.dust.fraction();
    if dust > 0 {
        send(ctx, &community_pool(), &account.denom, dust)?;
        events::dust_collected(ctx, id, &account.denom, dust);
    }
    account.state = state;
    let overdrawn = state == State::Overdrawn;
    events::closed(ctx, id, overdrawn);
    ctx.outcomes.push_back(Outcome::EscrowClosed { scope: id.scope, xid: id.xid.clone(), overdrawn });
    Ok(())
}

/// Gives a depositor money back.
pub(super) fn refund(
    ctx: &mut Context,
    id: &AccountId,
    depositor: &Address,
    denom: &Denom,
    amount: u128,
) -> Result<(), Failure> {
    if amount > 0 {
        send(ctx, depositor, denom, amount)?;
        events::refunded(ctx, id, depositor, denom, amount);
    }
    Ok(())
}

fn add_dust(account: &mut Account, fraction: Dec) -> Result<(), Failure> {
    account.dust = account.dust.checked_add(fraction).ok_or_else(|| Rejection::overflow("the account's dust"))?;
    Ok(())
}
