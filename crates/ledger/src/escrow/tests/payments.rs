//! What flows to payees.

use insta::assert_snapshot;
use proto::akash::escrow::types::v1::State;

use super::support::*;
use crate::context::Outcome;
use crate::take;
use crate::testing::{self, ALICE, FUNDS, advance};

/// 0.3 per block: upstream's rule pays nothing when each block is settled.
#[test]
fn settling_each_block_pays_what_settling_once_does() {
    let run = |spans: &[u64]| {
        let mut ctx = with_account("100utet");
        pay(&mut ctx, "a", &PAYEE, "0.3utet");
        for span in spans {
            advance(&mut ctx, *span);
            settle(&mut ctx).unwrap();
        }
        withdraw(&mut ctx, "a").unwrap();
        (utet(&ctx, &PAYEE), utet(&ctx, &pool()), payment(&ctx, "a").balance, deposits(&ctx))
    };
    let once = run(&[101]);
    assert_eq!(once, (29, 1, dec("0.3"), vec![(ALICE, dec("69.7"))]));
    assert_eq!(run(&[1; 101]), once);
    assert_eq!(run(&[50, 1, 50]), once);
}

#[test]
fn withdrawing_each_block_pays_and_takes_what_withdrawing_once_does() {
    let run = |spans: &[u64]| {
        let mut ctx = with_account("100utet");
        pay(&mut ctx, "a", &PAYEE, "0.7utet");
        for span in spans {
            advance(&mut ctx, *span);
            withdraw(&mut ctx, "a").unwrap();
        }
        (utet(&ctx, &PAYEE), utet(&ctx, &pool()), payment(&ctx, "a").withdrawn)
    };
    // floor(4 % of 70) is taken.
    assert_eq!(run(&[101]), (68, 2, 70));
    assert_eq!(run(&[1; 101]), (68, 2, 70));
    assert_eq!(run(&[100, 1]), (68, 2, 70));
}

#[test]
fn the_take_is_that_of_the_day_the_payment_began() {
    let mut ctx = with_account("1000utet");
    pay(&mut ctx, "a", &PAYEE, "1utet");
    let mut params = take::params(&ctx).unwrap();
    params.denom_take_rates.insert("utet".to_owned(), 50);
    take::genesis::import(&mut ctx, &take::Genesis { params }).unwrap();
    pay(&mut ctx, "b", &OTHER, "1utet");
    advance(&mut ctx, 100);
    withdraw(&mut ctx, "a").unwrap();
    withdraw(&mut ctx, "b").unwrap();
    assert_eq!((utet(&ctx, &PAYEE), utet(&ctx, &OTHER), utet(&ctx, &pool())), (96, 50, 54));
    sound(&ctx);
}

#[test]
fn a_payout_is_announced_and_nothing_is_when_there_is_none() {
    let mut ctx = with_account("100utet");
    pay(&mut ctx, "a", &PAYEE, "0.9utet");
    advance(&mut ctx, 1);
    withdraw(&mut ctx, "a").unwrap();
    assert!(ctx.events.is_empty());
    advance(&mut ctx, 29);
    withdraw(&mut ctx, "a").unwrap();
    assert_snapshot!(told(&mut ctx));
    assert!(ctx.outcomes.is_empty());
}

#[test]
fn a_payment_that_ends_leaves_its_fraction_to_the_account() {
    let mut ctx = with_account("100utet");
    pay(&mut ctx, "a", &PAYEE, "0.3utet");
    pay(&mut ctx, "b", &OTHER, "1.3utet");
    advance(&mut ctx, 9);
    close_payment(&mut ctx, "a").unwrap();
    let closed = Outcome::PaymentClosed { xid: XID.to_owned(), payment: "a".to_owned(), overdrawn: false };
    assert_eq!(ctx.outcomes, [closed]);
    assert_eq!((payment(&ctx, "a").state, payment(&ctx, "a").balance), (State::Closed, dec("0")));
    assert_eq!((utet(&ctx, &PAYEE), account(&ctx).dust), (2, dec("0.7")));
    sound(&ctx);

    // It costs nothing any more; the other flows on.
    advance(&mut ctx, 1);
    settle(&mut ctx).unwrap();
    assert_eq!(account(&ctx).funds(), dec("84.3"));
    close(&mut ctx).unwrap();
    // 0.7 and 0.3 of the depositor: one unit; 13 were whole.
    assert_eq!((utet(&ctx, &OTHER), utet(&ctx, &ALICE), utet(&ctx, &pool())), (13, FUNDS - 16, 1));
    assert_eq!(vault(&ctx), 0);
    sound(&ctx);
}

#[test]
fn payments_begin_and_end_at_their_own_time() {
    let mut ctx = with_account("1000utet");
    pay(&mut ctx, "a", &PAYEE, "1utet");
    advance(&mut ctx, 10);
    pay(&mut ctx, "b", &OTHER, "2utet");
    advance(&mut ctx, 10);
    close_payment(&mut ctx, "a").unwrap();
    advance(&mut ctx, 10);
    settle(&mut ctx).unwrap();
    assert_eq!((payment(&ctx, "a").withdrawn, payment(&ctx, "b").balance), (20, dec("40")));
    // An account without payments costs nothing.
    close_payment(&mut ctx, "b").unwrap();
    advance(&mut ctx, 1_000_000);
    settle(&mut ctx).unwrap();
    assert_eq!(account(&ctx).funds(), dec("940"));
    sound(&ctx);
}

#[test]
fn payments_in_dollars_are_taxed_like_dollars() {
    let mut ctx = with_account("100uusd");
    pay(&mut ctx, "a", &PAYEE, "1uusd");
    advance(&mut ctx, 10);
    withdraw(&mut ctx, "a").unwrap();
    assert_eq!(testing::balance(&ctx, &PAYEE, "uusd"), 8);
    assert_eq!(testing::balance(&ctx, &pool(), "uusd"), 2);
    sound(&ctx);
}
