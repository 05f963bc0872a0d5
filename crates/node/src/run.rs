//! Starts a node, and stops it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::comet::Time;
use engine::{ActorEngine, Consensus, EngineConfig, EngineError};
use mempool::{GossipConfig, Limits, Mempool};
use primitives::validators::ConsensusAddress;
use rpc::Server;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use crate::backend::{Identity, NodeBackend};
use crate::chain::{Chain, ChainError};
use crate::check::Admissions;
use crate::health::NodeObserved;
use crate::home::{HaltMark, Home, HomeError};
use crate::host::NodeHost;
use crate::space::{self, SpaceError};

/// Blocks that a subscriber may lag behind before it is cut off.
const ANNOUNCEMENTS: usize = 64;

/// Why a node does not run.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The node's folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Its chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Its disk is nearly full.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Its mempool.
    #[error(transparent)]
    Mempool(#[from] mempool::OpenError),
    /// One of its servers.
    #[error("the {server} cannot listen on {address}: {source}; is another node running?")]
    Listen {
        /// Which server.
        server: &'static str,
        /// The field of node.json that names the address.
        field: &'static str,
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// Its gRPC or REST.
    #[error(transparent)]
    Serve(#[from] rpc::ServeError),
    /// An address in the configuration.
    #[error("{field} of node.json, {value:?}, is no multiaddress such as /ip4/127.0.0.1/tcp/26670: {why}")]
    Address {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// Why.
        why: String,
    },
    /// Consensus stopped.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The consensus task was ended from outside.
    #[error("the consensus task ended without a result: {0}")]
    Aborted(String),
}

/// A node that runs.
pub struct RunningNode {
    server: Server,
    grpc: Option<Server>,
    rest: Option<Server>,
    observed: Option<telemetry::Server>,
    stop: Option<oneshot::Sender<()>>,
    consensus: JoinHandle<Result<(), EngineError>>,
}

impl RunningNode {
    /// Where its JSON-RPC listens.
    pub fn rpc_address(&self) -> std::net::SocketAddr {
        self.server.address
    }

    /// Where its gRPC and gRPC-web listen, if they do.
    pub fn grpc_address(&self) -> Option<std::net::SocketAddr> {
        self.grpc.as_ref().map(|server| server.address)
    }

    /// Where its REST listens, if it does.
    pub fn rest_address(&self) -> Option<std::net::SocketAddr> {
        self.rest.as_ref().map(|server| server.address)
    }

    /// Where its metrics and health are served, if they are.
    pub fn metrics_address(&self) -> Option<std::net::SocketAddr> {
        self.observed.as_ref().map(telemetry::Server::address)
    }

    /// Waits until consensus stops by itself, which is a failure, or `shutdown` resolves; then stops the node.
    ///
    /// # Errors
    /// Why consensus stopped.
    pub async fn until(mut self, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
        let aborted = |error: tokio::task::JoinError| NodeError::Aborted(error.to_string());
        tokio::select! {
            ended = &mut self.consensus => return Ok(ended.map_err(aborted)??),
            () = shutdown => {}
        }
        if let Some(stop) = self.stop.take() {
            // A closed channel means that consensus ended this very moment.
            let _ = stop.send(());
        }
        Ok(self.consensus.await.map_err(aborted)??)
    }
}

impl NodeError {
    /// Whether the node's disk is, or was about to be, full.
    pub fn is_full_disk(&self) -> bool {
        match self {
            Self::Space(_) => true,
            Self::Engine(EngineError::Host(error)) => is_full_disk(&*error.source),
            Self::Chain(error) => is_full_disk(error),
            _ => false,
        }
    }
}

/// Whether an error, or what it came from, is a lack of space.
fn is_full_disk(error: &(dyn std::error::Error + 'static)) -> bool {
    let full = |error: &std::io::Error| error.kind() == std::io::ErrorKind::StorageFull;
    error.is::<SpaceError>()
        || error.downcast_ref::<std::io::Error>().is_some_and(full)
        || error.source().is_some_and(is_full_disk)
}

fn multiaddr(field: &'static str, value: &str) -> Result<mempool::gossip::Multiaddr, NodeError> {
    let parsed = value.parse();
    parsed.map_err(|error: <mempool::gossip::Multiaddr as std::str::FromStr>::Err| NodeError::Address {
        field,
        value: value.to_owned(),
        why: error.to_string(),
    })
}

async fn listen(server: &'static str, field: &'static str, address: &str) -> Result<TcpListener, NodeError> {
    let taken = |source| NodeError::Listen { server, field, address: address.to_owned(), source };
    TcpListener::bind(address).await.map_err(taken)
}

/// Where a listener listens, with the port that it got.
fn address_of(listener: Option<&TcpListener>) -> Option<String> {
    listener.and_then(|listener| listener.local_addr().ok()).map(|address| address.to_string())
}

/// Starts the node in a folder.
///
/// # Errors
/// When something that it needs is missing, damaged or taken.
pub async fn start(home: Home) -> Result<RunningNode, NodeError> {
    let config = home.config()?;
    let validator_key = home.validator_key()?;
    let node_key = home.node_key()?;
    space::check(&home.data(), config.min_free_bytes)?;
    let opened = home.clone();
    let chain = tokio::task::spawn_blocking(move || Chain::open(&opened)).await;
    let chain = Arc::new(chain.map_err(|error| NodeError::Aborted(error.to_string()))??);

    let peers = config.gossip_peers.iter().map(|peer| multiaddr("gossip_peers", peer));
    let max_tx_bytes = usize::try_from(chain.limits().max_tx_bytes).unwrap_or(usize::MAX);
    let gossip = GossipConfig {
        chain_id: chain.id().to_string(),
        listen: multiaddr("gossip_listen", &config.gossip_listen)?,
        persistent_peers: peers.collect::<Result<_, _>>()?,
        seed: *node_key.seed(),
        max_tx_bytes,
    };
    let pool = mempool::Config { limits: Limits::new(max_tx_bytes), journal: home.journal(), gossip: Some(gossip) };
    let admissions = Arc::new(Admissions { chain: chain.clone() });
    let mempool = Arc::new(Mempool::open(pool, admissions, chain.tip().height).await?);

    let listener = listen("RPC", "rpc_listen", &config.rpc_listen).await?;
    let grpc_listener = match &config.grpc_listen {
        Some(address) => Some(listen("gRPC", "grpc_listen", address).await?),
        None => None,
    };
    let rest_listener = match &config.rest_listen {
        Some(address) => Some(listen("REST", "rest_listen", address).await?),
        None => None,
    };
    let metrics_listener = match &config.metrics_listen {
        Some(address) => Some(listen("metrics", "metrics_listen", address).await?),
        None => None,
    };
    let (announcements, _) = broadcast::channel(ANNOUNCEMENTS);
    let syncing = Arc::new(AtomicBool::new(false));
    let identity = Identity {
        moniker: config.moniker.clone(),
        node_id: node_id(&node_key.peer_id()),
        p2p_listen: config.consensus_listen.clone(),
        rpc_listen: format!("tcp://{}", config.rpc_listen),
        grpc_listen: address_of(grpc_listener.as_ref()),
        rest_listen: address_of(rest_listener.as_ref()),
        metrics_listen: address_of(metrics_listener.as_ref()),
        validator_key: validator_key.public_key(),
        history: config.history,
    };
    let backend = NodeBackend {
        chain: chain.clone(),
        mempool: mempool.clone(),
        announcements: announcements.clone(),
        syncing: syncing.clone(),
        identity,
    };
    let backend: Arc<dyn rpc::Backend> = Arc::new(backend);
    let grpc = grpc_listener.map(|listener| rpc::grpc::serve(backend.clone(), listener)).transpose()?;
    let rest = rest_listener.map(|listener| rpc::rest::serve(backend.clone(), listener)).transpose()?;
    let server = rpc::serve(backend, listener).map_err(rpc::ServeError::from)?;

    let own = ConsensusAddress::of(&validator_key.public_key());
    let observed = metrics_listener.map(|listener| {
        let node = NodeObserved {
            home: home.clone(),
            chain: chain.clone(),
            mempool: mempool.clone(),
            announcements: announcements.clone(),
            syncing: syncing.clone(),
            own,
            configured_peers: config.gossip_peers.len(),
        };
        telemetry::server::serve(Arc::new(node), listener).map_err(rpc::ServeError::from)
    });
    let observed = observed.transpose()?;

    let mut engine = EngineConfig::new(chain.id().clone(), config.moniker.clone(), &config.consensus_listen);
    engine.persistent_peers.clone_from(&config.consensus_peers);
    engine.wal = home.wal();
    let timeouts = config.timeouts();
    let (stop, stopped) = oneshot::channel();
    let consensus = tokio::spawn(async move {
        let (data, min_free_bytes) = (home.data(), config.min_free_bytes);
        let room = move || space::check(&data, min_free_bytes);
        let mark_halt = move |mark: &HaltMark| {
            if let Err(error) = home.mark_halt(mark) {
                tracing::error!(%error, "the halt could not be marked");
            }
        };
        let mut host = NodeHost {
            chain,
            pool: mempool,
            clock: Arc::new(Time::now),
            announcements,
            syncing,
            timeouts,
            mark_halt: Box::new(mark_halt),
            own,
            room: Box::new(room),
        };
        let stopped = async {
            // A dropped sender is a node that goes away.
            let _ = stopped.await;
        };
        ActorEngine::new(engine, node_key, Some(validator_key)).run(&mut host, stopped).await
    });
    Ok(RunningNode { server, grpc, rest, observed, stop: Some(stop), consensus })
}

/// CometBFT's form of a node id: 20 bytes in lower-case hex; here the first ones of SHA-256 of the libp2p peer id.
pub(crate) fn node_id(peer_id: &str) -> String {
    hex::encode(&app::tx::hash(peer_id.as_bytes())[..20])
}
