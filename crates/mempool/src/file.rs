//! The pool on disk: an append-only journal.
//!
//! # Format, version 1 (all integers little-endian)
//!
//! ```text
//! file    = "TETRAMPL" · version u32 · record*
//! record  = length u32 of the payload · CRC-32 (IEEE) u32 of the payload · payload
//! payload = 1 · height u64 · sequence u64 · sender length u16 · sender · raw transaction     (added)
//!         | 2 · hash [32]                                                                    (left the pool)
//! ```
//!
//! # What survives
//!
//! Every change is one `write(2)` before it is acknowledged, so an accepted transaction survives `kill -9` of the
//! node. It is not synchronised to the disk at once: a power failure may take what came since the last
//! [`Journal::sync_handle`] sync, which the node makes after every block. That is a choice: a sync for each
//! transaction would cost milliseconds, and a transaction is also at the node's peers and at its sender.
//!
//! Recovery reads up to the first record that is torn or does not match its checksum, cuts the file there and goes
//! on. What is recovered must be checked anew, because the chain may have moved on. A file that is not a journal, or
//! one of a later version, is refused and left as it is.
//!
//! When the records of departed transactions outweigh the living, the journal is written anew beside the old one,
//! synchronised and renamed over it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::{Entry, TxHash, tx_hash};

const MAGIC: &[u8; 8] = b"TETRAMPL";
const VERSION: u32 = 1;
const HEADER: usize = 12;
const FRAME: usize = 8;
const ADDED: u8 = 1;
const LEFT: u8 = 2;
/// Dead bytes below this are not worth a rewrite.
const COMPACT_FLOOR: u64 = 1024 * 1024;

/// Why the journal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused.
    #[error("mempool journal {path}: cannot {action}: {source}; check the disk's space and the file's owner")]
    Io {
        /// The journal's path.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("mempool journal {path} is in use by another process; stop the other node or give this one its own home")]
    InUse {
        /// The journal's path.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is not a mempool journal; move it away, the node then starts with an empty pool")]
    NotAJournal {
        /// The file's path.
        path: PathBuf,
    },
    /// A later version of this program wrote it.
    #[error(
        "mempool journal {path} has version {found}, this program knows version {VERSION}; upgrade, or move the \
         file away (waiting transactions are lost)"
    )]
    Version {
        /// The journal's path.
        path: PathBuf,
        /// The version in the file.
        found: u32,
    },
}

/// A transaction found in a journal: to be checked anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The raw transaction.
    pub bytes: Bytes,
    /// Whose sequence it spends.
    pub sender: Bytes,
    /// The sequence that it spends.
    pub sequence: u64,
    /// The last committed height when it was added.
    pub height: u64,
}

/// Why bytes are no journal at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The magic is not there.
    Magic,
    /// The version is not known.
    Version(u32),
}

/// What [`recover`] made of a journal's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Transactions that were added and did not leave, by sender and ascending sequence.
    pub saved: Vec<Saved>,
    /// How many leading bytes are sound; 0 where even the header is torn.
    pub sound: usize,
}

/// Reads a journal's bytes up to the first record that is torn or damaged.
pub fn recover(bytes: &[u8]) -> Result<Recovered, HeaderError> {
    let Some((header, mut rest)) = bytes.split_at_checked(HEADER) else {
        let torn_header = header().starts_with(bytes);
        return if torn_header { Ok(Recovered::default()) } else { Err(HeaderError::Magic) };
    };
    let (magic, version) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(HeaderError::Magic);
    }
    match u32::from_le_bytes([version[0], version[1], version[2], version[3]]) {
        VERSION => {}
        other => return Err(HeaderError::Version(other)),
    }
    let mut living: HashMap<TxHash, Saved> = HashMap::new();
    while let Some((payload, after)) = next_payload(rest) {
        match parse(payload) {
            Some(Record::Added(saved)) => drop(living.insert(tx_hash(&saved.bytes), saved)),
            Some(Record::Left(hash)) => drop(living.remove(&hash)),
            None => break,
        }
        rest = after;
    }
    let mut saved: Vec<Saved> = living.into_values().collect();
    saved.sort_unstable_by(|a, b| {
        (&a.sender, a.sequence, a.height, &a.bytes).cmp(&(&b.sender, b.sequence, b.height, &b.bytes))
    });
    Ok(Recovered { saved, sound: bytes.len() - rest.len() })
}

enum Record {
    Added(Saved),
    Left(TxHash),
}

fn next_payload(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (payload, after) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    (crc32fast::hash(payload) == u32::from_le_bytes(*crc)).then_some((payload, after))
}

fn parse(payload: &[u8]) -> Option<Record> {
    let (kind, body) = payload.split_first()?;
    match *kind {
        ADDED => {
            let (height, rest) = body.split_first_chunk::<8>()?;
            let (sequence, rest) = rest.split_first_chunk::<8>()?;
            let (sender_length, rest) = rest.split_first_chunk::<2>()?;
            let (sender, raw) = rest.split_at_checked(usize::from(u16::from_le_bytes(*sender_length)))?;
            Some(Record::Added(Saved {
                bytes: Bytes::copy_from_slice(raw),
                sender: Bytes::copy_from_slice(sender),
                sequence: u64::from_le_bytes(*sequence),
                height: u64::from_le_bytes(*height),
            }))
        }
        LEFT => Some(Record::Left(body.try_into().ok()?)),
        _ => None,
    }
}

