//! TCP and UDP forwards.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::backend::Backend;

/// Of one forward, so that one lease does not use up the agent's file descriptors.
const CONNECTIONS: usize = 1024;
/// A UDP client that says nothing for so long is forgotten, as most routers do.
const UDP_IDLE: Duration = Duration::from_secs(60);
/// Datagrams that wait for one client's turn; more are dropped, as UDP does.
const UDP_QUEUE: usize = 64;
const LONGEST_DATAGRAM: usize = 65_535;
/// After a failure to accept, such as too many open files.
const BREATH: Duration = Duration::from_millis(100);

/// Forwards connections until the backend ends or the task is aborted.
pub(super) async fn tcp(listener: TcpListener, backend: Arc<Backend>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = tokio::select! {
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(service = %backend.service, %error, "a forward cannot accept a connection");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            },
        };
        let backend = Arc::clone(&backend);
        connections.spawn(async move {
            tokio::select! {
                () = backend.ended() => {}
                ended = tcp_one(stream, &backend) => if let Err(error) = ended {
                    tracing::debug!(service = %backend.service, %error, "a forwarded connection ended");
                }
            }
            drop(place);
        });
    }
}

async fn tcp_one(mut outside: TcpStream, backend: &Backend) -> io::Result<()> {
    let none = || io::Error::new(io::ErrorKind::NotConnected, "no replica runs");
    let mut inside = backend.connect_any().await.ok_or_else(none)??;
    outside.set_nodelay(true)?;
    copy_bidirectional(&mut outside, &mut inside).await.map(|_| ())
}

/// The queues to the sessions of clients.
type Sessions = Arc<Mutex<HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>>>;

/// Forwards datagrams; each client has its own socket towards one replica, so that answers find their way back.
pub(super) async fn udp(socket: UdpSocket, backend: Arc<Backend>) {
    let socket = Arc::new(socket);
    let sessions = Sessions::default();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; LONGEST_DATAGRAM];
    loop {
        let (length, client) = tokio::select! {
            Some(_) = tasks.join_next() => continue,
            received = socket.recv_from(&mut buffer) => match received {
                Ok(received) => received,
                // The answer of a client's machine that nobody listens there any more.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                Err(error) => {
                    tracing::warn!(service = %backend.service, %error, "a forward cannot receive");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            },
        };
        let datagram = buffer[..length].to_vec();
        let Ok(mut known) = sessions.lock() else { return };
        if let Some(queue) = known.get(&client) {
            let _ = queue.try_send(datagram);
            continue;
        }
        if known.len() >= CONNECTIONS {
            continue;
        }
        let (queue, waiting) = mpsc::channel(UDP_QUEUE);
        let _ = queue.try_send(datagram);
        known.insert(client, queue);
        drop(known);
        let (socket, backend, sessions) = (Arc::clone(&socket), Arc::clone(&backend), Arc::clone(&sessions));
        tasks.spawn(async move {
            if let Err(error) = udp_one(&socket, client, &backend, waiting).await {
                tracing::debug!(service = %backend.service, %error, "a UDP session ended");
            }
            if let Ok(mut known) = sessions.lock() {
                known.remove(&client);
            }
        });
    }
}

async fn udp_one(
    outside: &UdpSocket,
    client: SocketAddr,
    backend: &Backend,
    mut waiting: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    let Some(&replica) = backend.in_turn().first() else { return Ok(()) };
    let any: IpAddr = if replica.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let inside = UdpSocket::bind((any, 0)).await?;
    inside.connect(replica).await?;
    let mut buffer = vec![0; LONGEST_DATAGRAM];
    loop {
        tokio::select! {
            () = backend.ended() => return Ok(()),
            sent = timeout(UDP_IDLE, waiting.recv()) => match sent {
                Ok(Some(datagram)) => { inside.send(&datagram).await?; }
                Ok(None) | Err(_) => return Ok(()),
            },
            received = inside.recv(&mut buffer) => {
                outside.send_to(&buffer[..received?], client).await?;
            }
        }
    }
}
