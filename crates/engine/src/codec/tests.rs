use arc_malachitebft_app_channel::app::consensus::LivenessMsg;
use arc_malachitebft_app_channel::app::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::codec::HasEncodedLen;
use arc_malachitebft_app_channel::app::types::core::{
    CommitCertificate, CommitSignature, ExtendedCommitCertificate, NilOrVal, PolkaCertificate, PolkaSignature, Round,
    RoundCertificate, RoundCertificateType, RoundSignature, SignedMessage, SignedProposal, SignedVote, ValidatorProof,
    Validity, VoteType,
};
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::sync::{RawDecidedValue, Request, Response, Status};
use arc_malachitebft_app_channel::app::types::{ProposedValue, SignedConsensusMsg};
use arc_malachitebft_signing_ed25519::Signature;
use arc_malachitebft_sync::{ValueRequest, ValueResponse};
use primitives::validators::ConsensusAddress;
use proptest::prelude::*;
use tendermint::Time;

use super::*;
use crate::comet::{BlockRef, Certificate};
use crate::context::{Address, Ctx, Height, Part, PartInit, Proposal, Vote};
use crate::host::UndecidedBlock;

fn block() -> impl Strategy<Value = BlockRef> {
    (any::<[u8; 32]>(), 1u32..=1601, any::<[u8; 32]>(), -1_000_000i64..4_000_000_000, 0u32..1_000_000_000).prop_map(
        |(hash, total, root, seconds, nanos)| {
            let time = Time::from_unix_timestamp(seconds, nanos).unwrap();
            BlockRef::new(hash, total, root, time).unwrap()
        },
    )
}

fn value() -> impl Strategy<Value = NilOrVal<BlockRef>> {
    prop::option::of(block()).prop_map(|b| b.map_or(NilOrVal::Nil, NilOrVal::Val))
}

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(|bytes| Address(ConsensusAddress(bytes)))
}

fn signature() -> impl Strategy<Value = Signature> {
    any::<[u8; 64]>().prop_map(Signature::from_bytes)
}

fn height() -> impl Strategy<Value = Height> {
    (0..=i64::MAX as u64).prop_map(Height)
}

fn round_number() -> impl Strategy<Value = u32> {
    0..=i32::MAX as u32
}

fn kind() -> impl Strategy<Value = VoteType> {
    prop_oneof![Just(VoteType::Prevote), Just(VoteType::Precommit)]
}

fn vote() -> impl Strategy<Value = SignedVote<Ctx>> {
    (kind(), height(), round_number(), value(), address(), signature()).prop_map(
        |(kind, height, round, value, address, signature)| {
            let round = Round::new(round);
            let vote = Vote { kind, height, round, value, address, extension: None };
            SignedMessage::new(vote, signature)
        },
    )
}

fn proposal() -> impl Strategy<Value = SignedProposal<Ctx>> {
    let valid_round = prop::option::of(round_number());
    (height(), round_number(), block(), valid_round, address(), signature()).prop_map(
        |(height, round, value, valid, address, signature)| {
            let (round, pol_round) = (Round::new(round), Round::from(valid));
            let proposal = Proposal { height, round, value, pol_round, address };
            SignedMessage::new(proposal, signature)
        },
    )
}

fn polka() -> impl Strategy<Value = PolkaCertificate<Ctx>> {
    let signatures = prop::collection::vec((address(), signature()), 0..5);
    (height(), round_number(), block(), signatures).prop_map(|(height, round, value_id, signatures)| PolkaCertificate {
        height,
        round: Round::new(round),
        value_id,
        polka_signatures: signatures.into_iter().map(|(a, s)| PolkaSignature::new(a, s)).collect(),
    })
}

fn round_certificate() -> impl Strategy<Value = RoundCertificate<Ctx>> {
    let signatures = prop::collection::vec((kind(), value(), address(), signature()), 0..5);
    (height(), round_number(), any::<bool>(), signatures).prop_map(|(height, round, skip, signatures)| {
        RoundCertificate {
            height,
            round: Round::new(round),
            cert_type: match skip {
                true => RoundCertificateType::Skip,
                false => RoundCertificateType::Precommit,
            },
            round_signatures: signatures.into_iter().map(|(k, v, a, s)| RoundSignature::new(k, v, a, s)).collect(),
        }
    })
}

