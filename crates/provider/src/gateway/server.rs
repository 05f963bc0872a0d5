//! Connections: handshakes, time-outs, the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::CertificateDer;
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::tls::Protocol;
use super::{Certificates, GatewayError, Limits, stopped};

/// How long requests under way may take once the gateway stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// After a failure to accept, such as too many open files.
const BREATH: Duration = Duration::from_millis(100);
/// Calls at a time over one connection of HTTP/2.
const STREAMS: u32 = 16;
/// Bytes of the head of one call.
const HEAD: u32 = 16 << 10;

/// The certificates that a connection's client showed, the client's own first.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer(pub(super) Arc<[CertificateDer<'static>]>);

/// A gateway that serves. Dropping it ends it at once.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and returns once those that are open have ended or 5 s are over.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ = timeout(FAREWELL, &mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.task.abort();
    }
}

pub(super) fn start(
    router: Router,
    protocol: Protocol,
    certificates: Arc<Certificates>,
    listener: TcpListener,
    limits: Limits,
    stop: watch::Sender<bool>,
    stopping: watch::Receiver<bool>,
) -> Result<Server, GatewayError> {
    let address = listener.local_addr()?;
    let task = tokio::spawn(accept(router, protocol, certificates, listener, limits, stopping));
    Ok(Server { address, stop, task })
}

async fn accept(
    router: Router,
    protocol: Protocol,
    certificates: Arc<Certificates>,
    listener: TcpListener,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            () = stopped(&mut stopping) => break,
            Some(_) = connections.join_next() => continue,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let stream = tokio::select! {
            () = stopped(&mut stopping) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the gateway cannot accept a connection");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            },
        };
        let (router, certificates, stopping) = (router.clone(), Arc::clone(&certificates), stopping.clone());
        connections.spawn(async move {
            serve_one(router, protocol, certificates, stream, limits, stopping).await;
            drop(place);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve_one(
    router: Router,
    protocol: Protocol,
    certificates: Arc<Certificates>,
    stream: TcpStream,
    limits: Limits,
    stopping: watch::Receiver<bool>,
) {
    let stream = match timeout(limits.handshake, handshake(&certificates, protocol, stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake took too long"),
    };
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let peer = Peer(shown.iter().map(|certificate| certificate.clone().into_owned()).collect());
    let router = router.layer(Extension(peer));
    let ended = match protocol {
        Protocol::Http => http(router, stream, limits, stopping).await,
        Protocol::Grpc => grpc(router, stream, limits, stopping).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the gateway ended");
    }
}

async fn http(
    router: Router,
    stream: TlsStream<TcpStream>,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let service = TowerToHyperService::new(router);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

/// A client that goes is found by pings; one that asks for nothing is dropped as one that sends no head is.
async fn grpc(
    router: Router,
    stream: TlsStream<TcpStream>,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    let service = TowerToHyperService::new(router);
    let service = service_fn({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.store(true, Ordering::Relaxed);
            service.call(request)
        }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).keep_alive_interval(limits.ping).keep_alive_timeout(limits.pong);
    builder.max_concurrent_streams(STREAMS).max_header_list_size(HEAD);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let silence = tokio::time::sleep(limits.header);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stopped(&mut stopping) => {}
        () = silence => {
            if !asked.load(Ordering::Relaxed) {
                return Ok(());
            }
            tokio::select! {
                ended = connection.as_mut() => return ended,
                () = stopped(&mut stopping) => {}
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

/// The certificate is chosen once the client said by which name it comes.
async fn handshake(
    certificates: &Certificates,
    protocol: Protocol,
    stream: TcpStream,
) -> std::io::Result<TlsStream<TcpStream>> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let config = certificates.for_name(hello.client_hello().server_name(), protocol);
    hello.into_stream(config).await
}
