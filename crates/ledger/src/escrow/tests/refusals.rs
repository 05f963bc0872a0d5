//! Every refusal, by codespace, code and text; what was refused changed nothing.

use insta::assert_snapshot;
use primitives::{Dec, DecCoin};
use proto::akash::base::deposit::v1::Source;
use proto::akash::escrow::id::v1 as ids;
use proto::akash::escrow::v1::MsgAccountDeposit;
use proto::tetra::escrow::v1::MsgSettle;

use super::support::*;
use crate::escrow::{self, AccountId, CheckedDeposit, MODULE, Unit, messages};
use crate::testing::{self, ALICE, BOB, advance, nobody, stored};
use crate::{Context, Failure, bank};

/// Refuses and changes nothing.
fn refuse(ctx: &mut Context, work: impl FnOnce(&mut Context) -> Result<(), Failure>) -> String {
    let everything = |ctx: &Context| (stored(ctx, MODULE), stored(ctx, bank::MODULE), ctx.events.len());
    let before = everything(ctx);
    let text = refused(ctx.attempt(work));
    assert_eq!(everything(ctx), before, "{text}");
    assert!(ctx.outcomes.is_empty());
    text
}

/// An account that cannot be changed any more refuses everything in the same way.
fn operations(ctx: &mut Context) -> String {
    let texts = [
        refuse(ctx, |ctx| escrow::settle(ctx, &account_id())),
        refuse(ctx, |ctx| escrow::close_account(ctx, &account_id())),
        refuse(ctx, |ctx| escrow::create_payment(ctx, XID, "new", &PAYEE, &rate("1utet"))),
        refuse(ctx, |ctx| escrow::withdraw(ctx, XID, "a")),
        refuse(ctx, |ctx| escrow::close_payment(ctx, XID, "a")),
    ];
    texts.join("\n")
}

#[test]
fn what_is_not_there() {
    let mut ctx = testing::context();
    assert_snapshot!(operations(&mut ctx));
    assert_snapshot!(
        refuse(&mut ctx, |ctx| escrow::deposit_into(ctx, &AccountId::bid("x"), &deposit("1utet"), &ALICE)),
        @"escrow 3: account not found: bid/x"
    );
    let mut ctx = with_account("10utet");
    assert_snapshot!(
        refuse(&mut ctx, |ctx| escrow::withdraw(ctx, XID, "a")),
        @"escrow 8: payment not found: tetra1owner/7/a"
    );
}

#[test]
fn what_is_closed() {
    let mut ctx = with_account("10utet");
    pay(&mut ctx, "a", &PAYEE, "1utet");
    close(&mut ctx).unwrap();
    ctx.outcomes.clear();
    assert_snapshot!(operations(&mut ctx));
    assert_snapshot!(
        refuse(&mut ctx, |ctx| escrow::deposit_into(ctx, &account_id(), &deposit("1utet"), &ALICE)),
        @"escrow 2: account closed: deployment/tetra1owner/7; it was refunded and takes no more money"
    );
    // An id is not used again.
    assert_snapshot!(
        refuse(&mut ctx, |ctx| escrow::create_account(ctx, &account_id(), &ALICE, &deposit("1utet"), &ALICE)),
        @"escrow 1: account exists: deployment/tetra1owner/7"
    );
}

#[test]
fn what_is_overdrawn() {
    let mut ctx = with_account("10utet");
    pay(&mut ctx, "a", &PAYEE, "3utet");
    advance(&mut ctx, 9);
    settle(&mut ctx).unwrap();
    ctx.outcomes.clear();
    assert_snapshot!(operations(&mut ctx));
}

#[test]
fn payments_that_cannot_begin() {
    let mut ctx = with_account("10utet");
    pay(&mut ctx, "a", &PAYEE, "1utet");
    close_payment(&mut ctx, "a").unwrap();
    pay(&mut ctx, "b", &PAYEE, "1utet");
    ctx.outcomes.clear();
    let mut begin = |payment: &str, price: &DecCoin, unit| {
        refuse(&mut ctx, |ctx| escrow::create_payment_per(ctx, XID, payment, &PAYEE, price, unit))
    };
    let most = DecCoin { denom: testing::denom("utet"), amount: Dec::from_atoms(u128::MAX) };
    let texts = [
        begin("c", &rate("1uusd"), Unit::Block),
        begin("c", &rate("0utet"), Unit::Block),
        begin("a", &rate("1utet"), Unit::Block),
        begin("b", &rate("1utet"), Unit::Block),
        begin("c", &rate("1utet"), Unit::Millisecond),
        begin("c", &most, Unit::Block),
    ];
    assert_snapshot!(texts.join("\n"));
}

