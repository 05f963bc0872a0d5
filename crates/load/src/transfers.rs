//! Rates rising to saturation, and what the nodes use meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use app::Genesis;
use app::chain::Limits;
use app::genesis::ModuleStates;
use ledger::bank::genesis::Balance;
use ledger::validators::genesis::Member;
use primitives::Prefix;
use serde_json::{Value, json};

use crate::accounts::{self, Signed};
use crate::blocks::Watch;
use crate::network::{Network, Usage, validator};
use crate::steps::{self, Step, Worker};
use crate::{Chain, LoadError, Result};

pub(crate) const CHAIN_ID: &str = "tetra-load-1";
pub(crate) const PREFIX: &str = "tetra";
/// Connections through which calls are made.
const CONNECTIONS: usize = 32;
/// Below this share of what was offered, the chain is saturated.
const SATURATED: f64 = 0.9;
/// A node at rest is looked at after this time.
const RESTS: Duration = Duration::from_secs(5);

/// Options of `transfers`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    chain: Chain,
    /// Block validators
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=20))]
    validators: u8,
    /// Senders
    #[arg(long, default_value_t = 640)]
    senders: usize,
    /// Transfers per second, one step each
    #[arg(long, value_delimiter = ',', default_values_t = [500_u64, 1000, 2000, 3000, 4000, 5000, 6000])]
    rates: Vec<u64>,
    /// How long each rate is kept up
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// After the steps, send at the best rate until this many transfers are committed in all
    #[arg(long, default_value_t = 100_000)]
    in_all: usize,
}

/// A chain of validators with these balances, and room for as many transfers in a block as its bytes hold.
pub(crate) fn genesis(interval_ms: u64, validators: u8, balances: Vec<Balance>) -> Result<Genesis> {
    let authority = balances.first().map(|balance| balance.address.clone());
    let mut state = ModuleStates::default();
    state.bank.balances = balances;
    let member = |index| Member { public_key: hex(&validator(index).public_key()), power: 10 };
    state.validators.validators = (0..validators).map(member).collect();
    let genesis = Genesis {
        chain_id: CHAIN_ID.to_owned(),
        genesis_time: 1_700_000_000,
        dev: true,
        classic: false,
        prefix: PREFIX.to_owned(),
        block_interval_ms: interval_ms,
        authority: authority.ok_or_else(|| LoadError::Chain("no accounts".to_owned()))?,
        limits: Limits { max_block_gas: 1_000_000_000, ..Limits::default() },
        state,
    };
    genesis.begin().map_err(LoadError::chain)?;
    Ok(genesis)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn run(args: Args) -> Result<Value> {
    let prefix = Prefix::new(PREFIX).map_err(LoadError::chain)?;
    let (senders, balances) = accounts::senders(args.senders, &prefix)?;
    let genesis = genesis(args.chain.interval_ms, args.validators, balances)?;

    let wanted = args.rates.iter().sum::<u64>() * args.seconds;
    let each = (wanted.max(args.in_all as u64) * 3 / 2).div_ceil(args.senders.max(1) as u64);
    eprintln!("signing {} transfers", each * args.senders as u64);
    let next = |index: usize| senders.get((index + 1) % senders.len());
    let mut queues: VecDeque<VecDeque<Signed>> = VecDeque::new();
    for (index, sender) in senders.iter().enumerate() {
        let Some(to) = next(index) else { continue };
        queues.push_back(sender.transfers(to, CHAIN_ID, each)?.into());
    }

    let network = Network::start(&args.chain.tetra, &genesis, args.validators).await?;
    let urls = network.urls();
    let watch = Watch::start(urls.first().map(String::as_str).unwrap_or_default()).await?;
    tokio::time::sleep(RESTS).await;
    let at_rest = network.usage()?;

    let mut workers = Vec::new();
    for (place, queues) in dealt(queues, CONNECTIONS).into_iter().enumerate() {
        let Some(url) = urls.get(place % urls.len()) else { continue };
        workers.push(Worker::connect(url, queues).await?);
    }
    let (before, staged, began) = (network.usage()?, network.stages().await?, Instant::now());
    let mut done: Vec<Step> = Vec::new();
    for rate in &args.rates {
        let step = steps::run(&mut workers, &watch.seen, *rate, Duration::from_secs(args.seconds)).await?;
        eprintln!(
            "{rate}/s offered: {}/s committed, p50 {} ms, p99 {} ms, {} refused",
            step.committed_per_second, step.latency_p50_ms, step.latency_p99_ms, step.refused
        );
        let saturated = step.committed_per_second < SATURATED * *rate as f64;
        done.push(step);
        if saturated {
            break;
        }
    }
    let (after_steps, stages) = (network.usage()?, network.stages().await?);
    let lasted = began.elapsed().as_secs_f64();
    let share = |(name, seconds): (&String, &f64)| {
        let share = (seconds - staged.get(name).copied().unwrap_or_default()) / lasted;
        (name.clone(), (share * 10_000.0).round() / 10_000.0)
    };
    let stages: BTreeMap<String, f64> = stages.iter().map(share).collect();
    let best = done.iter().map(|step| step.committed_per_second).fold(0.0, f64::max);
    // A little below the best, so that the pool does not grow.
    let steady = (best * 0.8) as u64;
    while watch.seen.count() < args.in_all && steady > 0 {
        let step = steps::run(&mut workers, &watch.seen, steady, Duration::from_secs(5)).await?;
        if step.admitted == 0 {
            break;
        }
    }
    tokio::time::sleep(RESTS).await;
    let after = network.usage()?;
    let blocks = watch.seen.arrivals().len();
    Ok(json!({
        "validators": args.validators,
        "block_interval_ms": args.chain.interval_ms,
        "gas_limit": accounts::GAS,
        "steps": done,
        "best_per_second": best,
        "committed": watch.seen.count(),
        "blocks": blocks,
        "stages": stages,
        "steps_lasted_seconds": lasted.round(),
        "cpu_seconds_during_steps": cpu(&before, &after_steps),
        "resident_bytes": { "at_rest": resident(&at_rest), "after": resident(&after) },
        "disk_bytes": network.disk(),
    }))
}

fn resident(usage: &[Usage]) -> Vec<u64> {
    usage.iter().map(|usage| usage.resident).collect()
}

fn cpu(before: &[Usage], after: &[Usage]) -> Vec<f64> {
    before.iter().zip(after).map(|(before, after)| after.cpu - before.cpu).collect()
}

/// Queues in as many hands.
fn dealt(queues: VecDeque<VecDeque<Signed>>, hands: usize) -> Vec<Vec<VecDeque<Signed>>> {
    let mut dealt: BTreeMap<usize, Vec<VecDeque<Signed>>> = BTreeMap::new();
    for (index, queue) in queues.into_iter().enumerate() {
        dealt.entry(index % hands).or_default().push(queue);
    }
    dealt.into_values().collect()
}
