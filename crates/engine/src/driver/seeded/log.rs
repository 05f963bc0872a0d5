//! The engine's write-ahead log in a simulated file. Format, recovery and entries are Malachite's.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use arc_malachitebft_app_channel::app::consensus::Input;
use arc_malachitebft_app_channel::app::engine::wal::{decode_entry, encode_entry};
use arc_malachitebft_app_channel::app::wal::{self, Storage};

use crate::codec::ProtoCodec;
use crate::context::Ctx;
use crate::driver::{EngineError, torn_log};

/// A file, as the log needs it. Nothing is durable before [`LogFile::sync`] returns.
pub trait LogFile: Send {
    /// Its length in bytes.
    ///
    /// # Errors
    /// When the disk fails.
    fn len(&self) -> io::Result<u64>;

    /// Whether it holds nothing.
    ///
    /// # Errors
    /// When the disk fails.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads what is there from `offset` on, at most `into.len()` bytes; how many it were.
    ///
    /// # Errors
    /// When the disk fails.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes all bytes at `offset`.
    ///
    /// # Errors
    /// When the disk fails.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file off, or fills it up with zeros.
    ///
    /// # Errors
    /// When the disk fails.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Makes everything so far durable.
    ///
    /// # Errors
    /// When the disk fails.
    fn sync(&mut self) -> io::Result<()>;
}

/// A [`LogFile`] with a position, as Malachite's log wants one.
struct Cursor {
    file: Box<dyn LogFile>,
    position: u64,
}

impl Read for Cursor {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.position, into)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Write for Cursor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(self.position, bytes)?;
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.position, by),
            SeekFrom::End(by) => (self.file.len()?, by),
        };
        let before_the_start = || io::Error::new(io::ErrorKind::InvalidInput, "before the start of the file");
        self.position = from.checked_add_signed(by).ok_or_else(before_the_start)?;
        Ok(self.position)
    }
}

impl Storage for Cursor {
    type OpenOptions = Box<dyn LogFile>;

    fn open_with(_: impl AsRef<Path>, file: Box<dyn LogFile>) -> io::Result<Self> {
        Ok(Self { file, position: 0 })
    }

    fn size_bytes(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn truncate_to(&mut self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

/// The log of one height.
pub(super) struct Log {
    log: wal::log::Log<Cursor>,
    /// The height whose entries it takes; 0 before the first.
    height: u64,
}

impl Log {
    pub(super) fn open(mut file: Box<dyn LogFile>) -> Result<Self, EngineError> {
        if torn_log::is_torn(file.len()?) {
            file.set_len(0)?;
        }
        Ok(Self { log: wal::log::Log::open_with("consensus.wal", file)?, height: 0 })
    }

    /// What an earlier run wrote for this height; nothing when it was at another one, or is at this one already.
    pub(super) fn started(&mut self, height: u64) -> Result<Vec<Input<Ctx>>, EngineError> {
        if self.height == height {
            return Ok(Vec::new());
        }
        if self.log.sequence() != height {
            self.reset(height)?;
            return Ok(Vec::new());
        }
        self.height = height;
        if self.log.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.log.iter()?;
        Ok(entries.map(|entry| decode_entry(&ProtoCodec, entry?.as_slice())).collect::<io::Result<_>>()?)
    }

    /// Forgets everything and starts a height.
    pub(super) fn reset(&mut self, height: u64) -> Result<(), EngineError> {
        self.height = height;
        Ok(self.log.reset(height)?)
    }

    /// Adds an entry, which the next [`Log::flush`] makes durable.
    pub(super) fn append(&mut self, height: u64, entry: Input<Ctx>) -> Result<(), EngineError> {
        if height != self.height {
            return Ok(());
        }
        let mut bytes = Vec::new();
        encode_entry(entry, &ProtoCodec, &mut bytes)?;
        Ok(self.log.append(&bytes)?)
    }

    pub(super) fn flush(&mut self) -> Result<(), EngineError> {
        Ok(self.log.flush()?)
    }
}
