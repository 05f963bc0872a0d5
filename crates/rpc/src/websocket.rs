//! Websockets: the same calls as over HTTP, and subscriptions.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::call::{Call, CallError, Params, answer};
use crate::server::{LARGEST_BODY, Shared, perform};
use crate::subscription::{Node, Subscriptions};

/// Most open websockets, as in CometBFT (`max_subscription_clients`).
pub(crate) const MOST_SOCKETS: usize = 100;
/// How often a client is pinged. One that says nothing from one ping to the next is gone.
const PING: Duration = Duration::from_secs(30);
/// How long a client may take to accept a message.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn upgrade(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = shared.sockets.try_acquire_owned() else {
        let why = format!("{MOST_SOCKETS} websockets are open, which is the most; close one, or ask another node");
        return (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    };
    upgrade.max_message_size(LARGEST_BODY).on_upgrade(async move |socket| {
        converse(shared.node, socket).await;
        drop(place);
    })
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    match timeout(WRITE_LIMIT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        // The client is gone, or does not read: either way there is nobody to tell.
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

async fn converse(node: Node, mut socket: WebSocket) {
    let mut subscriptions = Subscriptions::default();
    let mut blocks = node.subscribe();
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = true;
    loop {
        let messages = tokio::select! {
            incoming = socket.recv() => {
                heard = true;
                match incoming {
                    Some(Ok(Message::Text(text))) => spoken(&node, &mut subscriptions, text.as_bytes()).await.into_iter().collect(),
                    Some(Ok(Message::Binary(bytes))) => spoken(&node, &mut subscriptions, &bytes).await.into_iter().collect(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                }
            }
            block = blocks.recv() => match block {
                Ok(block) => match subscriptions.messages(&block) {
                    Ok(messages) => messages,
                    Err(error) => vec![answer(Value::Null, Err(error))],
                },
                // A client that reads too slowly must not go on with a gap that it cannot see.
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            },
            _ = pings.tick() => {
                if !std::mem::take(&mut heard) || send(&mut socket, Message::Ping(Default::default())).await.is_err() {
                    return;
                }
                continue;
            }
        };
        for message in messages {
            if send(&mut socket, Message::text(message.to_string())).await.is_err() {
                return;
            }
        }
    }
}

/// The answer to what a client said; none to a notification.
async fn spoken(node: &Node, subscriptions: &mut Subscriptions, text: &[u8]) -> Option<Value> {
    let call = match serde_json::from_slice::<Value>(text) {
        Ok(value) => Call::parse(value),
        Err(error) => Err((Value::Null, CallError::parse(&error))),
    };
    let (id, method, params) = match call {
        Ok(Call { id, method, params }) => (id?, method, params),
        Err((id, error)) => return Some(answer(id, Err(error))),
    };
    let done = json!({});
    let result = match method.as_str() {
        "subscribe" => query(params).and_then(|query| subscriptions.add(id.clone(), query)).map(|()| done),
        "unsubscribe" => query(params).and_then(|query| subscriptions.remove(&query)).map(|()| done),
        "unsubscribe_all" => {
            subscriptions.clear();
            Ok(done)
        }
        method => perform(node, method, params).await,
    };
    Some(answer(id, result))
}

fn query(params: Option<Value>) -> Result<String, CallError> {
    let params = Params::from_json(params, &["query"])?;
    params.text("query")?.ok_or_else(|| CallError::params("query is missing"))
}
