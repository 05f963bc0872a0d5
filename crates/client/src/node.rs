//! JSON-RPC to one node.
//!
//! Every call has a time limit, so that a node that hangs is an error and not a hang.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proto::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::time::Instant;

const CALL_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// A node's JSON-RPC.
#[derive(Clone, Debug)]
pub struct Node {
    url: String,
    http: reqwest::Client,
}

/// Why a node did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NodeError {
    /// No answer.
    #[error("the node at {url} does not answer: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// An answer that is no answer to the question.
    #[error("the node at {url} answered {method} in a way that this program does not understand: {why}")]
    Garbled {
        /// Where.
        url: String,
        /// Which call.
        method: String,
        /// What is wrong.
        why: String,
    },
    /// A JSON-RPC error.
    #[error("{message}")]
    Refused {
        /// Its code.
        code: i64,
        /// Its message and data.
        message: String,
    },
    /// A query that has no answer.
    #[error("{log}")]
    Query {
        /// The ABCI code; 22 or text "NotFound" when there is no such thing.
        code: u32,
        /// Why.
        log: String,
    },
    /// A transaction that the chain refused.
    #[error("the chain refused the transaction ({codespace} {code}): {log}")]
    Rejected {
        /// Whose code.
        codespace: String,
        /// The code.
        code: u32,
        /// Why.
        log: String,
        /// The transaction, in upper-case hex.
        hash: String,
    },
    /// No inclusion within the time that was given; it may still come.
    #[error("transaction {hash} is not in a block after {seconds} s; it may still land: `tetra query tx {hash}`")]
    NotIncluded {
        /// The transaction, in upper-case hex.
        hash: String,
        /// How long was waited.
        seconds: u64,
    },
}

impl NodeError {
    /// Whether the thing that was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Query { log, .. } if log.contains("NotFound") || log.contains("not found"))
    }
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The chain id.
    pub chain_id: String,
    /// Its name.
    pub moniker: String,
    /// Height of its last block.
    pub height: u64,
    /// Header time of its last block, RFC 3339.
    pub time: String,
    /// Whether it is still fetching blocks.
    pub catching_up: bool,
    /// `host:port` of its gRPC, as its configuration names it; none when it serves none.
    pub grpc_listen: Option<String>,
    /// `host:port` of its REST.
    pub rest_listen: Option<String>,
    /// `host:port` of its metrics and health.
    pub metrics_listen: Option<String>,
}

/// An event of a transaction or block.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ChainEvent {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its attributes in order.
    #[serde(default)]
    pub attributes: Vec<EventAttribute>,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EventAttribute {
    /// The key.
    pub key: String,
    /// The value; JSON in typed events.
    #[serde(default)]
    pub value: String,
}

impl ChainEvent {
    /// The value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.key == key).map(|attribute| attribute.value.as_str())
    }
}

/// A transaction in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxOutcome {
    /// Upper-case hex of its hash.
    pub hash: String,
    /// The block's height.
    pub height: u64,
    /// Zero when it succeeded.
    pub code: u32,
    /// Whose code.
    pub codespace: String,
    /// Why it failed.
    pub log: String,
    /// Encoded `TxMsgData`.
    pub data: Vec<u8>,
    /// Gas limit.
    pub gas_wanted: u64,
    /// Gas used.
    pub gas_used: u64,
    /// What it announced.
    pub events: Vec<ChainEvent>,
}

#[derive(Deserialize)]
struct Envelope {
    result: Option<Value>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    message: String,
    #[serde(default)]
    data: Value,
}

