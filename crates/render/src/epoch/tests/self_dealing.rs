//! Rendering for oneself, in the machine.
//!
//! Stated before the first run. A dealer pays `p` LUX for frames that its own nodes render, and claims. Others pay at the
//! same time for work of others, at any level of demand. With k at most 1 and prices that stand still,
//!
//! ```text
//! claimed ≤ k × (1 - 5 %) × p,   hence what it has after is at most what it had less 5 % of p
//! ```
//!
//! at every demand: while the pool is larger than what was burned, because the cap lets an epoch pay no more than what was
//! burned, of which the dealer's part is its own burn; when the pool is smaller, its share is smaller still. When the price
//! moves between payment and the epoch's end, or others paid at another price, the same holds in dollars at the last price:
//! claimed LUX × last price ≤ k × (1 - 5 %) × value. What hardware and power cost comes on top of the loss.

use ledger::Context;
use ledger::testing::{ALICE, BOB, CAROL};
use proptest::prelude::*;

use crate::credit;
use crate::support::{broken, buy, claim, close, frame, last, lux, market, post, update};

/// The dealer buys, renders for itself and claims; others spend `others` LUX. Gives what it paid and what it got.
fn deal(ctx: &mut Context, pays: u128, others: u128) -> (u128, u128) {
    let before = lux(ctx, &BOB);
    let own = buy(ctx, &BOB, &format!("{pays}ulux")).unwrap();
    frame(ctx, &BOB, &BOB, own).unwrap();
    if others > 0 {
        let theirs = buy(ctx, &ALICE, &format!("{others}ulux")).unwrap();
        frame(ctx, &ALICE, &CAROL, theirs).unwrap();
    }
    close(ctx, 4_000_000, 1_100_000);
    let got = claim(ctx, &BOB).unwrap();
    assert_eq!(lux(ctx, &BOB), before - pays + got);
    (pays, got)
}

