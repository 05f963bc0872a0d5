//! Funds that run out, and money that comes too late.

use insta::assert_snapshot;
use proto::akash::escrow::types::v1::State;

use super::support::*;
use crate::testing::{self, ALICE, BOB, CAROL, FUNDS, advance, nobody};
use crate::{Context, Failure, escrow};

#[test]
fn every_payee_is_paid_in_proportion_and_the_rest_is_owed() {
    let mut ctx = with_account("100utet");
    pay(&mut ctx, "a", &PAYEE, "10utet");
    pay(&mut ctx, "b", &OTHER, "20utet");
    advance(&mut ctx, 1_000);
    settle(&mut ctx).unwrap();
    assert_snapshot!(told(&mut ctx));
    assert_eq!(state(&ctx), State::Overdrawn);
    // 33.3 and 66.6, of which 4 % are taken; the fractions make one unit of dust.
    assert_eq!((utet(&ctx, &PAYEE), utet(&ctx, &OTHER), utet(&ctx, &pool())), (33 - 1, 66 - 2, 3 + 1));
    // Of the fourth block 30 were wanted and 10 were there.
    assert_eq!((payment(&ctx, "a").owed, payment(&ctx, "b").owed, account(&ctx).owed), (7, 13, 20));
    assert_eq!(vault(&ctx), 0);
    assert_eq!(ctx.outcomes.len(), 3);
    sound(&ctx);
}

#[test]
fn it_does_not_matter_when_it_is_noticed() {
    let run = |steps: &[u64]| {
        let mut ctx = with_account("100utet");
        pay(&mut ctx, "a", &PAYEE, "0.7utet");
        pay(&mut ctx, "b", &OTHER, "13.1utet");
        for blocks in steps {
            advance(&mut ctx, *blocks);
            let _ = settle(&mut ctx);
        }
        let owed = (payment(&ctx, "a").owed, payment(&ctx, "b").owed);
        (utet(&ctx, &PAYEE), utet(&ctx, &OTHER), utet(&ctx, &pool()), owed)
    };
    let once = run(&[100]);
    assert_eq!(once, run(&[1; 100]));
    assert_eq!(once, run(&[7, 1, 92]));
}

#[test]
fn the_last_unit_may_be_spent() {
    let mut ctx = with_account("100utet");
    pay(&mut ctx, "a", &PAYEE, "10utet");
    advance(&mut ctx, 10);
    settle(&mut ctx).unwrap();
    assert_eq!((state(&ctx), account(&ctx).funds()), (State::Open, dec("0")));
    add(&mut ctx, &BOB, "10utet").unwrap();
    advance(&mut ctx, 1);
    settle(&mut ctx).unwrap();
    assert_eq!(state(&ctx), State::Open);
    sound(&ctx);
}

#[test]
fn every_operation_notices() {
    let overdue = || {
        let mut ctx = with_account("10utet");
        pay(&mut ctx, "a", &PAYEE, "3utet");
        advance(&mut ctx, 4);
        ctx
    };
    type Operation = fn(&mut Context) -> Result<(), Failure>;
    let operations: [Operation; 4] = [settle, close, |ctx| withdraw(ctx, "a"), |ctx| close_payment(ctx, "a")];
    for operation in operations {
        let mut ctx = overdue();
        operation(&mut ctx).unwrap();
        assert_eq!((state(&ctx), payment(&ctx, "a").state), (State::Overdrawn, State::Overdrawn));
        assert_eq!((account(&ctx).owed, utet(&ctx, &PAYEE), vault(&ctx)), (2, 10, 0));
        sound(&ctx);
    }
    let mut ctx = overdue();
    assert_snapshot!(
        refused(try_pay(&mut ctx, "b", &PAYEE, "1utet", escrow::Unit::Block)),
        @"escrow 4: account overdrawn: deployment/tetra1owner/7 ran out of funds and owes 2utet; deposit that to close it"
    );
    // The refusal left it as it was; money that comes now is too late all the same.
    assert_eq!(state(&ctx), State::Open);
    add(&mut ctx, &BOB, "5utet").unwrap();
    assert_eq!((state(&ctx), utet(&ctx, &BOB)), (State::Closed, FUNDS - 2));
    sound(&ctx);
}

