//! Which ports of the agent's range are whose.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use sdl::model::Protocol;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;

use super::ProxyError;
use super::backend::Backend;
use super::forward;
use super::plan::{Forward, ForwardKey};
use super::route::Published;
use crate::lease::LeaseName;

/// A port that is forwarded. Dropping it closes the port.
struct Running {
    assigned: u16,
    backend: Arc<Backend>,
    task: JoinHandle<()>,
}

impl Running {
    /// Returns once the port is free.
    async fn end(mut self) {
        self.backend.end();
        self.task.abort();
        // It says that it was aborted.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.backend.end();
        self.task.abort();
    }
}

/// A port that was taken and is not served yet.
enum Bound {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

pub(super) struct Ports {
    ip: IpAddr,
    host: String,
    range: RangeInclusive<u16>,
    leases: HashMap<LeaseName, BTreeMap<ForwardKey, Running>>,
}

impl Ports {
    pub(super) fn new(ip: IpAddr, host: String, range: RangeInclusive<u16>) -> Self {
        Self { ip, host, range, leases: HashMap::new() }
    }

    /// Puts a lease's forwards in place of those it had, all or none.
    pub(super) async fn replace(
        &mut self,
        lease: &LeaseName,
        forwards: Vec<Forward>,
    ) -> Result<Vec<Published>, ProxyError> {
        let mut fresh = BTreeMap::new();
        for forward in forwards.iter().filter(|forward| self.kept(lease, forward).is_none()) {
            fresh.insert(forward.key.clone(), self.bind(lease, forward).await?);
        }
        let mut before = self.leases.remove(lease).unwrap_or_default();
        let mut after = BTreeMap::new();
        let mut published = Vec::new();
        for Forward { key, replicas, .. } in forwards {
            let running = match fresh.remove(&key) {
                Some((assigned, bound)) => start(&key, assigned, bound),
                None => match before.remove(&key) {
                    Some(running) => running,
                    None => continue,
                },
            };
            running.backend.set(replicas);
            published.push(self.published(&key, running.assigned));
            after.insert(key, running);
        }
        if !after.is_empty() {
            self.leases.insert(lease.clone(), after);
        }
        end_all(before).await;
        Ok(published)
    }

    pub(super) async fn withdraw(&mut self, lease: &LeaseName) {
        end_all(self.leases.remove(lease).unwrap_or_default()).await;
    }

    fn published(&self, key: &ForwardKey, assigned: u16) -> Published {
        let ForwardKey { service, port, external, protocol } = key.clone();
        Published::Port { service, host: self.host.clone(), port, external, assigned, protocol }
    }

    /// The port that a forward has and may keep.
    fn kept(&self, lease: &LeaseName, forward: &Forward) -> Option<u16> {
        let assigned = self.leases.get(lease)?.get(&forward.key)?.assigned;
        (forward.assigned.is_none_or(|wanted| wanted == assigned)).then_some(assigned)
    }

    /// The port that it had, or the first free one from a place in the range that follows from its name: so it gets
    /// the same one again more often than not, even where nothing was kept.
    async fn bind(&self, lease: &LeaseName, forward: &Forward) -> Result<(u16, Bound), ProxyError> {
        let ForwardKey { service, external, protocol, .. } = &forward.key;
        if let Some(port) = forward.assigned {
            let taken =
                |error: io::Error| ProxyError::PortTaken { service: service.clone(), port, why: error.to_string() };
            return Ok((port, self.take(*protocol, port).await.map_err(taken)?));
        }
        let (first, last) = (*self.range.start(), *self.range.end());
        let length = self.range.len();
        let digest = Sha256::digest(format!("{lease}/{service}/{external}/{protocol:?}"));
        let place = usize::from(u16::from_be_bytes([digest[0], digest[1]])) % length.max(1);
        for port in from_place(&self.range, place) {
            if let Ok(bound) = self.take(*protocol, port).await {
                return Ok((port, bound));
            }
        }
        Err(ProxyError::NoFreePort { service: service.clone(), first, last })
    }

    async fn take(&self, protocol: Protocol, port: u16) -> io::Result<Bound> {
        match protocol {
            Protocol::Tcp => TcpListener::bind((self.ip, port)).await.map(Bound::Tcp),
            Protocol::Udp => UdpSocket::bind((self.ip, port)).await.map(Bound::Udp),
        }
    }
}

/// Every port of a range once, from a place in it on.
fn from_place(range: &RangeInclusive<u16>, place: usize) -> impl Iterator<Item = u16> + Send {
    range.clone().skip(place).chain(range.clone().take(place))
}

async fn end_all(forwards: BTreeMap<ForwardKey, Running>) {
    for running in forwards.into_values() {
        running.end().await;
    }
}

fn start(key: &ForwardKey, assigned: u16, bound: Bound) -> Running {
    let backend = Arc::new(Backend::new(key.service.clone(), Vec::new()));
    let task = match bound {
        Bound::Tcp(listener) => tokio::spawn(forward::tcp(listener, Arc::clone(&backend))),
        Bound::Udp(socket) => tokio::spawn(forward::udp(socket, Arc::clone(&backend))),
    };
    Running { assigned, backend, task }
}
