//! The forms of calls, and the shapes of refusals.

use serde_json::{Value, json};

use crate::fake::{Client, tx_of};

fn height(answer: &Value) -> &Value {
    answer.pointer("/result/block/header/height").unwrap_or(&Value::Null)
}

#[tokio::test]
async fn parameters_by_name_by_position_and_none() {
    let client = Client::of(5).await;
    for (params, expected) in [
        (json!({ "height": "3" }), "3"),
        (json!({ "height": 3 }), "3"),
        (json!(["3"]), "3"),
        (json!([3]), "3"),
        (json!([]), "5"),
        (json!({}), "5"),
        (Value::Null, "5"),
        (json!({ "height": null }), "5"),
        (json!({ "height": "0" }), "5"),
    ] {
        let answer = client.say(&json!({ "jsonrpc": "2.0", "id": 9, "method": "block", "params": params })).await;
        assert_eq!((height(&answer), &answer["id"]), (&json!(expected), &json!(9)), "{params}");
    }
    let answer = client.say(&json!({ "jsonrpc": "2.0", "id": "x", "method": "block" })).await;
    assert_eq!((height(&answer), &answer["id"]), (&json!("5"), &json!("x")));
}

#[tokio::test]
async fn refusals_are_json_rpc_errors_with_http_200() {
    let client = Client::of(5).await;
    for (body, code, id) in [
        (json!({ "id": 1, "method": "nothing" }), -32601, json!(1)),
        (json!({ "id": 1, "method": "block", "params": ["1", "2"] }), -32602, json!(1)),
        (json!({ "id": 1, "method": "block", "params": "1" }), -32602, json!(1)),
        (json!({ "id": 1, "method": "block", "params": { "height": "-1" } }), -32602, json!(1)),
        (json!({ "id": 1, "method": "block", "params": { "height": [] } }), -32602, json!(1)),
        (json!({ "id": 1, "method": "block", "params": { "height": "6" } }), -32603, json!(1)),
        (json!({ "id": 1, "method": "tx", "params": { "hash": "!" } }), -32602, json!(1)),
        (json!({ "id": 1, "method": "tx_search", "params": { "query": "a.b=" } }), -32602, json!(1)),
        (json!({ "id": 1, "method": "tx_search", "params": { "query": "too.wide='1'" } }), -32602, json!(1)),
        (json!({ "id": 1, "method": 5 }), -32600, json!(1)),
        (json!({ "id": [], "method": "health" }), -32600, Value::Null),
        (json!({}), -32600, Value::Null),
        (json!(5), -32600, Value::Null),
        (json!([]), -32600, Value::Null),
    ] {
        let answer = client.say(&body).await;
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{body}: {answer}");
        assert!(answer.get("result").is_none(), "{answer}");
    }
    let (status, text) = client.post("{").await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32700)));
    assert_eq!(client.uri("/nothing").await["error"]["code"], -32601);
    assert_eq!(client.uri("/block?height=x").await["error"]["code"], -32602);
    assert_eq!(client.uri("/%ff").await["error"]["code"], -32600);
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    let client = Client::of(1).await;
    let call = json!({ "id": 1, "method": "health" }).to_string();
    let (status, text) = client.post(format!("{call}{}", " ".repeat((1 << 20) - call.len()))).await;
    assert_eq!((status, text.contains("error")), (200, false), "{text}");
    let (status, text) = client.post(format!("{call}{}", " ".repeat((1 << 20) + 1 - call.len()))).await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["error"]["code"]), (200, &json!(-32600)), "{text}");
}

#[tokio::test]
async fn batches_answer_each_call_in_order() {
    let client = Client::of(5).await;
    let calls = json!([
        { "id": 1, "method": "block", "params": ["2"] },
        { "method": "broadcast_tx_sync", "params": ["AAAA"] },
        { "id": 2, "method": "nothing" },
        7,
        { "id": 3, "method": "block", "params": ["4"] },
    ]);
    let answers = client.say(&calls).await;
    let ids: Vec<&Value> = answers.as_array().unwrap().iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!(1), &json!(2), &Value::Null, &json!(3)]);
    assert_eq!((height(&answers[0]), height(&answers[3])), (&json!("2"), &json!("4")));
    let many: Vec<Value> = (0..101).map(|id| json!({ "id": id, "method": "health" })).collect();
    assert_eq!(client.say(&json!(many)).await["error"]["code"], -32600);
    assert_eq!(client.say(&json!(many[..100])).await.as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn notifications_are_not_answered_and_as_in_cometbft_not_performed() {
    let client = Client::of(5).await;
    for body in [
        json!({ "method": "broadcast_tx_sync", "params": ["AAAA"] }),
        json!({ "id": null, "method": "broadcast_tx_sync", "params": ["AAAA"] }),
        json!([{ "method": "health" }, { "method": "health" }]),
    ] {
        assert_eq!(client.post(body.to_string()).await, (200, String::new()), "{body}");
    }
    assert!(client.fake.submitted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn bytes_in_uris_are_hex_or_quoted_characters_and_base64_in_json() {
    let client = Client::of(5).await;
    client.uri("/broadcast_tx_sync?tx=\"abc\"").await;
    client.uri("/broadcast_tx_sync?tx=0x6465").await;
    client.call("broadcast_tx_sync", json!({ "tx": "0xAA" })).await; // base64, though it looks like hex
    let submitted = client.fake.submitted.lock().unwrap().clone();
    assert_eq!(submitted, [&b"abc"[..], b"de", &[0xd3, 0x10, 0x00]]);
    for bad in ["abc", "0xzz", "0x123", ""] {
        assert_eq!(client.uri(&format!("/broadcast_tx_sync?tx={bad}")).await["error"]["code"], -32602, "{bad}");
    }
    let value = |answer: Value| answer.pointer("/result/response/value").cloned();
    assert_eq!(value(client.uri("/abci_query?path=\"/echo\"&data=0x6162").await), Some(json!("YWI=")));
    assert_eq!(value(client.uri("/abci_query?path=\"/echo\"&data=\"ab\"").await), Some(json!("YWI=")));
    let posted = client.call("abci_query", json!(["/echo", "6162", "0", false])).await;
    assert_eq!(posted["response"]["value"], "YWI=");
    let hash = hex::encode(app::tx::hash(&tx_of(3)));
    assert_eq!(client.uri(&format!("/tx?hash=0x{hash}&prove=true")).await["result"]["height"], "3");
    assert_eq!(client.uri("/tx_search?query=\"tx.height=2\"&page=1").await["result"]["total_count"], "1");
    assert_eq!(client.uri("/block?height=\"2\"").await["result"]["block"]["header"]["height"], "2");
}
