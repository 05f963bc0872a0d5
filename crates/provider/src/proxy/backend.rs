//! The replicas of one exposure, in turn.

use std::io;
use std::net::SocketAddr;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// Replicas are on this machine: one that takes longer is as good as dead.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

pub(super) struct Backend {
    pub(super) service: String,
    replicas: RwLock<Vec<SocketAddr>>,
    next: AtomicUsize,
    gone: watch::Sender<bool>,
}

impl Backend {
    pub(super) fn new(service: String, replicas: Vec<SocketAddr>) -> Self {
        Self { service, replicas: RwLock::new(replicas), next: AtomicUsize::new(0), gone: watch::Sender::new(false) }
    }

    /// New replicas for new connections.
    pub(super) fn set(&self, replicas: Vec<SocketAddr>) {
        match self.replicas.write() {
            Ok(mut now) => *now = replicas,
            Err(poisoned) => *poisoned.into_inner() = replicas,
        }
    }

    /// Every replica once, each time beginning with the next.
    pub(super) fn in_turn(&self) -> Vec<SocketAddr> {
        let mut replicas = match self.replicas.read() {
            Ok(replicas) => replicas.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        };
        if !replicas.is_empty() {
            let first = self.next.fetch_add(1, Ordering::Relaxed) % replicas.len();
            replicas.rotate_left(first);
        }
        replicas
    }

    /// A connection to the first replica, in turn, that takes it; none when there is no replica.
    pub(super) async fn connect_any(&self) -> Option<io::Result<TcpStream>> {
        let mut last = None;
        for replica in self.in_turn() {
            match connect(replica).await {
                Ok(stream) => return Some(Ok(stream)),
                Err(error) => last = Some(Err(error)),
            }
        }
        last
    }

    /// Ends every connection.
    pub(super) fn end(&self) {
        self.gone.send_replace(true);
    }

    /// Returns once the exposure has ended.
    pub(super) async fn ended(&self) {
        let mut gone = self.gone.subscribe();
        let _ = gone.wait_for(|gone| *gone).await;
    }
}

pub(super) async fn connect(replica: SocketAddr) -> io::Result<TcpStream> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "it did not take the connection in time");
    let stream = timeout(CONNECT_LIMIT, TcpStream::connect(replica)).await.map_err(late)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}
