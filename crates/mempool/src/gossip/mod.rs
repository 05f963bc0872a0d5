//! Sharing transactions with peers: a libp2p node of its own (TCP, noise, yamux) that speaks gossipsub.
//!
//! - **Topic.** All transactions of a chain travel on one topic that carries its id; a message's id is the SHA-256
//!   of its data, so that the same transaction sent by several nodes is one message. Messages are signed.
//! - **Validation before propagation.** A received transaction goes nowhere until the node has reported its
//!   [`Verdict`]; only accepted ones are forwarded. Rejected ones lower the score of the peer that sent them; below
//!   the threshold (nine within a few minutes) it is disconnected and refused until the score has decayed.
//! - **Newcomers.** Each node has an *inbox*, a topic to which it alone subscribes. When a peer's inbox appears, the
//!   node offers its waiting transactions there, at a bounded rate. What was new to the newcomer it publishes on, so
//!   that two halves of a network that find each other again end with the union.
//! - **Peers.** Persistent peers are dialled until they answer, with exponential back-off, and again when lost. A peer
//!   of another chain is disconnected as soon as it has told who it is. There is no discovery.

mod behaviour;
mod redial;
mod task;

use std::collections::BTreeSet;

use bytes::Bytes;
use libp2p::gossipsub::MessageId;
pub use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, watch};

/// Transactions that may wait to be judged by the node before further ones are shed.
const INTAKE: usize = 1_024;
const COMMANDS: usize = 1_024;

/// How a node takes part in the gossip of transactions.
#[derive(Clone, Debug)]
pub struct GossipConfig {
    /// The chain whose transactions are shared.
    pub chain_id: String,
    /// Where to listen, for example `/ip4/0.0.0.0/tcp/26670`; port 0 takes a free one.
    pub listen: Multiaddr,
    /// Peers to stay connected with, for example `/ip4/10.0.0.2/tcp/26670`, optionally ending in `/p2p/<peer id>`.
    pub persistent_peers: Vec<Multiaddr>,
    /// Secret seed of the node's ed25519 gossip identity.
    pub seed: [u8; 32],
    /// Largest transaction, in raw bytes; larger ones count as rejected.
    pub max_tx_bytes: usize,
}

impl GossipConfig {
    /// The identity that this configuration's seed gives.
    pub fn peer_id(&self) -> PeerId {
        behaviour::keypair(self.seed).public().to_peer_id()
    }
}

/// Why gossip could not start.
#[derive(Debug, thiserror::Error)]
pub enum GossipError {
    /// The address cannot be listened on.
    #[error("transaction gossip cannot listen on {address}: {reason}; is the port taken by another node?")]
    Listen {
        /// The configured address.
        address: Multiaddr,
        /// The transport's reason.
        reason: String,
    },
    /// libp2p refused the set-up; a bug rather than a mistake of configuration.
    #[error("transaction gossip cannot be set up: {0}")]
    Setup(String),
}

/// What gossip tells the node.
#[derive(Debug)]
pub enum GossipEvent {
    /// A transaction came; answer with [`GossipHandle::report`].
    Received(Received),
    /// A peer is ready to be offered what waits; answer with [`GossipHandle::offer`].
    Joined(PeerId),
}

/// A transaction from a peer that awaits a verdict.
#[derive(Clone, Debug)]
pub struct Received {
    /// The raw transaction, within the size limit.
    pub bytes: Bytes,
    /// The peer that handed it to us (not necessarily its first sender).
    pub from: PeerId,
    /// Gossipsub's name of the message.
    pub message_id: MessageId,
    /// Whether it came to our inbox, so that our other peers may not know it.
    pub(crate) by_inbox: bool,
}

/// The node's judgement of a received transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Valid and new here: forward it.
    Accept,
    /// Known, or not valid in the state of now: forward nothing, blame nobody.
    Ignore,
    /// Garbage that its sender should have seen to be garbage: lower the sender's score.
    Reject,
}

#[derive(Debug)]
enum Command {
    Publish(Bytes),
    Report(Received, Verdict),
    Offer(PeerId, Vec<Bytes>),
}

/// Starts gossip.
#[derive(Debug)]
pub struct Gossip;

impl Gossip {
    /// Listens, starts dialling, and runs until the last [`GossipHandle`] is dropped.
    pub async fn start(config: GossipConfig) -> Result<(GossipHandle, mpsc::Receiver<GossipEvent>), GossipError> {
        let (swarm, address) = behaviour::listen(&config).await?;
        let (commands, inbound) = mpsc::channel(COMMANDS);
        let (events, received) = mpsc::channel(INTAKE);
        let (ready, peers) = watch::channel(BTreeSet::new());
        let handle = GossipHandle { commands, peers, peer_id: *swarm.local_peer_id(), address };
        tokio::spawn(task::Task::new(config, swarm, events, ready).run(inbound));
        Ok((handle, received))
    }
}

/// A running gossip node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GossipHandle {
    commands: mpsc::Sender<Command>,
    peers: watch::Receiver<BTreeSet<PeerId>>,
    peer_id: PeerId,
    address: Multiaddr,
}

impl GossipHandle {
    /// Sends a transaction that this node accepted to all peers. Without any peer it is dropped: it reaches them as
    /// part of the offer when they join.
    pub async fn publish(&self, tx: Bytes) {
        self.send(Command::Publish(tx)).await;
    }

    /// Reports the verdict on a received transaction.
    pub async fn report(&self, received: Received, verdict: Verdict) {
        self.send(Command::Report(received, verdict)).await;
    }

    /// Offers waiting transactions to a peer that joined.
    pub async fn offer(&self, peer: PeerId, txs: Vec<Bytes>) {
        self.send(Command::Offer(peer, txs)).await;
    }

    /// This node's identity.
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// The address it listens on, with the real port and its identity: what a peer may put into its list.
    pub fn address(&self) -> &Multiaddr {
        &self.address
    }

    /// The peers that take part in this chain's gossip now; changes can be awaited.
    pub fn peers(&self) -> watch::Receiver<BTreeSet<PeerId>> {
        self.peers.clone()
    }

    async fn send(&self, command: Command) {
        // The task outlives every handle unless the runtime shuts down, and then nobody is left to tell.
        if self.commands.send(command).await.is_err() {
            tracing::debug!("transaction gossip has ended");
        }
    }
}
