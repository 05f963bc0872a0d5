//! What nodes of a cluster, their tenants and other suppliers say.

use std::net::SocketAddr;

use client::cluster::{ExecAsk, Kept, Manifest};
use client::exec::{self, ExecEvent};
use mesh::frame::{self, Frame};
use mesh::wire;
use provider::cluster::guest;
use proving::{Product, Puzzle};

/// The first byte chooses the decoder.
pub(crate) fn cluster(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    match first % 7 {
        0 => overlay(body),
        1 => manifest(body),
        2 => products(body),
        3 => asked(body),
        4 => carried(body),
        5 => leased(body),
        _ => told(body),
    }
}

/// A frame is read as what it is written again from.
fn overlay(packet: &[u8]) {
    let Some(found) = frame::parse(packet) else { return };
    assert!(frame::is_frame(packet));
    let again = frame::write(&found, 1, 2).expect("what was read can be written");
    assert_eq!(frame::parse(&again), Some(found.clone()));
    if let Frame::Seen { at, .. } = found {
        assert!(matches!(at, SocketAddr::V4(_)) && at.port() > 0);
    }
}

/// A datagram on a carrier's stream is read as what it is written again from.
fn carried(bytes: &[u8]) {
    if let Some((address, datagram)) = wire::parse(bytes) {
        let again = wire::write(address, datagram).expect("what was read can be written");
        assert!(bytes.starts_with(&again));
    }
}

/// A manifest that is accepted under its hash is accepted under no other.
fn manifest(bytes: &[u8]) {
    let hash = Manifest::hash(bytes);
    let Ok(read) = Manifest::parse(bytes, &hash) else { return };
    let again = read.to_bytes();
    assert_eq!(Manifest::parse(&again, &Manifest::hash(&again)).as_ref(), Ok(&read));
    assert!(Manifest::parse(bytes, &[0; 32]).is_err());
}

/// Bytes are the products of no seed that they were not computed from.
fn products(bytes: &[u8]) {
    let puzzle = Puzzle { rows: 3, depth: 4 };
    let Some(product) = Product::from_bytes(puzzle, bytes) else { return };
    assert_eq!(product.to_bytes(), bytes);
    let seed = proving::seed(b"fuzz", &[7; 32], 0);
    if proving::check(puzzle, &seed, &product, b"draw") {
        assert_eq!(product, proving::prove(puzzle, &seed));
    }
}

/// What is to be run, and what is kept.
fn asked(bytes: &[u8]) {
    if let Ok(ask) = serde_json::from_slice::<ExecAsk>(bytes) {
        let again = serde_json::to_vec(&ask).expect("texts serialise");
        assert_eq!(serde_json::from_slice::<ExecAsk>(&again).expect("what was written is read"), ask);
    }
    if let Ok(kept) = serde_json::from_slice::<Kept>(bytes) {
        let again = serde_json::to_vec(&kept).expect("texts serialise");
        serde_json::from_slice::<Kept>(&again).expect("what was written is read");
    }
}

/// A lease's program says what its first byte names, and nothing that was not sent.
fn leased(bytes: &[u8]) {
    match exec::of_lease(bytes) {
        Some(ExecEvent::Stdout(text) | ExecEvent::Stderr(text)) => assert_eq!(text, bytes[1..]),
        Some(ExecEvent::Exit(_)) => assert_eq!(bytes[0], 102),
        None => {}
    }
}

/// What a broker and its guest tell each other is read as it is written again.
fn told(line: &[u8]) {
    if let Some(again) = guest::rewritten(line) {
        assert_eq!(guest::rewritten(&again), Some(again));
    }
}
