//! A chain with many subnets, all of whose validators set all their weights once a tempo, and the interval between its blocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use app::Genesis;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client::tx::Draft;
use client::{Node, SigningKey};
use ledger::bank::genesis::Balance;
use primitives::{Coins, Prefix};
use proto::tetra::subnet::v1::{
    Emission, GenesisState, Hotkey, MsgSetWeights, Neuron, Params, QueryRowsRequest, QueryRowsResponse,
    QuerySubnetRequest, QuerySubnetResponse, RuleSet, Split, Stake, Subnet,
};
use proto::{Any, ToAny};
use serde_json::{Value, json};

use crate::blocks::{Intervals, Watch};
use crate::network::Network;
use crate::transfers::{CHAIN_ID, PREFIX, genesis};
use crate::{Chain, LoadError, Result};

/// What each validator of a subnet has at stake, in base units.
const STAKE: u64 = 1_000_000_000_000;
/// Gas of a transaction: what a block may use of it at most.
const GAS: u64 = 400_000_000;
const FEE: &str = "10000000utet";

/// Options of `subnets`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    chain: Chain,
    /// Subnets; none is an empty chain, to compare with
    #[arg(long, default_value_t = 32)]
    subnets: u32,
    /// Neurons of each
    #[arg(long, default_value_t = 256)]
    neurons: u32,
    /// Of which validators, who weigh all others
    #[arg(long, default_value_t = 64)]
    validators: u32,
    /// Blocks between two epochs of a subnet
    #[arg(long, default_value_t = 120)]
    tempo: u64,
    /// Blocks that are watched; those before the first epoch count apart
    #[arg(long, default_value_t = 240)]
    blocks: u64,
}

pub(crate) async fn run(args: Args) -> Result<Value> {
    let prefix = Prefix::new(PREFIX).map_err(LoadError::chain)?;
    let key = SigningKey::from_bytes([1; 32]).map_err(LoadError::chain)?;
    let owner = prefix.text(&key.address());
    let genesis = with_subnets(&args, &prefix, &owner)?;
    let network = Network::start(&args.chain.tetra, &genesis, 1).await?;
    let url = network.urls().first().cloned().unwrap_or_default();
    let watch = Watch::start(&url).await?;
    let before = network.usage()?;
    let began = Instant::now();
    let voters: Vec<(u32, u32)> =
        (1..=args.subnets).flat_map(|netuid| (0..args.validators).map(move |uid| (netuid, uid))).collect();
    let (mut sequence, mut voted) = (0, 0);
    loop {
        let seen = watch.seen.arrivals().len() as u64;
        if seen >= args.blocks {
            break;
        }
        // So many by now that all have voted once at a tempo's end, and begin again.
        let wanted = voters.len() as u64 * (seen + 1) / args.tempo;
        if voted < wanted {
            let turn = (voted..wanted).filter_map(|number| voters.get(number as usize % voters.len()));
            let messages: Vec<Any> = turn.map(|voter| weights(&args, &owner, *voter)).collect();
            send(&url, &key, messages, sequence).await?;
            (sequence, voted) = (sequence + 1, wanted);
        }
        tokio::time::sleep(Duration::from_millis(args.chain.interval_ms / 20)).await;
    }
    let lasted = began.elapsed().as_secs_f64();
    let (weighed, epochs) = done(&url, args.subnets).await?;
    let after = network.usage()?;
    let arrivals = watch.seen.arrivals();
    let (early, late) = arrivals.split_at(arrivals.len().min(args.tempo as usize));
    let cpu: f64 = before.iter().zip(&after).map(|(before, after)| after.cpu - before.cpu).sum();
    Ok(json!({
        "subnets": args.subnets, "neurons": args.neurons, "validators": args.validators, "tempo": args.tempo,
        "block_interval_ms": args.chain.interval_ms,
        "weights_offered": voted, "transactions_offered": sequence, "transactions_committed": watch.seen.count(),
        "validators_with_weights": weighed, "epochs": epochs,
        "before_epochs": Intervals::of(early), "with_epochs": Intervals::of(late),
        "cpu_percent": (cpu / lasted * 1_000.0).round() / 10.0,
        "resident_bytes": after.iter().map(|usage| usage.resident).sum::<u64>(),
    }))
}

/// How many validators have weights, and how many epochs subnets have had since genesis: what was committed was done.
async fn done(url: &str, subnets: u32) -> Result<(usize, u64)> {
    let node = Node::new(url);
    let (mut weighed, mut epochs) = (0, 0);
    for netuid in 1..=subnets {
        let rows: QueryRowsResponse =
            node.query("/tetra.subnet.v1.Query/Rows", &QueryRowsRequest { netuid }).await.map_err(LoadError::node)?;
        weighed +=
            rows.weights.iter().filter(|found| found.row.as_ref().is_some_and(|row| !row.uids.is_empty())).count();
        let asked = QuerySubnetRequest { netuid };
        let found: QuerySubnetResponse =
            node.query("/tetra.subnet.v1.Query/Subnet", &asked).await.map_err(LoadError::node)?;
        let subnet = found.subnet.and_then(|view| view.subnet).unwrap_or_default();
        epochs += subnet.epochs.saturating_sub(1);
    }
    Ok((weighed, epochs))
}

