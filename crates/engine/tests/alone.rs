//! A network of one validator, and what happens when its node fails.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Disk, MemoryHost, chain_id, key};
use engine::{ActorEngine, Consensus, EngineConfig, EngineError, NodeKey};
use tokio::time::timeout;

fn engine(dir: &tempfile::TempDir) -> ActorEngine {
    let mut config = EngineConfig::new(chain_id(), "alone", "/ip4/127.0.0.1/tcp/0");
    config.wal = dir.path().join("consensus.wal");
    ActorEngine::new(config, NodeKey::from_seed([50; 32]), Some(key(0)))
}

fn host() -> (Arc<Mutex<Disk>>, MemoryHost) {
    let disk = Arc::new(Mutex::new(Disk::default()));
    (disk.clone(), MemoryHost::new(1, disk, Duration::from_millis(20)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_validator_decides_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, mut host) = host();
    let mut tip = host.watch();
    let reached = async move {
        let _ = tip.wait_for(|tip| *tip >= 10).await;
    };
    let run = engine(&dir).run(&mut host, reached);
    timeout(Duration::from_secs(60), run).await.expect("in time").unwrap();
    assert!(disk.lock().unwrap().blocks.len() >= 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_of_the_node_stops_the_engine_and_leaves_the_state_intact() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, mut host) = host();
    host.fails_at = Some(3);
    let run = engine(&dir).run(&mut host, std::future::pending());
    let error = timeout(Duration::from_secs(60), run).await.expect("in time").unwrap_err();
    assert!(matches!(error, EngineError::Host(_)), "{error}");
    assert_eq!(error.to_string(), "storing a block: no space left on device");
    assert_eq!(disk.lock().unwrap().blocks.len(), 2);

    // With the disk repaired, the same block is decided and the chain goes on.
    host.fails_at = None;
    let mut tip = host.watch();
    let reached = async move {
        let _ = tip.wait_for(|tip| *tip >= 5).await;
    };
    let run = engine(&dir).run(&mut host, reached);
    timeout(Duration::from_secs(60), run).await.expect("in time").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_cut_off_while_it_was_made_is_begun_again() {
    for torn in [1, 4, 11] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("consensus.wal"), &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0][..torn]).unwrap();
        let (_, mut host) = host();
        let mut tip = host.watch();
        let reached = async move {
            let _ = tip.wait_for(|tip| *tip >= 2).await;
        };
        let run = engine(&dir).run(&mut host, reached);
        timeout(Duration::from_secs(60), run).await.expect("in time").unwrap();
    }
}

#[tokio::test]
async fn a_wrong_address_is_named() {
    let config = EngineConfig::new(chain_id(), "alone", "127.0.0.1:26656");
    let engine = ActorEngine::new(config, NodeKey::from_seed([50; 32]), None);
    let error = engine.run(&mut host().1, std::future::pending()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("listen address \"127.0.0.1:26656\" is no multiaddress"), "{text}");
}
