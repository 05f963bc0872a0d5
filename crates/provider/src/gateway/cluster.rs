//! The endpoints of suppliers of clusters, below `/cluster/v1/` (`client::cluster` has the other side). They are Tetra's own.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, put};
use axum::{Json, Router};
use client::cluster::manifest::MOST_BYTES;
use client::cluster::{ClusterPath, ExecAsk, Kept, NodeReport, TerminalSize};
use client::exec::{STDERR, STDOUT};
use futures::StreamExt;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;
use workload::terminal::Size;

use super::Shared;
use super::auth::{self, AuthError};
use super::program::{self, Said, Stream, Words};
use super::refusal::Refusal;
use super::routes::{Caller, Refused};
use crate::cluster::desk::{ClusterDesk, ClusterRefusal, Connected, Program};

/// For the first message of a program's websocket.
const FIRST: Duration = Duration::from_secs(10);
/// Bytes of a program's output in one message.
const PIECE: usize = 16 << 10;
/// The close codes of what is refused, and of what fails.
const REFUSED: u16 = 4_000;
/// The most bytes that are moved for a measurement, and how long that may take.
const MOST_MEASURED: u64 = 32 << 20;
const MEASURE_LIMIT: Duration = Duration::from_secs(60);
/// Says that an answer is a node's own.
const OF_NODE: HeaderName = HeaderName::from_static("tetra-node");

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/cluster/v1/{tenant}/{cseq}/manifest", put(put_manifest).get(manifest))
        .route("/cluster/v1/{tenant}/{cseq}/kept", get(kept))
        .route("/cluster/v1/{tenant}/{cseq}/checkpoint", get(checkpoint))
        .route("/cluster/v1/{tenant}/{cseq}/nodes", get(nodes))
        .route("/cluster/v1/{tenant}/{cseq}/nodes/{number}/logs", get(logs))
        .route("/cluster/v1/{tenant}/{cseq}/nodes/{number}/data", get(data))
        .route("/cluster/v1/{tenant}/{cseq}/nodes/{number}/exec", get(exec))
        .route("/cluster/v1/{tenant}/{cseq}/nodes/{number}/ports/{port}/", any(port))
        .route("/cluster/v1/{tenant}/{cseq}/nodes/{number}/ports/{port}/{*path}", any(port_path))
        .route("/cluster/v1/proofs/{host_key}/{round}", get(products))
        .route("/cluster/v1/speed/{bytes}", get(speed_down).put(speed_up))
}

impl From<ClusterRefusal> for Refused {
    fn from(refusal: ClusterRefusal) -> Self {
        let status = match &refusal {
            ClusterRefusal::Forbidden(_) => StatusCode::FORBIDDEN,
            ClusterRefusal::NotFound(_) => StatusCode::NOT_FOUND,
            ClusterRefusal::Malformed(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ClusterRefusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ClusterRefusal::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal(status, refusal.to_string()).into()
    }
}

/// The cluster desk, and who asks. Tokens name leases and what may be done with them; clusters are none, so that only one that
/// permits everything with this provider is enough.
fn enter(shared: &Shared, caller: Caller) -> Result<(Arc<dyn ClusterDesk>, String), Refused> {
    let caller = caller.0;
    if !caller.permits_everything(&shared.desk.address()) {
        let text = "the token permits some actions on leases alone; clusters need one of full access".to_owned();
        return Err(AuthError::Unauthorized(text).into());
    }
    let none = || Refusal(StatusCode::NOT_FOUND, "this provider supplies no clusters".to_owned());
    Ok((shared.desk.cluster().ok_or_else(none)?, caller.owner))
}

async fn in_time<T>(shared: &Shared, answer: impl Future<Output = Result<T, ClusterRefusal>>) -> Result<T, Refused> {
    let limit = shared.limits.answer;
    let late = |_| Refusal(StatusCode::SERVICE_UNAVAILABLE, format!("no answer within {limit:?}; try again"));
    Ok(timeout(limit, answer).await.map_err(late)??)
}

type Of = (String, u64);
type OfNode = (String, u64, u32);

fn path((tenant, cseq): Of) -> ClusterPath {
    ClusterPath { tenant, cseq }
}

async fn put_manifest(
    State(shared): State<Shared>,
    caller: Caller,
    Path(of): Path<Of>,
    body: Body,
) -> Result<(), Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let read = timeout(shared.limits.answer, axum::body::to_bytes(body, MOST_BYTES)).await;
    let late = |_| Refusal(StatusCode::REQUEST_TIMEOUT, "the manifest did not come in time".to_owned());
    let large = |error| {
        Refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the manifest cannot be read (at most {MOST_BYTES} bytes): {error}"),
        )
    };
    let body = read.map_err(late)?.map_err(large)?;
    in_time(&shared, desk.put_manifest(&caller, &path(of), &body)).await
}

