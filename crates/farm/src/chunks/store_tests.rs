use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn chunk(fill: u8, length: usize) -> (Chunk, Vec<u8>) {
    let bytes = vec![fill; length];
    (Chunk { id: Digest::of(&bytes), length: length as u32 }, bytes)
}

fn put(store: &ChunkStore, fill: u8) -> Digest {
    let (chunk, bytes) = chunk(fill, 100);
    store.put(&chunk.id, &bytes).unwrap();
    chunk.id
}

#[test]
fn what_was_put_in_comes_out_and_the_rest_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let store = ChunkStore::open(folder.path(), 1_000).unwrap();
    let (a, bytes) = chunk(1, 100);
    let (b, _) = chunk(2, 50);
    let manifest = Manifest::new(vec![a, b, a, b]).unwrap();
    assert_eq!(store.missing(&manifest), [a, b]);
    store.put(&a.id, &bytes).unwrap();
    assert_eq!(store.missing(&manifest), [b]);
    assert_eq!(store.get(&a.id).unwrap(), bytes);
    assert!(matches!(store.get(&b.id), Err(StoreError::Missing(id)) if id == b.id));
    assert!(matches!(store.put(&b.id, &bytes), Err(StoreError::Mismatch { .. })));
    assert_eq!(store.bytes(), 100);
}

#[test]
fn all_that_the_disk_spoilt_counts_as_missing_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = ChunkStore::open(folder.path(), 1_000).unwrap();
    let ids: Vec<Digest> = (0..3).map(|fill| put(&store, fill)).collect();
    let manifest = Manifest::new((0..3).map(|fill| chunk(fill, 100).0).collect()).unwrap();
    assert_eq!(store.weed(&manifest).unwrap(), 0);
    for id in &ids[..2] {
        std::fs::write(store.path(id), "spoilt").unwrap();
    }
    assert_eq!(store.weed(&manifest).unwrap(), 2);
    assert_eq!(store.missing(&manifest).len(), 2);
}

#[test]
fn the_least_recently_used_goes_first_and_pins_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = ChunkStore::open(folder.path(), 300).unwrap();
    let ids: Vec<Digest> = (0..3).map(|fill| put(&store, fill)).collect();
    store.get(&ids[0]).unwrap();
    let fourth = put(&store, 3);
    assert!(store.has(&ids[0]) && !store.has(&ids[1]) && store.has(&ids[2]) && store.has(&fourth));

    let pin = store.pin(&Manifest::new([2, 0, 3].map(|fill| chunk(fill, 100).0).to_vec()).unwrap());
    let (fifth, bytes) = chunk(5, 100);
    let full = store.put(&fifth.id, &bytes).unwrap_err();
    assert_eq!(
        full.to_string(),
        "the chunk store has 300 bytes, 300 of them in use by jobs, so that 100 more do not fit"
    );
    drop(pin);
    store.put(&fifth.id, &bytes).unwrap();
    assert!(!store.has(&ids[2]), "used before the first and the fourth");
    assert_eq!(store.bytes(), 300);
}

#[test]
fn another_life_finds_what_was_kept_and_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = ChunkStore::open(folder.path(), 300).unwrap();
    let ids: Vec<Digest> = (0..3).map(|fill| put(&store, fill)).collect();
    for (age, id) in [20, 30, 10].into_iter().zip(&ids) {
        let file = File::options().write(true).open(store.path(id)).unwrap();
        file.set_times(FileTimes::new().set_modified(SystemTime::now() - Duration::from_secs(age))).unwrap();
    }
    let shelf = store.path(&ids[0]).parent().unwrap().to_owned();
    fs::write(shelf.join(".tmp123"), "half").unwrap();
    drop(store);

    let store = ChunkStore::open(folder.path(), 200).unwrap();
    assert!(store.has(&ids[0]) && !store.has(&ids[1]) && store.has(&ids[2]), "the oldest had to go");
    assert!(!shelf.join(".tmp123").exists());
    assert_eq!(store.bytes(), 200);
}

#[test]
fn a_spoilt_chunk_is_missing_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = ChunkStore::open(folder.path(), 300).unwrap();
    let id = put(&store, 1);
    fs::write(store.path(&id), vec![9; 100]).unwrap();
    assert!(matches!(store.get(&id), Err(StoreError::Mismatch { .. })));
    assert!(!store.has(&id) && store.bytes() == 0);
    put(&store, 1);
    fs::remove_file(store.path(&id)).unwrap();
    assert!(matches!(store.get(&id), Err(StoreError::Missing(_))));
    assert!(!store.has(&id));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Against a list in the order of use.
    #[test]
    fn a_store_is_a_list_in_the_order_of_use(steps in proptest::collection::vec((0u8..8, any::<bool>()), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let store = ChunkStore::open(folder.path(), 450).unwrap();
        let mut model: Vec<u8> = Vec::new();
        for (fill, reads) in steps {
            let known = model.contains(&fill);
            if reads {
                prop_assert_eq!(store.get(&chunk(fill, 100).0.id).is_ok(), known);
            } else {
                put(&store, fill);
            }
            if known || !reads {
                model.retain(|other| *other != fill);
                model.push(fill);
            }
            if model.len() > 4 {
                model.remove(0);
            }
            for fill in 0..8 {
                prop_assert_eq!(store.has(&chunk(fill, 100).0.id), model.contains(&fill));
            }
            prop_assert_eq!(store.bytes(), 100 * model.len() as u64);
        }
    }
}
