//! A gateway, miners that behave as they are told, and an upstream that repeats what it is asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use inference::chain::{Metagraph, Neuron, Terms};
use inference::gateway::book::{Book, Entry};
use inference::gateway::price::{Currency, Price};
use inference::gateway::server::{Gateway, GatewayConfig};
use inference::keys::{Hotkey, HotkeyId};
use inference::miner::server::Miner;
use inference::miner::synapse::Door;
use inference::miner::{MinerConfig, Upstream};
use inference::wire::dendrite::{Axon, Dendrite};
use inference::wire::{Caller, Scheme, now_ns, v1, v2};
use serde_json::{Value, json};

pub(crate) const NETUID: u16 = 5;
pub(crate) const BALANCE: u128 = 100_000;
pub(crate) const MAX_BODY: usize = 1 << 16;
const MAX_ANSWER: usize = 1 << 20;
const CHAT: &str = "/v1/chat/completions";

/// What stands behind a miner.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    Answers,
    /// 100 MB without an end.
    Floods,
    Garbage,
    /// Says nothing.
    Hangs,
    /// Nobody listens.
    Closed,
    /// One word and no more.
    BreaksOff,
}

pub(crate) struct Place {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) key: String,
    /// A key that may spend next to nothing.
    pub(crate) poor: String,
    pub(crate) axons: Vec<SocketAddr>,
    /// Bodies that upstreams got.
    pub(crate) seen: Arc<Mutex<Vec<Value>>>,
    room: Arc<tokio::sync::Semaphore>,
    _folder: tempfile::TempDir,
}

pub(crate) fn key(byte: u8) -> Hotkey {
    Hotkey::from_seed(&[byte + 1; 32]).unwrap()
}

pub(crate) fn hotkey(byte: u8) -> HotkeyId {
    key(byte).id()
}

fn neuron(uid: u8) -> Neuron {
    Neuron {
        uid: uid.into(),
        hotkey: hotkey(uid),
        coldkey: format!("owner{uid}"),
        stake: if uid == 0 { 1_000 } else { 0 },
        incentive: 0,
        emission: 0,
        validator: uid == 0,
        registered_at: 0,
        last_update: 0,
        axon: None,
    }
}

fn graph() -> Metagraph {
    let terms = Terms {
        tempo: 360,
        immunity: 5000,
        burn: 1,
        max_uids: 256,
        min_weights: 1,
        max_weight: 65535,
        weights_rate_limit: 100,
        version: 0,
        reveal_after: None,
    };
    let neurons = vec![neuron(0)];
    Metagraph { netuid: NETUID, height: 1, epoch: 0, next_epoch: 360, block_ms: 1000, terms, neurons }
}

async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    at
}

fn events(body: Body) -> Response {
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

fn repeat(asked: &Value) -> Response {
    let said = asked["messages"].as_array().and_then(|list| list.last()).map(|last| last["content"].clone());
    let chunk =
        |delta: Value, reason: Value| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] });
    let chunks = [
        chunk(json!({ "role": "assistant", "content": "You said: " }), Value::Null),
        chunk(json!({ "content": said }), Value::Null),
        chunk(json!({}), json!("stop")),
        json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 2 } }),
    ];
    let text: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    events(Body::from(text + "data: [DONE]\n\n"))
}

async fn behave(behaviour: Behaviour, body: Bytes) -> Response {
    match behaviour {
        Behaviour::Answers => repeat(&serde_json::from_slice(&body).unwrap_or_default()),
        Behaviour::Floods => {
            let piece = Bytes::from(vec![b'x'; 1 << 20]);
            let pieces = std::iter::repeat_n(piece, 100).map(Ok::<_, std::io::Error>);
            events(Body::from_stream(futures::stream::iter(pieces)))
        }
        Behaviour::Garbage => events(Body::from("data: <html>\n\n")),
        Behaviour::Hangs | Behaviour::Closed => std::future::pending().await,
        Behaviour::BreaksOff => events(Body::from("data: {\"choices\":[{\"delta\":{\"content\":\"You\"}}]}\n\n")),
    }
}

/// The place and the length of each text.
fn embed(behaviour: Behaviour, body: &[u8]) -> Response {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let texts = asked["input"].as_array().cloned().unwrap_or_default();
    let vector = |(place, text): (usize, &Value)| json!({ "index": place, "embedding": [place, text.as_str().unwrap_or_default().len()] });
    let data: Vec<Value> = texts.iter().enumerate().map(vector).collect();
    let text = match behaviour {
        Behaviour::Answers => json!({ "data": data, "usage": { "prompt_tokens": 5 } }).to_string(),
        _ => "<html>".to_owned(),
    };
    Response::new(Body::from(text))
}