fn init() -> impl Strategy<Value = PartInit> {
    (height(), round_number(), prop::option::of(round_number()), address()).prop_map(
        |(height, round, valid_round, proposer)| PartInit {
            height: height.0,
            round,
            valid_round,
            proposer: proposer.0,
        },
    )
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from)
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![init().prop_map(Part::Init), bytes().prop_map(Part::Data), any::<[u8; 64]>().prop_map(Part::Fin),]
}

fn certificate() -> impl Strategy<Value = Certificate> {
    let signatures = prop::collection::btree_map(any::<[u8; 20]>(), any::<[u8; 64]>(), 0..5);
    (height(), round_number(), block(), signatures).prop_map(|(height, round, block, signatures)| Certificate {
        height: height.0,
        round,
        block,
        signatures: signatures.into_iter().map(|(address, signature)| (ConsensusAddress(address), signature)).collect(),
    })
}

fn there_and_back<T: WireForm>(value: &T) -> T {
    decode(encode(value).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn consensus_messages_come_back(vote in vote(), proposal in proposal()) {
        for message in [SignedConsensusMsg::Vote(vote), SignedConsensusMsg::Proposal(proposal)] {
            prop_assert_eq!(there_and_back(&message), message);
        }
    }

    #[test]
    fn liveness_messages_come_back(
        vote in vote(),
        polka in polka(),
        round in round_certificate(),
    ) {
        prop_assert_eq!(there_and_back(&polka), polka.clone());
        for message in [
            LivenessMsg::Vote(vote),
            LivenessMsg::PolkaCertificate(polka),
            LivenessMsg::SkipRoundCertificate(round),
        ] {
            let back: LivenessMsg<Ctx> = there_and_back(&message);
            prop_assert_eq!(format!("{back:?}"), format!("{message:?}"));
        }
    }

    #[test]
    fn streams_come_back(part in part(), id in bytes(), sequence: u64) {
        prop_assert_eq!(there_and_back(&part), part.clone());
        for content in [StreamContent::Data(part), StreamContent::Fin] {
            let message = StreamMessage::new(StreamId::new(id.clone()), sequence, content);
            prop_assert_eq!(there_and_back(&message), message);
        }
    }

    #[test]
    fn stored_forms_come_back(
        init in init(),
        block in block(),
        bytes in bytes(),
        valid: bool,
        signature in signature(),
    ) {
        let value = ProposedValue::<Ctx> {
            height: Height(init.height),
            round: Round::new(init.round),
            valid_round: Round::from(init.valid_round),
            proposer: Address(init.proposer),
            value: block,
            validity: Validity::from_bool(valid),
        };
        prop_assert_eq!(there_and_back(&value), value);
        let undecided = UndecidedBlock {
            height: init.height,
            round: init.round,
            valid_round: init.valid_round,
            proposer: init.proposer,
            block,
            bytes: bytes.clone(),
        };
        prop_assert_eq!(UndecidedBlock::decode(&undecided.encode()).unwrap(), undecided);
        let proof = ValidatorProof::<Ctx>::new(bytes.to_vec(), bytes.to_vec(), signature);
        prop_assert_eq!(there_and_back(&proof), proof);
    }

    #[test]
    fn sync_messages_come_back(
        certificates in prop::collection::vec(certificate(), 0..4),
        bytes in bytes(),
        from in 0u64..1000,
        more in 0u64..1000,
    ) {
        let range = Height(from)..=Height(from + more);
        let request = Request::ValueRequest(ValueRequest::<Ctx>::new(range));
        prop_assert_eq!(format!("{:?}", there_and_back(&request)), format!("{request:?}"));
        let status = Status::<Ctx> {
            peer_id: crate::keys::NodeKey::from_seed([1; 32]).peer_id().parse().unwrap(),
            tip_height: Height(from + more),
            history_min_height: Height(from),
        };
        prop_assert_eq!(format!("{:?}", there_and_back(&status)), format!("{status:?}"));
        let values = certificates
            .iter()
            .map(|c| RawDecidedValue::<Ctx>::new(bytes.clone(), c.into()))
            .collect();
        let response = Response::ValueResponse(ValueResponse::new(Height(from), values));
        prop_assert_eq!(format!("{:?}", there_and_back(&response)), format!("{response:?}"));
        let length = ProtoCodec.encoded_len(&response).unwrap();
        prop_assert_eq!(length, encode(&response).unwrap().len());
    }

    #[test]
    fn certificates_come_back_in_the_order_of_addresses(certificate in certificate()) {
        prop_assert_eq!(Certificate::decode(&certificate.encode()).unwrap(), certificate.clone());
        let extended = ExtendedCommitCertificate::<Ctx>::from(&certificate);
        prop_assert_eq!(Certificate::try_from(&extended).unwrap(), certificate.clone());
        let mut signatures: Vec<_> = extended
            .commit_signatures
            .iter()
            .map(|s| CommitSignature::<Ctx>::new(s.address, s.signature))
            .collect();
        signatures.reverse();
        let plain = CommitCertificate::<Ctx> {
            height: extended.height,
            round: extended.round,
            value_id: extended.value_id,
            commit_signatures: signatures,
        };
        prop_assert_eq!(Certificate::try_from(&plain).unwrap(), certificate);
    }

    #[test]
    fn garbage_never_panics(garbage in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_everything(garbage.into());
    }

    #[test]
    fn damage_never_panics(vote in vote(), at in any::<prop::sample::Index>(), to: u8) {
        let mut damaged = encode(&SignedConsensusMsg::Vote(vote)).unwrap().to_vec();
        let at = at.index(damaged.len());
        damaged[at] = to;
        decode_everything(damaged.into());
    }
}

fn decode_everything(bytes: Bytes) {
    let _ = decode::<SignedConsensusMsg<Ctx>>(bytes.clone());
    let _ = decode::<LivenessMsg<Ctx>>(bytes.clone());
    let _ = decode::<StreamMessage<Part>>(bytes.clone());
    let _ = decode::<Part>(bytes.clone());
    let _ = decode::<ValidatorProof<Ctx>>(bytes.clone());
    let _ = decode::<ProposedValue<Ctx>>(bytes.clone());
    let _ = decode::<PolkaCertificate<Ctx>>(bytes.clone());
    let _ = decode::<Status<Ctx>>(bytes.clone());
    let _ = decode::<Request<Ctx>>(bytes.clone());
    let _ = decode::<Response<Ctx>>(bytes.clone());
    let _ = Certificate::decode(&bytes);
    let _ = UndecidedBlock::decode(&bytes);
}

#[test]
fn impossible_numbers_are_refused() {
    let request = wire::SyncRequest { from: 5, to: 4 }.encode_to_vec();
    assert!(decode::<Request<Ctx>>(request.into()).is_err());
    let far = wire::SyncRequest { from: 1, to: u64::MAX }.encode_to_vec();
    assert!(decode::<Request<Ctx>>(far.into()).is_err());
    let mut block =
        wire::BlockRef { header_hash: vec![1; 32], parts_total: 0, parts_root: vec![2; 32], seconds: 0, nanos: 0 };
    assert!(BlockRef::try_from(block.clone()).is_err(), "no parts");
    block.parts_total = 1;
    assert!(BlockRef::try_from(block.clone()).is_ok());
    block.nanos = 1_000_000_000;
    assert!(BlockRef::try_from(block).is_err(), "a nanosecond too many");
}

/// Field numbers are forever: the write-ahead log and the host's store hold these bytes.
#[test]
fn stored_bytes_do_not_change() {
    let time = Time::from_unix_timestamp(1_700_000_000, 7).unwrap();
    let block = BlockRef::new([1; 32], 2, [3; 32], time).unwrap();
    let undecided = UndecidedBlock {
        height: 9,
        round: 1,
        valid_round: Some(0),
        proposer: ConsensusAddress([4; 20]),
        block,
        bytes: Bytes::from_static(b"block"),
    };
    let (ones, threes, fours) = ("01".repeat(32), "03".repeat(32), "04".repeat(20));
    let block_hex = format!("0a20{ones}10021a20{threes}2080e2cfaa062807");
    assert_eq!(hex::encode(undecided.encode()), format!("0a1c0809100118002214{fours}124e{block_hex}1a05626c6f636b"));
    let certificate =
        Certificate { height: 9, round: 0, block, signatures: vec![(ConsensusAddress([4; 20]), [5; 64])] };
    assert_eq!(
        hex::encode(certificate.encode()),
        format!("080910001a4e{block_hex}22580a14{fours}1240{}", "05".repeat(64))
    );
}

/// Messages of every kind as seeds for the fuzz targets `p2p`, `sync` and `wal`.
#[test]
#[ignore = "records the corpus of the fuzz targets anew, where TETRA_RECORD is set"]
fn record_corpus() {
    if std::env::var_os("TETRA_RECORD").is_none() {
        return;
    }
    use arc_malachitebft_app_channel::app::consensus::Input;
    use arc_malachitebft_app_channel::app::engine::wal::encode_entry;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    fn one<T: std::fmt::Debug>(runner: &mut TestRunner, strategy: impl Strategy<Value = T>) -> T {
        strategy.new_tree(runner).unwrap().current()
    }
    let write = |target: &str, name: String, bytes: Vec<u8>| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    let chosen = |kind: u8, bytes: Bytes| [&[kind][..], &bytes].concat();
    let mut runner = TestRunner::deterministic();
    for number in 0..3 {
        let name = |what: &str| format!("{what}-{number}");
        let vote = one(&mut runner, vote());
        let polka = one(&mut runner, polka());
        let part = one(&mut runner, part());
        let blob = one(&mut runner, bytes());
        let proposal = SignedConsensusMsg::Proposal(one(&mut runner, proposal()));
        let stream = StreamMessage::new(StreamId::new(blob.clone()), number, StreamContent::Data(part.clone()));
        let round = LivenessMsg::SkipRoundCertificate(one(&mut runner, round_certificate()));
        let proof = ValidatorProof::<Ctx>::new(blob.to_vec(), blob.to_vec(), one(&mut runner, signature()));
        let vote_message = SignedConsensusMsg::<Ctx>::Vote(vote.clone());
        write("p2p", name("vote"), chosen(0, encode(&vote_message).unwrap()));
        write("p2p", name("proposal"), chosen(0, encode(&proposal).unwrap()));
        write("p2p", name("polka"), chosen(1, encode(&LivenessMsg::PolkaCertificate(polka.clone())).unwrap()));
        write("p2p", name("round"), chosen(1, encode(&round).unwrap()));
        write("p2p", name("part"), chosen(2, encode(&part).unwrap()));
        write("p2p", name("stream"), chosen(3, encode(&stream).unwrap()));
        write("p2p", name("proof"), chosen(4, encode(&proof).unwrap()));

        let status = Status::<Ctx> {
            peer_id: crate::keys::NodeKey::from_seed([1; 32]).peer_id().parse().unwrap(),
            tip_height: Height(number + 5),
            history_min_height: Height(1),
        };
        let request = Request::ValueRequest(ValueRequest::<Ctx>::new(Height(1)..=Height(number + 1)));
        let certificate = one(&mut runner, certificate());
        let value = RawDecidedValue::<Ctx>::new(blob.clone(), (&certificate).into());
        let response = Response::ValueResponse(ValueResponse::new(Height(number), vec![value]));
        write("sync", name("status"), chosen(0, encode(&status).unwrap()));
        write("sync", name("request"), chosen(1, encode(&request).unwrap()));
        write("sync", name("response"), chosen(2, encode(&response).unwrap()));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wal");
        let mut log = arc_malachitebft_app_channel::app::wal::Log::open(&path).unwrap();
        let SignedConsensusMsg::Proposal(proposal) = proposal else { continue };
        for input in [Input::Vote(vote), Input::Proposal(proposal), Input::PolkaCertificate(polka)] {
            let mut entry = Vec::new();
            encode_entry::<Ctx, _, _>(input, &ProtoCodec, &mut entry).unwrap();
            log.append(&entry).unwrap();
        }
        log.flush().unwrap();
        write("wal", name("log"), std::fs::read(&path).unwrap());
    }
}
