//! A node in a lease, in its overlay: three programs there, the node itself, what carries its datagrams, and one for each connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use mesh::{Duplex, Number, PeerSpec, SecretKey, Status};
use tokio::io::{AsyncWriteExt, join};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::codec::{FramedRead, LinesCodec};
use workload::runtime::{Ending, Exec, Input, Output};

use super::foreign::Foreign;
use super::slots::Lease;
use super::words::{LONGEST, Order, Word, line};
use super::{install, streams};
use crate::cluster::ground::{Carriage, Entrance, Overlay};
use crate::cluster::trouble::Trouble;
use crate::cluster::wires;

/// For each thing that the guest is to say.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that wait in each direction of a connection.
const BUFFER: usize = 64 << 10;

type Words = FramedRead<Output, LinesCodec>;

/// A guest that waits to become a node.
pub(super) struct Guest {
    foreign: Arc<Foreign>,
    lease: Lease,
    orders: Input,
    words: Words,
    running: Box<dyn Ending>,
    endpoint: SocketAddr,
    tasks: JoinSet<()>,
}

async fn run(foreign: &Foreign, lease: &Lease, task: &[&str]) -> Result<Exec, Trouble> {
    Ok(streams::exec(foreign.shell(lease, install::command(task), None).await?, false))
}

async fn next(words: &mut Words) -> Result<Word, Trouble> {
    let said = tokio::time::timeout(PATIENCE, words.next()).await;
    let said = said.map_err(|_| Trouble::Waits("the guest in the lease says nothing".to_owned()))?;
    let text = match said {
        Some(Ok(text)) => text,
        Some(Err(error)) => return Err(Trouble::Waits(format!("the guest in the lease: {error}"))),
        None => return Err(Trouble::Waits("the guest in the lease ended".to_owned())),
    };
    match serde_json::from_str(&text) {
        Ok(Word::Failed(why)) => Err(Trouble::Waits(format!("the guest in the lease: {why}"))),
        Ok(word) => Ok(word),
        Err(error) => Err(Trouble::Odd(format!("the guest in the lease says {text:?}: {error}"))),
    }
}

fn other(word: &Word) -> Trouble {
    Trouble::Odd(format!("the guest in the lease is out of step: {word:?}"))
}

impl Guest {
    /// Starts one, with its wire.
    ///
    /// # Errors
    /// When the lease or the carrier does not answer.
    pub(super) async fn start(foreign: Arc<Foreign>, lease: Lease, carriage: &Carriage) -> Result<Self, Trouble> {
        let Exec { stdin: orders, stdout, running, .. } = run(&foreign, &lease, &["node"]).await?;
        let mut words = FramedRead::new(stdout, LinesCodec::new_with_max_length(LONGEST));
        match next(&mut words).await? {
            Word::Waits => {}
            word => return Err(other(&word)),
        }
        let Exec { stdin, stdout, running: carried, .. } = run(&foreign, &lease, &["wire"]).await?;
        let mut far = join(stdout, stdin);
        let mut tasks = JoinSet::new();
        match carriage.via {
            Some(via) => {
                let mut near = wires::carrier(via).await?;
                tasks.spawn(async move {
                    let _program = carried;
                    // Either end may end it at any time.
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
            None => {
                let listen = carriage.listen.clone();
                tasks.spawn(async move {
                    let _program = carried;
                    if let Err(error) = mesh::wire::carry_one(far, &listen).await {
                        tracing::debug!(%error, "the wire of a lease ended");
                    }
                });
            }
        }
        let endpoint = match next(&mut words).await? {
            Word::Wired { port } => SocketAddr::from((carriage.told, port)),
            word => return Err(other(&word)),
        };
        Ok(Self { foreign, lease, orders, words, running, endpoint, tasks })
    }
}

#[async_trait]
impl Entrance for Guest {
    fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    async fn begin(self: Box<Self>, secret: SecretKey, number: Number) -> Result<Arc<dyn Overlay>, Trouble> {
        let Self { foreign, lease, mut orders, mut words, running, mut tasks, .. } = *self;
        let begin = Order::Begin { number, secret: hex::encode(secret.to_bytes()) };
        let gone = |error: io::Error| Trouble::Waits(format!("the guest in the lease: {error}"));
        orders.write_all(&line(&begin)).await.map_err(gone)?;
        match next(&mut words).await? {
            Word::Began => {}
            word => return Err(other(&word)),
        }
        let (peers, mut told) = mpsc::unbounded_channel::<Vec<PeerSpec>>();
        let (known, status) = watch::channel(Status::default());
        tasks.spawn(async move {
            while let Some(peers) = told.recv().await {
                let order = Order::Peers(peers.into_iter().map(Into::into).collect());
                if orders.write_all(&line(&order)).await.is_err() {
                    return;
                }
            }
        });
        tasks.spawn(async move {
            let _program = running;
            loop {
                match words.next().await {
                    Some(Ok(text)) => match serde_json::from_str(&text) {
                        Ok(Word::Knows(status)) => drop(known.send_replace(status)),
                        Ok(word) => return tracing::warn!(reason = ?word, "the guest in a lease ends"),
                        Err(error) => return tracing::warn!(%error, "the guest in a lease cannot be understood"),
                    },
                    Some(Err(error)) => return tracing::warn!(%error, "the guest in a lease cannot be understood"),
                    None => return,
                }
            }
        });
        Ok(Arc::new(Leased { foreign, lease, number, peers, last: Default::default(), status, _tasks: tasks }))
    }
}

/// A node in a lease.
struct Leased {
    foreign: Arc<Foreign>,
    lease: Lease,
    number: Number,
    peers: mpsc::UnboundedSender<Vec<PeerSpec>>,
    /// What it was told last: it is told again only what is new.
    last: std::sync::Mutex<Option<Vec<PeerSpec>>>,
    status: watch::Receiver<Status>,
    _tasks: JoinSet<()>,
}

#[async_trait]
impl Overlay for Leased {
    fn address(&self) -> Ipv4Addr {
        mesh::address::of(self.number)
    }

    fn set_peers(&self, peers: Vec<PeerSpec>) {
        let mut last = crate::agent::lock(&self.last);
        if last.as_ref() != Some(&peers) {
            *last = Some(peers.clone());
            // Ends only with the connection.
            let _ = self.peers.send(peers);
        }
    }

    fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    fn is_over(&self) -> bool {
        // Its sender is gone with the task that reads what the guest says.
        self.status.has_changed().is_err()
    }

    /// To its own ports alone.
    async fn connect(&self, to: SocketAddr, limit: Duration) -> io::Result<Box<dyn Duplex>> {
        if to.ip() != self.address() {
            let what = "from a lease its agent reaches the ports of its own container alone";
            return Err(io::Error::new(io::ErrorKind::Unsupported, what));
        }
        let (port, address) = (to.port().to_string(), self.address().to_string());
        let task = ["port", &port, &address];
        let started = tokio::time::timeout(limit, run(&self.foreign, &self.lease, &task)).await;
        let exec = started.map_err(|_| io::ErrorKind::TimedOut)?.map_err(io::Error::other)?;
        let (near, mut far) = tokio::io::duplex(BUFFER);
        tokio::spawn(async move {
            let Exec { stdin, stdout, running: _program, .. } = exec;
            // Either end may end it at any time.
            let _ = tokio::io::copy_bidirectional(&mut far, &mut join(stdout, stdin)).await;
        });
        Ok(Box::new(near))
    }
}
