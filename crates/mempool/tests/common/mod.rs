//! A chain's checks for tests, and nodes on loopback.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mempool::gossip::Multiaddr;
use mempool::{CheckKind, CheckTx, Checked, Config, Fault, GossipConfig, Limits, Mempool, Rejection};
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// Long enough for a loaded machine; only a failing test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How many checks may run at once.
pub const PERMITS: u32 = 64;

/// Judges transactions of the form `sender/sequence/priority`.
pub struct Checks {
    /// Whether malformed transactions pass, as on a node that does not check.
    pub lenient: bool,
    /// The committed sequence per sender.
    pub committed: Mutex<HashMap<String, u64>>,
    /// Everything that was checked, in order.
    pub seen: Mutex<Vec<(String, CheckKind)>>,
    /// Each check takes one permit.
    pub permits: Semaphore,
}

impl Checks {
    pub fn new(lenient: bool) -> Arc<Self> {
        Arc::new(Self {
            lenient,
            committed: Mutex::default(),
            seen: Mutex::default(),
            permits: Semaphore::new(PERMITS as usize),
        })
    }

    pub fn commit(&self, sender: &str, next: u64) {
        self.committed.lock().unwrap().insert(sender.into(), next);
    }

    pub fn saw(&self, tx: &str) -> bool {
        self.seen.lock().unwrap().iter().any(|(seen, _)| seen == tx)
    }
}

fn refusal(code: u32, log: &str, fault: Fault) -> Rejection {
    Rejection { code, codespace: "test".into(), log: log.into(), gas_wanted: 0, fault }
}

#[async_trait::async_trait]
impl CheckTx for Checks {
    async fn check(&self, tx: &[u8], kind: CheckKind) -> Result<Checked, Rejection> {
        let _permit = self.permits.acquire().await.unwrap();
        let text = String::from_utf8_lossy(tx).into_owned();
        self.seen.lock().unwrap().push((text.clone(), kind));
        let parts: Vec<&str> = text.split('/').collect();
        let (sender, sequence, priority) = match parts[..] {
            [sender, sequence, priority] => (sender, sequence.parse().unwrap(), priority.parse().unwrap()),
            _ if self.lenient => (text.as_str(), 0, 1),
            _ => return Err(refusal(2, "does not decode", Fault::Malformed)),
        };
        let expected = self.committed.lock().unwrap().get(sender).copied().unwrap_or(0);
        if sequence < expected {
            return Err(refusal(32, "account sequence mismatch", Fault::State));
        }
        let sender = Bytes::copy_from_slice(sender.as_bytes());
        Ok(Checked { sender, sequence, expected, gas_wanted: 10, priority })
    }
}

pub struct Node {
    pub mempool: Mempool,
    pub checks: Arc<Checks>,
    pub home: TempDir,
}

impl Node {
    pub fn address(&self) -> Multiaddr {
        self.mempool.gossip().unwrap().address().clone()
    }

    /// Waits until `count` transactions wait here.
    pub async fn holds(&self, count: usize) {
        let mut pending = self.mempool.pending();
        let reached = tokio::time::timeout(PATIENCE, pending.wait_for(|waiting| *waiting >= count)).await;
        reached.unwrap_or_else(|_| panic!("{count} transactions never came")).unwrap();
    }

    /// Waits until exactly `count` peers take part.
    pub async fn has_peers(&self, count: usize) {
        let mut peers = self.mempool.gossip().unwrap().peers();
        let reached = tokio::time::timeout(PATIENCE, peers.wait_for(|peers| peers.len() == count)).await;
        reached.unwrap_or_else(|_| panic!("never had {count} peers")).unwrap();
    }
}

pub fn limits() -> Limits {
    Limits::new(1_000)
}

pub fn gossip_config(seed: u8, chain_id: &str, persistent_peers: Vec<Multiaddr>) -> GossipConfig {
    GossipConfig {
        chain_id: chain_id.into(),
        listen: "/ip4/127.0.0.1/tcp/0".parse().unwrap(),
        persistent_peers,
        seed: [seed; 32],
        max_tx_bytes: 1_000,
    }
}

pub async fn node(seed: u8, lenient: bool, persistent_peers: Vec<Multiaddr>) -> Node {
    let home = tempfile::tempdir().unwrap();
    let checks = Checks::new(lenient);
    let config = Config {
        limits: limits(),
        journal: home.path().join("mempool.journal"),
        gossip: Some(gossip_config(seed, "test-1", persistent_peers)),
    };
    let mempool = Mempool::open(config, checks.clone(), 1).await.unwrap();
    Node { mempool, checks, home }
}
