//! The local store: blobs by digest, names to manifests, and unpacked trees by image id.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::format::{ConfigDocument, Digest, Manifest};
use super::{ImageConfig, ImageLimits, layout, pull, reference, unpack};
use crate::error::{Error, IoContext, Result};
use crate::process::ProcessId;
use crate::spec::Credentials;
use crate::volume;

/// What an image leaves free of the disk, in bytes.
const KEPT_FREE: u64 = 64 << 20;

/// Images on this machine. Several processes may share one store: an operator loads an image
/// while the agent runs.
#[derive(Clone, Debug)]
pub struct ImageStore {
    dir: PathBuf,
    limits: ImageLimits,
    plain_http_registries: Vec<String>,
    unpacking: Arc<Mutex<()>>,
}

/// One named image of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSummary {
    /// Familiar name with tag or digest.
    pub name: String,
    /// Digest of its manifest, with algorithm.
    pub manifest: String,
    /// Bytes of its configuration and compressed layers.
    pub size_bytes: u64,
    /// When it was loaded or pulled.
    #[serde(with = "time::serde::rfc3339")]
    pub stored_at: OffsetDateTime,
}

/// An image unpacked: the tree has the image's own owners, and only root may enter it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTree {
    /// Root directory.
    pub path: PathBuf,
    /// How to run it.
    pub config: ImageConfig,
}

