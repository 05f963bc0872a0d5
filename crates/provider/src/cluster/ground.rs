//! Where a supplier's devices are: what its nodes run on, and what proofs are computed on. The rest of the supplier is the same for
//! this machine and for leases elsewhere.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use mesh::{Duplex, Mesh, Number, PeerSpec, SecretKey, Status};
use proto::tetra::cluster::v1::OfferTerms;
use proving::{Product, Puzzle};
use tokio::sync::watch;
use workload::runtime::Exec;
use workload::{ExecSpec, LogLine, LogQuery, PodId, PodSpec, PodStatus};

use super::config::ClusterConfig;
use super::trouble::Trouble;

/// Where devices are.
#[async_trait]
pub(crate) trait Ground: Send + Sync {
    /// What is offered of them; what has to be there for that is made first. Where nothing is offered any more, what is hired is kept.
    async fn terms(&self, config: &ClusterConfig) -> Result<OfferTerms, Trouble>;

    /// Whether containers may have a device for the overlay.
    fn has_device(&self) -> bool;

    /// Gives up what nothing is offered of any more.
    async fn let_go(&self) -> Result<(), Trouble>;

    /// The products of all devices, computed at once, each from its seed.
    async fn products(&self, puzzle: Puzzle, seeds: Vec<[u8; 32]>) -> Result<Vec<Product>, Trouble>;

    /// Starts the container of a node, or sees that it runs.
    async fn start(&self, spec: &PodSpec) -> Result<PodStatus, Trouble>;

    /// State of a node's container.
    async fn status(&self, id: &PodId) -> Result<PodStatus, Trouble>;

    /// Runs a program beside a node's own.
    async fn exec(&self, id: &PodId, what: &ExecSpec) -> Result<Exec, Trouble>;

    /// What a node's own program wrote.
    async fn logs(&self, id: &PodId, query: &LogQuery) -> Result<BoxStream<'static, LogLine>, Trouble>;

    /// Ends a node, and forgets all that it had.
    async fn remove(&self, id: &PodId) -> Result<(), Trouble>;

    /// The nodes that are here.
    async fn list(&self) -> Result<Vec<PodId>, Trouble>;

    /// A way into an overlay for a node that runs; without one, for a trial beside which nothing runs.
    async fn enter(&self, node: Option<&PodStatus>, carriage: &Carriage) -> Result<Box<dyn Entrance>, Trouble>;
}

/// What an agent that was told of another ground says.
pub(super) const OTHER: &str =
    "devices of this machine became leases elsewhere, or the other way: start the agent again";

/// How packets of overlays reach this supplier.
#[derive(Clone, Debug)]
pub(crate) struct Carriage {
    /// Where this machine listens, one address after the other, and what others are told.
    pub(super) listen: Vec<SocketAddr>,
    pub(super) told: std::net::IpAddr,
    /// A carrier that listens instead.
    pub(super) via: Option<SocketAddr>,
}

/// A way into an overlay at which packets arrive already.
#[async_trait]
pub(crate) trait Entrance: Send {
    /// Where other nodes send packets.
    fn endpoint(&self) -> SocketAddr;

    /// Becomes a node.
    async fn begin(self: Box<Self>, secret: SecretKey, number: Number) -> Result<Arc<dyn Overlay>, Trouble>;
}

/// A node in its overlay. Dropped, it leaves.
#[async_trait]
pub(crate) trait Overlay: Send + Sync {
    /// Its address there.
    fn address(&self) -> Ipv4Addr;

    /// Who the other nodes are.
    fn set_peers(&self, peers: Vec<PeerSpec>);

    /// What is known of it and of them.
    fn watch(&self) -> watch::Receiver<Status>;

    /// Whether it has left by itself, so that another way in is needed.
    fn is_over(&self) -> bool;

    /// Connects as its container would.
    async fn connect(&self, to: SocketAddr, limit: Duration) -> io::Result<Box<dyn Duplex>>;
}

impl dyn Overlay {
    /// What is known now.
    pub(super) fn status(&self) -> Status {
        self.watch().borrow().clone()
    }
}

#[async_trait]
impl Overlay for Mesh {
    fn address(&self) -> Ipv4Addr {
        Mesh::address(self)
    }

    fn set_peers(&self, peers: Vec<PeerSpec>) {
        Mesh::set_peers(self, peers);
    }

    fn watch(&self) -> watch::Receiver<Status> {
        Mesh::watch(self)
    }

    fn is_over(&self) -> bool {
        Mesh::is_over(self)
    }

    async fn connect(&self, to: SocketAddr, limit: Duration) -> io::Result<Box<dyn Duplex>> {
        Mesh::connect(self, to, limit).await
    }
}