async fn manifest(State(shared): State<Shared>, caller: Caller, Path(of): Path<Of>) -> Result<Response, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let bytes = in_time(&shared, desk.manifest(&caller, &path(of))).await?;
    Ok(([(CONTENT_TYPE, "application/json")], bytes).into_response())
}

async fn kept(State(shared): State<Shared>, caller: Caller, Path(of): Path<Of>) -> Result<Json<Kept>, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    Ok(Json(in_time(&shared, desk.kept(&caller, &path(of))).await?))
}

async fn checkpoint(State(shared): State<Shared>, caller: Caller, Path(of): Path<Of>) -> Result<Body, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let file = in_time(&shared, desk.checkpoint(&caller, &path(of))).await?;
    let failed = |error: std::io::Error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("the checkpoint: {error}"));
    let file = tokio::fs::File::open(file).await.map_err(failed)?;
    let pieces = futures::stream::unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                Some((Ok(piece), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    Ok(Body::from_stream(pieces))
}

async fn data(
    State(shared): State<Shared>,
    caller: Caller,
    Path((tenant, cseq, number)): Path<OfNode>,
) -> Result<Body, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let packed = in_time(&shared, desk.data(&caller, &path((tenant, cseq)), number)).await?;
    let pieces = futures::stream::unfold(packed, |mut packed| async move {
        let mut piece = vec![0; PIECE];
        match packed.stdout.read(&mut piece).await {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                Some((Ok(piece), packed))
            }
            Err(error) => Some((Err(error), packed)),
        }
    });
    Ok(Body::from_stream(pieces))
}

async fn nodes(
    State(shared): State<Shared>,
    caller: Caller,
    Path(of): Path<Of>,
) -> Result<Json<Vec<NodeReport>>, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    Ok(Json(in_time(&shared, desk.nodes(&caller, &path(of))).await?))
}

async fn products(
    State(shared): State<Shared>,
    caller: Caller,
    Path((host_key, round)): Path<(String, u64)>,
) -> Result<Vec<u8>, Refused> {
    let (desk, _) = enter(&shared, caller)?;
    in_time(&shared, desk.products(&host_key, round)).await
}

/// Whether so many bytes may be moved for a measurement now: for who names itself, and for one at a time.
fn may_measure(shared: &Shared, caller: Caller, bytes: u64) -> Result<OwnedSemaphorePermit, Refused> {
    enter(shared, caller)?;
    if bytes > MOST_MEASURED {
        let text = format!("at most {MOST_MEASURED} bytes are moved for a measurement");
        return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, text).into());
    }
    let busy = |_| Refusal(StatusCode::TOO_MANY_REQUESTS, "another measures already; try again".to_owned());
    Ok(Arc::clone(&shared.measuring).try_acquire_owned().map_err(busy)?)
}

async fn speed_down(State(shared): State<Shared>, caller: Caller, Path(bytes): Path<u64>) -> Result<Body, Refused> {
    let permit = may_measure(&shared, caller, bytes)?;
    // Who asks and does not read keeps nobody else from measuring.
    let (moving, moved) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let _ = timeout(MEASURE_LIMIT, moved).await;
        drop(permit);
    });
    let pieces = futures::stream::unfold((moving, bytes), |(moving, left)| async move {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let next = (moving, left.saturating_sub(length as u64));
        (length > 0).then(|| (Ok::<_, std::convert::Infallible>(vec![0x5a; length]), next))
    });
    Ok(Body::from_stream(pieces))
}

async fn speed_up(
    State(shared): State<Shared>,
    caller: Caller,
    Path(bytes): Path<u64>,
    body: Body,
) -> Result<(), Refused> {
    let _permit = may_measure(&shared, caller, bytes)?;
    let read = async {
        let (mut pieces, mut left) = (body.into_data_stream(), bytes);
        while let Some(Ok(piece)) = pieces.next().await {
            left = left.checked_sub(piece.len() as u64)?;
        }
        (left == 0).then_some(())
    };
    let other = || Refusal(StatusCode::BAD_REQUEST, format!("other than {bytes} bytes came, or not in time"));
    Ok(timeout(MEASURE_LIMIT, read).await.ok().flatten().ok_or_else(other)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    tail: Option<usize>,
    #[serde(default)]
    follow: bool,
}

async fn logs(
    State(shared): State<Shared>,
    caller: Caller,
    Path((tenant, cseq, number)): Path<OfNode>,
    Query(lines): Query<Lines>,
) -> Result<Body, Refused> {
    let (desk, caller) = enter(&shared, caller)?;
    let cluster = path((tenant, cseq));
    let asked = desk.logs(&caller, &cluster, number, (lines.tail, lines.follow));
    let found = in_time(&shared, asked).await?;
    Ok(Body::from_stream(found.map(|line| Ok::<_, std::convert::Infallible>(line.text + "\n"))))
}

async fn exec(
    State(shared): State<Shared>,
    caller: Caller,
    Path((tenant, cseq, number)): Path<OfNode>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    let who = caller.0.clone();
    let (desk, _) = enter(&shared, caller)?;
    let path = path((tenant, cseq));
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        if let Err(why) = run((&shared, &who), desk, &path, number, &mut socket).await {
            let end = (0..=why.len().min(120)).rev().find(|end| why.is_char_boundary(*end)).unwrap_or(0);
            let close = CloseFrame { code: REFUSED, reason: why[..end].into() };
            // A client that is gone is told nothing.
            let _ = socket.send(Message::Close(Some(close))).await;
        }
    }))
}

