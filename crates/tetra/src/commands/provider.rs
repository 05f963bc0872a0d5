//! `tetra provider`: one provider agent in a folder of its own.

pub mod attributes;
pub mod cluster;
pub mod render;
pub mod tether;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use client::health::url_of;
use client::keystore::Keystore;
use client::{Auth, Gateway, Health, SigningKey, Trust};
use nix::sys::stat::Mode;
use provider::config::{GpuModel, PriceSource, Usd};
use provider::gateway::IdentityFile;
use provider::{Home, ProviderConfig, ProviderError};
use serde_json::{Value, json};

use super::daemon::{Stop, Tie};
use crate::context::{Context, Global, passphrase};
use crate::error::{Class, Classify, CliError, Result};
use crate::output;

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make an agent's folder: configuration and host key
    Init(Init),
    /// Run the agent of a folder until SIGINT or SIGTERM; containers go on without it
    Start(Start),
    /// What the agent of a folder says of itself: health, leases, inventory, orders
    Status(Folder),
    /// What the provider claims of itself: show, set
    #[command(subcommand)]
    Attributes(attributes::Verb),
    /// Render frames beside leases: enable, disable, status, bench, install
    #[command(subcommand)]
    Render(render::Verb),
    /// Offer devices to clusters beside leases: enable, disable, appeal
    #[command(subcommand)]
    Cluster(cluster::Verb),
    /// Offer the devices of a machine that is reached by SSH alone: its agent runs there, all else goes through this command
    Tether(tether::Args),
    /// Remove what agents left on this machine that never return
    Clean(super::clean::Args),
}

/// An agent's folder.
#[derive(Debug, clap::Args)]
pub struct Folder {
    /// The agent's folder
    dir: PathBuf,
}

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The agent's folder; made if it is not there
    dir: PathBuf,
    /// Name of the key of the provider's account; `tetra wallet list` shows them
    #[arg(long, value_name = "NAME")]
    account: String,
    /// Where the gateway for tenants listens
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "HOST:PORT")]
    gateway_listen: SocketAddr,
    /// Where the status is told over gRPC; clients of Akash look for it on port 8444
    #[arg(long, default_value = "127.0.0.1:8444", value_name = "HOST:PORT")]
    grpc_listen: SocketAddr,
    /// Where the HTTP proxy of workloads listens
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    proxy_listen: SocketAddr,
    /// Where metrics and health are served; they ask for no password
    #[arg(long, default_value = "127.0.0.1:8445", value_name = "HOST:PORT")]
    metrics_listen: SocketAddr,
    /// How tenants reach the gateway [default: https:// and where it listens]
    #[arg(long, value_name = "URL")]
    host_uri: Option<String>,
    /// Workloads answer at names under this one
    #[arg(long, default_value = "localhost", value_name = "HOST")]
    public_host: String,
    /// USD per whole token of a denom, such as utet=0.50; once for each. uusd and uact are 1
    #[arg(long = "token-price", value_name = "DENOM=USD", value_parser = parse_price)]
    token_prices: Vec<(String, Usd)>,
    /// A GPU to sell that is not there, such as nvidia/a100/80Gi; once for each. Toy networks only
    #[arg(long = "simulated-gpu", value_name = "VENDOR/MODEL/RAM")]
    simulated_gpus: Vec<GpuModel>,
    /// Deployments that ask for the attribute feat-tun may make network devices: /dev/net/tun, and all rights over their own network
    #[arg(long)]
    network_devices: bool,
}

/// Arguments of `start`.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// The agent's folder
    dir: PathBuf,
    #[command(flatten)]
    tie: Tie,
}

fn parse_price(text: &str) -> std::result::Result<(String, Usd), String> {
    let (denom, price) = text.split_once('=').ok_or("DENOM=USD is wanted, such as utet=0.50")?;
    let denom = primitives::Denom::new(denom).map_err(|error| error.to_string())?;
    let price = price.parse().map_err(|error: primitives::DecError| error.to_string())?;
    Ok((denom.to_string(), Usd(price)))
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Init(args) => init(context, args),
        Verb::Start(args) => start(context, args).await,
        Verb::Status(folder) => status(context, &folder).await,
        Verb::Attributes(verb) => attributes::run(context, verb).await,
        Verb::Render(verb) => render::run(context, verb).await,
        Verb::Cluster(verb) => cluster::run(context, verb).await,
        Verb::Tether(args) => tether::run(context, args).await,
        Verb::Clean(args) => super::clean::run(context, args).await,
    }
}

fn init(context: &Context, args: Init) -> Result {
    if args.dir.join("provider.json").exists() {
        let what = format!("{} holds an agent already; nothing was changed", args.dir.display());
        return Err(CliError::new(Class::Usage, what)
            .hint("choose another folder, or edit its provider.json and run `tetra provider start DIR`"));
    }
    let keystore = context.keystore();
    keystore.info(&args.account).class(Class::NotFound)?;
    let keys = std::path::absolute(keystore.folder()).class(Class::Usage)?;
    let dir = std::path::absolute(&args.dir).class(Class::Usage)?;
    let node = context.node()?.url().to_owned();
    let instance = dir.display().to_string();
    let prices: BTreeMap<String, Usd> = args.token_prices.into_iter().collect();
    let mut config = ProviderConfig::new(node, args.account, keys, instance, args.gateway_listen, args.proxy_listen);
    config.public_host = args.public_host;
    config.grpc_listen = Some(args.grpc_listen);
    config.metrics_listen = Some(args.metrics_listen);
    config.simulated_gpus = args.simulated_gpus;
    config.network_devices = args.network_devices;
    config.price_source = PriceSource::Config { usd_per_token: prices };
    if let Some(uri) = args.host_uri {
        config.host_uri = uri;
    }
    Home::new(&dir).init(&config).map_err(|error| explain(error.into()))?;
    let data = json!({ "dir": dir, "config": dir.join("provider.json"), "account": config.account });
    output::show(context.format(), &data, |_| {
        format!(
            "{}\nprices and offer stand in provider.json; next: tetra provider start {}",
            dir.display(),
            dir.display()
        )
    })
}

