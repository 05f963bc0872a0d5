use std::sync::Arc;

use insta::assert_snapshot;
use primitives::Address;
use proptest::prelude::*;
use proto::tetra::oracle::v1::{
    MsgPostPrices, MsgUpdateParams, Params as WireParams, Price, PriceState, QueryParamsRequest, QueryPriceRequest,
    QueryPricesRequest,
};

use super::*;
use crate::context::Context;
use crate::failure::{Failure, QueryStatus};
use crate::testing::{self, ALICE, AUTHORITY, BOB, CAROL, advance, announced, refusal, stored};

fn wire(ctx: &Context, feeders: &[Address], quorum: u32) -> WireParams {
    let feeders = feeders.iter().copied().collect();
    let params = Params { feeders, quorum, spread_bp: 10_000, covered_bp: 0, ..Params::default() };
    params.to_wire(ctx)
}

fn update(ctx: &mut Context, params: WireParams) -> Result<(), Failure> {
    let msg = MsgUpdateParams { authority: ctx.text(&AUTHORITY), params: Some(params) };
    ctx.attempt(|ctx| messages::update_params(ctx, msg)).map(|_| ())
}

fn post(ctx: &mut Context, feeder: &Address, prices: &[(&str, u64)]) -> Result<(), Failure> {
    let price = |(pair, micros): &(&str, u64)| Price { pair: (*pair).to_owned(), micros: *micros };
    let msg = MsgPostPrices { feeder: ctx.text(feeder), prices: prices.iter().map(price).collect() };
    ctx.attempt(|ctx| messages::post_prices(ctx, msg)).map(|_| ())
}

/// Three feeders, of whom two must be fresh.
fn context() -> Context {
    let mut ctx = testing::empty();
    genesis::import(&mut ctx, &Genesis::default()).unwrap();
    let params = wire(&ctx, &[ALICE, BOB, CAROL], 2);
    update(&mut ctx, params).unwrap();
    ctx
}

fn state(ctx: &Context) -> (PriceState, u64, u64) {
    let view = view(ctx, LUX_USD).unwrap();
    (view.state, view.spot, view.average)
}

#[test]
fn by_default_nobody_feeds_and_every_price_is_unknown() {
    let mut ctx = testing::empty();
    genesis::import(&mut ctx, &Genesis::default()).unwrap();
    let prices = queries::prices(&ctx, QueryPricesRequest {}).unwrap().prices;
    let states: Vec<_> = prices.iter().map(|price| (price.pair.as_str(), price.state())).collect();
    assert_eq!(states, PAIRS.map(|pair| (pair, PriceState::Unknown)));
    assert!(prices.iter().all(|price| price.spot_micros == 0 && price.average_micros == 0 && !price.simulated));
    assert_eq!(refusal(post(&mut ctx, &ALICE, &[(LUX_USD, 1)])).code, 2);
    let why = refusal(require(&ctx, LUX_USD));
    assert_eq!((why.codespace, why.code), ("oracle", 4));
    assert_snapshot!(why.message, @"the price LUX/USD may not be used now: no feeder ever posted it");
}

