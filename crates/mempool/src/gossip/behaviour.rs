//! Setting up libp2p: identity, protocols, limits, scores.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::time::Duration;

use futures::StreamExt;
use libp2p::gossipsub::{
    self, AllowAllSubscriptionFilter, IdentTopic, IdentityTransform, MaxCountSubscriptionFilter, Message,
    MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds, TopicScoreParams, ValidationMode,
};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, connection_limits, identify, noise, tcp, yamux};

use super::{GossipConfig, GossipError};
use crate::tx_hash;

type Filter = MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>;

/// Room for signature, key, topic and framing beside a transaction.
const ENVELOPE: usize = 4 * 1024;
/// Gossipsub's control messages list thousands of message ids and must fit even where transactions are small.
const LEAST_TRANSMIT: usize = 512 * 1024;
const MAX_INCOMING: u32 = 256;
const MAX_PER_PEER: u32 = 4;
/// A rejected message counts this long against its sender.
const SCORE_DECAY: Duration = Duration::from_secs(600);
/// The score is minus the square of the (decaying) number of rejected messages: eight are borne, the ninth is not.
const BAN_SCORE: f64 = -64.5;

#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) identify: identify::Behaviour,
    pub(super) gossip: gossipsub::Behaviour<IdentityTransform, Filter>,
}

/// The topic on which all transactions of a chain travel.
pub(super) fn topic(chain_id: &str) -> IdentTopic {
    IdentTopic::new(format!("tetra/{chain_id}/txs/1"))
}

/// The topic on which one peer is offered what it missed.
pub(super) fn inbox(chain_id: &str, peer: &PeerId) -> IdentTopic {
    IdentTopic::new(format!("tetra/{chain_id}/txs/1/inbox/{peer}"))
}

/// What identify announces, so that peers of another chain can part at once.
pub(super) fn protocol(chain_id: &str) -> String {
    format!("/tetra/mempool/1/{chain_id}")
}

pub(super) fn keypair(seed: [u8; 32]) -> Keypair {
    let mut seed = seed;
    // Any 32 bytes are an ed25519 seed; the fallible signature serves other lengths.
    Keypair::ed25519_from_bytes(&mut seed).unwrap_or_else(|_| Keypair::generate_ed25519())
}

/// Whether a peer of this score is to be disconnected and refused.
pub(super) fn is_banned(score: Option<f64>) -> bool {
    score.is_some_and(|score| score < BAN_SCORE)
}

/// A swarm that listens, and the address it got.
pub(super) async fn listen(config: &GossipConfig) -> Result<(Swarm<Behaviour>, Multiaddr), GossipError> {
    let mut swarm = SwarmBuilder::with_existing_identity(keypair(config.seed))
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| GossipError::Setup(error.to_string()))?
        .with_behaviour(|identity| Ok(behaviour(config, identity)?))
        .map_err(|error| GossipError::Setup(error.to_string()))?
        // Quiet peers stay: on a quiet chain there is nothing to gossip for hours.
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(Duration::from_secs(24 * 3600)))
        .build();
    let refused = |reason: String| GossipError::Listen { address: config.listen.clone(), reason };
    claim_port(&config.listen).map_err(|error| refused(error.to_string()))?;
    let listener = swarm.listen_on(config.listen.clone()).map_err(|error| refused(error.to_string()))?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { listener_id, address } if listener_id == listener => {
                let identity = *swarm.local_peer_id();
                return Ok((swarm, address.with(Protocol::P2p(identity))));
            }
            SwarmEvent::ListenerError { listener_id, error } if listener_id == listener => {
                return Err(refused(error.to_string()));
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } if listener_id == listener => {
                return Err(refused(format!("{reason:?}")));
            }
            _ => {}
        }
    }
}

/// Fails where the port is taken. libp2p listens with `SO_REUSEPORT`, so that a second node on the same port would
/// silently get half of the first one's peers; a plain bind notices.
fn claim_port(address: &Multiaddr) -> io::Result<()> {
    let mut parts = address.iter();
    let ip: Option<IpAddr> = match parts.next() {
        Some(Protocol::Ip4(ip)) => Some(ip.into()),
        Some(Protocol::Ip6(ip)) => Some(ip.into()),
        _ => None,
    };
    match (ip, parts.next()) {
        (Some(ip), Some(Protocol::Tcp(port))) => TcpListener::bind((ip, port)).map(drop),
        // What is no TCP address over IP, libp2p itself refuses.
        _ => Ok(()),
    }
}

fn behaviour(config: &GossipConfig, identity: &Keypair) -> Result<Behaviour, String> {
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_established_incoming(Some(MAX_INCOMING))
        .with_max_established_per_peer(Some(MAX_PER_PEER));
    let announce = identify::Config::new(protocol(&config.chain_id), identity.public());
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        identify: identify::Behaviour::new(announce),
        gossip: gossip(config, identity)?,
    })
}

fn gossip(
    config: &GossipConfig,
    identity: &Keypair,
) -> Result<gossipsub::Behaviour<IdentityTransform, Filter>, String> {
    let shared = topic(&config.chain_id);
    let own_inbox = inbox(&config.chain_id, &identity.public().to_peer_id());

    let shared_hash = shared.hash();
    let settings = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(move |message| message_id(message, message.topic == shared_hash))
        .max_transmit_size((config.max_tx_bytes + ENVELOPE).max(LEAST_TRANSMIT))
        // A message must still be at hand when a slow check ends, or it could not be forwarded.
        .history_length(20)
        // After a restart, peers may hand us what we had published before; that is no offence.
        .allow_self_origin(true)
        .build()
        .map_err(|error| error.to_string())?;

    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter {},
        max_subscribed_topics: 8,
        max_subscriptions_per_request: 16,
    };
    let mut gossip = gossipsub::Behaviour::new_with_subscription_filter(
        MessageAuthenticity::Signed(identity.clone()),
        settings,
        filter,
    )?;
    gossip.with_peer_score(peer_score(), thresholds())?;
    for topic in [&shared, &own_inbox] {
        gossip.set_topic_params(topic.clone(), topic_score())?;
        gossip.subscribe(topic).map_err(|error| error.to_string())?;
    }
    Ok(gossip)
}

/// On the shared topic the transaction is the message. In an inbox each sending is its own message, because a peer
/// that restarts must be able to get the same transaction again.
fn message_id(message: &Message, shared: bool) -> MessageId {
    if shared {
        return MessageId::from(tx_hash(&message.data).to_vec());
    }
    let mut name = message.source.map(PeerId::to_bytes).unwrap_or_default();
    name.extend(message.sequence_number.unwrap_or_default().to_be_bytes());
    name.extend(tx_hash(&message.data));
    MessageId::from(name)
}

/// Only rejected messages and broken protocol count: validators may share an address, be slow, or be silent.
fn peer_score() -> PeerScoreParams {
    PeerScoreParams {
        ip_colocation_factor_weight: 0.0,
        slow_peer_weight: 0.0,
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: gossipsub::score_parameter_decay(Duration::from_secs(60)),
        ..PeerScoreParams::default()
    }
}

fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -1.0,
        invalid_message_deliveries_decay: gossipsub::score_parameter_decay(SCORE_DECAY),
        ..TopicScoreParams::default()
    }
}

fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -16.0,
        publish_threshold: -36.0,
        graylist_threshold: BAN_SCORE,
        ..PeerScoreThresholds::default()
    }
}
