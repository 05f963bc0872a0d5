//! Escrow: money that a tenant set aside, and payments that flow out of it as time passes.
//!
//! ```text
//! account   open ──close──────────────────────────▶ closed
//!             └──funds run out──▶ overdrawn ──debt paid──▶ closed
//! payment   open ──close──▶ closed          open ──funds run out──▶ overdrawn ──debt paid──▶ closed
//! ```
//!
//! Whoever owns the business opens and closes (a market, on its users' messages); anyone may deposit into an open
//! account, settle it, or pay the debt of an overdrawn one. Time moves an account to `overdrawn`, whoever notices.
//!
//! Settlement is lazy: each operation first brings the account to the present by [`pricing::settlement`], whose result
//! does not depend on how often that is done. Deposits are drawn oldest first. Whole base units are paid out; fractions
//! stay in the payment until it ends, and then in the account's dust. An account that ended holds nothing: what its
//! depositors put in is what was paid, taken, refunded and, as whole units made of fractions, collected as dust.
//!
//! A bid's deposit is an account without payments.

pub mod account;
pub mod clock;
pub mod deposit;
mod errors;
mod events;
pub mod genesis;
pub mod invariants;
pub mod messages;
pub mod payment;
mod payout;
pub mod queries;
mod records;
mod settling;
pub mod state;
mod wire;

use primitives::Address;
use store::Module;

use crate::accounts::modules;
use crate::context::Context;
use crate::failure::Failure;
use crate::routes::{MessageRoute, QueryRoute};

pub use account::{close as close_account, create as create_account, deposit_into, settle};
pub use clock::begin_block;
pub use deposit::CheckedDeposit;
pub use genesis::Genesis;
pub use payment::{
    close as close_payment, create as create_payment, create_per as create_payment_per, pay_once, withdraw,
};
pub use pricing::settlement::Unit;
pub use proto::akash::escrow::id::v1::Scope;
pub use state::{AccountId, PaymentId};

/// The tree of this part.
pub const MODULE: Module = Module("escrow");

/// The messages of `akash.escrow.v1` and `tetra.escrow.v1`.
pub fn message_routes() -> Vec<MessageRoute> {
    messages::routes()
}

/// The queries of `akash.escrow.v1`.
pub fn query_routes() -> Vec<QueryRoute> {
    queries::routes()
}

/// The account that holds all coins in escrow.
pub fn vault() -> Address {
    Address::of_module(modules::ESCROW)
}

/// An account as clients see it, as of its last settlement.
///
/// # Errors
/// When the state fails.
pub fn account(ctx: &Context, id: &AccountId) -> Result<Option<proto::akash::escrow::types::v1::Account>, Failure> {
    let account = state::ACCOUNTS.get(&ctx.state, id)?;
    Ok(account.map(|account| wire::account(ctx, id, &account)))
}

/// What is left in an open account once it was settled now, and the milliseconds or blocks that it still covers at its present
/// rates; nothing of one that is not open. Nothing is stored.
///
/// # Errors
/// When the state fails.
pub fn left(ctx: &Context, id: &AccountId) -> Result<Option<(primitives::Dec, Option<u64>)>, Failure> {
    let Some(account) = state::ACCOUNTS.get(&ctx.state, id)? else { return Ok(None) };
    if account.state != proto::akash::escrow::types::v1::State::Open {
        return Ok(None);
    }
    let open = state::payments(ctx, id, account.state)?;
    let rates: Vec<primitives::Dec> = open.iter().map(|(_, payment)| payment.rate).collect();
    let passed = clock::reading(ctx, account.unit)?.saturating_sub(account.clock);
    let refuse = |error: pricing::settlement::SettlementError| errors::invalid_settlement(&error.to_string());
    let settled = pricing::settlement::settle(account.funds(), &rates, passed).map_err(refuse)?;
    let spent = settled.earned.iter().fold(primitives::Dec::ZERO, |sum, one| sum.checked_add(*one).unwrap_or(sum));
    let funds = account.funds().saturating_sub(spent);
    let total = pricing::settlement::total_rate(&rates).map_err(refuse)?;
    Ok(Some((funds, pricing::settlement::ticks_covered(funds, total))))
}

/// A payment as clients see it, as of its account's last settlement. `xid` is that of the deployment's account.
///
/// # Errors
/// When the state fails.
pub fn payment(
    ctx: &Context,
    xid: &str,
    payment: &str,
) -> Result<Option<proto::akash::escrow::types::v1::Payment>, Failure> {
    let id = PaymentId::new(xid, payment);
    let Some(payment) = state::PAYMENTS.get(&ctx.state, &id)? else { return Ok(None) };
    let account = state::existing(ctx, &id.account())?;
    Ok(Some(wire::payment(ctx, &id, &account.denom, &payment)))
}

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod tests;
