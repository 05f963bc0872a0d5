//! What happens to payments. They flow from accounts of deployment scope.

use pricing::settlement::{Unit, total_rate};
use primitives::{Address, Dec, DecCoin};
use proto::akash::escrow::types::v1::State;

use super::payout;
use super::settling::Settled;
use super::state::{self, AccountId, PAYMENTS, Payment, PaymentId};
use super::{clock, errors, settling};
use crate::context::Context;
use crate::failure::{Failure, Rejection};
use crate::take;

/// Begins a payment of `rate` per block from the deployment account `xid`. Its take is the denom's of now, for good.
///
/// # Errors
/// As [`create_per`].
pub fn create(ctx: &mut Context, xid: &str, payment: &str, payee: &Address, rate: &DecCoin) -> Result<(), Failure> {
    create_per(ctx, xid, payment, payee, rate, Unit::Block)
}

/// An open account, settled, that can still pay.
fn solvent(ctx: &mut Context, id: &AccountId) -> Result<Settled, Failure> {
    let account = state::open(ctx, id)?;
    let settled = settling::settle(ctx, id, account)?;
    match settled.account.state {
        State::Overdrawn => Err(errors::account_overdrawn(id, &settled.account).into()),
        _ => Ok(settled),
    }
}

/// Begins a payment of `rate` per `unit`.
///
/// # Errors
/// `escrow` 2, 3 or 4 when the account is closed, not there or overdrawn; 5 when the rate is in another denom; 6 when
/// the payment id was ever used; 9 for a rate of zero; 10 when payments of another unit flow; 11 when all rates
/// together are too large to count.
pub fn create_per(
    ctx: &mut Context,
    xid: &str,
    payment: &str,
    payee: &Address,
    rate: &DecCoin,
    unit: Unit,
) -> Result<(), Failure> {
    let id = PaymentId::new(xid, payment);
    let account_id = id.account();
    let mut settled = solvent(ctx, &account_id)?;
    if rate.denom != settled.account.denom {
        return Err(errors::invalid_denomination(&settled.account.denom, &rate.denom).into());
    }
    if rate.amount.is_zero() {
        return Err(errors::payment_rate_zero().into());
    }
    if PAYMENTS.has(&ctx.state, &id)? {
        return Err(errors::payment_exists(&id).into());
    }
    if settled.account.unit != unit {
        if !settled.open.is_empty() {
            return Err(errors::mixed_units().into());
        }
        if unit == Unit::Millisecond {
            clock::start(ctx)?;
        }
        settled.account.unit = unit;
        settled.account.clock = clock::reading(ctx, unit)?;
    }
    let created = Payment {
        payee: *payee,
        state: State::Open,
        rate: rate.amount,
        balance: Dec::ZERO,
        owed: 0,
        withdrawn: 0,
        take_percent: take::rate(ctx, &rate.denom)?,
    };
    settled.open.push((id, created));
    let rates: Vec<Dec> = settled.open.iter().map(|(_, payment)| payment.rate).collect();
    total_rate(&rates).map_err(|error| errors::invalid_settlement(&error.to_string()))?;
    settled.store(ctx, &account_id)
}

/// Pays an amount out of the deployment account `xid` at once, by a payment that begins and ends here: what is owed for a time
/// in which nothing flowed. When funds do not suffice for it, what is left of them is paid.
///
/// # Errors
/// `escrow` 2, 3 or 4 when the account is closed, not there or overdrawn; 6 when the payment id was ever used.
pub fn pay_once(ctx: &mut Context, xid: &str, payment: &str, payee: &Address, amount: Dec) -> Result<Dec, Failure> {
    let id = PaymentId::new(xid, payment);
    let account_id = id.account();
    let mut settled = solvent(ctx, &account_id)?;
    if PAYMENTS.has(&ctx.state, &id)? {
        return Err(errors::payment_exists(&id).into());
    }
    let paid = amount.min(settled.account.funds());
    settled.account.draw(paid).ok_or_else(|| Rejection::overflow("what the account transferred"))?;
    let mut once = Payment {
        payee: *payee,
        state: State::Open,
        rate: Dec::ZERO,
        balance: paid,
        owed: 0,
        withdrawn: 0,
        take_percent: take::rate(ctx, &settled.account.denom)?,
    };
    payout::end_payment(ctx, &id, &mut settled.account, &mut once, State::Closed)?;
    state::put_payment(ctx, &id, &once)?;
    settled.store(ctx, &account_id)?;
    Ok(paid)
}

/// Settles and pays out what a payment earned. When settling shows that funds ran out, it is paid out as well.
///
/// # Errors
/// `escrow` 7 when the payment is closed or overdrawn, 8 when there is none.
pub fn withdraw(ctx: &mut Context, xid: &str, payment: &str) -> Result<(), Failure> {
    let id = PaymentId::new(xid, payment);
    let mut settled = settle_open(ctx, &id)?;
    let denom = settled.account.denom.clone();
    if let Some((_, payment)) = settled.open.iter_mut().find(|(open, _)| *open == id) {
        payout::pay_out(ctx, &id, &denom, payment)?;
    }
    settled.store(ctx, &id.account())
}

/// Settles, pays out and ends a payment. When settling shows that funds ran out, it ends overdrawn instead.
///
/// # Errors
/// `escrow` 7 when the payment is closed or overdrawn, 8 when there is none.
pub fn close(ctx: &mut Context, xid: &str, payment: &str) -> Result<(), Failure> {
    let id = PaymentId::new(xid, payment);
    let mut settled = settle_open(ctx, &id)?;
    if let Some(mut payment) = settled.take(&id) {
        payout::end_payment(ctx, &id, &mut settled.account, &mut payment, State::Closed)?;
        state::put_payment(ctx, &id, &payment)?;
    }
    settled.store(ctx, &id.account())
}

fn settle_open(ctx: &mut Context, id: &PaymentId) -> Result<settling::Settled, Failure> {
    let payment = PAYMENTS.get(&ctx.state, id)?.ok_or_else(|| errors::payment_not_found(id))?;
    if payment.state != State::Open {
        return Err(errors::payment_closed(id, &payment).into());
    }
    let account = state::open(ctx, &id.account())?;
    settling::settle(ctx, &id.account(), account)
}
