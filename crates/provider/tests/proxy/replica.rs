//! Replicas, and a client that speaks plain HTTP.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{any, get};
use futures::StreamExt;
use provider::lease::LeaseName;
use provider::proxy::{Exposure, Proxy, Published, Route};
use sdl::model::{HttpOptions, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers with its name and what it was asked; echoes bodies and websockets.
pub(crate) async fn replica(name: &'static str) -> Replica {
    let seen = move |request: Request| async move {
        let header = |name: &str| {
            let value = request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            value.unwrap_or_else(|| "-".to_owned())
        };
        let names = ["host", "x-forwarded-for", "x-forwarded-proto", "connection", "x-hop"];
        let headers = names.map(|name| format!("{name}={}", header(name))).join(" ");
        format!("{name} {} {} {headers}", request.method(), request.uri())
    };
    let echo = |request: Request| async { Response::new(request.into_body()) };
    let socket = |upgrade: WebSocketUpgrade| async {
        upgrade.on_upgrade(|mut socket| async move {
            while let Some(Ok(message @ Message::Text(_))) = socket.recv().await {
                socket.send(message).await.unwrap();
            }
        })
    };
    // The first part at once, the rest never.
    let stuck = || async {
        let parts = futures::stream::iter([Ok::<_, std::io::Error>("first")]).chain(futures::stream::pending());
        Response::new(Body::from_stream(parts))
    };
    let failing = move || async move { (axum::http::StatusCode::SERVICE_UNAVAILABLE, name) };
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/ws", get(socket))
        .route("/stuck", get(stuck))
        .route("/failing", any(failing))
        .route("/hangs", any(futures::future::pending::<()>))
        .fallback(seen);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    Replica { address, task }
}

/// An address where nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) async fn proxy() -> Proxy {
    proxy_with(20_000..=29_999).await
}

pub(crate) async fn proxy_with(range: std::ops::RangeInclusive<u16>) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Proxy::start(listener, "Localhost", range).unwrap()
}

pub(crate) fn lease(owner: &str, dseq: u64) -> LeaseName {
    LeaseName { owner: owner.to_owned(), dseq, gseq: 1, oseq: 1, provider: "tetra1p".to_owned() }
}

pub(crate) fn options() -> HttpOptions {
    HttpOptions {
        max_body_size: 1 << 20,
        read_timeout: 60_000,
        send_timeout: 60_000,
        next_tries: 3,
        next_timeout: 0,
        next_cases: vec!["error".to_owned(), "timeout".to_owned()],
        proxy_buffer_size: 0,
    }
}

pub(crate) fn http(service: &str, hosts: &[&str], options: HttpOptions, replicas: &[SocketAddr]) -> Route {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    Route { service: service.to_owned(), exposure: Exposure::Http { hosts, options }, replicas: replicas.to_vec() }
}

pub(crate) fn port(service: &str, protocol: Protocol, assigned: Option<u16>, replicas: &[SocketAddr]) -> Route {
    let exposure = Exposure::Port { port: 5432, external: 5432, protocol, assigned };
    Route { service: service.to_owned(), exposure, replicas: replicas.to_vec() }
}

/// The host of the URL at `index` of the first published service.
pub(crate) fn host(published: &[Published], index: usize) -> String {
    let Published::Http { urls, .. } = &published[0] else { panic!("{published:?}") };
    urls[index].strip_prefix("http://").unwrap().split(':').next().unwrap().to_owned()
}

/// The assigned port of the first published service.
pub(crate) fn assigned(published: &[Published]) -> u16 {
    let Published::Port { assigned, .. } = &published[0] else { panic!("{published:?}") };
    *assigned
}

/// Sends a request and reads until the proxy closes.
pub(crate) async fn ask(proxy: &Proxy, head: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap();
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

pub(crate) async fn fetch(proxy: &Proxy, host: &str, path: &str) -> (u16, String) {
    ask(proxy, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"), b"").await
}