#[test]
fn deposits_that_are_not_taken() {
    let mut ctx = with_account("10utet");
    let mut add = |amount: &str, depositor| {
        refuse(&mut ctx, |ctx| escrow::deposit_into(ctx, &account_id(), &deposit(amount), depositor))
    };
    let texts = [add("0utet", &BOB), add("5uusd", &BOB), add("5utet", &nobody(1))];
    assert_snapshot!(texts.join("\n"));
    let create =
        |ctx: &mut Context| escrow::create_account(ctx, &AccountId::bid("x"), &ALICE, &deposit("5utet"), &nobody(1));
    assert_snapshot!(
        refuse(&mut ctx, create),
        @"sdk 5: spendable balance 0utet is smaller than 5utet: insufficient funds"
    );
}

/// All amounts of an account together must be countable in 10^-18.
#[test]
fn deposits_that_cannot_be_counted() {
    let mut ctx = testing::empty();
    let address = ctx.text(&ALICE);
    let balance = bank::genesis::Balance { address, coins: format!("{}utet", u128::MAX) };
    bank::genesis::import(&mut ctx, &bank::Genesis { balances: vec![balance], ..bank::Genesis::default() }).unwrap();
    let most = u128::MAX / 10u128.pow(18);
    let create = |amount: u128| {
        move |ctx: &mut Context| {
            escrow::create_account(ctx, &account_id(), &ALICE, &deposit(&format!("{amount}utet")), &ALICE)
        }
    };
    assert_snapshot!(
        refuse(&mut ctx, create(most + 1)),
        @"sdk 41: what was ever put into the account is larger than the chain can count"
    );
    create(most)(&mut ctx).unwrap();
    assert_snapshot!(
        refuse(&mut ctx, |ctx| escrow::deposit_into(ctx, &account_id(), &deposit("1utet"), &ALICE)),
        @"sdk 41: what was ever put into the account is larger than the chain can count"
    );
    // What was paid counts as well: it is noted for good.
    pay(&mut ctx, "a", &PAYEE, "1utet");
    advance(&mut ctx, 100);
    withdraw(&mut ctx, "a").unwrap();
    assert_snapshot!(
        refuse(&mut ctx, |ctx| escrow::deposit_into(ctx, &account_id(), &deposit("1utet"), &ALICE)),
        @"sdk 41: what was ever put into the account is larger than the chain can count"
    );
    close(&mut ctx).unwrap();
    assert_eq!(utet(&ctx, &ALICE), u128::MAX - 100);
    sound(&ctx);
}

#[test]
fn malformed_deposits() {
    let good = wire_deposit("5utet");
    let balance = Source::Balance as i32;
    let parse = |deposit| refused(CheckedDeposit::parse(deposit));
    let with = |sources: &[i32]| {
        let mut deposit = good.clone();
        deposit.sources = sources.to_vec();
        refused(CheckedDeposit::parse(Some(&deposit)))
    };
    let mut no_amount = good.clone();
    no_amount.amount = None;
    let mut negative = good.clone();
    negative.amount.as_mut().unwrap().amount = "-5".to_owned();
    let mut no_denom = good.clone();
    no_denom.amount.as_mut().unwrap().denom = "1".to_owned();
    let texts = [
        parse(None),
        parse(Some(&no_amount)),
        parse(Some(&negative)),
        parse(Some(&no_denom)),
        with(&[]),
        with(&[0]),
        with(&[9, balance]),
        with(&[balance, balance]),
        with(&[Source::Grant as i32]),
    ];
    assert_snapshot!(texts.join("\n"));
    // Grants hold nothing; then comes the balance.
    let mut both = good.clone();
    both.sources = vec![Source::Grant as i32, balance];
    assert_eq!(CheckedDeposit::parse(Some(&both)).unwrap(), deposit("5utet"));
}

#[test]
fn malformed_messages() {
    let mut ctx = with_account("10utet");
    let signer = ctx.text(&BOB);
    let id = Some(ids::Account { scope: escrow::Scope::Deployment as i32, xid: XID.to_owned() });
    let nowhere = Some(ids::Account { scope: escrow::Scope::Deployment as i32, xid: String::new() });
    let no_scope = Some(ids::Account { scope: 0, xid: XID.to_owned() });
    let odd_scope = Some(ids::Account { scope: 7, xid: XID.to_owned() });
    let mut settle = |signer: &str, id| {
        let msg = MsgSettle { signer: signer.to_owned(), id };
        refuse(&mut ctx, |ctx| messages::settle(ctx, msg).map(drop))
    };
    let texts = [
        settle("me", id.clone()),
        settle(&signer, None),
        settle(&signer, nowhere),
        settle(&signer, no_scope),
        settle(&signer, odd_scope),
    ];
    assert_snapshot!(texts.join("\n"));
    let mut deposit = |signer: &str, id, deposit| {
        let msg = MsgAccountDeposit { signer: signer.to_owned(), id, deposit };
        refuse(&mut ctx, |ctx| messages::account_deposit(ctx, msg).map(drop))
    };
    let texts = [
        deposit("me", id.clone(), Some(wire_deposit("5utet"))),
        deposit(&signer, None, Some(wire_deposit("5utet"))),
        deposit(&signer, id, None),
    ];
    assert_snapshot!(texts.join("\n"));
}
