//! `tetra provider cluster`: offers devices to clusters beside leases, or no longer.

mod appeal;
mod lease;

use std::net::IpAddr;
use std::path::PathBuf;

use provider::Home;
use provider::cluster::{self, ClusterConfig, Origin, Supply};
use serde_json::json;

use super::explain;
use super::render::parse_cores;
use crate::commands::cluster::names::Supplier;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::{self, row};

/// Verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Offer devices of this machine; an agent that runs follows within seconds, and proves them in the next round
    Enable(Box<Enable>),
    /// Offer them no more; what is hired stays hired
    Disable {
        /// The agent's folder
        dir: PathBuf,
        /// For good: the offer is taken back with its collateral, once nothing of it is hired
        #[arg(long)]
        withdraw: bool,
    },
    /// Ask others to look once more at the proof for which the offer is blocked; once, and for a deposit
    Appeal(appeal::Args),
}

/// Arguments of `enable`. What is not named stays as it was.
#[derive(Debug, clap::Args)]
pub struct Enable {
    /// The agent's folder
    dir: PathBuf,
    /// How many devices
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    devices: Option<u32>,
    /// Their class; `tetra cluster offers` shows those that there are
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Cores that come with each, such as 1.5
    #[arg(long, value_name = "CORES", value_parser = parse_cores)]
    cpu: Option<u64>,
    /// Memory that comes with each, in GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=4096))]
    memory: Option<u64>,
    /// Disk that comes with each, in GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..=65536))]
    storage: Option<u64>,
    /// Where the machine is
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Whose it is
    #[arg(long, value_enum)]
    kind: Option<Supplier>,
    /// What you say of its security, such as encrypted-disk; once for each
    #[arg(long = "flag", value_name = "FLAG")]
    flags: Vec<String>,
    /// The least that a device is hired for, in base units per hour [default: the price of its class]
    #[arg(long, value_name = "AMOUNT")]
    floor: Option<u64>,
    /// Where other nodes send packets of the overlay [default: where the gateway listens]
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// First and last UDP port of overlays, such as 40000-40100 [default: any]
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_ports)]
    ports: Option<[u16; 2]>,
    /// By which way the devices come into the pool
    #[arg(long, value_enum)]
    source: Option<Way>,
    #[command(flatten)]
    lease: lease::Args,
}

/// Ways into the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// This machine
    Provider,
    /// The window of its render node while that renders nothing: cheaper, and interruptible
    RenderIdle,
    /// Leases on another network of Akash's API, at what they cost there and your margin; this machine runs nothing itself
    Lease,
}

fn parse_ports(text: &str) -> std::result::Result<[u16; 2], String> {
    let ports = text.split_once('-').and_then(|(first, last)| Some([first.parse().ok()?, last.parse().ok()?]));
    let ports = ports.filter(|[first, last]: &[u16; 2]| *first > 0 && first <= last);
    ports.ok_or_else(|| "two ports are wanted, such as 40000-40100".to_owned())
}

/// Runs one.
///
/// # Errors
/// Why it failed.
pub async fn run(context: &Context, verb: Verb) -> Result {
    match verb {
        Verb::Enable(args) => enable(context, &args),
        Verb::Appeal(args) => appeal::run(context, args).await,
        Verb::Disable { dir, withdraw } => {
            cluster::disable(&Home::new(&dir), withdraw).map_err(|error| explain(error.into()))?;
            output::show(context.format(), &json!({ "dir": dir, "enabled": false, "withdraw": withdraw }), |_| {
                let rest = if withdraw { "; the offer is taken back while the agent runs" } else { "" };
                format!("it offers no devices to clusters; what is hired stays hired{rest}")
            })
        }
    }
}

/// What was configured, with what is named anew.
///
/// # Errors
/// When something is missing that has no default.
fn changed(old: ClusterConfig, args: &Enable) -> Result<ClusterConfig> {
    let gib = |gib: u64| gib << 30;
    let kind = args.kind.map(|kind| match kind {
        Supplier::Private => Supply::Private,
        Supplier::DataCentre => Supply::DataCentre,
        Supplier::Miner => Supply::Miner,
        Supplier::StorageNetwork => Supply::StorageNetwork,
    });
    let origin = args.source.map_or(old.origin, |way| match way {
        Way::Provider => Origin::Provider,
        Way::RenderIdle => Origin::RenderIdle,
        Way::Lease => Origin::Lease,
    });
    let class = args.class.clone().unwrap_or(old.class);
    if origin == Origin::Lease && class != cluster::CLASS {
        let what = format!("devices of class {class} cannot be leased elsewhere yet");
        return Err(CliError::new(Class::Usage, what).hint(format!("--class {}", cluster::CLASS)));
    }
    let lease = match origin {
        Origin::Lease => Some(lease::changed(old.lease, &args.lease)?),
        _ => old.lease,
    };
    Ok(ClusterConfig {
        enabled: true,
        withdraw: false,
        class,
        devices: args.devices.unwrap_or(old.devices),
        cpu_milli: args.cpu.unwrap_or(old.cpu_milli),
        memory: args.memory.map_or(old.memory, gib),
        storage: args.storage.map_or(old.storage, gib),
        region: args.region.clone().unwrap_or(old.region),
        kind: kind.unwrap_or(old.kind),
        flags: if args.flags.is_empty() { old.flags } else { args.flags.clone() },
        floor: args.floor.unwrap_or(old.floor),
        address: args.address.or(old.address),
        ports: args.ports.or(old.ports),
        origin,
        lease,
        via: old.via,
        proxy: old.proxy,
    })
}

fn enable(context: &Context, args: &Enable) -> Result {
    let home = Home::new(&args.dir);
    let old = home.config().map_err(|error| explain(error.into()))?.cluster.unwrap_or_default();
    let config = cluster::enable(&home, changed(old, args)?).map_err(|error| explain(error.into()))?;
    output::show(context.format(), &config, |config| {
        let gib = |bytes: u64| format!("{} GiB", bytes >> 30);
        output::table(&[
            row(["devices", &format!("{} of class {}", config.devices, config.class)]),
            row(["cores of each", &crate::money::shifted(config.cpu_milli.into(), 3)]),
            row(["memory, disk", &format!("{}, {}", gib(config.memory), gib(config.storage))]),
            row(["next", "tetra cluster offers, once the next round has proved them"]),
        ])
    })
}
