//! What an unmodified light client makes of a chain's headers and commits.

use std::time::Duration;

use client::Node;
use serde_json::Value;
use tendermint::block::CommitSig;
use tendermint::block::signed_header::SignedHeader;
use tendermint::{PublicKey, Signature, Time, validator, vote};
use tendermint_light_client_verifier::errors::VerificationErrorDetail as Detail;
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::types::{LightBlock, TrustThreshold};
use tendermint_light_client_verifier::{ProdVerifier, Verdict, Verifier};

use crate::common::at;

fn set_of(validators: &Value) -> validator::Set {
    let infos: Vec<validator::Info> = serde_json::from_value(validators["validators"].clone()).unwrap();
    validator::Set::without_proposer(infos)
}

/// What a node says of a header, at height 0 of its last one, whose commit is the one that this node saw.
async fn signed_header(node: &Node, height: u64) -> SignedHeader {
    serde_json::from_value(at(node, "commit", height).await["signed_header"].take()).unwrap()
}

/// The last block of a node.
pub(crate) async fn latest(node: &Node) -> LightBlock {
    let signed = signed_header(node, 0).await;
    let height = signed.header.height.value();
    let (set, next) = (at(node, "validators", height).await, at(node, "validators", height + 1).await);
    LightBlock::new(signed, set_of(&set), set_of(&next), tendermint::node::Id::new([0; 20]))
}

/// Everything that a node says of its headers, from block 1 to `tip`.
pub(crate) async fn fetch(node: &Node, tip: u64) -> Vec<LightBlock> {
    let mut blocks = Vec::new();
    let mut set = set_of(&at(node, "validators", 1).await);
    for height in 1..=tip {
        let signed = signed_header(node, height).await;
        assert_eq!(signed.header.height.value(), height);
        let next = set_of(&at(node, "validators", height + 1).await);
        let voters = std::mem::replace(&mut set, next.clone());
        blocks.push(LightBlock::new(signed, voters, next, tendermint::node::Id::new([0; 20])));
    }
    blocks
}

fn verdict(trusted: &LightBlock, untrusted: &LightBlock) -> Verdict {
    let options = Options {
        trust_threshold: TrustThreshold::ONE_THIRD,
        trusting_period: Duration::from_secs(3600),
        clock_drift: Duration::from_secs(5),
    };
    ProdVerifier::default().verify_update_header(
        untrusted.as_untrusted_state(),
        trusted.as_trusted_state(),
        &options,
        Time::now(),
    )
}

/// Accepts block 1 by itself, each block after its parent, and a sample straight after block 1, with `latest` in it.
pub(crate) fn accepts(blocks: &[LightBlock], latest: &LightBlock) {
    let verifier = ProdVerifier::default();
    let first = blocks[0].as_untrusted_state();
    assert_eq!(verifier.verify_validator_sets(&first), Verdict::Success);
    assert_eq!(verifier.verify_commit(&first), Verdict::Success);
    for pair in blocks.windows(2) {
        assert_eq!(verdict(&pair[0], &pair[1]), Verdict::Success, "height {}", pair[1].height());
    }
    let far = blocks.iter().skip(2).step_by(3).chain([latest]);
    for block in far {
        assert_eq!(verdict(&blocks[0], block), Verdict::Success, "skipping to {}", block.height());
    }
}

/// A block whose header says something else; its commit names the forged header if `renamed`.
fn forged(block: &LightBlock, renamed: bool, change: impl Fn(&mut tendermint::block::Header)) -> LightBlock {
    let mut forged = block.clone();
    change(&mut forged.signed_header.header);
    if renamed {
        forged.signed_header.commit.block_id.hash = forged.signed_header.header.hash();
    }
    forged
}

fn with_flipped_bit(block: &LightBlock) -> LightBlock {
    let mut flipped = block.clone();
    let signatures = flipped.signed_header.commit.signatures.iter_mut();
    let mut present = signatures.filter_map(|entry| match entry {
        CommitSig::BlockIdFlagCommit { signature: Some(signature), .. } => Some(signature),
        _ => None,
    });
    let signature = present.next().unwrap();
    let mut bytes = signature.as_bytes().to_vec();
    bytes[7] ^= 0x10;
    *signature = Signature::new(bytes).unwrap().unwrap();
    flipped
}

