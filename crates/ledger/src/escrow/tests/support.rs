//! Escrow in the words of its tests. The account of most of them is a deployment's, in `utet`, of which 4 % are taken.

use primitives::{Address, Dec, DecCoin};
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::escrow::types::v1::State;
use proto::cosmos::base::v1beta1::Coin as WireCoin;

use crate::accounts::modules;
use crate::context::Context;
use crate::escrow::state::{Account, PAYMENTS, Payment, existing};
use crate::escrow::{self, AccountId, CheckedDeposit, PaymentId, Unit, invariants};
use crate::failure::{Failure, Rejection};
use crate::testing::{self, ALICE, coin, refusal};

pub(super) const XID: &str = "tetra1owner/7";
pub(super) const PAYEE: Address = Address::new([21; 20]);
pub(super) const OTHER: Address = Address::new([22; 20]);

pub(super) fn account_id() -> AccountId {
    AccountId::deployment(XID)
}

pub(super) fn wire_deposit(amount: &str) -> Deposit {
    let coin = coin(amount);
    let amount = Some(WireCoin { denom: coin.denom.to_string(), amount: coin.amount.to_string() });
    Deposit { amount, sources: vec![Source::Balance as i32] }
}

pub(super) fn deposit(amount: &str) -> CheckedDeposit {
    CheckedDeposit::parse(Some(&wire_deposit(amount))).unwrap()
}

pub(super) fn rate(text: &str) -> DecCoin {
    let place = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap();
    let (amount, denom) = text.split_at(place);
    DecCoin { amount: amount.parse().unwrap(), denom: testing::denom(denom) }
}

/// A chain with an account that holds `amount` of [`ALICE`].
pub(super) fn with_account(amount: &str) -> Context {
    let mut ctx = testing::context();
    escrow::create_account(&mut ctx, &account_id(), &ALICE, &deposit(amount), &ALICE).unwrap();
    testing::forget(&mut ctx);
    ctx
}

pub(super) fn try_pay(
    ctx: &mut Context,
    payment: &str,
    payee: &Address,
    price: &str,
    unit: Unit,
) -> Result<(), Failure> {
    ctx.attempt(|ctx| escrow::create_payment_per(ctx, XID, payment, payee, &rate(price), unit))
}

/// Begins a payment per block.
pub(super) fn pay(ctx: &mut Context, payment: &str, payee: &Address, price: &str) {
    try_pay(ctx, payment, payee, price, Unit::Block).unwrap();
}

pub(super) fn add(ctx: &mut Context, depositor: &Address, amount: &str) -> Result<(), Failure> {
    ctx.attempt(|ctx| escrow::deposit_into(ctx, &account_id(), &deposit(amount), depositor))
}

pub(super) fn settle(ctx: &mut Context) -> Result<(), Failure> {
    ctx.attempt(|ctx| escrow::settle(ctx, &account_id()))
}

pub(super) fn close(ctx: &mut Context) -> Result<(), Failure> {
    ctx.attempt(|ctx| escrow::close_account(ctx, &account_id()))
}

pub(super) fn withdraw(ctx: &mut Context, payment: &str) -> Result<(), Failure> {
    ctx.attempt(|ctx| escrow::withdraw(ctx, XID, payment))
}

pub(super) fn close_payment(ctx: &mut Context, payment: &str) -> Result<(), Failure> {
    ctx.attempt(|ctx| escrow::close_payment(ctx, XID, payment))
}

pub(super) fn account(ctx: &Context) -> Account {
    existing(ctx, &account_id()).unwrap()
}

pub(super) fn payment(ctx: &Context, payment: &str) -> Payment {
    PAYMENTS.get(&ctx.state, &PaymentId::new(XID, payment)).unwrap().unwrap()
}

pub(super) fn state(ctx: &Context) -> State {
    account(ctx).state
}

/// Who has what left, in the order in which it is drawn.
pub(super) fn deposits(ctx: &Context) -> Vec<(Address, Dec)> {
    account(ctx).deposits.into_iter().map(|deposit| (deposit.owner, deposit.balance)).collect()
}

pub(super) fn dec(text: &str) -> Dec {
    text.parse().unwrap()
}

pub(super) fn utet(ctx: &Context, who: &Address) -> u128 {
    testing::balance(ctx, who, "utet")
}

pub(super) fn pool() -> Address {
    Address::of_module(modules::COMMUNITY_POOL)
}

pub(super) fn vault(ctx: &Context) -> u128 {
    utet(ctx, &escrow::vault())
}

/// What escrow announced; the bank's announcements of the coins that moved are left out.
pub(super) fn told(ctx: &mut Context) -> String {
    ctx.events.retain(|event| event.kind.starts_with("tetra.escrow"));
    testing::announced(ctx)
}

pub(super) fn sound(ctx: &Context) {
    assert_eq!(invariants::check(ctx).unwrap(), Vec::<String>::new());
}

/// `codespace code: text` of a refusal, for snapshots.
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    let Rejection { codespace, code, message } = refusal(result);
    format!("{codespace} {code}: {message}")
}
