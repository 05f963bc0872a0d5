//! One rate for some seconds: what was offered, admitted and committed, and how late.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::accounts::Signed;
use crate::blocks::Seen;
use crate::{LoadError, Result};

/// What is committed in this part of a step, a fraction of it, is of the rate before it, or not yet in a block.
const WARMS_UP: u32 = 3;
/// How long a chain may take to commit what it admitted, before the next rate.
const DRAINS: Duration = Duration::from_secs(30);

/// A connection to one node, with the transfers of its senders. A sender's transfers go in order.
pub(crate) struct Worker {
    connection: SendRequest<Full<Bytes>>,
    host: String,
    queues: VecDeque<VecDeque<Signed>>,
}

/// What one rate came to.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(crate) struct Step {
    /// Transfers per second that were to be sent.
    pub(crate) offered_per_second: u64,
    /// Transfers that the node took.
    pub(crate) admitted: usize,
    /// Transfers that it did not take.
    pub(crate) refused: usize,
    /// Why the first one was refused.
    pub(crate) first_refusal: Option<String>,
    /// Transfers committed per second, in blocks that came in the last two thirds of the step.
    pub(crate) committed_per_second: f64,
    /// From the call to the block at a subscriber, in milliseconds.
    pub(crate) latency_p50_ms: f64,
    /// The same, for the slowest of a hundred.
    pub(crate) latency_p99_ms: f64,
    /// Transfers that were admitted and never came into a block.
    pub(crate) lost: usize,
}

#[derive(Default)]
struct Sent {
    admitted: Vec<([u8; 32], Instant)>,
    refused: usize,
    first_refusal: Option<String>,
}

impl Worker {
    pub(crate) async fn connect(url: &str, queues: Vec<VecDeque<Signed>>) -> Result<Self> {
        let host = url.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).await.map_err(LoadError::io(host.clone()))?;
        stream.set_nodelay(true).map_err(LoadError::io(host.clone()))?;
        let (connection, task) = handshake(TokioIo::new(stream)).await.map_err(LoadError::node)?;
        tokio::spawn(task);
        Ok(Self { connection, host, queues: queues.into() })
    }

    /// Sends at a pace until the end; a call that comes late is made at once.
    async fn send(mut self, begin: Instant, end: Instant, pace: Duration) -> Result<(Self, Sent)> {
        let mut sent = Sent::default();
        let mut due = begin;
        while due < end && Instant::now() < end {
            tokio::time::sleep_until(due.into()).await;
            due += pace;
            let Some(mut queue) = self.queues.pop_front() else { break };
            let Some(transfer) = queue.front() else { continue };
            let called = Instant::now();
            match self.call(transfer.call.clone()).await? {
                Ok(()) => sent.admitted.extend(queue.pop_front().map(|transfer| (transfer.hash, called))),
                Err(why) => {
                    sent.refused += 1;
                    sent.first_refusal.get_or_insert(why);
                }
            }
            self.queues.push_back(queue);
        }
        Ok((self, sent))
    }

    /// Whether the node took a transfer, or why not.
    async fn call(&mut self, body: Bytes) -> Result<std::result::Result<(), String>> {
        let request = Request::post("/").header(HOST, &self.host).header(CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(body)).map_err(LoadError::node)?;
        self.connection.ready().await.map_err(LoadError::node)?;
        let response = self.connection.send_request(request).await.map_err(LoadError::node)?;
        let body = response.into_body().collect().await.map_err(LoadError::node)?.to_bytes();
        let answer: Value = serde_json::from_slice(&body).map_err(LoadError::node)?;
        if answer.pointer("/result/code").and_then(Value::as_u64) == Some(0) {
            return Ok(Ok(()));
        }
        let why = answer.pointer("/result/log").or_else(|| answer.get("error"));
        Ok(Err(why.map(Value::to_string).unwrap_or_default()))
    }
}

/// Offers a rate for some seconds through all workers.
pub(crate) async fn run(workers: &mut Vec<Worker>, seen: &Seen, rate: u64, lasts: Duration) -> Result<Step> {
    let count = u32::try_from(workers.len()).unwrap_or(u32::MAX);
    let pace = Duration::from_secs(1) * count / u32::try_from(rate).unwrap_or(u32::MAX).max(1);
    let begin = Instant::now();
    let end = begin + lasts;
    let mut tasks = JoinSet::new();
    for (place, worker) in (0..count).zip(workers.drain(..)) {
        tasks.spawn(worker.send(begin + pace * place / count, end, pace));
    }
    let mut all = Sent::default();
    while let Some(done) = tasks.join_next().await {
        let (worker, sent) = done.map_err(LoadError::node)??;
        workers.push(worker);
        all.admitted.extend(sent.admitted);
        all.refused += sent.refused;
        all.first_refusal = all.first_refusal.or(sent.first_refusal);
    }
    drained(&all, seen).await;
    Ok(told(rate, &all, seen, begin, end))
}

/// Waits for the blocks that hold what was admitted.
async fn drained(sent: &Sent, seen: &Seen) {
    let begin = Instant::now();
    while begin.elapsed() < DRAINS && sent.admitted.iter().any(|(hash, _)| seen.when(hash).is_none()) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn told(rate: u64, sent: &Sent, seen: &Seen, begin: Instant, end: Instant) -> Step {
    let blocks: Vec<(Instant, Instant)> =
        sent.admitted.iter().filter_map(|(hash, called)| Some((*called, seen.when(hash)?))).collect();
    let warm = begin + end.duration_since(begin) / WARMS_UP;
    let in_time = blocks.iter().filter(|(_, block)| (warm..=end).contains(block)).count();
    let mut latencies: Vec<f64> =
        blocks.iter().map(|(called, block)| block.duration_since(*called).as_secs_f64() * 1000.0).collect();
    latencies.sort_by(f64::total_cmp);
    let quantile = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default().round();
    Step {
        offered_per_second: rate,
        admitted: sent.admitted.len(),
        refused: sent.refused,
        first_refusal: sent.first_refusal.clone(),
        committed_per_second: (in_time as f64 / end.duration_since(warm).as_secs_f64()).round(),
        latency_p50_ms: quantile(50),
        latency_p99_ms: quantile(99),
        lost: sent.admitted.len() - blocks.len(),
    }
}
