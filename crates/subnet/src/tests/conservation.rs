//! Money: what exists is what was minted less what was recycled, and lies where it should, whatever happens.

use ledger::testing::{self, ALICE, BOB, CAROL, PROVIDER};
use primitives::Address;
use proptest::prelude::*;
use proto::tetra::subnet::v1::MsgUnstake;

use super::support::*;
use crate::key::messages::unstake;
use crate::network::state::SUBNETS;
use crate::params::WIT;

const PEOPLE: [Address; 4] = [ALICE, BOB, CAROL, PROVIDER];

#[derive(Clone, Debug)]
enum Move {
    Create(u16),
    Register(u16, u32),
    Stake(u16, usize, u64),
    Unstake(u16, usize, u64),
    Weigh(u16, u32, Vec<(u32, u32)>),
    Root(u16, Vec<u32>),
    Pass(u64),
}

fn owner(number: u16) -> Address {
    PEOPLE[usize::from(number) % PEOPLE.len()]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let key = 0u16..8;
    let row = proptest::collection::vec((0u32..6, 0u32..9), 1..4);
    let one = prop_oneof![
        1 => key.clone().prop_map(Move::Create),
        3 => (key.clone(), 1u32..4).prop_map(|(key, netuid)| Move::Register(key, netuid)),
        3 => (key.clone(), 0usize..4, WIT..500 * WIT).prop_map(|(key, who, amount)| Move::Stake(key, who, amount)),
        2 => (key.clone(), 0usize..4, 0..500 * WIT).prop_map(|(key, who, amount)| Move::Unstake(key, who, amount)),
        4 => (key.clone(), 1u32..4, row).prop_map(|(key, netuid, row)| Move::Weigh(key, netuid, row)),
        1 => (key, proptest::collection::vec(0u32..9, 3)).prop_map(|(key, row)| Move::Root(key, row)),
        4 => (1u64..15).prop_map(Move::Pass),
    ];
    proptest::collection::vec(one, 1..50)
}

/// Refusals are answers too: only what happened must add up.
fn play(ctx: &mut ledger::Context, step: &Move) {
    match step {
        Move::Create(key) if SUBNETS.all(&ctx.state).unwrap().len() < 3 => {
            create(ctx, &owner(*key), &id(*key));
        }
        Move::Create(_) => {}
        Move::Register(key, netuid) => drop(register(ctx, *netuid, &id(*key), &owner(*key))),
        Move::Stake(key, who, amount) => drop(stake(ctx, &id(*key), &PEOPLE[*who], *amount)),
        Move::Unstake(key, who, amount) => {
            let msg = MsgUnstake { coldkey: ctx.text(&PEOPLE[*who]), hotkey: id(*key).to_vec(), amount: *amount };
            drop(ctx.attempt(|ctx| unstake(ctx, msg)));
        }
        Move::Weigh(key, netuid, row) => drop(weigh(ctx, *netuid, &id(*key), &owner(*key), row)),
        Move::Root(key, row) => {
            let row: Vec<(u32, u32)> = (1..).zip(row.iter().copied()).collect();
            drop(weigh(ctx, 0, &id(*key), &owner(*key), &row));
        }
        Move::Pass(blocks) => pass(ctx, *blocks),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_appears_or_vanishes(moves in moves(), by_root: bool) {
        let mut ctx = market();
        if by_root {
            let mut params = crate::params::params(&ctx).unwrap();
            params.set_split(proto::tetra::subnet::v1::Split::Root);
            set_params(&mut ctx, params).unwrap();
        }
        for key in 0..8 {
            bind(&mut ctx, key, &owner(key));
        }
        let (mut expected, before) = (u128::from(issuance(&ctx)), ctx.block.height);
        for step in &moves {
            testing::forget(&mut ctx);
            let passing = matches!(step, Move::Pass(_));
            play(&mut ctx, step);
            // Minting is in blocks, which forget what flowed; everything else only burns.
            let burned = ctx.flow.burned.get(&testing::denom("nwit")).copied().unwrap_or(0);
            if !passing {
                expected -= burned;
                prop_assert_eq!(u128::from(issuance(&ctx)), expected);
            }
            expected = u128::from(issuance(&ctx));
            prop_assert_eq!(broken(&ctx), Vec::<String>::new());
        }
        // No more than the schedule gives.
        let most = u128::from(ctx.block.height - before) * 7_200_000_000_000 / 86_400 + 1;
        prop_assert!(expected <= u128::from(4 * FUNDS) + most);

        // Genesis of this state makes this state.
        let exported = crate::genesis::export(&ctx).unwrap();
        let text = serde_json::to_string(&exported).unwrap();
        let read: crate::Genesis = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &exported);
        let mut again = again(&ctx);
        crate::genesis::import(&mut again, &read).unwrap();
        for module in crate::MODULES {
            prop_assert_eq!(testing::stored(&again, module), testing::stored(&ctx, module));
        }
    }
}

/// A context with the accounts, balances and height of another, and nothing of this market.
fn again(ctx: &ledger::Context) -> ledger::Context {
    let mut again = testing::empty();
    again.chain = ctx.chain.clone();
    again.block = ctx.block.clone();
    ledger::accounts::genesis::import(&mut again, &ledger::accounts::genesis::export(ctx).unwrap()).unwrap();
    ledger::bank::genesis::import(&mut again, &ledger::bank::genesis::export(ctx).unwrap()).unwrap();
    again
}

#[test]
fn a_day_mints_what_a_day_mints_whatever_the_blocks_are() {
    let minted = |interval: u64, blocks: u64| {
        let mut ctx = market();
        std::sync::Arc::make_mut(&mut ctx.chain).block_interval_ms = interval;
        let key = bind(&mut ctx, 1, &ALICE);
        create(&mut ctx, &ALICE, &key);
        rules(&mut ctx, 1, |rules| rules.tempo = 50_000);
        pass(&mut ctx, 1);
        let before = issuance(&ctx);
        for _ in 0..blocks {
            testing::advance(&mut ctx, 1);
            crate::begin_block(&mut ctx).unwrap();
        }
        issuance(&ctx) - before
    };
    let hour = 7_200 * WIT / 24;
    // Shares of one subnet are whole, so that nothing is recycled.
    assert_eq!(minted(1_000, 3_600), hour);
    assert_eq!(minted(6_000, 600), hour);
    assert_eq!(minted(700, 5_143) / 1_000_000, hour * 36_001 / 36_000 / 1_000_000);
}

#[test]
fn a_chain_that_stood_still_minted_nothing_meanwhile() {
    let mut ctx = market();
    let key = bind(&mut ctx, 1, &ALICE);
    create(&mut ctx, &ALICE, &key);
    pass(&mut ctx, 1);
    let before = issuance(&ctx);
    ctx.block.time.seconds += 1_000_000;
    pass(&mut ctx, 1);
    assert_eq!(issuance(&ctx) - before, 4 * 7_200 * WIT / 86_400);
}
