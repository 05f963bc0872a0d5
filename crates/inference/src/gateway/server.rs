//! The doors of a gateway, and falling over from one miner to the next within a request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::answer::{Answer, Fault, Step, Usage};
use super::book::{Book, BookError, Entry};
use super::course::{Course, streamed, whole};
use super::embeddings::{self, EMBEDDINGS, EmbedAsk};
use super::openai::{self, Ask, CHAT, Door};
use super::price::Price;
use super::race;
use super::refused::{Refused, broken, unknown_key};
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
    /// The model of embeddings that its subnet serves, if it serves one.
    pub embeddings: Option<String>,
    /// Prices and the split.
    pub price: Price,
    /// Tokens of an answer where a user says nothing, and at most.
    pub tokens: (u32, u32),
    /// How many miners one request may try.
    pub attempts: usize,
    /// How long a miner has for its first word.
    pub first_word: Duration,
    /// How long a miner may be silent before the next one is asked beside it.
    pub hedge: Duration,
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
    pub(super) config: GatewayConfig,
    dendrite: Dendrite,
    graph: RwLock<Metagraph>,
    pub(super) health: Mutex<Health>,
    pub(super) book: Mutex<Book>,
    room: Arc<tokio::sync::Semaphore>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
            let why = "this gateway answers /v1/models, /v1/chat/completions, /v1/completions and /v1/embeddings";
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
            .route(EMBEDDINGS, post(embed))
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

    fn begin(self: &Arc<Self>, key: &str, most: Usage, prefix: &str) -> Result<Course, Refused> {
        let busy = || Refused::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", "too many requests at a time");
        let room = self.room.clone().try_acquire_owned().map_err(|_| busy())?;
        let hold = {
            let mut book = locked(&self.book);
            book.refresh().map_err(broken)?;
            book.hold(key, self.config.price.bill(most))?
        };
        Ok(Course::new(self.clone(), prefix, hold, room))
    }

    fn candidates(&self) -> VecDeque<Candidate> {
        let graph = self.graph.read().unwrap_or_else(PoisonError::into_inner);
        let mut order = locked(&self.health).order(&graph, self.config.stake_limit, Instant::now());
        order.truncate(self.config.attempts);
        order.into()
    }

    /// Notes that a miner gave no answer.
    pub(super) fn failed(&self, candidate: Candidate, fault: &Fault) {
        tracing::warn!(uid = candidate.uid, hotkey = %candidate.axon.hotkey, fault = %fault, "a miner gave no answer");
        locked(&self.health).failed(candidate.axon.hotkey, Instant::now());
    }

    async fn in_time<T>(&self, what: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let first_word = self.config.first_word;
        let late = |_| Fault::Ask(crate::wire::dendrite::AskError::Timeout(first_word));
        tokio::time::timeout(first_word, what).await.map_err(late)?
    }

    /// An answer's first word, from one miner.
    async fn first(&self, candidate: Candidate, ask: &Ask, body: Bytes) -> Result<(Answer, Step), Fault> {
        let GatewayConfig { whole, bytes, .. } = self.config;
        self.in_time(async {
            let reply = self.dendrite.ask(candidate.axon, CHAT, body, whole, bytes.1).await?;
            let mut answer = Answer::new(reply, ask);
            let step = answer.next().await?;
            Ok((answer, step))
        })
        .await
    }

    /// Embeddings, from one miner.
    async fn vectors(
        &self,
        candidate: Candidate,
        ask: &EmbedAsk,
        body: Bytes,
    ) -> Result<(Vec<Vec<f32>>, Usage), Fault> {
        let GatewayConfig { whole, bytes, .. } = self.config;
        self.in_time(async {
            let mut reply = self.dendrite.ask(candidate.axon, EMBEDDINGS, body, whole, bytes.1).await?;
            embeddings::answer(ask, &reply.whole().await?).map_err(Fault::Garbled)
        })
        .await
    }
}

async fn models(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Result<Response, Refused> {
    gateway.key(&headers)?;
    let names = [Some(&gateway.config.model), gateway.config.embeddings.as_ref()];
    let model = |id| json!({ "id": id, "object": "model", "created": 0, "owned_by": "subnet" });
    let models: Vec<Value> = names.into_iter().flatten().map(model).collect();
    Ok(Json(json!({ "object": "list", "data": models })).into_response())
}

fn whole_body(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Refused> {
    body.map_err(|error| Refused::new(error.status(), "invalid_request_error", "the body is too long"))
}

fn no_model(model: &str) -> Refused {
    let why = format!("there is no model {model:.80?}; /v1/models lists those that are");
    Refused::new(StatusCode::NOT_FOUND, "model_not_found", why)
}

fn no_miner(tried: usize) -> Refused {
    let why = match tried {
        0 => "no miner of the subnet serves; nothing was billed".to_owned(),
        tried => format!("none of {tried} miners answered; nothing was billed"),
    };
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, "no_miner", why)
}

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
    door: Door,
) -> Result<Response, Refused> {
    let key = gateway.key(&headers)?;
    let (default, most) = gateway.config.tokens;
    let request = openai::read(&whole_body(body)?, door, default, most)?;
    let ask = &request.ask;
    if ask.model != gateway.config.model {
        return Err(no_model(&ask.model));
    }
    let most = Usage { prompt: ask.most_prompt_tokens(), completion: ask.max_tokens.into() };
    let mut course = gateway.begin(key, most, if door == Door::Chat { "chatcmpl" } else { "cmpl" })?;
    let wire = Bytes::from(ask.to_wire());
    let mut candidates = gateway.candidates();
    let tried = candidates.len();
    loop {
        let begin = |candidate| gateway.first(candidate, ask, wire.clone());
        let Some((miner, (mut answer, step))) =
            race::first(&gateway, gateway.config.hedge, &mut candidates, begin).await
        else {
            return Err(no_miner(tried));
        };
        course.miner = Some(miner);
        if request.stream {
            return Ok(streamed(course, door, answer, step, request.include_usage));
        }
        // Nothing was sent yet: a miner that breaks off later is fallen over from as well.
        match (step, answer.whole().await) {
            (Step::Text(first), Ok((rest, reason, usage))) => {
                return whole(course, door, &(first + &rest), reason, usage);
            }
            (Step::End { .. }, Ok(_)) => {}
            (_, Err(fault)) => gateway.failed(miner, &fault),
        }
    }
}

async fn embed(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let key = gateway.key(&headers)?;
    let (ask, encoding) = embeddings::read(&whole_body(body)?)?;
    if gateway.config.embeddings.as_ref() != Some(&ask.model) {
        return Err(no_model(&ask.model));
    }
    let most = Usage { prompt: ask.most_tokens(), completion: 0 };
    let mut course = gateway.begin(key, most, "embd")?;
    let wire = Bytes::from(ask.to_wire());
    let mut candidates = gateway.candidates();
    let tried = candidates.len();
    let begin = |candidate| gateway.vectors(candidate, &ask, wire.clone());
    let Some((miner, (vectors, usage))) = race::first(&gateway, gateway.config.hedge, &mut candidates, begin).await
    else {
        return Err(no_miner(tried));
    };
    course.miner = Some(miner);
    course.bill(usage)?;
    let mut response = Json(embeddings::show(&ask.model, &vectors, encoding, usage)).into_response();
    course.headers(&mut response);
    Ok(response)
}