#[test]
fn a_late_top_up_pays_debts_in_proportion_and_returns_the_rest() {
    let mut ctx = with_account("100utet");
    pay(&mut ctx, "a", &PAYEE, "10utet");
    pay(&mut ctx, "b", &OTHER, "20utet");
    advance(&mut ctx, 4);
    settle(&mut ctx).unwrap();
    testing::forget(&mut ctx);

    add(&mut ctx, &BOB, "9utet").unwrap();
    assert_eq!((payment(&ctx, "a").owed, payment(&ctx, "b").owed, account(&ctx).owed), (3, 8, 11));
    assert_eq!((state(&ctx), utet(&ctx, &BOB), vault(&ctx)), (State::Overdrawn, FUNDS - 9, 0));
    sound(&ctx);

    add(&mut ctx, &CAROL, "100utet").unwrap();
    assert_eq!((state(&ctx), utet(&ctx, &CAROL), vault(&ctx)), (State::Closed, FUNDS - 11, 0));
    assert_eq!((payment(&ctx, "a").state, payment(&ctx, "b").state), (State::Closed, State::Closed));
    // 4 % of 40 and of 79, whatever the number of payouts; one unit was dust.
    assert_eq!((utet(&ctx, &PAYEE), utet(&ctx, &OTHER), utet(&ctx, &pool())), (40 - 1, 79 - 3, 4 + 1));
    assert_snapshot!(told(&mut ctx));
    // Its end was announced when funds ran out, and money does not revive it.
    assert!(ctx.outcomes.is_empty());
    assert_snapshot!(
        refused(add(&mut ctx, &BOB, "9utet")),
        @"escrow 2: account closed: deployment/tetra1owner/7; it was refunded and takes no more money"
    );
    sound(&ctx);
}

#[test]
fn a_top_up_that_is_not_there_changes_nothing() {
    let mut ctx = with_account("10utet");
    pay(&mut ctx, "a", &PAYEE, "3utet");
    advance(&mut ctx, 4);
    let before = testing::stored(&ctx, escrow::MODULE);
    assert_snapshot!(
        refused(add(&mut ctx, &nobody(1), "5utet")),
        @"sdk 5: spendable balance 0utet is smaller than 5utet: insufficient funds"
    );
    assert_eq!(testing::stored(&ctx, escrow::MODULE), before);
    settle(&mut ctx).unwrap();
    assert_eq!(utet(&ctx, &ALICE), FUNDS - 10);
}

/// A debt below one base unit is still a debt: one unit pays it.
#[test]
fn a_debt_of_a_fraction_can_be_paid() {
    let mut ctx = with_account("1utet");
    pay(&mut ctx, "a", &PAYEE, "0.3utet");
    pay(&mut ctx, "b", &OTHER, "0.3utet");
    advance(&mut ctx, 2);
    settle(&mut ctx).unwrap();
    assert_eq!((state(&ctx), account(&ctx).owed), (State::Overdrawn, 1));
    assert_eq!((payment(&ctx, "a").owed, payment(&ctx, "b").owed), (1, 0));
    sound(&ctx);
    assert_snapshot!(
        refused(close(&mut ctx)),
        @"escrow 4: account overdrawn: deployment/tetra1owner/7 ran out of funds and owes 1utet; deposit that to close it"
    );
    add(&mut ctx, &BOB, "1utet").unwrap();
    assert_eq!((state(&ctx), vault(&ctx)), (State::Closed, 0));
    assert_eq!((payment(&ctx, "a").state, payment(&ctx, "b").state), (State::Closed, State::Closed));
    sound(&ctx);
}
