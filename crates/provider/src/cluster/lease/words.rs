//! What the broker and its guest in a lease tell each other: a JSON document a line.

use std::net::SocketAddr;

use mesh::{Number, PeerSpec, PublicKey, SecretKey, Status};
use serde::{Deserialize, Serialize};

/// The longest line that is read.
pub(super) const LONGEST: usize = 1 << 20;

/// To the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Order {
    /// Become a node; once.
    Begin {
        /// Which.
        number: Number,
        /// Its key, in hex.
        secret: String,
    },
    /// The other nodes.
    Peers(Vec<Peer>),
}

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Peer {
    number: Number,
    key: String,
    endpoints: Vec<SocketAddr>,
}

impl From<PeerSpec> for Peer {
    fn from(spec: PeerSpec) -> Self {
        Self { number: spec.number, key: hex::encode(spec.key.0), endpoints: spec.endpoints }
    }
}

impl Peer {
    /// The same for an overlay; none when its key is none.
    pub(super) fn spec(self) -> Option<PeerSpec> {
        let key = PublicKey(bytes(&self.key)?);
        Some(PeerSpec { number: self.number, key, endpoints: self.endpoints })
    }
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// A key of an order; none when it is none.
pub(super) fn secret(text: &str) -> Option<SecretKey> {
    bytes(text).map(SecretKey::from)
}

/// From the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Word {
    /// It waits for its wire.
    Waits,
    /// Its packets arrive at this port of its carrier.
    Wired {
        /// The port.
        port: u16,
    },
    /// It is a node.
    Began,
    /// What it knows.
    Knows(Status),
    /// It cannot, and ends.
    Failed(String),
}

/// A document as a line.
pub(super) fn line<T: Serialize>(document: &T) -> Vec<u8> {
    // Maps with numbers for keys and plain enums: nothing that JSON lacks.
    let mut line = serde_json::to_vec(document).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_told_comes_back() {
        let key = SecretKey::generate();
        let spec = PeerSpec { number: 3, key: key.public(), endpoints: vec!["192.0.2.7:9".parse().unwrap()] };
        let order = Order::Peers(vec![Peer::from(spec.clone())]);
        let read: Order = serde_json::from_slice(&line(&order)).unwrap();
        let Order::Peers(peers) = read else { panic!("{read:?}") };
        assert_eq!(peers.into_iter().filter_map(Peer::spec).collect::<Vec<_>>(), [spec]);
        let peer = mesh::PeerStatus {
            path: mesh::Path::Relay(4),
            handshake: None,
            sent: 1,
            received: 2,
            connect: Some(std::time::Duration::from_millis(3)),
        };
        let status = Status { reached: vec![1, 2], peers: BTreeMap::from([(2, peer)]) };
        let word = Word::Knows(status);
        assert_eq!(serde_json::from_slice::<Word>(&line(&word)).unwrap(), word);
        assert!(secret(&hex::encode(key.to_bytes())).is_some() && secret("00").is_none());
        assert!(serde_json::from_str::<Order>(r#"{"begin":{"number":1,"secret":"x","more":1}}"#).is_err());
    }
}
