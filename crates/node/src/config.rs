//! What a node is told, beside its keys and the genesis document.

use std::time::Duration;

use engine::host::Timeouts;
use serde::{Deserialize, Serialize};

/// `node.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// The node's name.
    pub moniker: String,
    /// Multiaddress on which consensus listens, such as `/ip4/0.0.0.0/tcp/26656`.
    pub consensus_listen: String,
    /// Multiaddresses of the peers of consensus.
    #[serde(default)]
    pub consensus_peers: Vec<String>,
    /// Multiaddress on which transaction gossip listens.
    pub gossip_listen: String,
    /// Multiaddresses of the peers of transaction gossip.
    #[serde(default)]
    pub gossip_peers: Vec<String>,
    /// `host:port` of the JSON-RPC.
    pub rpc_listen: String,
    /// `host:port` of gRPC and gRPC-web; none serves neither.
    #[serde(default)]
    pub grpc_listen: Option<String>,
    /// `host:port` of REST; none serves none.
    #[serde(default)]
    pub rest_listen: Option<String>,
    /// `host:port` of `/metrics`, `/livez` and `/readyz`; none serves them nowhere. They ask for no password: keep them
    /// on loopback or behind a firewall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<String>,
    /// Storage engine: `fjall` or `redb`.
    #[serde(default)]
    pub storage: Storage,
    /// Milliseconds to wait for a proposal in round 0.
    #[serde(default = "propose_timeout_ms")]
    pub propose_timeout_ms: u64,
    /// Heights of state to keep readable; none keeps all.
    #[serde(default)]
    pub history: Option<u64>,
    /// Bytes that must stay free on the disk; with less the node stops before a write fails half-way.
    #[serde(default = "min_free_bytes")]
    pub min_free_bytes: u64,
}

/// The storage engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// fjall 3.
    #[default]
    Fjall,
    /// redb 4.
    Redb,
}

impl From<Storage> for disk::Engine {
    fn from(storage: Storage) -> Self {
        match storage {
            Storage::Fjall => Self::Fjall,
            Storage::Redb => Self::Redb,
        }
    }
}

fn propose_timeout_ms() -> u64 {
    1000
}

/// Room for the stores' journals and for some hundred blocks, so that who is warned has time.
fn min_free_bytes() -> u64 {
    256 << 20
}

/// The multiaddress of a TCP port on this machine.
pub fn local_multiaddr(port: u16) -> String {
    format!("/ip4/127.0.0.1/tcp/{port}")
}

impl NodeConfig {
    /// A node that listens on its own machine alone, without peers.
    pub fn local(moniker: impl Into<String>, rpc_port: u16, consensus_port: u16, gossip_port: u16) -> Self {
        Self {
            moniker: moniker.into(),
            consensus_listen: local_multiaddr(consensus_port),
            consensus_peers: Vec::new(),
            gossip_listen: local_multiaddr(gossip_port),
            gossip_peers: Vec::new(),
            rpc_listen: format!("127.0.0.1:{rpc_port}"),
            grpc_listen: None,
            rest_listen: None,
            metrics_listen: None,
            storage: Storage::default(),
            propose_timeout_ms: propose_timeout_ms(),
            history: None,
            min_free_bytes: min_free_bytes(),
        }
    }

    /// The engine's time-outs.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts { propose: Duration::from_millis(self.propose_timeout_ms), ..Timeouts::default() }
    }
}
