//! Every target over its corpus; and how the corpus was made.

use std::fs;
use std::path::{Path, PathBuf};

use fuzz::TARGETS;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

#[test]
fn every_target_keeps_its_promise_over_its_corpus() {
    for target in TARGETS {
        let mut files: Vec<_> = fs::read_dir(folder(target.name)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for file in files {
            println!("{} {}", target.name, file.display());
            (target.run)(&fs::read(file).unwrap());
        }
        (target.run)(&[]);
    }
}

#[test]
fn no_corpus_is_without_a_target() {
    let folders = fs::read_dir(folder("")).unwrap().map(|folder| folder.unwrap().file_name().into_string().unwrap());
    let strays: Vec<_> = folders.filter(|name| fuzz::target(name).is_none()).collect();
    assert!(strays.is_empty(), "{strays:?}");
}

/// Those of `p2p`, `sync` and `wal` are written by `engine`, whose messages are its own.
#[test]
#[ignore = "records the corpus anew, where TETRA_RECORD is set"]
fn record() {
    if std::env::var_os("TETRA_RECORD").is_none() {
        return;
    }
    for (target, name, bytes) in fuzz::seeds() {
        fs::create_dir_all(folder(target)).unwrap();
        fs::write(folder(target).join(name), bytes).unwrap();
    }
}
