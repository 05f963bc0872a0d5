//! What the methods answer.

use serde_json::{Value, json};

use crate::fake::{Client, tx_of};

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test]
async fn check_tx_asks_admission_and_not_simulation() {
    let client = Client::of(5).await;
    let refused = client.call("check_tx", json!({ "tx": base64(b"unsigned") })).await;
    assert_eq!((&refused["code"], &refused["codespace"]), (&json!(4), &json!("sdk")), "{refused}");
    assert!(refused["log"].as_str().unwrap().contains("signature"), "{refused}");
    let good = client.call("check_tx", json!({ "tx": base64(b"signed") })).await;
    assert_eq!((&good["code"], &good["gas_wanted"]), (&json!(0), &json!("7")), "{good}");
    assert!(client.fake.submitted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn genesis_has_the_shape_of_cometbft() {
    let client = Client::of(5).await;
    insta::assert_json_snapshot!(client.call("genesis", json!({})).await);
}

#[tokio::test]
async fn before_the_first_block_the_height_is_zero() {
    let client = Client::of(0).await;
    let status = client.call("status", json!({})).await;
    insta::assert_json_snapshot!(status["sync_info"]);
    let info = client.call("abci_info", json!({})).await;
    assert_eq!(info["response"]["last_block_height"], "0");
    assert_eq!(info["response"]["last_block_app_hash"], base64(&[0; 32]));
    client.fails("block", json!({})).await;
    assert_eq!(client.call("block_search", json!(["block.height>0"])).await["total_count"], "0");
}

#[tokio::test]
async fn state_hashes_are_those_after_the_block() {
    let client = Client::of(5).await;
    let info = client.call("abci_info", json!({})).await;
    assert_eq!(info["response"]["last_block_app_hash"], base64(&[5; 32]));
    for height in [1, 4, 5] {
        let results = client.call("block_results", json!({ "height": height })).await;
        assert_eq!(results["app_hash"], base64(&[height; 32]), "{height}");
        assert_eq!(results["txs_results"][0]["gas_used"], height.to_string());
    }
    // The header still names the state before its block.
    let block = client.call("block", json!({ "height": 5 })).await;
    assert_eq!(block["block"]["header"]["app_hash"], "04".repeat(32));
}

#[tokio::test]
async fn net_info_names_peers_as_cometbft_does() {
    let client = Client::of(5).await;
    insta::assert_json_snapshot!(client.call("net_info", json!({})).await);
}

#[tokio::test]
async fn consensus_params_of_held_heights() {
    let client = Client::of(5).await;
    for (asked, shown) in [(json!({}), "6"), (json!({ "height": "1" }), "1"), (json!({ "height": "6" }), "6")] {
        assert_eq!(client.call("consensus_params", asked).await["block_height"], shown);
    }
    let error = client.fails("consensus_params", json!({ "height": "7" })).await;
    assert!(error["data"].as_str().unwrap().contains("height 7 is not available"), "{error}");
}

fn heights(found: &Value) -> Vec<&str> {
    let blocks = found["blocks"].as_array().unwrap();
    blocks.iter().map(|block| block["block"]["header"]["height"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn blocks_are_searched_by_height() {
    let client = Client::of(50).await;
    for (query, total, page) in [
        ("block.height=7", "1", vec!["7"]),
        ("block.height>47", "3", vec!["50", "49", "48"]),
        ("block.height>=5 AND block.height<8", "3", vec!["7", "6", "5"]),
        ("block.height<=2 AND block.height EXISTS", "2", vec!["2", "1"]),
        ("block.height<0", "0", vec![]),
        ("block.height>50", "0", vec![]),
        ("block.height>9 AND block.height<9", "0", vec![]),
        ("block.height>18446744073709551615", "0", vec![]),
    ] {
        let found = client.call("block_search", json!({ "query": query })).await;
        assert_eq!((found["total_count"].as_str(), heights(&found)), (Some(total), page), "{query}");
    }
    for query in ["", "tx.height=1", "block.height='x'", "block.height CONTAINS 5", "block.height"] {
        assert_eq!(client.fails("block_search", json!({ "query": query })).await["code"], -32602, "{query}");
    }
    let page = |page: u64, order: &str| json!(["block.height<=5", page.to_string(), "2", order]);
    for (number, order, expected) in [
        (1, "asc", vec!["1", "2"]),
        (3, "asc", vec!["5"]),
        (4, "asc", vec![]),
        (1, "desc", vec!["5", "4"]),
        (3, "desc", vec!["1"]),
        (4, "desc", vec![]),
    ] {
        let found = client.call("block_search", page(number, order)).await;
        assert_eq!((found["total_count"].as_str(), heights(&found)), (Some("5"), expected), "{number} {order}");
    }
}

#[tokio::test]
async fn pages_and_their_edges() {
    let client = Client::of(250).await;
    let search = async |page: Value, size: Value| {
        client.call("tx_search", json!({ "query": "tx.height>0", "page": page, "per_page": size })).await
    };
    for (page, size, first, count) in [
        (Value::Null, Value::Null, Some("1"), 30),
        (json!("1"), json!("100"), Some("1"), 100),
        (json!(3), json!(100), Some("201"), 50),
        (json!(1), json!(1000), Some("1"), 100),
        (json!(1), json!(0), Some("1"), 30),
        (json!(4), json!(100), None, 0),
    ] {
        let found = search(page.clone(), size.clone()).await;
        assert_eq!(found["total_count"], "250");
        assert_eq!(found["txs"].as_array().unwrap().len(), count, "{page} {size}");
        assert_eq!(found.pointer("/txs/0/height").and_then(Value::as_str), first, "{page} {size}");
    }
    for page in [json!("0"), json!("-1"), json!("x"), json!("18446744073709551615")] {
        let params = json!({ "query": "tx.height>0", "page": page });
        assert_eq!(client.fails("tx_search", params).await["code"], -32602, "{page}");
    }
    let nothing = client.call("tx_search", json!({ "query": format!("tx.hash='{}'", "00".repeat(32)) })).await;
    assert_eq!(nothing, json!({ "txs": [], "total_count": "0" }));
    let hash = hex::encode_upper(app::tx::hash(&tx_of(3)));
    let one = client.call("tx_search", json!({ "query": format!("tx.hash='{hash}'") })).await;
    assert_eq!((&one["total_count"], &one["txs"][0]["height"]), (&json!("1"), &json!("3")));

    let validators = client.call("validators", json!({ "page": "2", "per_page": "3" })).await;
    assert_eq!((&validators["count"], &validators["total"]), (&json!("2"), &json!("5")));
    let metas = client.call("blockchain", json!({ "minHeight": "1", "maxHeight": "1000" })).await;
    assert_eq!(metas["block_metas"].as_array().unwrap().len(), 20);
    assert_eq!(metas["block_metas"][0]["header"]["height"], "250");
    client.fails("blockchain", json!(["9", "8"])).await;
    let hash = format!("{:064x}", 3);
    assert_eq!(client.uri(&format!("/block_by_hash?hash=0x{hash}")).await["result"]["block"]["header"]["height"], "3");
}
