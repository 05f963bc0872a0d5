//! The overlay of a cluster beside a plain link: two network namespaces that reach each other by both, a stream and ping-pongs over
//! each, and the processor time that they took.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use mesh::{Mesh, MeshConfig, PeerSpec, SecretKey, Wire, netns};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{LoadError, Result};

const LIMIT: Duration = Duration::from_secs(30);

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// MiB of the stream
    #[arg(long, default_value_t = 512)]
    mib: usize,
    /// Ping-pongs of 64 bytes
    #[arg(long, default_value_t = 2_000)]
    rounds: u32,
}

fn failed(error: impl std::fmt::Display) -> LoadError {
    LoadError::Node(error.to_string())
}

fn ip(line: &str) -> Result<()> {
    let done = Command::new("ip").args(line.split(' ')).output().map_err(failed)?;
    match done.status.success() {
        true => Ok(()),
        false => Err(failed(format!("ip {line}: {}", String::from_utf8_lossy(&done.stderr)))),
    }
}

/// Two namespaces with a link between them, which go when it is dropped.
struct Pair([String; 2]);

impl Pair {
    fn new() -> Result<Self> {
        let pair = Self([1, 2].map(|number| format!("tetra-load-{}-{number}", std::process::id())));
        let [a, b] = &pair.0;
        for name in [a, b] {
            ip(&format!("netns add {name}"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        ip(&format!("link add plain0 netns {a} type veth peer name plain0 netns {b}"))?;
        for (name, host) in [(a, 1), (b, 2)] {
            ip(&format!("-n {name} addr add 10.99.0.{host}/24 dev plain0"))?;
            ip(&format!("-n {name} link set plain0 up"))?;
        }
        Ok(pair)
    }

    fn path(&self, at: usize) -> PathBuf {
        PathBuf::from("/run/netns").join(self.0.get(at).map_or("", String::as_str))
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for name in &self.0 {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

/// User and system time of this process, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

async fn measure(pair: &Pair, to: Ipv4Addr, port: u16, args: &Args) -> Result<Value> {
    let at: SocketAddr = (to, port).into();
    let listener = netns::listen(&pair.path(1), at).await.map_err(failed)?;
    let (bytes, rounds) = (args.mib << 20, args.rounds);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; 256 << 10];
        for _ in 0..rounds {
            stream.read_exact(&mut buffer[..64]).await?;
            stream.write_all(&buffer[..64]).await?;
        }
        let mut left = bytes;
        while left > 0 {
            left -= stream.read(&mut buffer).await?.min(left);
        }
        stream.write_all(b"!").await
    });
    let mut stream = netns::connect(&pair.path(0), at, LIMIT).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let mut buffer = vec![0; 256 << 10];
    let mut times = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        stream.write_all(&buffer[..64]).await.map_err(failed)?;
        stream.read_exact(&mut buffer[..64]).await.map_err(failed)?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let (before, began) = (cpu(), Instant::now());
    let mut left = bytes;
    while left > 0 {
        let piece = buffer.len().min(left);
        stream.write_all(&buffer[..piece]).await.map_err(failed)?;
        left -= piece;
    }
    stream.read_exact(&mut buffer[..1]).await.map_err(failed)?;
    let (took, used) = (began.elapsed().as_secs_f64(), cpu() - before);
    server.await.map_err(failed)?.map_err(failed)?;
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let mib = bytes as f64 / f64::from(1 << 20);
    Ok(json!({
        "mib_per_s": mib / took, "cpu_s_per_gib": used / mib * 1024.0, "median_us": median.as_secs_f64() * 1e6,
    }))
}

/// Runs it.
///
/// # Errors
/// When namespaces or devices cannot be made, or a connection breaks.
pub(crate) async fn run(args: &Args) -> Result<Value> {
    let pair = Pair::new()?;
    let listen = "127.0.0.1:0".parse().map_err(failed)?;
    let secrets = [SecretKey::generate(), SecretKey::generate()];
    let mut nodes = Vec::new();
    for ((secret, at), number) in secrets.iter().zip(0..).zip(1..) {
        let wire = Wire::udp(&[listen]).await.map_err(failed)?;
        let config = MeshConfig { secret: secret.clone(), number, place: mesh::Place::Namespace(pair.path(at)), wire };
        nodes.push(Mesh::start(config).await.map_err(failed)?);
    }
    let [first, second] = nodes.as_slice() else { return Err(failed("two nodes were made")) };
    let spec = |number, secret: &SecretKey, node: &Mesh| PeerSpec {
        number,
        key: secret.public(),
        endpoints: vec![node.local_address()],
    };
    first.set_peers(vec![spec(2, &secrets[1], second)]);
    second.set_peers(vec![spec(1, &secrets[0], first)]);
    for node in [first, second] {
        let mut status = node.watch();
        let whole = status.wait_for(|status| status.reached == [1, 2]);
        tokio::time::timeout(LIMIT, whole).await.map_err(failed)?.map_err(failed)?;
    }
    let plain = measure(&pair, Ipv4Addr::new(10, 99, 0, 2), 7_001, args).await?;
    let overlay = measure(&pair, second.address(), 7_001, args).await?;
    Ok(json!({ "plain": plain, "overlay": overlay }))
}
