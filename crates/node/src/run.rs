//! Starts a node, and stops it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::{ActorEngine, Consensus, EngineConfig, EngineError};
use mempool::{GossipConfig, Limits, Mempool};
use rpc::Server;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

use crate::backend::{Identity, NodeBackend};
use crate::chain::{Chain, ChainError};
use crate::check::Admissions;
use crate::home::{Home, HomeError};
use crate::host::NodeHost;

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
    /// Its mempool.
    #[error(transparent)]
    Mempool(#[from] mempool::OpenError),
    /// Its RPC.
    #[error("the RPC cannot listen on {address}: {source}; is another node running?")]
    Rpc {
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
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
    stop: Option<oneshot::Sender<()>>,
    consensus: JoinHandle<Result<(), EngineError>>,
}

impl RunningNode {
    /// Where its JSON-RPC listens.
    pub fn rpc_address(&self) -> std::net::SocketAddr {
        self.server.address
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

fn multiaddr(field: &'static str, value: &str) -> Result<mempool::gossip::Multiaddr, NodeError> {
    let parsed = value.parse();
    parsed.map_err(|error: <mempool::gossip::Multiaddr as std::str::FromStr>::Err| NodeError::Address {
        field,
        value: value.to_owned(),
        why: error.to_string(),
    })
}

/// Starts the node in a folder.
///
/// # Errors
/// When something that it needs is missing, damaged or taken.
pub async fn start(home: Home) -> Result<RunningNode, NodeError> {
    let config = home.config()?;
    let validator_key = home.validator_key()?;
    let node_key = home.node_key()?;
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

    let taken = |source| NodeError::Rpc { address: config.rpc_listen.clone(), source };
    let listener = TcpListener::bind(&config.rpc_listen).await.map_err(taken)?;
    let (announcements, _) = broadcast::channel(ANNOUNCEMENTS);
    let syncing = Arc::new(AtomicBool::new(false));
    let identity = Identity {
        moniker: config.moniker.clone(),
        node_id: node_id(&node_key.peer_id()),
        p2p_listen: config.consensus_listen.clone(),
        rpc_listen: format!("tcp://{}", config.rpc_listen),
        validator_key: validator_key.public_key(),
    };
    let backend = NodeBackend {
        chain: chain.clone(),
        mempool: mempool.clone(),
        announcements: announcements.clone(),
        syncing: syncing.clone(),
        identity,
    };
    let server = rpc::serve(Arc::new(backend), listener).map_err(taken)?;

    let mut engine = EngineConfig::new(chain.id().clone(), config.moniker.clone(), &config.consensus_listen);
    engine.persistent_peers.clone_from(&config.consensus_peers);
    engine.wal = home.wal();
    let timeouts = config.timeouts();
    let (stop, stopped) = oneshot::channel();
    let consensus = tokio::spawn(async move {
        let mut host = NodeHost { home, chain, mempool, announcements, syncing, timeouts };
        let stopped = async {
            // A dropped sender is a node that goes away.
            let _ = stopped.await;
        };
        ActorEngine::new(engine, node_key, Some(validator_key)).run(&mut host, stopped).await
    });
    Ok(RunningNode { server, stop: Some(stop), consensus })
}

/// CometBFT's form of a node id: 20 bytes in lower-case hex; here the first ones of SHA-256 of the libp2p peer id.
pub(crate) fn node_id(peer_id: &str) -> String {
    hex::encode(&app::tx::hash(peer_id.as_bytes())[..20])
}
