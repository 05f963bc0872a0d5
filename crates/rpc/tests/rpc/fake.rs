//! A chain of made-up blocks, one transaction `tx-HEIGHT` in each, and a server in front of it.

use std::sync::{Arc, Mutex};

use app::TxResult;
use async_trait::async_trait;
use bytes::Bytes;
use ledger::{Event, QueryError, QueryStatus};
use primitives::Prefix;
use primitives::validators::{ConsensusAddress, ValidatorSet};
use proto::Message;
use proto::cosmos::bank::v1beta1::{QueryBalanceRequest, QueryBalanceResponse};
use proto::cosmos::base::v1beta1::{Coin, DecCoin};
use proto::tetra::fees::v1::{Params as FeeParams, QueryParamsResponse};
use rpc::backend::{Answer, Checked, Genesis, NewBlock, Peer, Submitted, TxPage};
use rpc::query::Query;
use rpc::{Backend, BackendError, BlockFound, NodeInfo, Server, TxFound};
use serde_json::{Value, json};
use tendermint::block::{Block, Commit, Header, Id};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

pub(crate) const BALANCE: &str = "/cosmos.bank.v1beta1.Query/Balance";
const FEES: &str = "/tetra.fees.v1.Query/Params";
pub(crate) const KEY: [u8; 32] = [7; 32];

pub(crate) struct Fake {
    tip: u64,
    announcements: broadcast::Sender<NewBlock>,
    pub(crate) submitted: Mutex<Vec<Bytes>>,
}

pub(crate) fn tx_of(height: u64) -> Vec<u8> {
    format!("tx-{height}").into_bytes()
}

fn id(height: u64) -> Value {
    let hash = format!("{height:064X}");
    json!({ "hash": hash, "parts": { "total": 1, "hash": hash } })
}

fn header(height: u64) -> Header {
    let hash = "AB".repeat(32);
    let header = json!({
        "version": { "block": "11", "app": "1" },
        "chain_id": "fake-1",
        "height": height.to_string(),
        "time": format!("2026-01-01T00:00:{:02}Z", height % 60),
        "last_block_id": if height > 1 { id(height - 1) } else { Value::Null },
        "last_commit_hash": hash, "data_hash": hash, "validators_hash": hash, "next_validators_hash": hash,
        "consensus_hash": hash, "last_results_hash": hash, "evidence_hash": hash,
        "app_hash": hex::encode_upper([height as u8 - 1; 32]),
        "proposer_address": hex::encode_upper(ConsensusAddress::of(&KEY).as_bytes()),
    });
    serde_json::from_value(header).unwrap()
}

fn commit(height: u64) -> Commit {
    serde_json::from_value(
        json!({ "height": height.to_string(), "round": 0, "block_id": id(height), "signatures": [] }),
    )
    .unwrap()
}

pub(crate) fn result(height: u64) -> TxResult {
    let attributes = vec![("height".to_owned(), height.to_string())];
    let events = vec![Event { kind: "made".to_owned(), attributes }];
    TxResult { gas_wanted: 10, gas_used: height, events, ..TxResult::default() }
}

fn found(height: u64) -> BlockFound {
    let last_commit = (height > 1).then(|| commit(height - 1));
    let block = Block::new(header(height), vec![tx_of(height)], Default::default(), last_commit);
    let id: Id = serde_json::from_value(id(height)).unwrap();
    BlockFound { id, block: Arc::new(block), size: 100 }
}

fn tx_found(height: u64) -> TxFound {
    let tx = tx_of(height);
    TxFound { hash: app::tx::hash(&tx), height, index: 0, result: result(height), tx }
}

impl Fake {
    pub(crate) fn new(tip: u64) -> Arc<Self> {
        let (announcements, _) = broadcast::channel(16);
        Arc::new(Self { tip, announcements, submitted: Mutex::default() })
    }

