//! A chain that carries many open leases, and the interval between its blocks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::genesis::ModuleStates;
use app::{BlockInput, Effects, Genesis, Verdicts};
use client::SigningKey;
use client::tx::Draft;
use ledger::bank::genesis::Balance;
use primitives::{Coins, Prefix};
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::deployment::v1::DeploymentId;
use proto::akash::deployment::v1beta4::MsgCreateDeployment;
use proto::akash::market::v1::BidId;
use proto::akash::market::v1beta5::{MsgCreateBid, MsgCreateLease};
use proto::akash::provider::v1beta4::MsgCreateProvider;
use proto::cosmos::base::v1beta1::{Coin, DecCoin};
use proto::{Any, Timestamp, ToAny};
use sdl::Sdl;
use serde_json::{Value, json};
use store::{Config, Memory, Reader, StateStore};

use crate::blocks::{Intervals, Watch};
use crate::network::Network;
use crate::transfers::genesis;
use crate::{Chain, LoadError, Result};

const PREFIX: &str = "tetra";
/// What each deployment asks for.
const FILE: &str = include_str!("../../../examples/hello-web/deploy.yaml");
/// Messages of one transaction.
const BATCH: u64 = 100;
/// Gas of such a transaction; blocks of this chain in memory have room for one.
const GAS: u64 = 100_000_000;
const DEPOSIT: &str = "500000";

/// Options of `leases`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    chain: Chain,
    /// Open leases
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// How long blocks are watched
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

pub(crate) async fn run(args: Args) -> Result<Value> {
    let begin = Instant::now();
    let genesis = with_leases(args.chain.interval_ms, args.count)?;
    eprintln!("{} leases in genesis after {} s", args.count, begin.elapsed().as_secs());
    let started = Instant::now();
    let network = Network::start(&args.chain.tetra, &genesis, 1).await?;
    let starts = started.elapsed();
    let urls = network.urls();
    let watch = Watch::start(urls.first().map(String::as_str).unwrap_or_default()).await?;
    let before = network.usage()?;
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let after = network.usage()?;
    let arrivals = watch.seen.arrivals();
    let between = Intervals::of(&arrivals);
    let cpu = before.iter().zip(&after).map(|(before, after)| after.cpu - before.cpu).sum::<f64>();
    Ok(json!({
        "leases": args.count,
        "block_interval_ms": args.chain.interval_ms,
        "blocks": arrivals.len(),
        "interval_mean_ms": between.mean_ms,
        "interval_p50_ms": between.p50_ms,
        "interval_p99_ms": between.p99_ms,
        "cpu_percent": (cpu / args.seconds as f64 * 1000.0).round() / 10.0,
        "resident_bytes": after.iter().map(|usage| usage.resident).sum::<u64>(),
        "starts_in_ms": starts.as_millis() as u64,
    }))
}

/// A chain in memory, on which tenant and provider make the leases as they do on a real one.
struct Story {
    chain_id: String,
    app: app::App,
    store: StateStore,
    height: u64,
}

/// A genesis with open leases: made by executing their messages, then exported.
fn with_leases(interval_ms: u64, count: u64) -> Result<Genesis> {
    let prefix = Prefix::new(PREFIX).map_err(LoadError::chain)?;
    let [tenant, provider] = [[1; 32], [2; 32]].map(SigningKey::from_bytes);
    let (tenant, provider) = (tenant.map_err(LoadError::chain)?, provider.map_err(LoadError::chain)?);
    let text = |key: &SigningKey| prefix.text(&key.address());
    let mut funded = [&tenant, &provider];
    funded.sort_by_key(|key| *key.address().as_bytes());
    let rich = "1000000000000000utet,1000000000000000uusd";
    let balances = funded.map(|key| Balance { address: text(key), coins: rich.to_owned() }).to_vec();
    let mut genesis = genesis(interval_ms, 1, balances)?;
    let mut story = Story::begin(&genesis)?;

    let owner = text(&provider);
    let host_uri = "https://provider.example:8443".to_owned();
    let register = MsgCreateProvider { owner: owner.clone(), host_uri, attributes: attributes(), info: None };
    story.run(&provider, vec![register.to_any()])?;
    let file = Sdl::parse(FILE).map_err(LoadError::chain)?;
    let names: Vec<u64> = (1..=count).collect();
    for names in names.chunks(BATCH as usize) {
        let bid = |dseq: &u64| bid_id(&text(&tenant), *dseq, &owner);
        let creates = names.iter().map(|dseq| create(&file, &text(&tenant), *dseq)).collect();
        story.run(&tenant, creates)?;
        story.run(&provider, names.iter().map(|dseq| offer(bid(dseq))).collect())?;
        let takes = names.iter().map(|dseq| MsgCreateLease { bid_id: Some(bid(dseq)) }.to_any());
        story.run(&tenant, takes.collect())?;
    }
    genesis.state = story.export()?;
    Ok(genesis)
}

