//! The log of a transaction as nodes of the older generation wrote it: a JSON array with, for each message, its events.
//! Clients of that time read what became of their messages from it, as its successors leave it empty.
//!
//! Events of one type are shown as one, with all attributes in order, and types in order of name: so did the Cosmos SDK up to
//! 0.50. What the modules of Akash announced had the one type `akash.v1` then, with attributes `module`, `action` and the
//! parts of the id; what only later modules announce is left out.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The type of what the modules of Akash announced.
pub const AKASH: &str = "akash.v1";
/// The attribute that says by which message an event was caused.
const MESSAGE: &str = "msg_index";
/// Parts of ids, in the order in which they were shown.
const PARTS: [&str; 5] = ["owner", "dseq", "gseq", "oseq", "provider"];

/// An event as it was announced.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its type.
    pub kind: &'a str,
    /// Its attributes in order, among them `msg_index` where a message caused it.
    pub attributes: &'a [(String, String)],
}

impl<'a> Event<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

type Attributes = Vec<(String, String)>;

/// The log of a transaction of so many messages that announced `events`. Events without a message, as those of the fee,
/// are left out.
pub fn write<'a>(messages: usize, events: impl IntoIterator<Item = Event<'a>>) -> String {
    let mut found: Vec<BTreeMap<String, Attributes>> = vec![BTreeMap::new(); messages];
    for event in events {
        let message = event.get(MESSAGE).and_then(|index| index.parse::<usize>().ok());
        let Some(types) = message.and_then(|index| found.get_mut(index)) else { continue };
        if let Some((kind, attributes)) = told(event) {
            types.entry(kind.to_owned()).or_default().extend(attributes);
        }
    }
    let attribute = |(key, value): (String, String)| json!({ "key": key, "value": value });
    let event = |(kind, attributes): (String, Attributes)| json!({ "type": kind, "attributes": attributes.into_iter().map(attribute).collect::<Vec<_>>() });
    let message = |(index, types): (usize, BTreeMap<String, Attributes>)| json!({ "msg_index": index, "events": types.into_iter().map(event).collect::<Vec<_>>() });
    Value::Array(found.into_iter().enumerate().map(message).collect()).to_string()
}

/// An event in the words of the older generation.
fn told(event: Event<'_>) -> Option<(&str, Attributes)> {
    match event.kind.rsplit_once('.') {
        None => {
            let own = event.attributes.iter().filter(|(key, _)| key != MESSAGE);
            Some((event.kind, own.cloned().collect()))
        }
        Some((_, name)) if event.kind.starts_with("akash.") => Some((AKASH, akash(name, event)?)),
        Some(_) => None,
    }
}

/// The attributes of a typed event of Akash; none of one that did not exist.
fn akash(name: &str, event: Event<'_>) -> Option<Attributes> {
    let (module, action) = match name {
        "EventDeploymentCreated" => ("deployment", "deployment-created"),
        "EventDeploymentUpdated" => ("deployment", "deployment-updated"),
        "EventDeploymentClosed" => ("deployment", "deployment-closed"),
        "EventGroupStarted" => ("deployment", "group-started"),
        "EventGroupPaused" => ("deployment", "group-paused"),
        "EventGroupClosed" => ("deployment", "group-closed"),
        "EventOrderCreated" => ("market", "order-created"),
        "EventOrderClosed" => ("market", "order-closed"),
        "EventBidCreated" => ("market", "bid-created"),
        "EventBidClosed" => ("market", "bid-closed"),
        "EventLeaseCreated" => ("market", "lease-created"),
        "EventLeaseClosed" => ("market", "lease-closed"),
        "EventProviderCreated" => ("provider", "provider-created"),
        "EventProviderUpdated" => ("provider", "provider-updated"),
        "EventProviderDeleted" => ("provider", "provider-deleted"),
        "EventTrustedAuditorCreated" => ("audit", "audit-trusted-auditor-created"),
        "EventTrustedAuditorDeleted" => ("audit", "audit-trusted-auditor-deleted"),
        _ => return None,
    };
    let mut attributes = Vec::new();
    let mut add = |key: &str, value: String| attributes.push((key.to_owned(), value));
    add("module", module.to_owned());
    add("action", action.to_owned());
    let field = |name: &str| event.get(name).and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(hash) = field("hash").and_then(|hash| STANDARD.decode(hash.as_str()?).ok()) {
        add("version", hex::encode(hash));
    }
    for whose in ["owner", "auditor"] {
        if let Some(address) = field(whose).as_ref().and_then(Value::as_str) {
            add(whose, address.to_owned());
        }
    }
    let id = field("id").unwrap_or_default();
    for part in PARTS {
        match id.get(part) {
            Some(Value::String(text)) => add(part, text.clone()),
            Some(Value::Number(number)) => add(part, number.to_string()),
            _ => {}
        }
    }
    let price = field("price").unwrap_or_default();
    for part in ["denom", "amount"] {
        if let Some(text) = price.get(part).and_then(Value::as_str) {
            add(&format!("price-{part}"), text.to_owned());
        }
    }
    Some(attributes)
}
