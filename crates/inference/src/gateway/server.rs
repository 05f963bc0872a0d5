//! The doors of a gateway, and falling over from one miner to the next within a request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};

use super::answer::{Answer, Fault, Step, Usage};
use super::book::{Book, BookError, Broke, Entry, Hold};
use super::openai::{self, Ask, CHAT, Door, Unfit};
use super::price::Price;
use super::route::{Candidate, Health};
use crate::chain::{Chain, ChainFault, Metagraph};
use crate::wire::dendrite::Dendrite;

/// Which miner answered: its uid.
pub const MINER_UID: &str = "x-tetra-miner-uid";
/// Which miner answered: its hotkey.
pub const MINER_HOTKEY: &str = "x-tetra-miner-hotkey";

/// What a gateway is told.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// The model that its subnet serves, by the name that users know.
    pub model: String,
    /// Prices and the split.
    pub price: Price,
    /// Tokens of an answer where a user says nothing, and at most.
    pub tokens: (u32, u32),
    /// How many miners one request may try.
    pub attempts: usize,
    /// How long a miner has for its first word.
    pub first_word: Duration,
    /// How long a whole answer may take.
    pub whole: Duration,
    /// The most bytes of a question, and of a miner's stream.
    pub bytes: (usize, usize),
    /// How many requests run at a time; further ones are refused.
    pub concurrency: usize,
    /// Validators with more stake than this are not asked.
    pub stake_limit: u128,
}

/// A gateway at work.
#[derive(Debug)]
pub struct Gateway {
    config: GatewayConfig,
    dendrite: Dendrite,
    graph: RwLock<Metagraph>,
    health: Mutex<Health>,
    book: Mutex<Book>,
    room: Arc<tokio::sync::Semaphore>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A refusal in OpenAI's form.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    kind: &'static str,
    why: String,
    field: Option<String>,
}

impl Refused {
    fn new(status: StatusCode, kind: &'static str, why: impl Into<String>) -> Self {
        Self { status, kind, why: why.into(), field: None }
    }
}

impl From<Unfit> for Refused {
    fn from(Unfit { why, field }: Unfit) -> Self {
        Self { field, ..Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", why) }
    }
}

impl From<Broke> for Refused {
    fn from(broke: Broke) -> Self {
        let payment = |what: &str, needed, left| {
            let why = format!("this answer may cost {needed} base units; {what} {left} left");
            Self::new(StatusCode::PAYMENT_REQUIRED, "insufficient_quota", why)
        };
        match broke {
            Broke::NoKey => unknown_key(),
            Broke::Balance { needed, left } => payment("the account has", needed, left),
            Broke::Limit { needed, left } => payment("the key has", needed, left),
        }
    }
}

fn unknown_key() -> Refused {
    let why = "the API key is missing, unknown or withdrawn; it stands behind `Authorization: Bearer`";
    Refused::new(StatusCode::UNAUTHORIZED, "invalid_api_key", why)
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self { status, kind, why, field } = self;
        let error = json!({ "error": { "message": why, "type": kind, "param": field, "code": kind } });
        (status, Json(error)).into_response()
    }
}

/// A request that has begun.
struct Course {
    gateway: Arc<Gateway>,
    id: String,
    created: u64,
    door: Door,
    hold: Option<Hold>,
    miner: Option<Candidate>,
    _room: tokio::sync::OwnedSemaphorePermit,
}

impl Drop for Course {
    /// Whoever leaves before the end pays nothing, and holds nothing back.
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            locked(&self.gateway.book).release(hold);
        }
    }
}

impl Gateway {
    /// A gateway that listens nowhere yet. Tests of a validator that shares the dendrite look like users' requests.
    pub fn new(config: GatewayConfig, dendrite: Dendrite, graph: Metagraph, book: Book) -> Self {
        let room = Arc::new(tokio::sync::Semaphore::new(config.concurrency));
        let (graph, health, book) = (RwLock::new(graph), Mutex::default(), Mutex::new(book));
        Self { config, dendrite, graph, health, book, room }
    }

    /// Takes a newer state of the subnet.
    pub fn update(&self, graph: Metagraph) {
        *self.graph.write().unwrap_or_else(PoisonError::into_inner) = graph;
    }

    /// The permits of requests at a time; whoever takes them all lets those under way end and no more begin.
    pub fn room(&self) -> Arc<tokio::sync::Semaphore> {
        self.room.clone()
    }

    /// What the journal adds up to.
    pub fn totals(&self) -> super::book::Totals {
        locked(&self.book).totals().clone()
    }

