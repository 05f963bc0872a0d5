//! What peers send. The first byte chooses the message, so that one corpus serves all of a channel.

use bytes::Bytes;
use engine::comet;
use engine::foreign::Foreign;

const GOSSIP: &[Foreign] =
    &[Foreign::Consensus, Foreign::Liveness, Foreign::Part, Foreign::StreamMessage, Foreign::ValidatorProof];
const SYNC: &[Foreign] = &[Foreign::Status, Foreign::SyncRequest, Foreign::SyncResponse];

pub(crate) fn p2p(bytes: &[u8]) {
    chosen(GOSSIP, bytes);
}

pub(crate) fn sync(bytes: &[u8]) {
    chosen(SYNC, bytes);
}

pub(crate) fn block(bytes: &[u8]) {
    let Ok(block) = comet::decode_block(bytes) else { return };
    let encoded = comet::encode_block(&block);
    let again = comet::decode_block(&encoded);
    let again = again.unwrap_or_else(|error| panic!("a block does not decode from its own bytes: {error}"));
    assert_eq!(again, block);
    assert_eq!(comet::encode_block(&again), encoded);
    assert_eq!(again.header.hash(), block.header.hash());
}

fn chosen(kinds: &[Foreign], bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let kind = kinds[usize::from(*first) % kinds.len()];
    let Ok(once) = kind.normalise(Bytes::copy_from_slice(rest)) else { return };
    let twice = kind.normalise(once.clone());
    let twice = twice.unwrap_or_else(|error| panic!("{kind:?} does not decode from its own encoding: {error}"));
    assert_eq!(once, twice, "{kind:?} has two encodings");
}