impl Place {
    /// Miners with an incentive each, from uid 1.
    pub(crate) async fn new(miners: &[(u16, Behaviour)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut graph, mut axons) = (graph(), Vec::new());
        let callers = graph.clone();
        for (uid, (incentive, behaviour)) in (1u8..).zip(miners) {
            let at = miner(uid, *behaviour, callers.clone(), seen.clone()).await;
            graph.neurons.push(Neuron { incentive: *incentive, axon: Some(at), ..neuron(uid) });
            axons.push(at);
        }
        let folder = tempfile::tempdir().unwrap();
        let mut book = Book::open(folder.path().join("book.jsonl")).unwrap();
        book.add(&Entry::Credit { account: "ann".to_owned(), amount: BALANCE, currency: Currency::Wit }).unwrap();
        let (key_of_ann, poor) = (book.make_key("ann", None).unwrap(), book.make_key("ann", Some(5)).unwrap());
        let config = GatewayConfig {
            model: "small".to_owned(),
            embeddings: Some("vectors".to_owned()),
            price: Price {
                prompt: 1_000_000,
                completion: 2_000_000,
                miner_bps: 8_000,
                recycled_bps: 1_000,
                usd_per_wit: None,
            },
            tokens: (64, 256),
            attempts: 3,
            first_word: Duration::from_secs(2),
            hedge: Duration::from_millis(300),
            whole: Duration::from_secs(30),
            bytes: (MAX_BODY, MAX_ANSWER),
            concurrency: 8,
            stake_limit: u128::MAX,
        };
        let gateway = Arc::new(Gateway::new(config, Dendrite::new(key(0), NETUID).unwrap(), graph, book));
        let (url, room) = (format!("http://{}", listen(gateway.clone().router()).await), gateway.room());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { gateway, url, http, key: key_of_ann, poor, axons, seen, room, _folder: folder }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.key).json(body).send().await.unwrap()
    }

    /// The caller that the gateway is.
    pub(crate) fn dendrite(&self) -> Dendrite {
        Dendrite::new(key(0), NETUID).unwrap()
    }

    /// All of the gateway's room.
    pub(crate) fn busy(&self) -> tokio::sync::OwnedSemaphorePermit {
        self.room.clone().try_acquire_many_owned(8).unwrap()
    }

    /// A request of the gateway's key whose clock is so many seconds ahead.
    pub(crate) fn signed(&self, ahead: i64) -> (HeaderMap, Vec<u8>) {
        self.signed_body(ahead, b"{}".to_vec())
    }

    pub(crate) fn signed_body(&self, ahead: i64, body: Vec<u8>) -> (HeaderMap, Vec<u8>) {
        let nonce = now_ns().saturating_add_signed(ahead * 1_000_000_000);
        let (session, timeout) = (format!("s{ahead}"), Duration::from_secs(9));
        let caller = Caller { hotkey: hotkey(0), nonce, session, timeout, scheme: Scheme::V2 };
        let envelope = v2::Envelope { path: CHAT, netuid: NETUID, miner: hotkey(1), caller };
        (v2::sign(&key(0), &envelope, &body).0, body)
    }

    /// Headers of a synapse, as the older SDKs sign them.
    pub(crate) fn synapse(&self, fields: &serde_json::Map<String, Value>) -> Vec<(&'static str, String)> {
        let door: Door = "Prompting:prompt:completion".parse().unwrap();
        let (session, timeout) = ("u1".to_owned(), Duration::from_secs(9));
        let caller = Caller { hotkey: hotkey(0), nonce: now_ns(), session, timeout, scheme: Scheme::V1 };
        v1::sign(&key(0), &door.synapse, fields, &caller, hotkey(1)).unwrap()
    }

    pub(crate) async fn send_signed(&self, axon: Axon, (headers, body): &(HeaderMap, Vec<u8>)) -> u16 {
        let request = self.http.post(format!("http://{}{CHAT}", axon.at)).headers(headers.clone()).body(body.clone());
        request.send().await.unwrap().status().as_u16()
    }
}

async fn miner(uid: u8, behaviour: Behaviour, graph: Metagraph, seen: Arc<Mutex<Vec<Value>>>) -> SocketAddr {
    if matches!(behaviour, Behaviour::Closed) {
        // A port that was free a moment ago.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        return listener.local_addr().unwrap();
    }
    let upstream = post(async move |body: Bytes| {
        seen.lock().unwrap().push(serde_json::from_slice(&body).unwrap_or_default());
        behave(behaviour, body).await
    });
    let embeddings = post(async move |body: Bytes| embed(behaviour, &body));
    let upstream = listen(Router::new().route(CHAT, upstream).route("/v1/embeddings", embeddings)).await;
    let config = MinerConfig {
        netuid: NETUID,
        upstream: Upstream::Server(format!("http://{upstream}")),
        embeddings: None,
        synapses: vec!["Prompting:prompt:completion".parse().unwrap()],
        system: None,
        prefix: None,
        need_permit: true,
        min_stake: 1,
        refused: vec![],
        concurrency: 4,
        queue: 16,
        max_body: MAX_BODY,
        // More than the gateway takes, so that the gateway's own limit is what is tested.
        max_answer: 1 << 30,
        timeout: Duration::from_secs(30),
    };
    listen(Arc::new(Miner::new(config, key(uid), graph).unwrap()).router()).await
}
