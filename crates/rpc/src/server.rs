//! HTTP and websocket on one port.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tower_http::cors::CorsLayer;

use crate::call::{CallError, Params};
use crate::methods;
use crate::subscription::{Node, Subscriptions};

/// Most calls of one batch.
const MOST_CALLS: usize = 100;
/// Bytes of one request: a transaction of the largest size, in base64, with room.
const LARGEST_BODY: usize = 1 << 20;

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a node's JSON-RPC until the returned server is dropped.
///
/// # Errors
/// When the listener has no address.
pub fn serve(node: Node, listener: TcpListener) -> std::io::Result<Server> {
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/", post(calls).get(index))
        .route("/websocket", get(upgrade))
        .route("/{method}", get(by_uri))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CorsLayer::permissive())
        .with_state(node);
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the RPC server stopped");
        }
    });
    Ok(Server { address, task })
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Value,
    method: String,
    params: Option<Value>,
}

fn answer(id: Value, result: Result<Value, CallError>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => json!({ "jsonrpc": "2.0", "id": id, "error": error.to_json() }),
    }
}

fn json_response(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

async fn perform(node: &Node, method: &str, params: Option<Value>) -> Result<Value, CallError> {
    let names = methods::parameters(method).ok_or_else(|| CallError::unknown(method))?;
    let params = Params::from_json(params, names)?;
    methods::dispatch(node.as_ref(), method, &params).await
}

async fn one(node: &Node, value: Value) -> Value {
    let id = value.get("id").cloned().unwrap_or(Value::Null);
    match serde_json::from_value::<Call>(value) {
        Ok(call) => answer(call.id, perform(node, &call.method, call.params).await),
        Err(error) => {
            answer(id, Err(CallError { code: -32600, message: "Invalid Request".to_owned(), data: error.to_string() }))
        }
    }
}

async fn calls(State(node): State<Node>, body: Bytes) -> Response {
    let parsed = match serde_json::from_slice::<Value>(&body) {
        Ok(parsed) => parsed,
        Err(error) => {
            let error = CallError { code: -32700, message: "Parse error".to_owned(), data: error.to_string() };
            return json_response(&answer(Value::Null, Err(error)));
        }
    };
    match parsed {
        Value::Array(list) if list.len() > MOST_CALLS => {
            let error = CallError::params(format!("{} calls in one batch, at most {MOST_CALLS}", list.len()));
            json_response(&answer(Value::Null, Err(error)))
        }
        Value::Array(list) => {
            let mut answers = Vec::with_capacity(list.len());
            for call in list {
                answers.push(one(&node, call).await);
            }
            json_response(&Value::Array(answers))
        }
        single => json_response(&one(&node, single).await),
    }
}

async fn by_uri(
    State(node): State<Node>,
    Path(method): Path<String>,
    Query(arguments): Query<Vec<(String, String)>>,
) -> Response {
    let result = match methods::parameters(&method) {
        Some(_) => methods::dispatch(node.as_ref(), &method, &Params::from_uri(arguments)).await,
        None => Err(CallError::unknown(&method)),
    };
    json_response(&answer(json!(-1), result))
}

async fn index() -> Html<String> {
    let items: String = methods::NAMES
        .iter()
        .map(|name| {
            let names = methods::parameters(name).unwrap_or_default();
            let query: Vec<String> = names.iter().map(|parameter| format!("{parameter}=_")).collect();
            let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
            format!("<li><a href=\"/{name}\">/{name}{query}</a></li>")
        })
        .collect();
    Html(format!(
        "<!doctype html><title>Tetra RPC</title><h1>Tetra RPC</h1><ul>{items}</ul><p>Websocket: /websocket</p>"
    ))
}

async fn upgrade(State(node): State<Node>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(LARGEST_BODY).on_upgrade(move |socket| converse(node, socket))
}

async fn converse(node: Node, mut socket: WebSocket) {
    let mut subscriptions = Subscriptions::default();
    let mut blocks = node.subscribe();
    loop {
        let messages = tokio::select! {
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Text(text))) => vec![spoken(&node, &mut subscriptions, text.as_str()).await],
                Some(Ok(Message::Binary(bytes))) => {
                    vec![spoken(&node, &mut subscriptions, &String::from_utf8_lossy(&bytes)).await]
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            block = blocks.recv() => match block {
                Ok(block) => match subscriptions.messages(&block) {
                    Ok(messages) => messages,
                    Err(error) => vec![answer(Value::Null, Err(error))],
                },
                // A client that reads too slowly must not go on with a gap that it cannot see.
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            },
        };
        for message in messages {
            if socket.send(Message::text(message.to_string())).await.is_err() {
                return;
            }
        }
    }
}

async fn spoken(node: &Node, subscriptions: &mut Subscriptions, text: &str) -> Value {
    let call = match serde_json::from_str::<Call>(text) {
        Ok(call) => call,
        Err(error) => {
            let error = CallError { code: -32700, message: "Parse error".to_owned(), data: error.to_string() };
            return answer(Value::Null, Err(error));
        }
    };
    let query = || -> Result<String, CallError> {
        let params = Params::from_json(call.params.clone(), &["query"])?;
        params.text("query")?.ok_or_else(|| CallError::params("query is missing"))
    };
    let done = json!({});
    let result = match call.method.as_str() {
        "subscribe" => query().and_then(|query| subscriptions.add(call.id.clone(), query)).map(|()| done),
        "unsubscribe" => query().and_then(|query| subscriptions.remove(&query)).map(|()| done),
        "unsubscribe_all" => {
            subscriptions.clear();
            Ok(done)
        }
        method => perform(node, method, call.params).await,
    };
    answer(call.id, result)
}
