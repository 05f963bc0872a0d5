//! Starts an agent, and stops it.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{Node, NodeError, SigningKey};
use ledger::capacity::messages::MAX_DEVICES;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use workload::{Host, HostConfig, Isolation, Runtime};

use crate::agent::{Agent, Counter};
use crate::backoff::Backoff;
use crate::book::Book;
use crate::certify::{CertifyError, certify, keep_certified};
use crate::chain::{Chain, Facts};
use crate::cluster::Origin;
use crate::cluster::supplier::Supplier;
use crate::config::ProviderConfig;
use crate::devices::SIMULATED;
use crate::error::ProviderError;
use crate::gateway::{self, Certificates, IdentityFile, Limits};
use crate::health::ProviderObserved;
use crate::home::Home;
use crate::inventory::{ISOLATION, Inventory, TUN};
use crate::metrics::ProviderMetrics;
use crate::price::Pricer;
use crate::proxy::Proxy;
use crate::register::register;
use crate::render::node::RenderNode;

/// How long a node may take to answer at all before the agent gives up starting.
const START_LIMIT: Duration = Duration::from_secs(60);

/// An agent that runs.
pub struct RunningProvider {
    agent: Arc<Agent>,
    gateway: gateway::Server,
    grpc: Option<gateway::Server>,
    observed: Option<telemetry::Server>,
    follower: JoinHandle<()>,
}

impl RunningProvider {
    /// Where the gateway listens.
    pub fn gateway_address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// Where the status is told over gRPC, if it is.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().map(gateway::Server::address)
    }

    /// Where the HTTP proxy listens.
    pub fn proxy_address(&self) -> SocketAddr {
        self.agent.proxy.address()
    }

    /// Where metrics and health are served, if they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.observed.as_ref().map(telemetry::Server::address)
    }

    /// The provider's address, bech32.
    pub fn address(&self) -> &str {
        self.agent.chain.address()
    }

    /// Waits until `shutdown` resolves, then stops the agent; containers keep running.
    ///
    /// # Errors
    /// Why the agent stopped by itself.
    pub async fn until(mut self, shutdown: impl Future<Output = ()>) -> Result<(), ProviderError> {
        let ended = tokio::select! {
            ended = &mut self.follower => Err(ProviderError::Ended(match ended {
                Ok(()) => "it returned".to_owned(),
                Err(error) => error.to_string(),
            })),
            () = shutdown => Ok(()),
        };
        self.follower.abort();
        let grpc = async {
            if let Some(grpc) = self.grpc {
                grpc.stop().await;
            }
        };
        futures::join!(self.gateway.stop(), grpc);
        self.agent.stop().await;
        ended
    }
}

