//! The providers of a local network. They share one machine: each offers an even part of it, and each asks a quarter
//! more than the first did before it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use primitives::Dec;
use proto::akash::provider::v1beta4::{QueryProviderRequest, QueryProviderResponse};
use provider::config::{OfferCaps, PriceSource, Scale, Usd};
use provider::render::RenderConfig;
use provider::{Home, ProviderConfig};
use tokio::net::TcpStream;
use workload::probe::ProbeRoots;
use workload::{Host, HostConfig, HostReport, Leftovers, Runtime};

use super::accounts::DevAccount;
use super::folder::{Folder, Plan, ProviderPorts};
use super::setup::Wish;
use crate::error::{Class, Classify, CliError, Result};

/// How much more each further provider asks, in percent of the first one's prices.
const STEP_PERCENT: u32 = 25;
/// USD per TET or AKT on a local network.
const USD_PER_COIN: Dec = Dec::from_atoms(Dec::ONE.atoms() / 2);
/// What the node, the agents and the kernel keep of the memory.
const KEPT_MEMORY: u64 = 512 << 20;
/// Ports that are given to exposures other than HTTP, shared among the providers.
const EXPOSED_PORTS: std::ops::Range<u16> = 30_000..32_768;
/// The most memory, and disk, of a render window.
const MOST_RENDER_BYTES: u64 = 8 << 30;
/// How long containers may take to end when the network stops.
const GRACE: Duration = Duration::from_secs(2);

/// Prices of provider `number`, from 1, in percent of the first one's.
pub fn price_percent(number: usize) -> u32 {
    100 + STEP_PERCENT * u32::try_from(number.saturating_sub(1)).unwrap_or(0)
}

/// Whether this machine can run workloads.
///
/// # Errors
/// What is missing, with the remedies.
pub async fn check_machine(dir: &Path) -> Result<HostReport> {
    let report = workload::probe(&ProbeRoots::default(), dir).await.class(Class::Machine)?;
    if report.is_ready() {
        return Ok(report);
    }
    let tools = report.tools.iter().filter(|tool| tool.version.is_none());
    let tools = tools.map(|tool| format!("{} is missing: apt-get install -y {}", tool.name, tool.package));
    let broken = report.capabilities.iter().filter_map(|one| Some(format!("{}: {}", one.name, one.problem.as_ref()?)));
    let error = CliError::new(Class::Machine, "providers cannot run on this machine");
    let error = tools.chain(broken).fold(error, CliError::hint);
    Err(error.hint("`tetra doctor` shows the whole list; `tetra up --providers 0` starts the chain alone"))
}

/// Writes the folders of a new network's providers.
///
/// # Errors
/// When a file cannot be written.
pub fn make(
    folder: &Folder,
    plan: &Plan,
    accounts: &[&DevAccount],
    keys: &Path,
    report: &HostReport,
    wish: &Wish,
) -> Result {
    let count = plan.providers.len();
    for (index, (ports, account)) in plan.providers.iter().zip(accounts).enumerate() {
        let dir = folder.provider(index + 1);
        let instance = dir.display().to_string();
        let (gateway, proxy) = addresses(ports);
        let mut config = ProviderConfig::new(node_of(plan), &account.name, keys, instance, gateway, proxy);
        config.grpc_listen = Some(local(ports.grpc));
        config.metrics_listen = Some(local(ports.metrics));
        config.host_uri = host_uri(ports);
        config.scale = scaled(&config.scale, price_percent(index + 1));
        let prices = [(plan.profile.coin().to_owned(), Usd(USD_PER_COIN))].into();
        config.price_source = PriceSource::Config { usd_per_token: prices };
        config.offer = share(report, count);
        config.render = wish.render.then(|| window(&config.offer));
        config.network_devices = wish.network_devices;
        let own = wish.simulated_gpus.iter().filter(|gpu| gpu.provider.is_none_or(|number| number == index + 1));
        config.simulated_gpus = own.map(|gpu| gpu.model.clone()).collect();
        config.port_range = exposed_ports(index, count);
        config.attributes = [("region".to_owned(), "local".to_owned())].into();
        Home::new(dir).init(&config).class(Class::Machine)?;
    }
    Ok(())
}

/// Puts the network's ports into the providers' configurations; all else stays as it was, or as somebody edited it.
///
/// # Errors
/// When a file is malformed or cannot be written.
pub fn configure(folder: &Folder, plan: &Plan) -> Result {
    for (index, ports) in plan.providers.iter().enumerate() {
        let home = Home::new(folder.provider(index + 1));
        let old = home.config().class(Class::Usage)?;
        let (gateway_listen, proxy_listen) = addresses(ports);
        let (grpc_listen, metrics_listen) = (Some(local(ports.grpc)), Some(local(ports.metrics)));
        let config = ProviderConfig {
            node: node_of(plan),
            gateway_listen,
            grpc_listen,
            proxy_listen,
            metrics_listen,
            host_uri: host_uri(ports),
            ..old
        };
        home.init(&config).class(Class::Machine)?;
    }
    Ok(())
}