fn header() -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..MAGIC.len()].copy_from_slice(MAGIC);
    header[MAGIC.len()..].copy_from_slice(&VERSION.to_le_bytes());
    header
}

/// Appends `payload` with its length and checksum.
fn frame(out: &mut Vec<u8>, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    out.extend_from_slice(payload);
    Ok(())
}

fn added(entry: &Entry) -> io::Result<Vec<u8>> {
    let sender_length = u16::try_from(entry.sender.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the sender's key is longer than 65535 bytes"))?;
    let mut payload = vec![ADDED];
    payload.extend_from_slice(&entry.height.to_le_bytes());
    payload.extend_from_slice(&entry.sequence.to_le_bytes());
    payload.extend_from_slice(&sender_length.to_le_bytes());
    payload.extend_from_slice(&entry.sender);
    payload.extend_from_slice(&entry.bytes);
    Ok(payload)
}

fn left(hash: &TxHash) -> Vec<u8> {
    let mut payload = vec![LEFT];
    payload.extend_from_slice(hash);
    payload
}

/// The open journal of one pool.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes of sound records in the file; what a failed write left behind it is cut off before the next.
    length: u64,
}

impl Journal {
    /// Opens the journal, creating it where there is none, and returns what it holds. It stays locked against other
    /// processes until it is dropped.
    pub fn open(path: impl Into<PathBuf>) -> Result<(Self, Vec<Saved>), JournalError> {
        let path = path.into();
        let wrap = |action| io_error(&path, action);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(wrap("open it"))?;
        lock(&file, &path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(wrap("read it"))?;
        let Recovered { saved, sound } = recover(&bytes).map_err(|error| match error {
            HeaderError::Magic => JournalError::NotAJournal { path: path.clone() },
            HeaderError::Version(found) => JournalError::Version { path: path.clone(), found },
        })?;
        if sound < bytes.len() {
            tracing::warn!(path = %path.display(), bytes = bytes.len() - sound, "the mempool journal had a torn tail; cut off");
        }
        let mut journal = Self { path: path.clone(), file, length: sound as u64 };
        if sound == 0 {
            journal.append(&header())?;
        }
        Ok((journal, saved))
    }

    /// Records a transaction that was added and those that left for it, in one write.
    pub fn record_added(&mut self, entry: &Entry, left_for_it: &[TxHash]) -> Result<(), JournalError> {
        let mut out = Vec::with_capacity(entry.bytes.len() + 128);
        added(entry).and_then(|payload| frame(&mut out, &payload)).map_err(io_error(&self.path, "encode"))?;
        self.append_left(out, left_for_it)
    }

    /// Records transactions that left the pool, in one write.
    pub fn record_left(&mut self, hashes: &[TxHash]) -> Result<(), JournalError> {
        self.append_left(Vec::new(), hashes)
    }

    /// A second handle to the file, for `sync_data` outside of the pool's lock.
    pub fn sync_handle(&self) -> Result<File, JournalError> {
        self.file.try_clone().map_err(io_error(&self.path, "duplicate its handle"))
    }

    /// Whether a rewrite with `living_bytes` raw bytes of transactions would shrink the file by more than half.
    pub fn is_bloated(&self, living_bytes: usize) -> bool {
        self.length > COMPACT_FLOOR && self.length / 2 > living_bytes as u64
    }

    /// Writes the journal anew with exactly `entries`, atomically.
    pub fn rewrite<'a>(&mut self, entries: impl IntoIterator<Item = &'a Entry>) -> Result<(), JournalError> {
        let mut out = header().to_vec();
        for entry in entries {
            added(entry).and_then(|payload| frame(&mut out, &payload)).map_err(io_error(&self.path, "encode"))?;
        }
        let beside = self.path.with_extension("new");
        let fresh = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&beside)
            .map_err(io_error(&beside, "create it"))?;
        lock(&fresh, &beside)?;
        (&fresh)
            .write_all(&out)
            .and_then(|()| fresh.sync_all())
            .and_then(|()| std::fs::rename(&beside, &self.path))
            .and_then(|()| sync_folder_of(&self.path))
            .map_err(io_error(&self.path, "replace it"))?;
        self.file = fresh;
        self.length = out.len() as u64;
        Ok(())
    }

    fn append_left(&mut self, mut out: Vec<u8>, hashes: &[TxHash]) -> Result<(), JournalError> {
        for hash in hashes {
            frame(&mut out, &left(hash)).map_err(io_error(&self.path, "encode"))?;
        }
        self.append(&out)
    }

    /// One write at the end of the sound records; a write that fails half-way is cut off.
    fn append(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
            .and_then(|_| self.file.write_all(bytes))
            .map_err(io_error(&self.path, "append to it"))?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_path_buf();
    move |source| JournalError::Io { path, action, source }
}

fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::InUse { path: path.to_path_buf() },
        TryLockError::Error(source) => JournalError::Io { path: path.to_path_buf(), action: "lock it", source },
    })
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Bytes that an added record takes beyond the raw transaction and its sender.
pub const OVERHEAD: usize = FRAME + 1 + 8 + 8 + 2;
