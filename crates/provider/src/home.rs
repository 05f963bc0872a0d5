//! An agent's folder.
//!
//! ```text
//! provider.json  addresses, prices, what is offered
//! host_key       the ed25519 key by which the chain knows this machine, 64 hex digits
//! data/          images, volumes, logs, records of containers (crate workload)
//! state/         manifests of leases, fencing numbers seen, the gateway's certificate
//! ```

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ed25519_consensus::SigningKey as HostKey;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::config::ProviderConfig;

/// An agent's folder.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

/// Why a folder is not an agent's.
#[derive(Debug, Error)]
pub enum HomeError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is no JSON of the right shape.
    #[error("{path} does not parse: {source}")]
    Malformed {
        /// Where.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The host key's file.
    #[error("{path} is no ed25519 key of 64 hex digits; restore it, or remove it and register this machine anew")]
    Key {
        /// Where.
        path: PathBuf,
    },
}

impl Home {
    /// The agent's folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of the container runtime.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// The folder of what the agent remembers.
    pub fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    fn host_key_path(&self) -> PathBuf {
        self.0.join("host_key")
    }

    /// Makes the folder, writes the configuration, and makes a host key unless there is one.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn init(&self, config: &ProviderConfig) -> Result<(), HomeError> {
        make_dirs(&self.0, 0o755)?;
        let path = self.0.join("provider.json");
        let text = serde_json::to_string_pretty(config);
        let text = text.map_err(|source| HomeError::Malformed { path: path.clone(), source })?;
        fs::write(&path, text + "\n").map_err(|source| HomeError::Io { path, source })?;
        self.prepare()?;
        self.host_key().map(drop)
    }

    /// Replaces the configuration, whole or not at all. Others may read it, as [`Self::init`] leaves it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn rewrite(&self, config: &ProviderConfig) -> Result<(), HomeError> {
        let path = self.0.join("provider.json");
        let text = serde_json::to_string_pretty(config);
        let text = text.map_err(|source| HomeError::Malformed { path: path.clone(), source })?;
        write_private(&path, (text + "\n").as_bytes())?;
        let readable = fs::Permissions::from_mode(0o644);
        fs::set_permissions(&path, readable).map_err(|source| HomeError::Io { path, source })
    }

    /// Makes the folders that a new agent lacks.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn prepare(&self) -> Result<(), HomeError> {
        make_dirs(&self.data(), 0o755)?;
        make_dirs(&self.state(), 0o700)
    }

    /// The configuration.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn config(&self) -> Result<ProviderConfig, HomeError> {
        let path = self.0.join("provider.json");
        let text = fs::read_to_string(&path).map_err(|source| HomeError::Io { path: path.clone(), source })?;
        serde_json::from_str(&text).map_err(|source| HomeError::Malformed { path, source })
    }

    /// The key by which the chain knows this machine; made at the first call.
    ///
    /// # Errors
    /// When the file is damaged or cannot be written.
    pub fn host_key(&self) -> Result<HostKey, HomeError> {
        let path = self.host_key_path();
        match fs::read_to_string(&path) {
            Ok(text) => {
                let bytes = hex::decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                bytes.map(HostKey::from).ok_or(HomeError::Key { path })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = HostKey::from(rand::random::<[u8; 32]>());
                write_private(&path, (hex::encode(key.to_bytes()) + "\n").as_bytes())?;
                Ok(key)
            }
            Err(source) => Err(HomeError::Io { path, source }),
        }
    }

    /// A file of the state folder; none when there is none.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, HomeError> {
        let path = self.state().join(name);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|source| HomeError::Malformed { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(HomeError::Io { path, source }),
        }
    }

    /// Replaces a file of the state folder, whole or not at all; only its owner can read it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn save<T: Serialize>(&self, name: &str, value: &T) -> Result<(), HomeError> {
        let path = self.state().join(name);
        let text = serde_json::to_vec_pretty(value);
        let text = text.map_err(|source| HomeError::Malformed { path: path.clone(), source })?;
        write_private(&path, &text)
    }
}

fn make_dirs(path: &Path, mode: u32) -> Result<(), HomeError> {
    let made = fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|source| HomeError::Io { path: path.to_owned(), source })
}

/// Writes beside the file and renames, so that a crash leaves the old content or the new.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let io = |source| HomeError::Io { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
    fs::rename(&beside, path).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_key_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        let key = home.host_key().unwrap();
        assert_eq!(home.host_key().unwrap().to_bytes(), key.to_bytes());
        let mode = fs::metadata(folder.path().join("host_key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(folder.path().join("host_key"), "abc").unwrap();
        assert!(matches!(home.host_key(), Err(HomeError::Key { .. })));
    }
}
