//! Blocks as a subscriber sees them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{SinkExt, StreamExt};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::{LoadError, Result};

/// What has been committed, and when this machine heard of it.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Blocks>>);

#[derive(Default)]
struct Blocks {
    txs: HashMap<[u8; 32], Instant>,
    blocks: Vec<Instant>,
}

/// What lies between blocks, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Intervals {
    /// How many intervals.
    pub(crate) blocks: usize,
    /// To a tenth.
    pub(crate) mean_ms: f64,
    /// The median.
    pub(crate) p50_ms: f64,
    /// What one in a hundred is longer than.
    pub(crate) p99_ms: f64,
}

impl Intervals {
    /// Between blocks that arrived one after the other.
    pub(crate) fn of(arrivals: &[Instant]) -> Self {
        let gap = |pair: &[Instant]| match pair {
            [first, second] => Some(second.duration_since(*first).as_secs_f64() * 1_000.0),
            _ => None,
        };
        let mut gaps: Vec<f64> = arrivals.windows(2).filter_map(gap).collect();
        gaps.sort_by(f64::total_cmp);
        let quantile = |percent: usize| gaps.get(gaps.len() * percent / 100).copied().unwrap_or_default().round();
        let mean = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
        let mean_ms = (mean * 10.0).round() / 10.0;
        Self { blocks: gaps.len(), mean_ms, p50_ms: quantile(50), p99_ms: quantile(99) }
    }
}

/// A subscription that ends when this is dropped.
pub(crate) struct Watch {
    pub(crate) seen: Seen,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    fn with<T>(&self, look: impl FnOnce(&mut Blocks) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When a transaction was committed.
    pub(crate) fn when(&self, hash: &[u8; 32]) -> Option<Instant> {
        self.with(|blocks| blocks.txs.get(hash).copied())
    }

    /// Transactions committed so far.
    pub(crate) fn count(&self) -> usize {
        self.with(|blocks| blocks.txs.len())
    }

    /// Arrival of each block.
    pub(crate) fn arrivals(&self) -> Vec<Instant> {
        self.with(|blocks| blocks.blocks.clone())
    }
}

impl Watch {
    /// Subscribes to the headers of a node and fetches each block's transactions: what a full block's results look like
    /// in JSON is megabytes, which nobody reads here.
    pub(crate) async fn start(url: &str) -> Result<Self> {
        let address = format!("{}/websocket", url.replace("http://", "ws://"));
        let (mut socket, _) = connect_async(address).await.map_err(LoadError::node)?;
        let query = "tm.event='NewBlockHeader'";
        let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": "subscribe", "params": { "query": query } });
        socket.send(Message::text(ask.to_string())).await.map_err(LoadError::node)?;
        let seen = Seen::default();
        let (into, url) = (seen.clone(), url.to_owned());
        let task = tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let now = Instant::now();
                let Some(height) = message.to_text().ok().and_then(height) else { continue };
                let hashes = hashes(&url, &height).await.unwrap_or_default();
                into.with(|blocks| {
                    blocks.blocks.push(now);
                    blocks.txs.extend(hashes.into_iter().map(|hash| (hash, now)));
                });
            }
        });
        Ok(Self { seen, task })
    }
}

/// The height of an announced header.
fn height(text: &str) -> Option<String> {
    let event: Value = serde_json::from_str(text).ok()?;
    Some(event.pointer("/result/data/value/header/height")?.as_str()?.to_owned())
}

/// The transactions of a block. One that cannot be fetched shows as lost transactions.
async fn hashes(url: &str, height: &str) -> Option<Vec<[u8; 32]>> {
    let answer = reqwest::get(format!("{url}/block?height={height}")).await.ok()?;
    let block: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
    let txs = block.pointer("/result/block/data/txs")?.as_array()?;
    Some(txs.iter().filter_map(hash).collect())
}

fn hash(tx: &Value) -> Option<[u8; 32]> {
    Some(Sha256::digest(STANDARD.decode(tx.as_str()?).ok()?).into())
}