impl Node {
    /// A node by the URL of its JSON-RPC, such as `http://127.0.0.1:26657`.
    pub fn new(url: impl Into<String>) -> Self {
        let url: String = url.into();
        // The HTTP client is built without a TLS provider of its own; one that was installed before stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { url: url.trim_end_matches('/').to_owned(), http: reqwest::Client::new() }
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn garbled(&self, method: &str, why: impl ToString) -> NodeError {
        NodeError::Garbled { url: self.url.clone(), method: method.to_owned(), why: why.to_string() }
    }

    /// A raw call.
    ///
    /// # Errors
    /// When the node does not answer in time or answers with an error.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, NodeError> {
        let unreachable = |error: reqwest::Error| {
            let mut why = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                why = format!("{why}: {cause}");
                source = cause.source();
            }
            NodeError::Unreachable { url: self.url.clone(), why }
        };
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = self.http.post(&self.url).timeout(CALL_LIMIT).json(&body);
        let response = request.send().await.map_err(unreachable)?;
        let envelope: Envelope = response.json().await.map_err(|error| self.garbled(method, error))?;
        match (envelope.result, envelope.error) {
            (_, Some(RpcError { code, message, data })) => {
                let data = data.as_str().map(|data| format!(": {data}")).unwrap_or_default();
                Err(NodeError::Refused { code, message: format!("{message}{data}") })
            }
            (Some(result), None) => Ok(result),
            (None, None) => Err(self.garbled(method, "neither result nor error")),
        }
    }

    /// The URL of another server of the node: its own address, on the machine that this URL names where it listens on
    /// every address.
    pub fn sibling(&self, listen: &str) -> String {
        let (host, port) = listen.rsplit_once(':').unwrap_or((listen, ""));
        let own = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let own = own.split('/').next().unwrap_or(own);
        let own = own.rsplit_once(':').map_or(own, |(host, _)| host);
        let host = if matches!(host, "0.0.0.0" | "[::]" | "") { own } else { host };
        format!("http://{host}:{port}")
    }

    /// What the node says of itself.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn status(&self) -> Result<NodeStatus, NodeError> {
        let status = self.call("status", json!({})).await?;
        let text = |pointer: &str| {
            let value = status.pointer(pointer).and_then(Value::as_str);
            value.map(str::to_owned).ok_or_else(|| self.garbled("status", format!("{pointer} is missing")))
        };
        let other = |name: &str| {
            let address = status.pointer(&format!("/node_info/other/{name}")).and_then(Value::as_str);
            address.filter(|address| !address.is_empty()).map(str::to_owned)
        };
        Ok(NodeStatus {
            grpc_listen: other("grpc_address"),
            rest_listen: other("rest_address"),
            metrics_listen: other("metrics_address"),
            chain_id: text("/node_info/network")?,
            moniker: text("/node_info/moniker")?,
            height: number(&text("/sync_info/latest_block_height")?),
            time: text("/sync_info/latest_block_time")?,
            catching_up: status.pointer("/sync_info/catching_up").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// Asks a gRPC method through `abci_query`; height 0 is the last one.
    ///
    /// # Errors
    /// [`NodeError::Query`] with the chain's reason, or when the node does not answer.
    pub async fn query_at<Q: Message, R: Message + Default>(
        &self,
        path: &str,
        request: &Q,
        height: u64,
    ) -> Result<R, NodeError> {
        let data: String = request.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect();
        let params = json!({ "path": path, "data": data, "height": height.to_string(), "prove": false });
        let answer = self.call("abci_query", params).await?;
        let response = answer.get("response").ok_or_else(|| self.garbled(path, "no response"))?;
        let code = response.get("code").and_then(Value::as_u64).unwrap_or(0) as u32;
        if code != 0 {
            let log = response.get("log").and_then(Value::as_str).unwrap_or_default().to_owned();
            return Err(NodeError::Query { code, log });
        }
        let value = response.get("value").and_then(Value::as_str).unwrap_or_default();
        let bytes = STANDARD.decode(value).map_err(|error| self.garbled(path, error))?;
        R::decode(bytes.as_slice()).map_err(|error| self.garbled(path, error))
    }

    /// Asks a gRPC method of the last height.
    ///
    /// # Errors
    /// As [`Node::query_at`].
    pub async fn query<Q: Message, R: Message + Default>(&self, path: &str, request: &Q) -> Result<R, NodeError> {
        self.query_at(path, request, 0).await
    }

    /// Hands a transaction in and returns its hash once the node admitted it.
    ///
    /// # Errors
    /// [`NodeError::Rejected`] when admission fails.
    pub async fn broadcast(&self, tx: &[u8]) -> Result<String, NodeError> {
        let answer = self.call("broadcast_tx_sync", json!({ "tx": STANDARD.encode(tx) })).await;
        let hash = hash(tx);
        let answer = match answer {
            // The same bytes wait already: nothing is lost.
            Err(NodeError::Refused { message, .. }) if message.contains("already exists in cache") => {
                return Ok(hash);
            }
            other => other?,
        };
        let code = answer.get("code").and_then(Value::as_u64).unwrap_or(0) as u32;
        if code == 0 {
            return Ok(hash);
        }
        let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(NodeError::Rejected { codespace: text("codespace"), code, log: text("log"), hash })
    }

    /// A transaction by its hash; none if it is in no block yet.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn tx(&self, hash: &str) -> Result<Option<TxOutcome>, NodeError> {
        let query = format!("tx.hash='{hash}'");
        let params = json!({ "query": query, "prove": false, "page": "1", "per_page": "1" });
        let found = self.call("tx_search", params).await?;
        let Some(entry) = found.pointer("/txs/0") else { return Ok(None) };
        self.outcome(entry).map(Some)
    }

    fn outcome(&self, entry: &Value) -> Result<TxOutcome, NodeError> {
        let result = entry.get("tx_result").ok_or_else(|| self.garbled("tx_search", "no tx_result"))?;
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let events = result.get("events").cloned().filter(|events| !events.is_null()).unwrap_or_else(|| json!([]));
        Ok(TxOutcome {
            hash: text(entry, "hash"),
            height: number(&text(entry, "height")),
            code: result.get("code").and_then(Value::as_u64).unwrap_or(0) as u32,
            codespace: text(result, "codespace"),
            log: text(result, "log"),
            data: STANDARD.decode(text(result, "data")).map_err(|error| self.garbled("tx_search", error))?,
            gas_wanted: number(&text(result, "gas_wanted")),
            gas_used: number(&text(result, "gas_used")),
            events: serde_json::from_value(events).map_err(|error| self.garbled("tx_search", error))?,
        })
    }

    /// Transactions of one height.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn txs_at(&self, height: u64) -> Result<Vec<TxOutcome>, NodeError> {
        self.search(&format!("tx.height={height}")).await
    }

    /// All transactions that match a query in CometBFT's language, such as `transfer.recipient='…'`, in order.
    ///
    /// # Errors
    /// When the node does not answer, or the query is none.
    pub async fn search(&self, query: &str) -> Result<Vec<TxOutcome>, NodeError> {
        let mut txs = Vec::new();
        for page in 1u32.. {
            let params = json!({
                "query": query, "prove": false, "page": page.to_string(), "per_page": "100", "order_by": "asc",
            });
            let found = self.call("tx_search", params).await?;
            let entries = found.get("txs").and_then(Value::as_array).cloned().unwrap_or_default();
            let total = number(found.get("total_count").and_then(Value::as_str).unwrap_or("0"));
            for entry in &entries {
                txs.push(self.outcome(entry)?);
            }
            if entries.is_empty() || txs.len() as u64 >= total {
                break;
            }
        }
        Ok(txs)
    }

    /// Waits until a transaction is in a block.
    ///
    /// # Errors
    /// [`NodeError::NotIncluded`] after `limit`, or when the node does not answer.
    pub async fn wait_for(&self, hash: &str, limit: Duration) -> Result<TxOutcome, NodeError> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(outcome) = self.tx(hash).await? {
                return Ok(outcome);
            }
            if Instant::now() >= deadline {
                return Err(NodeError::NotIncluded { hash: hash.to_owned(), seconds: limit.as_secs() });
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// Upper-case hex of a transaction's hash.
pub fn hash(tx: &[u8]) -> String {
    Sha256::digest(tx).iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::Node;

    #[test]
    fn other_servers_stand_where_they_listen_or_beside_the_rpc() {
        let node = Node::new("http://chain.example:26657/");
        assert_eq!(node.sibling("127.0.0.1:1317"), "http://127.0.0.1:1317");
        assert_eq!(node.sibling("0.0.0.0:1317"), "http://chain.example:1317");
        assert_eq!(node.sibling("[::]:9090"), "http://chain.example:9090");
    }
}
