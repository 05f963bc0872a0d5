//! What tenants of clusters and other suppliers may ask of an agent, behind a trait, as [`crate::desk`] is for tenants of leases.

use std::path::PathBuf;

use async_trait::async_trait;
use client::cluster::{ClusterPath, ExecAsk, Kept, NodeReport};
use futures::stream::BoxStream;
use thiserror::Error;
use workload::LogLine;
use workload::runtime::Exec;

/// Why an agent refuses.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClusterRefusal {
    /// The chain names no right to it.
    #[error("{0}")]
    Forbidden(String),
    /// It is not here.
    #[error("{0}")]
    NotFound(String),
    /// Not what was announced.
    #[error("{0}")]
    Malformed(String),
    /// Nobody listens there, or the chain cannot be asked.
    #[error("{0}")]
    Unavailable(String),
    /// It failed here.
    #[error("{0}")]
    Internal(String),
}

/// A connection to a program on a node.
pub struct Connected {
    /// The stream.
    pub stream: Box<dyn mesh::Duplex>,
    /// What a program of the cluster itself wants to be shown, such as Ray's dashboard.
    pub bearer: Option<String>,
}

/// A program on a node.
pub struct Program {
    /// Its streams and its end.
    pub exec: Exec,
    /// Dropped when it is over: until then its node is not idle.
    pub guard: Box<dyn Send>,
}

/// A supplier, as its gateway sees it. Callers are authenticated accounts, bech32.
#[async_trait]
pub trait ClusterDesk: Send + Sync + 'static {
    /// Takes the manifest of a cluster, from its tenant.
    async fn put_manifest(&self, caller: &str, cluster: &ClusterPath, bytes: &[u8]) -> Result<(), ClusterRefusal>;

    /// The manifest of a cluster, to its tenant and to suppliers of its nodes.
    async fn manifest(&self, caller: &str, cluster: &ClusterPath) -> Result<Vec<u8>, ClusterRefusal>;

    /// What is kept of a cluster's head here, to its tenant and to suppliers of its nodes.
    async fn kept(&self, caller: &str, cluster: &ClusterPath) -> Result<Kept, ClusterRefusal>;

    /// The file with the archive of its checkpoint volume, likewise.
    async fn checkpoint(&self, caller: &str, cluster: &ClusterPath) -> Result<PathBuf, ClusterRefusal>;

    /// Packs the data volume of a node here, to its tenant and to suppliers of its cluster.
    async fn data(&self, caller: &str, cluster: &ClusterPath, number: u32) -> Result<Exec, ClusterRefusal>;

    /// The nodes here, to their tenant.
    async fn nodes(&self, caller: &str, cluster: &ClusterPath) -> Result<Vec<NodeReport>, ClusterRefusal>;

    /// Log lines of a node's container, to its tenant.
    async fn logs(
        &self,
        caller: &str,
        cluster: &ClusterPath,
        number: u32,
        (tail, follow): (Option<usize>, bool),
    ) -> Result<BoxStream<'static, LogLine>, ClusterRefusal>;

    /// Runs a program on a node, for its tenant.
    async fn exec(
        &self,
        caller: &str,
        cluster: &ClusterPath,
        number: u32,
        ask: ExecAsk,
    ) -> Result<Program, ClusterRefusal>;

    /// Connects to a port of a node's address in the overlay, for its tenant.
    async fn connect(
        &self,
        caller: &str,
        cluster: &ClusterPath,
        number: u32,
        port: u16,
    ) -> Result<Connected, ClusterRefusal>;

    /// The products that this host committed to in a round, to anybody who names itself.
    async fn products(&self, host_key: &str, round: u64) -> Result<Vec<u8>, ClusterRefusal>;
}
