//! What the corpora begin with: real inputs from the examples, the recorded chain and its stores.

use engine::ValidatorKey;
use engine::comet::{EvidenceList, HeaderFields, Time, assemble, hashes};
use ledger::Event;
use node::records;
use primitives::validators::ValidatorSet;
use proto::Message;
use proto::akash::deployment::v1beta4::QueryDeploymentsRequest;
use proto::cosmos::base::query::v1beta1::PageRequest;
use sdl::Sdl;

use crate::chain::{Chain, recorded};
use crate::proofs;

mod more;
mod offchain;

pub(crate) type Seed = (&'static str, String, Vec<u8>);

/// Target, file name and bytes of each.
pub fn seeds() -> Vec<Seed> {
    let seeds =
        [transactions(), blocks(), files(), stored(), claims(), asked(), surfaces(), more::seeds(), offchain::seeds()];
    seeds.into_iter().flatten().collect()
}

fn transactions() -> Vec<Seed> {
    let mut seeds = vec![("genesis", "recorded.json".to_owned(), crate::chain::GENESIS.as_bytes().to_vec())];
    for height in 1..=10u8 {
        for (number, tx) in recorded(height.into()).into_iter().enumerate() {
            let name = format!("block-{height}-{number}");
            seeds.push(("machine", name.clone(), [&[height - 1][..], &tx].concat()));
            seeds.push(("transaction", name, tx));
        }
    }
    seeds
}

/// The first block of a chain, without and with transactions.
fn blocks() -> Vec<Seed> {
    let members: Vec<_> = (1..=4).map(|seed| (ValidatorKey::from_seed([seed; 32]).public_key(), 10)).collect();
    let set = ValidatorSet::new(&members).unwrap();
    let block = |txs: &[Vec<u8>]| {
        let fields = HeaderFields {
            app_version: 1,
            chain_id: &"fuzz-1".parse().unwrap(),
            height: 1,
            time: Time::from_unix_timestamp(1_700_000_000, 5).unwrap(),
            last_block_id: None,
            last_commit: None,
            txs,
            evidence: &EvidenceList::default(),
            validators: &set,
            next_validators: &set,
            consensus_hash: [3; 32],
            app_hash: vec![4; 32],
            last_results_hash: hashes::last_results_hash(&[]),
            proposer: set.proposer(),
        };
        assemble(&fields).unwrap().1
    };
    vec![("block", "empty".to_owned(), block(&[])), ("block", "two-txs".to_owned(), block(&recorded(7)))]
}

fn files() -> Vec<Seed> {
    let examples = [
        ("hello-web", include_str!("../../../examples/hello-web/deploy.yaml")),
        ("two-services", include_str!("../../../examples/two-services/deploy.yaml")),
        ("env-command", include_str!("../../../examples/env-command/deploy.yaml")),
        ("gpu-and-volumes", include_str!("../../sdl/tests/data/hello.yaml")),
    ];
    let mut seeds = Vec::new();
    for (name, text) in examples {
        let manifest = Sdl::parse(text).unwrap().manifest().canonical_json();
        seeds.push(("sdl", format!("{name}.yaml"), text.as_bytes().to_vec()));
        seeds.push(("manifest", format!("{name}.json"), manifest.into_bytes()));
    }
    seeds
}

/// Results and sets as the recorded chain has them, and a journal of two transactions of which one left.
fn stored() -> Vec<Seed> {
    let chain = Chain::at(4);
    let effects = chain.after(5, recorded(5));
    let events: &[Event] = &effects.events;
    let results = records::encode_results(&effects.results, events);
    let set = records::encode_validators(&effects.validators_after_next);
    let mut seeds = vec![
        ("record", "validators".to_owned(), [&[1][..], &set].concat()),
        ("record", "results".to_owned(), [&[2][..], &results].concat()),
    ];
    for (number, result) in effects.results.iter().enumerate() {
        let record = [&[3][..], &records::encode_result(result)].concat();
        seeds.push(("record", format!("result-{number}"), record));
    }
    seeds.push(("journal", "two-added-one-left".to_owned(), journal()));
    seeds
}

/// By the format that `mempool::file` documents.
fn journal() -> Vec<u8> {
    let added = |sequence: u64, tx: &[u8]| {
        let sender = b"sender";
        let length = (sender.len() as u16).to_le_bytes();
        [&[1][..], &7u64.to_le_bytes(), &sequence.to_le_bytes(), &length, sender, tx].concat()
    };
    let left = [&[2][..], &mempool::tx_hash(b"first")].concat();
    let mut file = [&b"TETRAMPL"[..], &1u32.to_le_bytes()].concat();
    for payload in [added(1, b"first"), added(2, b"second"), left] {
        file.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        file.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
        file.extend_from_slice(&payload);
    }
    file
}

fn claims() -> Vec<Seed> {
    proofs::seeds().into_iter().enumerate().map(|(number, claim)| ("proof", format!("claim-{number}"), claim)).collect()
}

fn asked() -> Vec<Seed> {
    let page = PageRequest { limit: 2, count_total: true, ..PageRequest::default() };
    let listed = QueryDeploymentsRequest { filters: None, pagination: Some(page) }.encode_to_vec();
    let chain = Chain::at(0);
    let mut seeds = Vec::new();
    for (number, path) in (0..=u8::MAX).zip(chain.app.query_paths()) {
        let name = path.rsplit('.').next().unwrap_or(path).replace('/', "-");
        seeds.push(("query", format!("{number}-{name}"), [&[number][..], &listed].concat()));
    }
    let searches = ["tm.event='Tx' AND transfer.recipient='tetra1x' AND tx.height>5", "a.b EXISTS", "a.b CONTAINS 'x'"];
    seeds.extend((0..).zip(searches).map(|(number, text): (u8, _)| ("search", number.to_string(), text.into())));
    seeds
}

/// REST and JSON, as clients of the tests send them.
fn surfaces() -> Vec<Seed> {
    let lines = [
        "GET /cosmos/bank/v1beta1/denom_owners/utet?pagination.limit=2&pagination.count_total=true",
        "GET /akash/deployment/v1beta4/deployments/list?filters.owner=tetra1x&filters.state=active",
        "GET /cosmos/bank/v1beta1/supply/by_denom?denom=utet",
        "GET /cosmos/bank/v1beta1/denoms_metadata/ibc%2F1/x",
        "GET /cosmos/base/tendermint/v1beta1/blocks/7/",
        "POST /cosmos/tx/v1beta1/simulate\n{\"tx_bytes\":\"CgA=\"}",
    ];
    let texts = [
        r#"{"address":"tetra1x","denom":"utet"}"#,
        r#"{"pagination":{"key":"AAE=","limit":"2","countTotal":true},"denom":"utet"}"#,
        r#"{"filters":{"owner":"x","dseq":"7","state":"active"}}"#,
        r#"{"tx_bytes":"CgA=","mode":"BROADCAST_MODE_SYNC"}"#,
        r#"{"account":{"@type":"/cosmos.auth.v1beta1.BaseAccount","address":"x","sequence":"3"}}"#,
    ];
    let mut seeds: Vec<Seed> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        seeds.push(("rest", number.to_string(), line.as_bytes().to_vec()));
    }
    for (number, text) in texts.iter().enumerate() {
        for kind in [0u8, 40, 80, 120] {
            seeds.push(("json", format!("{number}-{kind}"), [&[kind][..], text.as_bytes()].concat()));
        }
    }
    seeds
}