fn hotkey(netuid: u32, uid: u32) -> Vec<u8> {
    [&netuid.to_be_bytes()[..], &uid.to_be_bytes(), &[0; 24]].concat()
}

/// Every miner gets a weight of its own.
fn weights(args: &Args, operator: &str, (netuid, uid): (u32, u32)) -> Any {
    let weight = |miner: u32| 1 + (miner * 7_919 + uid * 31) % 65_535;
    let (uids, values) = (args.validators..args.neurons).map(|miner| (miner, weight(miner))).unzip();
    let (operator, hotkey) = (operator.to_owned(), hotkey(netuid, uid));
    MsgSetWeights { operator, netuid, hotkey, uids, values, version: 0 }.to_any()
}

async fn send(url: &str, key: &SigningKey, messages: Vec<Any>, sequence: u64) -> Result<()> {
    let fee: Coins = FEE.parse().map_err(LoadError::chain)?;
    let draft = Draft { messages, fee, gas_limit: GAS, ..Draft::default() };
    let tx = STANDARD.encode(draft.sign(key, CHAIN_ID, 0, sequence));
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync", "params": { "tx": tx } });
    let client = reqwest::Client::new();
    let answer = client.post(url).json(&call).send().await.map_err(LoadError::node)?;
    let answer: Value = answer.json().await.map_err(LoadError::node)?;
    match answer.pointer("/result/code").and_then(Value::as_u64) {
        Some(0) => Ok(()),
        _ => Err(LoadError::Node(format!("weights were not taken: {answer}"))),
    }
}

/// A chain whose subnets have all their neurons, with permits of a first epoch; epochs are spread over the tempo.
fn with_subnets(args: &Args, prefix: &Prefix, owner: &str) -> Result<Genesis> {
    let staked = u64::from(args.subnets) * u64::from(args.validators) * STAKE;
    let stakes = primitives::Address::of_module(ledger::accounts::modules::SUBNET_STAKES);
    let balance = |address: &str, coins: String| Balance { address: address.to_owned(), coins };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut genesis = genesis(args.chain.interval_ms, 1, vec![balance(owner, "1000000000000000utet".to_owned())])?;
    genesis.genesis_time = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if staked > 0 {
        genesis.state.bank.balances.push(balance(&prefix.text(&stakes), format!("{staked}nwit")));
        genesis.state.bank.balances.sort_by(|a, b| a.address.cmp(&b.address));
    }
    genesis.state.subnet = subnet::Genesis(state(args, owner, u64::try_from(now.as_millis()).unwrap_or(u64::MAX)));
    genesis.begin().map_err(LoadError::chain)?;
    Ok(genesis)
}

fn state(args: &Args, owner: &str, until_ms: u64) -> GenesisState {
    let mut state = GenesisState {
        params: Some(Params { split: Split::Even.into(), ..subnet::params::default(args.chain.interval_ms) }),
        emission: Some(Emission { until_ms, ..Emission::default() }),
        ..GenesisState::default()
    };
    for netuid in 1..=args.subnets {
        let mut rules = subnet::network::rules::default(args.chain.interval_ms);
        (rules.tempo, rules.commit_reveal, rules.weights_rate_limit) = (args.tempo, false, 0);
        rules.set_rule_set(RuleSet::Yuma3);
        state.subnets.push(Subnet {
            netuid,
            name: netuid.to_string(),
            owner: owner.to_owned(),
            owner_hotkey: hotkey(netuid, 0),
            rules: Some(rules),
            burn: rules.min_burn,
            epochs: 1,
            last_epoch_height: u64::from(netuid) * args.tempo / u64::from(args.subnets.max(1)),
            neurons: args.neurons,
            ..Subnet::default()
        });
        for uid in 0..args.neurons {
            let (key, validates) = (hotkey(netuid, uid), uid < args.validators);
            let stake = if validates { STAKE } else { 0 };
            let shares = (u128::from(stake) * 1_000_000_000).to_string();
            state.hotkeys.push(Hotkey {
                hotkey: key.clone(),
                coldkey: owner.to_owned(),
                operator: owner.to_owned(),
                take: 11_796,
                stake,
                shares: shares.clone(),
                ..Hotkey::default()
            });
            if validates {
                let (hotkey, coldkey) = (key.clone(), owner.to_owned());
                state.stakes.push(Stake { hotkey, coldkey, amount: stake, shares });
            }
            let coldkey = owner.to_owned();
            let (active, permit) = (true, validates);
            state.neurons.push(Neuron { netuid, uid, hotkey: key, coldkey, active, permit, ..Neuron::default() });
        }
    }
    state
}
