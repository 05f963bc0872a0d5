//! REST as grpc-gateway serves it: routes, requests and answers by the descriptors, every method answered by
//! [`crate::services::answer`].

pub(crate) mod routes;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use prost_reflect::DynamicMessage;
use proto::Message;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tower_http::cors::CorsLayer;

use routes::{Match, Routes};

use crate::backend::Answer;
use crate::descriptors::Catalog;
use crate::front::{self, Front, HEIGHT};
use crate::grpc::ServeError;
use crate::json::{Json, ReadError};
use crate::server::{LARGEST_BODY, Server, spawn};
use crate::services::absent;
use crate::subscription::Node;

/// The name of the height in grpc-gateway's answers.
const GATEWAY_HEIGHT: &str = "grpc-metadata-x-cosmos-block-height";

struct Gateway {
    front: Front,
    catalog: Catalog,
    routes: Routes,
}

/// Serves a node's REST until the returned server is dropped.
///
/// # Errors
/// When the listener has no address, or the descriptors do not hold together.
pub fn serve(node: Node, listener: TcpListener) -> Result<Server, ServeError> {
    let catalog = Catalog::load()?;
    let routes = Routes::of(&catalog)?;
    let gateway = Arc::new(Gateway { front: Front::new("rest", node), catalog, routes });
    let router = Router::new().fallback(call).layer(CorsLayer::permissive()).with_state(gateway);
    Ok(spawn("REST", router, listener)?)
}

async fn call(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answered = tokio::time::timeout(front::LIMIT, gateway.answer(&parts, body)).await;
    answered.unwrap_or_else(|_| Err(front::late())).unwrap_or_else(|status| refused(&status))
}

/// grpc-gateway's HTTP status of a gRPC status.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn refused(status: &Status) -> Response {
    let body = json!({ "code": status.code() as i32, "message": status.message(), "details": [] });
    (http_status(status.code()), [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn invalid(error: ReadError) -> Status {
    Status::invalid_argument(error.to_string())
}

impl Gateway {
    async fn answer(&self, parts: &Parts, body: Body) -> Result<Response, Status> {
        let path = parts.uri.path();
        let Some(found) = self.routes.find(parts.method.as_str(), path) else {
            return Err(unknown(path));
        };
        let height = parts.headers.get(HEIGHT).map(|value| value.to_str().unwrap_or("not a text"));
        let height = front::height(height)?;
        let body = if found.route.body == "*" { whole(body).await? } else { Bytes::new() };
        let request = request(&self.catalog, &found, parts.uri.query().unwrap_or_default(), &body)?;
        let answer = self.front.ask(&found.route.path, &request.encode_to_vec(), height).await?;
        self.shown(&found, &answer)
    }

    fn shown(&self, found: &Match<'_>, answer: &Answer) -> Result<Response, Status> {
        let body = written(&self.catalog, found, &answer.value)?;
        let height = HeaderValue::from(answer.height);
        let headers = [(HEIGHT, height.clone()), (GATEWAY_HEIGHT, height)];
        Ok(([(CONTENT_TYPE, "application/json")], headers, body).into_response())
    }
}

async fn whole(body: Body) -> Result<Bytes, Status> {
    let too_large = |_| Status::invalid_argument(format!("a body has at most {LARGEST_BODY} bytes"));
    to_bytes(body, LARGEST_BODY).await.map_err(too_large)
}

/// The request that the query, the body and the path describe. The path has the last word: clients repeat its fields in
/// the query.
pub(crate) fn request(
    catalog: &Catalog,
    found: &Match<'_>,
    query: &str,
    body: &[u8],
) -> Result<DynamicMessage, Status> {
    let json = Json(catalog);
    let mut request = DynamicMessage::new(found.route.method.input());
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        json.merge_text(&mut request, &key, &value).map_err(invalid)?;
    }
    if found.route.body == "*" {
        let given: Value = serde_json::from_slice(body)
            .map_err(|error| Status::invalid_argument(format!("the body is no JSON: {error}")))?;
        json.merge(&mut request, &given).map_err(invalid)?;
    }
    for (field, value) in &found.captured {
        json.set_text(&mut request, field, value).map_err(invalid)?;
    }
    Ok(request)
}

/// An answer as JSON.
pub(crate) fn written(catalog: &Catalog, found: &Match<'_>, answer: &[u8]) -> Result<String, Status> {
    let message = DynamicMessage::decode(found.route.method.output(), answer);
    let message = message.map_err(|error| Status::internal(format!("the answer does not decode: {error}")))?;
    Ok(Json(catalog).write(&message).to_string())
}

/// Why a path is not answered. grpc-gateway says 501 to what it does not know, and clients rely on that.
fn unknown(path: &str) -> Status {
    let name = path.trim_start_matches('/').replace('/', ".");
    let why = absent::reason(&name).map(str::to_owned);
    Status::unimplemented(why.unwrap_or_else(|| format!("Not Implemented: no method is named {path}")))
}
