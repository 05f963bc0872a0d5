//! What the corpora of credentials, images, older messages and amino JSON begin with: fixtures of other crates' tests.

use classic::Classic;
use client::{SigningKey, token};
use proto::cosmos::base::v1beta1::Coin;
use proto::cosmos::tx::signing::v1beta1::SignMode;
use proto::cosmos::tx::v1beta1::mode_info::{Single, Sum};
use proto::cosmos::tx::v1beta1::{AuthInfo, Fee, ModeInfo, SignerInfo, TxBody, TxRaw};
use proto::{Any, Message};
use serde_json::{Value, json};

use super::Seed;
use crate::chain::recorded;

pub(super) fn seeds() -> Vec<Seed> {
    [older(), amino(), tokens(), certificates(), settings(), images()].into_iter().flatten().collect()
}

/// What akashjs 0.11.1 encodes.
fn older() -> Vec<Seed> {
    let document: Value = serde_json::from_str(include_str!("../../../classic/tests/vectors/akashjs.json")).unwrap();
    let bytes = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
    let classic = Classic::new();
    let mut seeds = Vec::new();
    for message in document["messages"].as_array().unwrap() {
        let url = message["url"].as_str().unwrap();
        let Some(number) = (0..=u8::MAX).zip(classic.message_urls()).find(|(_, known)| *known == url) else { continue };
        let name = url.rsplit('.').next().unwrap().to_owned();
        seeds.push(("older", name, [&[0, number.0][..], &bytes(&message["value"])].concat()));
    }
    for (number, path) in (0..=u8::MAX).zip(classic.query_paths()) {
        let name = path.rsplit('.').next().unwrap_or(path).replace('/', "-");
        seeds.push(("older", format!("{number}-{name}"), vec![1, number]));
    }
    seeds
}

/// The recorded transactions as a wallet that signs JSON sends them.
fn amino() -> Vec<Seed> {
    let mode = ModeInfo { sum: Some(Sum::Single(Single { mode: SignMode::LegacyAminoJson as i32 })) };
    let mut seeds = Vec::new();
    for height in 1..=10u8 {
        for (number, tx) in recorded(height.into()).into_iter().enumerate() {
            let raw = TxRaw::decode(tx.as_slice()).unwrap();
            let mut auth = AuthInfo::decode(raw.auth_info_bytes.as_slice()).unwrap();
            auth.signer_infos.iter_mut().for_each(|info: &mut SignerInfo| info.mode_info = Some(mode.clone()));
            let tx = TxRaw { auth_info_bytes: auth.encode_to_vec(), ..raw }.encode_to_vec();
            seeds.push(("amino", format!("block-{height}-{number}"), tx));
        }
    }
    seeds.push(("amino", "transfer".to_owned(), transfer(mode)));
    seeds
}

fn transfer(mode: ModeInfo) -> Vec<u8> {
    let amount = vec![Coin { denom: "utet".to_owned(), amount: "7".to_owned() }];
    let send = proto::cosmos::bank::v1beta1::MsgSend {
        from_address: "tetra1x".to_owned(),
        to_address: "tetra1y".to_owned(),
        amount: amount.clone(),
    };
    let message = Any { type_url: "/cosmos.bank.v1beta1.MsgSend".to_owned(), value: send.encode_to_vec() };
    let body = TxBody { messages: vec![message], memo: "<&>".to_owned(), ..TxBody::default() };
    let signer = SignerInfo { public_key: None, mode_info: Some(mode), sequence: 3 };
    let fee = Fee { amount, gas_limit: 200_000, ..Fee::default() };
    let auth = AuthInfo { signer_infos: vec![signer], fee: Some(fee) };
    let raw = TxRaw {
        body_bytes: body.encode_to_vec(),
        auth_info_bytes: auth.encode_to_vec(),
        signatures: vec![vec![1; 64]],
    };
    raw.encode_to_vec()
}

fn tokens() -> Vec<Seed> {
    let owner = "tetra1owner";
    let claims =
        |leases: Value| json!({ "iss": owner, "iat": 20, "nbf": 10, "exp": 30, "version": "v1", "leases": leases });
    let kinds = [
        ("full", json!({ "access": "full" })),
        ("scoped", json!({ "access": "scoped", "scope": ["status", "logs"] })),
        (
            "granular",
            json!({ "access": "granular", "permissions": [{
                "provider": "tetra1provider", "access": "granular",
                "deployments": [{ "dseq": 7, "scope": ["send-manifest"], "services": ["web"], "gseq": 1, "oseq": 1 }],
            }] }),
        ),
    ];
    let key = SigningKey::from_bytes([1; 32]).unwrap();
    let mut seeds = Vec::new();
    for (name, leases) in kinds {
        let claims = claims(leases);
        let header = format!("Bearer {}", token::signed(&key, &claims));
        seeds.push(("token", format!("{name}.header"), [&[0][..], header.as_bytes()].concat()));
        seeds.push(("token", format!("{name}.claims"), [&[1][..], claims.to_string().as_bytes()].concat()));
    }
    let outside = include_str!("../../../client/tests/data/chain-sdk-1.0.0-alpha.25.jwt");
    let header = format!("Bearer {}", outside.trim());
    seeds.push(("token", "chain-sdk.header".to_owned(), [&[0][..], header.as_bytes()].concat()));
    seeds
}

