//! `/metrics`, `/livez` and `/readyz` on a listener of their own.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::health::{self, Check};

/// The media type of OpenMetrics text.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A process as its operator sees it.
#[async_trait]
pub trait Observed: Send + Sync + 'static {
    /// OpenMetrics text.
    async fn metrics(&self) -> String;
    /// Whether it does its work at all; where it does not, a restart may help.
    async fn live(&self) -> Vec<Check>;
    /// Whether it can serve now.
    async fn ready(&self) -> Vec<Check>;
}

/// A server; dropping it ends it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a process. To be called within a tokio runtime.
///
/// # Errors
/// When the listener has no address.
pub fn serve(observed: Arc<dyn Observed>, listener: TcpListener) -> std::io::Result<Server> {
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .with_state(observed);
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the server of metrics stopped");
        }
    });
    Ok(Server { address, task })
}

async fn metrics(State(observed): State<Arc<dyn Observed>>) -> Response {
    ([(CONTENT_TYPE, OPEN_METRICS)], observed.metrics().await).into_response()
}

async fn live(State(observed): State<Arc<dyn Observed>>, RawQuery(query): RawQuery) -> Response {
    verdict(&observed.live().await, query)
}

async fn ready(State(observed): State<Arc<dyn Observed>>, RawQuery(query): RawQuery) -> Response {
    verdict(&observed.ready().await, query)
}

fn verdict(checks: &[Check], query: Option<String>) -> Response {
    let verbose = query
        .is_some_and(|query| query.split('&').any(|part| matches!(part, "verbose" | "verbose=1" | "verbose=true")));
    let (well, text) = health::lines(checks, verbose);
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, "application/x-ndjson")], text).into_response()
}
