//! The loop that drives the swarm.

use std::collections::{BTreeSet, VecDeque};
use std::future::pending;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAcceptance, PublishError, TopicHash};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{DialError, SwarmEvent};
use libp2p::{PeerId, Swarm, identify};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::behaviour::{Behaviour, BehaviourEvent, inbox, is_banned, protocol, topic};
use super::redial::Redial;
use super::{Command, GossipConfig, GossipEvent, Received, Verdict};

/// Offers go out in portions, so that a newcomer does not fill the queues that fresh transactions need.
const OFFER_TICK: Duration = Duration::from_millis(20);
const OFFERS_PER_TICK: usize = 64;
/// Transactions waiting to be offered, over all newcomers; further ones are not offered.
const MAX_OFFERS: usize = 20_000;
/// How long a peer that was turned away is not dialled.
const TURNED_AWAY: Duration = Duration::from_secs(60);

pub(super) struct Task {
    config: GossipConfig,
    swarm: Swarm<Behaviour>,
    topic: IdentTopic,
    own_inbox: TopicHash,
    redial: Redial,
    offers: VecDeque<(PeerId, Bytes)>,
    turned_away: BTreeSet<PeerId>,
    events: mpsc::Sender<GossipEvent>,
    ready: watch::Sender<BTreeSet<PeerId>>,
}

impl Task {
    pub(super) fn new(
        config: GossipConfig,
        swarm: Swarm<Behaviour>,
        events: mpsc::Sender<GossipEvent>,
        ready: watch::Sender<BTreeSet<PeerId>>,
    ) -> Self {
        Self {
            topic: topic(&config.chain_id),
            own_inbox: inbox(&config.chain_id, swarm.local_peer_id()).hash(),
            redial: Redial::new(config.persistent_peers.clone(), Instant::now()),
            offers: VecDeque::new(),
            turned_away: BTreeSet::new(),
            config,
            swarm,
            events,
            ready,
        }
    }

    /// Runs until every sender of commands is gone.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut offer_tick = tokio::time::interval(OFFER_TICK);
        offer_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let redial_at = self.redial.next();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                event = self.swarm.select_next_some() => self.on_event(event),
                () = until(redial_at) => self.dial_due(),
                _ = offer_tick.tick(), if !self.offers.is_empty() => self.offer_some(),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Publish(tx) => self.publish(self.topic.clone(), tx),
            Command::Report(received, verdict) => self.report(received, verdict),
            Command::Offer(peer, txs) => {
                let room = MAX_OFFERS.saturating_sub(self.offers.len());
                self.offers.extend(txs.into_iter().take(room).map(|tx| (peer, tx)));
            }
        }
    }

    fn publish(&mut self, topic: IdentTopic, tx: Bytes) {
        match self.swarm.behaviour_mut().gossip.publish(topic, tx) {
            // Nobody to tell, or everybody knows.
            Ok(_) | Err(PublishError::NoPeersSubscribedToTopic | PublishError::Duplicate) => {}
            Err(error) => tracing::warn!(%error, "a transaction could not be gossiped"),
        }
    }

    fn report(&mut self, received: Received, verdict: Verdict) {
        let Received { bytes, from, message_id, by_inbox } = received;
        let acceptance = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        gossip.report_message_validation_result(&message_id, &from, acceptance);
        match verdict {
            Verdict::Accept if by_inbox => self.publish(self.topic.clone(), bytes),
            Verdict::Reject => self.turn_away_if_banned(from),
            Verdict::Accept | Verdict::Ignore => {}
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let now = Instant::now();
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }))
                if info.protocol_version != protocol(&self.config.chain_id) =>
            {
                tracing::warn!(peer = %peer_id, chain = info.protocol_version, "a gossip peer is of another chain");
                self.turn_away(peer_id);
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
                self.redial.connected(connection_id, peer_id, now);
                self.turn_away_if_banned(peer_id);
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                let pause = self.turned_away.remove(&peer_id).then_some(TURNED_AWAY);
                self.redial.lost(peer_id, now, pause);
                self.offers.retain(|(peer, _)| *peer != peer_id);
                self.set_ready(peer_id, false);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                tracing::debug!(%error, "a gossip peer does not answer; will be dialled again");
                match error {
                    DialError::LocalPeerId { .. } => self.redial.ourselves(connection_id),
                    _ => self.redial.failed(connection_id, now),
                }
            }
            _ => {}
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let received = Received {
                    by_inbox: message.topic == self.own_inbox,
                    bytes: message.data.into(),
                    from: propagation_source,
                    message_id,
                };
                self.take_in(received);
            }
            gossipsub::Event::Subscribed { peer_id, topic } => {
                if topic == self.topic.hash() {
                    self.set_ready(peer_id, true);
                } else if topic == inbox(&self.config.chain_id, &peer_id).hash() {
                    self.tell(GossipEvent::Joined(peer_id));
                }
            }
            gossipsub::Event::Unsubscribed { peer_id, topic } if topic == self.topic.hash() => {
                self.set_ready(peer_id, false);
            }
            _ => {}
        }
    }

    /// Hands a transaction to the node; one that is too large or comes faster than the node can judge goes no further.
    fn take_in(&mut self, received: Received) {
        if received.bytes.len() > self.config.max_tx_bytes {
            return self.report(received, Verdict::Reject);
        }
        if let Some(GossipEvent::Received(shed)) = self.tell(GossipEvent::Received(received)) {
            self.report(shed, Verdict::Ignore);
        }
    }

    /// Returns the event where the node is too busy to take it.
    fn tell(&mut self, event: GossipEvent) -> Option<GossipEvent> {
        self.events.try_send(event).err().map(|error| {
            tracing::debug!("the node is too busy for a gossip event");
            error.into_inner()
        })
    }

    fn set_ready(&mut self, peer: PeerId, is_ready: bool) {
        self.ready.send_if_modified(|peers| if is_ready { peers.insert(peer) } else { peers.remove(&peer) });
    }

    fn turn_away_if_banned(&mut self, peer: PeerId) {
        if is_banned(self.swarm.behaviour().gossip.peer_score(&peer)) {
            tracing::warn!(%peer, "a gossip peer keeps sending invalid transactions; disconnected");
            self.turn_away(peer);
        }
    }

    fn turn_away(&mut self, peer: PeerId) {
        if self.swarm.disconnect_peer_id(peer).is_ok() {
            self.turned_away.insert(peer);
        }
    }

    fn dial_due(&mut self) {
        let now = Instant::now();
        for due in self.redial.due(now) {
            if let Some(peer) = due.wanted.filter(|peer| self.swarm.is_connected(peer)) {
                self.redial.connected_already(due.target, peer, now);
                continue;
            }
            let dial = match due.wanted {
                Some(peer) => {
                    DialOpts::peer_id(peer).addresses(vec![due.address]).condition(PeerCondition::Always).build()
                }
                None => DialOpts::unknown_peer_id().address(due.address).build(),
            };
            let connection = dial.connection_id();
            self.redial.dialing(due.target, connection);
            // A dial that is refused at once raises no event.
            if let Err(error) = self.swarm.dial(dial) {
                match error {
                    DialError::LocalPeerId { .. } => self.redial.ourselves(connection),
                    _ => self.redial.failed(connection, now),
                }
            }
        }
    }

    fn offer_some(&mut self) {
        for _ in 0..OFFERS_PER_TICK {
            let Some((peer, tx)) = self.offers.pop_front() else {
                return;
            };
            self.publish(inbox(&self.config.chain_id, &peer), tx);
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => pending().await,
    }
}
