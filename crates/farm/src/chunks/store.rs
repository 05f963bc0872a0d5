//! Chunks on disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::manifest::{Chunk, Manifest};
use crate::digest::Digest;

/// What goes wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk.
    #[error("the chunk store at {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are not those that their name promises.
    #[error("the bytes that were given for chunk {expected} are another's: {got}")]
    Mismatch {
        /// The name.
        expected: Digest,
        /// SHA-256 of the bytes.
        got: Digest,
    },
    /// Nothing may be thrown away to make room.
    #[error("the chunk store has {quota} bytes, {pinned} of them in use by jobs, so that {wanted} more do not fit")]
    Full {
        /// The quota.
        quota: u64,
        /// Bytes that are in use.
        pinned: u64,
        /// Bytes that are to come in.
        wanted: u64,
    },
    /// The chunk is not here.
    #[error("chunk {0} is not in the store; upload what `missing` names")]
    Missing(Digest),
}

/// Chunks on disk by their ids, at most as many bytes as the quota; what was not used for the longest time goes first. What a
/// [`Pin`] holds stays. One process at a time uses a folder; clones share it.
#[derive(Clone)]
pub struct ChunkStore {
    folder: PathBuf,
    quota: u64,
    shared: Arc<Mutex<Index>>,
}

#[derive(Default)]
struct Index {
    /// Length, and when it was used last as a number that grows.
    chunks: HashMap<Digest, (u32, u64)>,
    by_use: BTreeMap<u64, Digest>,
    pins: HashMap<Digest, u32>,
    bytes: u64,
    clock: u64,
}

impl Index {
    fn touch(&mut self, id: Digest, length: u32) {
        self.clock += 1;
        match self.chunks.insert(id, (length, self.clock)) {
            Some((_, before)) => {
                self.by_use.remove(&before);
            }
            None => self.bytes += u64::from(length),
        }
        self.by_use.insert(self.clock, id);
    }

    fn remove(&mut self, id: Digest) {
        if let Some((length, used)) = self.chunks.remove(&id) {
            self.by_use.remove(&used);
            self.bytes -= u64::from(length);
        }
    }

    fn pinned_bytes(&self) -> u64 {
        self.pins.keys().filter_map(|id| self.chunks.get(id)).map(|(length, _)| u64::from(*length)).sum()
    }
}

/// Keeps the chunks of a manifest in the store while a job needs them, those too that come in later.
pub struct Pin {
    chunks: BTreeSet<Digest>,
    shared: Arc<Mutex<Index>>,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut index = lock(&self.shared);
        for id in &self.chunks {
            if let Some(count) = index.pins.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    index.pins.remove(id);
                }
            }
        }
    }
}

