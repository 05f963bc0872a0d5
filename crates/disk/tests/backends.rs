//! One suite for all backends: each behaves like an ordered map with atomic batches.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Database, Engine, Error, parts};
use proptest::prelude::*;
use store::backend::Write;
use store::state::Pair;
use store::{Backend, Batch, Config, Direction, Module, StateStore, View, WriteSet};
use tempfile::tempdir;

const ENGINES: [Engine; 2] = [Engine::Fjall, Engine::Redb];

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xff)], 1..4)
}

fn batches() -> impl Strategy<Value = Vec<Vec<Write>>> {
    let value = proptest::option::weighted(0.7, proptest::collection::vec(any::<u8>(), 0..3));
    proptest::collection::vec(proptest::collection::vec((key(), value), 0..10), 1..6)
}

fn write(backend: &dyn Backend, model: &mut Model, writes: &[Write]) {
    let mut batch = Batch::default();
    for (key, value) in writes.iter().cloned() {
        match value {
            Some(value) => {
                model.insert(key.clone(), value.clone());
                batch.put(key, value);
            }
            None => {
                model.remove(&key);
                batch.remove(key);
            }
        }
    }
    backend.write(batch).unwrap();
}

fn check(view: &(impl View + ?Sized), model: &Model, start: &[u8], end: Option<&[u8]>, limit: usize) {
    let inside = |key: &[u8]| key >= start && end.is_none_or(|end| key < end);
    let mut expected: Vec<Pair> = model.clone().into_iter().filter(|(key, _)| inside(key)).collect();
    for (key, value) in model {
        assert_eq!(view.get(key).unwrap().as_ref(), Some(value));
    }
    assert_eq!(view.get(b"absent").unwrap(), None);
    let up: Vec<Pair> = expected.iter().take(limit).cloned().collect();
    assert_eq!(view.range(start, end, Direction::Up, limit).unwrap(), up);
    expected.reverse();
    expected.truncate(limit);
    assert_eq!(view.range(start, end, Direction::Down, limit).unwrap(), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn backends_are_ordered_maps(batches in batches(), start in key(), end in proptest::option::of(key()), limit in 0usize..6) {
        let directory = tempdir().unwrap();
        let of = |engine: Engine| Database::open(&directory.path().join(format!("{engine:?}")), engine).unwrap();
        for database in [Database::memory(), of(Engine::Fjall), of(Engine::Redb)] {
            let (part, other) = (database.part("one").unwrap(), database.part("two").unwrap());
            let mut model = Model::new();
            for writes in &batches {
                let (before, frozen) = (model.clone(), part.snapshot().unwrap());
                write(&*part, &mut model, writes);
                check(&*part, &model, &start, end.as_deref(), limit);
                check(&*part, &model, &[], None, usize::MAX);
                check(&*frozen, &before, &start, end.as_deref(), limit);
            }
            check(&*other, &Model::new(), &[], None, usize::MAX);
        }
        for engine in ENGINES {
            let mut model = Model::new();
            let memory = Database::memory().part("one").unwrap();
            batches.iter().for_each(|writes| write(&*memory, &mut model, writes));
            check(&*of(engine).part("one").unwrap(), &model, &[], None, usize::MAX);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What is on disk the moment a commit returns, with no part of the process getting to clean up, is the state after it.
#[test]
fn a_commit_survives_the_loss_of_the_process() {
    const BANK: Module = Module("bank");
    for engine in ENGINES {
        let directory = tempdir().unwrap();
        let (live, crashed) = (directory.path().join("live"), directory.path().join("crashed"));
        let open = |path: &Path| {
            let database = Database::open(path, engine).unwrap();
            StateStore::open(database.part(parts::STATE).unwrap(), &[BANK], Config::default()).unwrap()
        };
        let store = open(&live);
        for height in 0..5u64 {
            let mut writes = WriteSet::default();
            writes.insert(BANK, vec![1], Some(height.to_be_bytes().to_vec()));
            writes.insert(BANK, vec![2, height as u8], Some(vec![1]));
            let app_hash = store.commit(height, &writes).unwrap();

            copy(&live, &crashed);
            let recovered = open(&crashed);
            assert_eq!(recovered.latest_height(), Some(height));
            assert_eq!(recovered.app_hash(height).unwrap(), app_hash);
            assert!(recovered.prove(BANK, &[1], height / 2).unwrap().verify(&store.app_hash(height / 2).unwrap()));
            drop(recovered);
            std::fs::remove_dir_all(&crashed).unwrap();
        }
    }
}

/// A file that a commit changed, and the bytes between which it did.
struct Changed {
    path: PathBuf,
    before: Vec<u8>,
    after: Vec<u8>,
    span: Range<usize>,
}

impl Changed {
    /// The file when only the first `cut` of `parts` parts of the change were written.
    fn torn(&self, cut: usize, parts: usize) -> Vec<u8> {
        let mut bytes = self.before.clone();
        bytes.resize(self.before.len().max(self.after.len()), 0);
        let reached = (self.span.start + self.span.len() * cut / parts).min(self.after.len());
        bytes[..reached].copy_from_slice(&self.after[..reached]);
        bytes
    }
}

fn changes(old: &Path, new: &Path) -> Vec<Changed> {
    let mut changed = Vec::new();
    for entry in std::fs::read_dir(new).unwrap() {
        let name = entry.unwrap().file_name();
        let (old, new) = (old.join(&name), new.join(&name));
        if new.is_dir() {
            let inside = changes(&old, &new).into_iter();
            changed.extend(inside.map(|file| Changed { path: Path::new(&name).join(&file.path), ..file }));
            continue;
        }
        let (before, after) = (std::fs::read(&old).unwrap_or_default(), std::fs::read(&new).unwrap());
        if before != after {
            let differs = |n: &usize| before.get(*n) != after.get(*n);
            let length = before.len().max(after.len());
            let start = (0..length).find(differs).unwrap();
            let end = (start..length).rfind(differs).unwrap() + 1;
            changed.push(Changed { path: name.into(), before, after, span: start..end });
        }
    }
    changed
}

/// A power loss in the middle of a commit: of what the commit changed, only the first part reached the disk.
#[test]
fn a_torn_commit_is_there_whole_or_not_at_all() {
    const BANK: Module = Module("bank");
    for engine in ENGINES {
        let directory = tempdir().unwrap();
        let [live, old, torn] = ["live", "old", "torn"].map(|name| directory.path().join(name));
        let open = |path: &Path| {
            let database = Database::open(path, engine).unwrap();
            StateStore::open(database.part(parts::STATE).unwrap(), &[BANK], Config::default()).unwrap()
        };
        let store = open(&live);
        let mut hashes = Vec::new();
        for height in 0..4u8 {
            let mut writes = WriteSet::default();
            (0..50u8).for_each(|n| writes.insert(BANK, vec![1, n], Some(vec![height + 1, n])));
            if height == 3 {
                copy(&live, &old);
            }
            hashes.push(store.commit(u64::from(height), &writes).unwrap());
        }
        let torn_files = changes(&old, &live);

        let mut heights = BTreeSet::new();
        for cut in 0..=8 {
            copy(&old, &torn);
            for file in &torn_files {
                std::fs::write(torn.join(&file.path), file.torn(cut, 8)).unwrap();
            }
            let recovered = open(&torn);
            let height = recovered.latest_height().unwrap();
            assert_eq!(recovered.app_hash(height).unwrap(), hashes[height as usize], "{engine} cut {cut}");
            let pair = recovered.latest().unwrap().get(BANK, &[1, 7]).unwrap();
            assert_eq!(pair, Some(vec![height as u8 + 1, 7]));
            heights.insert(height);
            drop(recovered);
            std::fs::remove_dir_all(&torn).unwrap();
        }
        assert_eq!(heights, BTreeSet::from([2, 3]), "{engine}");
    }
}

/// Readers beside a committing thread see whole heights only.
#[test]
fn readers_never_see_half_a_commit() {
    const BANK: Module = Module("bank");
    for engine in ENGINES {
        let directory = tempdir().unwrap();
        let database = Database::open(directory.path(), engine).unwrap();
        let part = database.part(parts::STATE).unwrap();
        let store = StateStore::open(part, &[BANK], Config { history: Some(3), proofs: 2 }).unwrap();
        let pair = |height: u64| {
            let mut writes = WriteSet::default();
            (1..=2).for_each(|key| writes.insert(BANK, vec![key], Some(height.to_be_bytes().to_vec())));
            writes
        };
        store.commit(0, &pair(0)).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for height in 1..=60 {
                    store.commit(height, &pair(height)).unwrap();
                }
            });
            while store.latest_height() != Some(60) {
                let reader = store.latest().unwrap();
                let read = |key| reader.get(BANK, &[key]).unwrap();
                assert_eq!(read(1), read(2));
                let height = store.latest_height().unwrap();
                match store.at(height) {
                    Ok(reader) => {
                        assert_eq!(reader.get(BANK, &[1]).unwrap(), Some(height.to_be_bytes().to_vec()));
                    }
                    Err(store::Error::Unavailable { first, .. }) => assert!(first > height),
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
}

#[test]
fn the_root_does_not_depend_on_the_engine() {
    const BANK: Module = Module("bank");
    let directory = tempdir().unwrap();
    let of = |engine: Engine| Database::open(&directory.path().join(format!("{engine:?}")), engine).unwrap();
    let roots = [Database::memory(), of(Engine::Fjall), of(Engine::Redb)].map(|database| {
        let part = database.part(parts::STATE).unwrap();
        let store = StateStore::open(Arc::clone(&part), &[BANK], Config { history: Some(2), proofs: 2 }).unwrap();
        let mut roots = Vec::new();
        for height in 1..8u8 {
            let mut writes = WriteSet::default();
            writes.insert(BANK, vec![1, height % 3], (height % 4 != 0).then(|| vec![height]));
            roots.push(store.commit(u64::from(height), &writes).unwrap());
        }
        roots
    });
    assert_eq!(roots[0], roots[1]);
    assert_eq!(roots[0], roots[2]);
}

#[test]
fn a_directory_belongs_to_one_engine_and_one_user() {
    for (engine, other) in [(Engine::Fjall, Engine::Redb), (Engine::Redb, Engine::Fjall)] {
        let directory = tempdir().unwrap();
        let opened = Database::open(directory.path(), engine).unwrap();
        let second = Database::open(directory.path(), engine).err().unwrap();
        assert!(matches!(&second, Error::Directory { why, .. } if why.contains("another process")), "{second}");
        drop(opened);
        let wrong = Database::open(directory.path(), other).err().unwrap();
        assert!(wrong.to_string().contains("choose that engine"), "{wrong}");
        Database::open(directory.path(), engine).unwrap();
        assert_eq!(engine.to_string().parse::<Engine>().unwrap(), engine);
    }
    assert!("rocksdb".parse::<Engine>().unwrap_err().to_string().contains("fjall or redb"));
}
