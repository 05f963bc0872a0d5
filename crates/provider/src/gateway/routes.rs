//! The endpoints of spec/akash.md 3.3.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use client::claims::{Scope, Services, Target};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::auth::{self, AuthError};
use super::refusal::Refusal;
use super::server::Peer;
use super::{Shared, cluster, logs, narrow, observe, render, shell};
use crate::desk::DeskError;
use crate::lease::LeaseName;

/// Clients take a provider up to version 0.6 for one of the previous generation (spec/akash.md 3.3). This one speaks
/// the present generation, whatever its own number is.
const GENERATION: &str = "v0.10.0";

type LeasePath = (u64, u32, u32);

pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/version", get(version))
        .route("/address", get(address))
        .route("/status", get(status))
        .route("/deployment/{dseq}/manifest", put(put_manifest))
        .route("/lease/{dseq}/{gseq}/{oseq}/manifest", get(manifest))
        .route("/lease/{dseq}/{gseq}/{oseq}/status", get(lease_status))
        .route("/lease/{dseq}/{gseq}/{oseq}/service/{name}/status", get(service_status))
        .route("/lease/{dseq}/{gseq}/{oseq}/logs", get(lease_logs))
        .route("/lease/{dseq}/{gseq}/{oseq}/kubeevents", get(events))
        .route("/lease/{dseq}/{gseq}/{oseq}/shell", get(lease_shell))
        .route("/lease/{dseq}/{gseq}/{oseq}/attestation/quote", post(attestation))
        .route("/hostname/migrate", post(hostname_migrate))
        .route("/endpoint/migrate", post(ip_migrate))
        .merge(render::router())
        .merge(cluster::router())
        .layer(from_fn_with_state(Arc::clone(&shared.desk), observe::observe))
        .with_state(shared)
}

/// Who asks.
pub(super) struct Caller(pub(super) auth::Caller);

impl FromRequestParts<Shared> for Caller {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, AuthError> {
        let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
        let header = headers.next().map(|header| header.as_bytes());
        if headers.next().is_some() {
            return Err(AuthError::Header("it is there more than once".to_owned()));
        }
        let peer = parts.extensions.get::<Peer>().cloned().unwrap_or_default();
        let shown: Vec<&[u8]> = peer.0.iter().map(AsRef::as_ref).collect();
        auth::authenticate(header, &shown, shared.keys.as_ref(), &shared.prefix, auth::now()).await.map(Self)
    }
}

impl Caller {
    fn permit(&self, shared: &Shared, action: Scope, target: Target) -> Result<Services, AuthError> {
        if let Some(dseq) = target.dseq {
            observe::in_trace_of(&self.0.owner, dseq);
        }
        let refused = || AuthError::Unauthorized(format!("the token does not permit {action} here"));
        self.0.permit(&shared.desk.address(), action, target).ok_or_else(refused)
    }

    /// The lease that is asked for, and the services of it for which `action` is permitted.
    fn lease(
        &self,
        shared: &Shared,
        action: Scope,
        (dseq, gseq, oseq): LeasePath,
    ) -> Result<(LeaseName, Services), AuthError> {
        let services = self.permit(shared, action, Target { dseq: Some(dseq), lease: Some((gseq, oseq)) })?;
        let (owner, provider) = (self.0.owner.clone(), shared.desk.address());
        Ok((LeaseName { owner, dseq, gseq, oseq, provider }, services))
    }
}

/// Either kind of refusal.
pub(super) enum Refused {
    Token(AuthError),
    Other(Refusal),
}

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Token(error) => error.into_response(),
            Self::Other(refusal) => refusal.into_response(),
        }
    }
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        Self::Token(error)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal)
    }
}

impl From<DeskError> for Refused {
    fn from(error: DeskError) -> Self {
        Self::Other(error.into())
    }
}

async fn version() -> Json<Value> {
    let own = env!("CARGO_PKG_VERSION");
    Json(json!({ "akash": { "name": "tetra", "version": GENERATION, "tetra": own }, "kube": {} }))
}

async fn address(State(shared): State<Shared>) -> Json<Value> {
    Json(json!({ "address": shared.desk.address() }))
}

async fn status(State(shared): State<Shared>) -> Result<Json<Value>, Refused> {
    Ok(Json(in_time(&shared, async { Ok(shared.desk.status().await.json()) }).await?))
}

async fn in_time<T>(shared: &Shared, answer: impl Future<Output = Result<T, DeskError>>) -> Result<T, Refused> {
    let limit = shared.limits.answer;
    let late = |_| Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("no answer within {limit:?}; try again"));
    Ok(timeout(limit, answer).await.map_err(late)??)
}

