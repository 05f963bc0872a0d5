//! The private network of a cluster: one encrypted overlay over every node's container, by WireGuard's protocol in user space.
//!
//! Each node has a [`Mesh`]: a TUN device in the network namespace of its container, and a UDP socket outside of it; or, where its
//! container may have no device, an end in a process inside of that. Keys are made on the nodes; who is a peer comes from the chain;
//! endpoints are learned from packets that authenticate, and from nothing else.
//!
//! ```text
//! container ─▶ tetra0 ─▶ Mesh: which peer? encrypt ─▶ direct, when packets came back lately
//!                                                  └▶ inside the tunnel to a peer that reaches both (relay)
//! ```
//!
//! A peer that is reached tells others at which address it sees whom, so that two behind NAT send to each other at once (hole
//! punching); until that works, and where it does not, packets go through it. What it relays it cannot read.
//!
//! | module | what it holds |
//! |---|---|
//! | [`key`], [`address`] | keys of nodes; their addresses in the overlay |
//! | [`frame`] | what nodes tell each other beside the packets of containers |
//! | [`netns`] | doing things inside of a container's network namespace (Linux) |
//! | [`wire`] | a UDP socket here, or behind a stream |
//! | `place` | where an overlay ends: a device, or `stack`, TCP in this process, with [`proxy`] for programs beside it |
//! | `peer`, `switch` | a peer, its tunnel and its paths; which packet goes where |
//! | `run` | the task that moves packets |
//! | `probe` | whether nodes reach each other, and themselves, through the whole of it |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod address;
pub mod frame;
pub mod key;
pub mod netns;
mod peer;
mod place;
mod probe;
pub mod proxy;
mod run;
mod stack;
mod switch;
pub mod wire;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use key::{PublicKey, SecretKey};
pub use place::Place;
pub use wire::Wire;

/// A stream of bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The number of a node in its cluster, from 1.
pub type Number = u32;

/// What fits into a packet of the overlay, in bytes: 1280, so that it fits into a packet of 1500 also when it is relayed inside of
/// another tunnel (twice 32 bytes of WireGuard, 24 of a frame, 28 of UDP and IP).
pub const MTU: u16 = 1_280;

/// The name of the device in containers.
pub const DEVICE: &str = "tetra0";

/// Why there is no overlay.
#[derive(Debug, Error)]
pub enum MeshError {
    /// The device cannot be made.
    #[error("the overlay's device in {netns} cannot be made: {source}; is /dev/net/tun there?")]
    Device {
        /// Whose namespace.
        netns: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The proxy of a container without a device cannot listen.
    #[error("the proxy for programs cannot listen on 127.0.0.1:{port}: {source}; something else of the container does")]
    Proxy {
        /// Where.
        port: u16,
        /// What the kernel said.
        source: io::Error,
    },
}

/// What a node is told.
#[derive(Debug)]
pub struct MeshConfig {
    /// Its key.
    pub secret: SecretKey,
    /// Its number, which is its address.
    pub number: Number,
    /// Where it ends.
    pub place: Place,
    /// What carries its packets.
    pub wire: Wire,
}

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSpec {
    /// Its number.
    pub number: Number,
    /// Its key.
    pub key: PublicKey,
    /// Where it says that it is reached; may be wrong or empty.
    pub endpoints: Vec<SocketAddr>,
}

/// By which way packets to a peer go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// Nothing came back yet.
    None,
    /// To this address.
    Direct(SocketAddr),
    /// Through another node.
    Relay(Number),
}

/// What is known of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// By which way it is reached.
    pub path: Path,
    /// Since its last handshake.
    pub handshake: Option<Duration>,
    /// Bytes of packets to it and from it.
    pub sent: u64,
    /// As above.
    pub received: u64,
    /// How long a connection through the whole of the overlay took, if the last one succeeded.
    pub connect: Option<Duration>,
}

/// What is known of a node and its peers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Numbers of nodes that were reached lately through the whole of the overlay; its own when it reaches itself.
    pub reached: Vec<Number>,
    /// By number.
    pub peers: BTreeMap<Number, PeerStatus>,
}

/// A node of an overlay at work. Dropping it takes the device away.
pub struct Mesh {
    inside: place::Inside,
    number: Number,
    local: SocketAddr,
    peers: mpsc::UnboundedSender<Vec<PeerSpec>>,
    wanted: watch::Sender<Vec<Number>>,
    status: watch::Receiver<Status>,
    _tasks: JoinSet<()>,
}

impl Mesh {
    /// Makes the device and begins.
    ///
    /// # Errors
    /// [`MeshError`].
    pub async fn start(config: MeshConfig) -> Result<Self, MeshError> {
        let MeshConfig { secret, number, place, wire } = config;
        let (address, local) = (address::of(number), wire.local_address());
        let mut tasks = JoinSet::new();
        let (device, inside) = place.begin(address, &mut tasks).await?;
        let (peers, told) = mpsc::unbounded_channel();
        let (wanted, whom) = watch::channel(Vec::new());
        let (paths, seen_paths) = watch::channel(BTreeMap::new());
        let (status, shown) = watch::channel(Status::default());
        tasks.spawn(run::run(switch::Switch::new(secret, number), wire, device, told, paths));
        tasks.spawn(probe::run(inside.clone(), number, whom, seen_paths, status));
        Ok(Self { inside, number, local, peers, wanted, status: shown, _tasks: tasks })
    }

    /// Where its packets arrive.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Its address in the overlay.
    pub fn address(&self) -> Ipv4Addr {
        address::of(self.number)
    }

    /// Where programs of a container without a device find their proxy; none where there is a device.
    pub fn proxy(&self) -> Option<SocketAddr> {
        match &self.inside {
            place::Inside::Namespace { .. } => None,
            place::Inside::Process { proxy, .. } => Some(*proxy),
        }
    }

    /// Who the other nodes are. Tunnels to those whose key stays are kept.
    pub fn set_peers(&self, peers: Vec<PeerSpec>) {
        self.wanted.send_replace(peers.iter().map(|peer| peer.number).collect());
        // Ends only with the task that reads it.
        let _ = self.peers.send(peers);
    }

    /// Whether it has ended by itself: its container is gone, or what carried its packets.
    pub fn is_over(&self) -> bool {
        self.peers.is_closed()
    }

    /// What is known now.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Changes of what is known.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Connects to an address as the node's container would.
    ///
    /// # Errors
    /// When nobody listens there, or in time.
    pub async fn connect(&self, to: SocketAddr, limit: Duration) -> io::Result<Box<dyn Duplex>> {
        self.inside.connect(to, limit).await
    }
}

#[cfg(test)]
mod tests;
