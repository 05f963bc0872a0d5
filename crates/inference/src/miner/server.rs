//! The way of a request: read within limits, admitted, its turn, the upstream, and the answer piece by piece.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use axum::routing::post;
use futures::stream;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::admit::Door;
use super::exec::{Exec, ExecError, TASK};
use super::gate::{Gate, Turn};
use super::{MinerConfig, Upstream, synapse};
use crate::gateway::embeddings::EMBEDDINGS;
use crate::keys::{Hotkey, HotkeyId};
use crate::wire::{Refusal, Status, now_ns, v2};

/// A miner at work.
#[derive(Debug)]
pub struct Miner {
    config: MinerConfig,
    key: Hotkey,
    door: Door,
    gate: Gate,
    exec: Option<Exec>,
    embeddings: Option<Exec>,
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
        let exec = match &config.upstream {
            Upstream::Program(program) => Some(Exec::new(program, config.max_answer)),
            Upstream::Server(_) => None,
        };
        let embeddings = config.embeddings.as_ref().map(|program| Exec::new(program, config.max_answer));
        Ok(Self { config, key, door, gate, exec, embeddings, http })
    }

    /// The door, to tell it of newer states of the subnet.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// What it serves.
    pub fn router(self: Arc<Self>) -> Router {
        let limit = DefaultBodyLimit::max(self.config.max_body);
        let mut router = Router::new();
        for door in &self.config.synapses {
            let (path, door) = (format!("/{}", door.synapse.name), door.clone());
            let answer = async move |state, headers, body| synapse::answer(state, &door, headers, body).await;
            router = router.route(&path, post(answer));
        }
        router
            .route("/v1/chat/completions", post(answer))
            .route("/v1/completions", post(answer))
            .route(EMBEDDINGS, post(answer))
            .route(TASK, post(answer))
            .fallback(async || {
                Refusal::new(
                    Status::Unknown,
                    "this miner answers POST /v1/chat/completions, /v1/completions, /v1/embeddings and /v1/task",
                )
            })
            .layer(limit)
            .with_state(self)
    }
}

impl Miner {
    /// Who it is.
    pub(super) fn id(&self) -> HotkeyId {
        self.key.id()
    }

    /// What it is told.
    pub(super) fn config(&self) -> &MinerConfig {
        &self.config
    }

    /// A body that arrived whole.
    pub(super) fn whole(&self, body: Result<Bytes, BytesRejection>) -> Result<Bytes, Refusal> {
        body.map_err(|error| match error.status().as_u16() {
            413 => Refusal::new(Status::TooLarge, format!("a body has at most {} bytes", self.config.max_body)),
            _ => Refusal::new(Status::BadRequest, "the body did not arrive whole"),
        })
    }

    /// What stands behind it answers to a caller that was admitted, once it is its turn.
    pub(super) async fn reply(
        &self,
        path: &str,
        body: Bytes,
        stake: u128,
        timeout: Duration,
    ) -> Result<Response, Refusal> {
        let deadline = Instant::now() + timeout.min(self.config.timeout);
        let turn = match timeout_at(deadline, self.gate.enter(stake)).await {
            Err(_) => return Err(late("in the queue")),
            Ok(Err(_)) => return Err(Refusal::new(Status::Busy, "the queue is full")),
            Ok(Ok(turn)) => turn,
        };
        let embeds = path == EMBEDDINGS;
        let body = if embeds { body } else { with_own_words(body, &self.config)? };
        match self.embeddings.as_ref().filter(|_| embeds).or(self.exec.as_ref()) {
            Some(exec) => {
                timeout_at(deadline, of_program(exec, path, &body)).await.map_err(|_| late("of the program"))?
            }
            None => of_server(self, path, body, deadline, turn).await,
        }
    }
}

