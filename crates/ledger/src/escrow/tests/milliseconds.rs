//! Payments per millisecond of header time.

use std::sync::Arc;

use insta::assert_snapshot;
use proto::Timestamp;
use proto::akash::escrow::types::v1::State;

use super::support::*;
use crate::context::Chain;
use crate::escrow::state::CLOCK;
use crate::escrow::{Unit, begin_block};
use crate::testing;
use crate::{Context, Failure};

/// Blocks are meant to come every 500 ms.
fn quick(amount: &str) -> Context {
    let mut ctx = with_account(amount);
    ctx.chain = Arc::new(Chain { block_interval_ms: 500, ..testing::chain() });
    ctx
}

fn pay_per_ms(ctx: &mut Context, payment: &str, price: &str) -> Result<(), Failure> {
    try_pay(ctx, payment, &PAYEE, price, Unit::Millisecond)
}

/// The next block, so long after the last one.
fn block(ctx: &mut Context, nanos: u64) {
    ctx.block.height += 1;
    let nanos = u64::try_from(ctx.block.time.nanos).unwrap() + nanos;
    ctx.block.time.seconds += i64::try_from(nanos / 1_000_000_000).unwrap();
    ctx.block.time.nanos = i32::try_from(nanos % 1_000_000_000).unwrap();
    begin_block(ctx).unwrap();
}

const MS: u64 = 1_000_000;

#[test]
fn header_time_is_billed_whatever_the_number_of_blocks() {
    let mut ctx = quick("10000utet");
    pay_per_ms(&mut ctx, "a", "0.001utet").unwrap();
    block(&mut ctx, 700 * MS);
    block(&mut ctx, MS);
    withdraw(&mut ctx, "a").unwrap();
    assert_eq!(payment(&ctx, "a").balance, dec("0.701"));
    block(&mut ctx, 1_300 * MS);
    settle(&mut ctx).unwrap();
    assert_eq!(payment(&ctx, "a").balance, dec("2.001"));
    sound(&ctx);
}

#[test]
fn parts_of_a_millisecond_are_not_lost() {
    let mut ctx = quick("10000utet");
    pay_per_ms(&mut ctx, "a", "1utet").unwrap();
    for _ in 0..10 {
        block(&mut ctx, MS / 4);
    }
    settle(&mut ctx).unwrap();
    assert_eq!(payment(&ctx, "a").balance, dec("2"));
}

#[test]
fn a_halt_bills_four_block_intervals() {
    let mut ctx = quick("10000utet");
    pay_per_ms(&mut ctx, "a", "1utet").unwrap();
    block(&mut ctx, 2_000 * MS);
    settle(&mut ctx).unwrap();
    assert_eq!(payment(&ctx, "a").balance, dec("2000"));
    block(&mut ctx, 2_001 * MS);
    settle(&mut ctx).unwrap();
    assert_eq!(payment(&ctx, "a").balance, dec("4000"));
    block(&mut ctx, 86_400_000 * MS);
    settle(&mut ctx).unwrap();
    assert_eq!(payment(&ctx, "a").balance, dec("6000"));
    // After a halt time goes on from where it is, not from where it was.
    block(&mut ctx, 100 * MS);
    settle(&mut ctx).unwrap();
    assert_eq!((payment(&ctx, "a").balance, state(&ctx)), (dec("6100"), State::Open));
    sound(&ctx);
}

#[test]
fn time_before_the_first_payment_is_free_and_time_does_not_go_back() {
    let mut ctx = quick("10000utet");
    block(&mut ctx, 700 * MS);
    assert_eq!(CLOCK.get(&ctx.state).unwrap(), None);
    pay_per_ms(&mut ctx, "a", "1utet").unwrap();
    settle(&mut ctx).unwrap();
    assert_eq!(payment(&ctx, "a").balance, dec("0"));

    let start = ctx.block.time;
    block(&mut ctx, 300 * MS);
    ctx.block.time = Timestamp { seconds: start.seconds - 100, nanos: 0 };
    block(&mut ctx, 0);
    ctx.block.time = start;
    block(&mut ctx, 400 * MS);
    settle(&mut ctx).unwrap();
    assert_eq!(payment(&ctx, "a").balance, dec("400"));
}

#[test]
fn exhaustion_is_counted_in_milliseconds() {
    let mut ctx = quick("1000utet");
    pay_per_ms(&mut ctx, "a", "3utet").unwrap();
    block(&mut ctx, 333 * MS);
    settle(&mut ctx).unwrap();
    assert_eq!(state(&ctx), State::Open);
    block(&mut ctx, MS);
    settle(&mut ctx).unwrap();
    assert_eq!((state(&ctx), payment(&ctx, "a").withdrawn, payment(&ctx, "a").owed), (State::Overdrawn, 1000, 2));
    sound(&ctx);
}

#[test]
fn an_account_bills_in_one_unit_at_a_time() {
    let mut ctx = quick("10000utet");
    pay(&mut ctx, "a", &PAYEE, "1utet");
    assert_snapshot!(
        refused(pay_per_ms(&mut ctx, "b", "1utet")),
        @"escrow 10: invalid payment: the payments of one account are all per block or all per millisecond"
    );
    block(&mut ctx, 10 * MS);
    close_payment(&mut ctx, "a").unwrap();
    // Once nothing flows the unit may change, and time is counted from there.
    pay_per_ms(&mut ctx, "b", "1utet").unwrap();
    block(&mut ctx, 7 * MS);
    assert_snapshot!(
        refused(try_pay(&mut ctx, "c", &OTHER, "1utet", Unit::Block)),
        @"escrow 10: invalid payment: the payments of one account are all per block or all per millisecond"
    );
    close_payment(&mut ctx, "b").unwrap();
    try_pay(&mut ctx, "c", &OTHER, "1utet", Unit::Block).unwrap();
    block(&mut ctx, 7 * MS);
    settle(&mut ctx).unwrap();
    let earned = |id| (payment(&ctx, id).withdrawn, payment(&ctx, id).balance);
    assert_eq!([earned("a"), earned("b"), earned("c")], [(1, dec("0")), (7, dec("0")), (0, dec("1"))]);
    sound(&ctx);
}
