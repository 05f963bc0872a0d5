//! Key files, one a name, in one folder: `NAME.key`.
//!
//! A key is encrypted with a passphrase (age, scrypt). Only accounts marked `dev`, which belong to toy networks, are
//! stored in the clear, and say so in the file. Files are readable by their owner alone.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use primitives::Address;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::{KeyError, SigningKey};

/// A folder of key files.
#[derive(Clone, Debug)]
pub struct Keystore {
    folder: PathBuf,
}

/// What a key file says without its passphrase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// The name of the key.
    pub name: String,
    /// The 20 bytes of its address, in hex, so that a file can be told apart without opening it.
    pub address: String,
    /// Whether it is in the clear and belongs to a toy network.
    pub dev: bool,
}

impl KeyInfo {
    /// The address; none if the file was tampered with.
    pub fn address(&self) -> Option<Address> {
        let pairs = self.address.as_bytes().chunks(2);
        let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
        let bytes: Option<Vec<u8>> =
            pairs.map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect();
        Address::try_from(bytes?.as_slice()).ok()
    }
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    format: String,
    #[serde(flatten)]
    info: KeyInfo,
    /// Base64 of the secret (dev) or of the age file that holds it.
    secret: String,
}

const FORMAT: &str = "tetra-key/v1";

/// Why a key file cannot be used.
#[derive(Debug, Error)]
pub enum KeystoreError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No key of that name.
    #[error("no key is named {name:?} in {folder}; `tetra wallet list` shows the names")]
    Missing {
        /// The name.
        name: String,
        /// The folder.
        folder: PathBuf,
    },
    /// The name is taken; nothing was overwritten.
    #[error("a key is named {0:?} already: choose another name, or move its file away first")]
    Exists(String),
    /// The name cannot be a file's.
    #[error("{0:?} cannot name a key: use 1 to 64 letters, digits, dots, dashes and underscores")]
    BadName(String),
    /// A passphrase is needed.
    #[error("key {0:?} is encrypted and needs its passphrase: set TETRA_PASSPHRASE, or run on a terminal")]
    Locked(String),
    /// A wrong passphrase.
    #[error("the passphrase of key {0:?} is wrong")]
    WrongPassphrase(String),
    /// The file is not a key file.
    #[error("{path} is not a key file of this version: {why}")]
    Corrupt {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The secret is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Keystore {
    /// The key files in a folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, name: &str) -> Result<PathBuf, KeystoreError> {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !plain || name.starts_with('.') || !(1..=64).contains(&name.len()) {
            return Err(KeystoreError::BadName(name.to_owned()));
        }
        Ok(self.folder.join(format!("{name}.key")))
    }

    /// Adds a key: encrypted with the passphrase, or as a dev key in the clear without one.
    ///
    /// # Errors
    /// When the name is taken or the file cannot be written; an existing file is never changed.
    pub fn add(&self, name: &str, key: &SigningKey, passphrase: Option<&str>) -> Result<KeyInfo, KeystoreError> {
        let path = self.path(name)?;
        let io = |source| KeystoreError::Io { path: path.clone(), source };
        fs::create_dir_all(&self.folder).map_err(io)?;
        let secret = key.secret_bytes();
        let sealed = match passphrase {
            Some(passphrase) => seal(secret.as_slice(), passphrase).map_err(io)?,
            None => secret.to_vec(),
        };
        let address = key.address().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let info = KeyInfo { name: name.to_owned(), address, dev: passphrase.is_none() };
        let file = KeyFile { format: FORMAT.to_owned(), info: info.clone(), secret: STANDARD.encode(sealed) };
        let text = serde_json::to_string_pretty(&file).map_err(|error| io(error.into()))?;
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut opened = match opened {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(KeystoreError::Exists(name.to_owned()));
            }
            other => other.map_err(io)?,
        };
        opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all()).map_err(io)?;
        Ok(info)
    }

    fn read(&self, name: &str) -> Result<KeyFile, KeystoreError> {
        let path = self.path(name)?;
        let text = fs::read_to_string(&path).map_err(|source| {
            if source.kind() == std::io::ErrorKind::NotFound {
                KeystoreError::Missing { name: name.to_owned(), folder: self.folder.clone() }
            } else {
                KeystoreError::Io { path: path.clone(), source }
            }
        })?;
        let corrupt = |why: String| KeystoreError::Corrupt { path: path.clone(), why };
        let file: KeyFile = serde_json::from_str(&text).map_err(|error| corrupt(error.to_string()))?;
        if file.format != FORMAT {
            return Err(corrupt(format!("its format is {:?}, {FORMAT:?} is wanted", file.format)));
        }
        Ok(file)
    }

    /// What a key file says without its passphrase.
    ///
    /// # Errors
    /// When there is no such key file.
    pub fn info(&self, name: &str) -> Result<KeyInfo, KeystoreError> {
        Ok(self.read(name)?.info)
    }

    /// Opens a key.
    ///
    /// # Errors
    /// When there is no such key, or the passphrase is missing or wrong.
    pub fn open(&self, name: &str, passphrase: Option<&str>) -> Result<SigningKey, KeystoreError> {
        let file = self.read(name)?;
        let path = self.path(name)?;
        let corrupt = |why: String| KeystoreError::Corrupt { path: path.clone(), why };
        let sealed = STANDARD.decode(&file.secret).map_err(|error| corrupt(error.to_string()))?;
        let secret = match (file.info.dev, passphrase) {
            (true, _) => Zeroizing::new(sealed),
            (false, None) => return Err(KeystoreError::Locked(name.to_owned())),
            (false, Some(passphrase)) => {
                unseal(&sealed, passphrase).ok_or_else(|| KeystoreError::WrongPassphrase(name.to_owned()))?
            }
        };
        let secret: [u8; 32] = secret.as_slice().try_into().map_err(|_| corrupt("a secret has 32 bytes".into()))?;
        let key = SigningKey::from_bytes(secret)?;
        if file.info.address() != Some(key.address()) {
            return Err(corrupt("its address is not the secret's".to_owned()));
        }
        Ok(key)
    }

    /// All keys, by name.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeystoreError> {
        let io = |source| KeystoreError::Io { path: self.folder.clone(), source };
        if !self.folder.exists() {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".key")) {
                keys.push(self.info(name)?);
            }
        }
        keys.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(keys)
    }
}

