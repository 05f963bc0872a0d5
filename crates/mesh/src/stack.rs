//! A node without a device: where a container may have none, its overlay ends in this process. Connections from other nodes go to the
//! same port of its loopback; its own programs reach other nodes by a proxy ([`crate::proxy`]). TCP alone.
//!
//! ```text
//! other nodes ─▶ packets ─▶ Stack: TCP ─▶ 127.0.0.1:PORT of the container
//! the container's programs ─▶ SOCKS at 127.0.0.1 ─▶ Stack ─▶ packets ─▶ other nodes
//! ```

mod device;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr, IpProtocol, Ipv4Packet, TcpPacket};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::address::PREFIX;
use device::Queues;
pub(crate) use stream::StackStream;

/// Bytes that wait in each direction of a connection.
const BUFFER: usize = 256 << 10;
/// Connections at a time; packets that would begin more are dropped.
const MOST: usize = 4_096;
/// For a connection within the container, and for one that another node begins.
const LIMIT: Duration = Duration::from_secs(10);
/// A connection from whose other end nothing came for so long is over; while there is one, it is asked for at a quarter of that.
const SILENCE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(120);
/// Where own connections begin: below are ports that services use.
const FIRST_PORT: u16 = 32_768;

/// The end of an overlay in this process.
#[derive(Clone)]
pub(crate) struct Stack {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
    address: Ipv4Addr,
    /// Ports that stand for other ones of the loopback.
    aliases: Arc<BTreeMap<u16, u16>>,
}

struct Inner {
    interface: Interface,
    sockets: SocketSet<'static>,
    queues: Queues,
    next_port: u16,
    /// Connections that nobody here uses any more, until they are over.
    left: Vec<SocketHandle>,
    /// Who begins a connection to which port, until it stands.
    opening: BTreeSet<(SocketAddrV4, u16)>,
}

fn socket() -> Socket<'static> {
    let mut socket = Socket::new(SocketBuffer::new(vec![0; BUFFER]), SocketBuffer::new(vec![0; BUFFER]));
    socket.set_timeout(Some(SILENCE));
    socket.set_keep_alive(Some(SILENCE / 4));
    socket.set_nagle_enabled(false);
    socket
}

/// Who begins a connection with a packet, and to which port.
fn begins(packet: &[u8]) -> Option<(SocketAddrV4, u16)> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    if ip.next_header() != IpProtocol::Tcp {
        return None;
    }
    let tcp = TcpPacket::new_checked(ip.payload()).ok()?;
    (tcp.syn() && !tcp.ack()).then(|| (SocketAddrV4::new(ip.src_addr(), tcp.src_port()), tcp.dst_port()))
}

