use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_malachitebft_app_channel::app::engine::host::SyncedValueOutcome;
use arc_malachitebft_app_channel::app::types::PeerId;
use arc_malachitebft_app_channel::app::types::core::CommitSignature;
use arc_malachitebft_signing_ed25519::Signature;
use bytes::Bytes;

use self::common::{Disk, MemoryHost, chain_id, key, validators};
use super::*;
use crate::keys::{NodeKey, ValidatorKey};

#[path = "../../tests/common/mod.rs"]
mod common;

const COUNT: u8 = 4;

fn peer() -> PeerId {
    NodeKey::from_seed([9; 32]).peer_id().parse().unwrap()
}

fn memory() -> MemoryHost {
    MemoryHost::new(COUNT, Arc::new(Mutex::new(Disk::default())), Duration::ZERO)
}

fn signer(key: &ValidatorKey) -> ChainSigner {
    ChainSigner::new(chain_id(), key.private().clone())
}

async fn handler<'h>(host: &'h mut MemoryHost, key: &ValidatorKey) -> Handler<'h, MemoryHost> {
    let me = Me { address: key.address(), signer: signer(key) };
    Handler::new(host, ChainVerifier::new(chain_id()), Some(me), 0).await.unwrap()
}

/// Who proposes in `round` of the first height, and somebody else.
fn proposer(round: u32) -> (ValidatorKey, ValidatorKey) {
    let address = validators(COUNT, 1).proposer_for_round(round);
    let (mine, others): (Vec<_>, Vec<_>) = (0..COUNT).map(key).partition(|key| key.address() == address);
    (mine[0].clone(), others[0].clone())
}

/// What the proposer of round 0 publishes.
async fn proposal() -> (BlockRef, Bytes, Parts) {
    let mut host = memory();
    let mut handler = handler(&mut host, &proposer(0).0).await;
    let (value, parts) = handler.get_value(Height(1), Round::ZERO).await.unwrap();
    let bytes = handler.candidates.with_content(&value.value).unwrap().bytes.clone();
    (value.value, bytes, parts)
}

async fn receive(handler: &mut Handler<'_, MemoryHost>, parts: Parts) -> Option<ProposedValue<Ctx>> {
    let mut complete = None;
    for part in parts {
        complete = handler.received_part(peer(), part).await.unwrap().or(complete);
    }
    complete
}

fn decision(block: BlockRef) -> CommitCertificate<Ctx> {
    let signature = Signature::from_bytes([1; 64]);
    CommitCertificate {
        height: Height(1),
        round: Round::ZERO,
        value_id: block,
        commit_signatures: vec![CommitSignature::new(Address(key(0).address()), signature)],
    }
}

fn no_evidence() -> MisbehaviorEvidence<Ctx> {
    MisbehaviorEvidence { proposals: Default::default(), votes: Default::default() }
}

#[tokio::test]
async fn a_proposal_is_stored_before_it_is_told_and_never_changes() {
    let disk = Arc::new(Mutex::new(Disk::default()));
    let mut host = MemoryHost::new(COUNT, disk.clone(), Duration::ZERO);
    let key = proposer(0).0;
    let first = {
        let mut handler = handler(&mut host, &key).await;
        let first = handler.get_value(Height(1), Round::ZERO).await.unwrap().0;
        assert_eq!(handler.get_value(Height(1), Round::ZERO).await.unwrap().0.value, first.value);
        first
    };
    // The same after a restart, and it is offered at the start of its round.
    let mut host = MemoryHost::new(COUNT, disk, Duration::ZERO);
    let mut handler = handler(&mut host, &key).await;
    let address = Address(key.address());
    let known = handler.started_round(Height(1), Round::ZERO, address).await.unwrap();
    assert_eq!(known.iter().map(|p| p.value).collect::<Vec<_>>(), [first.value]);
    assert_eq!(handler.get_value(Height(1), Round::ZERO).await.unwrap().0.value, first.value);
}

