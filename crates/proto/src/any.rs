//! Packing messages into `google.protobuf.Any` under Cosmos type URLs (`/package.Message`, no host).

use prost::{Message, Name};
use prost_types::Any;

/// Why an [`Any`] is not the message that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyError {
    /// The type URL names another message.
    WrongType {
        /// What the caller wanted.
        wanted: String,
        /// What the `Any` says it holds.
        found: String,
    },
    /// The bytes are not an encoding of the message.
    Malformed(String),
}

impl std::fmt::Display for AnyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WrongType { wanted, found } => write!(f, "expected {wanted}, found {found}"),
            Self::Malformed(why) => write!(f, "malformed message: {why}"),
        }
    }
}

impl std::error::Error for AnyError {}

/// The type URL of a message: a slash and its full protobuf name.
pub fn type_url<M: Name>() -> String {
    format!("/{}", M::full_name())
}

/// Messages that can be packed.
pub trait ToAny {
    /// Packs the message under its type URL.
    fn to_any(&self) -> Any;
}

impl<M: Message + Name> ToAny for M {
    fn to_any(&self) -> Any {
        Any { type_url: type_url::<M>(), value: self.encode_to_vec() }
    }
}

/// Unpacking of [`Any`].
pub trait FromAny {
    /// Decodes the message if the type URL names it.
    ///
    /// # Errors
    /// [`AnyError`] when the URL or the bytes do not fit.
    fn unpack<M: Message + Name + Default>(&self) -> Result<M, AnyError>;
}

impl FromAny for Any {
    fn unpack<M: Message + Name + Default>(&self) -> Result<M, AnyError> {
        let wanted = type_url::<M>();
        if self.type_url != wanted {
            return Err(AnyError::WrongType { wanted, found: self.type_url.clone() });
        }
        M::decode(self.value.as_slice()).map_err(|error| AnyError::Malformed(error.to_string()))
    }
}

/// Why bytes are not the one encoding of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CanonicalError {
    /// They are no encoding at all.
    Malformed(String),
    /// They decode, but to a message that encodes differently: a field is unknown, out of order or written out though it
    /// is the default.
    Different,
}

impl std::fmt::Display for CanonicalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "does not decode: {why}"),
            Self::Different => f.write_str("is not canonical protobuf, or has a field that this chain does not know"),
        }
    }
}

impl std::error::Error for CanonicalError {}

/// Decodes a message in its one canonical form only, so that nothing that a user signed is ignored.
///
/// # Errors
/// [`CanonicalError`].
pub fn canonical<M: Message + Default>(bytes: &[u8]) -> Result<M, CanonicalError> {
    let message = M::decode(bytes).map_err(|error| CanonicalError::Malformed(error.to_string()))?;
    if message.encode_to_vec() == bytes { Ok(message) } else { Err(CanonicalError::Different) }
}