impl Stack {
    /// A stack at an address. Ports of the overlay lead to the same ones of the loopback, but for those in `aliases`.
    pub(crate) fn new(address: Ipv4Addr, mtu: u16, aliases: BTreeMap<u16, u16>) -> Self {
        let mut queues = Queues::new(mtu);
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = rand::random();
        let mut interface = Interface::new(config, &mut queues, Instant::now());
        // Room for one address is always there.
        interface.update_ip_addrs(|addresses| {
            let _ = addresses.push(IpCidr::new(address.into(), PREFIX));
        });
        let next_port = FIRST_PORT | (rand::random::<u16>() >> 1);
        let sockets = SocketSet::new(Vec::new());
        let inner = Inner { interface, sockets, queues, next_port, left: Vec::new(), opening: BTreeSet::new() };
        Self { inner: Arc::new(Mutex::new(inner)), changed: Arc::default(), address, aliases: Arc::new(aliases) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves packets until nobody brings any more.
    pub(crate) async fn run(self, mut inbound: mpsc::Receiver<Vec<u8>>, outbound: mpsc::Sender<Vec<u8>>) {
        loop {
            let (packets, delay) = self.turn();
            for packet in packets {
                // A packet that finds no room is lost, as packets are.
                let _ = outbound.try_send(packet);
            }
            let pause = async {
                match delay {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                packet = inbound.recv() => {
                    let Some(packet) = packet else { return };
                    self.take(packet);
                    while let Ok(packet) = inbound.try_recv() {
                        self.take(packet);
                    }
                }
                () = self.changed.notified() => {}
                () = pause => {}
            }
        }
    }

    /// Works off what is there; gives packets to send, and when to look again if nothing happens.
    fn turn(&self) -> (Vec<Vec<u8>>, Option<Duration>) {
        let inner = &mut *self.inner();
        let now = Instant::now();
        inner.interface.poll(now, &mut inner.queues, &mut inner.sockets);
        let sockets = &mut inner.sockets;
        inner.left.retain(|handle| {
            let over = matches!(sockets.get::<Socket<'_>>(*handle).state(), State::Closed | State::TimeWait);
            if over {
                sockets.remove(*handle);
            }
            !over
        });
        let delay = inner.interface.poll_delay(now, &inner.sockets);
        (inner.queues.take_outbound(), delay.map(|delay| Duration::from_micros(delay.total_micros())))
    }

    /// Takes a packet from the overlay. One that begins a connection waits until it is known whether somebody listens there.
    fn take(&self, packet: Vec<u8>) {
        let Some((from, port)) = begins(&packet) else { return self.inner().queues.bring(packet) };
        {
            let inner = &mut *self.inner();
            if inner.sockets.iter().count() >= MOST || !inner.opening.insert((from, port)) {
                return;
            }
        }
        let stack = self.clone();
        tokio::spawn(async move {
            stack.accept(packet, port).await;
            stack.inner().opening.remove(&(from, port));
        });
    }

    fn local(&self, port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.aliases.get(&port).copied().unwrap_or(port)).into()
    }

    /// Connects another node to a port of this container's loopback; where nobody listens it is refused.
    async fn accept(&self, packet: Vec<u8>, port: u16) {
        let local = timeout(LIMIT, TcpStream::connect(self.local(port))).await;
        let Ok(Ok(mut local)) = local else {
            // Without a socket the stack refuses it.
            self.inner().queues.bring(packet);
            return self.changed.notify_one();
        };
        let stream = {
            let inner = &mut *self.inner();
            let mut socket = socket();
            if socket.listen((self.address, port)).is_err() {
                return;
            }
            let handle = inner.sockets.add(socket);
            inner.queues.bring(packet);
            StackStream::new(self.clone(), handle)
        };
        self.changed.notify_one();
        if !matches!(timeout(LIMIT, stream.established()).await, Ok(Ok(()))) {
            return;
        }
        // Small pieces should not wait for each other.
        let _ = local.set_nodelay(true);
        tokio::spawn(async move {
            let mut stream = stream;
            // Either end may end it at any time.
            let _ = tokio::io::copy_bidirectional(&mut local, &mut stream).await;
        });
    }

    /// Connects to another node.
    ///
    /// # Errors
    /// When nobody listens there, or none within `limit`.
    pub(crate) async fn connect(&self, to: SocketAddrV4, limit: Duration) -> io::Result<StackStream> {
        let stream = {
            let inner = &mut *self.inner();
            inner.next_port = inner.next_port.checked_add(1).unwrap_or(FIRST_PORT);
            let mut socket = socket();
            let from = (self.address, inner.next_port);
            let begun = socket.connect(inner.interface.context(), (*to.ip(), to.port()), from);
            begun.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
            StackStream::new(self.clone(), inner.sockets.add(socket))
        };
        self.changed.notify_one();
        timeout(limit, stream.established()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        Ok(stream)
    }

    /// Connects as a program of the container would: to its own address, which is its loopback, to other nodes, or to elsewhere.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub(crate) async fn reach(&self, to: SocketAddr, limit: Duration) -> io::Result<Box<dyn crate::Duplex>> {
        match to {
            SocketAddr::V4(to) if *to.ip() == self.address => {
                let to = self.local(to.port());
                Ok(Box::new(timeout(limit, TcpStream::connect(to)).await.map_err(|_| io::ErrorKind::TimedOut)??))
            }
            SocketAddr::V4(to) if crate::address::number(*to.ip()).is_some() => {
                Ok(Box::new(self.connect(to, limit).await?))
            }
            to => Ok(Box::new(timeout(limit, TcpStream::connect(to)).await.map_err(|_| io::ErrorKind::TimedOut)??)),
        }
    }
}

#[cfg(test)]
mod tests;
