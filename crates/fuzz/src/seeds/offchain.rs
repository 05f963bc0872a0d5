//! What the corpora of subnets and renders begin with.

use farm::Digest;
use farm::chunks::{Chunk, Manifest};
use inference::gateway::openai::CHAT;
use inference::keys::Hotkey;
use inference::wire::{Caller, Scheme, v2};
use mesh::frame::{self, Frame};
use proving::Puzzle;
use std::time::Duration;

use super::Seed;

/// What nodes and tenants of clusters say, by decoder.
fn clusters() -> Vec<Seed> {
    let of = |name: &str, which: u8, bytes: &[u8]| ("cluster", name.to_owned(), [&[which], bytes].concat());
    let seen = Frame::Seen { peer: 3, at: "192.0.2.7:51820".parse().unwrap() };
    let relayed = Frame::Relayed { from: 1, to: 2, datagram: b"a datagram of two others" };
    let manifest = r#"{"image":"ray:2","command":["sh"],"env":{"A":"b"},"secret":"s","checkpoint_bytes":1073741824}"#;
    let puzzle = Puzzle { rows: 3, depth: 4 };
    let product = proving::prove(puzzle, &proving::seed(b"fuzz", &[7; 32], 0));
    vec![
        of("seen", 0, &frame::write(&seen, 1, 2).unwrap()),
        of("relayed", 0, &frame::write(&relayed, 1, 3).unwrap()),
        of("manifest", 1, manifest.as_bytes()),
        of("product", 2, &product.to_bytes()),
        of("exec", 3, br#"{"args":["python","x.py"],"env":[["A","b"]],"dir":"/root"}"#),
        of("carried", 4, &mesh::wire::write("192.0.2.7:51820".parse().unwrap(), b"a datagram").unwrap()),
        of("shell", 5, br#"f{"exit_code":3}"#),
        of("order", 6, br#"{"peers":[{"number":3,"key":"00","endpoints":["192.0.2.7:51820"]}]}"#),
        of("word", 6, br#"{"knows":{"reached":[1,2],"peers":{"2":{"path":{"relay":3},"handshake":null,"sent":1,"received":2,"connect":null}}}}"#),
        of("kept", 3, br#"{"jobs":[{"submission_id":"a","status":"RUNNING"}],"checkpoint":"00","at_ms":5}"#),
    ]
}

pub(super) fn seeds() -> Vec<Seed> {
    let text = |target, name: &str, text: &str| (target, name.to_owned(), text.as_bytes().to_vec());
    let mut seeds = clusters();
    seeds.extend(vec![
        text(
            "openai",
            "chat",
            "\0{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"seed\":7,\"stop\":[\"x\"]}",
        ),
        text("openai", "completions", "\u{1}{\"model\":\"m\",\"prompt\":\"hi\",\"stream\":true}"),
        text("openai", "embeddings", "\u{2}{\"model\":\"m\",\"input\":[\"hi\"],\"encoding_format\":\"base64\"}"),
        text(
            "stream",
            "answer",
            "\u{9}data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\
             \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
        ),
        text(
            "stream",
            "embeddings",
            "\u{9}{\"data\":[{\"index\":0,\"embedding\":[0.5]}],\"usage\":{\"prompt_tokens\":1}}",
        ),
        text("hotkey", "address", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
        text(
            "hotkey",
            "file",
            "{\"secretSeed\":\"0x0101010101010101010101010101010101010101010101010101010101010101\"}",
        ),
    ]);
    // Signed by the caller for another miner, so that all but the last check is passed.
    let (key, other) = (Hotkey::from_seed(&[1; 32]).unwrap(), Hotkey::from_seed(&[3; 32]).unwrap());
    let (hotkey, session, timeout) = (key.id(), "s".to_owned(), Duration::from_secs(9));
    let caller = Caller { hotkey, nonce: 1_700_000_000_000_000_000, session, timeout, scheme: Scheme::V2 };
    let envelope = v2::Envelope { path: CHAT, netuid: 1, miner: other.id(), caller };
    let (headers, _) = v2::sign(&key, &envelope, b"{}");
    let lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    seeds.push(("signed", "v2".to_owned(), format!("{}\n\n{{}}", lines.join("\n")).into_bytes()));
    let chunk = |text: &str| Chunk { id: Digest::of(text.as_bytes()), length: 70_000 };
    seeds.push(("scene", "two".to_owned(), Manifest::new(vec![chunk("a"), chunk("b")]).unwrap().encode()));
    // A gray pixel.
    let png = "89504e470d0a1a0a0000000d4948445200000001000000010800000000\
               3a7e9b550000000a49444154789c636000000002000148afa4710000000049454e44ae426082";
    seeds.push(("pixels", "png".to_owned(), hex::decode(png).unwrap()));
    seeds
}
