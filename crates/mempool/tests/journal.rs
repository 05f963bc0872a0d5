//! The journal: what it gives back after a crash, and that garbage never hurts it.

use std::fs;

use bytes::Bytes;
use mempool::file::{HeaderError, OVERHEAD, Recovered, recover};
use mempool::{Checked, Entry, Journal, JournalError, Limits, Pool, TxHash, tx_hash};
use proptest::prelude::*;

fn pool_of(txs: &[(u64, &'static [u8])]) -> Pool {
    let mut pool = Pool::new(Limits::new(1 << 20));
    for (sequence, raw) in txs {
        let checked = Checked {
            sender: Bytes::from_static(b"sender"),
            sequence: *sequence,
            expected: 0,
            gas_wanted: 1,
            priority: 1,
        };
        pool.insert(Bytes::from_static(raw), checked, 40).unwrap();
    }
    pool
}

fn entry<'a>(pool: &'a Pool, raw: &[u8]) -> &'a Entry {
    pool.get(&tx_hash(raw)).unwrap()
}

fn saved(journal: impl Into<std::path::PathBuf>) -> Vec<(u64, Vec<u8>)> {
    let (_, saved) = Journal::open(journal).unwrap();
    saved.into_iter().map(|tx| (tx.sequence, tx.bytes.to_vec())).collect()
}

#[test]
fn gives_back_what_was_added_and_did_not_leave() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("mempool.journal");
    let pool = pool_of(&[(7, b"second"), (6, b"first"), (8, b"third")]);
    let (mut journal, nothing) = Journal::open(&path).unwrap();
    assert!(nothing.is_empty());
    for raw in [&b"second"[..], b"third", b"first"] {
        journal.record_added(entry(&pool, raw), &[]).unwrap();
    }
    journal.record_left(&[tx_hash(b"third"), tx_hash(b"never seen")]).unwrap();
    drop(journal);
    assert_eq!(saved(&path), [(6, b"first".to_vec()), (7, b"second".to_vec())]);
    let (_, all) = Journal::open(&path).unwrap();
    assert_eq!((all[0].height, &all[0].sender[..]), (40, &b"sender"[..]));
}

#[test]
fn the_bytes_of_version_one_do_not_change() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("j");
    let pool = pool_of(&[(6, b"tx")]);
    let (mut journal, _) = Journal::open(&path).unwrap();
    journal.record_added(entry(&pool, b"tx"), &[]).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 12 + OVERHEAD + b"sender".len() + b"tx".len());
    let mut expected = b"TETRAMPL\x01\0\0\0\x1b\0\0\0".to_vec();
    let payload = [&[1][..], &40u64.to_le_bytes(), &6u64.to_le_bytes(), &[6, 0], b"sendertx"].concat();
    expected.extend(crc32fast::hash(&payload).to_le_bytes());
    expected.extend(payload);
    assert_eq!(bytes, expected);
}

#[test]
fn a_cut_at_every_byte_loses_only_the_torn_record() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("j");
    let pool = pool_of(&[(1, b"one"), (2, b"two two"), (3, b"three")]);
    let (mut journal, _) = Journal::open(&path).unwrap();
    let mut ends = vec![(fs::metadata(&path).unwrap().len() as usize, Vec::<Vec<u8>>::new())];
    let mut living = Vec::new();
    for raw in [&b"one"[..], b"two two", b"three"] {
        journal.record_added(entry(&pool, raw), &[]).unwrap();
        living.push(raw.to_vec());
        ends.push((fs::metadata(&path).unwrap().len() as usize, living.clone()));
    }
    journal.record_left(&[tx_hash(b"two two")]).unwrap();
    living.remove(1);
    ends.push((fs::metadata(&path).unwrap().len() as usize, living));
    drop(journal);

    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let expected = ends.iter().rev().find(|(end, _)| *end <= cut).map(|(_, living)| living.clone());
        let (mut journal, saved) = Journal::open(&path).unwrap();
        let found: Vec<Vec<u8>> = saved.iter().map(|tx| tx.bytes.to_vec()).collect();
        assert_eq!(found, expected.unwrap_or_default(), "cut at {cut}");
        journal.record_added(entry(&pool, b"two two"), &[]).unwrap();
        drop(journal);
        let (_, again) = Journal::open(&path).unwrap();
        assert!(again.iter().any(|tx| &tx.bytes[..] == b"two two"), "not writable after a cut at {cut}");
    }
}

#[test]
fn a_rewrite_holds_exactly_the_living_and_keeps_the_lock() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("j");
    let pool = pool_of(&[(1, b"one"), (2, b"two")]);
    let (mut journal, _) = Journal::open(&path).unwrap();
    for round in 0..30_000u32 {
        journal.record_left(&[tx_hash(&round.to_le_bytes())]).unwrap();
    }
    assert!(journal.is_bloated(pool.total_bytes()));
    journal.rewrite(pool.in_sequence()).unwrap();
    assert!(!journal.is_bloated(pool.total_bytes()));
    journal.record_left(&[tx_hash(b"one")]).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::InUse { .. })));
    drop(journal);
    assert_eq!(saved(&path), [(2, b"two".to_vec())]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn a_foreign_or_later_file_is_refused_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("j");
    fs::write(&path, b"my diary, volume 3").unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::NotAJournal { .. })));
    fs::write(&path, b"TETRAMPL\x02\0\0\0anything").unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Version { found: 2, .. })));
    assert_eq!(fs::read(&path).unwrap(), b"TETRAMPL\x02\0\0\0anything");
    assert_eq!(recover(b"short"), Err(HeaderError::Magic));
    assert_eq!(recover(b"TETRA"), Ok(Recovered::default()));
}

fn framed(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_le_bytes()[..], &crc32fast::hash(payload).to_le_bytes(), payload].concat()
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = recover(&bytes);
        let with_header = [b"TETRAMPL\x01\0\0\0", &bytes[..]].concat();
        prop_assert!(recover(&with_header).unwrap().sound <= with_header.len());
    }

    #[test]
    fn garbage_with_sound_checksums_never_panics(
        payloads in prop::collection::vec(prop::collection::vec(0..4u8, 0..60), 0..6),
    ) {
        let records: Vec<u8> = payloads.iter().flat_map(|payload| framed(payload)).collect();
        let bytes = [b"TETRAMPL\x01\0\0\0", &records[..]].concat();
        prop_assert!(recover(&bytes).unwrap().sound <= bytes.len());
    }

    #[test]
    fn a_flipped_bit_never_invents_a_transaction(
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let txs: [&[u8]; 3] = [b"one", b"two", b"three"];
        let pool = pool_of(&[(1, b"one"), (2, b"two"), (3, b"three")]);
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("j");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.rewrite(pool.in_sequence()).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(recovered) = recover(&bytes) {
            let known: Vec<TxHash> = txs.iter().map(|tx| tx_hash(tx)).collect();
            prop_assert!(recovered.saved.iter().all(|tx| known.contains(&tx_hash(&tx.bytes))));
            prop_assert!(recovered.saved.len() < txs.len());
        }
    }
}