    /// Sends what is owed at least so much to the chain. The journal says so before it is sent and after it came, so that nothing is
    /// ever sent twice; what nothing was heard of stays in [`super::book::Totals::unclear`].
    ///
    /// # Errors
    /// When the journal cannot be written; then nothing more is sent.
    pub async fn pay_out(&self, chain: &dyn Chain, netuid: u16, least: u128) -> Result<(), BookError> {
        let due = locked(&self.book).totals().due(least);
        for (to, amount) in due {
            let id = hex::encode(rand::random::<[u8; 8]>());
            locked(&self.book).add(&Entry::Paying { id: id.clone(), to, amount })?;
            match chain.pay(netuid, to, amount).await {
                Ok(()) => locked(&self.book).add(&Entry::Paid { id })?,
                Err(ChainFault::Refused(why)) => {
                    tracing::warn!(?to, amount = %amount, why, "the chain refused a payment; it is owed still");
                    locked(&self.book).add(&Entry::Refused { id })?;
                }
                Err(error) => {
                    tracing::error!(?to, amount = %amount, id, error = %error, "nothing was heard of a payment");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What it serves.
    pub fn router(self: Arc<Self>) -> Router {
        let limit = DefaultBodyLimit::max(self.config.bytes.0);
        let unknown = async || {
            let why = "this gateway answers /v1/models, /v1/chat/completions and /v1/completions";
            Refused::new(StatusCode::NOT_FOUND, "not_found", why)
        };
        Router::new()
            .route("/v1/models", get(models))
            .route(
                "/v1/chat/completions",
                post(async |state, headers, body| answer(state, headers, body, Door::Chat).await),
            )
            .route(
                "/v1/completions",
                post(async |state, headers, body| answer(state, headers, body, Door::Completions).await),
            )
            .fallback(unknown)
            .layer(limit)
            .with_state(self)
    }

    fn key<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, Refused> {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = bearer.and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(unknown_key)?;
        let mut book = locked(&self.book);
        if !book.knows(key) {
            // A command may have made it since.
            book.refresh().map_err(broken)?;
        }
        if book.knows(key) { Ok(key) } else { Err(unknown_key()) }
    }

    fn begin(self: &Arc<Self>, key: &str, ask: &Ask, door: Door) -> Result<Course, Refused> {
        let most = Usage { prompt: ask.most_prompt_tokens(), completion: ask.max_tokens.into() };
        let busy = || Refused::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", "too many requests at a time");
        let room = self.room.clone().try_acquire_owned().map_err(|_| busy())?;
        let hold = {
            let mut book = locked(&self.book);
            book.refresh().map_err(broken)?;
            book.hold(key, self.config.price.cost(most))?
        };
        let prefix = if door == Door::Chat { "chatcmpl" } else { "cmpl" };
        let id = format!("{prefix}-{}", hex::encode(rand::random::<[u8; 12]>()));
        let created = crate::wire::now_ns() / 1_000_000_000;
        Ok(Course { gateway: self.clone(), id, created, door, hold: Some(hold), miner: None, _room: room })
    }

    fn candidates(&self) -> Vec<Candidate> {
        let graph = self.graph.read().unwrap_or_else(PoisonError::into_inner);
        let mut order = locked(&self.health).order(&graph, self.config.stake_limit, Instant::now());
        order.truncate(self.config.attempts);
        order
    }

    /// An answer's first word, from one miner.
    async fn first(&self, candidate: Candidate, ask: &Ask, body: Bytes) -> Result<(Answer, Step), Fault> {
        let GatewayConfig { first_word, whole, bytes, .. } = self.config;
        let begun = async {
            let reply = self.dendrite.ask(candidate.axon, CHAT, body, whole, bytes.1).await?;
            let mut answer = Answer::new(reply, ask);
            let step = answer.next().await?;
            Ok((answer, step))
        };
        let late = |_| Fault::Ask(crate::wire::dendrite::AskError::Timeout(first_word));
        tokio::time::timeout(first_word, begun).await.map_err(late)?
    }
}

fn broken(error: super::book::BookError) -> Refused {
    tracing::error!(error = %error, "the journal cannot be used");
    Refused::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "server_error",
        "the gateway cannot write its bills; nothing is billed",
    )
}

impl Course {
    fn failed(&self, candidate: Candidate, fault: &Fault) {
        tracing::warn!(uid = candidate.uid, hotkey = %candidate.axon.hotkey, fault = %fault, "a miner gave no answer");
        locked(&self.gateway.health).failed(candidate.axon.hotkey, Instant::now());
    }

    /// Bills what was used. The bill is on the disk before the answer ends.
    fn bill(&mut self, usage: Usage) -> Result<(), Refused> {
        let (Some(hold), Some(miner)) = (self.hold.take(), self.miner) else { return Ok(()) };
        locked(&self.gateway.health).answered(miner.axon.hotkey);
        let price = self.gateway.config.price;
        let split = price.split(price.cost(usage));
        let payee = (miner.uid, miner.axon.hotkey);
        locked(&self.gateway.book).settle(hold, &self.id, payee, usage, split).map_err(broken)
    }

    fn headers(&self, response: &mut Response) {
        let Some(miner) = self.miner else { return };
        let headers = response.headers_mut();
        headers.insert(MINER_UID, HeaderValue::from(miner.uid));
        if let Ok(hotkey) = HeaderValue::try_from(miner.axon.hotkey.to_string()) {
            headers.insert(MINER_HOTKEY, hotkey);
        }
    }

    fn object(&self, chunk: bool, choices: Value, usage: Option<Usage>) -> Value {
        let object = match (self.door, chunk) {
            (Door::Completions, _) => "text_completion",
            (Door::Chat, true) => "chat.completion.chunk",
            (Door::Chat, false) => "chat.completion",
        };
        let model = &self.gateway.config.model;
        let mut value =
            json!({ "id": self.id, "object": object, "created": self.created, "model": model, "choices": choices });
        if let Some(Usage { prompt, completion }) = usage {
            let total = prompt + completion;
            value["usage"] = json!({ "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total });
        }
        value
    }

    fn piece(&self, text: Option<&str>, reason: Option<&str>) -> Value {
        let choice = match (self.door, text) {
            (Door::Completions, text) => json!({ "index": 0, "text": text.unwrap_or(""), "finish_reason": reason }),
            (Door::Chat, Some(text)) => json!({ "index": 0, "delta": { "content": text }, "finish_reason": reason }),
            (Door::Chat, None) => json!({ "index": 0, "delta": {}, "finish_reason": reason }),
        };
        self.object(true, json!([choice]), None)
    }
}

async fn models(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Result<Response, Refused> {
    gateway.key(&headers)?;
    let model = json!({ "id": gateway.config.model, "object": "model", "created": 0, "owned_by": "subnet" });
    Ok(Json(json!({ "object": "list", "data": [model] })).into_response())
}

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
    door: Door,
) -> Result<Response, Refused> {
    let key = gateway.key(&headers)?;
    let body = body.map_err(|error| Refused::new(error.status(), "invalid_request_error", "the body is too long"))?;
    let (default, most) = gateway.config.tokens;
    let request = openai::read(&body, door, default, most)?;
    if request.ask.model != gateway.config.model {
        let why = format!("there is no model {:.80?}; /v1/models lists those that are", request.ask.model);
        return Err(Refused::new(StatusCode::NOT_FOUND, "model_not_found", why));
    }
    let mut course = gateway.begin(key, &request.ask, door)?;
    let wire = Bytes::from(request.ask.to_wire());
    let candidates = gateway.candidates();
    let tried = candidates.len();
    for candidate in candidates {
        let (mut answer, step) = match gateway.first(candidate, &request.ask, wire.clone()).await {
            Ok(begun) => begun,
            Err(fault) => {
                course.failed(candidate, &fault);
                continue;
            }
        };
        course.miner = Some(candidate);
        if request.stream {
            return Ok(streamed(course, answer, step, request.include_usage));
        }
        // Nothing was sent yet: a miner that breaks off later is fallen over from as well.
        match answer.whole().await {
            Ok((rest, reason, usage)) => {
                let Step::Text(first) = step else { continue };
                return whole(course, &(first + &rest), reason, usage);
            }
            Err(fault) => course.failed(candidate, &fault),
        }
    }
    let why = match tried {
        0 => "no miner of the subnet serves; nothing was billed".to_owned(),
        tried => format!("none of {tried} miners answered; nothing was billed"),
    };
    Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "no_miner", why))
}

fn whole(mut course: Course, text: &str, reason: &str, usage: Usage) -> Result<Response, Refused> {
    course.bill(usage)?;
    let choice = match course.door {
        Door::Chat => {
            let message = json!({ "role": "assistant", "content": text });
            json!({ "index": 0, "message": message, "finish_reason": reason, "logprobs": null })
        }
        Door::Completions => json!({ "index": 0, "text": text, "finish_reason": reason, "logprobs": null }),
    };
    let mut response = Json(course.object(false, json!([choice]), Some(usage))).into_response();
    course.headers(&mut response);
    Ok(response)
}

enum Next {
    Step(Step),
    Read,
    Done,
}

/// A stream. Once a word was sent, no other miner can take over: a break is told as an error, and nothing is billed.
fn streamed(course: Course, answer: Answer, first: Step, include_usage: bool) -> Response {
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    course.headers(&mut response);
    let state = (course, answer, Next::Step(first));
    let events = stream::unfold(state, move |(mut course, mut answer, next)| async move {
        let step = match next {
            Next::Done => return None,
            Next::Step(step) => Ok(step),
            Next::Read => answer.next().await,
        };
        let (text, next) = match step {
            Ok(Step::Text(text)) => (event(&course.piece(Some(&text), None)), Next::Read),
            Ok(Step::End { reason, usage }) => match course.bill(usage) {
                Ok(()) => {
                    let mut text = event(&course.piece(None, Some(reason)));
                    if include_usage {
                        text += &event(&course.object(true, json!([]), Some(usage)));
                    }
                    (text + "data: [DONE]\n\n", Next::Done)
                }
                Err(refused) => (error(&refused.why), Next::Done),
            },
            Err(fault) => {
                if let Some(miner) = course.miner {
                    course.failed(miner, &fault);
                }
                (error("the miner broke off; nothing was billed"), Next::Done)
            }
        };
        Some((Ok::<_, std::convert::Infallible>(text), (course, answer, next)))
    });
    let (parts, _) = response.into_parts();
    Response::from_parts(parts, Body::from_stream(events))
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn error(why: &str) -> String {
    event(&json!({ "error": { "message": why, "type": "server_error", "code": "miner_failed" } }))
}
