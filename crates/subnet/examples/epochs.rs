//! How long blocks take with 32 subnets of 256 neurons whose 64 validators all set weights each tempo.
//!
//! `cargo run --release -p subnet --example epochs [SUBNETS] [NEURONS] [VALIDATORS] [TEMPO]` prints one line of JSON: milliseconds of the
//! machine's work in a block, its writes committed to trees in memory, without signatures and disk.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark"
)]

use std::sync::Arc;
use std::time::Instant;

use ledger::{Context, bank, testing};
use proto::tetra::subnet::v1::{
    Emission, GenesisState, Hotkey, MsgSetWeights, Neuron, Params, RuleSet, Split, Stake, Subnet,
};
use store::{Config, Memory, State, StateStore};

const STAKE: u64 = 1_000_000_000_000;

fn hotkey(netuid: u32, uid: u32) -> Vec<u8> {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&netuid.to_be_bytes());
    key[4..8].copy_from_slice(&uid.to_be_bytes());
    key.to_vec()
}

/// All subnets, past their first epoch: permits are given.
fn genesis(ctx: &Context, (subnets, neurons, validators, tempo): (u32, u32, u32, u64)) -> GenesisState {
    let coldkey = ctx.text(&testing::ALICE);
    let mut state = GenesisState {
        params: Some(Params { split: Split::Even.into(), ..subnet::params::default(1_000) }),
        emission: Some(Emission { until_ms: ctx.block.time_ms(), ..Emission::default() }),
        ..GenesisState::default()
    };
    for netuid in 1..=subnets {
        let mut rules = subnet::network::rules::default(1_000);
        (rules.tempo, rules.commit_reveal, rules.weights_rate_limit) = (tempo, false, 0);
        rules.set_rule_set(RuleSet::Yuma3);
        state.subnets.push(Subnet {
            netuid,
            name: netuid.to_string(),
            owner: coldkey.clone(),
            owner_hotkey: hotkey(netuid, 0),
            rules: Some(rules),
            burn: rules.min_burn,
            epochs: 1,
            // Spread over the tempo.
            last_epoch_height: u64::from(netuid) * tempo / u64::from(subnets),
            neurons,
            ..Subnet::default()
        });
        for uid in 0..neurons {
            let (key, validates) = (hotkey(netuid, uid), uid < validators);
            let stake = if validates { STAKE } else { 0 };
            let shares = (u128::from(stake) * 1_000_000_000).to_string();
            state.hotkeys.push(Hotkey {
                hotkey: key.clone(),
                coldkey: coldkey.clone(),
                operator: coldkey.clone(),
                take: 11_796,
                stake,
                shares: shares.clone(),
                ..Hotkey::default()
            });
            if validates {
                state.stakes.push(Stake { hotkey: key.clone(), coldkey: coldkey.clone(), amount: stake, shares });
            }
            let coldkey = coldkey.clone();
            let (active, permit) = (true, validates);
            state.neurons.push(Neuron { netuid, uid, hotkey: key, coldkey, active, permit, ..Neuron::default() });
        }
    }
    state
}

fn argument(place: usize, default: u32) -> u32 {
    std::env::args().nth(place).map_or(default, |text| text.parse().unwrap())
}

fn main() {
    let (subnets, neurons, validators) = (argument(1, 32), argument(2, 256), argument(3, 64));
    let tempo = argument(4, 360);
    let mut ctx = testing::context();
    let chain = Arc::make_mut(&mut ctx.chain);
    (chain.dev, chain.block_interval_ms) = (true, 1_000);
    ctx.block.height = u64::from(tempo) + 1;
    let state = genesis(&ctx, (subnets, neurons, validators, tempo.into()));
    let staked = u64::from(subnets) * u64::from(validators) * STAKE;
    let account = primitives::Address::of_module(ledger::accounts::modules::SUBNET_STAKES);
    bank::mint(&mut ctx, "capped", "genesis", &account, &testing::coin(&format!("{staked}nwit"))).unwrap();
    subnet::genesis::import(&mut ctx, &subnet::Genesis(state)).unwrap();

    let modules =
        [subnet::MODULES.as_slice(), &[bank::MODULE, ledger::accounts::MODULE, ledger::capacity::MODULE]].concat();
    let store = StateStore::open(Arc::new(Memory::new()), &modules, Config::default()).unwrap();
    let latest = |store: &StateStore| State::new(store.latest().unwrap());
    let writes = std::mem::replace(&mut ctx.state, latest(&store)).into_writes();
    store.commit(0, &writes).unwrap();

    // Every validator weighs every miner once a tempo, spread over its blocks.
    let voters: Vec<(u32, u32)> =
        (1..=subnets).flat_map(|netuid| (0..validators).map(move |uid| (netuid, uid))).collect();
    let (uids, values): (Vec<u32>, Vec<u32>) = (validators..neurons).map(|uid| (uid, 1 + uid * 7_919 % 65_535)).unzip();
    let operator = ctx.text(&testing::ALICE);
    let (mut empty, mut busy, mut epochs) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    for block in 0..tempo {
        ctx.block.height += 1;
        ctx.block.time.seconds += 1;
        testing::forget(&mut ctx);
        ctx.state = latest(&store);
        let began = Instant::now();
        subnet::begin_block(&mut ctx).unwrap();
        let had_epoch = ctx.events.iter().any(|event| event.kind.ends_with("EventEpoch"));
        let until = voters.len() * (block as usize + 1) / tempo as usize;
        let messages = until - next;
        while next < until {
            let (netuid, uid) = voters[next];
            let (operator, hotkey) = (operator.clone(), hotkey(netuid, uid));
            let msg =
                MsgSetWeights { operator, netuid, hotkey, uids: uids.clone(), values: values.clone(), version: 0 };
            subnet::weight::messages::set_weights(&mut ctx, msg).unwrap();
            next += 1;
        }
        let writes = std::mem::replace(&mut ctx.state, latest(&store)).into_writes();
        store.commit(u64::from(block) + 1, &writes).unwrap();
        let took = began.elapsed().as_secs_f64() * 1_000.0;
        if had_epoch {
            epochs.push(took);
        } else if messages > 0 {
            busy.push(took);
        } else {
            empty.push(took);
        }
    }
    let show = |times: &[f64]| {
        let most = times.iter().copied().fold(0.0, f64::max);
        let mean = times.iter().sum::<f64>() / times.len().max(1) as f64;
        format!("{{\"blocks\":{},\"mean_ms\":{mean:.2},\"most_ms\":{most:.2}}}", times.len())
    };
    println!(
        "{{\"subnets\":{subnets},\"neurons\":{neurons},\"validators\":{validators},\"tempo\":{tempo},\"weights_set\":{next},\"with_an_epoch\":{},\"with_weights\":{},\"empty\":{}}}",
        show(&epochs),
        show(&busy),
        show(&empty)
    );
}