async fn put_manifest(
    State(shared): State<Shared>,
    caller: Caller,
    Path(dseq): Path<u64>,
    body: Body,
) -> Result<(), Refused> {
    let services = caller.permit(&shared, Scope::SendManifest, Target { dseq: Some(dseq), lease: None })?;
    let limit = shared.limits.manifest;
    let late = |_| {
        let text = format!("the manifest was not done with within {limit:?}; ask for the state of the lease");
        Refusal(StatusCode::SERVICE_UNAVAILABLE, text)
    };
    let owner = caller.0.owner;
    let done = timeout(limit, async {
        let body = axum::body::to_bytes(body, shared.limits.body).await.map_err(|error| {
            let text = format!("the manifest cannot be read (at most {} bytes): {error}", shared.limits.body);
            Refusal(StatusCode::PAYLOAD_TOO_LARGE, text)
        })?;
        if let Some(foreign) = narrow::foreign(&body, &services) {
            let text = format!("the token does not permit send-manifest for the service {foreign:?}");
            return Err(AuthError::Unauthorized(text).into());
        }
        // A tenant who hangs up does not stop the start of containers half-way.
        let task = tokio::spawn(async move { shared.desk.put_manifest(&owner, dseq, &body).await });
        let failed = |error: tokio::task::JoinError| DeskError::Internal(error.to_string());
        Ok::<_, Refused>(task.await.map_err(failed)??)
    });
    done.await.map_err(late)?
}

async fn manifest(
    State(shared): State<Shared>,
    caller: Caller,
    Path(lease): Path<LeasePath>,
) -> Result<Json<Value>, Refused> {
    let (lease, services) = caller.lease(&shared, Scope::GetManifest, lease)?;
    let manifest = in_time(&shared, shared.desk.manifest(&lease)).await?;
    Ok(Json(narrow::manifest(manifest, &services)))
}

async fn lease_status(
    State(shared): State<Shared>,
    caller: Caller,
    Path(lease): Path<LeasePath>,
) -> Result<Json<Value>, Refused> {
    let (lease, services) = caller.lease(&shared, Scope::Status, lease)?;
    let status = in_time(&shared, shared.desk.lease_status(&lease)).await?;
    Ok(Json(narrow::status(status, &services)))
}

async fn service_status(
    State(shared): State<Shared>,
    caller: Caller,
    Path((dseq, gseq, oseq, name)): Path<(u64, u32, u32, String)>,
) -> Result<Json<Value>, Refused> {
    let (lease, services) = caller.lease(&shared, Scope::Status, (dseq, gseq, oseq))?;
    let mut status = narrow::status(in_time(&shared, shared.desk.lease_status(&lease)).await?, &services);
    let service = status.get_mut("services").and_then(|services| services.get_mut(&name)).map(Value::take);
    let missing = || Refusal(StatusCode::NOT_FOUND, format!("the lease has no service {name:?}"));
    Ok(Json(service.ok_or_else(missing)?))
}

async fn lease_logs(
    State(shared): State<Shared>,
    caller: Caller,
    Path(lease): Path<LeasePath>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    let (lease, services) = caller.lease(&shared, Scope::Logs, lease)?;
    let bad = |text: String| Refusal(StatusCode::BAD_REQUEST, text);
    let mut request = logs::request(query.as_deref().unwrap_or_default()).map_err(bad)?;
    request.services = narrow::asked(request.services, &services).map_err(|foreign| {
        AuthError::Unauthorized(format!("the token does not permit the logs of the service {foreign:?}"))
    })?;
    let upgrade = upgrade.max_message_size(logs::LONGEST_FRAME).max_frame_size(logs::LONGEST_FRAME);
    Ok(upgrade.on_upgrade(move |socket| logs::serve(shared, caller.0, lease, request, socket)))
}

async fn events(State(shared): State<Shared>, caller: Caller, Path(lease): Path<LeasePath>) -> Result<(), Refused> {
    caller.lease(&shared, Scope::Events, lease)?;
    Err(Refusal::not_served("events of a lease", "the state of the lease says why a service does not run").into())
}

async fn lease_shell(
    State(shared): State<Shared>,
    caller: Caller,
    Path(lease): Path<LeasePath>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    let (lease, services) = caller.lease(&shared, Scope::Shell, lease)?;
    let bad = |text: String| Refusal(StatusCode::BAD_REQUEST, text);
    let request = shell::request(query.as_deref().unwrap_or_default()).map_err(bad)?;
    if !services.contain(&request.service) {
        let text = format!("the token does not permit a shell in the service {:?}", request.service);
        return Err(AuthError::Unauthorized(text).into());
    }
    let upgrade = upgrade.max_message_size(shell::LONGEST_FRAME).max_frame_size(shell::LONGEST_FRAME);
    Ok(upgrade.on_upgrade(move |socket| shell::serve(shared, caller.0, lease, request, socket)))
}

async fn attestation(
    State(shared): State<Shared>,
    caller: Caller,
    Path(lease): Path<LeasePath>,
) -> Result<(), Refused> {
    caller.lease(&shared, Scope::Attestation, lease)?;
    Err(Refusal::not_served("attestation", "it has no confidential hardware to attest").into())
}

async fn hostname_migrate(State(shared): State<Shared>, caller: Caller) -> Result<(), Refused> {
    caller.permit(&shared, Scope::HostnameMigrate, Target { dseq: None, lease: None })?;
    let instead = "close the lease that has the host name, then send the manifest of the other";
    Err(Refusal::not_served("the move of host names between leases", instead).into())
}

async fn ip_migrate(State(shared): State<Shared>, caller: Caller) -> Result<(), Refused> {
    caller.permit(&shared, Scope::IpMigrate, Target { dseq: None, lease: None })?;
    Err(Refusal::not_served("leased addresses", "use ports or host names").into())
}
