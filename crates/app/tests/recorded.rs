//! A short chain that was recorded: its genesis, its signed transactions and what came of them.
//!
//! It must replay to the very same state, results, gas and events. When this fails, nodes of two versions would part
//! ways: hashing, key encoding, gas, events, settlement or canonical bytes have changed. If that was meant, record anew
//! with `cargo test -p app --test recorded -- --ignored` and `cargo insta review`, and say so to whoever runs a chain.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use app::Genesis;
use common::*;
use insta::assert_snapshot;
use ledger::capacity::registration_bytes;
use proto::akash::audit::v1::{MsgDeleteProviderAttributes, MsgSignProviderAttributes};
use proto::akash::base::attributes::v1::Attribute;
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::cert::v1::{Id, MsgCreateCertificate, MsgRevokeCertificate};
use proto::akash::deployment::v1::DeploymentId;
use proto::akash::deployment::v1beta4::{MsgCloseDeployment, MsgCreateDeployment};
use proto::akash::escrow::id::v1::{Account, Scope};
use proto::akash::market::v1::{BidId, LeaseId};
use proto::akash::market::v1beta5::{MsgCreateBid, MsgCreateLease, MsgWithdrawLease};
use proto::akash::provider::v1beta4::MsgCreateProvider;
use proto::cosmos::base::v1beta1::{Coin, DecCoin};
use proto::tetra::capacity::v1::{MsgRegisterHost, MsgRetireHost, Resources};
use proto::tetra::escrow::v1::MsgSettle;
use proto::{Any, ToAny};

const GENESIS: &str = include_str!("recorded/genesis.json");
/// `height transaction` a line, the transaction in hex.
const BLOCKS: &str = include_str!("recorded/blocks.txt");
/// `height module root` a line; the module `app_hash` stands for all of them.
const ROOTS: &str = include_str!("recorded/roots.txt");
/// A certificate of Alice, made once by other software.
const CERTIFICATE: &[u8] = include_bytes!("recorded/certificate.pem");
const CERTIFICATE_KEY: &[u8] = include_bytes!("recorded/certificate.pub.pem");
const CERTIFICATE_SERIAL: &str = "1767225600000000001";
const LAST_BLOCK: u64 = 10;
const GI: u64 = 1 << 30;
const GROUP: &str = r#"version: "2.0"
services:
  web:
    image: nginx:1.27
    expose:
      - port: 80
        to:
          - global: true
profiles:
  compute:
    small:
      resources:
        cpu:
          units: 1
        memory:
          size: 1Gi
        storage:
          size: 1Gi
  placement:
    anywhere:
      pricing:
        small:
          denom: uusd
          amount: 100
deployment:
  web:
    anywhere:
      profile: small
      count: 2
"#;

fn deposit(amount: u64) -> Option<Deposit> {
    let amount = Some(Coin { denom: "uusd".to_owned(), amount: amount.to_string() });
    Some(Deposit { amount, sources: vec![Source::Balance.into()] })
}

fn register_host() -> Any {
    let host = ed25519_consensus::SigningKey::from([55; 32]);
    let mut msg = MsgRegisterHost {
        owner: PROVIDER.text(),
        host_key: host.verification_key().to_bytes().to_vec(),
        offered: Some(Resources { cpu_milli: 4_000, memory: 8 * GI, storage: 50 * GI, devices: Vec::new() }),
        devices: Vec::new(),
        cpu_overcommit_percent: 100,
        host_signature: Vec::new(),
    };
    msg.host_signature = host.sign(&registration_bytes(CHAIN_ID, &msg)).to_bytes().to_vec();
    msg.to_any()
}

