//! Random messages over random blocks: all promises hold after each, money is conserved to the unit, nothing is sold
//! twice, and what was refused changed nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use ledger::testing::{ALICE, BOB, FUNDS, PROVIDER, advance, balance, stored};
use ledger::{Context, Failure, capacity, escrow};
use primitives::Address;
use proptest::prelude::*;
use proto::Duration;

use super::support::*;
use crate::auction::messages::bids::create_bid;
use crate::auction::state::{BIDS, ORDERS};
use crate::deployment::state::DEPLOYMENTS;
use crate::ids::{BidId, DeploymentId, GroupId};

#[derive(Clone, Debug)]
enum Step {
    Deploy { tenant: bool, dseq: u64, counts: Vec<u32>, extra: u32 },
    Bid { at: Place, price: u32, window: bool },
    Lease(Place),
    CloseBid(Place),
    CloseLease(Place),
    Withdraw(Place),
    Reclaim(Place),
    CloseDeployment(Place),
    Pause(Place),
    Start(Place),
    CloseGroup(Place),
    Settle(Place),
    Deposit { at: Place, amount: u32 },
    Shrink { host: u8, cpu_milli: u64 },
    Grow { host: u8 },
    Wait(u64),
}

/// Few, so that some are used twice.
const DSEQS: Range<u64> = 1..6;

/// Something that is there mostly: one of the running ones by number, or else whatever the parts name.
#[derive(Clone, Copy, Debug)]
struct Place {
    tenant: bool,
    dseq: u64,
    gseq: u32,
    rival: bool,
    running: Option<usize>,
}

fn pick<T: Copy>(found: &[T], number: usize) -> Option<T> {
    found.get(number.checked_rem(found.len())?).copied()
}

impl Place {
    fn deployment(self, ctx: &Context) -> DeploymentId {
        let named = DeploymentId { owner: tenant(self.tenant), dseq: self.dseq };
        let Some(number) = self.running else { return named };
        let all = DEPLOYMENTS.records.all(&ctx.state).unwrap();
        let active: Vec<_> = all.iter().filter(|(_, found)| found.state == 1).map(|(id, _)| *id).collect();
        pick(&active, number).unwrap_or(named)
    }

    fn group(self, ctx: &Context) -> GroupId {
        self.deployment(ctx).group(self.gseq)
    }

    /// A bid that could be made: the open order's.
    fn new_bid(self, ctx: &Context) -> BidId {
        let provider = if self.rival { RIVAL } else { PROVIDER };
        let named = self.group(ctx).order(1);
        let Some(number) = self.running else { return named.bid(provider) };
        let all = ORDERS.records.all(&ctx.state).unwrap();
        let open: Vec<_> = all.iter().filter(|(_, found)| found.state == 1).map(|(id, _)| *id).collect();
        pick(&open, number).unwrap_or(named).bid(provider)
    }

    /// A bid in one of these states: 1 is open, 2 active.
    fn bid(self, ctx: &Context, states: &[i32]) -> BidId {
        let Some(number) = self.running else { return self.new_bid(ctx) };
        let all = BIDS.records.all(&ctx.state).unwrap();
        let found: Vec<_> = all.iter().filter(|(_, found)| states.contains(&found.state)).map(|(id, _)| *id).collect();
        pick(&found, number).unwrap_or_else(|| self.new_bid(ctx))
    }
}

fn tenant(first: bool) -> Address {
    if first { ALICE } else { BOB }
}

