//! A peer: its tunnel, and the ways to it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use boringtun::noise::Tunn;
use boringtun::x25519::PublicKey as Point;

use crate::{Number, Path, PeerSpec, PublicKey, SecretKey};

/// Without a packet for so long a way counts no more. Keepalives come three times as often.
const FRESH: Duration = Duration::from_secs(9);
/// Seconds between packets that keep a way open.
const KEEPALIVE: u16 = 3;
/// The most addresses at which a peer is looked for.
const MOST_CANDIDATES: usize = 16;

/// Where a datagram came from, or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// An address outside of the overlay.
    Direct(SocketAddr),
    /// Another node.
    Relay(Number),
}

pub(crate) struct Peer {
    pub(crate) number: Number,
    pub(crate) key: PublicKey,
    pub(crate) tunnel: Tunn,
    /// Where it may be: what the chain says, and what others saw.
    candidates: BTreeSet<SocketAddr>,
    direct: Option<(SocketAddr, Instant)>,
    relay: Option<(Number, Instant)>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Peer {
    pub(crate) fn new(secret: &SecretKey, spec: &PeerSpec) -> Self {
        // The rate limiter counts handshakes of everyone at this node; each tunnel has its own, which is stricter.
        let tunnel = Tunn::new(secret.secret(), Point::from(spec.key.0), None, Some(KEEPALIVE), spec.number, None);
        Self {
            number: spec.number,
            key: spec.key,
            tunnel,
            candidates: spec.endpoints.iter().copied().collect(),
            direct: None,
            relay: None,
            sent: 0,
            received: 0,
        }
    }

    /// Looks for it at another address as well.
    pub(crate) fn look_at(&mut self, address: SocketAddr) {
        if self.candidates.len() < MOST_CANDIDATES {
            self.candidates.insert(address);
        }
    }

    /// A packet of it authenticated: it is there by the way on which it came.
    pub(crate) fn heard(&mut self, by: Way, now: Instant) {
        match by {
            Way::Direct(address) => self.direct = Some((address, now)),
            Way::Relay(number) => self.relay = Some((number, now)),
        }
    }

    /// Its address, when packets came from there lately.
    pub(crate) fn address(&self, now: Instant) -> Option<SocketAddr> {
        self.direct.filter(|(_, heard)| now.duration_since(*heard) < FRESH).map(|(address, _)| address)
    }

    /// The way by which packets go now.
    pub(crate) fn way(&self, now: Instant) -> Option<Way> {
        let relay = self.relay.filter(|(_, heard)| now.duration_since(*heard) < FRESH);
        let relay = relay.map(|(number, _)| Way::Relay(number));
        self.address(now).map(Way::Direct).or(relay)
    }

    /// All addresses at which it may be.
    pub(crate) fn candidates(&self) -> Vec<SocketAddr> {
        self.direct.iter().map(|(address, _)| address).chain(&self.candidates).copied().collect()
    }

    pub(crate) fn path(&self, now: Instant) -> Path {
        match self.way(now) {
            Some(Way::Direct(address)) => Path::Direct(address),
            Some(Way::Relay(number)) => Path::Relay(number),
            None => Path::None,
        }
    }
}
