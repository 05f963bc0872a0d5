//! OCI layouts and docker-save archives into the store.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::format::{Compression, Descriptor, Digest, Index, Manifest};
use super::store::{ImageStore, ImageSummary};
use crate::error::{Error, IoContext, Result};

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const FULL_NAME: &str = "io.containerd.image.name";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Loads all images at `path`: a directory, or a tar of it that may be gzipped.
pub(super) fn load(store: &ImageStore, path: &Path, name: Option<&str>) -> Result<Vec<ImageSummary>> {
    let metadata = fs::metadata(path).at("reading", path)?;
    let stem = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default();
    if metadata.is_dir() {
        return load_directory(store, path, stem, name);
    }
    let draft = store.draft_path();
    let outcome = extract(store, path, &draft).and_then(|()| load_directory(store, &draft, stem, name));
    let _ = fs::remove_dir_all(&draft);
    outcome
}

fn load_directory(store: &ImageStore, dir: &Path, stem: &str, name: Option<&str>) -> Result<Vec<ImageSummary>> {
    if dir.join("oci-layout").is_file() {
        return load_layout(store, dir, stem, name);
    }
    if dir.join("manifest.json").is_file() {
        return load_docker(store, dir, name);
    }
    Err(Error::image(dir.display().to_string(), "neither `oci-layout` nor docker-save's `manifest.json` is in it"))
}

fn load_layout(store: &ImageStore, dir: &Path, stem: &str, name: Option<&str>) -> Result<Vec<ImageSummary>> {
    let index: Index = read_document(store, &dir.join("index.json"))?;
    if name.is_some() && index.manifests.len() != 1 {
        let reason = format!("it holds {} images; a name fits one only", index.manifests.len());
        return Err(Error::image(dir.display().to_string(), reason));
    }
    let mut images = Vec::new();
    for entry in &index.manifests {
        let name = match name {
            Some(name) => name.to_owned(),
            None => name_of(entry, stem)?,
        };
        let manifest = import(store, dir, entry)?;
        images.push(store.admit(&name, &manifest)?);
    }
    match images.is_empty() {
        true => Err(Error::image(dir.display().to_string(), "its index names no image")),
        false => Ok(images),
    }
}

/// A full name where the layout has one; a bare tag is completed with the file's name.
fn name_of(entry: &Descriptor, stem: &str) -> Result<String> {
    if let Some(name) = entry.annotations.get(FULL_NAME) {
        return Ok(name.clone());
    }
    match entry.annotations.get(REF_NAME) {
        Some(name) if name.contains([':', '/']) => Ok(name.clone()),
        Some(tag) => Ok(format!("{stem}:{tag}")),
        None => Err(Error::image(
            format!("{} in index.json", entry.digest),
            format!("it has no {REF_NAME} annotation; give a name when loading"),
        )),
    }
}

/// Copies the manifest and all it names; of an index, the one for this machine.
fn import(store: &ImageStore, dir: &Path, entry: &Descriptor) -> Result<Digest> {
    if [INDEX, DOCKER_INDEX].contains(&entry.media_type.as_str()) {
        let index: Index = read_document(store, &blob_of(dir, &entry.digest))?;
        let fitting = index.for_this_machine().next().cloned();
        let fitting = fitting.ok_or_else(|| Error::image("index", "it has no image for this machine"))?;
        if [INDEX, DOCKER_INDEX].contains(&fitting.media_type.as_str()) {
            return Err(Error::image("index", "it nests more than once"));
        }
        return import(store, dir, &fitting);
    }
    copy(store, dir, &entry.digest)?;
    let manifest = store.manifest(&entry.digest)?;
    for part in std::iter::once(&manifest.config).chain(&manifest.layers) {
        copy(store, dir, &part.digest)?;
    }
    Ok(entry.digest.clone())
}

fn copy(store: &ImageStore, dir: &Path, digest: &Digest) -> Result<()> {
    if store.has_blob(digest) {
        return Ok(());
    }
    let path = blob_of(dir, digest);
    let file = open_regular(&path)?;
    store.add_blob(file, Some(digest)).map(drop)
}