/// Who does what in a block.
fn story(height: u64) -> Vec<(Key, Vec<Any>)> {
    let (owner, provider) = (ALICE.text(), PROVIDER.text());
    let deployment = Some(DeploymentId { owner: owner.clone(), dseq: 3 });
    let bid = Some(BidId { owner: owner.clone(), dseq: 3, gseq: 1, oseq: 1, provider: provider.clone(), bseq: 0 });
    let lease = Some(LeaseId { owner: owner.clone(), dseq: 3, gseq: 1, oseq: 1, provider: provider.clone(), bseq: 0 });
    match height {
        1 => {
            let create = MsgCreateProvider {
                owner: provider,
                host_uri: "https://provider.example.com:8443".to_owned(),
                ..MsgCreateProvider::default()
            };
            vec![(PROVIDER, vec![create.to_any()]), (ALICE, vec![send(ALICE, DAVE, 100_000)])]
        }
        2 => {
            let sign = MsgSignProviderAttributes {
                owner: provider,
                auditor: BOB.text(),
                attributes: vec![Attribute { key: "region".to_owned(), value: "eu-west".to_owned() }],
            };
            let create = MsgCreateCertificate { owner, cert: CERTIFICATE.to_vec(), pubkey: CERTIFICATE_KEY.to_vec() };
            let (sign, create) = (sign.to_any(), create.to_any());
            vec![(PROVIDER, vec![register_host()]), (BOB, vec![sign]), (ALICE, vec![create])]
        }
        3 => {
            let groups = sdl_groups();
            let create = MsgCreateDeployment {
                id: deployment,
                groups,
                hash: vec![0x5a; 32],
                deposit: deposit(5_000_000),
                reclamation: None,
            };
            vec![(ALICE, vec![create.to_any()])]
        }
        4 => {
            let price = Some(DecCoin { denom: "uusd".to_owned(), amount: "10500000000000000000".to_owned() });
            let create = MsgCreateBid { id: bid, price, deposit: deposit(500_000), ..MsgCreateBid::default() };
            vec![(PROVIDER, vec![create.to_any()])]
        }
        5 => vec![(ALICE, vec![MsgCreateLease { bid_id: bid }.to_any()])],
        6 => {
            let id = Some(Id { owner, serial: CERTIFICATE_SERIAL.to_owned() });
            let delete =
                MsgDeleteProviderAttributes { owner: provider, auditor: BOB.text(), keys: vec!["region".to_owned()] };
            vec![(ALICE, vec![MsgRevokeCertificate { id }.to_any()]), (BOB, vec![delete.to_any()])]
        }
        // The second one is refused: there is nothing to withdraw from.
        7 => {
            let other = lease.clone().map(|lease| LeaseId { oseq: 2, ..lease });
            let withdraw = |id| MsgWithdrawLease { id }.to_any();
            vec![(PROVIDER, vec![withdraw(lease)]), (PROVIDER, vec![withdraw(other)])]
        }
        8 => {
            let id = Some(Account { scope: Scope::Deployment.into(), xid: format!("{owner}/3") });
            vec![(DAVE, vec![MsgSettle { signer: DAVE.text(), id }.to_any()])]
        }
        9 => vec![(ALICE, vec![MsgCloseDeployment { id: deployment }.to_any()])],
        _ => {
            let host_key = ed25519_consensus::SigningKey::from([55; 32]).verification_key().to_bytes().to_vec();
            let retire = MsgRetireHost { owner: provider, host_key }.to_any();
            vec![(BOB, vec![send(BOB, ALICE, 7), send(BOB, DAVE, 8)]), (PROVIDER, vec![retire])]
        }
    }
}

fn sdl_groups() -> Vec<proto::akash::deployment::v1beta4::GroupSpec> {
    sdl::Sdl::parse(GROUP).unwrap().group_messages()
}

fn signed(net: &Net, height: u64) -> Vec<Vec<u8>> {
    let mut done: BTreeMap<String, u64> = BTreeMap::new();
    let sign = |(key, messages): (Key, Vec<Any>)| {
        let account = net.account(key);
        let before = done.entry(key.text()).or_default();
        let draft = Draft::new(messages, &[(key, account.sequence + *before)]);
        *before += 1;
        draft.sign(&[(key, account.number)])
    };
    story(height).into_iter().map(sign).collect()
}

