//! How an engine reaches its peers and what it may cost.

use std::path::PathBuf;
use std::time::Duration;

use arc_malachitebft_app_channel::app::config::{
    ChannelNames, ConsensusConfig, DiscoveryConfig, NodeConfig, P2pConfig, ProtocolNames, ValuePayload, ValueSyncConfig,
};

use crate::comet::ChainId;

/// The most that an encoded block may measure. A sync batch of [`SYNC_BATCH`] must fit one
/// response (10 MiB), with room for certificates.
pub const MAX_BLOCK_BYTES: usize = 1024 * 1024;

/// Blocks per sync request.
pub const SYNC_BATCH: usize = 5;

/// What an engine needs to know beside its keys.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The chain; part of every signature and of every protocol name.
    pub chain_id: ChainId,
    /// The name by which peers know this node; not trusted by anybody.
    pub moniker: String,
    /// Multiaddress to listen on, such as `/ip4/0.0.0.0/tcp/26656`.
    pub listen: String,
    /// Multiaddresses of peers to stay connected to.
    pub persistent_peers: Vec<String>,
    /// The write-ahead log; it holds the current height only. Deleting it while the validator's
    /// last votes may still be under way risks signing twice.
    pub wal: PathBuf,
    /// Whether to find further peers through the known ones.
    pub discovery: bool,
    /// How often to tell peers which heights are here.
    pub status_interval: Duration,
    /// Connections accepted from one address; local networks have all nodes on one.
    pub max_connections_per_ip: usize,
}

impl EngineConfig {
    /// A configuration with the defaults of a local network.
    pub fn new(chain_id: ChainId, moniker: impl Into<String>, listen: impl Into<String>) -> Self {
        Self {
            chain_id,
            moniker: moniker.into(),
            listen: listen.into(),
            persistent_peers: Vec::new(),
            wal: PathBuf::from("consensus.wal"),
            discovery: false,
            status_interval: Duration::from_secs(1),
            max_connections_per_ip: 64,
        }
    }
}

/// A multiaddress that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {value:?} is no multiaddress ({reason}); write it like /ip4/127.0.0.1/tcp/26656")]
pub struct AddressError {
    field: &'static str,
    value: String,
    reason: String,
}

/// The same in Malachite's form.
pub(crate) struct MalachiteConfig {
    moniker: String,
    consensus: ConsensusConfig,
    sync: ValueSyncConfig,
}

macro_rules! multiaddr {
    ($field:literal, $value:expr) => {
        $value.parse().map_err(|e| AddressError { field: $field, value: $value.clone(), reason: format!("{e}") })
    };
}

impl TryFrom<&EngineConfig> for MalachiteConfig {
    type Error = AddressError;

    fn try_from(config: &EngineConfig) -> Result<Self, AddressError> {
        let peers = config.persistent_peers.iter();
        let p2p = P2pConfig {
            listen_addr: multiaddr!("listen address", config.listen)?,
            persistent_peers: peers.map(|peer| multiaddr!("peer address", peer)).collect::<Result<_, _>>()?,
            discovery: DiscoveryConfig {
                enabled: config.discovery,
                max_connections_per_ip: config.max_connections_per_ip,
                // A restarted local node comes back from the same address at once.
                ip_throttle_duration: Duration::ZERO,
                ..DiscoveryConfig::default()
            },
            protocol_names: protocol_names(&config.chain_id),
            channel_names: channel_names(&config.chain_id),
            ..P2pConfig::default()
        };
        Ok(Self {
            moniker: config.moniker.clone(),
            consensus: ConsensusConfig {
                p2p,
                value_payload: ValuePayload::ProposalAndParts,
                ..ConsensusConfig::default()
            },
            sync: ValueSyncConfig {
                status_update_interval: config.status_interval,
                batch_size: SYNC_BATCH,
                ..ValueSyncConfig::default()
            },
        })
    }
}

/// Two chains never understand each other, whoever connects them.
fn protocol_names(chain: &ChainId) -> ProtocolNames {
    ProtocolNames {
        consensus: format!("/tetra/{chain}/consensus/1"),
        discovery_kad: format!("/tetra/{chain}/discovery/kad/1"),
        discovery_regres: format!("/tetra/{chain}/discovery/reqres/1"),
        sync: format!("/tetra/{chain}/sync/1"),
        validator_proof: format!("/tetra/{chain}/validator-proof/1"),
    }
}

fn channel_names(chain: &ChainId) -> ChannelNames {
    ChannelNames {
        consensus: format!("/{chain}/consensus"),
        proposal_parts: format!("/{chain}/proposal-parts"),
        sync: format!("/{chain}/sync"),
        liveness: format!("/{chain}/liveness"),
    }
}

impl NodeConfig for MalachiteConfig {
    fn moniker(&self) -> &str {
        &self.moniker
    }

    fn consensus(&self) -> &ConsensusConfig {
        &self.consensus
    }

    fn consensus_mut(&mut self) -> &mut ConsensusConfig {
        &mut self.consensus
    }

    fn value_sync(&self) -> &ValueSyncConfig {
        &self.sync
    }

    fn value_sync_mut(&mut self) -> &mut ValueSyncConfig {
        &mut self.sync
    }
}
