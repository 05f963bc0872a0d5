//! `tetra cluster dashboard`: Ray's dashboard at an address of this machine alone, through the head's agent's gateway.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, UPGRADE};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;

use super::jobs::PORT;
use super::names::ClusterName;
use super::reach::Reach;
use crate::commands::daemon::Stop;
use crate::context::Context;
use crate::error::{Class, Classify, Result};
use crate::output;

/// The most bytes of a request.
const MOST_BYTES: usize = 64 << 20;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The cluster
    cluster: ClusterName,
    /// Where it listens; anybody who reaches this address acts as you
    #[arg(long, default_value = "127.0.0.1:8265", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Another port of the node than the dashboard's
    #[arg(long, default_value_t = PORT, value_name = "PORT")]
    port: u16,
    /// The node's rank; the head has 0
    #[arg(long, default_value_t = 0, value_name = "RANK")]
    rank: u32,
}

struct Door {
    context: Context,
    args: Args,
}

/// Runs it until SIGINT or SIGTERM.
///
/// # Errors
/// When the address is taken, or there is no such cluster.
pub async fn run(context: &Context, args: Args) -> Result {
    Reach::of(context, &args.cluster).await?.node(args.rank)?;
    let mut stop = Stop::catch()?;
    let listener = tokio::net::TcpListener::bind(args.listen).await.class(Class::Machine)?;
    let address = listener.local_addr().class(Class::Machine)?;
    let url = format!("http://{address}/");
    output::show(context.format(), &serde_json::json!({ "url": url }), |_| format!("{url}  (ctrl-C ends it)"))?;
    let door = Arc::new(Door { context: context.clone(), args });
    let router = axum::Router::new().fallback(forward).with_state(door);
    let served = axum::serve(listener, router).with_graceful_shutdown(async move { stop.asked().await });
    served.await.class(Class::Machine)
}

fn failed(error: impl ToString) -> Response {
    (StatusCode::BAD_GATEWAY, error.to_string()).into_response()
}

/// Each request by itself: tokens end after a quarter of an hour, and heads are replaced.
async fn forward(State(door): State<Arc<Door>>, request: Request) -> Response {
    let answer = match request.headers().contains_key(UPGRADE) {
        true => upgraded(&door, request).await,
        false => answer(&door, request).await,
    };
    match answer {
        Ok(response) => response,
        Err(error) => failed(error),
    }
}

/// A websocket of the dashboard: what is said on it goes both ways until either side ends it.
async fn upgraded(door: &Door, mut request: Request) -> Result<Response> {
    let reach = Reach::of(&door.context, &door.args.cluster).await?;
    let node = reach.node(door.args.rank)?;
    let gateway = reach.gateway(node).await?;
    let near = hyper::upgrade::on(&mut request);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let theirs = |name: &HeaderName| *name == UPGRADE || name.as_str().starts_with("sec-websocket");
    let headers = request.headers().iter().filter(|(name, _)| theirs(name));
    let headers: Vec<(String, Vec<u8>)> =
        headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let of = (node.number, door.args.port);
    let mut far = gateway.cluster_port_upgrade(&reach.path, of, &path, &headers).await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in &far.headers {
        let pair = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::from_bytes(value).ok());
        if let Some((name, value)) = pair.filter(|(name, _)| theirs(name)) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    tokio::spawn(async move {
        if let Ok(near) = near.await {
            // Either side may end it at any time.
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(near), &mut far.stream).await;
        }
    });
    Ok(response)
}

async fn answer(door: &Door, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, MOST_BYTES).await.class(Class::Usage)?;
    let reach = Reach::of(&door.context, &door.args.cluster).await?;
    let node = reach.node(door.args.rank)?;
    let gateway = reach.gateway(node).await?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let body = (!bytes.is_empty()).then(|| (kind.unwrap_or("application/octet-stream").to_owned(), bytes.to_vec()));
    let of = (node.number, door.args.port);
    let answer = gateway.cluster_port(&reach.path, of, (parts.method.as_str(), path), body).await?;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).class(Class::Provider)?;
    if let Some(kind) = answer.content_type.and_then(|kind| kind.parse().ok()) {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    Ok(response)
}