async fn answer(
    State(miner): State<Arc<Miner>>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let body = miner.whole(body)?;
    let path = uri.path();
    let admitted = miner.door.admit(&miner.config, &headers, path, &body, now_ns())?;
    let mut answer = miner.reply(path, body, admitted.stake, admitted.caller.timeout).await?;
    if let Ok(signature) = HeaderValue::try_from(v2::sign_answer(&miner.key, &admitted.signature)) {
        answer.headers_mut().insert(v2::ANSWER, signature);
    }
    Ok(answer)
}

fn late(what: &str) -> Refusal {
    Refusal::new(Status::Timeout, format!("the time was over {what}"))
}

/// The question with the miner's own words around it: a system message before the conversation, a text before the last message.
fn with_own_words(body: Bytes, config: &MinerConfig) -> Result<Bytes, Refusal> {
    if config.system.is_none() && config.prefix.is_none() {
        return Ok(body);
    }
    let no_chat = || Refusal::new(Status::BadRequest, "the body is no conversation");
    let mut body: Value = serde_json::from_slice(&body).map_err(|_| no_chat())?;
    let messages = body.get_mut("messages").and_then(Value::as_array_mut).ok_or_else(no_chat)?;
    if let Some(prefix) = &config.prefix {
        let last = messages.last_mut().and_then(|last| last.get_mut("content")).ok_or_else(no_chat)?;
        let said = last.as_str().ok_or_else(no_chat)?;
        *last = json!(format!("{prefix}{said}"));
    }
    if let Some(system) = &config.system {
        messages.insert(0, json!({ "role": "system", "content": system }));
    }
    Ok(body.to_string().into())
}

async fn of_program(exec: &Exec, path: &str, body: &Bytes) -> Result<Response, Refusal> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| Refusal::new(Status::BadRequest, "the body is no JSON"))?;
    let failed = |error: ExecError| {
        tracing::warn!(error = %error, "the program gave no answer");
        Refusal::new(Status::Failed, "the program gave no answer")
    };
    let (kind, text) = if path == TASK || path == EMBEDDINGS {
        ("application/json", exec.other(path, &body).await.map_err(failed)?.to_string())
    } else {
        ("text/event-stream", exec.chat(path, &body).await.map_err(failed)?)
    };
    let mut answer = Response::new(Body::from(text));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(answer)
}

async fn of_server(miner: &Miner, path: &str, body: Bytes, deadline: Instant, turn: Turn) -> Result<Response, Refusal> {
    let Upstream::Server(url) = &miner.config.upstream else {
        return Err(Refusal::new(Status::Unknown, "this miner has no server behind it"));
    };
    let upstream = miner
        .http
        .post(format!("{}{path}", url.trim_end_matches('/')))
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
    let kind = kind.unwrap_or(HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::miner::MinerConfig;

    fn words(system: Option<&str>, prefix: Option<&str>, body: &str) -> Option<String> {
        let config = MinerConfig {
            netuid: 1,
            upstream: Upstream::Server(String::new()),
            embeddings: None,
            synapses: Vec::new(),
            system: system.map(str::to_owned),
            prefix: prefix.map(str::to_owned),
            need_permit: false,
            min_stake: 0,
            refused: Vec::new(),
            concurrency: 1,
            queue: 1,
            max_body: 1,
            max_answer: 1,
            timeout: Duration::from_secs(1),
        };
        let made = with_own_words(Bytes::from(body.to_owned()), &config).ok()?;
        String::from_utf8(made.to_vec()).ok()
    }

    #[test]
    fn a_miner_puts_its_own_words_around_a_question() {
        let body = r#"{"messages":[{"content":"a","role":"user"},{"content":"b","role":"user"}]}"#;
        assert_eq!(words(None, None, body).unwrap(), body);
        let made: Value = serde_json::from_str(&words(Some("s"), Some("p: "), body).unwrap()).unwrap();
        let said: Vec<&str> =
            made["messages"].as_array().unwrap().iter().filter_map(|m| m["content"].as_str()).collect();
        assert_eq!(said, ["s", "a", "p: b"]);
        assert!(["{}", "no", r#"{"messages":[]}"#].iter().all(|bad| words(None, Some("p"), bad).is_none()));
    }
}