#[test]
fn states_follow_posts_and_time() {
    let mut ctx = context();
    post(&mut ctx, &ALICE, &[(LUX_USD, 2_000_000)]).unwrap();
    assert_eq!(state(&ctx), (PriceState::Stale, 0, 0));
    let why = view(&ctx, LUX_USD).unwrap().reason;
    assert_snapshot!(why, @"only 1 feeders have a fresh price, 2 are needed: wait, or start more feeders");
    post(&mut ctx, &BOB, &[(LUX_USD, 2_200_000)]).unwrap();
    assert_eq!(state(&ctx), (PriceState::ShortHistory, 2_100_000, 0));
    // Ten minutes are a hundred blocks.
    advance(&mut ctx, 99);
    assert_eq!(state(&ctx), (PriceState::Fresh, 2_100_000, 2_100_000));
    post(&mut ctx, &CAROL, &[(LUX_USD, 2_000_000)]).unwrap();
    assert_eq!(state(&ctx), (PriceState::Fresh, 2_000_000, 2_100_000));
    advance(&mut ctx, 2);
    // 600 s and a millisecond at 2.1 and then 2.0, until too few were fresh.
    assert_eq!(state(&ctx), (PriceState::Stale, 0, 2_098_999));
    post(&mut ctx, &ALICE, &[(LUX_USD, 4_000_000)]).unwrap();
    assert_eq!(state(&ctx), (PriceState::Deviating, 3_000_000, 2_098_999));
    let why = refusal(require(&ctx, LUX_USD)).message;
    assert_snapshot!(why, @"the price LUX/USD may not be used now: the price 3.000000000000000000 is too far from its average 2.098999000000000000: wait until one follows the other");
    // It comes to rest at the new price, for time makes it the average.
    for _ in 0..25 * 12 {
        advance(&mut ctx, 50);
        for feeder in [ALICE, BOB, CAROL] {
            post(&mut ctx, &feeder, &[(LUX_USD, 3_000_000)]).unwrap();
        }
    }
    assert_eq!(state(&ctx), (PriceState::Fresh, 3_000_000, 3_000_000));
    let quote = require(&ctx, LUX_USD).unwrap();
    assert_eq!((quote.lower(), quote.higher(), quote.simulated), (3_000_000, 3_000_000, false));
}

#[test]
fn by_default_half_of_a_day_must_be_known_and_feeders_must_agree() {
    let mut ctx = context();
    let mut params = wire(&ctx, &[ALICE, BOB, CAROL], 2);
    (params.spread_bp, params.covered_bp) = (500, 5_000);
    update(&mut ctx, params).unwrap();
    let mut hours = 0;
    while state(&ctx).0 != PriceState::Fresh {
        for _ in 0..6 {
            for (feeder, micros) in [(ALICE, 2_000_000), (BOB, 2_040_000), (CAROL, 9_000_000)] {
                post(&mut ctx, &feeder, &[(LUX_USD, micros)]).unwrap();
            }
            advance(&mut ctx, 100);
        }
        hours += 1;
    }
    // Carol does not count: nobody is near her.
    assert_eq!((hours, state(&ctx).1), (12, 2_020_000));
    post(&mut ctx, &BOB, &[(LUX_USD, 3_000_000)]).unwrap();
    assert_eq!(state(&ctx).0, PriceState::Disputed);
}

#[test]
fn one_feeder_of_three_moves_nothing_far() {
    let mut ctx = context();
    for (feeder, micros) in [(ALICE, 2_000_000), (BOB, 2_010_000), (CAROL, u64::from(u32::MAX))] {
        post(&mut ctx, &feeder, &[(LUX_USD, micros)]).unwrap();
    }
    advance(&mut ctx, 1);
    assert_eq!(state(&ctx), (PriceState::Fresh, 2_005_000, 2_005_000));
}

#[test]
fn feeders_that_are_no_longer_named_are_forgotten() {
    let mut ctx = context();
    for feeder in [ALICE, BOB, CAROL] {
        post(&mut ctx, &feeder, &[(LUX_USD, 2_000_000)]).unwrap();
    }
    advance(&mut ctx, 10);
    let params = wire(&ctx, &[ALICE], 1);
    update(&mut ctx, params).unwrap();
    let view = view(&ctx, LUX_USD).unwrap();
    assert_eq!(view.words.iter().map(|(feeder, _)| *feeder).collect::<Vec<_>>(), [ALICE]);
    assert_eq!((view.spot, view.average), (2_000_000, 2_000_000));
    assert_eq!(refusal(post(&mut ctx, &BOB, &[(LUX_USD, 1)])).code, 2);
    // Another window begins empty.
    let mut params = wire(&ctx, &[ALICE], 1);
    params.window_ms = 600_000;
    update(&mut ctx, params).unwrap();
    post(&mut ctx, &ALICE, &[(LUX_USD, 3_000_000)]).unwrap();
    assert_eq!(state(&ctx), (PriceState::ShortHistory, 3_000_000, 0));
    advance(&mut ctx, 1);
    assert_eq!(state(&ctx), (PriceState::Fresh, 3_000_000, 3_000_000));
    assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
}

