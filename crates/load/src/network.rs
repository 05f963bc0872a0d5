//! Folders, processes, and what the operating system says of them.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use app::Genesis;
use client::Node;
use engine::{NodeKey, ValidatorKey};
use node::config::local_multiaddr;
use node::{Home, NodeConfig};

use crate::{LoadError, Result};

const STARTS: Duration = Duration::from_secs(120);

/// The key of a validator, for all to know.
pub(crate) fn validator(index: u8) -> ValidatorKey {
    ValidatorKey::from_seed([index + 1; 32])
}

/// Nodes that run, in folders that go with them.
pub(crate) struct Network {
    nodes: Vec<Process>,
    _folder: tempfile::TempDir,
}

struct Process {
    child: Child,
    url: String,
    metrics: String,
    data: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which the run has noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the operating system says of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Resident memory, in bytes.
    pub(crate) resident: u64,
    /// Processor time so far, in seconds.
    pub(crate) cpu: f64,
}

impl Network {
    /// Starts a node for each validator of a genesis document and waits for the first block.
    pub(crate) async fn start(tetra: &Path, genesis: &Genesis, validators: u8) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(LoadError::io("a folder for the network"))?;
        let ports = free_ports(4 * usize::from(validators))?;
        let port = |kind: usize, index: u8| ports.get(kind * usize::from(validators) + usize::from(index)).copied();
        let mut nodes = Vec::new();
        for index in 0..validators {
            let [rpc, consensus, gossip, metrics] = [0, 1, 2, 3].map(|kind| port(kind, index).unwrap_or_default());
            let others = |kind| {
                let others = (0..validators).filter(|other| *other != index);
                others.filter_map(|other| port(kind, other)).map(local_multiaddr).collect()
            };
            let mut config = NodeConfig::local(format!("load{index}"), rpc, consensus, gossip);
            config.consensus_peers = others(1);
            config.gossip_peers = others(2);
            config.metrics_listen = Some(format!("127.0.0.1:{metrics}"));
            let home = Home::new(folder.path().join(format!("node{index}")));
            let node_key = NodeKey::from_seed([index + 101; 32]);
            home.init(genesis, &config, &validator(index), &node_key).map_err(LoadError::chain)?;
            nodes.push(Process::start(tetra, &home, rpc, metrics)?);
        }
        let network = Self { nodes, _folder: folder };
        network.first_block().await?;
        Ok(network)
    }

    async fn first_block(&self) -> Result<()> {
        let begin = Instant::now();
        for process in &self.nodes {
            let node = Node::new(&process.url);
            while node.status().await.map_or(0, |status| status.height) == 0 {
                if begin.elapsed() > STARTS {
                    return Err(LoadError::Node(format!("{} has no block after {STARTS:?}", process.url)));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// URLs of JSON-RPC.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|process| process.url.clone()).collect()
    }

    /// What each node's process uses.
    pub(crate) fn usage(&self) -> Result<Vec<Usage>> {
        self.nodes.iter().map(|process| usage(process.child.id())).collect()
    }

    /// Seconds that the first node has spent so far in each stage of a block, and in calls of each class, which overlap.
    pub(crate) async fn stages(&self) -> Result<BTreeMap<String, f64>> {
        let Some(first) = self.nodes.first() else { return Ok(BTreeMap::new()) };
        let answer = reqwest::get(&first.metrics).await.map_err(LoadError::node)?;
        let text = answer.text().await.map_err(LoadError::node)?;
        Ok(text.lines().filter_map(stage).collect())
    }

    /// Bytes of each node's storage.
    pub(crate) fn disk(&self) -> Vec<u64> {
        self.nodes.iter().map(|process| size(&process.data)).collect()
    }
}

impl Process {
    fn start(tetra: &Path, home: &Home, rpc: u16, metrics: u16) -> Result<Self> {
        let mut command = Command::new(tetra);
        command.args(["node", "start"]).arg(home.path()).env("RUST_LOG", "warn");
        let log = home.path().join("log");
        let file = fs::File::create(&log).map_err(LoadError::io(log.display().to_string()))?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn();
        let child = child.map_err(LoadError::io(format!("starting {}", tetra.display())))?;
        let metrics = format!("http://127.0.0.1:{metrics}/metrics");
        Ok(Self { child, url: format!("http://127.0.0.1:{rpc}"), metrics, data: home.data() })
    }
}

fn free_ports(count: usize) -> Result<Vec<u16>> {
    let bound: std::io::Result<Vec<_>> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
    let bound = bound.map_err(LoadError::io("free ports"))?;
    bound.iter().map(|one| Ok(one.local_addr().map_err(LoadError::io("free ports"))?.port())).collect()
}

/// From `/proc/PID`: pages are 4 KiB and ticks 1/100 s on every Linux that Rust's targets know.
fn usage(pid: u32) -> Result<Usage> {
    let read = |name: &str| {
        let path = format!("/proc/{pid}/{name}");
        fs::read_to_string(&path).map_err(LoadError::io(path))
    };
    let field = |text: &str, index: usize| text.split_whitespace().nth(index).and_then(|word| word.parse().ok());
    let pages: u64 = field(&read("statm")?, 1).unwrap_or_default();
    let stat = read("stat")?;
    // The name in brackets may hold spaces.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |index| field(after_name, index).unwrap_or(0_u64);
    Ok(Usage { resident: pages * 4096, cpu: (ticks(11) + ticks(12)) as f64 / 100.0 })
}

/// A line such as `tetra_node_block_stage_seconds_sum{stage="execute"} 1.5`, or of the calls of one class.
fn stage(line: &str) -> Option<(String, f64)> {
    let of_block = line.strip_prefix("tetra_node_block_stage_seconds_sum{stage=\"").map(|rest| ("", rest));
    let of_calls = || Some(("calls: ", line.strip_prefix("tetra_node_rpc_request_seconds_sum{class=\"")?));
    let (kind, rest) = of_block.or_else(of_calls)?;
    let (name, seconds) = rest.split_once("\"}")?;
    Some((format!("{kind}{name}"), seconds.trim().parse().ok()?))
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return fs::metadata(path).map_or(0, |file| file.len()) };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}