fn seal(secret: &[u8], passphrase: &str) -> std::io::Result<Vec<u8>> {
    let encryptor = age::Encryptor::with_user_passphrase(SecretString::from(passphrase.to_owned()));
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed)?;
    writer.write_all(secret)?;
    writer.finish()?;
    Ok(sealed)
}

fn unseal(sealed: &[u8], passphrase: &str) -> Option<Zeroizing<Vec<u8>>> {
    let identity = age::scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    let decryptor = age::Decryptor::new(sealed).ok()?;
    let mut reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).ok()?;
    let mut secret = Zeroizing::new(Vec::new());
    reader.read_to_end(&mut secret).ok()?;
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_key_opens_only_with_its_passphrase() {
        let folder = tempfile::tempdir().unwrap();
        let store = Keystore::new(folder.path());
        let key = SigningKey::from_bytes([7; 32]).unwrap();
        store.add("alice", &key, Some("horse")).unwrap();
        assert_eq!(store.open("alice", Some("horse")).unwrap().address(), key.address());
        assert!(matches!(store.open("alice", Some("mule")), Err(KeystoreError::WrongPassphrase(_))));
        assert!(matches!(store.open("alice", None), Err(KeystoreError::Locked(_))));
        let text = fs::read_to_string(folder.path().join("alice.key")).unwrap();
        assert!(!text.contains(&STANDARD.encode([7; 32])));
    }

    #[test]
    fn names_are_never_overwritten_and_never_paths() {
        let folder = tempfile::tempdir().unwrap();
        let store = Keystore::new(folder.path());
        let key = SigningKey::from_bytes([7; 32]).unwrap();
        store.add("dev", &key, None).unwrap();
        assert!(matches!(store.add("dev", &key, None), Err(KeystoreError::Exists(_))));
        for bad in ["", "../x", "a/b", ".hidden"] {
            assert!(matches!(store.add(bad, &key, None), Err(KeystoreError::BadName(_))), "{bad:?}");
        }
        assert_eq!(store.list().unwrap().len(), 1);
        assert!(store.list().unwrap()[0].dev);
    }
}
