use insta::assert_snapshot;
use ledger::Failure;
use ledger::testing::{self, ALICE, BOB, CAROL, PROVIDER, advance, announced, nobody, refusal, stored};
use proto::tetra::render::v1::{MsgBuyCredits, QueryAsksRequest, QueryCreditsRequest};

use super::*;
use crate::support::{ask, bare, broken, buy, close, frame, last, lux, market, post, supply, update, usd, wire};

/// 100 LUX at 3.50 USD, a euro at 1.17: 350 USD = 299.145299 EUR = 1196.581196 credits.
#[test]
fn credits_are_a_quarter_euro_at_the_lower_price() {
    let mut ctx = bare();
    post(&mut ctx, 3_500_000, 1_170_000);
    assert_eq!(buy(&mut ctx, &ALICE, "100000000ulux").unwrap(), 1_196_581_196);
    // 350 USD buy as many.
    assert_eq!(buy(&mut ctx, &BOB, "350000000uusd").unwrap(), 1_196_581_196);
    // After an hour the median rises: the average, which is lower, counts.
    advance(&mut ctx, 600);
    post(&mut ctx, 4_000_000, 1_170_000);
    let bought = buy(&mut ctx, &ALICE, "100000000ulux").unwrap();
    assert!((1_196_581_196..1_197_000_000).contains(&bought), "{bought}");
    // It falls: now the median counts.
    post(&mut ctx, 3_000_000, 1_170_000);
    assert_eq!(buy(&mut ctx, &ALICE, "100000000ulux").unwrap(), 1_025_641_025);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_stale_oracle_takes_no_money_and_lets_credits_be_spent() {
    let mut ctx = market();
    buy(&mut ctx, &ALICE, "100000000ulux").unwrap();
    // Longer than a word is fresh.
    advance(&mut ctx, 14_400);
    let before = (stored(&ctx, MODULE), stored(&ctx, ledger::bank::MODULE));
    let why = refusal(buy(&mut ctx, &ALICE, "100000000ulux"));
    assert_snapshot!(why.message, @"the price LUX/USD may not be used now: only 0 feeders have a fresh price, 1 are needed: wait, or start more feeders");
    // Dollars need the euro's price.
    assert_eq!(refusal(buy(&mut ctx, &ALICE, "100000000uusd")).codespace, "oracle");
    assert_eq!((stored(&ctx, MODULE), stored(&ctx, ledger::bank::MODULE)), before);
    frame(&mut ctx, &ALICE, &BOB, 1_000_000).unwrap();
    let mut unfed = bare();
    let why = refusal(buy(&mut unfed, &ALICE, "100000000ulux")).message;
    assert_snapshot!(why, @"the price LUX/USD may not be used now: no feeder ever posted it");
}

#[test]
fn a_frame_burns_95_of_100_and_the_network_gets_5() {
    let mut ctx = market();
    // 27.5 LUX = 110 USD = 100 EUR = 400 credits.
    assert_eq!(buy(&mut ctx, &ALICE, "27500000ulux").unwrap(), 400_000_000);
    assert_eq!((lux(&ctx, &lots_account()), supply(&ctx)), (27_500_000, crate::support::ORIGINAL));
    let paid = frame(&mut ctx, &ALICE, &BOB, 100_000_000).unwrap();
    let wanted = Paid { lux_burned: 6_531_250, lux_network: 343_750, ..Paid::default() };
    assert_eq!(paid, wanted);
    assert_eq!(supply(&ctx), crate::support::ORIGINAL - 6_531_250);
    assert_eq!((lux(&ctx, &network_account()), lux(&ctx, &lots_account())), (343_750, 20_625_000));
    // Dollars: 95 to the vault, 5 to the network, nothing burned.
    assert_eq!(buy(&mut ctx, &CAROL, "110000000uusd").unwrap(), 400_000_000);
    let paid = frame(&mut ctx, &CAROL, &BOB, 400_000_000).unwrap();
    assert_eq!(paid, Paid { usd_vault: 104_500_000, usd_network: 5_500_000, ..Paid::default() });
    assert_eq!((usd(&ctx, &vault_account()), usd(&ctx, &network_account())), (104_500_000, 5_500_000));
    assert_eq!(balance(&ctx, &CAROL).unwrap(), Default::default());
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn lots_are_spent_first_in_first_out_and_lose_no_unit() {
    let mut ctx = market();
    buy(&mut ctx, &ALICE, "10000001ulux").unwrap();
    buy(&mut ctx, &ALICE, "10000001uusd").unwrap();
    let all = balance(&ctx, &ALICE).unwrap().free_ucredits;
    let (mut sum, mut left) = (Paid::default(), all);
    let mut first_usd = None;
    while left > 0 {
        let ucredits = left.min(7_777_777);
        let paid = frame(&mut ctx, &ALICE, &BOB, ucredits).unwrap();
        sum = Paid {
            lux_burned: sum.lux_burned + paid.lux_burned,
            lux_network: sum.lux_network + paid.lux_network,
            usd_vault: sum.usd_vault + paid.usd_vault,
            usd_network: sum.usd_network + paid.usd_network,
        };
        if paid.usd_vault > 0 {
            first_usd.get_or_insert(sum.lux_burned + sum.lux_network);
        }
        left -= ucredits;
        assert_eq!(broken(&ctx), Vec::<String>::new());
    }
    // All LUX was spent before the first dollar.
    assert_eq!(first_usd, Some(10_000_001));
    assert_eq!((sum.lux_burned, sum.lux_network), (9_500_001, 500_000));
    assert_eq!((sum.usd_vault, sum.usd_network), (9_500_001, 500_000));
    assert_eq!(stored(&ctx, MODULE).lines().count(), 1, "only the next id is left");
}

#[test]
fn setting_aside_giving_back_and_spending_are_bounded() {
    let mut ctx = market();
    buy(&mut ctx, &ALICE, "27500000ulux").unwrap();
    assert_eq!(refusal(set_aside(&mut ctx, &ALICE, 400_000_001)).code, 5);
    set_aside(&mut ctx, &ALICE, 300_000_000).unwrap();
    let has = balance(&ctx, &ALICE).unwrap();
    assert_eq!((has.free_ucredits, has.locked_ucredits), (100_000_000, 300_000_000));
    assert_eq!(refusal(give_back(&mut ctx, &ALICE, 300_000_001)).code, 5);
    assert_eq!(refusal(spend(&mut ctx, &ALICE, 300_000_001)).code, 5);
    give_back(&mut ctx, &ALICE, 100_000_000).unwrap();
    spend(&mut ctx, &ALICE, 200_000_000).unwrap();
    let has = balance(&ctx, &ALICE).unwrap();
    assert_eq!((has.free_ucredits, has.locked_ucredits), (200_000_000, 0));
    assert_eq!(refusal(set_aside(&mut ctx, &BOB, 1)).code, 5);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn bad_purchases_are_refused_and_change_nothing() {
    let mut ctx = market();
    let before = (stored(&ctx, MODULE), stored(&ctx, ledger::bank::MODULE));
    let mut refusals = String::new();
    let msg = |pay: Option<&str>, min_ucredits| MsgBuyCredits {
        creator: ledger::testing::chain().prefix.text(&ALICE),
        pay: pay.and_then(wire),
        min_ucredits,
    };
    for msg in [
        msg(None, 0),
        msg(Some("0ulux"), 0),
        msg(Some("5utet"), 0),
        msg(Some("1ulux"), 0),
        msg(Some("27500000ulux"), 400_000_001),
        msg(Some("340282366920938463463374607431768211455ulux"), 0),
        msg(Some("134217728000001ulux"), 0),
    ] {
        let why = refusal(ctx.attempt(|ctx| messages::buy_credits(ctx, msg)));
        refusals.push_str(&format!("{} {}: {}\n", why.codespace, why.code, why.message));
    }
    assert_snapshot!(refusals);
    assert_eq!((stored(&ctx, MODULE), stored(&ctx, ledger::bank::MODULE)), before);
    for _ in 0..messages::MOST_LOTS {
        buy(&mut ctx, &ALICE, "1000000uusd").unwrap();
    }
    assert_eq!(refusal(buy(&mut ctx, &ALICE, "1000000uusd")).code, 5);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

/// The vault has 104.5 USD; of three asks one is above the oracle's 4 USD.
#[test]
fn the_vault_buys_of_holders_at_one_price_and_burns() {
    let mut ctx = market();
    buy(&mut ctx, &CAROL, "110000000uusd").unwrap();
    frame(&mut ctx, &CAROL, &PROVIDER, 400_000_000).unwrap();
    ask(&mut ctx, &ALICE, "10000000ulux", 3_000_000).unwrap();
    ask(&mut ctx, &BOB, "50000000ulux", 3_800_000).unwrap();
    ask(&mut ctx, &PROVIDER, "50000000ulux", 4_000_001).unwrap();
    let (minted, before, held) = (0, supply(&ctx), (usd(&ctx, &ALICE), usd(&ctx, &BOB)));
    update(&mut ctx, |params| params.minting_stopped = true).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    // All are paid 3.80: 104.5 / 3.8 = 27.5 LUX.
    let epoch = last(&ctx);
    assert_eq!(epoch.auction_price_micros, 3_800_000);
    assert_eq!(epoch.bought_burned, wire("27500000ulux"));
    assert_eq!(supply(&ctx), before + minted - 27_500_000);
    assert_eq!((usd(&ctx, &ALICE) - held.0, usd(&ctx, &BOB) - held.1), (38_000_000, 66_500_000));
    assert_eq!((usd(&ctx, &vault_account()), lux(&ctx, &asks_account())), (0, 82_500_000));
    let asks = queries::asks(&ctx, QueryAsksRequest::default()).unwrap().asks;
    assert_eq!(
        asks.iter().map(|ask| ask.sell.clone()).collect::<Vec<_>>(),
        [wire("32500000ulux"), wire("50000000ulux")]
    );
    assert_snapshot!(announced(&ctx));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn without_a_usable_price_there_is_no_auction() {
    let mut ctx = market();
    buy(&mut ctx, &CAROL, "110000000uusd").unwrap();
    frame(&mut ctx, &CAROL, &PROVIDER, 400_000_000).unwrap();
    ask(&mut ctx, &ALICE, "10000000ulux", 3_000_000).unwrap();
    advance(&mut ctx, 7 * 14_400);
    crate::begin_block(&mut ctx).unwrap();
    assert_eq!((last(&ctx).auction_price_micros, usd(&ctx, &vault_account())), (0, 104_500_000));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_bounded_number_of_asks_is_looked_at_and_the_rest_waits() {
    let mut ctx = market();
    buy(&mut ctx, &CAROL, "110000000000uusd").unwrap();
    frame(&mut ctx, &CAROL, &PROVIDER, 400_000_000_000).unwrap();
    for number in 0..260u16 {
        let seller = Address::new([number.to_be_bytes(); 10].concat().try_into().unwrap());
        ledger::bank::send(&mut ctx, &ALICE, &seller, &testing::coins("2000000ulux")).unwrap();
        ask(&mut ctx, &seller, "2000000ulux", 1_000_000 + u64::from(number)).unwrap();
    }
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_eq!(last(&ctx).bought_burned, wire("512000000ulux"));
    assert_eq!(queries::asks(&ctx, QueryAsksRequest::default()).unwrap().asks.len(), 4);
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_eq!(last(&ctx).bought_burned, wire("8000000ulux"));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn asks_are_replaced_taken_back_and_checked() {
    let mut ctx = market();
    let before = lux(&ctx, &ALICE);
    assert_eq!(ask(&mut ctx, &ALICE, "10000000ulux", 3_000_000).unwrap(), 1);
    assert_eq!(ask(&mut ctx, &ALICE, "5000000ulux", 2_000_000).unwrap(), 2);
    assert_eq!((before - lux(&ctx, &ALICE), lux(&ctx, &asks_account())), (5_000_000, 5_000_000));
    for (sell, price) in [("999999ulux", 1), ("5000000ulux", 0), ("5000000ulux", asks::HIGHEST + 1), ("5000000uusd", 1)]
    {
        assert_eq!(refusal(ask(&mut ctx, &ALICE, sell, price)).code, 6, "{sell}");
    }
    assert_eq!(refusal(ask(&mut ctx, &nobody(7), "5000000ulux", 1)).code, 5);
    assert_eq!(ask(&mut ctx, &ALICE, "0ulux", 0).unwrap(), 2);
    assert_eq!((lux(&ctx, &ALICE), refusal(ask(&mut ctx, &ALICE, "0ulux", 0)).code), (before, 6));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn module_accounts_take_no_coins_of_users() {
    let mut ctx = market();
    for account in [lots_account(), vault_account(), asks_account(), network_account()] {
        let msg = proto::cosmos::bank::v1beta1::MsgSend {
            from_address: ctx.text(&ALICE),
            to_address: ctx.text(&account),
            amount: wire("1ulux").into_iter().collect(),
        };
        let refused: Result<_, Failure> = ledger::bank::messages::send(&mut ctx, msg);
        assert_eq!(refusal(refused).code, 4);
    }
}

fn lived_in() -> ledger::Context {
    let mut ctx = market();
    buy(&mut ctx, &ALICE, "27500000ulux").unwrap();
    buy(&mut ctx, &BOB, "110000000uusd").unwrap();
    frame(&mut ctx, &ALICE, &BOB, 33_333_333).unwrap();
    set_aside(&mut ctx, &BOB, 1_000_000).unwrap();
    ask(&mut ctx, &CAROL, "5000000ulux", 2_000_000).unwrap();
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
}

#[test]
fn a_contradictory_genesis_is_refused() {
    let good = genesis::export(&lived_in()).unwrap();
    let import = |change: &dyn Fn(&mut Genesis)| {
        let mut genesis = good.clone();
        change(&mut genesis);
        refusal(genesis::import(&mut testing::empty(), &genesis)).code
    };
    assert_eq!(import(&|g| g.lots.push(g.lots[0].clone())), 18);
    assert_eq!(import(&|g| g.lots[0].left = "1".to_owned()), 18);
    assert_eq!(import(&|g| g.lots[0].denom = "utet".to_owned()), 18);
    assert_eq!(import(&|g| g.lots[0].left_ucredits = u64::MAX), 18);
    assert_eq!(import(&|g| g.next_lot = None), 18);
    assert_eq!(import(&|g| g.set_aside[0].ucredits = u64::MAX), 18);
    assert_eq!(import(&|g| g.asks[0].amount = "1".to_owned()), 18);
    assert_eq!(import(&|g| g.asks.push(g.asks[0].clone())), 18);
}

#[test]
fn queries_show_lots() {
    let ctx = lived_in();
    let owner = ctx.text(&ALICE);
    let credits = queries::credits(&ctx, QueryCreditsRequest { owner: owner.clone() }).unwrap().credits.unwrap();
    assert_eq!((credits.owner, credits.free_ucredits, credits.lots.len()), (owner, 366_666_667, 1));
    assert_eq!(credits.lots[0].price_micros, 4_000_000);
    let nobody = QueryCreditsRequest { owner: ctx.text(&nobody(3)) };
    assert_eq!(queries::credits(&ctx, nobody).unwrap().credits.unwrap().lots, []);
}

/// What tests of other parts start from.
#[test]
fn granted_credits_are_backed() {
    let mut ctx = market();
    grant(&mut ctx, &ALICE, 5_000_000).unwrap();
    assert_eq!(balance(&ctx, &ALICE).unwrap().free_ucredits, 5_000_000);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}