/// Starts the agent of a folder with its account's key.
///
/// # Errors
/// When something that it needs is missing, damaged or taken, or this machine cannot keep tenants apart.
pub async fn start(home: Home, key: SigningKey) -> Result<RunningProvider, ProviderError> {
    let config = home.config()?;
    check(&config)?;
    home.prepare()?;
    let host_key = home.host_key()?;
    let public = host_key.verification_key().to_bytes();
    let inventory = Inventory::detect(&config, &home.data(), &public).await?;
    let runtime: Arc<dyn Runtime> = Arc::new(Host::open(host_config(&config, &home))?);
    sweep_torn(&*runtime).await;

    let node = Node::new(config.node.clone());
    let facts = patiently(|| Facts::read(&node))
        .await
        .map_err(|source| ProviderError::Chain { doing: "reading the genesis document", source })?;
    check_simulated(&config, &facts)?;
    let pricer = Pricer::new(config.scale.clone(), config.price_source.clone(), facts.block_interval_ms);
    let metrics = ProviderMetrics::default();
    let own_key = key.clone();
    let chain = Chain::new(node.clone(), key, facts, metrics.chain_failures.clone());

    // Taken before anything is registered, so that the chain never names an address that another program has.
    let gateway_listener = listen("gateway", config.gateway_listen).await?;
    let proxy_listener = listen("proxy", config.proxy_listen).await?;
    let grpc_listener = listen_if("gRPC", config.grpc_listen).await?;
    let metrics_listener = listen_if("metrics", config.metrics_listen).await?;
    let server = |what: &'static str| move |why: String| ProviderError::Server { what, why };
    let [first, last] = config.port_range;
    let proxy = Proxy::start(proxy_listener, &config.public_host, first..=last)
        .map_err(|error| server("proxy")(error.to_string()))?;
    let host = host_of(&config.host_uri);
    let (file, hosts) = (IdentityFile::new(&home.state()), vec![host.clone()]);
    let own = patiently(|| certify(&chain, &file, &hosts)).await.map_err(|error| match error {
        CertifyError::Chain(source) => ProviderError::Chain { doing: "publishing the gateway's certificate", source },
        CertifyError::Gateway(error) => server("gateway")(error.to_string()),
    })?;
    let certificates = Certificates::new(&own, &host, config.gateway_certificate.clone());
    let certificates = Arc::new(certificates.map_err(|error| server("gateway")(error.to_string()))?);

    let registered = patiently(|| register(&chain, &config, &inventory, &host_key))
        .await
        .map_err(|source| ProviderError::Chain { doing: "registering the provider", source })?;
    let capacity = inventory.capacity_of(registered.amount);
    let agent = Arc::new(Agent {
        chain,
        home,
        inventory,
        host_key: public,
        runtime,
        proxy,
        pricer,
        metrics,
        shown_pending: Mutex::default(),
        book: Mutex::new(Book::new(capacity, registered.devices)),
        gpu_turn: tokio::sync::Mutex::default(),
        decisions: Mutex::default(),
        bids: Mutex::default(),
        leases: Mutex::default(),
        strays: Mutex::default(),
        followed: Mutex::default(),
        funds: Notify::new(),
        tasks: Mutex::default(),
        config,
    });
    let quota = agent.config.render.clone().unwrap_or_default().cache_bytes;
    let (own_chain, own_home) = (agent.chain.clone(), agent.home.clone());
    let renders = RenderNode::open(own_chain, own_home, public, quota, agent.metrics.render())
        .map_err(|error| server("render")(error.to_string()))?;
    let (own_chain, own_home) = (agent.chain.clone(), agent.home.clone());
    let gateway_address = gateway_listener.local_addr().map_err(|error| server("gateway")(error.to_string()))?;
    let ground = crate::cluster::ground_of(&agent.config, &own_home, &agent.runtime, own_key)?;
    let supplier = Supplier::open(own_chain, own_home, public, ground, gateway_address);
    let desk = Arc::new(Counter(Arc::clone(&agent), Arc::clone(&renders), Arc::clone(&supplier)));
    let grpc = grpc_listener.map(|listener| {
        let (desk, certificates) = (desk.clone(), Arc::clone(&certificates));
        gateway::serve_grpc(desk, certificates, listener, Limits::default())
            .map_err(|error| server("gRPC")(error.to_string()))
    });
    let grpc = grpc.transpose()?;
    let gateway = gateway::serve(desk, node, Arc::clone(&certificates), gateway_listener)
        .map_err(|error| server("gateway")(error.to_string()))?;
    agent.spawn(keep_certified(Arc::clone(&agent), certificates, file, hosts));
    let observed = metrics_listener.map(|listener| {
        let observed = ProviderObserved { agent: Arc::clone(&agent), gateway: gateway.address() };
        telemetry::server::serve(Arc::new(observed), listener).map_err(|error| server("metrics")(error.to_string()))
    });
    let observed = observed.transpose()?;
    agent.spawn(Arc::clone(&agent).collect());
    agent.spawn(renders.run());
    agent.spawn(supplier.run());
    let follower = tokio::spawn(Arc::clone(&agent).follow());
    tracing::info!(
        provider = agent.chain.address(),
        gateway = %gateway.address(),
        proxy = %agent.proxy.address(),
        ?capacity,
        "the provider agent runs"
    );
    Ok(RunningProvider { agent, gateway, grpc, observed, follower })
}

/// Removes what a crash left in the middle of making or removing a pod, which no record names. Recorded pods stay: what
/// becomes of them the chain tells.
async fn sweep_torn(runtime: &dyn Runtime) {
    let swept = match runtime.list().await {
        Ok(pods) => runtime.sweep(&pods.into_iter().map(|pod| pod.id).collect()).await,
        Err(error) => Err(error),
    };
    if let Err(error) = swept {
        tracing::error!(%error, "what a crash left on this machine cannot be removed; the next start tries again");
    }
}

fn check(config: &ProviderConfig) -> Result<(), ProviderError> {
    let refuse = |why: &str| Err(ProviderError::Config(why.to_owned()));
    let [first, last] = config.port_range;
    if first == 0 || first > last {
        return refuse("port_range wants [first, last], the first above 0 and not above the last");
    }
    if !(100..=1000).contains(&config.cpu_overcommit_percent) {
        return refuse("cpu_overcommit_percent is 100 (none) to 1000");
    }
    if config.attributes.get(ISOLATION).is_some_and(|claimed| claimed != config.isolation.as_str()) {
        return refuse("attributes claim another isolation than the field `isolation` says; leave the attribute out");
    }
    if config.attributes.contains_key(TUN) {
        return refuse(
            "attributes name feat-tun, which the field `network_devices` announces; leave the attribute out",
        );
    }
    if config.network_devices && config.isolation != Isolation::Namespaces {
        return refuse("network_devices go with isolation by namespaces alone");
    }
    if config.simulated_gpus.len() > MAX_DEVICES {
        return refuse("simulated_gpus names more devices than a host may have");
    }
    let simulates = if config.simulated_gpus.is_empty() { "false" } else { "true" };
    if config.attributes.get(SIMULATED).is_some_and(|claimed| claimed != simulates) {
        return refuse("attributes claim `simulated` otherwise than simulated_gpus say; leave the attribute out");
    }
    if !config.host_uri.starts_with("https://") || host_of(&config.host_uri).is_empty() {
        return refuse("host_uri wants https://host:port, as tenants reach the gateway");
    }
    let leases = config.cluster.as_ref().filter(|cluster| cluster.origin == Origin::Lease);
    if leases.is_some_and(|cluster| cluster.lease.is_none()) {
        return refuse(
            "cluster.origin is lease, and cluster.lease does not say where; `tetra provider cluster enable` does",
        );
    }
    if leases.is_some() && (config.bid.enabled || config.render.as_ref().is_some_and(|render| render.enabled)) {
        return refuse(
            "an agent whose devices are leases elsewhere runs nothing here: bid.enabled and render are to be off",
        );
    }
    if config.gateway_certificate.is_some() && host_of(&config.host_uri).parse::<IpAddr>().is_ok() {
        return refuse("gateway_certificate is shown to clients that ask for a host name, and host_uri has an address");
    }
    Ok(())
}