#[test]
fn simulated_prices_need_a_development_network_and_say_so() {
    let mut ctx = context();
    let mut params = wire(&ctx, &[ALICE], 1);
    params.simulated = true;
    assert_snapshot!(refusal(update(&mut ctx, params.clone())).message, @"oracle parameters: prices can only be simulated on a development network; this genesis is not marked `dev`");
    Arc::make_mut(&mut ctx.chain).dev = true;
    update(&mut ctx, params).unwrap();
    post(&mut ctx, &ALICE, &[(LUX_USD, 2_000_000), (EUR_USD, 1_100_000)]).unwrap();
    advance(&mut ctx, 1);
    assert!(require(&ctx, EUR_USD).unwrap().simulated);
    let prices = queries::prices(&ctx, QueryPricesRequest {}).unwrap().prices;
    assert!(prices.iter().all(|price| price.simulated));
}

#[test]
fn malformed_posts_and_parameters_are_refused_and_change_nothing() {
    let mut ctx = context();
    let before = stored(&ctx, MODULE);
    let high = prices::HIGHEST + 1;
    let posts: [&[(&str, u64)]; 4] = [&[], &[(LUX_USD, 0)], &[(LUX_USD, high)], &[(LUX_USD, 1), (LUX_USD, 2)]];
    for prices in posts {
        assert_eq!(refusal(post(&mut ctx, &ALICE, prices)).code, 18);
    }
    assert_snapshot!(refusal(post(&mut ctx, &ALICE, &[("USD/LUX", 1)])).message, @r#""USD/LUX" is no pair of the oracle; there are EUR/USD, LUX/USD, TET/USD"#);
    let good = wire(&ctx, &[ALICE, BOB, CAROL], 2);
    let twice = WireParams { feeders: vec![ctx.text(&ALICE); 2], ..good.clone() };
    let many: Vec<String> = (0..33).map(|n| ctx.text(&testing::nobody(n))).collect();
    for bad in [
        twice,
        WireParams { feeders: many, quorum: 17, ..good.clone() },
        WireParams { quorum: 1, ..good.clone() },
        WireParams { quorum: 4, ..good.clone() },
        WireParams { fresh_ms: 999, ..good.clone() },
        WireParams { fresh_ms: 86_400_001, ..good.clone() },
        WireParams { window_ms: 59_999, fresh_ms: 1_000, ..good.clone() },
        WireParams { window_ms: 604_800_001, ..good.clone() },
        WireParams { deviation_bp: 0, ..good.clone() },
        WireParams { deviation_bp: 10_001, ..good.clone() },
        WireParams { spread_bp: 0, ..good.clone() },
        WireParams { spread_bp: 10_001, ..good.clone() },
        WireParams { covered_bp: 10_001, ..good.clone() },
    ] {
        assert_eq!(refusal(update(&mut ctx, bad.clone())).code, 18, "{bad:?}");
    }
    let msg = MsgUpdateParams { authority: ctx.text(&ALICE), params: Some(good) };
    assert_eq!(refusal(messages::update_params(&mut ctx, msg)).code, 4);
    let msg = MsgUpdateParams { authority: ctx.text(&AUTHORITY), params: None };
    assert_eq!(refusal(messages::update_params(&mut ctx, msg)).code, 18);
    assert_eq!(stored(&ctx, MODULE), before);
}

#[test]
fn queries_show_who_said_what() {
    let mut ctx = context();
    post(&mut ctx, &ALICE, &[(LUX_USD, 2_000_000)]).unwrap();
    let price = queries::price(&ctx, QueryPriceRequest { pair: LUX_USD.to_owned() }).unwrap().price.unwrap();
    assert_eq!((price.state(), price.observations.len()), (PriceState::Stale, 1));
    assert_eq!(price.observations[0].feeder, ctx.text(&ALICE));
    assert_eq!(price.observations[0].posted_at, Some(ctx.block.time));
    let unknown = queries::price(&ctx, QueryPriceRequest { pair: "WIT/USD".to_owned() }).unwrap_err();
    assert_eq!(unknown.status, QueryStatus::InvalidArgument);
    let params = queries::params(&ctx, QueryParamsRequest {}).unwrap().params.unwrap();
    assert_eq!(params, wire(&ctx, &[ALICE, BOB, CAROL], 2));
}

fn lived_in() -> Context {
    let mut ctx = context();
    post(&mut ctx, &ALICE, &[(EUR_USD, 1_100_000), (LUX_USD, 2_000_000)]).unwrap();
    assert_snapshot!("announced", announced(&ctx));
    post(&mut ctx, &BOB, &[(LUX_USD, 2_500_000)]).unwrap();
    advance(&mut ctx, 650);
    post(&mut ctx, &CAROL, &[(LUX_USD, 2_500_000)]).unwrap();
    ctx
}

#[test]
fn stored_keys_and_values() {
    assert_snapshot!(stored(&lived_in(), MODULE));
}

#[test]
fn genesis_export_and_import_are_inverse() {
    let lived_in = lived_in();
    let exported = genesis::export(&lived_in).unwrap();
    let text = serde_json::to_string_pretty(&exported).unwrap();
    assert_snapshot!(text);
    let mut again = testing::empty();
    genesis::import(&mut again, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(stored(&again, MODULE), stored(&lived_in, MODULE));
    assert_eq!(genesis::export(&again).unwrap(), exported);
    again.block = lived_in.block.clone();
    assert_eq!(invariants::check(&again).unwrap(), Vec::<String>::new());
    assert_eq!(view(&again, LUX_USD).unwrap(), view(&lived_in, LUX_USD).unwrap());
}

#[test]
fn a_contradictory_genesis_is_refused() {
    let good = genesis::export(&lived_in()).unwrap();
    let import = |change: &dyn Fn(&mut Genesis)| {
        let mut genesis = good.clone();
        change(&mut genesis);
        let failed = genesis::import(&mut testing::empty(), &genesis);
        refusal(failed).code
    };
    assert_eq!(import(&|g| g.params.feeders.clear()), 18);
    assert_eq!(import(&|g| (g.params.feeders.truncate(1), g.params.quorum = 1).1), 2);
    assert_eq!(import(&|g| g.averages.push(g.averages[0].clone())), 18);
    assert_eq!(import(&|g| g.averages[0].pair = "?".to_owned()), 3);
    assert_eq!(import(&|g| g.averages[1].buckets[0].sum = "-1".to_owned()), 18);
    assert_eq!(import(&|g| g.averages[1].buckets[0].weight_ms = 4_000_000), 18);
    assert_eq!(import(&|g| g.averages[1].buckets[0].index = u64::MAX), 18);
    assert_eq!(import(&|g| g.observations.push(g.observations[0].clone())), 18);
    assert_eq!(import(&|g| g.observations[0].micros = 0), 18);
    assert_eq!(import(&|g| g.averages.clear()), 18);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    /// Random histories: promises hold after every step, refusals change nothing, and a usable price lies among the
    /// words that are fresh.
    #[test]
    fn promises_hold_after_every_step(
        steps in proptest::collection::vec((0usize..4, 0usize..3, 1u64..5_000_000, 0u64..300), 1..60),
    ) {
        let mut ctx = context();
        for (who, pair, micros, blocks) in steps {
            let before = stored(&ctx, MODULE);
            let feeder = [ALICE, BOB, CAROL, AUTHORITY][who];
            let done = post(&mut ctx, &feeder, &[(PAIRS[pair], micros)]).is_ok();
            prop_assert_eq!(done, who < 3);
            if !done {
                prop_assert_eq!(stored(&ctx, MODULE), before);
            }
            for pair in PAIRS {
                let view = view(&ctx, pair).unwrap();
                let now = ctx.block.time_ms();
                let fresh: Vec<u64> =
                    view.words.iter().filter(|(_, w)| now - w.posted_ms <= 600_000).map(|(_, w)| w.micros).collect();
                prop_assert!(view.spot == 0 || fresh.len() >= 2);
                prop_assert!(view.spot > 0 || view.state != PriceState::Fresh);
                if view.state == PriceState::Fresh {
                    prop_assert!(fresh.iter().min() <= Some(&view.spot) && Some(&view.spot) <= fresh.iter().max());
                }
                prop_assert_eq!(view.state == PriceState::Fresh, require(&ctx, pair).is_ok());
                prop_assert_eq!(view.reason.is_empty(), view.state == PriceState::Fresh);
            }
            prop_assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
            advance(&mut ctx, blocks);
        }
    }
}
