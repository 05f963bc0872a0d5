//! Four engines over loopback decide blocks that an unmodified light client accepts, across the
//! stop and return of one of them.

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Disk, MemoryHost, chain_id, key, validators};
use engine::comet::{Block, Header, light_set};
use engine::host::StoredBlock;
use engine::{ActorEngine, Consensus, EngineConfig, EngineError, NodeKey, comet};
use tendermint::block::signed_header::SignedHeader;
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::types::{LightBlock, TrustThreshold};
use tendermint_light_client_verifier::{ProdVerifier, Verdict, Verifier};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const COUNT: u8 = 4;
const PATIENCE: Duration = Duration::from_secs(120);

struct Node {
    tip: watch::Receiver<u64>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), EngineError>>,
}

impl Node {
    fn start(index: u8, ports: &[u16], disk: Arc<Mutex<Disk>>, dir: &Path) -> Self {
        let address = |port: &u16| format!("/ip4/127.0.0.1/tcp/{port}");
        let me = usize::from(index);
        let mut config = EngineConfig::new(chain_id(), format!("node{index}"), address(&ports[me]));
        let others = ports.iter().enumerate().filter(|(i, _)| *i != me);
        config.persistent_peers = others.map(|(_, port)| address(port)).collect();
        config.wal = dir.join(format!("{index}.wal"));
        let engine = ActorEngine::new(config, NodeKey::from_seed([index + 100; 32]), Some(key(index)));
        let mut host = MemoryHost::new(COUNT, disk, Duration::from_millis(100));
        let (stop, stopped) = oneshot::channel();
        Self {
            tip: host.watch(),
            stop,
            task: tokio::spawn(async move { engine.run(&mut host, async move { stopped.await.unwrap_or(()) }).await }),
        }
    }

    async fn reaches(&mut self, height: u64) -> u64 {
        let reached = timeout(PATIENCE, self.tip.wait_for(|tip| *tip >= height)).await;
        *reached.expect("the chain goes on in time").expect("the engine is running")
    }

    async fn stop(self) {
        self.stop.send(()).expect("the engine is running");
        timeout(PATIENCE, self.task).await.expect("stops in time").unwrap().unwrap();
    }
}

fn free_ports() -> Vec<u16> {
    let listeners: Vec<_> = (0..COUNT).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|l| l.local_addr().unwrap().port()).collect()
}

fn block(stored: &StoredBlock) -> Block {
    comet::decode_block(&stored.bytes).unwrap()
}

fn light_block(header: Header, commit: comet::Commit) -> LightBlock {
    let height = header.height.value();
    let set = |height| light_set(&validators(COUNT, height)).unwrap();
    let signed = SignedHeader::new(header, commit).unwrap();
    LightBlock::new(signed, set(height), set(height + 1), tendermint::node::Id::new([0; 20]))
}

/// Each block with the commit that its node holds.
fn light_blocks(disk: &Disk) -> Vec<LightBlock> {
    disk.blocks
        .values()
        .map(|stored| {
            let set = validators(COUNT, stored.certificate.height);
            let commit = stored.certificate.to_commit(&set).unwrap();
            light_block(block(stored).header, commit)
        })
        .collect()
}

fn verify(trusted: &LightBlock, untrusted: &LightBlock) -> Verdict {
    let options = Options {
        trust_threshold: TrustThreshold::ONE_THIRD,
        trusting_period: Duration::from_secs(3600),
        clock_drift: Duration::from_secs(5),
    };
    ProdVerifier::default().verify_update_header(
        untrusted.as_untrusted_state(),
        trusted.as_trusted_state(),
        &options,
        tendermint::Time::now(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_validators_decide_what_a_light_client_accepts() {
    let dir = tempfile::tempdir().unwrap();
    let ports = free_ports();
    let disks: Vec<_> = (0..COUNT).map(|_| Arc::new(Mutex::new(Disk::default()))).collect();
    let start = |index: u8| Node::start(index, &ports, disks[usize::from(index)].clone(), dir.path());
    let mut nodes: Vec<_> = (0..COUNT).map(start).collect();

    for node in &mut nodes {
        node.reaches(8).await;
    }
    nodes.pop().unwrap().stop().await;
    let left_at = *disks[3].lock().unwrap().blocks.keys().last().unwrap();
    let without = nodes[0].reaches(left_at + 6).await;
    let mut back = start(3);
    back.reaches(without + 6).await;
    nodes.push(back);
    for node in &mut nodes {
        node.reaches(without + 6).await;
    }
    for node in nodes {
        node.stop().await;
    }

    let disks: Vec<_> = disks.iter().map(|disk| disk.lock().unwrap()).collect();
    for disk in &disks {
        assert_eq!(disk.misbehaviour, Vec::new());
        let blocks = light_blocks(disk);
        assert!(blocks.len() >= 20, "{} blocks", blocks.len());
        for pair in blocks.windows(2) {
            assert_eq!(verify(&pair[0], &pair[1]), Verdict::Success);
        }
        for far in blocks.iter().skip(5).step_by(4) {
            assert_eq!(verify(&blocks[0], far), Verdict::Success, "skipping to {}", far.height());
        }
        for (height, stored) in &disk.blocks {
            assert_eq!(stored.bytes, disks[0].blocks.get(height).map_or(&stored.bytes, |b| &b.bytes));
        }
        // The canonical commit, the one inside the next block, proves as much.
        for (stored, next) in disk.blocks.values().zip(disk.blocks.values().skip(1)) {
            let commit = block(next).last_commit.unwrap();
            let canonical = light_block(block(stored).header, commit);
            if canonical.height().value() > 1 {
                assert_eq!(verify(&blocks[0], &canonical), Verdict::Success);
            }
        }
        let last = &blocks[blocks.len() - 1];
        let mut header = last.signed_header.header.clone();
        header.app_hash = vec![1; 32].try_into().unwrap();
        let mut commit = last.signed_header.commit.clone();
        commit.block_id.hash = header.hash();
        let forged = light_block(header, commit);
        assert!(matches!(verify(&blocks[blocks.len() - 2], &forged), Verdict::Invalid(_)));
    }
}
