//! The HTTP listener.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::exchange;
use super::names::Names;

/// For the head of a request, and between two requests of a connection.
const HEADER_LIMIT: Duration = Duration::from_secs(30);
const CONNECTIONS: usize = 4096;
/// After a failure to accept, such as too many open files.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until the task is aborted.
pub(super) async fn accept(listener: TcpListener, names: Arc<Names>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, client) = tokio::select! {
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "the proxy cannot accept a connection");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            },
        };
        let names = Arc::clone(&names);
        connections.spawn(async move {
            serve_one(stream, client.ip(), names).await;
            drop(place);
        });
    }
}

async fn serve_one(stream: TcpStream, client: IpAddr, names: Arc<Names>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection to the proxy ended");
    }
    let service = service_fn(|request| {
        let names = Arc::clone(&names);
        async move { Ok::<_, Infallible>(exchange::answer(&names, client, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await {
        tracing::debug!(%error, "a connection to the proxy ended");
    }
}
