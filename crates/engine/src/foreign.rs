//! Doors to the decoders of foreign bytes, for fuzz targets and audits: the same codecs that the engine uses.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use arc_malachitebft_app_channel::app::consensus::LivenessMsg;
use arc_malachitebft_app_channel::app::engine::wal::decode_entry;
use arc_malachitebft_app_channel::app::types::SignedConsensusMsg;
use arc_malachitebft_app_channel::app::types::core::ValidatorProof;
use arc_malachitebft_app_channel::app::types::streaming::StreamMessage;
use arc_malachitebft_app_channel::app::types::sync::{Request, Response, Status};
use arc_malachitebft_app_channel::app::wal::Storage;
use arc_malachitebft_app_channel::app::wal::log::Log;
use bytes::Bytes;

use crate::codec::{CodecError, ProtoCodec, WireForm, decode, encode};
use crate::context::{Ctx, Part};

/// A message that a peer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A signed vote or proposal.
    Consensus,
    /// What keeps rounds alive: votes and certificates again.
    Liveness,
    /// A piece of a block.
    Part,
    /// A piece of a block within its stream.
    StreamMessage,
    /// The proof that a peer is a validator.
    ValidatorProof,
    /// How far a peer is.
    Status,
    /// A peer's wish for blocks.
    SyncRequest,
    /// Blocks from a peer.
    SyncResponse,
}

impl Foreign {
    /// Decodes bytes and encodes what they mean.
    ///
    /// # Errors
    /// When the bytes are no such message.
    pub fn normalise(self, bytes: Bytes) -> Result<Bytes, CodecError> {
        fn through<T: WireForm>(bytes: Bytes) -> Result<Bytes, CodecError> {
            encode(&decode::<T>(bytes)?)
        }
        match self {
            Self::Consensus => through::<SignedConsensusMsg<Ctx>>(bytes),
            Self::Liveness => through::<LivenessMsg<Ctx>>(bytes),
            Self::Part => through::<Part>(bytes),
            Self::StreamMessage => through::<StreamMessage<Part>>(bytes),
            Self::ValidatorProof => through::<ValidatorProof<Ctx>>(bytes),
            Self::Status => through::<Status<Ctx>>(bytes),
            Self::SyncRequest => through::<Request<Ctx>>(bytes),
            Self::SyncResponse => through::<Response<Ctx>>(bytes),
        }
    }
}

/// A write-ahead log after recovery.
#[derive(Debug)]
pub struct RecoveredLog {
    /// Entries that it counts.
    pub entries: usize,
    /// Each entry that could be read, until one could not: decoded, or why not.
    pub read: Vec<io::Result<()>>,
    /// The log's bytes now, its torn tail cut off.
    pub bytes: Vec<u8>,
}

/// Recovers a write-ahead log from its bytes as the engine does when it starts again.
///
/// # Errors
/// When the bytes are no log; the engine then does not start and says so.
pub fn recover_log(bytes: &[u8]) -> io::Result<RecoveredLog> {
    let mut left = bytes.to_vec();
    let mut log = Log::<File<'_>>::open_with("in memory", File(Cursor::new(&mut left)))?;
    let entries = log.len();
    let decode = |entry: io::Result<Vec<u8>>| entry.map(|entry| decode_entry::<Ctx, _, _>(&ProtoCodec, &*entry));
    let read = log.iter()?.map(|entry| decode(entry)?.map(drop)).collect();
    drop(log);
    Ok(RecoveredLog { entries, read, bytes: left })
}

/// A file in memory.
#[derive(Debug)]
struct File<'b>(Cursor<&'b mut Vec<u8>>);

impl Read for File<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for File<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.write(from)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Storage for File<'_> {
    type OpenOptions = Self;

    fn open_with(_: impl AsRef<Path>, file: Self) -> io::Result<Self> {
        Ok(file)
    }

    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.0.get_ref().len() as u64)
    }

    fn truncate_to(&mut self, size: u64) -> io::Result<()> {
        let size = usize::try_from(size).map_err(io::Error::other)?;
        self.0.get_mut().resize(size, 0);
        Ok(())
    }

    fn sync_all(&mut self) -> io::Result<()> {
        Ok(())
    }
}
