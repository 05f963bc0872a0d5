//! gRPC and gRPC-web on one port: HTTP/2 in the clear, and HTTP/1.1 for browsers. Every method is answered by
//! [`services::answer`]; nothing here knows one by name.

mod codec;
mod reflection;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use thiserror::Error;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::{Grpc, UnaryService};
use tonic_web::GrpcWebLayer;
use tower_http::cors::CorsLayer;

use codec::AsIs;
pub use reflection::reflection;

use crate::descriptors::CatalogError;
use crate::front::{self, Front, HEIGHT};
use crate::server::{LARGEST_BODY, Server, spawn};
use crate::services;
use crate::subscription::Node;

/// Bytes of one answer.
const LARGEST_ANSWER: usize = 16 << 20;

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The listener.
    #[error(transparent)]
    Listener(#[from] std::io::Error),
    /// The descriptors of this program.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The reflection service refuses the descriptors.
    #[error("reflection: {0}")]
    Reflection(String),
}

/// Serves a node's gRPC and gRPC-web until the returned server is dropped.
///
/// # Errors
/// When the listener has no address, or the descriptors do not hold together.
pub fn serve(node: Node, listener: TcpListener) -> Result<Server, ServeError> {
    let reflection = reflection(&services::answered(node.as_ref()))?;
    let router = Router::new()
        .fallback(call)
        .with_state(Arc::new(Front::new("grpc", node)))
        .merge(reflection)
        .layer(GrpcWebLayer::new())
        .layer(CorsLayer::permissive());
    Ok(spawn("gRPC", router, listener)?)
}

/// A method that is being called.
struct Method {
    front: Arc<Front>,
    path: String,
}

fn height_asked(metadata: &MetadataMap) -> Result<u64, Status> {
    let text = metadata.get(HEIGHT).map(|value| value.to_str().unwrap_or("not a text"));
    front::height(text)
}

impl UnaryService<Bytes> for Method {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (front, path) = (self.front.clone(), self.path.clone());
        Box::pin(async move {
            let height = height_asked(request.metadata())?;
            let answer = front.ask(&path, request.get_ref(), height).await?;
            let mut response = tonic::Response::new(Bytes::from(answer.value));
            response.metadata_mut().insert(HEIGHT, MetadataValue::from(answer.height));
            Ok(response)
        })
    }
}

async fn call(State(front): State<Arc<Front>>, request: Request) -> Response {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/grpc")) {
        let why = "this port speaks gRPC and gRPC-web; JSON-RPC and REST have ports of their own\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, why).into_response();
    }
    let method = Method { front, path: request.uri().path().to_owned() };
    let mut grpc = Grpc::new(AsIs)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(LARGEST_BODY)
        .max_encoding_message_size(LARGEST_ANSWER);
    let answered = tokio::time::timeout(front::LIMIT, grpc.unary(method, request)).await;
    answered.unwrap_or_else(|_| front::late().into_http()).map(Body::new)
}
