//! btcli's key files: JSON, in the clear or in a `$NACL` box under a password.
//!
//! The box is libsodium's: argon2i at its "sensitive" limits with a salt that is the same for everybody gives the key of
//! XSalsa20-Poly1305. Older boxes are refused by name: btcli itself rewrites them as `$NACL` once it opens them.

use std::fs;
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Nonce, XSalsa20Poly1305};
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Hotkey, HotkeyError, HotkeyId};

/// What stands before a box.
const NACL: &[u8] = b"$NACL";
const ANSIBLE: &[u8] = b"$ANSIBLE_VAULT";
const FERNET: &[u8] = b"gAAAAA";
/// btcli salts every password alike.
const SALT: [u8; 16] = [0x13, 0x71, 0x83, 0xdf, 0xf1, 0x5a, 0x09, 0xbc, 0x9c, 0x90, 0xb5, 0x51, 0x87, 0x39, 0xe9, 0xb1];
/// libsodium's `MEMLIMIT_SENSITIVE`, in KiB, and `OPSLIMIT_SENSITIVE` of argon2i.
const MEMORY_KIB: u32 = 512 << 10;
const PASSES: u32 = 8;
const NONCE_BYTES: usize = 24;
/// A key file is some hundred bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Why a key file gives no hotkey.
#[derive(Debug, Error)]
pub enum KeyfileError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Too long for a key file.
    #[error("a key file has at most {MAX_BYTES} bytes; this has more")]
    TooLong,
    /// It is encrypted.
    #[error("the key file is encrypted: its password is needed")]
    Locked,
    /// The password opens nothing.
    #[error("the password is wrong, or the file is damaged")]
    WrongPassword,
    /// A box that btcli has left behind.
    #[error("the file is a {0} box, which is not supported: open it once with btcli, which writes it anew as $NACL")]
    OldBox(&'static str),
    /// Neither JSON nor a box.
    #[error("not a key file of btcli: {0}")]
    Shape(String),
    /// It holds an address without a secret.
    #[error("the file holds only the public key of {0}; the hotkey's file with its secret is needed")]
    PublicOnly(String),
    /// A secret of another key than the file says.
    #[error("the file says it is {said}, but its secret is that of {is}")]
    Mismatch {
        /// What the file says.
        said: String,
        /// Whose secret it holds.
        is: HotkeyId,
    },
    /// Secrets that are no key.
    #[error(transparent)]
    Key(#[from] HotkeyError),
}

/// Wiped once it was read.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Secret(Zeroizing<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    account_id: Option<String>,
    public_key: Option<String>,
    private_key: Option<Secret>,
    secret_phrase: Option<Secret>,
    secret_seed: Option<Secret>,
    ss58_address: Option<String>,
    crypto_type: Option<serde_json::Value>,
}

/// Reads a file.
///
/// # Errors
/// See [`open`].
pub fn read(path: &Path, password: Option<&str>) -> Result<Hotkey, KeyfileError> {
    let io = |source| KeyfileError::Io { path: path.display().to_string(), source };
    if fs::metadata(path).map_err(io)?.len() > MAX_BYTES {
        return Err(KeyfileError::TooLong);
    }
    open(&Zeroizing::new(fs::read(path).map_err(io)?), password)
}

/// Whether opening it takes a password.
pub fn is_locked(bytes: &[u8]) -> bool {
    bytes.starts_with(NACL)
}

/// The hotkey of a key file's bytes.
///
/// # Errors
/// When it is locked, of a kind that is not supported, holds no secret, or its secret is not that of the address it names.
pub fn open(bytes: &[u8], password: Option<&str>) -> Result<Hotkey, KeyfileError> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(KeyfileError::TooLong);
    }
    if bytes.starts_with(ANSIBLE) {
        return Err(KeyfileError::OldBox("$ANSIBLE_VAULT"));
    }
    if bytes.starts_with(FERNET) {
        return Err(KeyfileError::OldBox("Fernet"));
    }
    match bytes.strip_prefix(NACL) {
        None => parse(bytes),
        Some(sealed) => parse(&unseal(sealed, password.ok_or(KeyfileError::Locked)?)?),
    }
}

fn unseal(sealed: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, KeyfileError> {
    let short = || KeyfileError::Shape("the box is shorter than its nonce".to_owned());
    let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(short)?;
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(|e| KeyfileError::Shape(e.to_string()))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2i, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), &SALT, key.as_mut())
        .map_err(|error| KeyfileError::Shape(error.to_string()))?;
    let cipher = XSalsa20Poly1305::new((&*key).into());
    let opened = cipher.decrypt(Nonce::from_slice(nonce), text).map_err(|_| KeyfileError::WrongPassword)?;
    Ok(Zeroizing::new(opened))
}

fn parse(bytes: &[u8]) -> Result<Hotkey, KeyfileError> {
    // The library's text could repeat a secret; where it stands says enough.
    let at = |error: serde_json::Error| format!("no JSON of a key, at line {} column {}", error.line(), error.column());
    let fields: Fields = serde_json::from_slice(bytes).map_err(|error| KeyfileError::Shape(at(error)))?;
    // btcli writes 1 for sr25519 where it writes it at all.
    if let Some(kind) = fields.crypto_type.as_ref().filter(|kind| !kind.is_null() && **kind != 1) {
        return Err(KeyfileError::Shape(format!("its cryptoType is {kind}; only 1, sr25519, is a hotkey's")));
    }
    let key = if let Some(seed) = present(fields.secret_seed.as_ref()) {
        Hotkey::from_seed(&bytes_of(seed, "secretSeed")?)?
    } else if let Some(phrase) = present(fields.secret_phrase.as_ref()) {
        Hotkey::from_phrase(phrase)?
    } else if let Some(secret) = present(fields.private_key.as_ref()) {
        Hotkey::from_secret(&bytes_of(secret, "privateKey")?)?
    } else {
        let named = fields.ss58_address.or(fields.public_key).or(fields.account_id);
        return Err(named.map_or_else(|| KeyfileError::Shape("it names no key".to_owned()), KeyfileError::PublicOnly));
    };
    agrees(&key, fields.ss58_address.as_deref(), |text| text.parse().ok())?;
    for said in [&fields.public_key, &fields.account_id] {
        agrees(&key, said.as_deref(), |text| bytes_of(text, "publicKey").ok().map(HotkeyId::from_bytes))?;
    }
    Ok(key)
}

fn present(field: Option<&Secret>) -> Option<&str> {
    field.map(|secret| secret.0.as_str()).filter(|text| !text.is_empty())
}

fn agrees(key: &Hotkey, said: Option<&str>, read: impl Fn(&str) -> Option<HotkeyId>) -> Result<(), KeyfileError> {
    match said.filter(|text| !text.is_empty()) {
        Some(said) if read(said) != Some(key.id()) => {
            Err(KeyfileError::Mismatch { said: said.chars().take(80).collect(), is: key.id() })
        }
        _ => Ok(()),
    }
}

fn bytes_of<const N: usize>(text: &str, field: &str) -> Result<[u8; N], KeyfileError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
        .map_err(|_| KeyfileError::Shape(format!("its {field} is no hex text of {N} bytes")))?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "keyfile_tests.rs"]
mod tests;
