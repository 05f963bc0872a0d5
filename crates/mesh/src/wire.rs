//! What carries datagrams between nodes: a UDP socket of this machine, or one of another machine that a stream leads to, where no
//! datagram gets in or out of this one.
//!
//! ```text
//! node ── stream ──▶ carrier ── UDP ──▶ other nodes
//! ```
//!
//! On the stream both write `length (2 bytes) ‖ IPv4 address (4) ‖ port (2) ‖ datagram`, big-endian; the address is that of the other
//! node. The first one that a carrier writes has no datagram: its address is where the node's datagrams arrive now. What the carrier
//! moves is WireGuard's; it cannot read it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Larger than any datagram that is taken.
pub(crate) const ROOM: usize = 2_048;
/// Bytes before a datagram.
const HEADER: usize = 8;
/// Datagrams that wait for a stream at most; what is more is lost, as datagrams are.
const QUEUE: usize = 1_024;

type Datagram = (SocketAddr, Vec<u8>);

/// A way for datagrams.
#[derive(Debug)]
pub struct Wire {
    local: SocketAddr,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Udp(UdpSocket),
    Stream { inbound: mpsc::Receiver<Datagram>, outbound: mpsc::Sender<Datagram>, _tasks: JoinSet<()> },
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// How many bytes follow the first eight of a datagram on a stream, and whose address they name; none where that is more than is
/// taken.
fn head(bytes: [u8; HEADER]) -> Option<(usize, SocketAddr)> {
    let [high, low, a, b, c, d, port_high, port_low] = bytes;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let address = SocketAddr::from((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([port_high, port_low])));
    (length <= ROOM).then_some((length, address))
}

/// The datagram that bytes of a stream begin with; none where they are none, or cut.
pub fn parse(bytes: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (first, rest) = bytes.split_first_chunk::<HEADER>()?;
    let (length, address) = head(*first)?;
    Some((address, rest.get(..length)?))
}

/// A datagram as it stands on a stream; none of what cannot be said there.
pub fn write(address: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    let length = u16::try_from(datagram.len()).ok().filter(|length| usize::from(*length) <= ROOM)?;
    let mut bytes = Vec::with_capacity(HEADER + datagram.len());
    bytes.extend(length.to_be_bytes());
    bytes.extend(ip.octets());
    bytes.extend(address.port().to_be_bytes());
    bytes.extend(datagram);
    Some(bytes)
}

async fn read_one(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Datagram> {
    let mut first = [0u8; HEADER];
    stream.read_exact(&mut first).await?;
    let (length, address) =
        head(first).ok_or_else(|| malformed("a datagram on the stream is longer than any that is taken"))?;
    let mut datagram = vec![0; length];
    stream.read_exact(&mut datagram).await?;
    Ok((address, datagram))
}

async fn write_all(mut stream: impl AsyncWrite + Unpin, mut queue: mpsc::Receiver<Datagram>) {
    while let Some((address, datagram)) = queue.recv().await {
        let Some(bytes) = write(address, &datagram) else { continue };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        // Whoever reads waits for whole datagrams: nothing may lie in a buffer while the queue is empty.
        if queue.is_empty() && stream.flush().await.is_err() {
            return;
        }
    }
}

async fn read_all(mut stream: impl AsyncRead + Unpin, queue: mpsc::Sender<Datagram>) {
    while let Ok(datagram) = read_one(&mut stream).await {
        if queue.send(datagram).await.is_err() {
            return;
        }
    }
}

impl Wire {
    /// A UDP socket here, at the first of these addresses that is free; port 0 is any.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn udp(listen: &[SocketAddr]) -> io::Result<Self> {
        let socket = UdpSocket::bind(listen).await?;
        Ok(Self { local: socket.local_addr()?, way: Way::Udp(socket) })
    }

    /// The socket that the carrier at the other end of a stream has for this node.
    ///
    /// # Errors
    /// When the stream breaks, or says something else.
    pub async fn through(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> io::Result<Self> {
        let (mut from, to) = tokio::io::split(stream);
        let (local, nothing) = read_one(&mut from).await?;
        if !nothing.is_empty() {
            return Err(malformed("the carrier did not say where datagrams arrive"));
        }
        let (sender, inbound) = mpsc::channel(QUEUE);
        let (outbound, queue) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        tasks.spawn(read_all(from, sender));
        tasks.spawn(write_all(to, queue));
        Ok(Self { local, way: Way::Stream { inbound, outbound, _tasks: tasks } })
    }

    /// Where its datagrams arrive. A carrier that listens at all of its addresses says 0.0.0.0.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// The next datagram. An error of a socket is an answer of ICMP to an earlier one; of a stream it is the end.
    pub(crate) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &mut self.way {
            Way::Udp(socket) => socket.recv_from(buffer).await,
            Way::Stream { inbound, .. } => match inbound.recv().await {
                Some(datagram) => Ok(put(datagram, buffer)),
                None => Err(io::ErrorKind::UnexpectedEof.into()),
            },
        }
    }

    /// A datagram that is there already.
    pub(crate) fn try_receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &mut self.way {
            Way::Udp(socket) => socket.try_recv_from(buffer),
            Way::Stream { inbound, .. } => {
                let datagram = inbound.try_recv().map_err(|_| io::ErrorKind::WouldBlock)?;
                Ok(put(datagram, buffer))
            }
        }
    }

