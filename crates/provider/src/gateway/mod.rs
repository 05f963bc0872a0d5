//! The gateway: what tenants ask of the agent, over TLS 1.3 with a token or a certificate of the lease's owner
//! (spec/akash.md 3.1 to 3.3). It authenticates and translates; what is asked is done by the [`Desk`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`identity`] | the certificate of its own that stands on the chain |
//! | [`tls`] | which certificate a connection is shown, by the name that it asks for |
//! | [`auth`] | who asks: a token or a certificate that is its owner's |
//! | [`keys`] | keys and certificates of owners, from the chain |
//! | `refusal` | statuses and texts of refusals |
//! | `render`, `cluster` | the endpoints of render nodes, and of suppliers of clusters |
//! | `routes`, `narrow` | the endpoints; answers cut down to the services that a token names |
//! | `grpc` | the provider's status over gRPC |
//! | `observe` | what is noted of every request |
//! | `logs`, `shell` | log lines, and programs in containers of leases, over a websocket |
//! | `program` | how bytes move between programs and their clients |
//! | `server` | connections: handshakes, time-outs, the end |

pub mod auth;
mod cluster;
mod grpc;
pub mod identity;
pub mod keys;
mod logs;
mod narrow;
mod observe;
mod program;
mod refusal;
mod render;
mod routes;
mod server;
mod shell;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use client::Node;
use primitives::Prefix;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::desk::Desk;

pub use identity::IdentityFile;
pub use keys::{ChainKeys, OwnerKeys};
pub use server::Server;
use tls::Protocol;
pub use tls::{Certificates, IssuedCertificate};

/// Why the gateway does not start.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// The certificate's file.
    #[error("the gateway's certificate at {path}: {source}; the folder must be writable for the agent")]
    File {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate.
    #[error("the gateway's certificate cannot be used: {0}; remove its file and a new one is made")]
    Certificate(String),
    /// The certificate that an authority issued.
    #[error("the certificate of `gateway_certificate` in provider.json cannot be used: {0}")]
    Issued(String),
    /// The provider's address.
    #[error("{0:?} is not the address of an account; the provider's own address is wanted")]
    Address(String),
    /// The listener.
    #[error("the gateway's listener cannot be used: {0}")]
    Listener(#[from] std::io::Error),
    /// What gRPC clients are told of the methods.
    #[error("the gateway's gRPC: {0}")]
    Reflection(#[from] rpc::ServeError),
}

/// Bounds on what foreign clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a request.
    pub header: Duration,
    /// For a manifest: its body and the start of its containers.
    pub manifest: Duration,
    /// For all other answers.
    pub answer: Duration,
    /// Between two pings of a websocket.
    pub ping: Duration,
    /// After which a client without a pong, or one that does not read, is dropped.
    pub pong: Duration,
    /// Bytes of a manifest.
    pub body: usize,
    /// Connections at a time.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(3),
            manifest: Duration::from_secs(120),
            answer: Duration::from_secs(30),
            ping: Duration::from_secs(10),
            pong: Duration::from_secs(15),
            body: 1 << 20,
            connections: 1024,
        }
    }
}

/// What the endpoints share.
#[derive(Clone)]
struct Shared {
    desk: Arc<dyn Desk>,
    keys: Arc<dyn OwnerKeys>,
    prefix: Prefix,
    limits: Limits,
    /// True once the gateway stops.
    stopping: watch::Receiver<bool>,
    /// One measurement of the line at a time, so that nobody takes it from those who pay.
    measuring: Arc<Semaphore>,
}

/// Returns once the gateway stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error says that the server was dropped.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Serves a desk until the server is stopped or dropped; owners' keys and
/// certificates are looked up on the chain. To be called within
/// a tokio runtime.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(
    desk: Arc<dyn Desk>,
    node: Node,
    certificates: Arc<Certificates>,
    listener: TcpListener,
) -> Result<Server, GatewayError> {
    serve_with(desk, Arc::new(ChainKeys::new(node)), certificates, listener, Limits::default())
}

/// As [`serve`], with keys from elsewhere and other limits.
///
/// # Errors
/// As [`serve`].
pub fn serve_with(
    desk: Arc<dyn Desk>,
    keys: Arc<dyn OwnerKeys>,
    certificates: Arc<Certificates>,
    listener: TcpListener,
    limits: Limits,
) -> Result<Server, GatewayError> {
    let prefix = prefix_of(&desk.address())?;
    let (stop, stopping) = watch::channel(false);
    let measuring = Arc::new(Semaphore::new(1));
    let router = routes::router(Shared { desk, keys, prefix, limits, stopping: stopping.clone(), measuring });
    server::start(router, Protocol::Http, certificates, listener, limits, stop, stopping)
}

/// Serves what a desk tells of itself over gRPC (`akash.provider.v1.ProviderRPC`), with reflection, until the server is
/// stopped or dropped. It is told to anybody, as `GET /status` is; certificates are shown as [`serve`] shows them. To be
/// called within a tokio runtime.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve_grpc(
    desk: Arc<dyn Desk>,
    certificates: Arc<Certificates>,
    listener: TcpListener,
    limits: Limits,
) -> Result<Server, GatewayError> {
    let (stop, stopping) = watch::channel(false);
    let router = grpc::router(desk, limits, stopping.clone())?;
    server::start(router, Protocol::Grpc, certificates, listener, limits, stop, stopping)
}

/// Owners have the prefix that the provider has.
fn prefix_of(provider: &str) -> Result<Prefix, GatewayError> {
    let wrong = || GatewayError::Address(provider.to_owned());
    let (prefix, _) = provider.rsplit_once('1').ok_or_else(wrong)?;
    let prefix = Prefix::new(prefix).map_err(|_| wrong())?;
    prefix.parse(provider).map_err(|_| wrong())?;
    Ok(prefix)
}
