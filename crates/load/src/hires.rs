//! Decisions of reservation: quotes and hires in a market with many devices, by the chain's own code without a chain around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::hire::messages::{create_cluster, request_quote, stop_cluster};
use cluster::supply::state;
use cluster::{ClusterId, OfferId, params};
use ledger::bank::genesis::Balance;
use ledger::capacity::state::{HOSTS, HOSTS_BY_OWNER, StoredHost};
use ledger::{BlockInfo, Chain, Context, bank};
use primitives::{Address, Prefix};
use proto::Timestamp;
use proto::akash::base::deposit::v1::{Deposit, Source as DepositSource};
use proto::cosmos::base::v1beta1::Coin;
use proto::tetra::capacity::v1::Resources;
use proto::tetra::cluster::v1::{
    Ask, ClusterKind, MsgCreateCluster, MsgRequestQuote, MsgStopCluster, Offer, OfferTerms, Source, SupplierKind,
};
use serde_json::json;
use store::{Empty, State};

use crate::{LoadError, Result};

/// Header time of the only block.
const NOW_MS: u64 = 1_767_225_600_000;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Devices on offer, one of each supplier
    #[arg(long)]
    devices: u32,
    /// Nodes of each cluster
    #[arg(long, default_value_t = 8)]
    nodes: u32,
    /// Clusters that are quoted and hired
    #[arg(long, default_value_t = 500)]
    hires: u32,
}

fn failed(error: impl std::fmt::Display) -> LoadError {
    LoadError::Chain(error.to_string())
}

fn address(number: u32) -> Address {
    let mut bytes = [1; 20];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Address::new(bytes)
}

fn market(devices: u32) -> Result<Context> {
    let prefix = Prefix::new("tetra").map_err(failed)?;
    let chain = Chain {
        id: "load".to_owned(),
        prefix,
        block_interval_ms: 1_000,
        authority: address(u32::MAX),
        classic: false,
        dev: false,
    };
    let seconds = i64::try_from(NOW_MS / 1_000).map_err(failed)?;
    let block = BlockInfo { height: 1, time: Timestamp { seconds, nanos: 0 }, seed: [7; 32] };
    let mut ctx = Context::new(State::new(Arc::new(Empty)), block, Arc::new(chain));
    let coins = "1000000000000000uusd".to_owned();
    let balances = vec![Balance { address: ctx.text(&address(0)), coins }];
    bank::genesis::import(&mut ctx, &bank::Genesis { balances, ..bank::Genesis::default() }).map_err(failed)?;
    for number in 1..=devices {
        let mut host = [2; 32];
        host[..4].copy_from_slice(&number.to_be_bytes());
        let id = OfferId { owner: address(number), host };
        let each = Resources { cpu_milli: 1_000, memory: 1 << 30, storage: 1 << 30, devices: Vec::new() };
        let stored = StoredHost {
            owner: id.owner.as_bytes().to_vec(),
            cpu_milli: 4_000,
            memory: 8 << 30,
            storage: 64 << 30,
            cpu_overcommit_percent: 100,
            taken: Some(Resources::default()),
            wanted: Some(Resources::default()),
            ..StoredHost::default()
        };
        HOSTS.set(&mut ctx.state, &host, &stored);
        HOSTS_BY_OWNER.set(&mut ctx.state, &(id.owner, host), &());
        let terms = OfferTerms {
            class: "cpu".to_owned(),
            devices: 1,
            each: Some(each),
            region: "load".to_owned(),
            kind: SupplierKind::Private.into(),
            // In no order that the index could profit by.
            floor: 20_000 + u64::from(number.wrapping_mul(2_654_435_761) % 10_000),
            lease: None,
            ..OfferTerms::default()
        };
        let offer = Offer {
            id: Some(id.to_wire(&ctx.chain.prefix)),
            terms: Some(terms),
            source: Source::Provider.into(),
            since_ms: NOW_MS,
            beat_ms: NOW_MS,
            committed_round: 1,
            proved_round: 1,
            tried_round: 1,
            fresh_until_ms: NOW_MS + 3_600_000,
            ..Offer::default()
        };
        state::put(&mut ctx, &id, offer).map_err(failed)?;
    }
    Ok(ctx)
}

/// Runs it.
///
/// # Errors
/// When the market refuses.
pub(crate) fn run(args: &Args) -> Result<serde_json::Value> {
    let mut ctx = market(args.devices)?;
    let denom = params::default(1_000).denom;
    let ask = Ask {
        kind: ClusterKind::Shell.into(),
        class: "cpu".to_owned(),
        nodes: args.nodes,
        duration_ms: 3_600_000,
        ..Ask::default()
    };
    let (mut quoted, mut hired) = (Duration::ZERO, Duration::ZERO);
    let mut touched = 0;
    for cseq in 1..=u64::from(args.hires) {
        let id = Some(ClusterId { tenant: address(0), cseq }.to_wire(&ctx.chain.prefix));
        let msg = MsgRequestQuote { id: id.clone(), ask: Some(ask.clone()) };
        let before = ctx.state.work();
        let began = Instant::now();
        let quote = ctx.attempt(|ctx| request_quote(ctx, msg)).map_err(failed)?.quote.unwrap_or_default();
        quoted += began.elapsed();
        let coin = Coin { denom: denom.clone(), amount: quote.total.to_string() };
        let deposit = Deposit { amount: Some(coin), sources: vec![DepositSource::Balance.into()] };
        let msg = MsgCreateCluster { id: id.clone(), manifest: vec![1; 32], deposit: Some(deposit) };
        let began = Instant::now();
        ctx.attempt(|ctx| create_cluster(ctx, msg)).map_err(failed)?;
        hired += began.elapsed();
        let after = ctx.state.work();
        touched += after.reads + after.writes - before.reads - before.writes;
        // So that every decision has as many devices before it.
        ctx.attempt(|ctx| stop_cluster(ctx, MsgStopCluster { id })).map_err(failed)?;
        ctx.events.clear();
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(args.hires.max(1));
    Ok(json!({
        "devices": args.devices, "nodes": args.nodes, "quote_us": each(quoted), "hire_us": each(hired),
        "keys": touched / u64::from(args.hires.max(1)),
    }))
}
