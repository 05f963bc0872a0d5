//! Which packet goes where. No I/O: packets come in, packets go out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use boringtun::noise::handshake::parse_handshake_anon;
use boringtun::noise::{Packet, Tunn, TunnResult};
use boringtun::x25519::PublicKey as Point;

use crate::frame::{self, Frame};
use crate::peer::{Peer, Way};
use crate::{Number, Path, PeerSpec, SecretKey, address};

/// Larger than any packet: the MTU, a frame, and WireGuard's own bytes.
const ROOM: usize = 2_048;
/// Between two looks for a direct way to a peer that has none, and two tellings of who is seen where.
const SEARCH: Duration = Duration::from_secs(2);
/// Handshakes from unknown addresses that are looked into per second: each costs a multiplication.
const MOST_HANDSHAKES: u32 = 200;

/// What a switch wants to have sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Out {
    /// To the container.
    Device(Vec<u8>),
    /// To an address outside.
    Network(SocketAddr, Vec<u8>),
}

/// What is known of a peer beside whether it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: Path,
    pub(crate) handshake: Option<Duration>,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

pub(crate) struct Switch {
    secret: SecretKey,
    public: Point,
    number: Number,
    peers: BTreeMap<Number, Peer>,
    out: VecDeque<Out>,
    searched: Option<Instant>,
    handshakes: (Instant, u32),
}

/// What a tunnel made of something, with the bytes taken out of its buffer.
enum Made {
    Nothing,
    Datagram(Vec<u8>),
    Packet(Vec<u8>, Ipv4Addr),
    Refused,
}

fn made(result: TunnResult<'_>) -> Made {
    match result {
        TunnResult::Done => Made::Nothing,
        TunnResult::WriteToNetwork(bytes) => Made::Datagram(bytes.to_vec()),
        TunnResult::WriteToTunnelV4(bytes, source) => Made::Packet(bytes.to_vec(), source),
        TunnResult::WriteToTunnelV6(..) | TunnResult::Err(_) => Made::Refused,
    }
}

impl Switch {
    pub(crate) fn new(secret: SecretKey, number: Number) -> Self {
        let public = Point::from(secret.public().0);
        let handshakes = (Instant::now(), 0);
        Self { secret, public, number, peers: BTreeMap::new(), out: VecDeque::new(), searched: None, handshakes }
    }

