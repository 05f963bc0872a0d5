//! Opening, funding and closing accounts.

use insta::assert_snapshot;
use primitives::Address;
use proto::akash::escrow::id::v1 as ids;
use proto::akash::escrow::types::v1::State;
use proto::akash::escrow::v1::MsgAccountDeposit;
use proto::tetra::escrow::v1::MsgSettle;

use super::support::*;
use crate::context::Outcome;
use crate::escrow::account::MAX_DEPOSITORS;
use crate::escrow::{self, AccountId, Scope, messages};
use crate::testing::{self, ALICE, BOB, CAROL, FUNDS, advance, coins, nobody};
use crate::{Context, bank};

#[test]
fn a_deposit_moves_into_escrow_and_back() {
    let mut ctx = testing::context();
    escrow::create_account(&mut ctx, &account_id(), &ALICE, &deposit("500utet"), &ALICE).unwrap();
    assert_eq!((utet(&ctx, &ALICE), vault(&ctx)), (FUNDS - 500, 500));
    assert_eq!(deposits(&ctx), [(ALICE, dec("500"))]);
    sound(&ctx);

    advance(&mut ctx, 1_000);
    close(&mut ctx).unwrap();
    assert_eq!((utet(&ctx, &ALICE), vault(&ctx), state(&ctx)), (FUNDS, 0, State::Closed));
    let ended = Outcome::EscrowClosed { scope: Scope::Deployment, xid: XID.to_owned(), overdrawn: false };
    assert_eq!(ctx.outcomes, [ended]);
    sound(&ctx);
}

#[test]
fn a_deposit_and_its_refund_are_announced() {
    let mut ctx = testing::context();
    escrow::create_account(&mut ctx, &account_id(), &ALICE, &deposit("500utet"), &ALICE).unwrap();
    add(&mut ctx, &BOB, "7utet").unwrap();
    settle(&mut ctx).unwrap();
    close(&mut ctx).unwrap();
    assert_snapshot!(told(&mut ctx));
}

#[test]
fn an_account_may_be_empty_and_paid_for_by_another() {
    let mut ctx = testing::context();
    escrow::create_account(&mut ctx, &account_id(), &ALICE, &deposit("0utet"), &ALICE).unwrap();
    assert!(ctx.events.is_empty() && deposits(&ctx).is_empty());
    add(&mut ctx, &BOB, "5utet").unwrap();
    close(&mut ctx).unwrap();
    assert_eq!((utet(&ctx, &ALICE), utet(&ctx, &BOB)), (FUNDS, FUNDS));

    let bid = AccountId::bid("tetra1owner/7");
    escrow::create_account(&mut ctx, &bid, &ALICE, &deposit("5uusd"), &BOB).unwrap();
    escrow::close_account(&mut ctx, &bid).unwrap();
    assert_eq!((testing::balance(&ctx, &BOB, "uusd"), state(&ctx)), (FUNDS, State::Closed));
    sound(&ctx);
}

#[test]
fn deposits_are_drawn_oldest_first() {
    let mut ctx = with_account("10utet");
    add(&mut ctx, &BOB, "20utet").unwrap();
    add(&mut ctx, &CAROL, "30utet").unwrap();
    // The money of one depositor stays together, at its first place.
    add(&mut ctx, &BOB, "5utet").unwrap();
    pay(&mut ctx, "a", &PAYEE, "7utet");
    advance(&mut ctx, 1);
    settle(&mut ctx).unwrap();
    assert_eq!(deposits(&ctx), [(ALICE, dec("3")), (BOB, dec("25")), (CAROL, dec("30"))]);
    advance(&mut ctx, 1);
    settle(&mut ctx).unwrap();
    assert_eq!(deposits(&ctx), [(BOB, dec("21")), (CAROL, dec("30"))]);
    // Who was drawn empty begins again at the end.
    add(&mut ctx, &ALICE, "1utet").unwrap();
    assert_eq!(deposits(&ctx), [(BOB, dec("21")), (CAROL, dec("30")), (ALICE, dec("1"))]);
    sound(&ctx);
}

