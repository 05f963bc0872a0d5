//! From a user's request to a miner's upstream and back, over sockets: what is billed, and what happens when miners misbehave.

#[allow(unreachable_pub, dead_code, reason = "the tests of node use it as well, and more of it")]
#[path = "../../node/tests/common/packages.rs"]
mod packages;
mod place;

use std::time::Duration;

use axum::http::StatusCode;
use inference::gateway::server::{MINER_HOTKEY, MINER_UID};
use inference::wire::dendrite::{AskError, Axon, Dendrite};
use place::{Behaviour, Place, hotkey};
use serde_json::{Value, json};
use tokio::process::Command;

fn question() -> Value {
    json!({ "model": "small", "messages": [{ "role": "user", "content": "hello" }], "max_tokens": 64 })
}

/// 7 and 2 tokens at 1,000,000 and 2,000,000 base units for a million: 11 base units, 8 of them for the miner.
const COST: u128 = 11;

#[tokio::test]
async fn an_answer_comes_from_the_best_miner_and_is_billed() {
    let place = Place::new(&[(10, Behaviour::Answers), (30, Behaviour::Answers)]).await;
    let response = place.post("/v1/chat/completions", &question()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[MINER_UID], "2");
    assert_eq!(response.headers()[MINER_HOTKEY], hotkey(2).to_string());
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "You said: hello");
    assert_eq!(answer["usage"], json!({ "prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9 }));
    let totals = place.gateway.totals();
    assert_eq!(totals.balances["ann"], place::BALANCE - COST);
    assert_eq!((totals.owed[&hotkey(2)], totals.recycled, totals.gateway, totals.bills), (8, 1, 2, 1));
}

#[tokio::test]
async fn a_stream_passes_through_and_the_older_door_answers() {
    let place = Place::new(&[(10, Behaviour::Answers)]).await;
    let mut asked = question();
    asked["stream"] = json!(true);
    asked["stream_options"] = json!({ "include_usage": true });
    let text = place.post("/v1/chat/completions", &asked).await.text().await.unwrap();
    let events: Vec<&str> = text.split_terminator("\n\n").collect();
    let content = |event: &&str| -> Option<String> {
        let value: Value = serde_json::from_str(event.strip_prefix("data: ")?).ok()?;
        value.pointer("/choices/0/delta/content")?.as_str().map(str::to_owned)
    };
    let pieces: Vec<String> = events.iter().filter_map(content).collect();
    assert_eq!(pieces, ["You said: ", "hello"]);
    assert_eq!(events.last(), Some(&"data: [DONE]"));
    assert!(text.contains(r#""total_tokens":9"#), "{text}");
    assert_eq!(place.gateway.totals().bills, 1);
    let older = json!({ "model": "small", "prompt": "hello", "max_tokens": 64 });
    let answer: Value = place.post("/v1/completions", &older).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["text"], "You said: hello");
}

#[tokio::test]
async fn miners_that_misbehave_are_fallen_over_from_within_one_request() {
    let bad = [Behaviour::Floods, Behaviour::Garbage, Behaviour::Hangs, Behaviour::Closed, Behaviour::BreaksOff];
    for behaviour in bad {
        let place = Place::new(&[(30, behaviour), (10, Behaviour::Answers)]).await;
        let response = place.post("/v1/chat/completions", &question()).await;
        assert_eq!(response.status(), StatusCode::OK, "{behaviour:?}");
        assert_eq!(response.headers()[MINER_UID], "2", "{behaviour:?}");
        let totals = place.gateway.totals();
        assert_eq!((totals.bills, totals.owed.len()), (1, 1), "{behaviour:?}");
        // The next request does not wait for it again.
        assert_eq!(place.post("/v1/chat/completions", &question()).await.headers()[MINER_UID], "2");
    }
}

#[tokio::test]
async fn all_miners_gone_is_503_with_a_reason_and_nothing_billed() {
    let place = Place::new(&[(30, Behaviour::Closed), (10, Behaviour::Garbage)]).await;
    let response = place.post("/v1/chat/completions", &question()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let error: Value = response.json().await.unwrap();
    assert_eq!(error["error"]["message"], "none of 2 miners answered; nothing was billed");
    let none = Place::new(&[]).await;
    let error: Value = none.post("/v1/chat/completions", &question()).await.json().await.unwrap();
    assert_eq!(error["error"]["message"], "no miner of the subnet serves; nothing was billed");
    for place in [place, none] {
        assert_eq!(place.gateway.totals().balances["ann"], place::BALANCE);
        // What was held is free again: the whole balance can be asked for.
        assert_eq!(place.post("/v1/chat/completions", &question()).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test]
async fn who_may_not_ask_is_told_why() {
    let place = Place::new(&[(30, Behaviour::Answers)]).await;
    let status = async |key: &str, body: Value| {
        let request = place.http.post(format!("{}/v1/chat/completions", place.url)).bearer_auth(key);
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("sk-tetra-wrong", question()).await, 401);
    assert_eq!(status(&place.poor, question()).await, 402);
    let mut other = question();
    other["model"] = json!("large");
    assert_eq!(status(&place.key, other).await, 404);
    assert_eq!(status(&place.key, json!({ "model": "small" })).await, 400);
    let room = place.busy();
    assert_eq!(status(&place.key, question()).await, 429);
    drop(room);
    assert_eq!(place.gateway.totals().bills, 0);
}

/// A validator's test and a user's request, as the miner gets them.
#[tokio::test]
async fn miners_cannot_tell_tests_from_users() {
    let place = Place::new(&[(30, Behaviour::Answers)]).await;
    place.post("/v1/chat/completions", &question()).await;
    let request = serde_json::to_vec(&question()).unwrap();
    let test = inference::gateway::openai::read(&request, inference::gateway::openai::Door::Chat, 64, 64).unwrap();
    let axon = Axon { hotkey: hotkey(1), at: place.axons[0] };
    let path = inference::gateway::openai::CHAT;
    let body = test.ask.to_wire().into();
    place.dendrite().ask(axon, path, body, Duration::from_secs(30), 1 << 20).await.unwrap().whole().await.unwrap();
    let seen = place.seen.lock().unwrap();
    let [user, test] = seen.as_slice() else { panic!("{} requests", seen.len()) };
    let shape = |body: &Value| {
        let mut body = body.clone();
        body["seed"] = json!(0);
        body.to_string()
    };
    assert_eq!(shape(user), shape(test));
}

#[tokio::test]
async fn strangers_clocks_and_replays_are_refused_by_miners() {
    let place = Place::new(&[(30, Behaviour::Answers)]).await;
    let axon = Axon { hotkey: hotkey(1), at: place.axons[0] };
    let stranger = Dendrite::new(place::key(99), place::NETUID).unwrap();
    let ask = async |dendrite: &Dendrite, axon| {
        let asked = dendrite.ask(axon, "/v1/chat/completions", "{}".into(), Duration::from_secs(9), 1 << 20).await;
        asked.map(drop).unwrap_err()
    };
    assert!(matches!(ask(&stranger, axon).await, AskError::Refused { code: 403, .. }));
    let elsewhere = Axon { hotkey: hotkey(7), ..axon };
    assert!(matches!(ask(&place.dendrite(), elsewhere).await, AskError::Refused { code: 401, .. }));
    let mut codes = Vec::new();
    for (ahead, again) in [(0, true), (-60, false), (60, false)] {
        let signed = place.signed(ahead);
        codes.push(place.send_signed(axon, &signed).await);
        if again {
            codes.push(place.send_signed(axon, &signed).await);
        }
    }
    assert_eq!(codes, [200, 401, 401, 401], "taken, replayed, an hour hand behind, one ahead");
    let long = vec![b' '; place::MAX_BODY + 1];
    assert_eq!(place.send_signed(axon, &place.signed_body(0, long)).await, 413);
}

/// A miner that says nothing for a while is not waited for: the next one is asked beside it.
#[tokio::test]
async fn a_silent_miner_is_hedged() {
    let place = Place::new(&[(30, Behaviour::Hangs), (10, Behaviour::Answers)]).await;
    let began = std::time::Instant::now();
    let response = place.post("/v1/chat/completions", &question()).await;
    assert_eq!(response.headers()[MINER_UID], "2");
    // Its own limit is two seconds.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(place.gateway.totals().bills, 1);
}

#[tokio::test]
async fn embeddings_come_as_numbers_or_bytes_and_are_billed_by_the_question() {
    let place = Place::new(&[(30, Behaviour::Garbage), (10, Behaviour::Answers)]).await;
    let mut asked = json!({ "model": "vectors", "input": ["one", "two"] });
    let response = place.post("/v1/embeddings", &asked).await;
    assert_eq!((response.status(), response.headers()[MINER_UID].to_str().unwrap()), (StatusCode::OK, "2"));
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["data"][1], json!({ "object": "embedding", "index": 1, "embedding": [1.0, 3.0] }));
    assert_eq!(answer["usage"], json!({ "prompt_tokens": 5, "total_tokens": 5 }));
    assert_eq!(place.gateway.totals().balances["ann"], place::BALANCE - 5);
    asked["encoding_format"] = json!("base64");
    let answer: Value = place.post("/v1/embeddings", &asked).await.json().await.unwrap();
    assert_eq!(answer["data"][0]["embedding"], "AAAAAAAAQEA=");
    asked["model"] = json!("small");
    assert_eq!(place.post("/v1/embeddings", &asked).await.status(), StatusCode::NOT_FOUND);
    let models: Value = place
        .http
        .get(format!("{}/v1/models", place.url))
        .bearer_auth(&place.key)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(models["data"].as_array().unwrap().len(), 2);
}

/// A synapse of the older SDKs, signed as they sign it.
#[tokio::test]
async fn the_header_protocol_is_answered_by_the_same_upstream() {
    let place = Place::new(&[(30, Behaviour::Answers)]).await;
    let mut fields = serde_json::Map::new();
    fields.insert("prompt".to_owned(), json!("hello"));
    let ask = async |fields: &serde_json::Map<String, Value>, headers: Vec<(&'static str, String)>| {
        let mut request = place.http.post(format!("http://{}/Prompting", place.axons[0])).json(fields);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    };
    let headers = place.synapse(&fields);
    let answered = ask(&fields, headers.clone()).await;
    assert_eq!(
        (answered.status().as_u16(), answered.headers()["bt_header_axon_status_code"].to_str().unwrap()),
        (200, "200")
    );
    let answer: Value = answered.json().await.unwrap();
    assert_eq!(answer, json!({ "prompt": "hello", "completion": "You said: hello" }));
    assert_eq!(ask(&fields, headers.clone()).await.status().as_u16(), 401, "a replay");
    fields.insert("prompt".to_owned(), json!("other"));
    assert_eq!(ask(&fields, headers).await.status().as_u16(), 400, "not what was hashed");
}

/// What a client of OpenAI's says to a gateway with a miner that answers and one that is gone.
async fn said_by(mut client: Command) -> String {
    let place = Place::new(&[(10, Behaviour::Answers), (30, Behaviour::Closed)]).await;
    let output = client.args([&place.url, &place.key]).kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(place.gateway.totals().bills, 4);
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openai_client_of_pypi_is_served() {
    let Some(folder) = packages::pypi("clients/openai_pypi").await else { return };
    let mut client = Command::new(folder.join("venv/bin/python"));
    client.arg(folder.join("client.py"));
    insta::assert_snapshot!(said_by(client).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openai_client_of_npm_is_served() {
    let Some(folder) = packages::npm("clients/openai_npm").await else { return };
    let mut client = Command::new("node");
    client.arg(folder.join("client.mjs"));
    insta::assert_snapshot!(said_by(client).await);
}