    /// Takes the next thing to be sent.
    pub(crate) fn next(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// Who the peers are; tunnels whose key stays are kept.
    pub(crate) fn set_peers(&mut self, specs: &[PeerSpec]) {
        let numbers: BTreeSet<Number> = specs.iter().map(|spec| spec.number).collect();
        self.peers.retain(|number, _| numbers.contains(number));
        for spec in specs.iter().filter(|spec| spec.number != self.number) {
            match self.peers.get_mut(&spec.number).filter(|peer| peer.key == spec.key) {
                Some(peer) => spec.endpoints.iter().for_each(|endpoint| peer.look_at(*endpoint)),
                None => {
                    self.peers.insert(spec.number, Peer::new(&self.secret, spec));
                }
            }
        }
        self.searched = None;
    }

    pub(crate) fn seen(&self, now: Instant) -> BTreeMap<Number, Seen> {
        let seen = |peer: &Peer| Seen {
            path: peer.path(now),
            handshake: peer.tunnel.stats().0,
            sent: peer.sent,
            received: peer.received,
        };
        self.peers.iter().map(|(number, peer)| (*number, seen(peer))).collect()
    }

    /// A packet of the container.
    pub(crate) fn take_packet(&mut self, packet: &[u8], now: Instant) {
        // Frames are for nodes alone: a container that could send them would speak for its node.
        if frame::is_frame(packet) {
            return;
        }
        let to = Tunn::dst_address(packet).and_then(|to| match to {
            std::net::IpAddr::V4(to) => address::number(to),
            std::net::IpAddr::V6(_) => None,
        });
        if let Some(to) = to {
            self.encrypt(to, packet, now);
        }
    }

    /// A datagram from outside.
    pub(crate) fn take_datagram(&mut self, datagram: &[u8], from: SocketAddr, now: Instant) {
        if let Some(peer) = self.sender(datagram, now) {
            self.decrypt(peer, datagram, Way::Direct(from), now);
        }
    }

    /// Whose datagram it says to be. Only decrypting tells whether that is so.
    fn sender(&mut self, datagram: &[u8], now: Instant) -> Option<Number> {
        match Tunn::parse_incoming_packet(datagram).ok()? {
            Packet::HandshakeInit(init) => {
                let (since, count) = &mut self.handshakes;
                if now.duration_since(*since) >= Duration::from_secs(1) {
                    (*since, *count) = (now, 0);
                }
                *count += 1;
                if *count > MOST_HANDSHAKES {
                    return None;
                }
                let half = parse_handshake_anon(&self.secret.secret(), &self.public, &init).ok()?;
                self.peers.values().find(|peer| peer.key.0 == half.peer_static_public).map(|peer| peer.number)
            }
            Packet::HandshakeResponse(response) => Some(response.receiver_idx >> 8),
            Packet::PacketCookieReply(reply) => Some(reply.receiver_idx >> 8),
            Packet::PacketData(data) => Some(data.receiver_idx >> 8),
        }
    }

    fn encrypt(&mut self, to: Number, packet: &[u8], now: Instant) {
        let mut buffer = [0u8; ROOM];
        let Some(peer) = self.peers.get_mut(&to) else { return };
        if packet.len() + 32 > ROOM {
            return;
        }
        peer.sent += packet.len() as u64;
        if let Made::Datagram(datagram) = made(peer.tunnel.encapsulate(packet, &mut buffer)) {
            self.send(to, datagram, now);
        }
    }

    /// Sends a datagram of a tunnel by the way that is known; by every way while none is.
    fn send(&mut self, to: Number, datagram: Vec<u8>, now: Instant) {
        let Some(peer) = self.peers.get(&to) else { return };
        match peer.way(now) {
            Some(Way::Direct(address)) => self.out.push_back(Out::Network(address, datagram)),
            Some(Way::Relay(by)) => self.relay(by, self.number, to, &datagram, now),
            None => {
                for address in peer.candidates() {
                    self.out.push_back(Out::Network(address, datagram.clone()));
                }
                let direct = |other: &&Peer| other.number != to && other.address(now).is_some();
                if let Some(by) = self.peers.values().find(direct).map(|peer| peer.number) {
                    self.relay(by, self.number, to, &datagram, now);
                }
            }
        }
    }

    /// Hands a datagram to a node that is reached directly, for another.
    fn relay(&mut self, by: Number, from: Number, to: Number, datagram: &[u8], now: Instant) {
        let frame = Frame::Relayed { from, to, datagram };
        let Some(packet) = frame::write(&frame, self.number, by) else { return };
        let mut buffer = [0u8; ROOM];
        let Some(peer) = self.peers.get_mut(&by) else { return };
        let Some(address) = peer.address(now) else { return };
        if packet.len() + 32 > ROOM {
            return;
        }
        if let Made::Datagram(datagram) = made(peer.tunnel.encapsulate(&packet, &mut buffer)) {
            self.out.push_back(Out::Network(address, datagram));
        }
    }

    fn decrypt(&mut self, from: Number, datagram: &[u8], by: Way, now: Instant) {
        if datagram.len() > ROOM {
            return;
        }
        let mut buffer = [0u8; ROOM];
        let mut input = datagram;
        let ip = match by {
            Way::Direct(address) => Some(address.ip()),
            Way::Relay(_) => None,
        };
        loop {
            let Some(peer) = self.peers.get_mut(&from) else { return };
            let made = made(peer.tunnel.decapsulate(ip, input, &mut buffer));
            if matches!(made, Made::Refused) {
                return;
            }
            if !input.is_empty() {
                peer.heard(by, now);
            }
            match made {
                Made::Datagram(answer) => self.answer(from, answer, by, now),
                Made::Packet(packet, source) => return self.packet(from, &packet, source, now),
                Made::Nothing | Made::Refused => return,
            }
            // What waited for the handshake goes now.
            input = &[];
        }
    }

    /// An answer of a tunnel goes back by the way on which its cause came.
    fn answer(&mut self, to: Number, datagram: Vec<u8>, by: Way, now: Instant) {
        match by {
            Way::Direct(address) => self.out.push_back(Out::Network(address, datagram)),
            Way::Relay(relay) => self.relay(relay, self.number, to, &datagram, now),
        }
    }

    /// A packet out of a tunnel: it must come from the peer's own address, for this node's.
    fn packet(&mut self, from: Number, packet: &[u8], source: Ipv4Addr, now: Instant) {
        let is_for_us = Tunn::dst_address(packet) == Some(address::of(self.number).into());
        if source != address::of(from) || !is_for_us {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.received += packet.len() as u64;
        }
        if !frame::is_frame(packet) {
            self.out.push_back(Out::Device(packet.to_vec()));
            return;
        }
        match frame::parse(packet) {
            Some(Frame::Relayed { from: sender, to, datagram }) if to == self.number => {
                if self.sender(datagram, now) == Some(sender) {
                    self.decrypt(sender, datagram, Way::Relay(from), now);
                }
            }
            // Passed on once, to whom is reached directly: relays make no chains.
            Some(Frame::Relayed { from: sender, to, datagram }) if sender == from => {
                self.relay(to, sender, to, datagram, now);
            }
            Some(Frame::Seen { peer, at }) => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.look_at(at);
                }
            }
            Some(Frame::Relayed { .. }) | None => {}
        }
    }

    /// Lets time pass: handshakes, keepalives, and the search for direct ways.
    pub(crate) fn tick(&mut self, now: Instant) {
        let numbers: Vec<Number> = self.peers.keys().copied().collect();
        for number in &numbers {
            let mut buffer = [0u8; ROOM];
            let Some(peer) = self.peers.get_mut(number) else { continue };
            if let Made::Datagram(datagram) = made(peer.tunnel.update_timers(&mut buffer)) {
                self.send(*number, datagram, now);
            }
        }
        if self.searched.is_some_and(|searched| now.duration_since(searched) < SEARCH) {
            return;
        }
        self.searched = Some(now);
        for number in numbers {
            self.search(number, now);
            self.tell(number, now);
        }
    }

    /// Sends an empty packet, or a handshake, to all addresses at which a peer may be that is not reached directly: two who do
    /// so at once open the way for each other.
    fn search(&mut self, number: Number, now: Instant) {
        let mut buffer = [0u8; ROOM];
        let Some(peer) = self.peers.get_mut(&number).filter(|peer| peer.address(now).is_none()) else { return };
        let relayed = peer.way(now).is_some();
        // Without any way the last handshake went where nobody was: another one, without waiting for its time-out.
        let attempt = match relayed {
            true => peer.tunnel.encapsulate(&[], &mut buffer),
            false => peer.tunnel.format_handshake_initiation(&mut buffer, true),
        };
        if let Made::Datagram(datagram) = made(attempt) {
            if relayed {
                for address in peer.candidates() {
                    self.out.push_back(Out::Network(address, datagram.clone()));
                }
            } else {
                self.send(number, datagram, now);
            }
        }
    }

    /// Tells a peer where the others are seen from here.
    fn tell(&mut self, number: Number, now: Instant) {
        if self.peers.get(&number).is_none_or(|peer| peer.address(now).is_none()) {
            return;
        }
        let others = self.peers.values().filter(|peer| peer.number != number);
        let seen: Vec<(Number, SocketAddr)> =
            others.filter_map(|peer| Some((peer.number, peer.address(now)?))).collect();
        for (peer, at) in seen {
            if let Some(packet) = frame::write(&Frame::Seen { peer, at }, self.number, number) {
                self.encrypt(number, &packet, now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
