//! Random histories: all promises hold after each step, money is conserved to the unit, and what was refused changed
//! nothing.

use std::collections::BTreeMap;

use ledger::testing::{self, ALICE, BOB, CAROL, PROVIDER, advance, stored};
use ledger::{Context, Failure};
use primitives::Address;
use proptest::prelude::*;

use crate::epoch::{Beat, attribute, available, billed, proved};
use crate::support::{ORIGINAL, ask, broken, buy, claim, close, frame, market, supply, update};
use crate::{credit, epoch};

const PEOPLE: [Address; 4] = [ALICE, BOB, CAROL, PROVIDER];

#[derive(Clone, Debug)]
enum Step {
    Buy { who: usize, amount: u64, usd: bool },
    SetAside { who: usize, ucredits: u64 },
    GiveBack { who: usize, ucredits: u64 },
    Spend { who: usize, ucredits: u64, owner: usize, kept_back: bool },
    Frame { who: usize, ucredits: u64, owner: usize },
    Ask { who: usize, amount: u64, price: u64 },
    TakeBack { who: usize },
    Idle { who: usize, ms: u64, rank: u32, rate: u64 },
    Use { billed: u64, proved: u64 },
    Claim { who: usize },
    Breaker(bool),
    Cap(u32),
    Network(u32),
    Close { lux: u64, euro: u64 },
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0usize..4;
    let credits = prop_oneof![1u64..1_000, 1u64..1_000_000_000, 1u64..1_000_000_000_000];
    let money = prop_oneof![1u64..100_000, 1u64..1_000_000_000, 1u64..300_000_000_000];
    prop_oneof![
        8 => (who.clone(), money.clone(), any::<bool>()).prop_map(|(who, amount, usd)| Step::Buy { who, amount, usd }),
        4 => (who.clone(), credits.clone()).prop_map(|(who, ucredits)| Step::SetAside { who, ucredits }),
        2 => (who.clone(), credits.clone()).prop_map(|(who, ucredits)| Step::GiveBack { who, ucredits }),
        5 => (who.clone(), credits.clone(), who.clone(), any::<bool>())
            .prop_map(|(who, ucredits, owner, kept_back)| Step::Spend { who, ucredits, owner, kept_back }),
        8 => (who.clone(), credits, who.clone()).prop_map(|(who, ucredits, owner)| Step::Frame { who, ucredits, owner }),
        4 => (who.clone(), money, 500_000u64..8_000_000)
            .prop_map(|(who, amount, price)| Step::Ask { who, amount, price }),
        1 => who.clone().prop_map(|who| Step::TakeBack { who }),
        3 => (who.clone(), 0u64..200_000_000, 1u32..6, any::<u64>())
            .prop_map(|(who, ms, rank, rate)| Step::Idle { who, ms, rank, rate }),
        2 => (0u64..1_000, 0u64..1_000).prop_map(|(billed, proved)| Step::Use { billed, proved }),
        4 => who.prop_map(|who| Step::Claim { who }),
        1 => any::<bool>().prop_map(Step::Breaker),
        1 => (0u32..20_000).prop_map(Step::Cap),
        1 => (0u32..5_000).prop_map(Step::Network),
        5 => (500_000u64..9_000_000, 900_000u64..1_300_000).prop_map(|(lux, euro)| Step::Close { lux, euro }),
        2 => (1u64..20_000).prop_map(Step::Wait),
    ]
}

