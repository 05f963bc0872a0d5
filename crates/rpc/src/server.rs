//! HTTP on the port that websockets share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, FromRef, Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::cors::CorsLayer;

use crate::call::{Call, CallError, Params, answer};
use crate::methods;
use crate::subscription::Node;
use crate::websocket::{self, MOST_SOCKETS};

/// Most calls of one batch.
const MOST_CALLS: usize = 100;
/// Bytes of one request: a transaction of the largest size, in base64, with room.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

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

/// What every request needs.
#[derive(Clone, FromRef)]
pub(crate) struct Shared {
    pub(crate) node: Node,
    /// Places for open websockets.
    pub(crate) sockets: Arc<Semaphore>,
}

/// Serves a node's JSON-RPC until the returned server is dropped.
///
/// # Errors
/// When the listener has no address.
pub fn serve(node: Node, listener: TcpListener) -> std::io::Result<Server> {
    let router = Router::new()
        .route("/", post(calls).get(index))
        .route("/websocket", get(websocket::upgrade))
        .route("/{method}", get(by_uri))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CorsLayer::permissive())
        .with_state(Shared { node, sockets: Arc::new(Semaphore::new(MOST_SOCKETS)) });
    spawn("JSON-RPC", router, listener)
}

/// Serves a router until the returned server is dropped.
pub(crate) fn spawn(name: &'static str, router: Router, listener: TcpListener) -> std::io::Result<Server> {
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, service = name, "a server stopped");
        }
    });
    Ok(Server { address, task })
}

fn json_response(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

pub(crate) async fn perform(node: &Node, method: &str, params: Option<Value>) -> Result<Value, CallError> {
    let names = methods::parameters(method).ok_or_else(|| CallError::unknown(method))?;
    let params = Params::from_json(params, names)?;
    dispatch(node, method, &params).await
}

/// Answers a call that has its parameters, and tells the node of it.
async fn dispatch(node: &Node, method: &str, params: &Params) -> Result<Value, CallError> {
    let begun = Instant::now();
    let result = methods::dispatch(node.as_ref(), method, params).await;
    node.served(method, begun.elapsed(), result.is_ok());
    result
}

/// The answer to one call; none to a notification, which CometBFT does not perform either.
async fn one(node: &Node, value: Value) -> Option<Value> {
    match Call::parse(value) {
        Ok(Call { id: None, .. }) => None,
        Ok(Call { id: Some(id), method, params }) => Some(answer(id, perform(node, &method, params).await)),
        Err((id, error)) => Some(answer(id, Err(error))),
    }
}

fn refused(error: CallError) -> Response {
    json_response(&answer(Value::Null, Err(error)))
}

async fn calls(State(node): State<Node>, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            let why = format!("{}; a request has at most {LARGEST_BODY} bytes", rejection.body_text());
            return refused(CallError::request(why));
        }
    };
    let parsed = match serde_json::from_slice::<Value>(&body) {
        Ok(parsed) => parsed,
        Err(error) => return refused(CallError::parse(&error)),
    };
    let answers = match parsed {
        Value::Array(list) if list.is_empty() => return refused(CallError::request("the batch is empty")),
        Value::Array(list) if list.len() > MOST_CALLS => {
            return refused(CallError::request(format!("{} calls in one batch, at most {MOST_CALLS}", list.len())));
        }
        Value::Array(list) => {
            let mut answers = Vec::with_capacity(list.len());
            for call in list {
                answers.extend(one(&node, call).await);
            }
            (!answers.is_empty()).then_some(Value::Array(answers))
        }
        single => one(&node, single).await,
    };
    answers.as_ref().map(json_response).unwrap_or_default()
}

async fn by_uri(
    State(node): State<Node>,
    method: Result<Path<String>, PathRejection>,
    Query(arguments): Query<Vec<(String, String)>>,
) -> Response {
    let method = match method {
        Ok(Path(method)) => method,
        Err(rejection) => return refused(CallError::request(rejection.body_text())),
    };
    let result = match methods::parameters(&method) {
        Some(_) => dispatch(&node, &method, &Params::from_uri(arguments)).await,
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
