//! One request: to which replica, how often, what is told when none answers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::{request, uri};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use sdl::model::HttpOptions;
use tokio::io::copy_bidirectional;
use tokio::time::{Instant, sleep_until};

use super::backend::{self, Backend};
use super::headers;
use super::names::{Entry, Names};
use super::progress::{BodyError, Moving, Noted, Progress};

pub(super) type Out = UnsyncBoxBody<Bytes, BodyError>;

/// What deployment files get that say nothing (spec/akash.md 2.1); 0 means the same in the Go tools.
const BODY: u32 = 1 << 20;
const TIMEOUT: u32 = 60_000;
/// hyper needs so much for a head.
const SMALLEST_BUFFER: usize = 8192;

/// An answer by the proxy itself.
struct Page(StatusCode, String);

impl Page {
    fn response(self) -> Response<Out> {
        let text = format!("{} {}\n", self.0.as_u16(), self.1);
        let body = Full::from(text).map_err(|never| match never {}).boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = self.0;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }
}

/// Why one replica gave no answer.
enum Failure {
    /// It cannot be reached, or it broke off.
    Error(String),
    /// It stood still.
    Timeout(String),
    /// The client sends more than is allowed.
    TooLarge,
}

impl Failure {
    /// Its name among the cases in which the next replica is tried.
    fn case(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::Timeout(_) => "timeout",
            Self::TooLarge => "",
        }
    }

    fn page(self, entry: &Entry) -> Page {
        let service = &entry.backend.service;
        match self {
            Self::Error(why) => {
                let text = format!("no replica of the service {service:?} answers: {why}; see its logs");
                Page(StatusCode::BAD_GATEWAY, text)
            }
            Self::Timeout(why) => {
                let text = format!("the service {service:?} takes too long: {why}; see its logs");
                Page(StatusCode::GATEWAY_TIMEOUT, text)
            }
            Self::TooLarge => too_large(entry),
        }
    }
}

fn too_large(entry: &Entry) -> Page {
    let limit = or_default(entry.options.max_body_size, BODY);
    let text = format!("the request is longer than {limit} bytes; the deployment file's max_body_size says how long");
    Page(StatusCode::PAYLOAD_TOO_LARGE, text)
}

fn or_default(value: u32, default: u32) -> u32 {
    if value == 0 { default } else { value }
}

/// The answer to a request, by a replica or by the proxy itself.
pub(super) async fn answer(names: &Names, client: IpAddr, request: Request<Incoming>) -> Response<Out> {
    exchange(names, client, request).await.unwrap_or_else(Page::response)
}

async fn exchange(names: &Names, client: IpAddr, mut request: Request<Incoming>) -> Result<Response<Out>, Page> {
    let client_side = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let no_host = || Page(StatusCode::BAD_REQUEST, "the request names no host, or several".to_owned());
    let host = headers::host_of(&parts).ok_or_else(no_host)?;
    let unknown = || {
        let text = format!(
            "no service is published as {host:?} here; the lease may have ended, or its manifest is not sent yet: \
             `tetra lease status` tells"
        );
        Page(StatusCode::NOT_FOUND, text)
    };
    let entry = names.find(&host).ok_or_else(unknown)?;
    if parts.method == Method::CONNECT {
        return Err(Page(StatusCode::METHOD_NOT_ALLOWED, "this proxy opens no tunnels".to_owned()));
    }
    if body.size_hint().lower() > u64::from(or_default(entry.options.max_body_size, BODY)) {
        return Err(too_large(&entry));
    }
    let parts = towards_replica(parts, client, &host)?;
    let upgrade = headers::upgrade_of(&parts.headers).is_some();
    let mut response = try_replicas(&entry, parts, body).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if !upgrade {
            return Err(Failure::Error("it changed the protocol unasked".to_owned()).page(&entry));
        }
        let replica_side = hyper::upgrade::on(&mut response);
        tokio::spawn(tunnel(client_side, replica_side, Arc::clone(&entry.backend)));
    }
    let changed = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    headers::end_to_end(response.headers_mut(), changed);
    let limit = Duration::from_millis(or_default(entry.options.read_timeout, TIMEOUT).into());
    Ok(response.map(|body| Moving::new(body, limit).boxed_unsync()))
}

/// The head as the replica gets it.
fn towards_replica(mut parts: request::Parts, client: IpAddr, host: &str) -> Result<request::Parts, Page> {
    let bad = |_| Page(StatusCode::BAD_REQUEST, "the request's target is malformed".to_owned());
    if let (Some(authority), false) = (parts.uri.authority(), parts.headers.contains_key(HOST)) {
        let authority = HeaderValue::try_from(authority.as_str()).map_err(|error| bad(error.to_string()))?;
        parts.headers.insert(HOST, authority);
    }
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| uri::PathAndQuery::from_static("/"));
    parts.uri = Uri::from(path);
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    headers::end_to_end(&mut parts.headers, true);
    headers::forwarded(&mut parts.headers, client, host);
    Ok(parts)
}

