use primitives::validators::ConsensusAddress;
use proptest::prelude::*;

use super::*;

fn peer(seed: u8) -> PeerId {
    crate::keys::NodeKey::from_seed([seed; 32]).peer_id().parse().unwrap()
}

fn init(height: u64) -> PartInit {
    PartInit { height, round: 1, valid_round: None, proposer: ConsensusAddress([3; 20]) }
}

fn block(len: usize) -> Bytes {
    (0..len).map(|i| (i % 251) as u8).collect::<Vec<_>>().into()
}

fn feed(streams: &mut Streams, from: PeerId, messages: Vec<StreamMessage<Part>>) -> Vec<Arrived> {
    messages.into_iter().filter_map(|m| streams.insert(from, 5, m)).collect()
}

proptest! {
    #[test]
    fn a_stream_arrives_once_in_any_order(
        len in 0usize..300_000,
        order in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let bytes = block(len);
        let mut messages = cut(init(5), &bytes, [9; 64], seed);
        let first = order.index(messages.len());
        messages.rotate_left(first);
        messages.push(messages[0].clone());
        let mut streams = Streams::default();
        let arrived = feed(&mut streams, peer(1), messages);
        prop_assert_eq!(arrived, vec![Arrived { init: init(5), bytes, signature: [9; 64] }]);
    }
}

#[test]
fn other_heights_and_foreign_names_are_dropped() {
    let mut streams = Streams::default();
    let peer = peer(1);
    for height in [4, 8] {
        assert!(feed(&mut streams, peer, cut(init(height), &block(10), [0; 64], 1)).is_empty());
    }
    let nameless = StreamMessage::new(StreamId::new(Bytes::from_static(b"x")), 0, StreamContent::Fin);
    assert!(streams.insert(peer, 5, nameless).is_none());
    assert!(streams.publishers.is_empty());
}

#[test]
fn a_stream_larger_than_a_block_is_dropped() {
    let mut streams = Streams::default();
    let messages = cut(init(5), &block(MAX_BLOCK_BYTES + 1), [0; 64], 1);
    assert!(feed(&mut streams, peer(1), messages).is_empty());
    assert!(streams.bytes() <= MAX_BLOCK_BYTES);
}

#[test]
fn a_flood_costs_the_flooder_its_own_streams_only() {
    let mut streams = Streams::default();
    let (honest, flooder) = (peer(1), peer(2));
    let mut messages = cut(init(5), &block(200_000), [1; 64], 1);
    let last = messages.pop().unwrap();
    assert!(feed(&mut streams, honest, messages).is_empty());
    for nonce in 0..100 {
        let mut junk = cut(init(6), &block(MAX_BLOCK_BYTES), [2; 64], nonce);
        junk.pop();
        feed(&mut streams, flooder, junk);
        assert!(streams.bytes() <= BYTES_PER_PUBLISHER + MAX_BLOCK_BYTES);
    }
    assert_eq!(feed(&mut streams, honest, vec![last]).len(), 1);
}

#[test]
fn many_flooders_stay_below_the_total() {
    let mut streams = Streams::default();
    for seed in 0..40 {
        let mut junk = cut(init(6), &block(MAX_BLOCK_BYTES), [2; 64], 0);
        junk.pop();
        feed(&mut streams, peer(seed), junk);
        assert!(streams.bytes() <= BYTES_IN_ALL);
    }
    streams.prune(7);
    assert_eq!(streams.bytes(), 0);
    assert!(streams.publishers.is_empty());
}

#[test]
fn a_stream_out_of_form_is_dropped() {
    let mut streams = Streams::default();
    let name = StreamName { height: 5, round: 1, nonce: 0 };
    let contents = [
        StreamContent::Data(Part::Init(init(5))),
        StreamContent::Data(Part::Fin([0; 64])),
        StreamContent::Data(Part::Data(block(3))),
        StreamContent::Fin,
    ];
    let messages = contents
        .into_iter()
        .zip(0..)
        .map(|(content, sequence)| StreamMessage::new(name.to_id(), sequence, content))
        .collect();
    assert!(feed(&mut streams, peer(1), messages).is_empty());
    assert!(streams.publishers.is_empty());
}
