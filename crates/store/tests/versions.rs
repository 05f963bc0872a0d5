//! Committed state against a model that keeps a whole map per height.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ics23::commitment_proof::Proof;
use proptest::prelude::*;
use store::backend::{Backend, Batch, View};
use store::state::Pair;
use store::{Config, Direction, Error, Memory, Module, Result, StateStore, WriteSet};

const MODULES: [Module; 3] = [Module("ab"), Module("a"), Module("empty")];

type Model = BTreeMap<(Module, Vec<u8>), Vec<u8>>;
type Write = (Module, Vec<u8>, Option<Vec<u8>>);

/// Keys with zero bytes and with one another as beginnings.
fn key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xff)], 0..4)
        .prop_map(|tail| [vec![1], tail].concat())
}

fn block() -> impl Strategy<Value = Vec<Write>> {
    let module = prop_oneof![Just(MODULES[0]), Just(MODULES[1])];
    let value = proptest::option::weighted(0.6, proptest::collection::vec(any::<u8>(), 1..3));
    proptest::collection::vec((module, key(), value), 0..12)
}

fn write_set(writes: &[Write]) -> WriteSet {
    let mut set = WriteSet::default();
    for (module, key, value) in writes {
        set.insert(*module, key.clone(), value.clone());
    }
    set
}

fn apply(model: &mut Model, writes: &[Write]) {
    for (module, key, value) in writes {
        match value {
            Some(value) => model.insert((*module, key.clone()), value.clone()),
            None => model.remove(&(*module, key.clone())),
        };
    }
}

fn open(backend: &Arc<Memory>, config: Config) -> StateStore {
    StateStore::open(Arc::clone(backend) as Arc<dyn Backend>, &MODULES, config).unwrap()
}

/// The first heights of a random chain from height 5 on, with a model of each.
fn run(store: &StateStore, blocks: &[Vec<Write>]) -> BTreeMap<u64, Model> {
    let mut models = BTreeMap::new();
    let mut model = Model::new();
    for (writes, height) in blocks.iter().zip(5..) {
        let writes_of_block = write_set(writes);
        let preview = store.preview(&writes_of_block).unwrap();
        assert_eq!(store.commit(height, &writes_of_block).unwrap(), preview);
        apply(&mut model, writes);
        models.insert(height, model.clone());
    }
    models
}

fn check_reads(store: &StateStore, height: u64, model: &Model, start: &[u8], end: Option<&[u8]>, limit: usize) {
    let reader = store.at(height).unwrap();
    for module in MODULES {
        let own = model.iter().filter(|((of, _), _)| *of == module);
        let mut expected: Vec<Pair> = own
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .filter(|(key, _)| key.as_slice() >= start && end.is_none_or(|end| key.as_slice() < end))
            .collect();
        for (key, value) in &expected {
            assert_eq!(reader.get(module, key).unwrap().as_ref(), Some(value));
        }
        let up: Vec<Pair> = expected.iter().take(limit).cloned().collect();
        assert_eq!(reader.scan(module, start, end, Direction::Up, limit).unwrap(), up);
        expected.reverse();
        expected.truncate(limit);
        assert_eq!(reader.scan(module, start, end, Direction::Down, limit).unwrap(), expected);
    }
}

