//! Hotkeys of this machine: a folder of btcli's key files, one per name, readable by their owner alone.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use super::keyfile::{self, KeyfileError};
use super::{Hotkey, HotkeyError, HotkeyId};

/// Why there is no such hotkey here.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A name that would be no plain file's.
    #[error("{0:?} is no name: letters, digits, - and _ are wanted, at most 64")]
    Name(String),
    /// Taken.
    #[error("there is a hotkey named {0} already; nothing was changed")]
    Exists(String),
    /// Not there.
    #[error("there is no hotkey named {name} in {folder}")]
    Missing {
        /// Its name.
        name: String,
        /// Where was looked.
        folder: PathBuf,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds none.
    #[error(transparent)]
    File(#[from] KeyfileError),
    /// The bytes are none.
    #[error(transparent)]
    Key(#[from] HotkeyError),
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// A hotkey that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Who it is; none of a file that is locked.
    pub id: Option<HotkeyId>,
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

impl Store {
    /// A folder, which is made when the first hotkey comes.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        if is_name(name) { Ok(self.folder.join(name)) } else { Err(StoreError::Name(name.to_owned())) }
    }

    /// Makes a hotkey.
    ///
    /// # Errors
    /// When the name is taken or none, or the file system refuses.
    pub fn new_key(&self, name: &str) -> Result<HotkeyId, StoreError> {
        let (key, seed) = Hotkey::generate()?;
        let text = Zeroizing::new(format!(
            "{{\"publicKey\":\"0x{}\",\"secretSeed\":\"0x{}\",\"ss58Address\":\"{}\"}}\n",
            hex::encode(key.id().as_bytes()),
            hex::encode(*seed),
            key.id()
        ));
        self.write(name, text.as_bytes())?;
        Ok(key.id())
    }

    /// Takes a key file of btcli as it is, once it opens.
    ///
    /// # Errors
    /// When it opens not, the name is taken or none, or the file system refuses.
    pub fn import(&self, name: &str, file: &Path, password: Option<&str>) -> Result<HotkeyId, StoreError> {
        let key = keyfile::read(file, password)?;
        let io = |source| StoreError::Io { path: file.to_owned(), source };
        self.write(name, &Zeroizing::new(fs::read(file).map_err(io)?))?;
        Ok(key.id())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(name)?;
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => StoreError::Exists(name.to_owned()),
            _ => StoreError::Io { path: path.clone(), source },
        })
    }

    /// Whether opening it takes a password.
    ///
    /// # Errors
    /// When it is not there.
    pub fn is_locked(&self, name: &str) -> Result<bool, StoreError> {
        Ok(keyfile::is_locked(&self.read(name)?))
    }

    fn read(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let path = self.path(name)?;
        fs::read(&path).map(Zeroizing::new).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => StoreError::Missing { name: name.to_owned(), folder: self.folder.clone() },
            _ => StoreError::Io { path: path.clone(), source },
        })
    }

    /// Opens a hotkey.
    ///
    /// # Errors
    /// When it is not there, locked without the right password, or no key file.
    pub fn open(&self, name: &str, password: Option<&str>) -> Result<Hotkey, StoreError> {
        Ok(keyfile::open(&self.read(name)?, password)?)
    }

    /// All that are here, by name.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn list(&self) -> Result<Vec<Named>, StoreError> {
        let io = |source| StoreError::Io { path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
            if is_name(&name) {
                let id = self.open(&name, None).ok().map(|key| key.id());
                found.push(Named { name, id });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hotkeys_are_kept_by_name_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("hotkeys"));
        assert_eq!(store.list().unwrap(), []);
        let id = store.new_key("miner-1").unwrap();
        assert_eq!(store.open("miner-1", None).unwrap().id(), id);
        assert!(matches!(store.new_key("miner-1"), Err(StoreError::Exists(_))));
        assert!(matches!(store.new_key("../x"), Err(StoreError::Name(_))));
        assert!(matches!(store.open("other", None), Err(StoreError::Missing { .. })));
        assert_eq!(store.import("copy", &store.folder().join("miner-1"), None).unwrap(), id);
        let names: Vec<String> = store.list().unwrap().into_iter().map(|named| named.name).collect();
        assert_eq!(names, ["copy", "miner-1"]);
    }
}