fn node_of(plan: &Plan) -> String {
    let port = plan.validators.first().map_or(0, |ports| ports.rpc);
    format!("http://127.0.0.1:{port}")
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Where tenants reach a gateway. Clients put `mtls.` in front of the host in handshakes, which makes no name of an address.
pub fn host_uri(ports: &ProviderPorts) -> String {
    format!("https://localhost:{}", ports.gateway)
}

fn addresses(ports: &ProviderPorts) -> (SocketAddr, SocketAddr) {
    (local(ports.gateway), local(ports.proxy))
}

/// What of an offer renders may use while no lease wants it: all cores, half of the memory and of the disk up to a bound.
fn window(offer: &OfferCaps) -> RenderConfig {
    let usual = RenderConfig::default();
    RenderConfig {
        enabled: true,
        cpu_milli: offer.cpu_milli.unwrap_or(usual.cpu_milli),
        memory: offer.memory.map_or(usual.memory, |memory| memory / 2).min(MOST_RENDER_BYTES),
        storage: offer.storage.map_or(usual.storage, |storage| storage / 2).min(MOST_RENDER_BYTES),
        cache_bytes: offer.storage.map_or(usual.cache_bytes, |storage| storage / 4).min(usual.cache_bytes),
        ..usual
    }
}

/// An even part of the machine; all of it for one alone.
fn share(report: &HostReport, count: usize) -> OfferCaps {
    let count = count.max(1) as u64;
    OfferCaps {
        cpu_milli: Some(u64::from(report.cpus) * 1000 / count),
        memory: Some(report.memory_bytes.saturating_sub(KEPT_MEMORY) / count),
        storage: Some(report.disk_free_bytes / count),
    }
}

fn exposed_ports(index: usize, count: usize) -> [u16; 2] {
    let each = (EXPOSED_PORTS.end - EXPOSED_PORTS.start) / u16::try_from(count.max(1)).unwrap_or(u16::MAX);
    let first = EXPOSED_PORTS.start + each * u16::try_from(index).unwrap_or(0);
    [first, first + each - 1]
}

/// All prices of a scale in percent.
fn scaled(scale: &Scale, percent: u32) -> Scale {
    let part = |price: Usd| Usd(price.0.mul_ratio_floor(u128::from(percent), 100).unwrap_or(price.0));
    Scale {
        cpu: part(scale.cpu),
        memory: part(scale.memory),
        ephemeral: part(scale.ephemeral),
        beta1: part(scale.beta1),
        beta2: part(scale.beta2),
        beta3: part(scale.beta3),
        any: part(scale.any),
        endpoint: part(scale.endpoint),
        ip: part(scale.ip),
        gpu: scale.gpu.iter().map(|(model, price)| (model.clone(), part(*price))).collect(),
    }
}

/// What a provider offers, for people.
///
/// # Errors
/// When its configuration cannot be read.
pub fn offer_text(dir: &Path) -> Result<String> {
    let config = Home::new(dir).config().class(Class::Usage)?;
    let offer = config.offer;
    let simulated = match config.simulated_gpus.as_slice() {
        [] => String::new(),
        models => {
            let models: Vec<String> = models.iter().map(ToString::to_string).collect();
            format!(", {} (simulated)", models.join(" "))
        }
    };
    let number = |value: Option<u64>, unit: u64| value.map_or_else(|| "all".to_owned(), |value| tenths(value, unit));
    Ok(format!(
        "{} CPU, {} GiB memory, {} GiB disk{simulated}",
        number(offer.cpu_milli, 1000),
        number(offer.memory, 1 << 30),
        number(offer.storage, 1 << 30)
    ))
}

fn tenths(value: u64, unit: u64) -> String {
    let tenths = u128::from(value) * 10 / u128::from(unit);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Whether the chain knows a provider and its gateway takes connections.
pub async fn is_ready(node: &client::Node, address: &str, ports: &ProviderPorts) -> bool {
    let request = QueryProviderRequest { owner: address.to_owned() };
    let path = "/akash.provider.v1beta4.Query/Provider";
    let found: std::result::Result<QueryProviderResponse, _> = node.query(path, &request).await;
    found.is_ok() && TcpStream::connect((Ipv4Addr::LOCALHOST, ports.gateway)).await.is_ok()
}

/// Removes all containers of the agents of these folders, and everything that they hold of the kernel. The agents must
/// have ended.
///
/// # Errors
/// What could not be removed.
pub async fn remove_workloads(homes: &[PathBuf]) -> Result {
    for dir in homes {
        let home = Home::new(dir);
        // An agent that never ran has nothing to remove.
        let Ok(config) = home.config() else { continue };
        if !home.data().join("pods").exists() {
            continue;
        }
        let host = HostConfig {
            run_dir: config.run_dir,
            claims_dir: config.claims_dir,
            ..HostConfig::new(config.instance, home.data())
        };
        let left = empty(host).await.map_err(|error| {
            CliError::new(Class::Machine, format!("containers of {}: {error}", dir.display()))
                .hint("once the cause is gone, `tetra down` removes them")
        })?;
        if !left.is_empty() {
            let what = format!("{} left something behind: {left:?}", dir.display());
            return Err(CliError::new(Class::Machine, what).hint("`tetra down` tries again"));
        }
    }
    Ok(())
}

async fn empty(config: HostConfig) -> workload::Result<Leftovers> {
    let host = Host::open(config)?;
    for pod in host.list().await? {
        host.remove(&pod.id, GRACE).await?;
    }
    host.sweep(&Default::default()).await?;
    host.leftovers().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_provider_asks_a_quarter_more() {
        assert_eq!([1, 2, 3].map(price_percent), [100, 125, 150]);
        let scale = Scale::default();
        assert_eq!(scaled(&scale, 100), scale);
        assert_eq!(scaled(&scale, 125).cpu.to_string(), "2");
    }

    #[test]
    fn the_ports_of_providers_do_not_overlap() {
        let ranges: Vec<[u16; 2]> = (0..16).map(|index| exposed_ports(index, 16)).collect();
        assert!(ranges.windows(2).all(|pair| pair[0][1] < pair[1][0]), "{ranges:?}");
        assert!(ranges.iter().all(|[first, last]| first <= last && EXPOSED_PORTS.contains(last)));
    }
}
