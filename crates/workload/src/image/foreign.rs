//! Doors to the decoders of foreign bytes, for fuzz targets and audits: the same that loading and pulling use.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use rustix::fs::{MemfdFlags, memfd_create};
use serde::de::DeserializeOwned;

use super::format::{ConfigDocument, Digest, Index, Manifest};
use super::unpack::Unpacker;
use super::{ImageLimits, reference};
use crate::error::{Error, IoContext, Result};

/// What a layer may take here.
const LIMITS: ImageLimits = ImageLimits { unpacked_bytes: 1 << 20, entries: 256, document_bytes: 1 << 20 };

fn document<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::image(what.to_owned(), error))
}

/// Reads the name of an image.
///
/// # Errors
/// When it is none.
pub fn name(text: &str) -> Result<String> {
    reference::parse(text).map(|reference| reference.whole())
}

/// Reads an index; the number of entries that this machine can run.
///
/// # Errors
/// When it is none.
pub fn index(bytes: &[u8]) -> Result<usize> {
    document::<Index>("index", bytes).map(|index| index.for_this_machine().count())
}

/// Reads a manifest; the number of its layers.
///
/// # Errors
/// When it is none.
pub fn manifest(bytes: &[u8]) -> Result<usize> {
    document::<Manifest>("manifest", bytes).map(|manifest| manifest.layers.len())
}

/// Reads a configuration and what it starts.
///
/// # Errors
/// When it is none, or for another machine.
pub fn config(bytes: &[u8]) -> Result<Vec<String>> {
    let document: ConfigDocument = document("configuration", bytes)?;
    document.check_platform()?;
    Ok(document.config.unwrap_or_default().process(&[], &[]))
}

/// Unpacks one layer into a folder within small limits. Nobody says what it hashes to: it is refused at its end at the
/// latest, once all of it is there.
///
/// # Errors
/// Why it is refused.
pub fn unpack(layer: &[u8], root: &Path) -> Result<()> {
    let blob = memfd_create("layer", MemfdFlags::CLOEXEC).map_err(std::io::Error::from).at("making", root)?;
    let mut blob = File::from(blob);
    blob.write_all(layer).and_then(|()| blob.rewind()).at("writing", root)?;
    Unpacker::new(root, LIMITS)?.apply(blob, &Digest::from_hash(&[0; 32]))
}
