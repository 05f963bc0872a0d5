//! The supplier: this machine offers devices to clusters, proves that they are there, verifies others, and runs nodes of
//! clusters in their private network (docs/protocol.md, "Clusters"; docs/operations.md, "Suppliers of clusters").
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`] | what a supplier is told |
//! | [`desk`] | what tenants and other suppliers may ask, behind a trait; the gateway speaks to nothing else |
//! | `counter` | the answers, and who may have them by the chain's word |
//! | `supplier` | the supplier at work: offer, signs of life, what it has to do |
//! | `proofs` | computing proofs, and verifying those of others |
//! | `trial` | clusters with strangers, before the first hire |
//! | `ground` | where devices are: `machine`, this one; `lease`, leases of another network |
//! | `wires` | where packets of overlays arrive |
//! | `node` | a node of a cluster from reservation to end |
//! | `pods` | what its container runs |
//! | `keep`, `ray` | what is kept of a head, for who takes its place; Ray's jobs |
//! | `data` | what replacements copy from other nodes |
//! | `speed` | connectivity, by real transfers |
//! | `fetch` | manifests and products from other agents |
//! | `chain`, `trouble` | queries; failures |
//!
//! ```text
//! OfferDevices ─▶ Beat …
//! round ─▶ compute all devices at once ─▶ CommitProof ─▶ (drawn) fetch others' products, reach newcomers ─▶ VerifyProof
//! Work ─▶ manifest ─▶ container ─▶ overlay ─▶ JoinCluster ─▶ ReportReach … ─▶ (container ends) ReportLoss
//! ```

mod chain;
pub mod config;
mod counter;
mod data;
pub mod desk;
mod fetch;
pub(crate) mod ground;
mod keep;
mod lease;
mod machine;
mod node;
mod pods;
mod proofs;
mod ray;
mod speed;
pub(crate) mod supplier;
mod trial;
mod trouble;
mod wires;

use std::sync::Arc;

use client::SigningKey;
use workload::Runtime;

use crate::config::ProviderConfig;
use crate::home::{Home, HomeError};

pub use config::{CLASS, ClusterConfig, LeaseConfig, Origin, Supply};
pub use lease::guest;

/// Where the devices of an agent are. It stays so until the agent starts again.
pub(crate) fn ground_of(
    config: &ProviderConfig,
    home: &Home,
    runtime: &Arc<dyn Runtime>,
    key: SigningKey,
) -> Result<Arc<dyn ground::Ground>, HomeError> {
    match &config.cluster {
        Some(cluster) if cluster.origin == Origin::Lease => Ok(Arc::new(lease::Broker::open(home.clone(), key)?)),
        _ => Ok(Arc::new(machine::Machine(Arc::clone(runtime)))),
    }
}

/// Writes into `provider.json` that this machine offers devices to clusters. An agent that runs follows within seconds.
/// `options.enabled` does not matter.
///
/// # Errors
/// When the folder is no agent's, or cannot be written.
pub fn enable(home: &Home, options: ClusterConfig) -> Result<ClusterConfig, HomeError> {
    let mut config = home.config()?;
    let cluster = ClusterConfig { enabled: true, withdraw: false, ..options };
    // Whoever leases elsewhere has nothing here to bid with.
    config.bid.enabled &= cluster.origin != Origin::Lease;
    config.cluster = Some(cluster.clone());
    home.rewrite(&config)?;
    Ok(cluster)
}

/// Writes into `provider.json` that this machine offers no more devices. An agent that runs pauses the offer within seconds;
/// what is hired stays hired. With `withdraw` it takes the offer back, and its collateral, once nothing of it is hired.
///
/// # Errors
/// As [`enable`].
pub fn disable(home: &Home, withdraw: bool) -> Result<(), HomeError> {
    let mut config = home.config()?;
    if let Some(cluster) = &mut config.cluster {
        (cluster.enabled, cluster.withdraw) = (false, withdraw);
    }
    home.rewrite(&config)
}
