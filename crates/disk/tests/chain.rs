//! Blocks, the transaction index and undecided proposals, on every backend.

use std::sync::Arc;

use disk::{BlockStore, Database, Engine, Error, Event, IndexedTx, Order, Proposal, Query, StoredBlock};
use disk::{TxIndex, UndecidedStore, parts};
use proptest::prelude::*;
use store::{Backend, Batch};
use tempfile::tempdir;

/// Runs a test on each backend.
fn on_all(test: impl Fn(&Database)) {
    let directory = tempdir().unwrap();
    test(&Database::memory());
    for engine in [Engine::Fjall, Engine::Redb] {
        test(&Database::open(&directory.path().join(format!("{engine:?}")), engine).unwrap());
    }
}

fn block(height: u64) -> StoredBlock {
    let bytes = |what: &str| format!("{what} {height}").into_bytes();
    StoredBlock {
        height,
        hash: bytes("hash"),
        block: bytes("block"),
        commit: bytes("commit"),
        validators: bytes("validators"),
    }
}

#[test]
fn blocks_are_found_by_height_and_hash() {
    on_all(|database| {
        let blocks = BlockStore::open(database.part(parts::CHAIN).unwrap()).unwrap();
        assert_eq!((blocks.base().unwrap(), blocks.tip().unwrap()), (None, None));
        assert!(matches!(blocks.save_results(3, vec![]), Err(Error::NoBlock(3))));
        for height in 3..=260 {
            blocks.save(&block(height)).unwrap();
        }
        assert_eq!((blocks.base().unwrap(), blocks.tip().unwrap()), (Some(3), Some(260)));
        assert_eq!(blocks.get(256).unwrap(), Some(block(256)));
        assert_eq!(blocks.get(2).unwrap(), None);
        assert_eq!(blocks.height_of(b"hash 256").unwrap(), Some(256));
        assert_eq!(blocks.height_of(b"hash 2").unwrap(), None);
        let range = blocks.blocks(0..=5, 2).unwrap();
        assert_eq!(range, [block(3), block(4)]);
        assert_eq!(blocks.blocks(259..=u64::MAX, 9).unwrap(), [block(259), block(260)]);

        assert_eq!(blocks.results(260).unwrap(), None);
        blocks.save_results(260, b"results".to_vec()).unwrap();
        assert_eq!(blocks.results(260).unwrap(), Some(b"results".to_vec()));
    });
}

#[test]
fn only_the_tip_may_be_written_again() {
    on_all(|database| {
        let blocks = BlockStore::open(database.part(parts::CHAIN).unwrap()).unwrap();
        blocks.save(&block(1)).unwrap();
        blocks.save(&block(2)).unwrap();
        for height in [1, 4] {
            let refused = blocks.save(&block(height)).unwrap_err();
            assert!(matches!(refused, Error::OutOfOrder { expected: 3, given } if given == height));
        }
        let other = StoredBlock { hash: b"other".to_vec(), ..block(2) };
        blocks.save(&other).unwrap();
        assert_eq!(blocks.get(2).unwrap(), Some(other));
        assert_eq!(blocks.height_of(b"other").unwrap(), Some(2));
        assert_eq!(blocks.height_of(b"hash 2").unwrap(), None);
    });
}

#[test]
fn pruning_keeps_the_tip_and_a_chain_without_gaps() {
    on_all(|database| {
        let blocks = BlockStore::open(database.part(parts::CHAIN).unwrap()).unwrap();
        (1..=10).for_each(|height| blocks.save(&block(height)).unwrap());
        let prune = |height, limit| {
            let mut batch = Batch::default();
            let base = blocks.stage_prune(&mut batch, height, limit).unwrap();
            blocks.write(batch).unwrap();
            assert_eq!(blocks.base().unwrap(), base);
            base
        };
        assert_eq!(prune(5, 2), Some(3));
        assert_eq!(prune(5, 100), Some(5));
        assert_eq!(prune(2, 100), Some(5));
        assert_eq!(blocks.height_of(b"hash 4").unwrap(), None);
        assert_eq!(prune(u64::MAX, u64::MAX), Some(10));
        assert_eq!(blocks.get(10).unwrap(), Some(block(10)));
    });
}

fn event(key: &str, value: &str) -> Event {
    Event { key: key.to_owned(), value: value.to_owned() }
}

/// Transactions with some of a few attributes, among them some whose texts begin one another.
fn txs() -> impl Strategy<Value = Vec<IndexedTx>> {
    let text = prop_oneof![Just("a"), Just("ab"), Just("a\0"), Just("")];
    let event = (text.clone(), text).prop_map(|(key, value)| event(key, value));
    let tx = (0u64..300, proptest::collection::vec(event, 0..5));
    proptest::collection::vec(tx, 0..40).prop_map(|mut txs| {
        txs.sort_by_key(|(height, _)| *height);
        let txs = txs.into_iter().enumerate();
        txs.map(|(n, (height, events))| {
            let hash = format!("hash {n}").into_bytes();
            IndexedTx { height, index: n as u32, hash, result: vec![n as u8], events }
        })
        .collect()
    })
}

fn query() -> impl Strategy<Value = Query> {
    let text = prop_oneof![Just("a"), Just("ab"), Just("a\0"), Just("")];
    let event = (text.clone(), text).prop_map(|(key, value)| event(key, value));
    let hash = proptest::option::weighted(0.2, (0u8..40).prop_map(|n| format!("hash {n}").into_bytes()));
    let heights = prop_oneof![Just((0, u64::MAX)), (0u64..300, 0u64..300)];
    (heights, hash, proptest::collection::vec(event, 0..3)).prop_map(|((from, to), hash, events)| Query {
        heights: from..=to,
        hash,
        events,
    })
}