    /// Tells subscribers of a block.
    pub(crate) fn announce(&self, height: u64) {
        let results = Arc::new(vec![result(height)]);
        self.announcements.send(NewBlock { block: found(height), results, events: Arc::default() }).unwrap();
    }

    fn held(&self, asked: u64) -> Result<u64, BackendError> {
        let height = if asked == 0 { self.tip } else { asked };
        let held = (1..=self.tip).contains(&height).then_some(height);
        held.ok_or(BackendError::Height { asked, base: self.tip.min(1), tip: self.tip })
    }
}

#[async_trait]
impl Backend for Fake {
    fn info(&self) -> NodeInfo {
        NodeInfo {
            chain_id: "fake-1".into(),
            prefix: Prefix::new("tetra").unwrap(),
            moniker: "fake".into(),
            node_id: "aa".repeat(20),
            p2p_listen: "/ip4/127.0.0.1/tcp/1".into(),
            rpc_listen: "tcp://127.0.0.1:2".into(),
            grpc_listen: None,
            rest_listen: Some("127.0.0.1:4".into()),
            metrics_listen: Some("127.0.0.1:5".into()),
            version: "0.1.0".into(),
            validator_key: KEY,
            voting_power: 10,
            base: self.tip.min(1),
            tip: self.tip,
            app_hash: [self.tip as u8; 32],
            catching_up: false,
            history: None,
        }
    }

    fn genesis(&self) -> Genesis {
        Genesis { time: 1_700_000_000, validators: vec![(KEY, 10)], document: r#"{"own":["document"]}"#.into() }
    }

    fn peers(&self) -> Vec<Peer> {
        vec![Peer { node_id: "bb".repeat(20), peer_id: "12D3Koo".into() }]
    }

    fn block_limits(&self) -> (u64, u64) {
        (1000, 2000)
    }

    fn block(&self, height: u64) -> Result<BlockFound, BackendError> {
        self.held(height).map(found)
    }

    fn height_of(&self, hash: &[u8; 32]) -> Result<Option<u64>, BackendError> {
        Ok((1..=self.tip).find(|height| found(*height).id.hash.as_bytes() == hash))
    }

    fn commit(&self, height: u64) -> Result<(Header, Commit, bool), BackendError> {
        let height = self.held(height)?;
        Ok((header(height), commit(height), height < self.tip))
    }

    fn validators(&self, height: u64) -> Result<(u64, ValidatorSet), BackendError> {
        let members: Vec<([u8; 32], u64)> = (1..=5).map(|index| ([index; 32], 10)).collect();
        Ok((height, ValidatorSet::new(&members).unwrap()))
    }

    fn results(&self, height: u64) -> Result<(u64, Vec<TxResult>, Vec<Event>), BackendError> {
        let height = self.held(height)?;
        Ok((height, vec![result(height)], Vec::new()))
    }

    fn tx(&self, hash: &[u8; 32]) -> Result<Option<TxFound>, BackendError> {
        Ok((1..=self.tip).map(tx_found).find(|found| found.hash == *hash))
    }

    fn search(&self, query: &Query, skip: usize, limit: usize, descending: bool) -> Result<TxPage, BackendError> {
        if query.conditions.iter().any(|condition| condition.key == "too.wide") {
            return Err(BackendError::Wide { candidates: 20_000, most: 10_000 });
        }
        let pairs = |height: &u64| [("tx.height".to_owned(), height.to_string()), ("tm.event".to_owned(), "Tx".into())];
        let mut heights: Vec<u64> = (1..=self.tip).filter(|height| query.matches(&pairs(height))).collect();
        if descending {
            heights.reverse();
        }
        let total = heights.len();
        Ok(TxPage { txs: heights.into_iter().skip(skip).take(limit).map(tx_found).collect(), total })
    }

    fn query_paths(&self) -> Vec<&'static str> {
        vec![BALANCE, FEES, "/akash.deployment.v1beta4.Query/Params", "/akash.market.v1beta5.Query/Params"]
    }