impl ImageStore {
    /// Opens the store in `dir`, making it where absent.
    ///
    /// # Errors
    /// [`Error::Io`] where the directory cannot be made.
    pub fn open(dir: &Path, limits: ImageLimits, plain_http_registries: Vec<String>) -> Result<Self> {
        for name in ["blobs/sha256", "trees", "drafts"] {
            let path = dir.join(name);
            // Trees hold set-uid programs of real root: nobody else may reach them.
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).at("making", path)?;
        }
        Ok(Self { dir: dir.to_owned(), limits, plain_http_registries, unpacking: Arc::default() })
    }

    /// Loads and unpacks every image of an OCI layout (directory or tar) or docker-save archive. `name`
    /// names the image where the archive does not, or should not.
    ///
    /// # Errors
    /// [`Error::ImageInvalid`] where the format or a digest is wrong, [`Error::HostileLayer`] where a layer reaches
    /// out of the image; then the image has no name here.
    pub async fn load(&self, path: &Path, name: Option<&str>) -> Result<Vec<ImageSummary>> {
        let (store, path) = (self.clone(), path.to_owned());
        let name = name.map(str::to_owned);
        blocking(move || layout::load(&store, &path, name.as_deref())).await
    }

    /// All named images, by name.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the index cannot be read.
    pub fn list(&self) -> Result<Vec<ImageSummary>> {
        Ok(self.read_index()?.into_values().collect())
    }

    /// Forgets a name; blobs and trees that no other name uses are deleted. Containers that run
    /// from the tree keep it until they end.
    ///
    /// # Errors
    /// [`Error::ImageMissing`] where no such name is stored.
    pub async fn remove(&self, name: &str) -> Result<()> {
        let key = reference::parse(name)?.whole();
        let _unpacking = self.unpacking.lock().await;
        let _lock = self.lock()?;
        let mut index = self.read_index()?;
        if index.remove(&key).is_none() {
            return Err(self.missing(name, None));
        }
        self.write_index(&index)?;
        self.collect_garbage(&index)
    }

    /// The image's tree, pulling and unpacking it where needed. What is stored is used without
    /// asking the registry.
    ///
    /// # Errors
    /// [`Error::ImageMissing`] where it is neither stored nor could be pulled; otherwise what is
    /// wrong with the image.
    pub async fn tree(&self, name: &str, credentials: Option<&Credentials>) -> Result<ImageTree> {
        let reference = reference::parse(name)?;
        let manifest = match self.find(&reference.whole())? {
            Some(manifest) => manifest,
            None => {
                let http = &self.plain_http_registries;
                let pulled = pull::pull(self, &reference, credentials, http).await;
                pulled.map_err(|error| self.missing(name, Some(error.to_string())))?
            }
        };
        let _unpacking = self.unpacking.lock().await;
        let store = self.clone();
        blocking(move || store.unpacked(&manifest)).await
    }

    fn find(&self, key: &str) -> Result<Option<Digest>> {
        let entry = self.read_index()?.remove(key);
        entry.map(|entry| entry.manifest.parse()).transpose()
    }

    fn missing(&self, name: &str, pull: Option<String>) -> Error {
        let names = self.list().unwrap_or_default();
        Error::ImageMissing {
            image: name.to_owned(),
            available: names.into_iter().map(|image| image.name).collect(),
            pull,
        }
    }

    fn unpacked(&self, manifest: &Digest) -> Result<ImageTree> {
        let manifest = self.manifest(manifest)?;
        let document = self.config(&manifest)?;
        document.check_platform()?;
        let path = self.dir.join("trees").join(manifest.config.digest.hex());
        if !path.exists() {
            self.unpack(&manifest, &document, &path)?;
        }
        let config = document.config.unwrap_or_default();
        Ok(ImageTree { path, config })
    }

    /// Unpacks under another name and renames: an existing tree is always a complete one.
    fn unpack(&self, manifest: &Manifest, config: &ConfigDocument, path: &Path) -> Result<()> {
        if manifest.layers.len() != config.rootfs.diff_ids.len() {
            return Err(Error::image("manifest", "it has another number of layers than its configuration"));
        }
        let draft = self.draft_path();
        fs::create_dir(&draft).at("making", &draft)?;
        crate::crash::at("image-unpacking");
        let outcome = (|| {
            let mut unpacker = unpack::Unpacker::new(&draft, self.limits_now()?)?;
            for (layer, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
                unpacker.apply(self.open_blob(&layer.digest)?, diff_id)?;
            }
            match fs::rename(&draft, path) {
                // Another process was as fast, and what it made is the same.
                Err(_) if path.exists() => fs::remove_dir_all(&draft).at("removing", &draft),
                outcome => outcome.at("renaming", path),
            }
        })();
        if outcome.is_err() {
            let _ = fs::remove_dir_all(&draft);
        }
        outcome
    }

    /// No image takes the room of volumes that were paid for, nor the last of the disk.
    pub(super) fn limits_now(&self) -> Result<ImageLimits> {
        let data_dir = self.dir.parent().unwrap_or(&self.dir);
        let room = volume::unpromised_bytes(data_dir)?.saturating_sub(KEPT_FREE);
        Ok(ImageLimits { unpacked_bytes: self.limits.unpacked_bytes.min(room), ..self.limits })
    }

    pub(super) fn manifest(&self, digest: &Digest) -> Result<Manifest> {
        self.document(digest, "manifest")
    }

    pub(super) fn config(&self, manifest: &Manifest) -> Result<ConfigDocument> {
        self.document(&manifest.config.digest, "configuration")
    }

    fn document<T: serde::de::DeserializeOwned>(&self, digest: &Digest, what: &str) -> Result<T> {
        let mut text = Vec::new();
        self.open_blob(digest)?
            .take(self.limits.document_bytes)
            .read_to_end(&mut text)
            .at("reading", self.blob_path(digest))?;
        serde_json::from_slice(&text).map_err(|error| Error::image(what, error))
    }

    pub(super) fn limits(&self) -> ImageLimits {
        self.limits
    }

    pub(super) fn has_blob(&self, digest: &Digest) -> bool {
        self.blob_path(digest).exists()
    }

    pub(super) fn open_blob(&self, digest: &Digest) -> Result<File> {
        let path = self.blob_path(digest);
        File::open(&path)
            .map_err(|error| Error::image(format!("blob {digest}"), format!("it is not in the store: {error}")))
    }

    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.dir.join("blobs/sha256").join(digest.hex())
    }

    /// A path for something unfinished, unique on this machine: it names the process that makes it.
    pub(super) fn draft_path(&self) -> PathBuf {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let pid = std::process::id();
        let since = ProcessId::of(pid.cast_signed()).map_or(0, |process| process.start_time);
        self.dir.join("drafts").join(format!("{pid}-{since}-{number}"))
    }

    /// Removes what processes that are no more left unfinished.
    pub(crate) fn remove_abandoned_drafts(&self) -> Result<()> {
        let dir = self.dir.join("drafts");
        for entry in fs::read_dir(&dir).at("reading", &dir)?.flatten() {
            if draft_maker(&entry.file_name().to_string_lossy()).is_some_and(ProcessId::is_alive) {
                continue;
            }
            let path = entry.path();
            let is_tree = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_tree { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.at("removing", path)?;
        }
        Ok(())
    }

    /// Copies a blob in. Where `expected` is given, what was read must hash to it.
    pub(super) fn add_blob(&self, mut from: impl Read, expected: Option<&Digest>) -> Result<(Digest, u64)> {
        let draft = self.draft_path();
        let outcome = (|| {
            let file = File::create(&draft).at("creating", &draft)?;
            let mut sink = HashingWriter { inner: file, hash: Sha256::new(), length: 0 };
            let limit = self.limits_now()?.unpacked_bytes;
            let mut bounded = (&mut from).take(limit.saturating_add(1));
            io::copy(&mut bounded, &mut sink).at("writing", &draft)?;
            if sink.length > limit {
                return Err(Error::image("blob", format!("it is longer than {limit} bytes")));
            }
            self.keep_blob(&draft, Digest::from_hash(&sink.hash.finalize()), expected)
                .map(|digest| (digest, sink.length))
        })();
        if outcome.is_err() {
            let _ = fs::remove_file(&draft);
        }
        outcome
    }

    /// Files a finished draft under its digest.
    pub(super) fn keep_blob(&self, draft: &Path, digest: Digest, expected: Option<&Digest>) -> Result<Digest> {
        if let Some(expected) = expected.filter(|expected| **expected != digest) {
            return Err(Error::image(
                format!("blob {expected}"),
                format!("its content hashes to {digest}; it was damaged or tampered with"),
            ));
        }
        let path = self.blob_path(&digest);
        fs::rename(draft, &path).at("renaming", path)?;
        Ok(digest)
    }

    /// Names an image once it is unpacked: who loads a hostile image learns so at once, and no tenant waits for it.
    pub(super) fn admit(&self, name: &str, manifest: &Digest) -> Result<ImageSummary> {
        self.check_complete(name, manifest)?;
        self.unpacked(manifest)?;
        self.name(name, manifest)
    }

    /// Names an image whose blobs are all present.
    pub(super) fn name(&self, name: &str, manifest: &Digest) -> Result<ImageSummary> {
        let key = reference::parse(name)?.whole();
        let document = self.check_complete(name, manifest)?;
        let parts = std::iter::once(&document.config).chain(&document.layers);
        let summary = ImageSummary {
            name: reference::familiar(&key).to_owned(),
            manifest: manifest.to_string(),
            size_bytes: parts.fold(0, |sum, part| sum.saturating_add(part.size)),
            stored_at: OffsetDateTime::now_utc(),
        };
        let _lock = self.lock()?;
        let mut index = self.read_index()?;
        index.insert(key, summary.clone());
        self.write_index(&index)?;
        Ok(summary)
    }

    fn check_complete(&self, name: &str, manifest: &Digest) -> Result<Manifest> {
        let document = self.manifest(manifest)?;
        self.config(&document)?;
        let absent = document.layers.iter().find(|layer| !self.has_blob(&layer.digest));
        match absent {
            None => Ok(document),
            Some(layer) => Err(Error::image(name, format!("its layer {} is missing", layer.digest))),
        }
    }

    fn collect_garbage(&self, index: &BTreeMap<String, ImageSummary>) -> Result<()> {
        let mut used = std::collections::BTreeSet::new();
        for image in index.values() {
            let digest: Digest = image.manifest.parse()?;
            let manifest = self.manifest(&digest)?;
            used.extend(manifest.layers.iter().map(|layer| layer.digest.hex().to_owned()));
            used.insert(manifest.config.digest.hex().to_owned());
            used.insert(digest.hex().to_owned());
        }
        for (dir, is_tree) in [("blobs/sha256", false), ("trees", true)] {
            let dir = self.dir.join(dir);
            for entry in fs::read_dir(&dir).at("reading", &dir)?.flatten() {
                let path = entry.path();
                match (used.contains(entry.file_name().to_string_lossy().as_ref()), is_tree) {
                    (true, _) => continue,
                    (false, true) => fs::remove_dir_all(&path),
                    (false, false) => fs::remove_file(&path),
                }
                .at("removing", &path)?;
            }
        }
        Ok(())
    }

    fn index_path(&self) -> PathBuf {
        self.dir.join("names.json")
    }

    fn read_index(&self) -> Result<BTreeMap<String, ImageSummary>> {
        let path = self.index_path();
        match fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| Error::Corrupt { path, reason: error.to_string() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error).at("reading", path),
        }
    }

    fn write_index(&self, index: &BTreeMap<String, ImageSummary>) -> Result<()> {
        let text = serde_json::to_vec_pretty(index).map_err(io::Error::other);
        let draft = self.draft_path();
        text.and_then(|text| fs::write(&draft, text)).at("writing", &draft)?;
        fs::rename(&draft, self.index_path()).at("renaming", draft)
    }

    fn lock(&self) -> Result<OwnedFd> {
        let path = self.dir.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).at("opening", &path)?;
        flock(&file, FlockOperation::LockExclusive).at("locking", path)?;
        Ok(file.into())
    }
}

/// The process that a draft's name tells of.
fn draft_maker(name: &str) -> Option<ProcessId> {
    let mut parts = name.split('-');
    Some(ProcessId { pid: parts.next()?.parse().ok()?, start_time: parts.next()?.parse().ok()? })
}

/// Runs file work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|error| Err(Error::image("work", format!("it was cut off: {error}"))))
}

/// Hashes what passes through.
pub(super) struct HashingWriter<W> {
    pub(super) inner: W,
    pub(super) hash: Sha256,
    pub(super) length: u64,
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
