//! Scenes on this machine: manifests, chunks, and files put together from them.
//!
//! ```text
//! render/scenes/<id>.manifest   what was offered or fetched
//! render/scenes/<id>.blend      put together while it is rendered
//! render/chunks/                chunks, up to the quota
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use client::render::Offered;
use farm::Digest;
use farm::chunks::{ChunkStore, Manifest, StoreError, assemble};

use super::desk::RenderRefusal;
use crate::agent::lock;
use crate::home::write_private;

/// The most scenes whose manifests are remembered; of those that are not whole, any is forgotten to make room.
const MOST_MANIFESTS: usize = 4096;
/// The most scenes that a beat may name.
const MOST_HELD: usize = 64;

pub(crate) struct Scenes {
    folder: PathBuf,
    store: ChunkStore,
    known: Mutex<BTreeMap<Digest, Manifest>>,
}

fn internal(error: impl ToString) -> RenderRefusal {
    RenderRefusal::Internal(error.to_string())
}

impl From<StoreError> for RenderRefusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => Self::NoRoom(error.to_string()),
            StoreError::Mismatch { .. } => Self::Malformed(error.to_string()),
            StoreError::Missing(_) => Self::NotFound(error.to_string()),
            StoreError::Io { .. } => Self::Internal(error.to_string()),
        }
    }
}

impl Scenes {
    /// Opens what an earlier life left.
    pub(crate) fn open(home: &Path, quota: u64) -> Result<Self, RenderRefusal> {
        let folder = home.join("scenes");
        fs::create_dir_all(&folder).map_err(internal)?;
        let store = ChunkStore::open(home.join("chunks"), quota)?;
        let mut known = BTreeMap::new();
        for file in fs::read_dir(&folder).map_err(internal)?.flatten() {
            let path = file.path();
            if path.extension().is_some_and(|kind| kind == "manifest")
                && let Ok(manifest) = fs::read(&path).map_err(internal).and_then(|bytes| decode(&bytes))
            {
                known.insert(manifest.id(), manifest);
            }
        }
        Ok(Self { folder, store, known: Mutex::new(known) })
    }

    pub(crate) fn store(&self) -> &ChunkStore {
        &self.store
    }

    /// Remembers a scene by its manifest's bytes.
    pub(crate) fn remember(&self, bytes: &[u8]) -> Result<Manifest, RenderRefusal> {
        let manifest = decode(bytes)?;
        if manifest.bytes() > self.store.quota() {
            return Err(RenderRefusal::TooLarge(format!(
                "the scene has {} bytes, and this node keeps at most {}",
                manifest.bytes(),
                self.store.quota()
            )));
        }
        let mut known = lock(&self.known);
        if !known.contains_key(&manifest.id()) {
            if known.len() >= MOST_MANIFESTS {
                let broken = known.values().find(|known| !self.store.missing(known).is_empty()).map(Manifest::id);
                let full = || RenderRefusal::NoRoom(format!("this node knows {MOST_MANIFESTS} scenes already"));
                let broken = broken.ok_or_else(full)?;
                fs::remove_file(self.path(&broken, "manifest")).map_err(internal)?;
                known.remove(&broken);
            }
            write_private(&self.path(&manifest.id(), "manifest"), bytes).map_err(internal)?;
            known.insert(manifest.id(), manifest.clone());
        }
        Ok(manifest)
    }

    /// Remembers a scene and says what of it is missing.
    pub(crate) fn offer(&self, bytes: &[u8]) -> Result<Offered, RenderRefusal> {
        let manifest = self.remember(bytes)?;
        let missing = self.store.missing(&manifest).iter().map(|chunk| chunk.id.to_string()).collect();
        Ok(Offered { manifest: manifest.id().to_string(), missing })
    }

    pub(crate) fn manifest(&self, id: &Digest) -> Option<Manifest> {
        lock(&self.known).get(id).cloned()
    }

    /// Takes a chunk of a scene that is known.
    pub(crate) fn put(&self, manifest: &Digest, chunk: &Digest, bytes: &[u8]) -> Result<(), RenderRefusal> {
        self.has_chunk(manifest, chunk)?;
        Ok(self.store.put(chunk, bytes)?)
    }

