//! REST over a made-up chain: routes, names, numbers, refusals.

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::fake::Fake;

struct Rest {
    _server: rpc::Server,
    base: String,
    http: reqwest::Client,
}

impl Rest {
    async fn of(tip: u64) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = rpc::rest::serve(Fake::new(tip), listener).unwrap();
        let base = format!("http://{}", server.address);
        Self { _server: server, base, http: reqwest::Client::new() }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let reply = self.http.get(format!("{}{path}", self.base)).send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let reply = self.http.post(format!("{}{path}", self.base)).body(body).send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }
}

#[tokio::test]
async fn paths_win_over_what_the_query_repeats_and_unknown_keys_do_no_harm() {
    let rest = Rest::of(5).await;
    for query in [
        "denom=utet",
        "address=other&denom=utet",
        "denom=first&denom=utet&nothing=1&pagination.countTotal=True&a.b.c=1",
    ] {
        let (status, answer) = rest.get(&format!("/cosmos/bank/v1beta1/balances/own/by_denom?{query}")).await;
        assert_eq!((status, answer), (200, json!({ "balance": { "denom": "own/utet", "amount": "7" } })), "{query}");
    }
}

#[tokio::test]
async fn the_height_is_asked_for_and_told() {
    let rest = Rest::of(5).await;
    let path = format!("{}/cosmos/bank/v1beta1/balances/own/by_denom?denom=x", rest.base);
    let height = |reply: reqwest::Response| reply.headers()["x-cosmos-block-height"].to_str().unwrap().to_owned();
    assert_eq!(height(rest.http.get(&path).send().await.unwrap()), "5");
    let asked = rest.http.get(&path).header("x-cosmos-block-height", "3").header("origin", "http://site.example");
    let reply = asked.send().await.unwrap();
    assert_eq!(reply.headers()["access-control-allow-origin"], "*");
    assert_eq!(reply.headers()["grpc-metadata-x-cosmos-block-height"], "3");
    assert_eq!(height(reply), "3");
    let wrong = rest.http.get(&path).header("x-cosmos-block-height", "x").send().await.unwrap();
    assert_eq!(wrong.status().as_u16(), 400);
}

#[tokio::test]
async fn refusals_have_the_body_of_grpc_gateway() {
    let rest = Rest::of(5).await;
    for (path, status, code, part) in [
        ("/cosmos/bank/v1beta1/balances/test/by_denom?denom=x", 400, 3, "no address"),
        ("/cosmos/base/tendermint/v1beta1/blocks/x", 400, 3, "whole number"),
        ("/cosmos/base/tendermint/v1beta1/blocks/99", 400, 3, "not available"),
        ("/cosmos/base/tendermint/v1beta1/blocks/0", 400, 3, "1 or more"),
        ("/cosmos/tx/v1beta1/txs/zz", 400, 3, "64 hex digits"),
        (&format!("/cosmos/tx/v1beta1/txs/{}", "00".repeat(32)), 404, 5, "tx not found"),
        ("/cosmos/tx/v1beta1/txs?query=a.b=", 400, 3, "does not parse"),
        ("/cosmos/staking/v1beta1/validators", 501, 12, "no staking"),
        ("/ibc/apps/transfer/v1/params", 501, 12, "no connections"),
        ("/feemarket/v1/params", 501, 12, "Not Implemented"),
        ("/cosmos/bank/v1beta1/params", 501, 12, "no such query"),
        ("/", 501, 12, "Not Implemented"),
    ] {
        let (found, answer) = rest.get(path).await;
        assert_eq!(
            (found, &answer["code"], &answer["details"]),
            (status, &json!(code), &json!([])),
            "{path}: {answer}"
        );
        assert!(answer["message"].as_str().unwrap().contains(part), "{path}: {answer}");
    }
    for (body, part) in [
        ("{", "no JSON"),
        (r#"{"tx_bytes":"AAAA","mode":"BROADCAST_MODE_BLOCK"}"#, "not supported"),
        (r#"{"tx_bytes":"AAAA","mode":"NOTHING"}"#, "one of"),
        (r#"{"tx_bytes":"!"}"#, "base64"),
        (r#"{"mode":2}"#, "empty tx"),
        (r#"{"nothing":1}"#, "no such field"),
        ("[]", "object"),
    ] {
        let (status, answer) = rest.post("/cosmos/tx/v1beta1/txs", body).await;
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(part), "{body}: {answer}");
    }
    let (status, answer) = rest.post("/cosmos/tx/v1beta1/txs", vec![b' '; (1 << 20) + 1]).await;
    assert_eq!((status, &answer["code"]), (400, &json!(3)), "{answer}");
}

#[tokio::test]
async fn transactions_are_taken_in_either_style_of_names() {
    let rest = Rest::of(5).await;
    for (body, code) in [
        (r#"{"tx_bytes":"QUFB","mode":"BROADCAST_MODE_SYNC"}"#, 0),
        (r#"{"txBytes":"QkJC","mode":2}"#, 0),
        (r#"{"txBytes":"QkJC","mode":"2"}"#, 19),
        (r#"{"txBytes":"QkJC","mode":"BROADCAST_MODE_ASYNC"}"#, 0),
        (r#"{"txBytes":"dW5zaWduZWQ","mode":"BROADCAST_MODE_SYNC"}"#, 4),
    ] {
        let (status, answer) = rest.post("/cosmos/tx/v1beta1/txs", body).await;
        assert_eq!((status, &answer["tx_response"]["code"]), (200, &json!(code)), "{body}: {answer}");
        assert_eq!(answer["tx_response"]["txhash"].as_str().unwrap().len(), 64);
        assert_eq!(answer["tx_response"]["height"], "0");
    }
}

#[tokio::test]
async fn the_node_shows_itself() {
    let rest = Rest::of(5).await;
    for path in ["node_info", "syncing", "blocks/2", "validatorsets/latest?pagination.limit=1"] {
        let (status, answer) = rest.get(&format!("/cosmos/base/tendermint/v1beta1/{path}")).await;
        assert_eq!(status, 200, "{answer}");
        insta::with_settings!({ snapshot_suffix => path.replace(['/', '?', '.', '='], "-") }, {
            insta::assert_json_snapshot!("node", answer);
        });
    }
    for path in [
        "/cosmos/base/node/v1beta1/config",
        "/cosmos/base/node/v1beta1/status",
        "/cosmos/consensus/v1/params",
        "/akash/discovery/v1/info",
    ] {
        let (status, answer) = rest.get(path).await;
        assert_eq!(status, 200, "{answer}");
        insta::with_settings!({ snapshot_suffix => path.replace('/', "-") }, {
            insta::assert_json_snapshot!("config", answer);
        });
    }
    // Latest is a word and no height.
    let (_, latest) = rest.get("/cosmos/base/tendermint/v1beta1/blocks/latest").await;
    assert_eq!(latest["sdk_block"]["header"]["height"], "5");
    assert!(latest["sdk_block"]["header"]["proposer_address"].as_str().unwrap().starts_with("tetravalcons1"));
    let (_, first) = rest.get("/cosmos/base/tendermint/v1beta1/blocks/1").await;
    assert_eq!(first["block"]["last_commit"], Value::Null);
}
