//! What nodes tell each other beside the packets of containers: IPv4 packets of protocol 253 (RFC 3692: for experiments), inside of
//! the tunnel, so that who says it is known. Containers cannot send them: the switch drops that protocol from the device.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::Number;
use crate::address;

/// Of IPv4 without options.
const HEADER: usize = 20;
const PROTOCOL: u8 = 253;
const RELAYED: u8 = 1;
const SEEN: u8 = 2;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A datagram from one node to another, which the node between cannot read.
    Relayed {
        /// Who sent it.
        from: Number,
        /// Whom it is for.
        to: Number,
        /// Of their own tunnel.
        datagram: &'a [u8],
    },
    /// Where a node is seen by the one that says so.
    Seen {
        /// Who.
        peer: Number,
        /// From where its packets come.
        at: SocketAddr,
    },
}

/// Whether a packet is a frame.
pub fn is_frame(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first >> 4 == 4) && packet.get(9) == Some(&PROTOCOL)
}

fn number(bytes: &[u8]) -> Option<Number> {
    Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?))
}

/// Reads a packet of the overlay as a frame; none when it is malformed.
pub fn parse(packet: &[u8]) -> Option<Frame<'_>> {
    if !is_frame(packet) {
        return None;
    }
    let (kind, body) = packet.get(HEADER..)?.split_first()?;
    match *kind {
        RELAYED => Some(Frame::Relayed {
            from: number(body)?,
            to: number(body.get(4..)?)?,
            datagram: body.get(8..).filter(|datagram| !datagram.is_empty())?,
        }),
        SEEN => {
            let peer = number(body)?;
            let ip: [u8; 4] = body.get(4..8)?.try_into().ok()?;
            let port = u16::from_be_bytes(body.get(8..10)?.try_into().ok()?);
            (body.len() == 10 && port > 0).then(|| Frame::Seen { peer, at: (Ipv4Addr::from(ip), port).into() })
        }
        _ => None,
    }
}

/// A frame as a packet from one node to another; none of what cannot be told.
pub fn write(frame: &Frame<'_>, from: Number, to: Number) -> Option<Vec<u8>> {
    let mut packet = vec![0u8; HEADER];
    match frame {
        Frame::Relayed { from, to, datagram } => {
            packet.push(RELAYED);
            packet.extend(from.to_be_bytes());
            packet.extend(to.to_be_bytes());
            packet.extend(*datagram);
        }
        Frame::Seen { peer, at } => {
            let IpAddr::V4(ip) = at.ip() else { return None };
            packet.push(SEEN);
            packet.extend(peer.to_be_bytes());
            packet.extend(ip.octets());
            packet.extend(at.port().to_be_bytes());
        }
    }
    let length = u16::try_from(packet.len()).ok()?;
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[8] = 1;
    packet[9] = PROTOCOL;
    packet[12..16].copy_from_slice(&address::of(from).octets());
    packet[16..20].copy_from_slice(&address::of(to).octets());
    Some(packet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_come_back(from in 1u32..65_535, to in 1u32..65_535, bytes in prop::collection::vec(any::<u8>(), 1..1_400)) {
            let frame = Frame::Relayed { from, to, datagram: &bytes };
            let packet = write(&frame, 1, 2).unwrap();
            prop_assert_eq!(parse(&packet), Some(frame));
        }

        #[test]
        fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn what_is_seen_comes_back_and_nothing_else_is_read() {
        let frame = Frame::Seen { peer: 3, at: "192.0.2.7:51820".parse().unwrap() };
        let packet = write(&frame, 1, 2).unwrap();
        assert_eq!(parse(&packet), Some(frame));
        assert_eq!(parse(&packet[..packet.len() - 1]), None);
        let mut udp = packet;
        udp[9] = 17;
        assert_eq!(parse(&udp), None);
    }
}
