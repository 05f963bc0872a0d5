//! Whatever comes in, an answer goes out.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::fake::Client;
use crate::sockets::Socket;

static SERVER: LazyLock<(Runtime, Client)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(Client::of(5));
    (runtime, client)
});

const METHODS: [&str; 24] = [
    "abci_info",
    "abci_query",
    "akash",
    "block",
    "block_by_hash",
    "block_results",
    "block_search",
    "blockchain",
    "broadcast_tx_async",
    "broadcast_tx_sync",
    "check_tx",
    "commit",
    "consensus_params",
    "genesis",
    "header",
    "header_by_hash",
    "net_info",
    "num_unconfirmed_txs",
    "status",
    "tx",
    "tx_search",
    "unconfirmed_txs",
    "validators",
    "nothing",
];

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(|number| Value::from(number.to_string())),
        "[0-9a-f]{64}|[0-9A-Za-z+/]{43}=|0x[0-9a-f]{0,8}|.{0,20}".prop_map(Value::from),
        "(block|tx)\\.height(=|<|>|<=|>=| EXISTS| CONTAINS )[0-9]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

fn params() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "height",
        "minHeight",
        "maxHeight",
        "hash",
        "page",
        "per_page",
        "query",
        "prove",
        "tx",
        "path",
        "data",
        "order_by",
        "limit",
    ]);
    let named = prop::collection::btree_map(names.prop_map(str::to_owned), json_value(), 0..4);
    prop_oneof![
        json_value(),
        named.prop_map(|map| json!(map)),
        prop::collection::vec(json_value(), 0..5).prop_map(Value::from)
    ]
}

/// Subscriptions good and bad, and noise.
fn said() -> impl Strategy<Value = String> {
    let method = prop::sample::select(vec!["subscribe", "unsubscribe", "unsubscribe_all", "block", "nothing"]);
    let call = |(method, params)| json!({ "id": 1, "method": method, "params": params }).to_string();
    prop_oneof![(method, params()).prop_map(call), ".{0,50}"]
}

fn answered((status, text): (u16, String)) -> Result<(), TestCaseError> {
    prop_assert_eq!(status, 200, "{}", text);
    let answer: Value = serde_json::from_str(&text).map_err(|_| TestCaseError::fail(text.clone()))?;
    let one = |answer: &Value| answer.get("result").is_some() != answer.get("error").is_some();
    let good = answer.as_array().map_or_else(|| one(&answer), |list| list.iter().all(one));
    prop_assert!(good, "{}", text);
    Ok(())
}

proptest! {
    #[test]
    fn any_body_is_answered(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let (runtime, client) = &*SERVER;
        let reply = runtime.block_on(client.post(body));
        if !reply.1.is_empty() {
            answered(reply)?;
        }
    }

    #[test]
    fn any_parameters_are_answered(method in prop::sample::select(METHODS.to_vec()), params in params()) {
        let (runtime, client) = &*SERVER;
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        answered(runtime.block_on(client.post(call.to_string())))?;
    }

    #[test]
    fn any_uri_is_answered(
        method in prop::sample::select(METHODS.to_vec()),
        name in "height|hash|query|page|tx|data|path|.{0,5}",
        value in "\"?.{0,30}\"?|0x[0-9a-fx]{0,70}|[0-9]{1,25}|(block|tx).height[<>=]{1,2}[0-9]{0,4}",
    ) {
        let (runtime, client) = &*SERVER;
        let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        answered(runtime.block_on(client.get(&format!("/{method}?{}={}", escape(&name), escape(&value)))))?;
    }

    #[test]
    fn any_path_is_answered(path in prop::collection::vec(any::<u8>(), 1..20)) {
        // Dots alone name a folder (WHATWG URL, 4.4): clients ask for `/`, the page of methods, which is no JSON.
        prop_assume!(path != b"." && path != b"..");
        let (runtime, client) = &*SERVER;
        let path: String = path.iter().map(|byte| format!("%{byte:02x}")).collect();
        answered(runtime.block_on(client.get(&format!("/{path}"))))?;
    }

    #[test]
    fn a_socket_outlives_whatever_is_said(texts in prop::collection::vec(said(), 1..8)) {
        let (runtime, client) = &*SERVER;
        runtime.block_on(async {
            let mut socket = Socket::open(client).await.unwrap();
            for text in texts {
                socket.say(text).await;
            }
            socket.send(&json!({ "id": "last", "method": "health" })).await;
            while socket.next().await["id"] != "last" {}
        });
    }
}