    /// Sends a datagram, or loses it.
    pub(crate) async fn send(&self, to: SocketAddr, datagram: Vec<u8>) {
        match &self.way {
            Way::Udp(socket) => drop(socket.send_to(&datagram, to).await),
            Way::Stream { outbound, .. } => drop(outbound.try_send((to, datagram))),
        }
    }
}

fn put((from, datagram): Datagram, buffer: &mut [u8]) -> (usize, SocketAddr) {
    let length = datagram.len().min(buffer.len());
    buffer[..length].copy_from_slice(&datagram[..length]);
    (length, from)
}

/// Has a UDP socket for each stream that a listener takes, at the first of `listen` that is free, for as long as the stream is there. Whoever reaches the listener sends
/// datagrams in this machine's name: it belongs on loopback.
pub async fn carry(listener: TcpListener, listen: Vec<SocketAddr>) {
    let listen: Arc<[SocketAddr]> = listen.into();
    let mut streams = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            continue;
        };
        while streams.try_join_next().is_some() {}
        // Small datagrams should not wait for each other.
        let _ = stream.set_nodelay(true);
        let listen = Arc::clone(&listen);
        streams.spawn(async move {
            if let Err(error) = carry_one(stream, &listen).await {
                tracing::debug!(%error, "a stream of datagrams ended");
            }
        });
    }
}

/// Moves datagrams between a stream and a UDP socket at an address of this machine until the stream ends.
///
/// # Errors
/// When there is no socket, or the stream breaks.
pub async fn carry_one(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    listen: &[SocketAddr],
) -> io::Result<()> {
    let socket = Arc::new(UdpSocket::bind(listen).await?);
    let (mut from, to) = tokio::io::split(stream);
    let (queue, waiting) = mpsc::channel(QUEUE);
    // There is room: nothing was sent yet.
    let _ = queue.try_send((socket.local_addr()?, Vec::new()));
    let mut tasks = JoinSet::new();
    tasks.spawn(write_all(to, waiting));
    let inbound = Arc::clone(&socket);
    tasks.spawn(async move {
        let mut buffer = [0u8; ROOM];
        loop {
            if let Ok((length, from)) = inbound.recv_from(&mut buffer).await
                && matches!(
                    queue.try_send((from, buffer[..length].to_vec())),
                    Err(mpsc::error::TrySendError::Closed(_))
                )
            {
                return;
            }
        }
    });
    loop {
        let (to, datagram) = read_one(&mut from).await?;
        // A datagram that cannot be sent is lost, as datagrams are.
        let _ = socket.send_to(&datagram, to).await;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn datagrams_go_through_a_carrier_both_ways() {
        let (near, far) = tokio::io::duplex(1 << 16);
        let carrier = tokio::spawn(async move { carry_one(far, &[(Ipv4Addr::LOCALHOST, 0).into()]).await });
        let mut node = Wire::through(near).await.unwrap();
        let mut other = Wire::udp(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        assert_eq!(node.local_address().ip(), Ipv4Addr::LOCALHOST);
        node.send(other.local_address(), b"there".to_vec()).await;
        let mut buffer = [0u8; ROOM];
        let (length, from) = other.receive(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..length], from), (&b"there"[..], node.local_address()));
        other.send(from, b"and back".to_vec()).await;
        let (length, from) = node.receive(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..length], from), (&b"and back"[..], other.local_address()));
        drop(node);
        assert!(carrier.await.unwrap().is_err(), "the carrier ends with its stream");
    }

    #[tokio::test]
    async fn a_stream_that_is_no_carriers_is_refused() {
        let (near, mut far) = tokio::io::duplex(64);
        far.write_all(b"HTTP/1.1 400 Bad Request\r\n").await.unwrap();
        let error = Wire::through(near).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ip: [u8; 4], port: u16, datagram in prop::collection::vec(any::<u8>(), 0..ROOM)) {
            let address = SocketAddr::from((Ipv4Addr::from(ip), port));
            let bytes = write(address, &datagram).unwrap();
            prop_assert_eq!(parse(&bytes), Some((address, datagram.as_slice())));
            let read = futures::executor::block_on(read_one(&mut bytes.as_slice())).unwrap();
            prop_assert_eq!(read, (address, datagram));
        }

        #[test]
        fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let read = futures::executor::block_on(read_one(&mut bytes.as_slice())).ok();
            prop_assert_eq!(read, parse(&bytes).map(|(address, datagram)| (address, datagram.to_vec())));
        }
    }
}