async fn start(context: &Context, args: Start) -> Result {
    args.tie.bind()?;
    // Containers run as users of their own, who must reach what is made for them. What is secret has its mode from the start.
    nix::sys::stat::umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let mut stop = Stop::catch()?;
    let home = Home::new(std::path::absolute(&args.dir).class(Class::Usage)?);
    let config = home.config().map_err(|error| explain(error.into()))?;
    let key = open_key(context, &config).await?;
    let running = provider::start(home, key).await.map_err(explain)?;
    let metrics = running.metrics_address().map(|address| address.to_string());
    tracing::info!(
        gateway = %running.gateway_address(),
        proxy = %running.proxy_address(),
        metrics,
        "the agent runs"
    );
    running.until(stop.asked()).await.map_err(explain)
}

/// The key of the provider's account. One in the clear opens for a toy network only.
async fn open_key(context: &Context, config: &ProviderConfig) -> Result<SigningKey> {
    let store = Keystore::new(&config.keys);
    let info = store.info(&config.account).class(Class::NotFound)?;
    if !info.dev {
        let passphrase = passphrase(&format!("Passphrase of {}: ", config.account))?;
        return store.open(&config.account, Some(passphrase.as_str())).class(Class::Usage);
    }
    let global = Global { node: Some(config.node.clone()), ..context.global.clone() };
    let network = Context { global, home: context.home.clone() }.network().await?;
    if !network.dev {
        let what = format!(
            "the key {} is in the clear, for toy networks only, and {} is none",
            config.account, network.chain_id
        );
        return Err(CliError::new(Class::Usage, what)
            .hint("name an encrypted key in provider.json: `tetra wallet new NAME` makes one"));
    }
    store.open(&config.account, None).class(Class::Usage)
}

/// The class of an agent's failure, with what to do.
fn explain(error: ProviderError) -> CliError {
    match error {
        ProviderError::Chain { doing, source } => {
            let class = CliError::from(source.clone()).class();
            CliError::new(class, format!("{doing}: {source}")).hint("`node` of provider.json names the node to ask")
        }
        ProviderError::Home(_) => {
            CliError::new(Class::Usage, &error).hint("`tetra provider init DIR --account NAME` makes an agent's folder")
        }
        ProviderError::Config(_) => CliError::new(Class::Usage, &error),
        ProviderError::Listen { address, .. } => CliError::new(Class::Machine, &error).hint(format!(
            "`ss -ltnp 'sport = :{}'` shows who listens there: stop it, or change provider.json",
            address.port()
        )),
        ProviderError::Isolation(_) | ProviderError::Workload(_) => CliError::new(Class::Machine, &error),
        _ => CliError::new(Class::Internal, &error),
    }
}

async fn status(context: &Context, folder: &Folder) -> Result {
    let config = Home::new(&folder.dir).config().map_err(|error| explain(error.into()))?;
    let own = IdentityFile::new(&Home::new(&folder.dir).state()).load().class(Class::Machine)?;
    let own = own.ok_or_else(|| {
        CliError::new(Class::Unreachable, format!("the agent of {} never ran", folder.dir.display()))
            .hint(format!("start it: tetra provider start {}", folder.dir.display()))
    })?;
    let trust = Trust::only(own.certificate().clone());
    let gateway = Gateway::new(&config.host_uri, trust, Auth::None).class(Class::Usage)?;
    let mut status = gateway.status().await.map_err(|error| {
        CliError::new(Class::Unreachable, error)
            .hint(format!("does the agent run? `tetra provider start {}`", folder.dir.display()))
    })?;
    let health = match config.metrics_listen {
        Some(listen) => match url_of(&listen.to_string(), "http://localhost") {
            Some(url) => Some(Health::ask(&url).await),
            None => None,
        },
        None => None,
    };
    status["health"] = json!(health);
    output::show(context.format(), &status, |status| {
        let mut rows = Vec::new();
        flatten("", status, &mut rows);
        output::table(&rows)
    })
}

/// A row `path  value` for each value of a document.
fn flatten(path: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| flatten(&join(key), value, rows)),
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(index, value)| flatten(&join(&index.to_string()), value, rows));
        }
        Value::String(text) => rows.push(vec![path.to_owned(), text.clone()]),
        other => rows.push(vec![path.to_owned(), other.to_string()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_of_tokens_have_a_denom_and_an_exact_amount() {
        assert_eq!(parse_price("utet=0.50"), Ok(("utet".to_owned(), Usd("0.5".parse().unwrap()))));
        for wrong in ["utet", "=1", "utet=", "utet=-1", "utet=1e3"] {
            assert!(parse_price(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_document_becomes_rows() {
        let mut rows = Vec::new();
        flatten("", &json!({ "a": { "b": 1 }, "c": ["x"], "d": [] }), &mut rows);
        assert_eq!(rows, [["a.b", "1"], ["c.0", "x"], ["d", "[]"]]);
    }
}
