//! When to dial which persistent peer: a state machine without sockets.

use std::time::{Duration, Instant};

use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The persistent peers of a node and where each stands.
#[derive(Debug)]
pub(super) struct Redial {
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    address: Multiaddr,
    /// The identity that the address demands, if it ends in `/p2p/..`.
    wanted: Option<PeerId>,
    delay: Duration,
    stage: Stage,
}

#[derive(Debug, PartialEq)]
enum Stage {
    Waiting {
        until: Instant,
    },
    Dialing(ConnectionId),
    Connected {
        peer: PeerId,
        since: Instant,
    },
    /// The address is our own: never again.
    Ourselves,
}

/// A dial that is due.
#[derive(Debug, PartialEq)]
pub(super) struct Due {
    pub(super) target: usize,
    pub(super) address: Multiaddr,
    pub(super) wanted: Option<PeerId>,
}

impl Target {
    fn back_off(&mut self, now: Instant) {
        self.stage = Stage::Waiting { until: now + self.delay };
        self.delay = (self.delay * 2).min(LONGEST_DELAY);
    }
}

impl Redial {
    /// All peers are due at once.
    pub(super) fn new(addresses: Vec<Multiaddr>, now: Instant) -> Self {
        let targets = addresses.into_iter().map(|address| Target {
            wanted: address.iter().find_map(|part| match part {
                Protocol::P2p(peer) => Some(peer),
                _ => None,
            }),
            address,
            delay: FIRST_DELAY,
            stage: Stage::Waiting { until: now },
        });
        Self { targets: targets.collect() }
    }

    /// The earliest moment at which a dial is due.
    pub(super) fn next(&self) -> Option<Instant> {
        let waits = self.targets.iter().filter_map(|target| match target.stage {
            Stage::Waiting { until } => Some(until),
            _ => None,
        });
        waits.min()
    }

    /// The dials that are due; each must be answered with `dialing`, `connected_already`, `failed` or `ourselves`.
    pub(super) fn due(&self, now: Instant) -> Vec<Due> {
        let due = self
            .targets
            .iter()
            .enumerate()
            .filter(|(_, target)| matches!(target.stage, Stage::Waiting { until } if until <= now));
        due.map(|(index, target)| Due { target: index, address: target.address.clone(), wanted: target.wanted })
            .collect()
    }

    /// A dial is under way.
    pub(super) fn dialing(&mut self, target: usize, connection: ConnectionId) {
        if let Some(target) = self.targets.get_mut(target) {
            target.stage = Stage::Dialing(connection);
        }
    }

    /// The peer came to us first.
    pub(super) fn connected_already(&mut self, target: usize, peer: PeerId, now: Instant) {
        if let Some(target) = self.targets.get_mut(target) {
            target.stage = Stage::Connected { peer, since: now };
        }
    }

    /// A connection stands; if it was one of our dials, its peer is no longer dialled.
    pub(super) fn connected(&mut self, connection: ConnectionId, peer: PeerId, now: Instant) {
        if let Some(target) = self.of(connection) {
            target.stage = Stage::Connected { peer, since: now };
        }
    }

    /// A dial failed: try again, ever more slowly.
    pub(super) fn failed(&mut self, connection: ConnectionId, now: Instant) {
        if let Some(target) = self.of(connection) {
            target.back_off(now);
        }
    }

    /// A dial reached this very node.
    pub(super) fn ourselves(&mut self, connection: ConnectionId) {
        if let Some(target) = self.of(connection) {
            target.stage = Stage::Ourselves;
        }
    }

    /// The last connection to a peer ended. One that stood for a while starts with the shortest delay, one that was
    /// cut at once (a peer that does not want us) with ever longer ones; `pause` keeps away from one that we cut.
    pub(super) fn lost(&mut self, lost: PeerId, now: Instant, pause: Option<Duration>) {
        for target in &mut self.targets {
            let Stage::Connected { peer, since } = target.stage else {
                continue;
            };
            if peer != lost {
                continue;
            }
            if now.duration_since(since) >= LONGEST_DELAY {
                target.delay = FIRST_DELAY;
            }
            target.delay = target.delay.max(pause.unwrap_or_default());
            target.back_off(now);
        }
    }

    fn of(&mut self, connection: ConnectionId) -> Option<&mut Target> {
        self.targets.iter_mut().find(|target| target.stage == Stage::Dialing(connection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> (Redial, Instant) {
        let now = Instant::now();
        let address = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        (Redial::new(vec![address], now), now)
    }

    #[test]
    fn backs_off_to_the_longest_delay_and_starts_anew_after_success() {
        let (mut redial, mut now) = one();
        let mut delays = Vec::new();
        for attempt in 0..10 {
            assert_eq!(redial.due(now).len(), 1);
            let connection = ConnectionId::new_unchecked(attempt);
            redial.dialing(0, connection);
            assert!(redial.due(now).is_empty() && redial.next().is_none());
            redial.failed(connection, now);
            let next = redial.next().unwrap();
            delays.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);

        let (peer, connection) = (PeerId::random(), ConnectionId::new_unchecked(99));
        redial.dialing(0, connection);
        redial.connected(connection, peer, now);
        assert!(redial.next().is_none());
        redial.lost(PeerId::random(), now, None);
        assert!(redial.next().is_none(), "another peer was lost");
        now += LONGEST_DELAY;
        redial.lost(peer, now, None);
        assert_eq!(redial.next(), Some(now + FIRST_DELAY));
    }

    #[test]
    fn a_peer_that_cuts_us_off_is_dialled_ever_more_slowly() {
        let (mut redial, mut now) = one();
        let peer = PeerId::random();
        let mut delays = Vec::new();
        for attempt in 0..3 {
            let connection = ConnectionId::new_unchecked(attempt);
            redial.dialing(0, connection);
            redial.connected(connection, peer, now);
            redial.lost(peer, now, None);
            let next = redial.next().unwrap();
            delays.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(delays, [250, 500, 1000]);
    }

    #[test]
    fn a_peer_that_we_turned_away_is_left_alone_for_a_while() {
        let (mut redial, now) = one();
        let (peer, connection) = (PeerId::random(), ConnectionId::new_unchecked(1));
        redial.dialing(0, connection);
        redial.connected(connection, peer, now);
        redial.lost(peer, now, Some(LONGEST_DELAY * 2));
        assert_eq!(redial.next(), Some(now + LONGEST_DELAY * 2));
    }

    #[test]
    fn never_dials_itself_twice() {
        let (mut redial, now) = one();
        let connection = ConnectionId::new_unchecked(1);
        redial.dialing(0, connection);
        redial.ourselves(connection);
        assert!(redial.next().is_none() && redial.due(now + LONGEST_DELAY).is_empty());
    }
}