fn certificates() -> Vec<Seed> {
    let files = [
        ("akashjs", &include_bytes!("../../../client/tests/data/akashjs-0.11.1.cert.pem")[..]),
        ("chain-sdk", include_bytes!("../../../client/tests/data/chain-sdk-1.0.0-alpha.25.cert.pem")),
        ("pypi", include_bytes!("../../../client/tests/data/pypi-akash-0.6.0.cert.pem")),
        ("openssl", include_bytes!("../../../ledger/src/cert/vectors/openssl.cert.pem")),
        ("jsrsasign", include_bytes!("../../../ledger/src/cert/vectors/jsrsasign.cert.pem")),
        ("rsa", include_bytes!("../../../ledger/src/cert/vectors/rsa.cert.pem")),
    ];
    let mut seeds = Vec::new();
    for (name, pem) in files {
        let der = client::certs::read::block(pem, "CERTIFICATE").unwrap();
        seeds.push(("certificate", format!("{name}.pem"), pem.to_vec()));
        seeds.push(("certificate", format!("{name}.der"), der));
    }
    let key = include_bytes!("../../../ledger/src/cert/vectors/openssl.pub.pem");
    seeds.push(("certificate", "openssl.pub.pem".to_owned(), key.to_vec()));
    seeds
}

fn settings() -> Vec<Seed> {
    let key = json!({
        "format": "tetra-key/v1", "name": "some", "dev": true,
        "address": hex::encode(SigningKey::from_bytes([1; 32]).unwrap().address().as_bytes()),
        "secret": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
    });
    let node = node::NodeConfig::local("validator-0", 26_657, 26_656, 26_658);
    let (gateway, proxy) = ("127.0.0.1:8443".parse().unwrap(), "127.0.0.1:8080".parse().unwrap());
    let provider = provider::ProviderConfig::new("http://127.0.0.1:26657", "p", "/keys", "agent", gateway, proxy);
    let texts = [
        ("key", key.to_string()),
        ("node", serde_json::to_string(&node).unwrap()),
        ("provider", serde_json::to_string(&provider).unwrap()),
    ];
    let first = (0u8..).zip(texts);
    first.map(|(kind, (name, text))| ("settings", name.to_owned(), [&[kind][..], text.as_bytes()].concat())).collect()
}

fn images() -> Vec<Seed> {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let descriptor = json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": 7 });
    let platform = json!({ "architecture": "amd64", "os": "linux" });
    let mut of_index = descriptor.clone();
    of_index["platform"] = platform;
    let documents = [
        (1u8, "index", json!({ "schemaVersion": 2, "manifests": [of_index] })),
        (2, "manifest", json!({ "schemaVersion": 2, "config": descriptor, "layers": [descriptor] })),
        (
            3,
            "config",
            json!({
                "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [digest] },
                "config": { "Entrypoint": ["/bin/sh"], "Cmd": ["-c", "true"], "Env": ["A=b"], "User": "7:8" },
            }),
        ),
    ];
    let mut seeds: Vec<Seed> = documents
        .into_iter()
        .map(|(kind, name, value)| ("image", name.to_owned(), [&[kind][..], value.to_string().as_bytes()].concat()))
        .collect();
    seeds.push(("image", "name".to_owned(), b"\0ghcr.io/a/b:1".to_vec()));
    for (name, layer) in layers() {
        seeds.push(("image", format!("layer-{name}"), [&[4][..], &layer].concat()));
    }
    seeds
}

/// Small archives: a sound one, one that hides, and some that want out.
fn layers() -> Vec<(&'static str, Vec<u8>)> {
    use tar::EntryType::{Directory, Link, Regular, Symlink};
    let sound =
        [("bin", Directory, ""), ("bin/sh", Regular, ""), ("bin/ls", Link, "bin/sh"), ("sh", Symlink, "bin/sh")];
    let hides =
        [("etc", Directory, ""), ("etc/a", Regular, ""), ("etc/.wh.a", Regular, ""), ("etc/.wh..wh..opq", Regular, "")];
    let wants_out = [("up", Symlink, ".."), ("up/outside", Regular, ""), ("x", Link, "../outside")];
    let climbs = [("../outside", Regular, ""), ("/outside", Regular, ""), ("a/../../outside", Regular, "")];
    let archives = [("sound", &sound[..]), ("whiteouts", &hides), ("wants-out", &wants_out), ("climbs", &climbs)];
    archives.map(|(name, entries)| (name, archive(entries))).into()
}

fn archive(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, kind, target) in entries {
        let mut header = tar::Header::new_gnu();
        // By its bytes, for the builder refuses paths that climb.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_gnu_mut().unwrap().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(*kind);
        let content: &[u8] = if *kind == tar::EntryType::Regular { b"content" } else { b"" };
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }
    archive.into_inner().unwrap()
}
