//! Where an overlay ends.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tun_rs::AsyncDevice;

use crate::stack::Stack;
use crate::{DEVICE, Duplex, MTU, MeshError, netns, probe, proxy};

/// Packets that wait between the switch and the stack of this process.
const QUEUE: usize = 1_024;

/// Where the container of a node is.
#[derive(Debug)]
pub enum Place {
    /// Behind a network namespace, in which a TUN device is made.
    Namespace(PathBuf),
    /// In no container: a namespace beside which nothing runs, and which goes with the overlay.
    Fresh(netns::Fresh),
    /// Around this process, which has no right to make a device: other nodes reach ports of its loopback, and programs beside it
    /// reach other nodes by [`proxy`].
    Process {
        /// The port of its loopback at which that listens; 0 is any.
        proxy: u16,
    },
}

/// What the switch gives packets to and takes them from.
pub(crate) enum Device {
    Tun(AsyncDevice),
    Process { from: mpsc::Receiver<Vec<u8>>, to: mpsc::Sender<Vec<u8>> },
}

impl Device {
    /// The next packet. An error says that there are no more.
    pub(crate) async fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tun(device) => device.recv(buffer).await,
            Self::Process { from, .. } => {
                let packet = from.recv().await.ok_or(io::ErrorKind::UnexpectedEof)?;
                let length = packet.len().min(buffer.len());
                buffer[..length].copy_from_slice(&packet[..length]);
                Ok(length)
            }
        }
    }

    /// Hands a packet over, or loses it.
    pub(crate) async fn send(&self, packet: Vec<u8>) {
        match self {
            Self::Tun(device) => drop(device.send(&packet).await),
            Self::Process { to, .. } => drop(to.try_send(packet)),
        }
    }
}

/// How connections are made as programs of the container make them.
#[derive(Clone)]
pub(crate) enum Inside {
    Namespace { path: PathBuf, _kept: Option<Arc<netns::Fresh>> },
    Process { stack: Stack, proxy: SocketAddr },
}

impl Inside {
    pub(crate) async fn connect(&self, to: SocketAddr, limit: Duration) -> io::Result<Box<dyn Duplex>> {
        match self {
            Self::Namespace { path, .. } => Ok(Box::new(netns::connect(path, to, limit).await?)),
            Self::Process { stack, .. } => stack.reach(to, limit).await,
        }
    }
}

impl Place {
    /// Makes what the overlay ends in.
    pub(crate) async fn begin(self, address: Ipv4Addr, tasks: &mut JoinSet<()>) -> Result<(Device, Inside), MeshError> {
        match self {
            Self::Namespace(path) => in_namespace(path, None, address, tasks).await,
            Self::Fresh(fresh) => in_namespace(fresh.path(), Some(Arc::new(fresh)), address, tasks).await,
            Self::Process { proxy: port } => {
                let failed = |source| MeshError::Proxy { port, source };
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
                let proxy = listener.local_addr().map_err(failed)?;
                let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
                let echoes = echo.local_addr().map_err(failed)?.port();
                let stack = Stack::new(address, MTU, [(probe::PORT, echoes)].into());
                let ((to, inbound), (outbound, from)) = (mpsc::channel(QUEUE), mpsc::channel(QUEUE));
                tasks.spawn(stack.clone().run(inbound, outbound));
                tasks.spawn(proxy::serve(listener, stack.clone()));
                tasks.spawn(probe::echo(echo));
                Ok((Device::Process { from, to }, Inside::Process { stack, proxy }))
            }
        }
    }
}

async fn in_namespace(
    path: PathBuf,
    kept: Option<Arc<netns::Fresh>>,
    address: Ipv4Addr,
    tasks: &mut JoinSet<()>,
) -> Result<(Device, Inside), MeshError> {
    let made = |source| MeshError::Device { netns: path.clone(), source };
    let device = netns::device(&path, DEVICE, address, MTU).await.map_err(made)?;
    let echo = netns::listen(&path, (address, probe::PORT).into()).await.map_err(made)?;
    tasks.spawn(probe::echo(echo));
    Ok((Device::Tun(device), Inside::Namespace { path, _kept: kept }))
}
