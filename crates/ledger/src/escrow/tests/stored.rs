//! What is stored, and the promises that are checked after every block.

use insta::assert_snapshot;
use primitives::Dec;
use proto::akash::escrow::types::v1::State;

use super::support::*;
use crate::escrow::state::{ACCOUNTS, ACCOUNTS_BY_STATE, PAYMENTS, PAYMENTS_BY_STATE, put_account, put_payment};
use crate::escrow::{self, AccountId, MODULE, PaymentId, Unit, invariants};
use crate::testing::{self, ALICE, BOB, advance, coins, stored};
use crate::{Context, bank};

/// Accounts and payments in every state, in both units and both scopes.
pub(super) fn lived_in() -> Context {
    let mut ctx = with_account("1000utet");
    add(&mut ctx, &BOB, "7utet").unwrap();
    pay(&mut ctx, "1/1/x", &PAYEE, "0.3utet");
    pay(&mut ctx, "1/1/y", &OTHER, "40utet");
    let create = |ctx: &mut Context, id: &AccountId, amount: &str| {
        escrow::create_account(ctx, id, &ALICE, &deposit(amount), &BOB).unwrap();
    };
    create(&mut ctx, &AccountId::bid(XID), "5uusd");
    create(&mut ctx, &AccountId::bid("tetra1owner/8"), "5uusd");
    create(&mut ctx, &AccountId::deployment("tetra1owner/8"), "100uusd");
    escrow::create_payment_per(&mut ctx, "tetra1owner/8", "a", &PAYEE, &rate("0.001uusd"), Unit::Millisecond).unwrap();
    create(&mut ctx, &AccountId::deployment("tetra1owner/9"), "20utet");
    escrow::create_payment(&mut ctx, "tetra1owner/9", "a", &PAYEE, &rate("9utet")).unwrap();
    advance(&mut ctx, 3);
    escrow::begin_block(&mut ctx).unwrap();
    close_payment(&mut ctx, "1/1/y").unwrap();
    escrow::close_account(&mut ctx, &AccountId::bid("tetra1owner/8")).unwrap();
    escrow::settle(&mut ctx, &AccountId::deployment("tetra1owner/8")).unwrap();
    escrow::settle(&mut ctx, &AccountId::deployment("tetra1owner/9")).unwrap();
    sound(&ctx);
    ctx
}

#[test]
fn stored_keys_and_values() {
    assert_snapshot!(stored(&lived_in(), MODULE));
}

fn broken(change: impl FnOnce(&mut Context)) -> String {
    let mut ctx = lived_in();
    change(&mut ctx);
    invariants::check(&ctx).unwrap().join("\n")
}

fn change_account(ctx: &mut Context, xid: &str, change: impl FnOnce(&mut escrow::state::Account)) {
    let id = AccountId::deployment(xid);
    let mut account = ACCOUNTS.get(&ctx.state, &id).unwrap().unwrap();
    change(&mut account);
    put_account(ctx, &id, &account).unwrap();
}

fn change_payment(ctx: &mut Context, xid: &str, payment: &str, change: impl FnOnce(&mut escrow::state::Payment)) {
    let id = PaymentId::new(xid, payment);
    let mut payment = PAYMENTS.get(&ctx.state, &id).unwrap().unwrap();
    change(&mut payment);
    put_payment(ctx, &id, &payment).unwrap();
}

#[test]
fn money_that_is_not_accounted_for_is_found() {
    let vault = escrow::vault();
    let too_much = broken(|ctx| bank::send(ctx, &ALICE, &vault, &coins("1utet")).unwrap());
    let too_little = broken(|ctx| bank::send(ctx, &vault, &ALICE, &coins("1uusd")).unwrap());
    // No account has ever used this denom.
    let other = broken(|ctx| bank::mint(ctx, "capped", "test", &vault, &testing::coin("3nwit")).unwrap());
    let fraction = broken(|ctx| change_account(ctx, XID, |account| account.dust = dec("0.5")));
    let all =
        broken(|ctx| change_account(ctx, XID, |account| account.deposits[0].balance = Dec::from_atoms(u128::MAX)));
    assert_snapshot!([too_much, too_little, other, fraction, all].join("\n--\n"));
}

#[test]
fn broken_ends_are_found() {
    let texts = [
        broken(|ctx| change_account(ctx, XID, |account| account.state = State::Closed)),
        broken(|ctx| change_account(ctx, XID, |account| account.owed = 3)),
        broken(|ctx| change_account(ctx, "tetra1owner/9", |account| account.owed = 0)),
        broken(|ctx| change_account(ctx, "tetra1owner/9", |account| account.state = State::Closed)),
        broken(|ctx| change_payment(ctx, XID, "1/1/y", |payment| payment.balance = dec("0.5"))),
        broken(|ctx| change_payment(ctx, XID, "1/1/y", |payment| payment.state = State::Overdrawn)),
        broken(|ctx| change_payment(ctx, XID, "1/1/y", |payment| payment.owed = 1)),
        broken(|ctx| ACCOUNTS.remove(&mut ctx.state, &account_id())),
        broken(|ctx| ACCOUNTS_BY_STATE.remove(&mut ctx.state, &(1, account_id()))),
        broken(|ctx| PAYMENTS_BY_STATE.remove(&mut ctx.state, &(1, PaymentId::new(XID, "1/1/x")))),
        broken(|ctx| PAYMENTS_BY_STATE.set(&mut ctx.state, &(2, PaymentId::new(XID, "1/1/x")), &())),
    ];
    assert!(texts.iter().all(|text| !text.is_empty()), "{texts:#?}");
    assert_snapshot!(texts.join("\n--\n"));
}