#[test]
fn it_loses_money_at_every_demand_level() {
    let mut table = String::new();
    for pays in [1_000_000u128, 1_000_000_000, 1_000_000_000_000] {
        for others in [0u128, 1_000_000, 1_000_000_000, 20_000_000_000, 1_000_000_000_000, 100_000_000_000_000] {
            let (paid, got) = deal(&mut market(), pays, others);
            assert!(got * 100 <= paid * 95, "{paid} {got} {others}");
            let lost = (paid - got) * 10_000 / paid;
            table.push_str(&format!("pays {pays:>13}  others {others:>15}  loses {lost:>5} of 10000\n"));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_smaller_factor_loses_more_and_the_cap_off_may_gain() {
    let mut half = market();
    update(&mut half, |params| params.pool_cap_bp = 5_000).unwrap();
    let (paid, got) = deal(&mut half, 1_000_000_000, 0);
    assert!(got * 1_000 <= paid * 475);
    // What the cap is for: without it, the first to render for itself takes a week's pool.
    let mut off = market();
    update(&mut off, |params| params.pool_cap_bp = u32::MAX).unwrap();
    let (paid, got) = deal(&mut off, 1_000_000_000, 0);
    assert!(got > 20 * paid, "{paid} {got}");
}

/// Others paid when a LUX was cheap, so that much LUX was burned for a credit; the dealer pays little LUX for a credit. A
/// cap by burned LUX alone would pay it several times what it paid.
#[test]
fn what_others_burned_at_a_low_price_is_not_the_dealers() {
    let mut ctx = market();
    let theirs = buy(&mut ctx, &ALICE, "10000000000ulux").unwrap();
    // Two days later a LUX costs ten times as much.
    ledger::testing::advance(&mut ctx, 2 * 14_400);
    post(&mut ctx, 40_000_000, 1_100_000);
    let before = lux(&ctx, &BOB);
    let own = buy(&mut ctx, &BOB, "100000000ulux").unwrap();
    frame(&mut ctx, &BOB, &BOB, own).unwrap();
    frame(&mut ctx, &ALICE, &CAROL, theirs).unwrap();
    close(&mut ctx, 40_000_000, 1_100_000);
    let got = claim(&mut ctx, &BOB).unwrap();
    assert!(got * 100 <= 100_000_000 * 95, "{got}");
    assert_eq!(lux(&ctx, &BOB), before - 100_000_000 + got);
}

/// Frames whose value is kept back are burned for, too; that is nobody's to earn, with a price at the end or without.
#[test]
fn what_was_burned_for_value_kept_back_is_not_the_dealers() {
    for post_last in [true, false] {
        let mut ctx = market();
        let theirs = buy(&mut ctx, &ALICE, "10000000000ulux").unwrap();
        credit::set_aside(&mut ctx, &ALICE, theirs).unwrap();
        let paid = credit::spend(&mut ctx, &ALICE, theirs).unwrap();
        crate::epoch::attribute(&mut ctx, "kept back", &CAROL, 0, 1, &paid).unwrap();
        let own = buy(&mut ctx, &BOB, "100000000ulux").unwrap();
        frame(&mut ctx, &BOB, &BOB, own).unwrap();
        if post_last {
            close(&mut ctx, 4_000_000, 1_100_000);
        } else {
            ledger::testing::advance(&mut ctx, 7 * 14_400);
            crate::begin_block(&mut ctx).unwrap();
        }
        let got = claim(&mut ctx, &BOB).unwrap();
        assert!((94_999_990..=95_000_000).contains(&got), "{got}");
        assert_eq!(broken(&ctx), Vec::<String>::new());
    }
}

/// What was kept back and is released later earns by what was burned for it then; over both epochs no more is minted than
/// was burned. What is forfeited is not released, and never minted for.
#[test]
fn what_is_released_earns_what_was_burned_for_it_and_no_more() {
    let mut ctx = market();
    let theirs = buy(&mut ctx, &ALICE, "1000000000ulux").unwrap();
    credit::set_aside(&mut ctx, &ALICE, theirs).unwrap();
    let paid = credit::spend(&mut ctx, &ALICE, theirs).unwrap();
    crate::epoch::kept(&mut ctx, theirs).unwrap();
    crate::epoch::attribute(&mut ctx, "kept back", &CAROL, 0, 1, &credit::Paid::default()).unwrap();
    let own = buy(&mut ctx, &BOB, "100000000ulux").unwrap();
    frame(&mut ctx, &BOB, &BOB, own).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    let got = claim(&mut ctx, &BOB).unwrap();
    assert!((94_999_990..=95_000_000).contains(&got), "{got}");
    // Half of it was forfeited.
    let half = credit::Paid { lux_burned: paid.lux_burned / 2, ..credit::Paid::default() };
    crate::epoch::release(&mut ctx, "node", &CAROL, theirs / 2, &half).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    let got = claim(&mut ctx, &CAROL).unwrap();
    assert!((474_999_000..=475_000_000).contains(&got), "{got}");
    let closed = crate::epoch::state::CLOSED.get(&ctx.state, &2).unwrap().unwrap();
    assert_eq!(closed.anomaly, "");
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    /// Any amounts, in LUX or dollars, any prices before and after, any factor up to one: no gain in dollars at the last
    /// price, and none in LUX when all prices stand still.
    #[test]
    fn nobody_gains_by_rendering_for_itself(
        own in 10_000u64..1_000_000_000_000, others in 10_000u64..10_000_000_000_000, in_usd: bool, they_in_usd: bool,
        first in 100_000u64..100_000_000, second in 100_000u64..100_000_000, last_price in 100_000u64..100_000_000,
        factor in 0u32..=10_000,
    ) {
        let mut ctx = market();
        update(&mut ctx, |params| params.pool_cap_bp = factor).unwrap();
        let denom = |usd: bool| if usd { "uusd" } else { "ulux" };
        ledger::testing::advance(&mut ctx, 2 * 14_400);
        post(&mut ctx, first, 1_100_000);
        let theirs = buy(&mut ctx, &ALICE, &format!("{others}{}", denom(they_in_usd)));
        ledger::testing::advance(&mut ctx, 2 * 14_400);
        post(&mut ctx, second, 1_100_000);
        let Ok(mine) = buy(&mut ctx, &BOB, &format!("{own}{}", denom(in_usd))) else { return Ok(()) };
        let paid = frame(&mut ctx, &BOB, &BOB, mine).unwrap();
        if let Ok(theirs) = theirs {
            frame(&mut ctx, &ALICE, &CAROL, theirs).unwrap();
        }
        close(&mut ctx, last_price, 1_100_000);
        let got = claim(&mut ctx, &BOB).unwrap();
        // The value of the frames in micro-dollars: credits are 0.275 USD.
        let value = u128::from(mine) * 275 / 1_000 + 1;
        let most = value * 95 / 100 * u128::from(factor) / 10_000;
        prop_assert!(got * u128::from(last_price) / 1_000_000 <= most + 1, "{} at {} of {}", got, last_price, value);
        if !in_usd && !they_in_usd && first == second && second == last_price {
            prop_assert!(got <= paid.lux_burned);
        }
        prop_assert_eq!(broken(&ctx), Vec::<String>::new());
        prop_assert!(last(&ctx).anomaly.is_empty());
    }
}
