//! The pool of one node: blocks, crashes, duplicates.

mod common;

use std::sync::Arc;

use bytes::Bytes;
use common::{Checks, limits};
use mempool::{CheckKind, Config, Limits, Mempool, PoolError, Rejection, Stats, SubmitError, Updated, tx_hash};
use tempfile::TempDir;

/// All permits of the checks: nothing is checked while they are held.
const EVERY_PERMIT: u32 = common::PERMITS;

async fn open(home: &TempDir, limits: Limits, checks: &Arc<Checks>, height: u64) -> Mempool {
    let config = Config { limits, journal: home.path().join("j"), gossip: None };
    Mempool::open(config, checks.clone(), height).await.unwrap()
}

#[tokio::test]
async fn a_block_takes_its_transactions_and_what_it_made_invalid() {
    let (home, checks) = (tempfile::tempdir().unwrap(), Checks::new(false));
    let mempool = open(&home, Limits { ttl_blocks: 2, ..limits() }, &checks, 1).await;
    let pending = mempool.pending();
    checks.commit("bob", 3);
    for tx in ["alice/0/5", "alice/1/5", "bob/3/9", "bob/4/9"] {
        mempool.submit(tx).await.unwrap();
    }
    assert_eq!(*pending.borrow(), 4);
    assert_eq!(mempool.stats(), Stats { txs: 4, bytes: 32 });
    assert_eq!(mempool.next_sequence(b"bob", 3), 5);

    checks.commit("alice", 1);
    checks.commit("bob", 4);
    let updated = mempool.update(2, &[tx_hash(b"alice/0/5"), tx_hash(b"elsewhere")]).await.unwrap();
    assert_eq!(
        updated,
        Updated { committed: vec![tx_hash(b"alice/0/5")], expired: vec![], invalid: vec![tx_hash(b"bob/3/9")] }
    );
    assert_eq!(*pending.borrow(), 2);
    let rechecked: Vec<String> = {
        let seen = checks.seen.lock().unwrap();
        seen.iter().filter(|(_, kind)| *kind == CheckKind::Recheck).map(|(tx, _)| tx.clone()).collect()
    };
    assert_eq!(rechecked, ["alice/1/5", "bob/3/9", "bob/4/9"]);

    for known in ["alice/0/5", "elsewhere", "bob/4/9"] {
        let error = mempool.submit(known).await.unwrap_err();
        assert_eq!(error.to_string(), "tx already exists in cache");
    }
    mempool.update(3, &[]).await.unwrap();
    let updated = mempool.update(4, &[]).await.unwrap();
    assert_eq!(updated.expired.len(), 2);
    assert_eq!(mempool.stats(), Stats::default());
}

#[tokio::test]
async fn a_refusal_keeps_its_code_and_may_come_again() {
    let (home, checks) = (tempfile::tempdir().unwrap(), Checks::new(false));
    let mempool = open(&home, limits(), &checks, 1).await;
    checks.commit("alice", 1);
    for _again in 0..2 {
        let error = mempool.submit("alice/0/5").await.unwrap_err();
        assert!(matches!(error, SubmitError::Rejected(Rejection { code: 32, .. })), "{error}");
    }
    let error = mempool.submit(vec![b'x'; 1_001]).await.unwrap_err();
    assert!(matches!(error, SubmitError::Pool(PoolError::TooLarge { size: 1_001, limit: 1_000 })));
}

#[tokio::test]
async fn a_client_leaves_no_gap() {
    let (home, checks) = (tempfile::tempdir().unwrap(), Checks::new(false));
    let mempool = open(&home, limits(), &checks, 1).await;
    checks.commit("alice", 4);
    mempool.submit("alice/4/5").await.unwrap();
    let error = mempool.submit("alice/6/5").await.unwrap_err();
    assert!(matches!(error, SubmitError::Gap { expected: 5, got: 6 }), "{error}");
    mempool.submit("alice/5/5").await.unwrap();
    mempool.submit("alice/6/5").await.unwrap();
    assert_eq!(mempool.stats().txs, 3);
}

#[tokio::test]
async fn a_second_copy_is_known_while_the_first_is_checked() {
    let (home, checks) = (tempfile::tempdir().unwrap(), Checks::new(false));
    let mempool = open(&home, limits(), &checks, 1).await;
    let hold = checks.permits.acquire_many(EVERY_PERMIT).await.unwrap();
    let first = mempool.submit("alice/0/5");
    tokio::pin!(first);
    assert!(futures::poll!(first.as_mut()).is_pending());
    let second = mempool.submit("alice/0/5").await;
    assert!(matches!(second, Err(SubmitError::Pool(PoolError::AlreadyKnown))));
    drop(hold);
    first.await.unwrap();
    assert_eq!(mempool.stats().txs, 1);
}

#[tokio::test]
async fn an_abandoned_check_does_not_block_its_transaction() {
    let (home, checks) = (tempfile::tempdir().unwrap(), Checks::new(false));
    let mempool = open(&home, limits(), &checks, 1).await;
    let hold = checks.permits.acquire_many(EVERY_PERMIT).await.unwrap();
    {
        let abandoned = mempool.submit("alice/0/5");
        tokio::pin!(abandoned);
        assert!(futures::poll!(abandoned.as_mut()).is_pending());
    }
    drop(hold);
    mempool.submit("alice/0/5").await.unwrap();
}

#[tokio::test]
async fn what_was_accepted_survives_a_kill_and_what_left_does_not_return() {
    let (home, checks) = (tempfile::tempdir().unwrap(), Checks::new(false));
    let mempool = open(&home, limits(), &checks, 1).await;
    for tx in ["alice/0/5", "alice/1/5", "bob/0/7", "bob/0/8", "carol/0/1"] {
        mempool.submit(tx).await.unwrap();
    }
    checks.commit("carol", 1);
    mempool.update(2, &[tx_hash(b"carol/0/1")]).await.unwrap();

    // A killed process leaves what it wrote; nothing is flushed or closed on its behalf.
    let after = tempfile::tempdir().unwrap();
    std::fs::copy(home.path().join("j"), after.path().join("j")).unwrap();
    checks.commit("alice", 1);
    let restarted = open(&after, limits(), &checks, 2).await;
    let mut waiting = restarted.unconfirmed(9);
    waiting.sort();
    assert_eq!(waiting, [Bytes::from_static(b"alice/1/5"), Bytes::from_static(b"bob/0/8")]);
    assert_eq!(*restarted.pending().borrow(), 2);
}

#[tokio::test]
async fn a_restart_does_not_renew_the_time_to_live() {
    let (home, checks) = (tempfile::tempdir().unwrap(), Checks::new(false));
    let mempool = open(&home, limits(), &checks, 10).await;
    mempool.submit("alice/0/5").await.unwrap();
    mempool.close().await.unwrap();
    let mempool = open(&home, limits(), &checks, 110).await;
    assert_eq!(mempool.stats().txs, 1);
    mempool.close().await.unwrap();
    assert_eq!(open(&home, limits(), &checks, 111).await.stats().txs, 0);
}
