//! Bytes and hashes that CometBFT's own Go code gives.

use engine::ValidatorKey;
use engine::comet::sign_bytes::{VoteKind, vote_sign_bytes};
use engine::comet::{
    BlockRef, ChainId, EvidenceList, Hash, Header, HeaderFields, Time, TxOutcome, assemble, decode_block, encode_block,
    first_mismatch, hashes, light_set, verify_commit,
};
use engine::comet::{Certificate, CometError, CommitError, CommitSig};
use primitives::validators::ValidatorSet;
use sha2::{Digest, Sha256};
use tendermint::account;
use tendermint::block::header::Version;

fn sum(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn chain(id: &str) -> ChainId {
    id.parse().unwrap()
}

/// CometBFT `types/block_test.go`, `TestHeaderHash`.
#[test]
fn a_header_hashes_as_in_go() {
    let zero = BlockRef::new([0; 32], 6, [0; 32], Time::unix_epoch()).unwrap();
    let address: [u8; 20] = sum("proposer_address")[..20].try_into().unwrap();
    let header = Header {
        version: Version { block: 1, app: 2 },
        chain_id: chain("chainId"),
        height: 3u32.into(),
        time: Time::parse_from_rfc3339("2019-10-13T16:14:44Z").unwrap(),
        last_block_id: Some(zero.id()),
        last_commit_hash: Some(Hash::Sha256(sum("last_commit_hash"))),
        data_hash: Some(Hash::Sha256(sum("data_hash"))),
        validators_hash: Hash::Sha256(sum("validators_hash")),
        next_validators_hash: Hash::Sha256(sum("next_validators_hash")),
        consensus_hash: Hash::Sha256(sum("consensus_hash")),
        app_hash: sum("app_hash").to_vec().try_into().unwrap(),
        last_results_hash: Some(Hash::Sha256(sum("last_results_hash"))),
        evidence_hash: Some(Hash::Sha256(sum("evidence_hash"))),
        proposer_address: account::Id::new(address),
    };
    assert_eq!(header.hash().to_string(), "F740121F553B5418C3EFBD343C2DBFE9E007BB67B0D020A0741374BAB65242A4");
}

/// Keys, powers and hash from Go, by way of tendermint-rs' `test_validator_set`.
#[test]
fn a_validator_set_hashes_as_in_go() {
    let keys = [
        "30a33784e793e6a3389e7fdab38bd467da597a7ee55854302000b9ae3f48cb34",
        "36fdae99794a91b46f10d630c16d688637a29710b6727d8720c3ecf840704a65",
        "b6cd0d56931b4131a0760bb47523ce2344131bad455ccce0c833f951698070f4",
    ];
    let powers = [148_151_478_422_287_875, 158_095_448_483_785_107, 770_561_664_770_006_272];
    let key = |hex: &str| <[u8; 32]>::try_from(hex::decode(hex).unwrap()).unwrap();
    let members: Vec<_> = keys.into_iter().map(key).zip(powers).collect();
    let set = ValidatorSet::new(&members).unwrap();
    let hash = hex::encode(hashes::validators_hash(&set));
    assert_eq!(hash, "0b406b04ea51e84bccc7a072e561f35f76d511163954477ac8a9c0fc2994dfb4");
    assert_eq!(light_set(&set).unwrap().hash().as_bytes(), hashes::validators_hash(&set));
}

/// A vote for no block (Go's vector of `TestVoteSignBytesTestVectors` for a prevote, its
/// timestamp the epoch), and one for a block as tendermint-rs writes it.
#[test]
fn votes_sign_canonical_bytes() {
    let nil = vote_sign_bytes(&chain("a"), VoteKind::Prevote, 1, 1, None);
    assert_eq!(hex::encode(nil), "190801110100000000000000190100000000000000 2a00 320161".replace(' ', ""));
    let time = Time::parse_from_rfc3339("2017-12-25T03:00:01.234Z").unwrap();
    let block = BlockRef::new(sum("blockID_hash"), 1000, sum("parts"), time).unwrap();
    let vote = tendermint::Vote {
        vote_type: tendermint::vote::Type::Precommit,
        height: 12345u32.into(),
        round: 2u16.into(),
        block_id: Some(block.id()),
        timestamp: Some(time),
        validator_address: account::Id::new([1; 20]),
        validator_index: 56789u32.try_into().unwrap(),
        signature: None,
        extension: vec![],
        extension_signature: None,
    };
    let id = chain("test_chain_id");
    assert_eq!(vote_sign_bytes(&id, VoteKind::Precommit, 12345, 2, Some(&block)), vote.into_signable_vec(id));
}

#[test]
fn small_hashes_are_the_known_ones() {
    // Of nothing: SHA-256 of no bytes. Of one empty leaf: SHA-256 of a zero byte (RFC 6962).
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    assert_eq!(hex::encode(hashes::last_commit_hash(None)), nothing);
    assert_eq!(hex::encode(hashes::evidence_hash(&EvidenceList::default())), nothing);
    assert_eq!(hex::encode(hashes::last_results_hash(&[])), nothing);
    assert_eq!(hex::encode(hashes::last_results_hash(&[TxOutcome::default()])), empty_leaf);
    // CometBFT's default consensus parameters, as in the headers of many public chains.
    assert_eq!(
        hex::encode_upper(hashes::consensus_hash(22_020_096, -1)),
        "048091BC7DDC283F77BFBF91D73C44DA58C3DF8A9CBC867405D8B7F3DAADA22F"
    );
}

fn keys() -> Vec<ValidatorKey> {
    (1..=4).map(|seed| ValidatorKey::from_seed([seed; 32])).collect()
}

fn set() -> ValidatorSet {
    let members: Vec<_> = keys().iter().map(|k| (k.public_key(), 10)).collect();
    ValidatorSet::new(&members).unwrap()
}

fn first_block() -> (Vec<u8>, BlockRef) {
    let set = set();
    let fields = HeaderFields {
        app_version: 1,
        chain_id: &chain("c"),
        height: 1,
        time: Time::from_unix_timestamp(1_700_000_000, 5).unwrap(),
        last_block_id: None,
        last_commit: None,
        txs: &[b"one".to_vec(), vec![7; 100_000]],
        evidence: &EvidenceList::default(),
        validators: &set,
        next_validators: &set,
        consensus_hash: [3; 32],
        app_hash: vec![4; 32],
        last_results_hash: hashes::last_results_hash(&[]),
        proposer: set.proposer(),
    };
    let (block, bytes, block_ref) = assemble(&fields).unwrap();
    assert_eq!(decode_block(&bytes).unwrap(), block);
    assert_eq!(block_ref.parts_total(), 2);
    (bytes, block_ref)
}

#[test]
fn a_block_has_one_encoding() {
    let (bytes, _) = first_block();
    let block = decode_block(&bytes).unwrap();
    assert_eq!(encode_block(&block), bytes);
    // As in Go, the first block's parent and last commit are empty, not missing.
    let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(has(&[0x2a, 2, 0x12, 0, 0x32]), "field 5 of the header, before field 6");
    assert!(bytes.ends_with(&[0x22, 4, 0x1a, 2, 0x12, 0]), "field 4 of the block");
    // An unknown field would change the part set but not the header.
    let padded = [&bytes[..], &[0xf8, 0x07, 0x01]].concat();
    assert_eq!(decode_block(&padded), Err(CometError::NotCanonical));
    assert!(matches!(decode_block(b"no block"), Err(CometError::Malformed { .. })));
}

#[test]
fn the_field_that_differs_is_named() {
    let header = decode_block(&first_block().0).unwrap().header;
    assert_eq!(first_mismatch(&header, &header), None);
    let mut other = header.clone();
    other.app_hash = vec![9; 32].try_into().unwrap();
    assert_eq!(first_mismatch(&header, &other), Some("app_hash"));
}

fn certificate(block: BlockRef, signers: usize) -> Certificate {
    let message = vote_sign_bytes(&chain("c"), VoteKind::Precommit, 1, 0, Some(&block));
    let sign = |seed: u8| {
        let key = arc_malachitebft_signing_ed25519::PrivateKey::from([seed; 32]);
        (ValidatorKey::from_seed([seed; 32]).address(), key.sign(&message).to_bytes())
    };
    let signatures = (1..=signers as u8).map(sign).collect();
    Certificate { height: 1, round: 0, block, signatures }
}

#[test]
fn a_commit_needs_more_than_two_thirds_and_true_signatures() {
    let (_, block) = first_block();
    let (id, set) = (chain("c"), set());
    let check = |commit| verify_commit(&id, &set, 1, &block, &commit);
    let three = certificate(block, 3).to_commit(&set).unwrap();
    assert_eq!(check(three.clone()), Ok(()));
    assert_eq!(check(certificate(block, 4).to_commit(&set).unwrap()), Ok(()));
    let two = certificate(block, 2).to_commit(&set).unwrap();
    assert_eq!(check(two), Err(CommitError::Power { signed: 20, total: 40 }));

    assert_eq!(verify_commit(&id, &set, 2, &block, &three), Err(CommitError::OtherBlock("height")));
    let other_chain = verify_commit(&chain("d"), &set, 1, &block, &three);
    assert!(matches!(other_chain, Err(CommitError::Entry { reason: "invalid signature", .. })));

    let mut short = three.clone();
    short.signatures.pop();
    assert_eq!(check(short), Err(CommitError::Length { expected: 4, found: 3 }));
    let mut swapped = certificate(block, 4).to_commit(&set).unwrap();
    swapped.signatures.swap(0, 1);
    let reason = "signed by another address";
    assert!(matches!(check(swapped), Err(CommitError::Entry { reason: r, .. }) if r == reason));
    let mut late = three;
    for entry in &mut late.signatures {
        if let CommitSig::BlockIdFlagCommit { timestamp, .. } = entry {
            *timestamp = Time::unix_epoch();
        }
    }
    let reason = "timestamp is not the block's time";
    assert!(matches!(check(late), Err(CommitError::Entry { reason: r, .. }) if r == reason));
}

#[test]
fn a_certificate_comes_back_from_its_bytes() {
    let certificate = certificate(first_block().1, 3);
    assert_eq!(Certificate::decode(&certificate.encode()).unwrap(), certificate);
    assert!(Certificate::decode(b"\x0a").is_err());
}