fn blob_of(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join("blobs/sha256").join(digest.hex())
}

/// One image of docker-save's `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

fn load_docker(store: &ImageStore, dir: &Path, name: Option<&str>) -> Result<Vec<ImageSummary>> {
    let saved: Vec<SavedImage> = read_document(store, &dir.join("manifest.json"))?;
    let mut images = Vec::new();
    for image in &saved {
        let names = match name {
            Some(name) => vec![name.to_owned()],
            None => image.repo_tags.clone().unwrap_or_default(),
        };
        if names.is_empty() {
            return Err(Error::image("docker-save archive", "its image has no tag; give a name when loading"));
        }
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            config: add_file(store, dir, &image.config, "application/vnd.oci.image.config.v1+json")?,
            layers: image
                .layers
                .iter()
                .map(|layer| add_file(store, dir, layer, "application/vnd.oci.image.layer.v1.tar"))
                .collect::<Result<_>>()?,
        };
        let text = serde_json::to_vec(&manifest).map_err(|error| Error::image("manifest", error))?;
        let digest = Digest::from_hash(&Sha256::digest(&text));
        store.add_blob(text.as_slice(), Some(&digest))?;
        for name in &names {
            images.push(store.admit(name, &digest)?);
        }
    }
    Ok(images)
}

fn add_file(store: &ImageStore, dir: &Path, relative: &str, media_type: &str) -> Result<Descriptor> {
    let path = dir.join(plain(Path::new(relative))?);
    let (digest, size) = store.add_blob(open_regular(&path)?, None)?;
    Ok(Descriptor { media_type: media_type.to_owned(), digest, size, platform: None, annotations: Default::default() })
}

/// Extracts the plain files of an archive; these formats need nothing else.
fn extract(store: &ImageStore, archive: &Path, into: &Path) -> Result<()> {
    let mut head = [0; 4];
    let mut file = File::open(archive).at("opening", archive)?;
    let length = file.read(&mut head).at("reading", archive)?;
    let file = BufReader::new(File::open(archive).at("opening", archive)?);
    let reader: Box<dyn Read> = match Compression::of(&head[..length]) {
        Compression::Gzip => Box::new(MultiGzDecoder::new(file)),
        _ => Box::new(file),
    };
    let invalid = |error: std::io::Error| Error::image(archive.display().to_string(), error);
    let limit = store.limits_now()?.unpacked_bytes;
    let mut archive = tar::Archive::new(reader.take(limit));
    fs::create_dir(into).at("making", into)?;
    for entry in archive.entries().map_err(invalid)? {
        let mut entry = entry.map_err(invalid)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = into.join(plain(&entry.path().map_err(invalid)?)?);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).at("making", parent)?;
        }
        let mut file = File::create(&path).at("creating", &path)?;
        std::io::copy(&mut entry, &mut file).map_err(invalid)?;
    }
    Ok(())
}

/// A relative path that climbs nowhere.
fn plain(path: &Path) -> Result<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            _ => {
                return Err(Error::image(path.display().to_string(), "its path leaves the archive"));
            }
        }
    }
    Ok(plain)
}

/// Opens a file that is no symlink, so that a layout cannot name files of this machine.
fn open_regular(path: &Path) -> Result<File> {
    let metadata = fs::symlink_metadata(path).at("reading", path)?;
    match metadata.is_file() {
        true => File::open(path).at("opening", path),
        false => Err(Error::image(path.display().to_string(), "it is not a regular file")),
    }
}

fn read_document<T: serde::de::DeserializeOwned>(store: &ImageStore, path: &Path) -> Result<T> {
    let mut text = Vec::new();
    open_regular(path)?.take(store.limits().document_bytes).read_to_end(&mut text).at("reading", path)?;
    serde_json::from_slice(&text).map_err(|error| Error::image(path.display().to_string(), error))
}