    fn query(&self, path: &str, data: &[u8], height: u64, _: bool) -> Result<Answer, QueryError> {
        match path {
            BALANCE => {
                let request = QueryBalanceRequest::decode(data).unwrap();
                if request.address == "test" {
                    return Err(QueryError::invalid("test is no address"));
                }
                let balance = Coin { denom: format!("{}/{}", request.address, request.denom), amount: "7".into() };
                let value = QueryBalanceResponse { balance: Some(balance) }.encode_to_vec();
                Ok(Answer { height: if height == 0 { self.tip } else { height }, value, key: vec![], proof: vec![] })
            }
            FEES => {
                let price = DecCoin { denom: "utet".into(), amount: "25000000000000000".into() };
                let params = FeeParams { gas_prices: vec![price], gas: None };
                let value = QueryParamsResponse { params: Some(params) }.encode_to_vec();
                Ok(Answer { height: self.tip, value, key: Vec::new(), proof: Vec::new() })
            }
            "/echo" => Ok(Answer { height: height.max(1), value: data.to_vec(), key: Vec::new(), proof: Vec::new() }),
            "/missing" => Err(QueryError::not_found(format!("no {path}"))),
            _ => Err(QueryError {
                status: QueryStatus::Unimplemented,
                message: format!("unknown query path {path}: this chain answers no such query"),
            }),
        }
    }

    fn simulate(&self, _: &[u8]) -> Result<TxResult, QueryError> {
        Err(QueryError::invalid("simulation skips signatures"))
    }

    fn check(&self, tx: &[u8]) -> Checked {
        match tx {
            b"unsigned" => {
                let log = "signature verification failed".to_owned();
                Checked { code: 4, codespace: "sdk".into(), log, gas_wanted: 7 }
            }
            _ => Checked { gas_wanted: 7, ..Checked::default() },
        }
    }

    async fn submit(&self, tx: Bytes) -> Submitted {
        let mut submitted = self.submitted.lock().unwrap();
        if submitted.contains(&tx) {
            return Submitted::Known;
        }
        if tx.len() > 1000 {
            return Submitted::Full("the pool is full".into());
        }
        submitted.push(tx.clone());
        Submitted::Checked(self.check(&tx))
    }

    async fn pending(&self, limit: usize) -> (Vec<Bytes>, usize, usize) {
        let waiting = self.submitted.lock().unwrap();
        (waiting.iter().take(limit).cloned().collect(), waiting.len(), waiting.iter().map(Bytes::len).sum())
    }

    fn subscribe(&self) -> broadcast::Receiver<NewBlock> {
        self.announcements.subscribe()
    }
}

/// A client of a server in front of a made-up chain.
pub(crate) struct Client {
    pub(crate) fake: Arc<Fake>,
    pub(crate) server: Server,
    http: reqwest::Client,
}

/// HTTP status and body.
pub(crate) type Reply = (u16, String);

impl Client {
    pub(crate) async fn of(tip: u64) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Fake::new(tip);
        let server = rpc::serve(fake.clone(), listener).unwrap();
        Self { fake, server, http: reqwest::Client::new() }
    }

    pub(crate) async fn post(&self, body: impl Into<reqwest::Body>) -> Reply {
        let reply = self.http.post(format!("http://{}/", self.server.address)).body(body).send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let reply = self.http.get(format!("http://{}{path}", self.server.address)).send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    }

    /// The whole answer to a POST.
    pub(crate) async fn say(&self, body: &Value) -> Value {
        let (status, text) = self.post(body.to_string()).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The result of a call.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let answer = self.say(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The error of a call.
    pub(crate) async fn fails(&self, method: &str, params: Value) -> Value {
        let answer = self.say(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })).await;
        assert!(answer.get("result").is_none(), "{method}: {answer}");
        answer["error"].clone()
    }

    /// The whole answer to a GET.
    pub(crate) async fn uri(&self, path: &str) -> Value {
        let (status, text) = self.get(path).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}
