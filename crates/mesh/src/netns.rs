//! Doing things inside of a container's network namespace: a thread of its own enters it, makes a device or a socket, and ends.
//! What it made belongs to that namespace for good, and is used from anywhere. Linux alone.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tun_rs::{AsyncDevice, DeviceBuilder, SyncDevice};

use crate::address::PREFIX;

/// Runs `work` on a thread inside of a namespace.
async fn inside<T: Send + 'static>(
    netns: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let namespace = File::open(netns)?;
    let (done, result) = oneshot::channel();
    std::thread::Builder::new().name("netns".to_owned()).spawn(move || {
        let outcome = enter(&namespace).and_then(|()| work());
        // Whoever asked may be gone.
        let _ = done.send(outcome);
    })?;
    result.await.map_err(|_| io::Error::other("the thread inside of the namespace ended"))?
}

/// Moves this thread into a namespace. Where it is in it already nothing is asked of the kernel, for whoever may make devices in
/// its own namespace need not have the right to enter one.
fn enter(namespace: &File) -> io::Result<()> {
    let (own, wanted) = (std::fs::metadata("/proc/thread-self/ns/net")?, namespace.metadata()?);
    if (own.dev(), own.ino()) == (wanted.dev(), wanted.ino()) {
        return Ok(());
    }
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// A network namespace of its own, with nothing but a loopback device that is up. It is there as long as what is returned.
#[derive(Debug)]
pub struct Fresh(File);

impl Fresh {
    /// Makes one, on a thread that lives in it for a moment.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn new() -> io::Result<Self> {
        let (done, result) = oneshot::channel();
        std::thread::Builder::new().name("netns".to_owned()).spawn(move || {
            // Whoever asked may be gone.
            let _ = done.send(Self::make());
        })?;
        result.await.map_err(|_| io::Error::other("the thread that made the namespace ended"))?.map(Self)
    }

    fn make() -> io::Result<File> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        // A child is in the namespace of the thread that made it.
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status()?;
        if !up.success() {
            return Err(io::Error::other(format!("`ip link set lo up` ended with {up}")));
        }
        File::open("/proc/thread-self/ns/net")
    }

    /// Where it is found by this process.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

/// Makes a TUN device with an address in a namespace. It is there as long as what is returned.
///
/// # Errors
/// When there is no such namespace, or the kernel refuses.
pub async fn device(netns: &Path, name: &str, address: Ipv4Addr, mtu: u16) -> io::Result<AsyncDevice> {
    let name = name.to_owned();
    let made: SyncDevice = inside(netns, move || {
        let builder = DeviceBuilder::new().name(name).ipv4(address, PREFIX, None).mtu(mtu);
        builder.build_sync()
    })
    .await?;
    AsyncDevice::new(made)
}

/// Connects from inside of a namespace.
///
/// # Errors
/// When nobody listens there, or none within `limit`.
pub async fn connect(netns: &Path, to: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = inside(netns, move || {
        let stream = StdStream::connect_timeout(&to, limit)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    });
    TcpStream::from_std(stream.await?)
}

/// Listens inside of a namespace.
///
/// # Errors
/// When the address is not there, or taken.
pub async fn listen(netns: &Path, at: SocketAddr) -> io::Result<TcpListener> {
    let listener = inside(netns, move || {
        let listener = StdListener::bind(at)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    TcpListener::from_std(listener.await?)
}
