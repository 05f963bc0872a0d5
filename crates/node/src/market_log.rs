//! What blocks announce of the market, one log line each, under the target `node::market`.

use ledger::Event;
use serde_json::Value;

use crate::books::market_event;

/// Tells of the market's events of a block.
pub(crate) fn tell<'a>(height: u64, events: impl Iterator<Item = &'a Event>) {
    for event in events {
        let Some(name) = market_event(&event.kind) else { continue };
        let id = event.attributes.iter().find(|(key, _)| key == "id").map(|(_, value)| value);
        let Some(Ok(id)) = id.map(|id| serde_json::from_str::<Value>(id)) else { continue };
        let text = |key: &str| id.get(key).and_then(Value::as_str);
        let number = |key: &str| id.get(key).and_then(Value::as_u64);
        tracing::info!(
            target: "node::market",
            height,
            event = name,
            owner = text("owner"),
            dseq = text("dseq").and_then(|dseq| dseq.parse::<u64>().ok()),
            gseq = number("gseq"),
            oseq = number("oseq"),
            provider = text("provider"),
            "the market moved"
        );
    }
}
