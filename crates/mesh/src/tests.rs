//! Real devices in real network namespaces, which this test makes and takes away. Root alone.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A namespace that goes when it is dropped.
struct Netns(String);

impl Netns {
    fn new(name: &str) -> Self {
        let name = format!("tetra-mesh-{}-{name}", std::process::id());
        ip(&["netns", "add", &name]);
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        Self(name)
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.0)
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().unwrap();
    assert!(status.success(), "ip {arguments:?}");
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root() && std::path::Path::new("/dev/net/tun").exists();
    if !root {
        eprintln!("skipped: root and /dev/net/tun are needed");
    }
    root
}

/// As in a container that is granted devices and nothing else.
#[test]
fn a_device_in_ones_own_namespace_needs_no_right_to_enter_others() {
    if !is_root() {
        return;
    }
    let own = std::thread::spawn(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        let mut rights = rustix::thread::capabilities(None).unwrap();
        rights.effective = rustix::thread::CapabilitySet::NET_ADMIN;
        rustix::thread::set_capabilities(None, rights).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let device = |netns| netns::device(netns, "own0", address::of(1), MTU);
        let own = runtime.block_on(device("/proc/thread-self/ns/net".as_ref()));
        let other = runtime.block_on(device("/proc/1/ns/net".as_ref()));
        (own.map(drop), other.map(drop).map_err(|error| error.kind()))
    });
    let (own, other) = own.join().unwrap();
    assert!(own.is_ok(), "{own:?}");
    assert_eq!(other, Err(std::io::ErrorKind::PermissionDenied));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_in_namespaces_reach_each_other_and_themselves_with_full_packets() {
    if !is_root() {
        return;
    }
    let names = [Netns::new("a"), Netns::new("b"), Netns::new("c")];
    let secrets: Vec<SecretKey> = names.iter().map(|_| SecretKey::generate()).collect();
    let mut nodes = Vec::new();
    for ((netns, secret), number) in names.iter().zip(&secrets).zip(1..) {
        let wire = Wire::udp(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        let config = MeshConfig { secret: secret.clone(), number, place: Place::Namespace(netns.path()), wire };
        nodes.push(Mesh::start(config).await.unwrap());
    }
    let specs: Vec<PeerSpec> = nodes
        .iter()
        .zip(&secrets)
        .zip(1..)
        .map(|((node, secret), number)| PeerSpec {
            number,
            key: secret.public(),
            endpoints: vec![node.local_address()],
        })
        .collect();
    for (node, number) in nodes.iter().zip(1..) {
        node.set_peers(specs.iter().filter(|spec| spec.number != number).cloned().collect());
    }
    for node in &nodes {
        let mut status = node.watch();
        let all = status.wait_for(|status| status.reached == [1, 2, 3]);
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("in time").unwrap();
    }
    // A megabyte from the first to the third, and back.
    let listener = netns::listen(&names[2].path(), (address::of(3), 7_000).into()).await.unwrap();
    let echo = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 1 << 20];
        stream.read_exact(&mut bytes).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    });
    let to = (address::of(3), 7_000).into();
    let mut stream = nodes[0].connect(to, Duration::from_secs(5)).await.unwrap();
    let sent: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    stream.write_all(&sent).await.unwrap();
    let mut back = vec![0; sent.len()];
    stream.read_exact(&mut back).await.unwrap();
    assert!(back == sent);
    echo.await.unwrap();
    // One that is gone is not reached any more by the others.
    nodes.pop();
    let mut status = nodes[0].watch();
    let gone = status.wait_for(|status| status.reached == [1, 2]);
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("in time").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_a_device_reaches_others_by_its_proxy_and_is_reached_by_them() {
    if !is_root() {
        return;
    }
    let netns = Netns::new("p");
    let secrets = [SecretKey::generate(), SecretKey::generate()];
    let places = [Place::Namespace(netns.path()), Place::Process { proxy: 0 }];
    let mut nodes = Vec::new();
    for ((secret, place), number) in secrets.iter().zip(places).zip(1..) {
        let wire = Wire::udp(&["127.0.0.1:0".parse().unwrap()]).await.unwrap();
        nodes.push(Mesh::start(MeshConfig { secret: secret.clone(), number, place, wire }).await.unwrap());
    }
    for (at, other) in [(0, 1), (1, 0)] {
        let (number, key) = (other as u32 + 1, secrets[other].public());
        nodes[at].set_peers(vec![PeerSpec { number, key, endpoints: vec![nodes[other].local_address()] }]);
    }
    for node in &nodes {
        let mut status = node.watch();
        let all = status.wait_for(|status| status.reached == [1, 2]);
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("in time").unwrap();
    }
    // By its proxy to the other node, to itself, and to where nobody listens.
    let there = netns::listen(&netns.path(), (address::of(1), 7_000).into()).await.unwrap();
    let here = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = here.local_addr().unwrap().port();
    let echo = |listener: tokio::net::TcpListener| async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await.unwrap();
    };
    let echoes = [tokio::spawn(echo(there)), tokio::spawn(echo(here))];
    let proxy = nodes[1].proxy().unwrap();
    for to in [(address::of(1), 7_000), (address::of(2), own)] {
        let config = fast_socks5::client::Config::default();
        let connected = fast_socks5::client::Socks5Stream::connect(proxy, to.0.to_string(), to.1, config).await;
        let mut stream = connected.unwrap();
        stream.write_all(b"there and back").await.unwrap();
        let mut back = [0; 14];
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"there and back");
    }
    for echo in echoes {
        echo.await.unwrap();
    }
    let config = fast_socks5::client::Config::default();
    let nobody = fast_socks5::client::Socks5Stream::connect(proxy, address::of(1).to_string(), 7_001, config).await;
    assert!(nobody.err().unwrap().to_string().contains("refused"));
    // The other node reaches a port of its loopback.
    let here = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = (address::of(2), here.local_addr().unwrap().port()).into();
    nodes[0].connect(to, Duration::from_secs(10)).await.unwrap();
    here.accept().await.unwrap();
}
