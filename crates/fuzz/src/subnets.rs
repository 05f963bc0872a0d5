//! What users of a gateway, callers of a miner and miners say.

use std::collections::BTreeMap;

use inference::gateway::answer::{Reader, Step};
use inference::gateway::embeddings::{self, EmbedAsk};
use inference::gateway::openai::{self, Ask, Door, Said};
use inference::keys::{Hotkey, HotkeyId, keyfile, ss58};
use inference::wire::{v1, v2};
use serde_json::{Map, Value};

/// The most tokens of an answer.
const MOST: u32 = 1_024;

/// The first byte chooses the door, the rest is the body.
pub(crate) fn openai(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    if first % 3 == 2 {
        let Ok((ask, _)) = embeddings::read(body) else { return };
        let (again, _) = embeddings::read(&ask.to_wire()).expect("what miners see is a request");
        assert_eq!(again, ask);
        return;
    }
    let door = if first % 3 == 0 { Door::Chat } else { Door::Completions };
    let Ok(request) = openai::read(body, door, 256, MOST) else { return };
    assert!((1..=MOST).contains(&request.ask.max_tokens) && !request.ask.messages.is_empty());
    let again = openai::read(&request.ask.to_wire(), Door::Chat, 256, MOST).expect("what miners see is a request");
    assert_eq!(again.ask, request.ask);
}

fn ask() -> Ask {
    Ask {
        model: "m".to_owned(),
        messages: vec![Said { role: "user".to_owned(), content: "hi".to_owned() }],
        max_tokens: 10,
        temperature: 1.0,
        top_p: 1.0,
        seed: 1,
        stop: Vec::new(),
    }
}

fn steps(pieces: &[&[u8]]) -> Option<Vec<Step>> {
    let mut reader = Reader::new(&ask());
    let mut steps = Vec::new();
    for piece in pieces {
        steps.extend(reader.feed(piece).ok()?);
    }
    Some(steps)
}

/// The first byte says where the stream is cut in two.
pub(crate) fn stream(bytes: &[u8]) {
    let Some((cut, body)) = bytes.split_first() else { return };
    let (left, right) = body.split_at(usize::from(*cut).min(body.len()));
    let whole = steps(&[body]);
    let in_two = steps(&[left, right]);
    if let (Some(whole), Some(in_two)) = (&whole, &in_two) {
        assert_eq!(whole, in_two, "pieces change an answer");
    }
    for step in whole.into_iter().flatten() {
        if let Step::End { usage, .. } = step {
            assert!(usage.completion <= 10 && usage.prompt <= ask().most_prompt_tokens());
        }
    }
    let asked = EmbedAsk { model: "m".to_owned(), texts: vec!["a".to_owned()] };
    if let Ok((vectors, usage)) = embeddings::answer(&asked, body) {
        assert!(vectors.len() == 1 && usage.prompt <= asked.most_tokens());
    }
}

fn miner() -> HotkeyId {
    Hotkey::from_seed(&[2; 32]).expect("a key").id()
}

/// Lines `name: value`, an empty line, and the body, as a request of either protocol: nobody has signed it.
pub(crate) fn signed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let lines: BTreeMap<&str, &str> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let mut headers = axum::http::HeaderMap::new();
    for (name, value) in lines {
        let (name, value) = (name.parse::<axum::http::HeaderName>(), axum::http::HeaderValue::from_str(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    assert!(v2::verify(&headers, "/v1/task", body.as_bytes(), 1, miner()).is_err());
    let synapse = v1::Synapse { name: "Prompting".to_owned(), hashed: vec!["prompt".to_owned()] };
    let fields: Map<String, Value> = serde_json::from_str(body).unwrap_or_default();
    assert!(v1::verify(&headers, &synapse, &fields, miner()).is_err());
}

/// An address, or a key file without and with a password.
pub(crate) fn hotkey(bytes: &[u8]) {
    if let Ok(key) = std::str::from_utf8(bytes).map_err(drop).and_then(|text| ss58::decode(text).map_err(drop)) {
        assert_eq!(ss58::encode(&key).as_bytes(), bytes);
    }
    // What is locked costs as much as its lock wants; its form alone is looked at here.
    if !keyfile::is_locked(bytes)
        && let Ok(key) = keyfile::open(bytes, None)
    {
        assert_eq!(ss58::decode(&key.id().to_string()), Ok(*key.id().as_bytes()));
    }
}