/// Runs the program that the first message names.
async fn run(
    (shared, caller): (&Shared, &auth::Caller),
    desk: Arc<dyn ClusterDesk>,
    path: &ClusterPath,
    number: u32,
    socket: &mut WebSocket,
) -> Result<(), String> {
    let first = timeout(FIRST, socket.recv()).await.map_err(|_| "nothing was asked for in time".to_owned())?;
    let Some(Ok(Message::Text(text))) = first else { return Err("the first message says what to run".to_owned()) };
    let ask: ExecAsk = serde_json::from_str(&text).map_err(|error| format!("what to run: {error}"))?;
    let Program { exec, guard } =
        desk.exec(&caller.owner, path, number, ask).await.map_err(|error| error.to_string())?;
    let ended = program::talk((shared, caller), exec, &Node, socket).await;
    drop(guard);
    ended
}

/// How clients of clusters say it.
struct Node;

impl Words for Node {
    fn output(&self, stream: Stream, bytes: &[u8]) -> Message {
        let first = if stream == Stream::Stdout { STDOUT } else { STDERR };
        Message::Binary([&[first], bytes].concat().into())
    }

    fn ended(&self, code: i32) -> Message {
        Message::Text(serde_json::json!({ "exit": code }).to_string().into())
    }

    fn read(&self, message: Message) -> Said {
        match message {
            Message::Binary(bytes) if bytes.is_empty() => Said::End,
            Message::Binary(bytes) => Said::Input(bytes),
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(TerminalSize { columns, rows }) => Said::Size(Size { columns, rows }),
                Err(_) => Said::Nothing,
            },
            Message::Close(_) => Said::Left,
            Message::Ping(_) | Message::Pong(_) => Said::Nothing,
        }
    }
}

type OfPort = (String, u64, u32, u16);

async fn port(
    State(shared): State<Shared>,
    caller: Caller,
    Path(of): Path<OfPort>,
    request: Request,
) -> Result<Response, Refused> {
    forward(&shared, caller, of, String::new(), request).await
}

async fn port_path(
    State(shared): State<Shared>,
    caller: Caller,
    Path((tenant, cseq, number, port, rest)): Path<(String, u64, u32, u16, String)>,
    request: Request,
) -> Result<Response, Refused> {
    forward(&shared, caller, (tenant, cseq, number, port), rest, request).await
}

/// Hands a request to a program that listens on a node. What names the caller to this gateway stays here.
async fn forward(
    shared: &Shared,
    caller: Caller,
    (tenant, cseq, number, port): OfPort,
    rest: String,
    mut request: Request,
) -> Result<Response, Refused> {
    let (desk, caller) = enter(shared, caller)?;
    let failed = |error: &dyn std::fmt::Display| {
        Refusal(StatusCode::BAD_GATEWAY, format!("port {port} of node {number}: {error}"))
    };
    let cluster = path((tenant, cseq));
    let connected = desk.connect(&caller, &cluster, number, port);
    let Connected { stream, bearer } = in_time(shared, connected).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    tokio::spawn(connection.with_upgrades());
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    *request.uri_mut() = Uri::try_from(format!("/{rest}{query}")).map_err(|error| failed(&error))?;
    // A websocket: once both sides agree, what is said on it is theirs.
    let upgrade = request.headers().get(UPGRADE).cloned();
    let near = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    let headers = request.headers_mut();
    for own in [AUTHORIZATION, CONNECTION, HOST, TRANSFER_ENCODING] {
        headers.remove(own);
    }
    if upgrade.is_some() {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    headers.insert(HOST, HeaderValue::from_static("node"));
    if let Some(bearer) = bearer {
        let value = HeaderValue::try_from(format!("Bearer {bearer}")).map_err(|error| failed(&error))?;
        headers.insert(AUTHORIZATION, value);
    }
    let mut answer = sender.send_request(request).await.map_err(|error| failed(&error))?;
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(near)) = (answer.status(), near) {
        let far = hyper::upgrade::on(&mut answer);
        tokio::spawn(async move {
            if let (Ok(near), Ok(far)) = tokio::join!(near, far) {
                // Either side may end it at any time.
                let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(near), &mut TokioIo::new(far)).await;
            }
        });
    }
    let switches = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    let (mut parts, body) = answer.into_parts();
    for own in [CONNECTION, TRANSFER_ENCODING] {
        parts.headers.remove(own);
    }
    if switches {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    parts.headers.insert(OF_NODE, HeaderValue::from(number));
    Ok(Response::from_parts(parts, Body::new(body)))
}
