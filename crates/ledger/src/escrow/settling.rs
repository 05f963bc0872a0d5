//! Bringing an account to the present.

use pricing::settlement;
use primitives::Dec;
use proto::akash::escrow::types::v1::State;

use super::payout::{end_account, end_payment};
use super::state::{self, Account, AccountId, Payment, PaymentId};
use super::{clock, errors};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// An account at the present, with the payments that are still open. Nothing of it is stored yet, unless it just ran
/// out of funds.
pub(super) struct Settled {
    pub(super) account: Account,
    pub(super) open: Vec<(PaymentId, Payment)>,
}

/// Settles an open account. When its funds do not suffice, it ends overdrawn here and now: its payments are paid out
/// and everything is stored.
pub(super) fn settle(ctx: &mut Context, id: &AccountId, mut account: Account) -> Result<Settled, Failure> {
    let mut open = state::payments(ctx, id, State::Open)?;
    let rates: Vec<Dec> = open.iter().map(|(_, payment)| payment.rate).collect();
    let now = clock::reading(ctx, account.unit)?;
    let passed = now.saturating_sub(account.clock);
    let settlement = settlement::settle(account.funds(), &rates, passed);
    let settlement = settlement.map_err(|error| errors::invalid_settlement(&error.to_string()))?;
    account.clock = now;
    account.settled_at = ctx.block.height;
    for ((_, payment), earned) in open.iter_mut().zip(settlement.earned) {
        let balance = payment.balance.checked_add(earned);
        payment.balance = balance.ok_or_else(|| Rejection::overflow("the payment's balance"))?;
        account.draw(earned).ok_or_else(|| Rejection::overflow("what the account transferred"))?;
    }
    match settlement.owed {
        None => Ok(Settled { account, open }),
        Some(owed) => overdraw(ctx, id, account, open, &owed),
    }
}

fn overdraw(
    ctx: &mut Context,
    id: &AccountId,
    mut account: Account,
    open: Vec<(PaymentId, Payment)>,
    owed: &[u128],
) -> Result<Settled, Failure> {
    for ((id, mut payment), owed) in open.into_iter().zip(owed) {
        payment.owed = *owed;
        let total = account.owed.checked_add(*owed);
        account.owed = total.ok_or_else(|| Rejection::overflow("what the account owes"))?;
        end_payment(ctx, &id, &mut account, &mut payment, State::Overdrawn)?;
        state::put_payment(ctx, &id, &payment)?;
    }
    end_account(ctx, id, &mut account, State::Overdrawn)?;
    state::put_account(ctx, id, &account)?;
    Ok(Settled { account, open: Vec::new() })
}

impl Settled {
    /// Stores the account and its open payments.
    pub(super) fn store(&self, ctx: &mut Context, id: &AccountId) -> Result<(), Failure> {
        for (id, payment) in &self.open {
            state::put_payment(ctx, id, payment)?;
        }
        state::put_account(ctx, id, &self.account)
    }

    /// Takes a payment out of the open ones.
    pub(super) fn take(&mut self, id: &PaymentId) -> Option<Payment> {
        let place = self.open.iter().position(|(open, _)| open == id)?;
        Some(self.open.remove(place).1)
    }
}