impl Story {
    fn begin(genesis: &Genesis) -> Result<Self> {
        let beginning = genesis.begin().map_err(LoadError::chain)?;
        let memory = Arc::new(Memory::new());
        let store = StateStore::open(memory, &app::MODULES, Config { history: Some(1), proofs: 1 })
            .map_err(LoadError::chain)?;
        store.commit(0, &beginning.writes).map_err(LoadError::chain)?;
        Ok(Self { chain_id: genesis.chain_id.clone(), app: beginning.app, store, height: 0 })
    }

    fn reader(&self) -> Result<Arc<dyn Reader>> {
        self.store.latest().map_err(LoadError::chain)
    }

    /// A block of one transaction, which must succeed.
    fn run(&mut self, key: &SigningKey, messages: Vec<Any>) -> Result<()> {
        self.height += 1;
        // No reader is left when the block is committed: storage in memory copies itself under a reader.
        let effects = self.executed(key, messages)?;
        if let Some(failed) = effects.results.iter().find(|result| result.code != 0) {
            return Err(LoadError::Chain(failed.log.clone()));
        }
        self.store.commit(self.height, &effects.writes).map_err(LoadError::chain).map(drop)
    }

    fn executed(&self, key: &SigningKey, messages: Vec<Any>) -> Result<Effects> {
        let reader = self.reader()?;
        let context = self.app.reading(&reader).map_err(LoadError::chain)?;
        let account = ledger::accounts::get(&context, &key.address()).map_err(LoadError::chain)?;
        let account = account.ok_or_else(|| LoadError::Chain("an account is missing".to_owned()))?;
        let fee: Coins = "2500000utet".parse().map_err(LoadError::chain)?;
        let draft = Draft { messages, fee, gas_limit: GAS, ..Draft::default() };
        let tx = draft.sign(key, &self.chain_id, account.number, account.sequence);
        // So close together that what the leases cost is nothing beside their deposits.
        let time = Timestamp { seconds: 1_700_000_000, nanos: i32::try_from(self.height).unwrap_or(i32::MAX) };
        let verdicts = Verdicts::default();
        let block = BlockInput { height: self.height, time, hash: [7; 32], txs: vec![tx], verdicts };
        self.app.execute(&reader, &block).map_err(LoadError::chain)
    }

    /// The state, its heights moved to before the first block of the chain that begins with it.
    fn export(&self) -> Result<ModuleStates> {
        ModuleStates::export(&self.app, &self.reader()?).map_err(LoadError::chain)
    }
}

fn attributes() -> Vec<proto::akash::base::attributes::v1::Attribute> {
    let pairs = [("region", "local"), ("capabilities/storage/1/class", "ephemeral")];
    let attribute = |(key, value): (&str, &str)| proto::akash::base::attributes::v1::Attribute {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    pairs.into_iter().map(attribute).collect()
}

fn deposit() -> Option<Deposit> {
    let amount = Coin { denom: "uusd".to_owned(), amount: DEPOSIT.to_owned() };
    Some(Deposit { amount: Some(amount), sources: vec![Source::Balance.into()] })
}

fn create(file: &Sdl, owner: &str, dseq: u64) -> Any {
    let create = MsgCreateDeployment {
        id: Some(DeploymentId { owner: owner.to_owned(), dseq }),
        groups: file.group_messages(),
        hash: file.manifest().hash().to_vec(),
        deposit: deposit(),
        reclamation: None,
    };
    create.to_any()
}

fn bid_id(owner: &str, dseq: u64, provider: &str) -> BidId {
    BidId { owner: owner.to_owned(), dseq, gseq: 1, oseq: 1, provider: provider.to_owned(), bseq: 0 }
}

fn offer(id: BidId) -> Any {
    let price = DecCoin { denom: "uusd".to_owned(), amount: "1000000000000".to_owned() };
    let bid = MsgCreateBid {
        id: Some(id),
        price: Some(price),
        deposit: deposit(),
        resources_offer: Vec::new(),
        reclamation_window: None,
    };
    bid.to_any()
}