fn foreign_keys(count: usize) -> Vec<ed25519_consensus::SigningKey> {
    (0..count).map(|index| ed25519_consensus::SigningKey::from([index as u8 + 51; 32])).collect()
}

fn public(key: &ed25519_consensus::SigningKey) -> PublicKey {
    PublicKey::from_raw_ed25519(key.verification_key().as_bytes()).unwrap()
}

/// The same block, decided by another validator set of the same powers, faultless in itself.
fn usurped(block: &LightBlock) -> LightBlock {
    let keys = foreign_keys(block.validators.validators().len());
    let powers = block.validators.validators().iter().map(|info| info.power);
    let infos = keys.iter().zip(powers).map(|(key, power)| validator::Info::new(public(key), power)).collect();
    let set = validator::Set::without_proposer(infos);
    let mut usurped = forged(block, true, |header| {
        header.validators_hash = set.hash();
        header.next_validators_hash = set.hash();
        header.proposer_address = set.validators()[0].address;
    });
    let SignedHeader { header, commit, .. } = &mut usurped.signed_header;
    let signed = set.validators().iter().zip(0u32..).map(|(info, index)| {
        let key = keys.iter().find(|key| public(key) == info.pub_key).unwrap();
        let mut vote = tendermint::Vote {
            vote_type: vote::Type::Precommit,
            height: commit.height,
            round: commit.round,
            block_id: Some(commit.block_id),
            timestamp: Some(header.time),
            validator_address: info.address,
            validator_index: index.try_into().unwrap(),
            signature: None,
            extension: Vec::new(),
            extension_signature: None,
        };
        let signature = key.sign(&vote.clone().into_signable_vec(header.chain_id.clone()));
        vote.signature = Signature::new(signature.to_bytes()).unwrap();
        CommitSig::BlockIdFlagCommit {
            validator_address: info.address,
            timestamp: header.time,
            signature: vote.signature,
        }
    });
    commit.signatures = signed.collect();
    (usurped.validators, usurped.next_validators) = (set.clone(), set);
    usurped
}

/// Refuses forgeries of the last block, both after its parent and straight after block 1.
pub(crate) fn refuses(blocks: &[LightBlock]) {
    let [first, .., parent, last] = blocks else { panic!("{} blocks", blocks.len()) };
    let other_app_hash = |header: &mut tendermint::block::Header| {
        let mut hash = header.app_hash.as_bytes().to_vec();
        hash[0] ^= 1;
        header.app_hash = hash.try_into().unwrap();
    };
    let later = |header: &mut tendermint::block::Header| {
        header.time = header.time.checked_add(Duration::from_nanos(1)).unwrap();
    };
    let mut foreign = last.clone();
    let usurped = usurped(last);
    foreign.validators = usurped.validators.clone();
    for trusted in [parent, first] {
        let says = |block: &LightBlock| match verdict(trusted, block) {
            Verdict::Invalid(detail) => detail,
            other => panic!("after {}: {other:?}", trusted.height()),
        };
        for forgery in [forged(last, false, other_app_hash), forged(last, false, later)] {
            assert!(matches!(says(&forgery), Detail::InvalidCommitValue(_)), "{:?}", says(&forgery));
        }
        for forgery in [forged(last, true, other_app_hash), forged(last, true, later), with_flipped_bit(last)] {
            assert!(matches!(says(&forgery), Detail::InvalidSignature(_)), "{:?}", says(&forgery));
        }
        assert!(matches!(says(&foreign), Detail::InvalidValidatorSet(_)), "{:?}", says(&foreign));
    }
    // A set of their own, faultless in itself: but the parent names another set, and nobody trusted has signed.
    let itself = usurped.as_untrusted_state();
    assert_eq!(ProdVerifier::default().verify_validator_sets(&itself), Verdict::Success);
    assert_eq!(ProdVerifier::default().verify_commit(&itself), Verdict::Success);
    assert!(matches!(verdict(parent, &usurped), Verdict::Invalid(Detail::InvalidNextValidatorSet(_))));
    assert!(matches!(verdict(first, &usurped), Verdict::NotEnoughTrust(_)), "{:?}", verdict(first, &usurped));
}