fn filled(part: Arc<dyn Backend>, txs: &[IndexedTx]) -> TxIndex {
    let index = TxIndex::open(Arc::clone(&part)).unwrap();
    let mut batch = Batch::default();
    index.stage(&mut batch, txs);
    part.write(batch).unwrap();
    index
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_search_finds_what_a_filter_finds(txs in txs(), query in query(), offset in 0usize..5, limit in 0usize..9, reverse: bool) {
        let index = filled(Database::memory().part(parts::CHAIN).unwrap(), &txs);
        let holds = |tx: &&IndexedTx| {
            query.heights.contains(&tx.height)
                && query.hash.as_ref().is_none_or(|hash| *hash == tx.hash)
                && query.events.iter().all(|event| tx.events.contains(event))
        };
        let mut expected: Vec<IndexedTx> = txs.iter().filter(holds).cloned().collect();
        let total = expected.len();
        let order = if reverse { Order::Descending } else { Order::Ascending };
        if reverse {
            expected.reverse();
        }
        let found = index.search(&query, order, offset, limit).unwrap();
        prop_assert_eq!(found.total, total);
        let page: Vec<IndexedTx> = expected.into_iter().skip(offset).take(limit).collect();
        prop_assert_eq!(found.txs, page);
    }

    #[test]
    fn pruned_transactions_leave_nothing_behind(txs in txs(), height in 0u64..300, limit in 1usize..10) {
        let part = Database::memory().part(parts::CHAIN).unwrap();
        let index = filled(Arc::clone(&part), &txs);
        let mut is_more = true;
        while is_more {
            let mut batch = Batch::default();
            is_more = index.stage_prune(&mut batch, height, limit).unwrap();
            part.write(batch).unwrap();
        }
        let left: Vec<IndexedTx> = txs.into_iter().filter(|tx| tx.height >= height).collect();
        let expected = Database::memory().part(parts::CHAIN).unwrap();
        filled(Arc::clone(&expected), &left);
        let all = |part: &dyn Backend| part.range(&[], None, store::Direction::Up, usize::MAX).unwrap();
        prop_assert_eq!(all(&*part), all(&*expected));
    }
}

#[test]
fn block_results_and_index_are_one_batch() {
    on_all(|database| {
        let part = database.part(parts::CHAIN).unwrap();
        let (blocks, index) = (BlockStore::open(Arc::clone(&part)).unwrap(), TxIndex::open(part).unwrap());
        let tx = |height, index| IndexedTx {
            height,
            index,
            hash: vec![height as u8, index as u8],
            result: b"ok".to_vec(),
            events: vec![event("message.sender", "alice")],
        };
        for height in 1..=3 {
            let mut batch = Batch::default();
            blocks.stage_block(&mut batch, &block(height)).unwrap();
            blocks.stage_results(&mut batch, height, b"results".to_vec());
            index.stage(&mut batch, &[tx(height, 0), tx(height, 1)]);
            blocks.write(batch).unwrap();
        }
        assert_eq!(index.get(&[2, 1]).unwrap(), Some(tx(2, 1)));
        assert_eq!(index.get(&[9]).unwrap(), None);
        assert_eq!(index.at(3).unwrap(), [tx(3, 0), tx(3, 1)]);
        let query = Query { events: vec![event("message.sender", "alice")], ..Query::default() };
        let found = index.search(&query, Order::Descending, 1, 2).unwrap();
        assert_eq!((found.total, found.txs), (6, vec![tx(3, 0), tx(2, 1)]));
    });
}

#[test]
fn undecided_proposals_survive_and_are_pruned() {
    let directory = tempdir().unwrap();
    for engine in [Engine::Fjall, Engine::Redb] {
        let path = directory.path().join(format!("{engine:?}"));
        let open =
            || UndecidedStore::open(Database::open(&path, engine).unwrap().part(parts::UNDECIDED).unwrap()).unwrap();
        let proposal =
            |height, round, id: &[u8]| Proposal { height, round, value_id: id.to_vec(), record: vec![round as u8] };
        let store = open();
        let all = [proposal(7, 0, b"b"), proposal(7, 0, b"bc"), proposal(7, 2, b"a"), proposal(8, 0, b"")];
        all.iter().rev().for_each(|proposal| store.put(proposal).unwrap());
        let replaced = Proposal { record: b"new".to_vec(), ..all[2].clone() };
        store.put(&replaced).unwrap();
        drop(store);

        let store = open();
        assert_eq!(store.get(7, 0, b"bc").unwrap(), Some(vec![0]));
        assert_eq!(store.get(7, 1, b"bc").unwrap(), None);
        assert_eq!(store.at(7).unwrap(), [all[0].clone(), all[1].clone(), replaced]);
        store.prune(7).unwrap();
        assert_eq!((store.at(7).unwrap(), store.at(8).unwrap()), (vec![], vec![all[3].clone()]));
        store.prune(u64::MAX).unwrap();
        assert_eq!(store.at(8).unwrap(), []);
    }
}

#[test]
fn another_format_is_refused() {
    let database = Database::memory();
    let part = database.part(parts::CHAIN).unwrap();
    BlockStore::open(Arc::clone(&part)).unwrap();
    TxIndex::open(Arc::clone(&part)).unwrap();
    let refused = UndecidedStore::open(part).err().unwrap().to_string();
    assert!(refused.contains("tetra chain 1") && refused.contains("tetra undecided 1"), "{refused}");
}
