//! `tetra provider tether`: a machine that is reached by SSH alone offers its devices. Its agent runs there; the chain, the gateway and
//! the packets of overlays go through the one connection that this command holds.
//!
//! ```text
//! tenants ── TLS ──▶ gateway's address here ──┐
//! other nodes ── UDP ──▶ carrier here ────────┤ SSH ──▶ agent, containers
//! the chain's node, other gateways ◀──────────┘
//! ```

mod bundle;
mod remote;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use client::keystore::Keystore;
use provider::cluster::{ClusterConfig, Origin};
use provider::{Home, ProviderConfig};
use tokio::net::TcpListener;

use super::explain;
use crate::commands::daemon::{Stop, this_program};
use crate::context::{Context, passphrase};
use crate::error::{Class, Classify, CliError, Result};
use crate::output::Talk;
use remote::{Forwards, Remote};

/// Between two attempts to reach a machine that was reached before.
const AGAIN: Duration = Duration::from_secs(5);

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent's folder, as `tetra provider init` and `tetra provider cluster enable` made it; its gateway listens here, for that
    /// machine
    dir: PathBuf,
    /// The machine, as `ssh` knows it: HOST, USER@HOST or a name of ~/.ssh/config; root there
    host: String,
    /// Options for `ssh`, such as --ssh "-p 2222 -i KEY"
    #[arg(long = "ssh", value_name = "OPTIONS", allow_hyphen_values = true)]
    options: Vec<String>,
    /// Images to load there before the agent starts; once for each
    #[arg(long = "image", value_name = "FILE")]
    images: Vec<PathBuf>,
    /// Folder of everything on that machine, below the home folder where it is no absolute path
    #[arg(long, default_value = ".tetra-tether", value_name = "DIR")]
    remote_dir: String,
    /// The first of four ports of its loopback that are used
    #[arg(long, default_value_t = 26_700, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_000))]
    remote_port: u16,
}

/// Runs it until SIGINT or SIGTERM; containers there go on without it.
///
/// # Errors
/// When the machine is not reached the first time, or lacks something.
pub async fn run(_: &Context, args: Args) -> Result {
    let mut stop = Stop::catch()?;
    let home = Home::new(std::path::absolute(&args.dir).class(Class::Usage)?);
    let config = home.config().map_err(|error| explain(error.into()))?;
    let cluster = config.cluster.clone().filter(|cluster| cluster.enabled).ok_or_else(|| {
        CliError::new(Class::Usage, format!("{} offers no devices to clusters", args.dir.display()))
            .hint(format!("say which: tetra provider cluster enable {}", args.dir.display()))
    })?;
    let secret = secret(&config)?;
    let carrier = TcpListener::bind(("127.0.0.1", 0)).await.class(Class::Machine)?;
    let forwards = forwards(&config, &carrier, args.remote_port)?;
    let remote = Remote::new(&args.host, &args.options, &args.remote_dir)?;
    let there = there(&config, &cluster, &forwards, &args.remote_dir);

    let talk = Talk::start();
    talk.step(&format!("looking at {}", args.host));
    remote.check().await?;
    talk.step("the program");
    remote.upload(&this_program()?, "tetra").await?;
    talk.step("configuration and keys");
    let files = bundle::of(&home, &there, &Keystore::new(&config.keys))?;
    remote.unpack(&files).await?;
    for image in &args.images {
        talk.step(&format!("image {}", image.display()));
        remote.load(image).await?;
    }
    drop(talk);

    let (listen, _) = cluster.listen(config.gateway_listen);
    let carried = tokio::spawn(mesh::wire::carry(carrier, listen));
    let ended = hold(&remote, &forwards, secret.as_deref(), &mut stop).await;
    carried.abort();
    ended
}

/// Runs the agent there, again and again, until this command is told to stop.
async fn hold(remote: &Remote, forwards: &Forwards, secret: Option<&str>, stop: &mut Stop) -> Result {
    loop {
        let (mut session, input) = remote.start(forwards, secret).await?;
        tracing::info!(host = remote.host(), gateway = %forwards.gateway.0, "the tether holds");
        let ended = tokio::select! {
            ended = session.wait() => ended.class(Class::Machine)?,
            () = stop.asked() => {
                // Its agent ends with its input.
                drop(input);
                let _ = tokio::time::timeout(Duration::from_secs(20), session.wait()).await;
                return Ok(());
            }
        };
        tracing::warn!(host = remote.host(), status = %ended, "the tether broke; its containers go on, and it is tied again");
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.asked() => return Ok(()),
        }
    }
}

/// The passphrase of the account's key, where it has one.
fn secret(config: &ProviderConfig) -> Result<Option<String>> {
    let info = Keystore::new(&config.keys).info(&config.account).class(Class::NotFound)?;
    if info.dev {
        return Ok(None);
    }
    Ok(Some(passphrase(&format!("Passphrase of {}: ", config.account))?.as_str().to_owned()))
}

/// Which ports lead where.
fn forwards(config: &ProviderConfig, carrier: &TcpListener, base: u16) -> Result<Forwards> {
    let node = config.node.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let node = node.filter(|node| node.contains(':')).ok_or_else(|| {
        CliError::new(
            Class::Usage,
            format!("the tether leads to a node at http://HOST:PORT alone, not {}", config.node),
        )
        .hint("change `node` in provider.json")
    })?;
    let carrier: SocketAddr = carrier.local_addr().class(Class::Machine)?;
    Ok(Forwards {
        node: (base, node.to_owned()),
        carrier: (base + 1, carrier),
        gateway: (config.gateway_listen, base + 2),
        proxy: base + 3,
    })
}

/// The configuration of the agent there.
fn there(config: &ProviderConfig, cluster: &ClusterConfig, forwards: &Forwards, dir: &str) -> ProviderConfig {
    let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let mut there = config.clone();
    there.node = format!("http://127.0.0.1:{}", forwards.node.0);
    there.gateway_listen = local(forwards.gateway.1);
    there.keys = PathBuf::from("keys");
    there.instance = format!("tether/{dir}/{}", config.host_uri);
    // What it serves beside the gateway stays on that machine, at ports that the system chooses: a lease could not be reached there,
    // so that it bids for none.
    there.grpc_listen = None;
    there.metrics_listen = None;
    there.proxy_listen = local(0);
    there.bid.enabled = false;
    let address = cluster.address.or(Some(config.gateway_listen.ip()));
    let (via, proxy) = (Some(local(forwards.carrier.0)), Some(local(forwards.proxy)));
    there.cluster = Some(ClusterConfig { origin: Origin::Ssh, via, proxy, address, ..cluster.clone() });
    there
}