fn place() -> impl Strategy<Value = Place> {
    let running = prop_oneof![4 => (0usize..8).prop_map(Some), 1 => Just(None)];
    (any::<bool>(), DSEQS, 1u32..3, any::<bool>(), running).prop_map(|(tenant, dseq, gseq, rival, running)| Place {
        tenant,
        dseq,
        gseq,
        rival,
        running,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let counts = proptest::collection::vec(1u32..4, 1..3);
    prop_oneof![
        4 => (any::<bool>(), DSEQS, counts, 0u32..2_000)
            .prop_map(|(tenant, dseq, counts, extra)| Step::Deploy { tenant, dseq, counts, extra }),
        10 => (place(), 1u32..3_000_000, any::<bool>()).prop_map(|(at, price, window)| Step::Bid { at, price, window }),
        10 => place().prop_map(Step::Lease),
        3 => place().prop_map(Step::CloseBid),
        3 => place().prop_map(Step::CloseLease),
        3 => place().prop_map(Step::Withdraw),
        2 => place().prop_map(Step::Reclaim),
        1 => place().prop_map(Step::CloseDeployment),
        2 => place().prop_map(Step::Pause),
        3 => place().prop_map(Step::Start),
        1 => place().prop_map(Step::CloseGroup),
        3 => place().prop_map(Step::Settle),
        2 => (place(), 0u32..1_000_000).prop_map(|(at, amount)| Step::Deposit { at, amount }),
        1 => (1u8..4, 0u64..6_000).prop_map(|(host, cpu_milli)| Step::Shrink { host, cpu_milli }),
        1 => (1u8..4).prop_map(|host| Step::Grow { host }),
        6 => prop_oneof![Just(1u64), 1u64..50, 1u64..200_000].prop_map(Step::Wait),
    ]
}

/// The rival has no hosts, and is served as on Akash.
fn owner_of_host(_: u8) -> Address {
    PROVIDER
}

fn apply(ctx: &mut Context, step: &Step) -> Result<(), Failure> {
    match step {
        Step::Deploy { tenant: first, dseq, counts, extra } => {
            let id = DeploymentId { owner: tenant(*first), dseq: *dseq };
            // Prices reach 300 per block and replica, so that small deposits run out within the waits.
            let money = format!("{}uusd", 500_000 + extra);
            let msg = msg_create(ctx, &id, groups(counts, "300", "uusd"), &money);
            run(ctx, crate::deployment::messages::create_deployment, msg).map(drop)
        }
        Step::Bid { at, price, window } => {
            let id = at.new_bid(ctx);
            let amount = format!("{}.{:04}", price / 10_000, price % 10_000);
            let mut msg = msg_bid(ctx, &id, &amount);
            msg.reclamation_window = window.then_some(Duration { seconds: 3_600, nanos: 500_000_000 });
            run(ctx, create_bid, msg).map(drop)
        }
        Step::Lease(at) => lease(ctx, &at.bid(ctx, &[1])),
        Step::CloseBid(at) => close_bid(ctx, &at.bid(ctx, &[1, 2])),
        Step::CloseLease(at) => close_lease(ctx, &at.bid(ctx, &[2])),
        Step::Withdraw(at) => withdraw(ctx, &at.bid(ctx, &[2])),
        Step::Reclaim(at) => start_reclaim(ctx, &at.bid(ctx, &[2])),
        Step::CloseDeployment(at) => close_deployment(ctx, &at.deployment(ctx)),
        Step::Pause(at) => pause_group(ctx, &at.group(ctx)),
        Step::Start(at) => start_group(ctx, &at.group(ctx)),
        Step::CloseGroup(at) => close_group(ctx, &at.group(ctx)),
        Step::Settle(at) => settle(ctx, &at.deployment(ctx)),
        Step::Deposit { at, amount } => {
            let id = escrow::AccountId::deployment(at.deployment(ctx).text(&ctx.chain.prefix));
            let money = escrow::CheckedDeposit::parse(deposit(&format!("{amount}uusd")).as_ref())?;
            let depositor = tenant(!at.tenant);
            ctx.attempt(|ctx| {
                escrow::deposit_into(ctx, &id, &money, &depositor)?;
                route(ctx)
            })
        }
        Step::Shrink { host, cpu_milli } => shrink_host(ctx, &owner_of_host(*host), *host, *cpu_milli),
        Step::Grow { host } => {
            register_host(ctx, &owner_of_host(*host), *host, 6_000, &[]);
            Ok(())
        }
        Step::Wait(blocks) => {
            advance(ctx, *blocks);
            capacity::end_block(ctx)?;
            route(ctx)
        }
    }
}

/// Everything that everyone has: there is nothing else.
fn money(ctx: &Context) -> u128 {
    let pool = Address::of_module(ledger::accounts::modules::COMMUNITY_POOL);
    [ALICE, BOB, PROVIDER, RIVAL, pool, escrow::vault()].iter().map(|who| balance(ctx, who, "uusd")).sum()
}

fn everything(ctx: &Context) -> BTreeMap<&'static str, String> {
    let modules = [ledger::bank::MODULE, escrow::MODULE, capacity::MODULE, crate::MODULES[0], crate::MODULES[1]];
    modules.map(|module| (module.0, stored(ctx, module))).into()
}

/// Each kind of step succeeds in some run: a model that only sees refusals proves nothing.
#[test]
fn every_kind_of_step_is_reached() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut reached: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..40 {
        let steps = proptest::collection::vec(step(), 60).new_tree(&mut runner).unwrap().current();
        let mut ctx = market();
        register_host(&mut ctx, &PROVIDER, 1, 6_000, &[]);
        for step in &steps {
            let kind: String = format!("{step:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect();
            let done = apply(&mut ctx, step).is_ok();
            *reached.entry(kind).or_default() += u32::from(done);
        }
        let leases = crate::auction::state::LEASES.records.all(&ctx.state).unwrap();
        let ended = leases.iter().filter(|(_, lease)| lease.state().as_str_name() == "insufficient_funds").count();
        *reached.entry("exhausted".to_owned()).or_default() += u32::try_from(ended).unwrap();
    }
    assert!(reached.len() == 17 && reached.values().all(|count| *count > 0), "{reached:?}");
}

/// Everything ends in the end, and then nothing is left in escrow but fractions.
fn wind_up(ctx: &mut Context) {
    for (id, _) in DEPLOYMENTS.records.all(&ctx.state).unwrap() {
        let _ = close_deployment(ctx, &id);
    }
    assert_eq!(broken(ctx), Vec::<String>::new());
    assert_eq!(balance(ctx, &escrow::vault(), "uusd"), 0, "escrow keeps money of nobody");
    assert_eq!(capacity::state::HOLDS.all(&ctx.state).unwrap(), [], "a hold outlives everything");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn every_promise_holds_after_every_message(steps in proptest::collection::vec(step(), 1..60)) {
        let mut ctx = market();
        for host in 1..3 {
            register_host(&mut ctx, &owner_of_host(host), host, 6_000, &[]);
        }
        let sum = money(&ctx);
        prop_assert_eq!(sum, 4 * FUNDS);
        for step in &steps {
            let before = everything(&ctx);
            let result = apply(&mut ctx, step);
            match result {
                Ok(()) => {}
                Err(Failure::Rejected(_)) => prop_assert_eq!(&everything(&ctx), &before, "{:?} was refused", step),
                Err(Failure::Broken(error)) => prop_assert!(false, "{:?}: {}", step, error),
            }
            prop_assert_eq!(broken(&ctx), Vec::<String>::new(), "{:?}", step);
            prop_assert_eq!(money(&ctx), sum, "{:?}", step);
            prop_assert!(ctx.outcomes.is_empty());
        }
        wind_up(&mut ctx);
        prop_assert_eq!(money(&ctx), sum);
    }
}
