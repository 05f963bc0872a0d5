//! Real deployment files and the hashes that they must give.
//!
//! The gallery is a folder of files with `<folder>.jsonl` beside it, one line per file: `file`, `hash_canonical`
//! (null where the lenient parser must refuse the file), `strict_schema_ok`. It is found at `TETRA_SDL_GALLERY`, or
//! next to the project at `../shared/data/sdl-gallery`.

#![allow(clippy::disallowed_methods, reason = "the test reads files")]

use std::io::Write;
use std::path::{Path, PathBuf};

use sdl::Sdl;
use serde_json::Value;

struct Entry {
    file: String,
    hash: Option<String>,
    strict: bool,
    text: String,
}

fn public_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/sdl-gallery")
}

fn gallery(folder: &Path) -> Option<Vec<Entry>> {
    // Without a closing slash, and with the whole name even where it contains a point.
    let mut index = folder.components().as_path().as_os_str().to_owned();
    index.push(".jsonl");
    let index = PathBuf::from(index);
    if !folder.is_dir() || !index.is_file() {
        // Past the test harness, which would swallow it.
        let notice = format!("SKIPPED: no gallery at {} with {} beside it\n", folder.display(), index.display());
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        return None;
    }
    let index = std::fs::read_to_string(index).unwrap();
    let entries = index.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let file = line["file"].as_str().unwrap().to_owned();
        Entry {
            text: std::fs::read_to_string(folder.join(&file)).unwrap(),
            hash: line["hash_canonical"].as_str().map(str::to_owned),
            strict: line["strict_schema_ok"].as_bool().unwrap_or(false),
            file,
        }
    });
    Some(entries.collect())
}

#[test]
fn every_file_gives_its_hash_or_is_refused() {
    let wanted = std::env::var_os("TETRA_SDL_GALLERY").map(PathBuf::from);
    let Some(gallery) = gallery(wanted.as_deref().unwrap_or(&public_folder())) else {
        assert!(wanted.is_none(), "TETRA_SDL_GALLERY names no gallery");
        return;
    };
    let mut wrong = Vec::new();
    for entry in &gallery {
        let found = Sdl::parse(&entry.text).map(|sdl| hex::encode(sdl.manifest().hash()));
        match (&entry.hash, &found) {
            (Some(expected), Ok(hash)) if expected == hash => {}
            (None, Err(_)) => {}
            _ => wrong.push(format!("{}: expected {:?}, found {found:?}", entry.file, entry.hash)),
        }
    }
    assert!(wrong.is_empty(), "{} of {} files are wrong:\n{}", wrong.len(), gallery.len(), wrong.join("\n"));
    eprintln!("{} files of the gallery agree", gallery.len());
}

/// The lint finds something exactly where the strict schema refuses a file of the public gallery. The schema's version
/// that was asked did not know `tee` yet.
#[test]
fn the_lint_agrees_with_the_strict_schema() {
    let Some(gallery) = gallery(&public_folder()) else {
        return;
    };
    let mut wrong = Vec::new();
    for entry in gallery.iter().filter(|entry| !entry.text.contains("tee:")) {
        let Ok(sdl) = Sdl::parse(&entry.text) else {
            continue;
        };
        let warnings: Vec<String> = sdl.lint().iter().map(ToString::to_string).collect();
        if warnings.is_empty() != entry.strict {
            wrong.push(format!("{}: strict {}, found {warnings:?}", entry.file, entry.strict));
        }
    }
    assert!(wrong.is_empty(), "{} files are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
