//! What an epoch's end does, and what is claimed after it.

use emission::burn_mint::BurnMint;
use insta::assert_snapshot;
use ledger::testing::{self, ALICE, BOB, CAROL, PROVIDER, advance, announced, nobody, refusal, stored};
use primitives::Address;
use proto::tetra::render::v1::{QueryEpochRequest, QueryEpochsRequest, QueryRewardsRequest, QuerySupplyRequest, Tier};

use crate::epoch::{
    Beat, Genesis, MODULE, attributed, available, bill, billed, genesis, invariants, price, proved, queries,
    reserve_account, rewards_account, state,
};
use crate::support::{
    ORIGINAL, amount, bare, broken, buy, claim, close, frame, last, lux, market, supply, update, wire,
};

const WEEK_MS: u64 = 604_800_000;

/// The formula of an epoch, by hand: 1,000 credits of frames at a LUX of 4 USD.
#[test]
fn an_epoch_burns_and_mints_what_its_rules_say() {
    let mut ctx = market();
    // 1,000 credits = 250 EUR = 275 USD = 68.75 LUX.
    assert_eq!(buy(&mut ctx, &ALICE, "68750000ulux").unwrap(), 1_000_000_000);
    frame(&mut ctx, &ALICE, &BOB, 600_000_000).unwrap();
    frame(&mut ctx, &ALICE, &CAROL, 400_000_000).unwrap();
    let held = (lux(&ctx, &BOB), lux(&ctx, &CAROL));
    close(&mut ctx, 4_000_000, 1_100_000);
    let epoch = last(&ctx);
    // 95 % of 68.75 is burned; the job pool of about 15,000 LUX pays just that, the rest is reserved.
    let scheduled = BurnMint::default().epoch(0, WEEK_MS);
    assert_eq!(amount(epoch.scheduled.as_ref()), scheduled);
    let (jobs, idle) = (scheduled * 1_325 / 10_000, scheduled * 255 / 10_000);
    assert_eq!(epoch.lux_burned, wire("65312500ulux"));
    assert_eq!(epoch.lux_network, wire("3437500ulux"));
    assert_eq!(epoch.minted_work, wire("65312500ulux"));
    assert_eq!(epoch.pool_base, wire("65312500ulux"));
    assert_eq!(epoch.minted_availability, wire("0ulux"));
    assert_eq!(amount(epoch.reserved.as_ref()), jobs - 65_312_500 + idle);
    assert_eq!(
        (epoch.value_ucredits, epoch.spent_ucredits, epoch.anomaly.as_str()),
        (1_000_000_000, 1_000_000_000, "")
    );
    assert_eq!(supply(&ctx), ORIGINAL - 65_312_500 + jobs + idle);
    assert_eq!((lux(&ctx, &rewards_account()), lux(&ctx, &reserve_account())), (65_312_500, jobs - 65_312_500 + idle));
    // Claims: 60 and 40 of 100.
    let owed = queries::rewards(&ctx, QueryRewardsRequest { owner: ctx.text(&BOB) }).unwrap();
    assert_eq!((owed.owed, owed.open_ucredits), (wire("39187500ulux"), 0));
    assert_eq!((claim(&mut ctx, &BOB).unwrap(), claim(&mut ctx, &CAROL).unwrap()), (39_187_500, 26_125_000));
    assert_eq!((lux(&ctx, &BOB) - held.0, lux(&ctx, &CAROL) - held.1), (39_187_500, 26_125_000));
    assert_eq!(refusal(claim(&mut ctx, &BOB)).code, 3);
    assert_eq!(lux(&ctx, &rewards_account()), 0);
    let shown = queries::supply(&ctx, QuerySupplyRequest {}).unwrap();
    assert_eq!(shown.supply, wire(&format!("{}ulux", supply(&ctx))));
    assert_eq!((shown.burned, shown.minted), (wire("65312500ulux"), wire(&format!("{}ulux", jobs + idle))));
    assert_eq!((shown.cap, shown.vault), (wire("644245094000000ulux"), wire("0uusd")));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_pool_that_is_smaller_than_what_was_burned_is_paid_whole() {
    let mut ctx = market();
    buy(&mut ctx, &ALICE, "1000000000000ulux").unwrap();
    frame(&mut ctx, &ALICE, &BOB, 10_000_000_000_000).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    let epoch = last(&ctx);
    let jobs = amount(epoch.scheduled.as_ref()) * 1_325 / 10_000;
    assert_eq!(amount(epoch.minted_work.as_ref()), jobs);
    // 15,000 LUX of a week of year 1 at the share of year 2: 9,126,804 x 7 / 365.2425 x 0.1325.
    assert_eq!(jobs / 1_000_000, 23_176);
    assert_eq!(claim(&mut ctx, &BOB).unwrap(), jobs);
}

#[test]
fn dollars_count_at_the_last_price_and_without_one_not_at_all() {
    for (post, wanted) in [(true, 23_750_000), (false, 0)] {
        let mut ctx = market();
        // 400 credits for 110 USD, of which 104.50 go to the vault: 26.125 LUX at 4 USD, 23.75 at 4.40.
        buy(&mut ctx, &ALICE, "110000000uusd").unwrap();
        frame(&mut ctx, &ALICE, &BOB, 400_000_000).unwrap();
        if post {
            close(&mut ctx, 4_400_000, 1_100_000);
        } else {
            advance(&mut ctx, 7 * 14_400);
            crate::begin_block(&mut ctx).unwrap();
        }
        let epoch = last(&ctx);
        assert_eq!(amount(epoch.minted_work.as_ref()), wanted);
        assert_eq!(epoch.lux_usd_micros, if post { 4_400_000 } else { 0 });
        assert_eq!(claim(&mut ctx, &BOB).unwrap(), wanted);
        assert_eq!(broken(&ctx), Vec::<String>::new());
    }
}

#[test]
fn the_breaker_stops_minting_and_nothing_else() {
    let mut ctx = market();
    update(&mut ctx, |params| params.minting_stopped = true).unwrap();
    buy(&mut ctx, &ALICE, "68750000ulux").unwrap();
    frame(&mut ctx, &ALICE, &BOB, 500_000_000).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    let epoch = last(&ctx);
    assert!(amount(epoch.scheduled.as_ref()) > 0);
    for minted in [epoch.minted_work, epoch.minted_availability, epoch.reserved] {
        assert_eq!(minted, wire("0ulux"));
    }
    assert_eq!(claim(&mut ctx, &BOB).unwrap(), 0);
    frame(&mut ctx, &ALICE, &BOB, 500_000_000).unwrap();
    assert_eq!(supply(&ctx), ORIGINAL - 65_312_500);
    update(&mut ctx, |params| params.minting_stopped = false).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_eq!(claim(&mut ctx, &BOB).unwrap(), 32_656_250);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn the_cap_of_the_supply_is_never_passed() {
    let mut ctx = bare();
    let room = 1_000_000_000;
    let coin = testing::coin(&format!("{}ulux", emission::burn_mint::CAP - ORIGINAL - room));
    ledger::bank::mint(&mut ctx, "burn_and_mint", "genesis", &ALICE, &coin).unwrap();
    advance(&mut ctx, 1);
    for _ in 0..3 {
        close(&mut ctx, 4_000_000, 1_100_000);
    }
    assert_eq!(supply(&ctx), emission::burn_mint::CAP);
    assert_eq!(last(&ctx).reserved, wire("0ulux"));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn without_lux_epochs_close_and_mint_nothing() {
    let mut ctx = testing::empty();
    let usd = ledger::bank::Genesis::default().denoms.into_iter().filter(|entry| entry.denom == "uusd").collect();
    let bank = ledger::bank::Genesis { denoms: usd, ..ledger::bank::Genesis::default() };
    ledger::bank::genesis::import(&mut ctx, &bank).unwrap();
    ledger::oracle::genesis::import(&mut ctx, &ledger::oracle::Genesis::default()).unwrap();
    genesis::import(&mut ctx, &Genesis::default()).unwrap();
    advance(&mut ctx, 100_800);
    crate::begin_block(&mut ctx).unwrap();
    let epoch = last(&ctx);
    assert_eq!((epoch.number, epoch.reserved), (1, wire("0ulux")));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_chain_that_stood_still_closes_one_epoch_a_block() {
    let mut ctx = market();
    buy(&mut ctx, &ALICE, "68750000ulux").unwrap();
    frame(&mut ctx, &ALICE, &BOB, 500_000_000).unwrap();
    advance(&mut ctx, 5 * 100_800);
    for number in 2..=6 {
        crate::begin_block(&mut ctx).unwrap();
        assert_eq!(state::open(&ctx).unwrap().number, number);
        advance(&mut ctx, 1);
    }
    crate::begin_block(&mut ctx).unwrap();
    assert_eq!(state::open(&ctx).unwrap().number, 6);
    let epochs = queries::epochs(&ctx, QueryEpochsRequest::default()).unwrap().epochs;
    assert_eq!(epochs.iter().map(|epoch| epoch.value_ucredits).collect::<Vec<_>>(), [500_000_000, 0, 0, 0, 0]);
    // Side by side, their schedules sum to what lies between their ends.
    let sum: u128 = epochs.iter().map(|epoch| amount(epoch.scheduled.as_ref())).sum();
    assert_eq!(sum, BurnMint::default().emitted(5 * WEEK_MS));
    assert!(epochs.windows(2).all(|pair| pair[0].ends == pair[1].begins));
}

#[test]
fn claims_sum_to_the_pool_in_any_order() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut ctx = market();
        buy(&mut ctx, &ALICE, "68750000ulux").unwrap();
        let owners = [BOB, CAROL, PROVIDER];
        for (owner, value) in owners.iter().zip([333_333_333, 333_333_331, 7]) {
            frame(&mut ctx, &ALICE, owner, value).unwrap();
        }
        close(&mut ctx, 4_000_000, 1_100_000);
        let pool = amount(last(&ctx).minted_work.as_ref());
        let mut sum = 0;
        for index in order {
            assert_eq!(broken(&ctx), Vec::<String>::new());
            let owed = queries::rewards(&ctx, QueryRewardsRequest { owner: ctx.text(&owners[index]) }).unwrap();
            let paid = claim(&mut ctx, &owners[index]).unwrap();
            assert_eq!(amount(owed.owed.as_ref()), paid);
            sum += paid;
        }
        assert_eq!((sum, lux(&ctx, &rewards_account())), (pool, 0));
        assert_eq!(state::POOLS.all(&ctx.state).unwrap(), []);
    }
}

fn beat(owner: Address, rank: u32, rate: u64) -> Beat {
    let (memory, age) = (16_000_000, 40_000_000);
    Beat { owner, rank, idle_ms: 3_600_000, rate, memory, age }
}

#[test]
fn idle_nodes_share_the_availability_pool_by_points() {
    let mut ctx = market();
    // The first epoch has its own means so far; the second those of the first: all of them average nodes, of 7 points.
    for _ in 0..2 {
        for (owner, rank) in [(BOB, 1), (BOB, 2), (BOB, 3), (BOB, 4), (CAROL, 1)] {
            available(&mut ctx, &beat(owner, rank, 600_000_000)).unwrap();
        }
        close(&mut ctx, 4_000_000, 1_100_000);
    }
    let epoch = last(&ctx);
    let pool = amount(epoch.minted_availability.as_ref());
    assert_eq!(pool, amount(epoch.scheduled.as_ref()) * 255 / 10_000);
    let points = state::pool(&ctx, 2).unwrap().unwrap().availability.weight;
    // 3 nodes in full, the fourth at e^-0.65 = 0.522, the other owner's in full: 4.522 x 7 x an hour.
    let nodes = points as f64 / 2f64.powi(32) / 7.0 / 3_600_000.0;
    assert!((nodes - 4.522_045_8).abs() < 1e-6, "{nodes}");
    let (bob, carol) = (claim(&mut ctx, &BOB).unwrap(), claim(&mut ctx, &CAROL).unwrap());
    let sum: u128 = queries::epochs(&ctx, QueryEpochsRequest::default())
        .unwrap()
        .epochs
        .iter()
        .map(|epoch| amount(epoch.minted_availability.as_ref()))
        .sum();
    assert_eq!(bob + carol, sum);
    assert!((bob as f64 / carol as f64 - 3.522_045_8).abs() < 1e-5);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn better_nodes_earn_more_and_traps_earn_nothing_infinite() {
    let mut ctx = market();
    available(&mut ctx, &beat(BOB, 1, 600_000_000)).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    available(&mut ctx, &beat(BOB, 1, 600_000_000)).unwrap();
    available(&mut ctx, &beat(CAROL, 1, 1_300_000_000)).unwrap();
    // Nothing of anything, for longer than a day, at the lowest rank.
    let nothing = Beat { owner: PROVIDER, rank: u32::MAX, idle_ms: u64::MAX, rate: 0, memory: 0, age: 0 };
    available(&mut ctx, &nothing).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    let (bob, carol) = (claim(&mut ctx, &BOB).unwrap(), claim(&mut ctx, &CAROL).unwrap());
    assert!(carol > 0 && bob > carol, "Bob had two epochs");
    assert_eq!(refusal(claim(&mut ctx, &PROVIDER)).code, 3);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn prices_follow_use_and_say_why() {
    let mut ctx = market();
    let per_credit = |ctx: &ledger::Context, tier| price(ctx, tier).unwrap().work_milli_per_credit;
    assert_eq!(bill(&ctx, Tier::Priority, 1_300_000).unwrap().ucredits, 13_000_000);
    assert_eq!(bill(&ctx, Tier::Economy, 1_300_001).unwrap().ucredits, 6_500_005);
    assert_eq!(refusal(price(&ctx, Tier::Unspecified)).code, 4);
    // Use of 90 %: 5 % dearer; tier 1 is the anchor, tier 3 stands at the dear end of its band.
    billed(&mut ctx, 900, 900).unwrap();
    proved(&mut ctx, 1_000).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_eq!((last(&ctx).use_bp, per_credit(&ctx, Tier::Priority)), (9_000, 95_000));
    assert_eq!((per_credit(&ctx, Tier::Trusted), per_credit(&ctx, Tier::Economy)), (25_000, 200_000));
    assert_snapshot!(announced(&ctx));
    // Nobody proved anything: prices stay. No use at all: a tenth cheaper, within the band.
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_eq!(per_credit(&ctx, Tier::Priority), 95_000);
    proved(&mut ctx, 1_000).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_eq!((per_credit(&ctx, Tier::Priority), per_credit(&ctx, Tier::Economy)), (100_000, 220_000));
    assert_eq!(last(&ctx).tiers_after, crate::epoch::params(&ctx).unwrap().tiers);
}

/// What Render's ledger showed in September 2025 (L6): work of 6.87 times the value that was burned.
#[test]
fn work_that_nobody_paid_for_is_told() {
    let mut ctx = market();
    buy(&mut ctx, &ALICE, "68750000ulux").unwrap();
    frame(&mut ctx, &ALICE, &BOB, 100_000_000).unwrap();
    crate::epoch::attribute(&mut ctx, "granted", &BOB, 587_000_000, 0, &Default::default()).unwrap();
    billed(&mut ctx, 21, 5).unwrap();
    let open = queries::epoch(&ctx, QueryEpochRequest { number: 0 }).unwrap().epoch.unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_eq!(open.anomaly, last(&ctx).anomaly);
    assert_snapshot!(open.anomaly, @"work of 687000000 millionths of a credit was credited, payments were worth 100000000: 6.87 times the value burned; 21 thousandths of a work unit were billed; in the time that their nodes had, their power makes 5");
    // It earns no more than what was burned.
    assert_eq!(claim(&mut ctx, &BOB).unwrap(), 6_531_250);
}

/// Frames that are approved in a later epoch than they were rendered in, and benchmarks of busy machines.
#[test]
fn honest_work_is_no_anomaly() {
    let mut ctx = market();
    proved(&mut ctx, 1_000).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_eq!(last(&ctx).anomaly, "");
    billed(&mut ctx, 400, 100).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_eq!(last(&ctx).anomaly, "");
    billed(&mut ctx, 401, 100).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    assert_ne!(last(&ctx).anomaly, "");
}

/// Of a frame that costs next to nothing, payments in whole base units of LUX are worth up to one of them less.
#[test]
fn rounding_of_a_tiny_frame_is_no_anomaly() {
    let mut ctx = market();
    buy(&mut ctx, &ALICE, "68750000ulux").unwrap();
    frame(&mut ctx, &ALICE, &BOB, 100).unwrap();
    let open = queries::epoch(&ctx, QueryEpochRequest { number: 0 }).unwrap().epoch.unwrap();
    assert!(open.spent_ucredits < 99 && open.value_ucredits == 100, "{open:?}");
    assert_eq!(open.anomaly, "");
}

fn lived_in() -> ledger::Context {
    let mut ctx = market();
    buy(&mut ctx, &ALICE, "68750000ulux").unwrap();
    for owner in [BOB, CAROL] {
        frame(&mut ctx, &ALICE, &owner, 111_111_111).unwrap();
        available(&mut ctx, &beat(owner, 1, 600_000_000)).unwrap();
    }
    billed(&mut ctx, 90, 80).unwrap();
    proved(&mut ctx, 100).unwrap();
    close(&mut ctx, 4_000_000, 1_100_000);
    claim(&mut ctx, &BOB).unwrap();
    frame(&mut ctx, &ALICE, &BOB, 1_000_000).unwrap();
    available(&mut ctx, &beat(BOB, 1, 600_000_000)).unwrap();
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
    std::sync::Arc::make_mut(&mut again.chain).dev = true;
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
    assert_eq!(import(&|g| g.params.network_bp = 5_001), 2);
    assert_eq!(import(&|g| g.params.tiers.clear()), 2);
    assert_eq!(import(&|g| g.params.appeal_deposit = "much".to_owned()), 18);
    assert_eq!(import(&|g| g.sums[0].what = 20), 18);
    assert_eq!(import(&|g| g.totals[0].amount = "0".to_owned()), 18);
    assert_eq!(import(&|g| g.closed[0].number = 2), 18);
    assert_eq!(import(&|g| g.closed[0].tiers_after[0].tier = 9), 18);
    assert_eq!(import(&|g| g.pools[0].value_claimed = "999999999999".to_owned()), 18);
    assert_eq!(import(&|g| g.pools[0].epoch = 7), 18);
    assert_eq!(import(&|g| g.values[0].epoch = 9), 18);
    assert_eq!(import(&|g| g.points.push(g.points[0].clone())), 18);
    assert_eq!(import(&|g| g.open.as_mut().unwrap().ends_ms = 0), 18);
}

#[test]
fn queries_name_what_is_not_there() {
    let ctx = market();
    let missing = queries::epoch(&ctx, QueryEpochRequest { number: 2 }).unwrap_err();
    assert_snapshot!(missing.message, @"epoch 2 not found: the open one is 1");
    let owner = ctx.text(&nobody(9));
    assert_eq!(queries::rewards(&ctx, QueryRewardsRequest { owner }).unwrap().owed, wire("0ulux"));
    assert_eq!(attributed(&ctx, &nobody(9)).unwrap(), 0);
    assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
}
