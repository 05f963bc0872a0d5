//! The engine's messages and files as protobuf.
//!
//! | module | what it holds | stored? |
//! |---|---|---|
//! | `wire` | the messages | |
//! | `basic` | references, signatures, votes, certificates | in all of the below |
//! | `consensus` | votes, proposals, block parts, liveness | votes and proposals, in the log |
//! | `wal` | what only the write-ahead log holds; undecided blocks | yes |
//! | `sync` | catching up from peers | certificates |
//!
//! Decoders are total: any bytes give a value or a [`CodecError`].

mod basic;
mod consensus;
mod sync;
mod wal;
pub(crate) mod wire;

#[cfg(test)]
mod tests;

use arc_malachitebft_app_channel::app::types::codec::Codec;
use bytes::Bytes;
use prost::Message;

/// Bytes that are not the message that they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {what}: {reason}; drop the message, or restore the damaged file")]
pub struct CodecError {
    what: &'static str,
    reason: String,
}

impl CodecError {
    pub(crate) fn new(what: &'static str, reason: impl ToString) -> Self {
        Self { what, reason: reason.to_string() }
    }

    pub(crate) fn missing(what: &'static str) -> Self {
        Self::new(what, "missing")
    }
}

/// A type with a protobuf form.
pub(crate) trait WireForm: Sized {
    /// The message.
    type Wire: Message + Default;

    /// To the message; fails only for values that this chain never makes.
    fn to_wire(&self) -> Result<Self::Wire, CodecError>;

    /// From the message, every field checked.
    fn from_wire(wire: Self::Wire) -> Result<Self, CodecError>;
}

pub(crate) fn encode<T: WireForm>(value: &T) -> Result<Bytes, CodecError> {
    Ok(value.to_wire()?.encode_to_vec().into())
}

pub(crate) fn decode<T: WireForm>(bytes: Bytes) -> Result<T, CodecError> {
    let wire = T::Wire::decode(bytes).map_err(|e| CodecError::new("protobuf", e))?;
    T::from_wire(wire)
}

/// The codec of everything that the engine sends or stores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProtoCodec;

impl<T: WireForm> Codec<T> for ProtoCodec {
    type Error = CodecError;

    fn decode(&self, bytes: Bytes) -> Result<T, CodecError> {
        decode(bytes)
    }

    fn encode(&self, message: &T) -> Result<Bytes, CodecError> {
        encode(message)
    }
}
