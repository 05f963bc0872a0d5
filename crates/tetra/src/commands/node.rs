//! `tetra node`: one chain node in a folder of its own.

use std::path::PathBuf;
use std::time::Duration;

use client::Node;
use engine::{NodeKey, ValidatorKey};
use indicatif::{ProgressBar, ProgressStyle};
use node::verify::VerifyError;
use node::{ChainError, Home, NodeConfig, NodeError};
use serde_json::json;

use super::daemon::{Stop, Tie};
use crate::context::Context;
use crate::error::{Class, Classify, CliError, Result};
use crate::output;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make a node's folder: keys, configuration, genesis
    Init(Box<Init>),
    /// Run the node of a folder until SIGINT or SIGTERM
    Start(Start),
    /// Replay a stopped node's chain from genesis and compare every hash; lifts a halt if all is well
    Verify(Folder),
    /// The key that votes, as a genesis document names it
    ShowValidator(Folder),
    /// What a wallet such as Keplr must know of the chain, as JSON for its experimentalSuggestChain
    ChainInfo(ChainInfo),
}

/// A node's folder.
#[derive(Debug, clap::Args)]
pub struct Folder {
    /// The node's folder
    dir: PathBuf,
}

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The node's folder; made if it is not there
    dir: PathBuf,
    /// The genesis document of the chain
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,
    /// The node's name, as peers see it
    #[arg(long, default_value = "node")]
    moniker: String,
    /// Where the JSON-RPC listens
    #[arg(long, default_value = "127.0.0.1:26657", value_name = "HOST:PORT")]
    rpc_listen: String,
    /// Where gRPC and gRPC-web listen [default: nowhere]
    #[arg(long, value_name = "HOST:PORT")]
    grpc_listen: Option<String>,
    /// Where REST listens [default: nowhere]
    #[arg(long, value_name = "HOST:PORT")]
    rest_listen: Option<String>,
    /// Where metrics and health are served; they ask for no password. "off" serves them nowhere
    #[arg(long, default_value = "127.0.0.1:26660", value_name = "HOST:PORT")]
    metrics_listen: String,
    /// Where consensus listens
    #[arg(long, default_value = "/ip4/0.0.0.0/tcp/26656", value_name = "MULTIADDR")]
    consensus_listen: String,
    /// A peer of consensus; once for each
    #[arg(long = "consensus-peer", value_name = "MULTIADDR")]
    consensus_peers: Vec<String>,
    /// Where the gossip of transactions listens
    #[arg(long, default_value = "/ip4/0.0.0.0/tcp/26670", value_name = "MULTIADDR")]
    gossip_listen: String,
    /// A peer of the gossip of transactions; once for each
    #[arg(long = "gossip-peer", value_name = "MULTIADDR")]
    gossip_peers: Vec<String>,
}

/// Arguments of `start`.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// The node's folder
    dir: PathBuf,
    #[command(flatten)]
    tie: Tie,
}

/// Arguments of `chain-info`.
#[derive(Debug, clap::Args)]
pub struct ChainInfo {
    /// URL of the RPC that the wallet shall use [default: the node's that is asked]
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// URL of the REST that the wallet shall use [default: where that node serves it]
    #[arg(long, value_name = "URL")]
    rest: Option<String>,
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Init(args) => init(context, *args),
        Verb::Start(args) => start(args).await,
        Verb::Verify(folder) => verify(context, folder.dir).await,
        Verb::ShowValidator(folder) => show_validator(context, &folder.dir),
        Verb::ChainInfo(args) => chain_info(context, args).await,
    }
}

fn init(context: &Context, args: Init) -> Result {
    let text = std::fs::read_to_string(&args.genesis);
    let text = text.map_err(|error| CliError::new(Class::Usage, format!("{}: {error}", args.genesis.display())))?;
    let genesis = app::Genesis::parse(&text).class(Class::Usage)?;
    genesis.begin().class(Class::Usage)?;
    let home = Home::new(&args.dir);
    if args.dir.join("validator_key.json").exists() {
        let what = format!("{} holds a node already; nothing was changed", args.dir.display());
        return Err(
            CliError::new(Class::Usage, what).hint("choose another folder, or start it: `tetra node start DIR`")
        );
    }
    let config = NodeConfig {
        moniker: args.moniker,
        consensus_listen: args.consensus_listen,
        consensus_peers: args.consensus_peers,
        gossip_listen: args.gossip_listen,
        gossip_peers: args.gossip_peers,
        rpc_listen: args.rpc_listen,
        grpc_listen: args.grpc_listen,
        rest_listen: args.rest_listen,
        metrics_listen: Some(args.metrics_listen).filter(|address| address != "off"),
        ..NodeConfig::local("", 0, 0, 0)
    };
    let (validator, node) = (ValidatorKey::generate(), NodeKey::generate());
    home.init(&genesis, &config, &validator, &node).map_err(|error| explain(NodeError::from(error)))?;
    show_identity(context, &home, &validator, &node)
}

fn show_validator(context: &Context, dir: &std::path::Path) -> Result {
    let home = Home::new(dir);
    let not_found = |error: node::home::HomeError| {
        CliError::new(Class::NotFound, error).hint("`tetra node init DIR --genesis FILE` makes a node's folder")
    };
    let (validator, node) = (home.validator_key().map_err(not_found)?, home.node_key().map_err(not_found)?);
    show_identity(context, &home, &validator, &node)
}

