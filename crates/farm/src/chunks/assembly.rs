//! A file out of a store.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::store::{ChunkStore, StoreError};
use crate::digest::Digest;

/// Puts a file together at `target` and returns how many bytes had to be written. What an earlier try left beside it as `.part` is
/// checked chunk by chunk and kept as far as it is right. The file appears whole or not at all; one that is already there is
/// checked in the same way, so that asking twice costs a look.
///
/// # Errors
/// When a chunk is missing or spoilt, or when the disk refuses.
pub fn assemble(store: &ChunkStore, manifest: &Manifest, target: &Path) -> Result<u64, StoreError> {
    let pin = store.pin(manifest);
    let told = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Io { path, source }
    };
    if let Ok(mut file) = File::open(target) {
        let length = file.metadata().map_err(told(target))?.len();
        if length == manifest.bytes() && right(&mut file, manifest).map_err(told(target))?.0 == manifest.chunks().len()
        {
            return Ok(0);
        }
    }
    let part = beside(target);
    let open = File::options().read(true).write(true).create(true).truncate(false).open(&part);
    let mut file = open.map_err(told(&part))?;
    let (chunks, bytes) = right(&mut file, manifest).map_err(told(&part))?;
    file.set_len(bytes).and_then(|()| file.seek(SeekFrom::Start(bytes))).map_err(told(&part))?;
    let mut written = 0;
    for chunk in manifest.chunks().iter().skip(chunks) {
        file.write_all(&store.get(&chunk.id)?).map_err(told(&part))?;
        written += u64::from(chunk.length);
    }
    file.sync_all().and_then(|()| fs::rename(&part, target)).map_err(told(target))?;
    drop(pin);
    Ok(written)
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    target.with_file_name(name)
}

/// How many chunks from the beginning a file has right, and how many bytes they are.
fn right(file: &mut File, manifest: &Manifest) -> io::Result<(usize, u64)> {
    let mut bytes = 0;
    let mut piece = Vec::new();
    for (index, chunk) in manifest.chunks().iter().enumerate() {
        piece.clear();
        file.take(chunk.length.into()).read_to_end(&mut piece)?;
        if Digest::of(&piece) != chunk.id {
            return Ok((index, bytes));
        }
        bytes += u64::from(chunk.length);
    }
    Ok((manifest.chunks().len(), bytes))
}

#[cfg(test)]
mod tests {
    use super::super::cut::cut;
    use super::*;

    /// A file of 1.5 MB, its manifest, and a store that has all of it.
    fn stored(folder: &Path) -> (Vec<u8>, Manifest, ChunkStore) {
        let file: Vec<u8> = (0u32..1_500_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let store = ChunkStore::open(folder.join("chunks"), 1 << 30).unwrap();
        let mut chunks = Vec::new();
        for piece in cut(file.as_slice()) {
            let (chunk, bytes) = piece.unwrap();
            store.put(&chunk.id, &bytes).unwrap();
            chunks.push(chunk);
        }
        (file, Manifest::new(chunks).unwrap(), store)
    }

    #[test]
    fn a_file_is_put_together_and_found_right_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let (file, manifest, store) = stored(folder.path());
        let target = folder.path().join("scene.blend");
        assert_eq!(assemble(&store, &manifest, &target).unwrap(), file.len() as u64);
        assert!(fs::read(&target).unwrap() == file && !beside(&target).exists());
        assert_eq!(assemble(&store, &manifest, &target).unwrap(), 0);
        // Someone wrote into it.
        let mut spoilt = file.clone();
        spoilt[700_000] ^= 1;
        fs::write(&target, spoilt).unwrap();
        assert_eq!(assemble(&store, &manifest, &target).unwrap(), file.len() as u64);
        assert!(fs::read(&target).unwrap() == file);
    }

    #[test]
    fn what_is_right_of_an_earlier_try_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (file, manifest, store) = stored(folder.path());
        let target = folder.path().join("scene.blend");
        let mut earlier = file[..1_000_000].to_vec();
        earlier[600_000] ^= 1;
        fs::write(beside(&target), &earlier).unwrap();
        let written = assemble(&store, &manifest, &target).unwrap();
        assert!(fs::read(&target).unwrap() == file);
        let kept = file.len() as u64 - written;
        assert!(kept <= 600_000 && kept + u64::from(crate::chunks::MAX_CHUNK_BYTES) > 600_000, "kept {kept}");
    }

    #[test]
    fn a_missing_chunk_is_named_and_the_file_does_not_appear() {
        let folder = tempfile::tempdir().unwrap();
        let (_, manifest, _) = stored(folder.path());
        let empty = ChunkStore::open(folder.path().join("empty"), 1 << 30).unwrap();
        let target = folder.path().join("scene.blend");
        let first = manifest.chunks()[0].id;
        assert!(matches!(assemble(&empty, &manifest, &target), Err(StoreError::Missing(id)) if id == first));
        assert!(!target.exists());
    }
}
