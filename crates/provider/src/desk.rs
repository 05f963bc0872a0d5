//! What tenants may ask of the agent. The gateway authenticates and translates; everything else stands behind
//! [`Desk`], so that the two can be tested apart.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde_json::Value;
use thiserror::Error;
use workload::LogLine;
use workload::runtime::Exec;
use workload::terminal::Size;

use crate::cluster::desk::ClusterDesk;
use crate::lease::LeaseName;
use crate::render::desk::RenderDesk;
use crate::status::Standing;

/// Why the desk refuses.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeskError {
    /// The provider has no lease of that name, or no manifest for it yet. Clients match the phrase
    /// `no lease for deployment` and try again (spec/akash.md 3.3).
    #[error("{0}")]
    NotFound(String),
    /// The body is no manifest.
    #[error("{0}")]
    Malformed(String),
    /// A manifest that this lease does not pay for, or that this provider cannot serve; the text names the place
    /// and the remedy.
    #[error("{0}")]
    Refused(String),
    /// It failed here; the tenant may try again.
    #[error("{0}")]
    Internal(String),
}

/// Which log lines a tenant wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// Names of services; empty is all.
    pub services: Vec<String>,
    /// Only the last so many lines of each replica.
    pub tail: Option<usize>,
    /// Whether to go on.
    pub follow: bool,
}

/// A program that a tenant wants to run in a container of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellRequest {
    /// Name of the service.
    pub service: String,
    /// Number of its replica, from 0.
    pub index: u32,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The size of the terminal that it has; none: it has pipes.
    pub terminal: Option<Size>,
    /// Whether it is given what its client sends.
    pub reads: bool,
}

/// One line of one replica.
#[derive(Clone, Debug)]
pub struct NamedLine {
    /// `<service>-<replica number>`.
    pub name: String,
    /// The line.
    pub line: LogLine,
}

/// The agent, as its gateway sees it.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// The provider's address, bech32.
    fn address(&self) -> String;

    /// Leases, inventory, orders: for `GET /status` and `GetStatus` alike.
    async fn status(&self) -> Standing;

    /// Takes the manifest of a deployment whose owner was authenticated; returns once it was accepted and the start
    /// of its containers was attempted, so that a missing image or a taken port is told to the tenant here.
    async fn put_manifest(&self, owner: &str, dseq: u64, body: &[u8]) -> Result<(), DeskError>;

    /// The accepted manifest of a lease: a JSON array with its one group.
    async fn manifest(&self, lease: &LeaseName) -> Result<Value, DeskError>;

    /// State of a lease's services (spec/akash.md 3.3, `GET /lease/…/status`).
    async fn lease_status(&self, lease: &LeaseName) -> Result<Value, DeskError>;

    /// The render node beside it; none where nothing is rendered.
    fn render(&self) -> Option<Arc<dyn RenderDesk>> {
        None
    }

    /// The supplier of clusters beside it; none where nothing is supplied.
    fn cluster(&self) -> Option<Arc<dyn ClusterDesk>> {
        None
    }

    /// The gateway answered a request of a route.
    fn served(&self, route: &str, status: u16, took: Duration) {
        let _ = (route, status, took);
    }

    /// Log lines of a lease.
    async fn logs(&self, lease: &LeaseName, request: &LogRequest) -> Result<BoxStream<'static, NamedLine>, DeskError>;

    /// Runs a program in a container of a lease that runs; it ends with what is returned.
    async fn shell(&self, lease: &LeaseName, request: &ShellRequest) -> Result<Exec, DeskError>;
}