    /// A chunk of a scene that is known.
    pub(crate) fn chunk(&self, manifest: &Digest, chunk: &Digest) -> Result<Vec<u8>, RenderRefusal> {
        self.has_chunk(manifest, chunk)?;
        Ok(self.store.get(chunk)?)
    }

    fn has_chunk(&self, manifest: &Digest, chunk: &Digest) -> Result<(), RenderRefusal> {
        let unknown = || RenderRefusal::NotFound(format!("the scene {manifest} was not offered here"));
        let found = self.manifest(manifest).ok_or_else(unknown)?;
        match found.chunks().iter().any(|known| known.id == *chunk) {
            true => Ok(()),
            false => Err(RenderRefusal::NotFound(format!("the scene {manifest} has no chunk {chunk}"))),
        }
    }

    /// Scenes that are whole, at most so many as a beat may name.
    pub(crate) fn held(&self) -> Vec<Digest> {
        let known = lock(&self.known);
        let whole = known.values().filter(|manifest| self.store.missing(manifest).is_empty());
        whole.map(Manifest::id).take(MOST_HELD).collect()
    }

    /// The scene's file, put together. To be called where blocking is right.
    pub(crate) fn assemble(&self, manifest: &Manifest) -> Result<PathBuf, StoreError> {
        let path = self.path(&manifest.id(), "blend");
        assemble(&self.store, manifest, &path)?;
        // The sandbox's user is nobody; the folder above is the agent's alone.
        let readable = fs::Permissions::from_mode(0o644);
        fs::set_permissions(&path, readable).map_err(|source| StoreError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// Removes files of scenes that nothing needs now; they are put together again from chunks.
    pub(crate) fn tidy(&self, needed: &[Digest]) {
        for file in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = file.path();
            let id = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<Digest>().ok());
            let is_file = path.extension().is_some_and(|kind| kind == "blend");
            if is_file
                && id.is_some_and(|id| !needed.contains(&id))
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!(path = %path.display(), %error, "the file of a scene cannot be removed");
            }
        }
    }

    fn path(&self, id: &Digest, kind: &str) -> PathBuf {
        self.folder.join(format!("{id}.{kind}"))
    }
}

fn decode(bytes: &[u8]) -> Result<Manifest, RenderRefusal> {
    Manifest::decode(bytes).map_err(|error| RenderRefusal::Malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use farm::chunks::cut;

    use super::*;

    #[test]
    fn an_upload_goes_on_where_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let scene: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let pieces: Vec<Vec<u8>> = cut(scene.as_slice()).map(|piece| piece.unwrap().1).collect();
        let manifest = farm::chunks::manifest_of(scene.as_slice()).unwrap();
        let scenes = Scenes::open(folder.path(), 64 << 20).unwrap();
        let offered = scenes.offer(&manifest.encode()).unwrap();
        assert_eq!(offered.missing.len(), pieces.len());
        let id = manifest.id();
        scenes.put(&id, &Digest::of(&pieces[0]), &pieces[0]).unwrap();
        let wrong = scenes.put(&id, &Digest::of(&pieces[1]), &pieces[0]).unwrap_err();
        assert!(matches!(wrong, RenderRefusal::Malformed(_)), "{wrong}");
        assert!(matches!(scenes.put(&id, &Digest::of(b"x"), b"x"), Err(RenderRefusal::NotFound(_))));
        drop(scenes);
        let scenes = Scenes::open(folder.path(), 64 << 20).unwrap();
        assert_eq!(scenes.offer(&manifest.encode()).unwrap().missing.len(), pieces.len() - 1);
        assert_eq!(scenes.held(), []);
        for piece in &pieces {
            scenes.put(&id, &Digest::of(piece), piece).unwrap();
        }
        assert_eq!(scenes.held(), [id]);
        let path = scenes.assemble(&manifest).unwrap();
        assert_eq!(fs::read(&path).unwrap(), scene);
        scenes.tidy(&[id]);
        assert!(path.exists());
        scenes.tidy(&[]);
        assert!(!path.exists());
        let small = Scenes::open(&folder.path().join("small"), 1 << 20).unwrap();
        assert!(matches!(small.offer(&manifest.encode()), Err(RenderRefusal::TooLarge(_))));
    }
}