fn lock(shared: &Mutex<Index>) -> MutexGuard<'_, Index> {
    // Every change of the index is complete before anything can fail.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ChunkStore {
    /// Opens a folder, or makes it. What another life left half written is thrown away; the order of use is that of the files'
    /// times.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(folder: impl Into<PathBuf>, quota: u64) -> Result<Self, StoreError> {
        let folder = folder.into();
        let told = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        fs::create_dir_all(&folder).map_err(told(&folder))?;
        let mut found: Vec<(SystemTime, Digest, u32)> = Vec::new();
        for shelf in fs::read_dir(&folder).map_err(told(&folder))? {
            let shelf = shelf.map_err(told(&folder))?.path();
            if !shelf.is_dir() {
                continue;
            }
            for file in fs::read_dir(&shelf).map_err(told(&shelf))? {
                let file = file.map_err(told(&shelf))?;
                let metadata = file.metadata().map_err(told(&file.path()))?;
                match file
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse().ok())
                    .zip(u32::try_from(metadata.len()).ok())
                {
                    Some((id, length)) => found.push((metadata.modified().map_err(told(&file.path()))?, id, length)),
                    None => fs::remove_file(file.path()).map_err(told(&file.path()))?,
                }
            }
        }
        found.sort_unstable();
        let mut index = Index::default();
        for (_, id, length) in found {
            index.touch(id, length);
        }
        let store = Self { folder, quota, shared: Arc::new(Mutex::new(index)) };
        store.make_room(&mut lock(&store.shared), 0)?;
        Ok(store)
    }

    /// Bytes that chunks take now.
    pub fn bytes(&self) -> u64 {
        lock(&self.shared).bytes
    }

    /// The most bytes that they may take.
    pub fn quota(&self) -> u64 {
        self.quota
    }

    /// Whether a chunk is here.
    pub fn has(&self, id: &Digest) -> bool {
        lock(&self.shared).chunks.contains_key(id)
    }

    /// What of a manifest is not here: each chunk once, in the order of the file.
    pub fn missing(&self, manifest: &Manifest) -> Vec<Chunk> {
        let index = lock(&self.shared);
        let mut seen = BTreeSet::new();
        let wanted = manifest.chunks().iter().filter(|chunk| !index.chunks.contains_key(&chunk.id));
        wanted.filter(|chunk| seen.insert(chunk.id)).copied().collect()
    }

    /// Keeps a manifest's chunks from being thrown away until the pin is dropped.
    pub fn pin(&self, manifest: &Manifest) -> Pin {
        let chunks: BTreeSet<Digest> = manifest.chunks().iter().map(|chunk| chunk.id).collect();
        let mut index = lock(&self.shared);
        for id in &chunks {
            *index.pins.entry(*id).or_default() += 1;
        }
        Pin { chunks, shared: self.shared.clone() }
    }

    /// Puts a chunk in. One that is here already only counts as used.
    ///
    /// # Errors
    /// When the bytes are not those of the id, when there is no room, or when the disk refuses.
    pub fn put(&self, id: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let got = Digest::of(bytes);
        if got != *id {
            return Err(StoreError::Mismatch { expected: *id, got });
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut index = lock(&self.shared);
        if !index.chunks.contains_key(id) {
            self.make_room(&mut index, length.into())?;
            let path = self.path(id);
            self.write(&path, bytes).map_err(|source| StoreError::Io { path, source })?;
        }
        index.touch(*id, length);
        Ok(())
    }

    /// A chunk's bytes, checked against its id. One that the disk spoilt is thrown away, so that it counts as missing.
    ///
    /// # Errors
    /// When it is not here, was spoilt, or cannot be read.
    pub fn get(&self, id: &Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.path(id);
        let mut index = lock(&self.shared);
        if !index.chunks.contains_key(id) {
            return Err(StoreError::Missing(*id));
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                index.remove(*id);
                return Err(StoreError::Missing(*id));
            }
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        let got = Digest::of(&bytes);
        if got != *id {
            index.remove(*id);
            fs::remove_file(&path).map_err(|source| StoreError::Io { path, source })?;
            return Err(StoreError::Mismatch { expected: *id, got });
        }
        index.touch(*id, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        drop(index);
        // The order of use outlives the process by the files' times alone; without them it is only less exact.
        let times = FileTimes::new().set_modified(SystemTime::now());
        if let Err(error) = File::options().write(true).open(&path).and_then(|file| file.set_times(times)) {
            tracing::debug!(%id, %error, "the time of use of a chunk could not be written");
        }
        Ok(bytes)
    }

    /// Throws away every chunk of a manifest that the disk spoilt, so that all of them count as missing; how many they were.
    ///
    /// # Errors
    /// When one cannot be read or removed.
    pub fn weed(&self, manifest: &Manifest) -> Result<usize, StoreError> {
        let mut spoilt = 0;
        for chunk in manifest.chunks() {
            match self.get(&chunk.id) {
                Ok(_) | Err(StoreError::Missing(_)) => {}
                Err(StoreError::Mismatch { .. }) => spoilt += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(spoilt)
    }

    fn path(&self, id: &Digest) -> PathBuf {
        let name = id.to_string();
        self.folder.join(name.get(..2).unwrap_or_default()).join(&name)
    }

    /// A chunk is there whole or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let shelf = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(shelf)?;
        let mut file = tempfile::NamedTempFile::new_in(shelf)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }

    fn make_room(&self, index: &mut Index, wanted: u64) -> Result<(), StoreError> {
        if index.bytes.saturating_add(wanted) <= self.quota {
            return Ok(());
        }
        let mut left = index.bytes;
        let mut victims = Vec::new();
        for id in index.by_use.values().filter(|id| !index.pins.contains_key(*id)) {
            if left.saturating_add(wanted) <= self.quota {
                break;
            }
            left -= index.chunks.get(id).map_or(0, |(length, _)| u64::from(*length));
            victims.push(*id);
        }
        if left.saturating_add(wanted) > self.quota {
            return Err(StoreError::Full { quota: self.quota, pinned: index.pinned_bytes(), wanted });
        }
        for id in victims {
            let path = self.path(&id);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::Io { path, source });
                }
                _ => index.remove(id),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
