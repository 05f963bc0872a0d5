//! Why an agent does not run.

use std::net::SocketAddr;

use client::NodeError;
use thiserror::Error;

use crate::home::HomeError;

/// Why an agent does not run.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// Its folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Its configuration.
    #[error("provider.json: {0}")]
    Config(String),
    /// This machine cannot keep tenants apart.
    #[error("this machine cannot keep tenants apart:\n{0}\n`tetra doctor` shows the whole list")]
    Isolation(String),
    /// The container runtime.
    #[error(transparent)]
    Workload(#[from] workload::Error),
    /// The chain, at the start.
    #[error("{doing}: {source}")]
    Chain {
        /// What was tried.
        doing: &'static str,
        /// What went wrong.
        source: NodeError,
    },
    /// An address that it listens on.
    #[error("the {what} cannot listen on {address}: {source}; is another agent running?")]
    Listen {
        /// Gateway or proxy.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The gateway or the proxy.
    #[error("{what}: {why}")]
    Server {
        /// Gateway or proxy.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The agent's loop ended by itself, which is a fault of the program.
    #[error("the agent's task ended by itself: {0}; please report this")]
    Ended(String),
}
