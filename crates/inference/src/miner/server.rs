//! The way of a request: read within limits, admitted, its turn, the upstream, and the answer piece by piece.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use axum::routing::post;
use futures::stream;
use tokio::time::{Instant, timeout_at};

use super::MinerConfig;
use super::admit::Door;
use super::gate::{Gate, Turn};
use crate::keys::Hotkey;
use crate::wire::{Refusal, Status, now_ns, v2};

/// A miner at work.
#[derive(Debug)]
pub struct Miner {
    config: MinerConfig,
    key: Hotkey,
    door: Door,
    gate: Gate,
    http: reqwest::Client,
}

impl Miner {
    /// A miner that listens nowhere yet.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(config: MinerConfig, key: Hotkey, graph: crate::chain::Metagraph) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build()?;
        let (door, gate) = (Door::new(key.id(), graph), Gate::new(config.concurrency, config.queue));
        Ok(Self { config, key, door, gate, http })
    }

    /// The door, to tell it of newer states of the subnet.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// What it serves.
    pub fn router(self: Arc<Self>) -> Router {
        let limit = DefaultBodyLimit::max(self.config.max_body);
        Router::new()
            .route("/v1/chat/completions", post(answer))
            .route("/v1/completions", post(answer))
            .fallback(async || {
                Refusal::new(Status::Unknown, "this miner answers POST /v1/chat/completions and /v1/completions")
            })
            .layer(limit)
            .with_state(self)
    }
}

async fn answer(
    State(miner): State<Arc<Miner>>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Refusal> {
    let body = body.map_err(|error| match error.status().as_u16() {
        413 => Refusal::new(Status::TooLarge, format!("a body has at most {} bytes", miner.config.max_body)),
        _ => Refusal::new(Status::BadRequest, "the body did not arrive whole"),
    })?;
    let path = uri.path();
    let admitted = miner.door.admit(&miner.config, &headers, path, &body, now_ns())?;
    let deadline = Instant::now() + admitted.caller.timeout.min(miner.config.timeout);
    let late = |what: &str| Refusal::new(Status::Timeout, format!("the time was over {what}"));
    let turn = match timeout_at(deadline, miner.gate.enter(admitted.stake)).await {
        Err(_) => return Err(late("in the queue")),
        Ok(Err(_)) => return Err(Refusal::new(Status::Busy, "the queue is full")),
        Ok(Ok(turn)) => turn,
    };
    let upstream = miner
        .http
        .post(format!("{}{path}", miner.config.upstream.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body);
    let response = match timeout_at(deadline, upstream.send()).await {
        Err(_) => return Err(late("before the upstream answered")),
        Ok(Err(error)) => {
            tracing::warn!(error = %error, "the upstream cannot be reached");
            return Err(Refusal::new(Status::Failed, "the upstream cannot be reached"));
        }
        Ok(Ok(response)) => response,
    };
    let status = response.status();
    if !status.is_success() {
        tracing::warn!(status = status.as_u16(), "the upstream refused");
        return Err(Refusal::new(Status::BadUpstream, format!("the upstream answered {}", status.as_u16())));
    }
    let kind = response.headers().get(header::CONTENT_TYPE).cloned();
    let mut answer = Response::new(pass(response, deadline, miner.config.max_answer, turn));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/json")));
    if let Ok(signature) = HeaderValue::try_from(v2::sign_answer(&miner.key, &admitted.signature)) {
        headers.insert(v2::ANSWER, signature);
    }
    Ok(answer)
}

/// The upstream's pieces as they come; the turn ends with them. An answer that is late or too long is cut off, which the
/// caller sees as a broken connection.
fn pass(response: reqwest::Response, deadline: Instant, limit: usize, turn: Turn) -> Body {
    let state = (response, limit, turn);
    Body::from_stream(stream::try_unfold(state, move |(mut response, left, turn)| async move {
        let piece = timeout_at(deadline, response.chunk()).await.map_err(|_| std::io::Error::other("too late"))?;
        let Some(piece) = piece.map_err(std::io::Error::other)? else { return Ok::<_, std::io::Error>(None) };
        let left = left.checked_sub(piece.len()).ok_or_else(|| std::io::Error::other("too long"))?;
        Ok(Some((piece, (response, left, turn))))
    }))
}