/// What is simulated may be sold on toy networks alone.
fn check_simulated(config: &ProviderConfig, facts: &Facts) -> Result<(), ProviderError> {
    if config.simulated_gpus.is_empty() || facts.dev {
        return Ok(());
    }
    let what = format!(
        "simulated_gpus are for toy networks alone, whose genesis says `dev`, and {} is none; leave them out",
        facts.chain_id
    );
    Err(ProviderError::Config(what))
}

/// The host of `https://host:port`.
fn host_of(uri: &str) -> String {
    let authority = uri.trim_start_matches("https://").trim_end_matches('/');
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn host_config(config: &ProviderConfig, home: &Home) -> HostConfig {
    let mut host = HostConfig::new(config.instance.clone(), home.data());
    host.run_dir.clone_from(&config.run_dir);
    host.claims_dir.clone_from(&config.claims_dir);
    host.plain_http_registries.clone_from(&config.plain_http_registries);
    if !config.shim.is_empty() {
        host.shim = config.shim.iter().map(OsString::from).collect();
    }
    host
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<TcpListener, ProviderError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| ProviderError::Listen { what, address, source })
}

async fn listen_if(what: &'static str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, ProviderError> {
    match address {
        Some(address) => listen(what, address).await.map(Some),
        None => Ok(None),
    }
}

/// An error that may pass by itself.
trait MayPass {
    /// Whether the node does not answer.
    fn is_unreachable(&self) -> bool;
}

impl MayPass for NodeError {
    fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

impl MayPass for CertifyError {
    fn is_unreachable(&self) -> bool {
        matches!(self, Self::Chain(error) if error.is_unreachable())
    }
}

/// A node that is still starting, or hangs for a moment, is waited for.
async fn patiently<T, E, F>(ask: impl Fn() -> F) -> Result<T, E>
where
    E: MayPass + std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    let deadline = tokio::time::Instant::now() + START_LIMIT;
    loop {
        match ask().await {
            Err(error) if error.is_unreachable() && tokio::time::Instant::now() < deadline => {
                tracing::info!(%error, "waiting for the node");
                tokio::time::sleep(backoff.wait()).await;
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use primitives::{Dec, Denom, Prefix};

    use super::*;

    #[test]
    fn simulated_gpus_are_sold_on_toy_networks_alone_and_said_to_be_simulated() {
        let (gateway, proxy) = ("127.0.0.1:8443".parse().unwrap(), "127.0.0.1:8080".parse().unwrap());
        let mut config = ProviderConfig::new("http://127.0.0.1:1", "provider", "/keys", "agent", gateway, proxy);
        let facts = |dev| Facts {
            chain_id: "tetra-1".to_owned(),
            prefix: Prefix::new("tetra").unwrap(),
            dev,
            block_interval_ms: 500,
            gas: (Denom::new("utet").unwrap(), Dec::ZERO),
        };
        assert!(check_simulated(&config, &facts(false)).is_ok());
        config.simulated_gpus = vec!["nvidia/a100/80Gi".parse().unwrap()];
        assert!(check_simulated(&config, &facts(true)).is_ok() && check(&config).is_ok());
        let refused = check_simulated(&config, &facts(false)).unwrap_err().to_string();
        assert!(refused.contains("toy networks alone") && refused.contains("tetra-1 is none"), "{refused}");
        config.attributes.insert(SIMULATED.to_owned(), "false".to_owned());
        let refused = check(&config).unwrap_err().to_string();
        assert!(refused.contains("claim `simulated` otherwise"), "{refused}");
        config.attributes.clear();
        config.simulated_gpus = vec!["nvidia/a100/80Gi".parse().unwrap(); MAX_DEVICES + 1];
        assert!(check(&config).unwrap_err().to_string().contains("more devices than a host may have"));
    }
}