/// Each key of the model is proved, and of each other key its absence; a change of value or root is refused.
fn check_proofs(store: &StateStore, height: u64, model: &Model, keys: &[Vec<u8>]) {
    let app_hash = store.app_hash(height).unwrap();
    let never_there = [vec![], vec![0, 0], vec![9]];
    for module in MODULES {
        for key in keys.iter().chain(&never_there) {
            let proof = store.prove(module, key, height).unwrap();
            assert_eq!(proof.value.as_ref(), model.get(&(module, key.clone())));
            assert!(proof.verify(&app_hash));
            assert!(!proof.verify(&[7; 32]));

            let mut other_value = proof.clone();
            other_value.value = if proof.value.is_some() { None } else { Some(vec![1]) };
            assert!(!other_value.verify(&app_hash));

            let mut other_key = proof.clone();
            other_key.key.push(9);
            assert!(other_key.value.is_none() || !other_key.verify(&app_hash));

            let mut other_module = proof;
            other_module.module = "other".to_owned();
            assert!(!other_module.verify(&app_hash));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kept_height_reads_like_its_model(
        blocks in proptest::collection::vec(block(), 1..10),
        keys in proptest::collection::vec(key(), 1..6),
        bounds in (key(), proptest::option::of(key())),
        limit in 0usize..8,
        history in proptest::option::of(0u64..10),
        proofs in 0u64..10,
    ) {
        let backend = Arc::new(Memory::new());
        let config = Config { history, proofs };
        let store = open(&backend, config);
        let models = run(&store, &blocks);
        let newest = 4 + blocks.len() as u64;
        let oldest = newest.saturating_sub(history.unwrap_or(u64::MAX).max(1)).max(5);

        for store in [&store, &open(&backend, config)] {
            prop_assert_eq!(store.latest_height(), Some(newest));
            prop_assert_eq!(store.heights().unwrap(), Some((oldest, newest)));
            for (height, model) in &models {
                if *height < oldest {
                    let unavailable = Error::Unavailable { height: *height, first: oldest, last: newest };
                    prop_assert_eq!(store.at(*height).err(), Some(unavailable));
                    continue;
                }
                check_reads(store, *height, model, &[], None, usize::MAX);
                check_reads(store, *height, model, &bounds.0, bounds.1.as_deref(), limit);
                if *height + proofs.max(1) > newest {
                    check_proofs(store, *height, model, &keys);
                } else {
                    let is_refused = matches!(store.prove(MODULES[0], &[1], *height), Err(Error::Unavailable { .. }));
                    prop_assert!(is_refused);
                }
            }
        }
    }

    #[test]
    fn pruning_leaves_nothing_behind(blocks in proptest::collection::vec(block(), 3..10)) {
        let backend = Arc::new(Memory::new());
        run(&open(&backend, Config { history: Some(1), proofs: 1 }), &blocks);
        let newest = (4 + blocks.len() as u64).to_be_bytes();
        let keys = |table: u8| {
            let pairs = backend.range(&[table], Some(&[table + 1]), Direction::Up, usize::MAX).unwrap();
            pairs.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        let (history, changed, commits) = (keys(2), keys(3), keys(4));
        prop_assert_eq!(history.len(), changed.len());
        prop_assert!(history.iter().all(|key| key.ends_with(&newest)));
        prop_assert!(changed.iter().all(|key| key[1..].starts_with(&newest)));
        prop_assert_eq!(commits.len(), 2);
    }
}

#[test]
fn a_shorter_history_takes_effect_a_few_heights_at_a_time() {
    let backend = Arc::new(Memory::new());
    let commit = |store: &StateStore, height: u64| {
        store.commit(height, &write_set(&[(MODULES[0], vec![1], Some(height.to_be_bytes().to_vec()))])).unwrap();
    };
    let store = open(&backend, Config { history: None, proofs: 1 });
    (0..100).for_each(|height| commit(&store, height));
    assert_eq!(store.heights().unwrap(), Some((0, 99)));

    let store = open(&backend, Config { history: Some(10), proofs: 5 });
    for (height, oldest) in (100..).zip([16, 32, 48, 64, 80, 95, 96]) {
        commit(&store, height);
        assert_eq!(store.heights().unwrap(), Some((oldest, height)));
        for height in oldest..=height {
            let read = store.at(height).unwrap().get(MODULES[0], &[1]).unwrap();
            assert_eq!(read, Some(height.to_be_bytes().to_vec()));
        }
    }
}

/// A scan of an earlier height that takes several pieces.
#[test]
fn long_scans_of_the_past() {
    let store = open(&Arc::new(Memory::new()), Config::default());
    let mut model = Model::new();
    let all = |value: u8| -> Vec<Write> {
        (0u16..500).map(|n| (MODULES[0], [vec![1], n.to_be_bytes().to_vec()].concat(), Some(vec![value]))).collect()
    };
    store.commit(0, &write_set(&all(1))).unwrap();
    apply(&mut model, &all(1));
    let removals: Vec<Write> = all(1).into_iter().step_by(3).map(|(module, key, _)| (module, key, None)).collect();
    store.commit(1, &write_set(&removals)).unwrap();
    let after = model.clone();
    store.commit(2, &write_set(&all(2))).unwrap();
    for limit in [0, 1, 63, 64, 65, 200, 500, usize::MAX] {
        check_reads(&store, 0, &after, &[], None, limit);
        check_reads(&store, 0, &after, &[1, 0, 10], Some(&[1, 1, 0]), limit);
    }
}

#[test]
fn absence_is_proved_with_one_neighbour_at_the_edges() {
    let store = open(&Arc::new(Memory::new()), Config::default());
    let writes: Vec<Write> = (0u8..30).map(|n| (MODULES[0], vec![1, n], Some(vec![1]))).collect();
    let app_hash = store.commit(0, &write_set(&writes)).unwrap();
    let (mut first, mut last, mut between) = (0, 0, 0);
    for n in 0u16..2_000 {
        let proof = store.prove(MODULES[0], &[vec![2], n.to_be_bytes().to_vec()].concat(), 0).unwrap();
        assert!(proof.verify(&app_hash));
        match proof.key_step.proof {
            Some(Proof::Nonexist(absent)) => match (absent.left, absent.right) {
                (None, Some(_)) => first += 1,
                (Some(_), None) => last += 1,
                _ => between += 1,
            },
            other => panic!("not a proof of absence: {other:?}"),
        }
    }
    assert!(first > 0 && last > 0 && between > 0, "{first} {last} {between}");
}

#[test]
fn the_steps_are_encoded_as_ics23_messages() {
    use prost_of_ics23::Message;
    let store = open(&Arc::new(Memory::new()), Config::default());
    store.commit(0, &write_set(&[(MODULES[0], vec![1], Some(vec![2]))])).unwrap();
    let proof = store.prove(MODULES[0], &[1], 0).unwrap();
    let [key, root] = proof.ops();
    assert_eq!((key.kind, key.key), ("ics23:jmt", vec![1]));
    assert_eq!((root.kind, root.key), ("ics23:simple", b"ab".to_vec()));
    assert_eq!(ics23::CommitmentProof::decode(key.data.as_slice()).unwrap(), proof.key_step);
    assert_eq!(ics23::CommitmentProof::decode(root.data.as_slice()).unwrap(), proof.root_step);
}

#[test]
fn readers_do_not_see_later_commits() {
    let store = open(&Arc::new(Memory::new()), Config::default());
    let before = store.latest().unwrap();
    store.commit(1, &write_set(&[(MODULES[0], vec![1], Some(vec![1]))])).unwrap();
    let (latest, first) = (store.latest().unwrap(), store.at(1).unwrap());
    store.commit(2, &write_set(&[(MODULES[0], vec![1], Some(vec![2]))])).unwrap();
    let read = |reader: &dyn store::Reader| reader.get(MODULES[0], &[1]).unwrap();
    assert_eq!((read(&*before), read(&*latest), read(&*first)), (None, Some(vec![1]), Some(vec![1])));
    assert_eq!(read(&*store.latest().unwrap()), Some(vec![2]));
}

#[test]
fn what_cannot_be_committed_is_refused() {
    let store = open(&Arc::new(Memory::new()), Config::default());
    assert_eq!(store.at(1).err(), Some(Error::NoState));
    let commit = |height, module, key: &[u8], value: &[u8]| {
        store.commit(height, &write_set(&[(module, key.to_vec(), Some(value.to_vec()))]))
    };
    commit(1, MODULES[0], &[1], &[1]).unwrap();
    assert_eq!(commit(3, MODULES[0], &[1], &[1]), Err(Error::OutOfOrder { expected: 2, given: 3 }));
    assert_eq!(commit(2, Module("x"), &[1], &[1]), Err(Error::UnknownModule("x".to_owned())));
    for (key, value) in [(&[][..], &[1][..]), (&[0], &[1]), (&[1], &[])] {
        assert!(matches!(commit(2, MODULES[0], key, value), Err(Error::InvalidWrite { .. })));
    }
    assert_eq!(store.heights().unwrap(), Some((1, 1)));
}

#[test]
fn a_module_may_be_added_but_not_lost() {
    let backend = Arc::new(Memory::new());
    let reopen =
        |modules: &[Module]| StateStore::open(Arc::clone(&backend) as Arc<dyn Backend>, modules, Config::default());
    let store = reopen(&MODULES[..1]).unwrap();
    let before = store.commit(1, &write_set(&[(MODULES[0], vec![1], Some(vec![1]))])).unwrap();

    let store = reopen(&MODULES).unwrap();
    assert_eq!(store.app_hash(1).unwrap(), before);
    assert!(store.prove(MODULES[0], &[1], 1).unwrap().verify(&before));
    assert_eq!(store.prove(MODULES[1], &[1], 1), Err(Error::UnknownModule("a".to_owned())));
    let after = store.commit(2, &WriteSet::default()).unwrap();
    assert_ne!(after, before);
    assert!(store.prove(MODULES[1], &[1], 2).unwrap().verify(&after));

    assert!(reopen(&MODULES).unwrap().prove(MODULES[0], &[1], 1).unwrap().verify(&before));
    assert!(matches!(reopen(&MODULES[..1]), Err(Error::UnknownModule(_))));
}

#[test]
fn damage_and_foreign_data_are_found_at_start() {
    let backend = Arc::new(Memory::new());
    let store = open(&backend, Config::default());
    store.commit(1, &write_set(&[(MODULES[0], vec![1], Some(vec![1]))])).unwrap();
    let mut damage = Batch::default();
    damage.put(b"\x01ab\x00\x01".to_vec(), vec![9]);
    backend.write(damage).unwrap();
    let reopened = StateStore::open(Arc::clone(&backend) as Arc<dyn Backend>, &MODULES, Config::default());
    assert!(matches!(reopened.err(), Some(Error::Corrupt { module: "ab", .. })));

    let foreign = Arc::new(Memory::new());
    let mut mark = Batch::default();
    mark.put(vec![0], b"tetra state 9".to_vec());
    foreign.write(mark).unwrap();
    let opened = StateStore::open(foreign, &MODULES, Config::default());
    assert_eq!(opened.err(), Some(Error::Format { expected: "tetra state 1", found: "tetra state 9".to_owned() }));
}

/// A backend whose writes fail when told so.
#[derive(Default)]
struct Failing {
    inner: Memory,
    is_broken: AtomicBool,
}

impl View for Failing {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.inner.get(key)
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Pair>> {
        self.inner.range(start, end, direction, limit)
    }
}

impl Backend for Failing {
    fn write(&self, batch: Batch) -> Result<()> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(Error::Backend("no space left".to_owned()));
        }
        self.inner.write(batch)
    }

    fn snapshot(&self) -> Result<Arc<dyn View>> {
        self.inner.snapshot()
    }
}

#[test]
fn a_commit_that_fails_leaves_the_old_state() {
    let backend = Arc::new(Failing::default());
    let reopen = || StateStore::open(Arc::clone(&backend) as Arc<dyn Backend>, &MODULES, Config::default()).unwrap();
    let store = reopen();
    let first = store.commit(1, &write_set(&[(MODULES[0], vec![1], Some(vec![1]))])).unwrap();
    let second = write_set(&[(MODULES[0], vec![1], Some(vec![2]))]);

    backend.is_broken.store(true, Ordering::Relaxed);
    assert!(store.commit(2, &second).is_err());
    for store in [&store, &reopen()] {
        assert_eq!(store.latest_height(), Some(1));
        assert_eq!(store.app_hash(1).unwrap(), first);
        assert_eq!(store.latest().unwrap().get(MODULES[0], &[1]).unwrap(), Some(vec![1]));
        assert!(store.prove(MODULES[0], &[1], 1).unwrap().verify(&first));
    }

    backend.is_broken.store(false, Ordering::Relaxed);
    assert_eq!(store.preview(&second).unwrap(), store.commit(2, &second).unwrap());
}