#[test]
fn refunds_go_to_who_is_left_oldest_first() {
    let mut ctx = with_account("10utet");
    add(&mut ctx, &BOB, "20utet").unwrap();
    add(&mut ctx, &CAROL, "30utet").unwrap();
    pay(&mut ctx, "a", &PAYEE, "0.5utet");
    advance(&mut ctx, 25);
    close(&mut ctx).unwrap();
    assert_snapshot!(told(&mut ctx));
    // 12.5 were drawn; the half that is left of Bob's and the half that the payee earned make one unit of dust.
    assert_eq!((utet(&ctx, &ALICE), utet(&ctx, &BOB), utet(&ctx, &CAROL)), (FUNDS - 10, FUNDS - 3, FUNDS));
    assert_eq!((utet(&ctx, &PAYEE), utet(&ctx, &pool()), vault(&ctx)), (12, 1, 0));
    sound(&ctx);
}

#[test]
fn closing_an_account_ends_its_payments() {
    let mut ctx = with_account("100utet");
    pay(&mut ctx, "a", &PAYEE, "1utet");
    pay(&mut ctx, "b", &OTHER, "2utet");
    close_payment(&mut ctx, "b").unwrap();
    advance(&mut ctx, 10);
    close(&mut ctx).unwrap();
    assert_eq!((payment(&ctx, "a").state, payment(&ctx, "b").state), (State::Closed, State::Closed));
    assert_eq!((utet(&ctx, &PAYEE), utet(&ctx, &OTHER), utet(&ctx, &ALICE)), (10, 0, FUNDS - 10));
    // The one that had ended is not announced again.
    let payment = Outcome::PaymentClosed { xid: XID.to_owned(), payment: "a".to_owned(), overdrawn: false };
    assert_eq!((ctx.outcomes.len(), ctx.outcomes.front()), (2, Some(&payment)));
    sound(&ctx);
}

/// A stranger with 5 `utet`.
fn stranger(ctx: &mut Context, number: u8) -> Address {
    let stranger = Address::new([number; 20]);
    bank::send(ctx, &CAROL, &stranger, &coins("5utet")).unwrap();
    stranger
}

#[test]
fn strangers_may_add_up_to_a_bound_and_the_owner_always() {
    let mut ctx = testing::context();
    escrow::create_account(&mut ctx, &account_id(), &ALICE, &deposit("0utet"), &ALICE).unwrap();
    // The owner is not one of them.
    add(&mut ctx, &ALICE, "1utet").unwrap();
    for number in 0..u8::try_from(MAX_DEPOSITORS).unwrap() {
        let stranger = stranger(&mut ctx, 30 + number);
        add(&mut ctx, &stranger, "4utet").unwrap();
    }
    let late = stranger(&mut ctx, 29);
    assert_snapshot!(
        refused(add(&mut ctx, &late, "5utet")),
        @"escrow 14: invalid depositor: the account has money of 64 others than its owner, and only those and the owner may still add"
    );
    // Those who are in may add, and so may the owner.
    add(&mut ctx, &nobody(30), "1utet").unwrap();
    add(&mut ctx, &ALICE, "5utet").unwrap();
    assert_eq!((deposits(&ctx).len(), vault(&ctx)), (MAX_DEPOSITORS + 1, 1 + 4 * 64 + 1 + 5));
    close(&mut ctx).unwrap();
    assert_eq!((utet(&ctx, &nobody(30)), utet(&ctx, &late), vault(&ctx)), (5, 5, 0));
}

fn wire_id(scope: Scope) -> Option<ids::Account> {
    Some(ids::Account { scope: scope as i32, xid: XID.to_owned() })
}

#[test]
fn anybody_may_deposit_and_settle_by_message() {
    let mut ctx = with_account("10utet");
    pay(&mut ctx, "a", &PAYEE, "1utet");
    let (bob, nobody) = (ctx.text(&BOB), ctx.text(&nobody(1)));
    let (id, deposit) = (wire_id(Scope::Deployment), Some(wire_deposit("7utet")));
    messages::account_deposit(&mut ctx, MsgAccountDeposit { signer: bob, id, deposit }).unwrap();
    assert_eq!(deposits(&ctx), [(ALICE, dec("10")), (BOB, dec("7"))]);
    advance(&mut ctx, 3);
    messages::settle(&mut ctx, MsgSettle { signer: nobody, id: wire_id(Scope::Deployment) }).unwrap();
    assert_eq!((account(&ctx).settled_at, payment(&ctx, "a").balance), (4, dec("3")));
    sound(&ctx);
}