fn apply(ctx: &mut Context, step: &Step) -> Result<(), Failure> {
    match *step {
        Step::Buy { who, amount, usd } => {
            let denom = if usd { credit::USD } else { credit::LUX };
            buy(ctx, &PEOPLE[who], &format!("{amount}{denom}")).map(drop)
        }
        Step::SetAside { who, ucredits } => ctx.attempt(|ctx| credit::set_aside(ctx, &PEOPLE[who], ucredits)),
        Step::GiveBack { who, ucredits } => ctx.attempt(|ctx| credit::give_back(ctx, &PEOPLE[who], ucredits)),
        Step::Spend { who, ucredits, owner, kept_back } => ctx.attempt(|ctx| {
            let paid = credit::spend(ctx, &PEOPLE[who], ucredits)?;
            if kept_back { Ok(()) } else { attribute(ctx, "unit", &PEOPLE[owner], ucredits, 1, &paid) }
        }),
        Step::Frame { who, ucredits, owner } => frame(ctx, &PEOPLE[who], &PEOPLE[owner], ucredits).map(drop),
        Step::Ask { who, amount, price } => ask(ctx, &PEOPLE[who], &format!("{amount}ulux"), price).map(drop),
        Step::TakeBack { who } => ask(ctx, &PEOPLE[who], "0ulux", 0).map(drop),
        Step::Idle { who, ms, rank, rate } => {
            let (memory, age) = (rate / 7, rate / 3);
            available(ctx, &Beat { owner: PEOPLE[who], rank, idle_ms: ms, rate, memory, age })
        }
        Step::Use { billed: work, proved: able } => billed(ctx, work, able).and_then(|()| proved(ctx, able)),
        Step::Claim { who } => claim(ctx, &PEOPLE[who]).map(drop),
        Step::Breaker(stopped) => update(ctx, |params| params.minting_stopped = stopped),
        Step::Cap(bp) => update(ctx, |params| params.pool_cap_bp = bp),
        Step::Network(bp) => update(ctx, |params| params.network_bp = bp),
        Step::Close { lux, euro } => {
            close(ctx, lux, euro);
            Ok(())
        }
        Step::Wait(blocks) => {
            advance(ctx, blocks);
            crate::begin_block(ctx)
        }
    }
}

fn everything(ctx: &Context) -> [String; 3] {
    [ledger::bank::MODULE, credit::MODULE, epoch::MODULE].map(|module| stored(ctx, module))
}

/// LUX that this market minted and burned.
fn flows(ctx: &Context) -> (u128, u128) {
    epoch::closing::flows(ctx).unwrap()
}

#[test]
fn every_kind_of_step_is_reached() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut reached: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..20 {
        let steps = proptest::collection::vec(step(), 60).new_tree(&mut runner).unwrap().current();
        let mut ctx = market();
        for step in &steps {
            let kind: String = format!("{step:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect();
            let done = apply(&mut ctx, step).is_ok();
            *reached.entry(kind).or_default() += u32::from(done);
        }
        for (_, epoch) in epoch::state::CLOSED.all(&ctx.state).unwrap() {
            *reached.entry("auction".to_owned()).or_default() += u32::from(epoch.auction_price_micros > 0);
        }
    }
    assert!(reached.len() == 16 && reached.values().all(|count| *count > 0), "{reached:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn every_promise_holds_after_every_step(steps in proptest::collection::vec(step(), 1..50)) {
        let mut ctx = market();
        let dollars = ledger::bank::supply_of(&ctx, &testing::denom(credit::USD)).unwrap();
        for step in &steps {
            let before = everything(&ctx);
            match apply(&mut ctx, step) {
                Ok(()) => {}
                Err(Failure::Rejected(_)) => prop_assert_eq!(&everything(&ctx), &before, "{:?} was refused", step),
                Err(Failure::Broken(error)) => prop_assert!(false, "{:?}: {}", step, error),
            }
            prop_assert_eq!(broken(&ctx), Vec::<String>::new(), "{:?}", step);
            let (minted, burned) = flows(&ctx);
            prop_assert_eq!(supply(&ctx) + burned, ORIGINAL + minted, "{:?}", step);
            prop_assert_eq!(ledger::bank::supply_of(&ctx, &testing::denom(credit::USD)).unwrap(), dollars);
        }
        // A chain that begins where this one is has the same state.
        let (credits, epochs) = (credit::genesis::export(&ctx).unwrap(), epoch::genesis::export(&ctx).unwrap());
        let mut again = testing::empty();
        again.chain = ctx.chain.clone();
        credit::genesis::import(&mut again, &credits).unwrap();
        epoch::genesis::import(&mut again, &epochs).unwrap();
        for module in crate::MODULES {
            prop_assert_eq!(stored(&again, module), stored(&ctx, module));
        }
    }
}
