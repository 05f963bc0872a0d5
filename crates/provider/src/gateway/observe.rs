//! What is noted of every request: how long, with which status, in which trace.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use primitives::{TraceId, TraceParent};
use tracing::field::{Empty, display};
use tracing::{Instrument, Span};

use crate::desk::Desk;

/// Answers a request in a span of its own. The trace of the deployment is added once the caller is known
/// ([`in_trace_of`]); a W3C `traceparent` of the caller's is logged beside it.
pub(super) async fn observe(State(desk): State<Arc<dyn Desk>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", route, trace = Empty, traceparent = Empty);
    let header = request.headers().get("traceparent").and_then(|header| header.to_str().ok());
    // One that is malformed is ignored, as W3C Trace Context wants.
    if let Some(parent) = header.and_then(|header| header.parse::<TraceParent>().ok()) {
        span.record("traceparent", display(parent));
    }
    let changes = !request.method().is_safe();
    let begun = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    desk.served(&route, status, took);
    let seconds = took.as_secs_f64();
    span.in_scope(|| match changes {
        true => tracing::info!(status, seconds, "answered"),
        false => tracing::debug!(status, seconds, "answered"),
    });
    response
}

/// The request that is being answered is about a deployment.
pub(super) fn in_trace_of(owner: &str, dseq: u64) {
    Span::current().record("trace", display(TraceId::of_deployment(owner, dseq)));
}
