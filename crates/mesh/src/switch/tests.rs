//! A whole overlay in memory: what switches send goes over links that a test shapes.

use std::collections::BTreeMap;

use super::*;
use crate::PublicKey;

/// A packet from one node to another with a body.
fn packet(from: Number, to: Number, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0u8; 20];
    packet.extend(body);
    packet[0] = 0x45;
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[9] = 17;
    packet[12..16].copy_from_slice(&address::of(from).octets());
    packet[16..20].copy_from_slice(&address::of(to).octets());
    packet
}

fn outside(number: Number) -> SocketAddr {
    format!("192.0.2.{number}:51820").parse().unwrap()
}

struct Net {
    nodes: BTreeMap<Number, Switch>,
    /// What containers received.
    received: Vec<(Number, Vec<u8>)>,
    now: Instant,
    /// Whether a datagram from one to another arrives.
    link: fn(Number, Number) -> bool,
    datagrams: Vec<(Number, Number, usize)>,
}

impl Net {
    fn new(count: Number, link: fn(Number, Number) -> bool) -> Self {
        let secrets: BTreeMap<Number, SecretKey> =
            (1..=count).map(|number| (number, SecretKey::from([number as u8; 32]))).collect();
        let specs: Vec<PeerSpec> = secrets
            .iter()
            .map(|(number, secret)| PeerSpec {
                number: *number,
                key: secret.public(),
                endpoints: vec![outside(*number)],
            })
            .collect();
        let mut nodes = BTreeMap::new();
        for (number, secret) in secrets {
            let mut switch = Switch::new(secret, number);
            switch.set_peers(&specs);
            nodes.insert(number, switch);
        }
        Self { nodes, received: Vec::new(), now: Instant::now(), link, datagrams: Vec::new() }
    }

    /// Moves everything that waits.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for number in self.nodes.keys().copied().collect::<Vec<_>>() {
                while let Some(out) = self.nodes.get_mut(&number).unwrap().next() {
                    moved = true;
                    match out {
                        Out::Device(packet) => self.received.push((number, packet)),
                        Out::Network(to, datagram) => self.carry(number, to, &datagram),
                    }
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn carry(&mut self, from: Number, to: SocketAddr, datagram: &[u8]) {
        let target = self.nodes.keys().copied().find(|number| outside(*number) == to);
        if let Some(target) = target.filter(|target| (self.link)(from, *target)) {
            self.datagrams.push((from, target, datagram.len()));
            let now = self.now;
            self.nodes.get_mut(&target).unwrap().take_datagram(datagram, outside(from), now);
        }
    }

    /// Lets real time pass in steps: tunnels read the clock themselves.
    fn pass(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.now += SEARCH;
            for switch in self.nodes.values_mut() {
                switch.tick(self.now);
            }
            self.settle();
        }
    }

    fn send(&mut self, from: Number, to: Number, body: &[u8]) {
        let now = self.now;
        self.nodes.get_mut(&from).unwrap().take_packet(&packet(from, to, body), now);
        self.settle();
    }

    fn path(&self, from: Number, to: Number) -> Path {
        self.nodes[&from].seen(self.now)[&to].path.clone()
    }
}

#[test]
fn packets_cross_and_only_their_own_addresses_do() {
    let mut net = Net::new(3, |_, _| true);
    net.pass(2);
    net.send(1, 2, b"hello");
    assert_eq!(net.received, [(2, packet(1, 2, b"hello"))]);
    assert_eq!(net.path(1, 2), Path::Direct(outside(2)));
    // A container that writes another's address as its own is not heard.
    net.received.clear();
    let now = net.now;
    net.nodes.get_mut(&1).unwrap().take_packet(&packet(3, 2, b"forged"), now);
    net.settle();
    assert_eq!(net.received, []);
    // Nor one that speaks as its node.
    let frame = frame::write(&Frame::Seen { peer: 3, at: "198.51.100.9:9".parse().unwrap() }, 1, 2).unwrap();
    net.nodes.get_mut(&1).unwrap().take_packet(&frame, now);
    assert!(net.nodes.get_mut(&1).unwrap().next().is_none());
}

#[test]
fn who_cannot_reach_each_other_go_through_a_third_that_cannot_read_it() {
    let mut net = Net::new(3, |from, to| from == 3 || to == 3);
    net.pass(4);
    net.send(1, 2, &[7; 1_200]);
    net.pass(1);
    net.send(1, 2, &[8; 1_260]);
    assert_eq!(net.path(1, 2), Path::Relay(3));
    assert!(net.received.contains(&(2, packet(1, 2, &[8; 1_260]))), "{:?}", net.received.len());
    // What was meant for another never reaches the container between.
    assert!(net.received.iter().all(|(at, _)| *at == 2));
    // A full packet that is relayed fits into one of 1500 bytes, with 28 of UDP and IP.
    let largest = net.datagrams.iter().map(|(.., length)| *length).max().unwrap();
    assert!(largest + 28 <= 1_500, "{largest}");
}

#[test]
fn a_direct_way_takes_over_when_it_opens() {
    let mut net = Net::new(3, |from, to| from == 3 || to == 3);
    net.pass(4);
    net.send(1, 2, b"relayed");
    assert_eq!(net.path(1, 2), Path::Relay(3));
    net.link = |_, _| true;
    net.pass(2);
    assert_eq!(net.path(1, 2), Path::Direct(outside(2)));
    net.send(1, 2, b"direct");
    assert!(net.received.contains(&(2, packet(1, 2, b"direct"))));
}

#[test]
fn strangers_and_replays_are_not_heard() {
    let mut net = Net::new(2, |_, _| true);
    net.pass(2);
    // A node with a key that nobody named.
    let mut stranger = Switch::new(SecretKey::from([9; 32]), 1);
    let target = &net.nodes[&2].secret.public();
    stranger.set_peers(&[PeerSpec { number: 2, key: PublicKey(target.0), endpoints: vec![outside(2)] }]);
    stranger.take_packet(&packet(1, 2, b"let me in"), net.now);
    while let Some(out) = stranger.next() {
        if let Out::Network(_, datagram) = out {
            net.carry(1, outside(2), &datagram);
        }
    }
    net.settle();
    assert_eq!(net.received, []);
    // A datagram that comes twice is one, and moves nobody's address.
    let now = net.now;
    net.nodes.get_mut(&1).unwrap().take_packet(&packet(1, 2, b"once"), now);
    let Some(Out::Network(_, datagram)) = net.nodes.get_mut(&1).unwrap().next() else { panic!("a datagram") };
    let elsewhere: SocketAddr = "203.0.113.5:1".parse().unwrap();
    net.nodes.get_mut(&2).unwrap().take_datagram(&datagram, outside(1), now);
    net.nodes.get_mut(&2).unwrap().take_datagram(&datagram, elsewhere, now);
    net.settle();
    assert_eq!(net.received, [(2, packet(1, 2, b"once"))]);
    assert_eq!(net.path(2, 1), Path::Direct(outside(1)));
}
