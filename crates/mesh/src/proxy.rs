//! SOCKS 5 for programs of a container without a device: they reach other nodes of the cluster by it, and everything else as without it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use fast_socks5::server::Socks5ServerProtocol;
use fast_socks5::util::target_addr::TargetAddr;
use fast_socks5::{ReplyError, Socks5Command};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::stack::Stack;

/// Where programs find it, on the container's loopback, unless told otherwise.
pub const PORT: u16 = 1_080;

/// For a connection that is asked for.
const LIMIT: Duration = Duration::from_secs(15);

/// Serves whoever reaches the listener.
pub(crate) async fn serve(listener: TcpListener, stack: Stack) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let stack = stack.clone();
        connections.spawn(async move {
            if let Err(why) = connect(stream, &stack).await {
                tracing::debug!(reason = why, "a connection by the proxy ended");
            }
        });
    }
}

async fn connect(stream: TcpStream, stack: &Stack) -> Result<(), String> {
    let asked = async { Socks5ServerProtocol::accept_no_auth(stream).await?.read_command().await };
    let asked = timeout(LIMIT, asked).await.map_err(|error| error.to_string())?;
    let (client, command, to) = asked.map_err(|error| error.to_string())?;
    if command != Socks5Command::TCPConnect {
        let told = client.reply_error(&ReplyError::CommandNotSupported).await;
        return told.map_err(|error| error.to_string());
    }
    let reached = match resolve(to).await {
        Ok(to) => stack.reach(to, LIMIT).await,
        Err(error) => Err(error),
    };
    match reached {
        Ok(mut far) => {
            let from = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            let mut near = client.reply_success(from).await.map_err(|error| error.to_string())?;
            tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop).map_err(|error| error.to_string())
        }
        Err(error) => {
            let why = match error.kind() {
                io::ErrorKind::ConnectionRefused => ReplyError::ConnectionRefused,
                io::ErrorKind::TimedOut => ReplyError::ConnectionTimeout,
                _ => ReplyError::HostUnreachable,
            };
            client.reply_error(&why).await.map_err(|error| error.to_string())
        }
    }
}

async fn resolve(to: TargetAddr) -> io::Result<SocketAddr> {
    match to {
        TargetAddr::Ip(to) => Ok(to),
        TargetAddr::Domain(name, port) => {
            let mut found = tokio::net::lookup_host((name, port)).await?;
            found.next().ok_or_else(|| io::ErrorKind::HostUnreachable.into())
        }
    }
}