fn roots(net: &Net, height: u64) -> String {
    let mut text = String::new();
    for (module, root) in net.store.module_roots(height).unwrap() {
        writeln!(text, "{height} {module} {}", hex::encode(root)).unwrap();
    }
    writeln!(text, "{height} app_hash {}", hex::encode(net.store.app_hash(height).unwrap())).unwrap();
    text
}

fn recorded_txs(height: u64) -> Vec<Vec<u8>> {
    let lines = BLOCKS.lines().filter_map(|line| line.split_once(' '));
    lines.filter(|(at, _)| *at == height.to_string()).map(|(_, tx)| hex::decode(tx).unwrap()).collect()
}

/// Names the first height at which roots differ, and the modules.
fn assert_same_roots(net: &Net, height: u64) {
    let recorded: Vec<&str> =
        ROOTS.lines().filter(|line| line.split(' ').next() == Some(&height.to_string())).collect();
    let found = roots(net, height);
    let found: Vec<&str> = found.lines().collect();
    let differ = found.iter().filter(|line| !recorded.contains(line)).filter_map(|line| line.split(' ').nth(1));
    let differ: Vec<&str> = differ.collect();
    assert!(
        differ.is_empty() && found.len() == recorded.len(),
        "at height {height} the state differs from the recorded chain in: {}; the first difference of results in the \
         snapshot may say why",
        differ.join(", ")
    );
}

#[test]
fn the_recorded_chain_replays_to_the_same_state() {
    let mut net = Net::begin(&Genesis::parse(GENESIS).unwrap());
    assert_same_roots(&net, 0);
    for height in 1..=LAST_BLOCK {
        net.block(recorded_txs(height));
        assert_same_roots(&net, height);
    }
}

#[test]
fn the_recorded_chain_replays_to_the_same_results() {
    let mut net = Net::begin(&Genesis::parse(GENESIS).unwrap());
    let mut text = String::new();
    for height in 1..=LAST_BLOCK {
        let effects = net.block(recorded_txs(height));
        writeln!(text, "block {height}").unwrap();
        for result in &effects.results {
            let (code, gas) = (result.code, result.gas_used);
            writeln!(text, "  {} {code}, gas {gas}, data {}", result.codespace, hex::encode(&result.data)).unwrap();
            if !result.log.is_empty() {
                writeln!(text, "    {}", result.log).unwrap();
            }
            for event in &result.events {
                let attributes: Vec<String> = event.attributes.iter().map(|(k, v)| format!("{k}={v}")).collect();
                writeln!(text, "    {} {}", event.kind, attributes.join(" ")).unwrap();
            }
        }
        for event in &effects.events {
            writeln!(text, "  end: {} {:?}", event.kind, event.attributes).unwrap();
        }
    }
    assert_snapshot!(text);
}

#[test]
fn the_same_story_makes_the_same_bytes() {
    let mut net = Net::begin(&genesis());
    assert_eq!(Genesis::parse(GENESIS).unwrap(), genesis(), "the default genesis has changed");
    for height in 1..=LAST_BLOCK {
        let txs = signed(&net, height);
        assert_eq!(txs, recorded_txs(height), "the bytes of transactions have changed at height {height}");
        net.block(txs);
    }
}

#[test]
#[ignore = "records the chain anew, where TETRA_RECORD is set"]
#[allow(clippy::disallowed_methods, reason = "it writes the fixture")]
fn record() {
    if std::env::var_os("TETRA_RECORD").is_none() {
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let mut net = Net::begin(&genesis());
    let (mut blocks, mut all_roots) = (String::new(), roots(&net, 0));
    for height in 1..=LAST_BLOCK {
        let txs = signed(&net, height);
        for tx in &txs {
            writeln!(blocks, "{height} {}", hex::encode(tx)).unwrap();
        }
        net.block(txs);
        all_roots.push_str(&roots(&net, height));
    }
    let document = serde_json::to_string_pretty(&genesis()).unwrap() + "\n";
    for (name, text) in [("genesis.json", document), ("blocks.txt", blocks), ("roots.txt", all_roots)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}
