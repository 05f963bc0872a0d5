//! This program in the container of a lease: a node of an overlay without rights of its own, and what the broker asks of the machine.
//! It ends with the connection of its broker.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use mesh::{Mesh, MeshConfig, Place, Wire};
use proving::Puzzle;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixListener, UnixStream};

use super::words::{self, Order, Peer, Word};
use crate::cluster::pods::{GUEST, MARK};

/// Where its wire is found by the program that carries it.
const WIRE: &str = "wire";
/// For a socket that is about to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// A line that is an order, or a word, as it is written again; none of others.
pub fn rewritten(line: &[u8]) -> Option<Vec<u8>> {
    let order = serde_json::from_slice::<Order>(line).ok().map(|order| words::line(&order));
    order.or_else(|| serde_json::from_slice::<Word>(line).ok().map(|word| words::line(&word)))
}

/// What it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// To be a node: orders are read, words written.
    Node,
    /// To carry the datagrams of the node beside it.
    Wire,
    /// To connect to a port of the container: of its loopback, or of its address in the overlay.
    Port(u16, Ipv4Addr),
    /// The product of a seed, as bytes.
    Prove {
        /// Rows of the matrix.
        rows: usize,
        /// Its depth.
        depth: usize,
        /// The seed.
        seed: [u8; 32],
    },
    /// Whether a device for an overlay can be made here: `device` or `none`.
    Look,
}

/// Does it, with standard input and output.
///
/// # Errors
/// What the container or the connection lacks.
pub async fn run(task: Task) -> io::Result<()> {
    let folder = Path::new(GUEST);
    match task {
        Task::Node => {
            std::fs::create_dir_all(folder)?;
            node(folder).await
        }
        Task::Wire => {
            let path = folder.join(WIRE);
            let connect = || UnixStream::connect(path.clone());
            pipe(patiently(connect).await?).await
        }
        Task::Port(port, address) => {
            let stream = match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                Err(_) => TcpStream::connect((address, port)).await?,
                Ok(stream) => stream,
            };
            pipe(stream).await
        }
        Task::Prove { rows, depth, seed } => {
            let product = tokio::task::spawn_blocking(move || proving::prove(Puzzle { rows, depth }, &seed)).await;
            write(&product.map_err(io::Error::other)?.to_bytes()).await
        }
        Task::Look => write(if has_device().await { b"device" } else { b"none" }).await,
    }
}

async fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = tokio::io::stdout();
    out.write_all(bytes).await?;
    out.flush().await
}

async fn patiently<T, F: Future<Output = io::Result<T>>>(attempt: impl Fn() -> F) -> io::Result<T> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Err(error) if tokio::time::Instant::now() >= deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            found => return found,
        }
    }
}

/// Moves bytes between a stream and standard input and output until the stream ends. Where input ends, the stream is told so.
async fn pipe(stream: impl AsyncRead + AsyncWrite) -> io::Result<()> {
    let (mut from, mut to) = tokio::io::split(stream);
    let up = async {
        tokio::io::copy(&mut tokio::io::stdin(), &mut to).await?;
        to.shutdown().await?;
        std::future::pending::<io::Result<()>>().await
    };
    let mut out = tokio::io::stdout();
    let down = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = tokio::io::AsyncReadExt::read(&mut from, &mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            out.write_all(&buffer[..length]).await?;
            out.flush().await?;
        }
    };
    tokio::select! {
        ended = up => ended,
        ended = down => ended,
    }
}

async fn has_device() -> bool {
    let own = Path::new("/proc/self/ns/net");
    mesh::netns::device(own, "tetra-look", mesh::address::of(1), mesh::MTU).await.is_ok()
}

async fn say(word: &Word) -> io::Result<()> {
    write(&words::line(word)).await
}

async fn node(folder: &Path) -> io::Result<()> {
    let ended = become_node(folder).await;
    let _ = std::fs::remove_file(folder.join(MARK));
    if let Err(error) = &ended {
        // Whoever is gone is told nothing.
        let _ = say(&Word::Failed(error.to_string())).await;
    }
    ended
}

async fn become_node(folder: &Path) -> io::Result<()> {
    let path = folder.join(WIRE);
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    say(&Word::Waits).await?;
    let (stream, _) = tokio::time::timeout(PATIENCE, listener.accept()).await??;
    let wire = tokio::time::timeout(PATIENCE, Wire::through(stream)).await??;
    say(&Word::Wired { port: wire.local_address().port() }).await?;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    let Some(Order::Begin { number, secret }) = next(&mut orders).await? else {
        return Err(io::Error::other("the first order is to begin"));
    };
    let secret = words::secret(&secret).ok_or_else(|| io::Error::other("its key is none"))?;
    let place = match has_device().await {
        true => Place::Namespace("/proc/self/ns/net".into()),
        false => Place::Process { proxy: mesh::proxy::PORT },
    };
    let mesh = Mesh::start(MeshConfig { secret, number, place, wire }).await.map_err(io::Error::other)?;
    std::fs::write(folder.join(MARK), b"")?;
    say(&Word::Began).await?;
    let mut status = mesh.watch();
    loop {
        tokio::select! {
            order = next(&mut orders) => match order? {
                Some(Order::Peers(peers)) => mesh.set_peers(peers.into_iter().filter_map(Peer::spec).collect()),
                Some(Order::Begin { .. }) => return Err(io::Error::other("it is a node already")),
                // Its broker has let go.
                None => return Ok(()),
            },
            changed = status.changed() => {
                changed.map_err(io::Error::other)?;
                let known = status.borrow_and_update().clone();
                if mesh.is_over() {
                    return Err(io::Error::other("its wire is gone"));
                }
                say(&Word::Knows(known)).await?;
            }
        }
    }
}

type Orders = tokio::io::Lines<BufReader<tokio::io::Stdin>>;

async fn next(orders: &mut Orders) -> io::Result<Option<Order>> {
    let Some(line) = orders.next_line().await? else { return Ok(None) };
    serde_json::from_str(&line).map(Some).map_err(io::Error::other)
}
