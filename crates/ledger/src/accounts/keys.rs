//! Public keys of accounts, and the addresses that follow from them. Signatures are checked elsewhere.

use primitives::Address;
use proto::cosmos::crypto::{ed25519, secp256k1};
use proto::{Any, FromAny, ToAny, type_url};
use ripemd::Ripemd160;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A public key that an account signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// A compressed secp256k1 point, as wallets of Cosmos chains have it.
    Secp256k1([u8; 33]),
    /// An ed25519 point.
    Ed25519([u8; 32]),
}

/// Why an `Any` is no public key of an account.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Another kind of key.
    #[error("{0:?} is not a kind of account key; accounts sign with secp256k1 or ed25519 keys")]
    Unsupported(String),
    /// The message does not decode.
    #[error("the public key is malformed: {0}")]
    Malformed(String),
    /// Not as many bytes as the kind has.
    #[error("{kind} public keys have {wanted} bytes, this one has {found}")]
    Length {
        /// `secp256k1` or `ed25519`.
        kind: &'static str,
        /// How many bytes such keys have.
        wanted: usize,
        /// How many this one has.
        found: usize,
    },
    /// A secp256k1 key whose first byte is not that of a compressed point.
    #[error("a compressed secp256k1 public key begins with 02 or 03, this one with {0:02x}")]
    NotCompressed(u8),
}

impl PublicKey {
    /// Unpacks `/cosmos.crypto.secp256k1.PubKey` or `/cosmos.crypto.ed25519.PubKey`.
    ///
    /// # Errors
    /// When it is neither, or has a wrong length.
    pub fn from_any(any: &Any) -> Result<Self, KeyError> {
        let malformed = |error: proto::AnyError| KeyError::Malformed(error.to_string());
        if any.type_url == type_url::<secp256k1::PubKey>() {
            Self::secp256k1(&any.unpack::<secp256k1::PubKey>().map_err(malformed)?.key)
        } else if any.type_url == type_url::<ed25519::PubKey>() {
            Self::ed25519(&any.unpack::<ed25519::PubKey>().map_err(malformed)?.key)
        } else {
            Err(KeyError::Unsupported(any.type_url.clone()))
        }
    }

    /// A compressed secp256k1 key.
    ///
    /// # Errors
    /// When it has not 33 bytes or is not compressed.
    pub fn secp256k1(bytes: &[u8]) -> Result<Self, KeyError> {
        let length = |_| KeyError::Length { kind: "secp256k1", wanted: 33, found: bytes.len() };
        let key = <[u8; 33]>::try_from(bytes).map_err(length)?;
        match key {
            [2 | 3, ..] => Ok(Self::Secp256k1(key)),
            [first, ..] => Err(KeyError::NotCompressed(first)),
        }
    }

    /// An ed25519 key.
    ///
    /// # Errors
    /// When it has not 32 bytes.
    pub fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        let length = |_| KeyError::Length { kind: "ed25519", wanted: 32, found: bytes.len() };
        <[u8; 32]>::try_from(bytes).map(Self::Ed25519).map_err(length)
    }

    /// Packs the key under its Cosmos type URL.
    pub fn to_any(&self) -> Any {
        match self {
            Self::Secp256k1(key) => secp256k1::PubKey { key: key.to_vec() }.to_any(),
            Self::Ed25519(key) => ed25519::PubKey { key: key.to_vec() }.to_any(),
        }
    }

    /// The account's address: RIPEMD-160 of SHA-256 of a secp256k1 key, the first 20 bytes of SHA-256 of an ed25519
    /// key (Cosmos SDK `crypto/keys`).
    pub fn address(&self) -> Address {
        let mut address = [0; 20];
        match self {
            Self::Secp256k1(key) => address.copy_from_slice(&Ripemd160::digest(Sha256::digest(key))),
            Self::Ed25519(key) => {
                let digest: [u8; 32] = Sha256::digest(key).into();
                address.copy_from_slice(&digest[..20]);
            }
        }
        Address::new(address)
    }
}

/// A key as genesis shows it: `{"secp256k1": "<hex>"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum KeyText {
    /// 33 bytes in hex.
    Secp256k1(String),
    /// 32 bytes in hex.
    Ed25519(String),
}

impl From<&PublicKey> for KeyText {
    fn from(key: &PublicKey) -> Self {
        match key {
            PublicKey::Secp256k1(key) => Self::Secp256k1(hex::encode(key)),
            PublicKey::Ed25519(key) => Self::Ed25519(hex::encode(key)),
        }
    }
}

impl KeyText {
    /// Reads the text.
    ///
    /// # Errors
    /// When it is not hex or has a wrong length.
    pub fn parse(&self) -> Result<PublicKey, KeyError> {
        let bytes = |text: &str| hex::decode(text).map_err(|error| KeyError::Malformed(error.to_string()));
        match self {
            Self::Secp256k1(text) => PublicKey::secp256k1(&bytes(text)?),
            Self::Ed25519(text) => PublicKey::ed25519(&bytes(text)?),
        }
    }
}
