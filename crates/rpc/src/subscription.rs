//! Subscriptions of one websocket.

use std::sync::Arc;

use app::tx::hash;
use serde_json::{Value, json};

use crate::backend::NewBlock;
use crate::call::CallError;
use crate::encode;
use crate::query::Query;

/// Most subscriptions of one socket, as in CometBFT.
const MOST: usize = 5;

/// What one socket listens to.
#[derive(Default)]
pub(crate) struct Subscriptions(Vec<Subscription>);

struct Subscription {
    id: Value,
    text: String,
    query: Query,
}

impl Subscriptions {
    pub(crate) fn add(&mut self, id: Value, text: String) -> Result<(), CallError> {
        let query = Query::parse(&text).map_err(|error| CallError::params(error.to_string()))?;
        if self.0.len() >= MOST {
            return Err(CallError::params(format!("at most {MOST} subscriptions a connection")));
        }
        if self.0.iter().any(|known| known.text == text) {
            return Err(CallError::internal("already subscribed"));
        }
        self.0.push(Subscription { id, text, query });
        Ok(())
    }

    pub(crate) fn remove(&mut self, text: &str) -> Result<(), CallError> {
        let before = self.0.len();
        self.0.retain(|known| known.text != text);
        if self.0.len() == before { Err(CallError::internal("subscription not found")) } else { Ok(()) }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The messages that a block causes, in order: the block, its header, its transactions.
    pub(crate) fn messages(&self, new: &NewBlock) -> Result<Vec<Value>, CallError> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let mut messages = Vec::new();
        let height = new.block.block.header.height.value();
        let mut of_block = vec![("block.height".to_owned(), height.to_string())];
        of_block.extend(encode::event_keys(&new.events));

        let block = || {
            let finalized = json!({ "events": encode::events(&new.events), "tx_results": encode::tx_results(&new.results), "validator_updates": null });
            Ok(json!({
                "block": encode::block(&new.block)?,
                "block_id": encode::block_with_id(&new.block)?["block_id"],
                "result_finalize_block": finalized,
            }))
        };
        self.push(&mut messages, "NewBlock", block, &of_block)?;
        let header = || Ok(json!({ "header": encode::header(&new.block.block.header)? }));
        self.push(&mut messages, "NewBlockHeader", header, &of_block)?;

        if !self.0.iter().any(|known| known.query.may_match("tm.event", "Tx")) {
            return Ok(messages);
        }
        for (index, (tx, result)) in new.block.block.data.iter().zip(new.results.iter()).enumerate() {
            let pairs = encode::tx_keys(&hash(tx), height, &result.events);
            let value = || {
                Ok(json!({ "TxResult": {
                    "height": height.to_string(),
                    "index": index,
                    "tx": encode::base64(tx),
                    "result": encode::tx_result(result),
                }}))
            };
            self.push(&mut messages, "Tx", value, &pairs)?;
        }
        Ok(messages)
    }

    /// Adds a message for each subscription that matches. The value is made only for one that does: of a full block
    /// that is megabytes.
    fn push(
        &self,
        messages: &mut Vec<Value>,
        kind: &str,
        value: impl FnOnce() -> Result<Value, CallError>,
        pairs: &[(String, String)],
    ) -> Result<(), CallError> {
        let mut pairs = pairs.to_vec();
        if !pairs.iter().any(|(key, _)| key == "tm.event") {
            pairs.push(("tm.event".to_owned(), kind.to_owned()));
        }
        let matching: Vec<&Subscription> = self.0.iter().filter(|known| known.query.matches(&pairs)).collect();
        if matching.is_empty() {
            return Ok(());
        }
        let (value, events) = (value()?, encode::grouped(&pairs));
        messages.extend(matching.into_iter().map(|known| {
            json!({ "jsonrpc": "2.0", "id": known.id, "result": {
                "query": known.text,
                "data": { "type": format!("tendermint/event/{kind}"), "value": value },
                "events": events,
            }})
        }));
        Ok(())
    }
}

/// A node behind the server.
pub(crate) type Node = Arc<dyn crate::Backend>;
