//! What the state stands on: one ordered space of raw bytes that is read, written in atomic batches and frozen.
//!
//! Two traits with two methods each: [`View`] reads (a backend and a frozen copy of it read alike), [`Backend`] writes
//! and freezes. Values are never empty in what this workspace stores, but a backend keeps empty ones too.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::state::{Direction, Pair};
use crate::{Error, Result};

/// Reading an ordered space of bytes.
pub trait View: Send + Sync {
    /// The value at a key.
    ///
    /// # Errors
    /// When the storage fails.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Up to `limit` pairs with `start <= key < end` (no end: to the last key), in the order of `direction`.
    ///
    /// # Errors
    /// When the storage fails.
    fn range(&self, start: &[u8], end: Option<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Pair>>;
}

/// An ordered space of bytes.
pub trait Backend: View {
    /// Writes a batch: all of it or, after a crash, nothing. It is on stable storage when this returns.
    ///
    /// # Errors
    /// When the storage fails; nothing was written then.
    fn write(&self, batch: Batch) -> Result<()>;

    /// The space as it is now, untouched by later writes.
    ///
    /// # Errors
    /// When the storage fails.
    fn snapshot(&self) -> Result<Arc<dyn View>>;
}

/// A write: a key, and its new value or none where it is removed.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// Writes that happen together, in order of key. Of two writes of one key the later one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch(BTreeMap<Vec<u8>, Option<Vec<u8>>>);

impl Batch {
    /// Sets a key.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert(key, Some(value));
    }

    /// Removes a key, if it is there.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.0.insert(key, None);
    }

    /// Whether it writes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Batch {
    type Item = Write;
    type IntoIter = std::collections::btree_map::IntoIter<Vec<u8>, Option<Vec<u8>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Reads a long range in pieces, so that no more than a piece is in memory at a time.
///
/// # Errors
/// When the storage or the visitor fails.
pub fn for_each<E: From<Error>>(
    view: &dyn View,
    start: &[u8],
    end: Option<&[u8]>,
    mut visit: impl FnMut(Vec<u8>, Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    const PIECE: usize = 4096;
    let mut start = start.to_vec();
    loop {
        let pairs = view.range(&start, end, Direction::Up, PIECE)?;
        let complete = pairs.len() < PIECE;
        if let Some((last, _)) = pairs.last() {
            start.clone_from(last);
            start.push(0);
        }
        for (key, value) in pairs {
            visit(key, value)?;
        }
        if complete {
            return Ok(());
        }
    }
}

/// The key that holds a space's format in every space of this workspace; no store uses it for anything else.
const FORMAT_KEY: [u8; 1] = [0];

/// Makes sure that the space holds `format` (a name and a version, such as `"tetra state 1"`): an empty space is
/// marked with it, any other must carry the very same mark.
///
/// # Errors
/// [`Error::Format`] when the space holds something else; a storage error.
pub fn ensure_format(backend: &dyn Backend, format: &'static str) -> Result<()> {
    let found = match backend.get(&FORMAT_KEY)? {
        Some(mark) if mark == format.as_bytes() => return Ok(()),
        Some(mark) => String::from_utf8_lossy(&mark).into_owned(),
        None if backend.range(&[], None, Direction::Up, 1)?.is_empty() => {
            let mut batch = Batch::default();
            batch.put(FORMAT_KEY.to_vec(), format.as_bytes().to_vec());
            return backend.write(batch);
        }
        None => "no mark at all".to_owned(),
    };
    Err(Error::Format { expected: format, found })
}
