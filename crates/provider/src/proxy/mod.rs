//! The world's way to the containers: a reverse proxy by host name, and forwards by port.
//!
//! | module | what it holds |
//! |---|---|
//! | [`route`] | what is to be reached, and where it can be reached then |
//! | `plan` | names and ports that a lease asks for, checked |
//! | `backend` | the replicas of one exposure, in turn |
//! | `names` | which host name belongs to whom |
//! | `http` | the HTTP listener |
//! | `exchange` | one request: to which replica, how often, what is told when none answers |
//! | `headers`, `progress` | what a proxy changes in a message; time-outs while bodies flow |
//! | `forward` | TCP and UDP forwards |
//! | `ports` | which ports of the agent's range are whose |

mod backend;
mod exchange;
mod forward;
mod headers;
mod http;
mod names;
mod plan;
mod ports;
mod progress;
pub mod route;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::lease::LeaseName;
use names::Names;
use ports::Ports;

pub use plan::service_id;
pub use route::{Exposure, Published, Route};

/// Why a lease is not published.
#[derive(Debug, Error)]
pub enum ProxyError {
    /// The listener.
    #[error("the proxy's listener cannot be used: {0}")]
    Listener(#[from] std::io::Error),
    /// Not a host name.
    #[error("service {service:?} asks for the host name {host:?}, which is none: letters, digits, hyphens and dots")]
    BadHost {
        /// The service.
        service: String,
        /// The text.
        host: String,
    },
    /// A name that the provider gives out itself.
    #[error("service {service:?} asks for the host name {host:?}; names under {public_host} are given by the provider")]
    ReservedHost {
        /// The service.
        service: String,
        /// The host name.
        host: String,
        /// The provider's own.
        public_host: String,
    },
    /// Somebody else's, or another lease's.
    #[error("service {service:?} asks for the host name {host:?}, which {holder} has; {remedy}")]
    HostTaken {
        /// The service.
        service: String,
        /// The host name.
        host: String,
        /// Who has it.
        holder: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Two ports of one service want the same name.
    #[error(
        "service {0:?} exposes two ports as 80 without host names to tell them apart; give each an `accept` list, or \
         expose one as another port"
    )]
    Ambiguous(String),
    /// The port that the lease had.
    #[error("port {port}, which service {service:?} had, is taken: {why}; send the manifest again to get another one")]
    PortTaken {
        /// The service.
        service: String,
        /// The port.
        port: u16,
        /// The system's reason.
        why: String,
    },
    /// The range is full.
    #[error("service {service:?} needs a port, and all of {first} to {last} are taken; another provider may have one")]
    NoFreePort {
        /// The service.
        service: String,
        /// The first of the agent's ports.
        first: u16,
        /// The last.
        last: u16,
    },
}

/// The proxy. Dropping it ends all listeners and forwards.
pub struct Proxy {
    address: SocketAddr,
    names: Arc<Names>,
    ports: Mutex<Ports>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Serves HTTP on `listener`; services get names under `public_host`, and ports of `range` on the listener's
    /// address. To be called within a tokio runtime.
    ///
    /// # Errors
    /// When the listener cannot be used or `public_host` is no host name.
    pub fn start(listener: TcpListener, public_host: &str, range: RangeInclusive<u16>) -> Result<Self, ProxyError> {
        let address = listener.local_addr()?;
        let bad = || ProxyError::BadHost { service: "the provider".to_owned(), host: public_host.to_owned() };
        let public_host = plan::host_name(public_host).ok_or_else(bad)?;
        let ports = Mutex::new(Ports::new(address.ip(), public_host.clone(), range));
        let names = Arc::new(Names::new(public_host, address.port()));
        let task = tokio::spawn(http::accept(listener, Arc::clone(&names)));
        Ok(Self { address, names, ports, task })
    }

    /// Where HTTP is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Publishes a lease's routes in place of those that it had, all or none. Connections to routes that stay are
    /// not interrupted; a port that stays keeps its number.
    ///
    /// # Errors
    /// [`ProxyError`] with the reason; then all is as it was.
    pub async fn publish(&self, lease: &LeaseName, routes: Vec<Route>) -> Result<Vec<Published>, ProxyError> {
        // One at a time, so that no name or port is given twice.
        let mut ports = self.ports.lock().await;
        let plan = plan::Plan::new(lease, routes, self.names.public_host())?;
        self.names.check(lease, &plan.sites)?;
        let mut published = ports.replace(lease, plan.forwards).await?;
        published.extend(self.names.replace(lease, plan.sites));
        published.sort_by(|one, other| one.service().cmp(other.service()));
        Ok(published)
    }

    /// Ends a lease's routes and every connection through them; returns once its ports are free.
    pub async fn withdraw(&self, lease: &LeaseName) {
        let mut ports = self.ports.lock().await;
        ports.withdraw(lease).await;
        self.names.withdraw(lease);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.names.clear();
        self.task.abort();
    }
}
