//! The provider's status over gRPC (spec/akash.md 3.3, A.6). It is told to anybody: headers and client certificates are
//! not looked at, as for `GET /status`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::post;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use proto::Timestamp;
use proto::akash::provider::v1::Status as Told;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::Status;
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic_prost::ProstCodec;

use super::{GatewayError, Limits, observe, stopped};
use crate::desk::Desk;
use crate::status::Standing;

const GET: &str = "/akash.provider.v1.ProviderRPC/GetStatus";
const STREAM: &str = "/akash.provider.v1.ProviderRPC/StreamStatus";
/// How often a stream looks whether something is new.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes of one question, which says nothing.
const QUESTION: usize = 4096;

/// What is asked, and for how long.
#[derive(Clone)]
struct Asked {
    desk: Arc<dyn Desk>,
    limits: Limits,
    stopping: watch::Receiver<bool>,
}

pub(super) fn router(
    desk: Arc<dyn Desk>,
    limits: Limits,
    stopping: watch::Receiver<bool>,
) -> Result<Router, GatewayError> {
    let reflection = rpc::grpc::reflection(&BTreeSet::from([GET, STREAM]))?;
    let asked = Asked { desk: Arc::clone(&desk), limits, stopping };
    Ok(Router::new()
        .route(GET, post(get))
        .route(STREAM, post(follow))
        .with_state(asked)
        .merge(reflection)
        .fallback(unknown)
        .layer(from_fn_with_state(desk, observe::observe)))
}

async fn unknown(request: Request) -> Response {
    let path = request.uri().path();
    Status::unimplemented(format!("{path} is not served here; this port has {GET} and {STREAM}")).into_http()
}

fn codec() -> Grpc<ProstCodec<Told, ()>> {
    Grpc::new(ProstCodec::default()).max_decoding_message_size(QUESTION)
}

async fn get(State(asked): State<Asked>, request: Request) -> Response {
    codec().unary(asked, request).await.map(Body::new)
}

async fn follow(State(asked): State<Asked>, request: Request) -> Response {
    codec().server_streaming(asked, request).await.map(Body::new)
}

impl Asked {
    async fn standing(&self) -> Result<Standing, Status> {
        let limit = self.limits.answer;
        let late = |_| Status::deadline_exceeded(format!("no answer within {limit:?}; try again"));
        timeout(limit, self.desk.status()).await.map_err(late)
    }
}

fn told(standing: &Standing) -> Told {
    standing.message(Timestamp::from(SystemTime::now()))
}

impl UnaryService<()> for Asked {
    type Response = Told;
    type Future = BoxFuture<'static, Result<tonic::Response<Told>, Status>>;

    fn call(&mut self, _: tonic::Request<()>) -> Self::Future {
        let asked = self.clone();
        Box::pin(async move { Ok(tonic::Response::new(told(&asked.standing().await?))) })
    }
}

impl ServerStreamingService<()> for Asked {
    type Response = Told;
    type ResponseStream = BoxStream<'static, Result<Told, Status>>;
    type Future = BoxFuture<'static, Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: tonic::Request<()>) -> Self::Future {
        let asked = self.clone();
        Box::pin(async move { Ok(tonic::Response::new(changes(asked).boxed())) })
    }
}

/// The status now, and again whenever it is another one, until the gateway stops. Heights and what was decided, which no
/// message holds, are no news.
fn changes(asked: Asked) -> impl futures::Stream<Item = Result<Told, Status>> + Send {
    stream::unfold(Some((asked, None::<Told>)), |state| async move {
        let (mut asked, last) = state?;
        loop {
            let standing = match asked.standing().await {
                Ok(standing) => standing,
                Err(status) => return Some((Err(status), None)),
            };
            let bare = standing.message(Timestamp::default());
            if last.as_ref() != Some(&bare) {
                return Some((Ok(told(&standing)), Some((asked, Some(bare)))));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stopped(&mut asked.stopping) => {
                    return Some((Err(Status::unavailable("the gateway stops")), None));
                }
            }
        }
    })
}