fn show_identity(context: &Context, home: &Home, validator: &ValidatorKey, node: &NodeKey) -> Result {
    let data = json!({
        "dir": home.path(),
        "public_key": hex::encode(validator.public_key()),
        "address": validator.address().to_string(),
        "peer_id": node.peer_id(),
        "genesis_entry": { "public_key": hex::encode(validator.public_key()), "power": 1 },
    });
    output::show(context.format(), &data, |data| {
        let row = |name: &str, key: &str| {
            let value = &data[key];
            vec![name.to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]
        };
        output::table(&[
            row("folder", "dir"),
            row("public key", "public_key"),
            row("address", "address"),
            row("peer id", "peer_id"),
            row("for genesis", "genesis_entry"),
        ])
    })
}

async fn chain_info(context: &Context, args: ChainInfo) -> Result {
    let node = context.node()?;
    let rest = match args.rest {
        Some(rest) => rest,
        None => {
            let listen = node.status().await?.rest_listen.ok_or_else(|| {
                CliError::new(Class::Usage, format!("the node at {} serves no REST, which wallets need", node.url()))
                    .hint("set rest_listen in its node.json and start it again, or name another node's: --rest URL")
            })?;
            node.sibling(&listen)
        }
    };
    let rpc = args.rpc.unwrap_or_else(|| node.url().to_owned());
    let info = client::chain_info(&node, &rpc, &rest).await.map_err(|error| match error {
        client::ChainInfoError::Node(error) => error.into(),
        other => CliError::new(Class::Usage, other),
    })?;
    // A document for programs in either format.
    output::show(output::Format::Json, &info, ToString::to_string)
}

async fn start(args: Start) -> Result {
    args.tie.bind()?;
    let mut stop = Stop::catch()?;
    let running = node::start(Home::new(&args.dir)).await.map_err(explain)?;
    let shown = |address: Option<std::net::SocketAddr>| address.map_or("off".to_owned(), |one| one.to_string());
    let (grpc, rest) = (shown(running.grpc_address()), shown(running.rest_address()));
    let metrics = shown(running.metrics_address());
    tracing::info!(rpc = %running.rpc_address(), grpc, rest, metrics, path = %args.dir.display(), "the node runs");
    running.until(stop.asked()).await.map_err(explain)
}

/// The class of a node's failure, with what to do.
fn explain(error: NodeError) -> CliError {
    match &error {
        NodeError::Listen { field, address, .. } => {
            let port = address.rsplit(':').next().unwrap_or(address);
            CliError::new(Class::Machine, &error).hint(format!(
                "`ss -ltnp 'sport = :{port}'` shows who listens there: stop it, or give {field} of node.json another port"
            ))
        }
        NodeError::Home(_) => {
            CliError::new(Class::Usage, &error).hint("`tetra node init DIR --genesis FILE` makes a node's folder")
        }
        NodeError::Address { .. } => CliError::new(Class::Usage, &error),
        full if full.is_full_disk() => CliError::new(Class::Machine, &error)
            .hint("`tetra node start DIR` goes on where it stopped; what was decided meanwhile comes from the peers"),
        NodeError::Chain(ChainError::Disk(disk)) => disk_failure(disk),
        NodeError::Chain(ChainError::Halted { .. } | ChainError::OtherChain { .. }) => {
            CliError::new(Class::Usage, &error)
        }
        NodeError::Mempool(_) | NodeError::Engine(engine::EngineError::Start(_)) => {
            CliError::new(Class::Machine, &error).hint(
                "if an address is taken: `ss -ltnp` shows who listens; consensus_listen and gossip_listen of node.json \
                 name other ports",
            )
        }
        _ => CliError::new(Class::Internal, &error),
    }
}

fn disk_failure(error: &impl std::fmt::Display) -> CliError {
    CliError::new(Class::Machine, error).hint("if the node of this folder runs already, stop it first")
}

async fn verify(context: &Context, dir: PathBuf) -> Result {
    let bar = match output::watched() {
        true => ProgressBar::new(0),
        false => ProgressBar::hidden(),
    };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} blocks, {eta} left").class(Class::Internal)?;
    bar.set_style(style);
    let watched = bar.clone();
    let home = Home::new(&dir);
    let replayed = tokio::task::spawn_blocking(move || {
        node::verify::verify(&home, |height, tip| {
            watched.set_length(tip);
            watched.set_position(height);
        })
    });
    let report = replayed.await.class(Class::Internal)?.map_err(|error| match &error {
        VerifyError::Chain(ChainError::Home(_)) => CliError::new(Class::NotFound, &error),
        VerifyError::Chain(ChainError::Disk(disk)) => disk_failure(disk),
        _ => CliError::new(Class::Internal, &error)
            .hint("the stored chain is not to be trusted: restore it from another node"),
    })?;
    bar.finish_and_clear();
    let data = json!({
        "blocks": report.blocks,
        "transactions": report.txs,
        "app_hash": report.app_hash,
        "halt_lifted": report.lifted,
    });
    output::show(context.format(), &data, |_| {
        let lifted = if report.lifted { "; the halt is lifted" } else { "" };
        format!(
            "{} blocks with {} transactions replayed, every hash agrees; state {}{lifted}",
            report.blocks, report.txs, report.app_hash
        )
    })
}

/// Whether a node answers within a short time; for waiting, where a node that hangs is one that does not answer yet.
pub async fn height_of(node: &Node) -> Option<u64> {
    let status = tokio::time::timeout(Duration::from_secs(2), node.status()).await;
    status.ok()?.ok().map(|status| status.height)
}