/// Asks one replica after the other, as the exposure's options say. A request whose sending began goes to another one
/// only if it is safe to repeat.
async fn try_replicas(entry: &Entry, parts: request::Parts, body: Incoming) -> Result<Response<Incoming>, Page> {
    let HttpOptions { next_tries, next_timeout, ref next_cases, .. } = *entry.options;
    let goes_on = |case: &str| match next_cases.as_slice() {
        [] => matches!(case, "error" | "timeout"),
        cases => cases.iter().any(|listed| listed == case),
    };
    let in_time = |since: Instant| next_timeout == 0 || since.elapsed() < Duration::from_millis(next_timeout.into());
    let replicas = entry.backend.in_turn();
    let tries = replicas.len().min(1 + usize::try_from(next_tries).unwrap_or(usize::MAX - 1));
    let repeatable = parts.method.is_safe() && body.is_end_stream();
    let since = Instant::now();
    let mut body = Some(body);
    let mut failure = None;
    for (index, replica) in replicas.into_iter().take(tries).enumerate() {
        let again = |case: &str| index + 1 < tries && in_time(since) && goes_on(case);
        let stream = match backend::connect(replica).await {
            Ok(stream) => stream,
            Err(error) => {
                let failed = unreachable(replica, &error);
                let again = again(failed.case());
                failure = Some(failed);
                if again { continue } else { break }
            }
        };
        let body = if repeatable { None } else { body.take() };
        match ask(stream, entry, parts.clone(), body).await {
            Ok(response) if repeatable && again(response.status().as_str()) => {}
            Ok(response) => return Ok(response),
            Err(failed) => {
                let again = repeatable && again(failed.case());
                failure = Some(failed);
                if !again {
                    break;
                }
            }
        }
    }
    let none = || {
        let text = format!("the service {:?} has no running replica; see its logs", entry.backend.service);
        Page(StatusCode::SERVICE_UNAVAILABLE, text)
    };
    Err(failure.map_or_else(none, |failure| failure.page(entry)))
}

fn unreachable(replica: SocketAddr, error: &io::Error) -> Failure {
    let why = format!("port {}: {error}", replica.port());
    if error.kind() == io::ErrorKind::TimedOut { Failure::Timeout(why) } else { Failure::Error(why) }
}

/// Sends the request over a connection of its own and waits for the head of the answer.
async fn ask(
    stream: tokio::net::TcpStream,
    entry: &Entry,
    parts: request::Parts,
    body: Option<Incoming>,
) -> Result<Response<Incoming>, Failure> {
    let options = &entry.options;
    let progress = Progress::new();
    let body: Out = match body {
        Some(body) => {
            let limit = usize::try_from(or_default(options.max_body_size, BODY)).unwrap_or(usize::MAX);
            Noted::new(Limited::new(body, limit), progress.clone()).boxed_unsync()
        }
        None => Noted::new(Empty::new(), progress.clone()).map_err(|never| match never {}).boxed_unsync(),
    };
    let mut builder = http1::Builder::new();
    if let Ok(size @ 1..) = usize::try_from(options.proxy_buffer_size) {
        builder.max_buf_size(size.max(SMALLEST_BUFFER));
    }
    let opened = builder.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = opened.map_err(|error| Failure::Error(error.to_string()))?;
    let backend = Arc::clone(&entry.backend);
    tokio::spawn(async move {
        tokio::select! {
            () = backend.ended() => {}
            ended = connection.with_upgrades() => if let Err(error) = ended {
                tracing::debug!(service = %backend.service, %error, "a connection to a replica ended");
            }
        }
    });
    let answer = sender.send_request(Request::from_parts(parts, body));
    tokio::pin!(answer);
    loop {
        let (last, sent) = progress.get();
        let limit = or_default(if sent { options.read_timeout } else { options.send_timeout }, TIMEOUT);
        tokio::select! {
            answer = &mut answer => return answer.map_err(|error| failure_of(&error)),
            () = sleep_until(last + Duration::from_millis(limit.into())) => {
                if progress.get() == (last, sent) {
                    let what = if sent { "no answer" } else { "the request's body stood still" };
                    return Err(Failure::Timeout(format!("{what} for {limit} ms")));
                }
            }
        }
    }
}

fn failure_of(error: &hyper::Error) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = cause {
        if this.is::<LengthLimitError>() {
            return Failure::TooLarge;
        }
        cause = this.source();
    }
    Failure::Error(error.to_string())
}

/// Carries bytes both ways after a change of protocol, a websocket say, until either side or the lease ends.
async fn tunnel(client: OnUpgrade, replica: OnUpgrade, backend: Arc<Backend>) {
    let carried = async {
        let (client, replica) = tokio::try_join!(client, replica).map_err(io::Error::other)?;
        copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(replica)).await
    };
    tokio::select! {
        () = backend.ended() => {}
        carried = carried => if let Err(error) = carried {
            tracing::debug!(service = %backend.service, %error, "a tunnel ended");
        }
    }
}