#[tokio::test]
async fn a_proposal_that_arrives_is_valid_and_stored() {
    let (block, _, parts) = proposal().await;
    let mut host = memory();
    let mut handler = handler(&mut host, &proposer(0).1).await;
    let value = receive(&mut handler, parts).await.unwrap();
    assert_eq!((value.value, value.validity), (block, Validity::Valid));
    assert_eq!(handler.host.undecided(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_proposal_by_somebody_else_is_refused() {
    let (_, bytes, _) = proposal().await;
    let (author, other) = proposer(0);
    let mut host = memory();
    let mut handler = handler(&mut host, &other).await;
    let init = |key: &ValidatorKey| PartInit { height: 1, round: 0, valid_round: None, proposer: key.address() };
    let not_in_turn = signer(&other).sign_parts(&init(&other), &bytes);
    assert_eq!(receive(&mut handler, cut(init(&other), &bytes, not_in_turn, 1)).await, None);
    let forged = signer(&other).sign_parts(&init(&author), &bytes);
    assert_eq!(receive(&mut handler, cut(init(&author), &bytes, forged, 2)).await, None);
    assert!(handler.host.undecided(1).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_invalid_block_is_told_but_not_stored() {
    let (_, bytes, _) = proposal().await;
    let (author, other) = proposer(0);
    let mut block = decode_block(&bytes).unwrap();
    block.header.app_hash = vec![7; 32].try_into().unwrap();
    let bytes: Bytes = crate::comet::encode_block(&block).into();
    let init = PartInit { height: 1, round: 0, valid_round: None, proposer: author.address() };
    let signature = signer(&author).sign_parts(&init, &bytes);
    let mut host = memory();
    let mut handler = handler(&mut host, &other).await;
    let value = receive(&mut handler, cut(init, &bytes, signature, 1)).await.unwrap();
    assert_eq!(value.validity, Validity::Invalid);
    assert!(handler.host.undecided(1).await.unwrap().is_empty());
    let synced = handler.synced(Height(1), Round::ZERO, bytes).await.unwrap();
    assert!(matches!(synced, SyncedValueOutcome::PeerFault));
}

#[tokio::test]
async fn a_block_that_came_early_is_considered_when_its_height_starts() {
    let (block, bytes, parts) = proposal().await;
    let key = proposer(0).1;
    let mut host = memory();
    let mut handler = handler(&mut host, &key).await;
    assert!(receive(&mut handler, parts).await.is_some());
    let author = proposer(0).0;
    let next = PartInit { height: 2, round: 0, valid_round: None, proposer: validators(COUNT, 2).proposer() };
    let early = cut(next, &bytes, [0; 64], 1);
    assert_eq!(receive(&mut handler, early).await, None);

    handler.decided(&decision(block)).await.unwrap();
    let next = handler.finalized(&decision(block), no_evidence()).await.unwrap();
    assert!(matches!(next, Next::Start(Height(2), _)));
    // It was no block of height 2: refused now, and nothing is left of it.
    let address = Address(author.address());
    let known = handler.started_round(Height(2), Round::ZERO, address).await.unwrap();
    assert!(known.is_empty());
    assert!(handler.early.take(2).is_empty());
    assert!(handler.host.undecided(1).await.unwrap().is_empty(), "pruned");
}

#[tokio::test]
async fn a_decision_without_its_block_runs_the_height_again() {
    let (block, bytes, _) = proposal().await;
    let mut host = memory();
    let mut handler = handler(&mut host, &proposer(0).1).await;
    handler.decided(&decision(block)).await.unwrap();
    let next = handler.finalized(&decision(block), no_evidence()).await.unwrap();
    assert!(matches!(next, Next::Restart(Height(1), _)));

    let synced = handler.synced(Height(1), Round::ZERO, bytes).await.unwrap();
    let SyncedValueOutcome::Verdict(value) = synced else { panic!("{synced:?}") };
    assert_eq!(value.proposer.0, proposer(0).0.address(), "from the header");
    handler.decided(&decision(block)).await.unwrap();
    let next = handler.finalized(&decision(block), no_evidence()).await.unwrap();
    assert!(matches!(next, Next::Start(Height(2), _)));
    assert_eq!(handler.host.tip(), 1);
}

#[tokio::test]
async fn a_block_proposed_again_keeps_its_author() {
    let (block, _, parts) = proposal().await;
    let again = proposer(1).0;
    let restreamed = {
        let mut host = memory();
        let mut handler = handler(&mut host, &again).await;
        receive(&mut handler, parts.clone()).await;
        handler.restream(Round::new(1), Round::ZERO, &block).await.unwrap()
    };
    let mut host = memory();
    let mut handler = handler(&mut host, &proposer(1).1).await;
    let value = receive(&mut handler, restreamed).await.unwrap();
    assert_eq!((value.round, value.valid_round), (Round::new(1), Round::ZERO));
    assert_eq!((value.value, value.validity), (block, Validity::Valid));
}

#[tokio::test]
async fn peers_get_at_most_a_batch_and_nothing_that_is_not_there() {
    let (block, _, parts) = proposal().await;
    let mut host = memory();
    let mut handler = handler(&mut host, &proposer(0).1).await;
    assert!(handler.decided_values(Height(1)..=Height(u64::MAX)).await.unwrap().is_empty());
    receive(&mut handler, parts).await;
    handler.decided(&decision(block)).await.unwrap();
    for range in [Height(0)..=Height(u64::MAX), Height(1)..=Height(1)] {
        assert_eq!(handler.decided_values(range).await.unwrap().len(), 1);
    }
    let past = Height(u64::MAX)..=Height(u64::MAX);
    assert!(handler.decided_values(past).await.unwrap().is_empty());
    assert_eq!(handler.history_min().await.unwrap(), Height(1));
}
