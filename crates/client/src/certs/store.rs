//! The certificates of this machine's accounts: `OWNER/SERIAL.pem` below one folder, certificate and private key in
//! the clear, readable by their owner alone.
//!
//! A certificate signs no transaction: whoever steals one can do with its owner's leases what a gateway permits, until
//! the owner revokes it. Therefore it needs no passphrase at each use, as the key of an SSH login.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{CertError, Credential};

/// A folder of certificates.
#[derive(Clone, Debug)]
pub struct CertStore {
    folder: PathBuf,
}

impl CertStore {
    /// The certificates below a folder, which need not exist yet. Commands keep them in `certs` of the home folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where an owner's certificate of a serial number is kept.
    ///
    /// # Errors
    /// When one of the two cannot be part of a path.
    pub fn path(&self, owner: &str, serial: &str) -> Result<PathBuf, CertError> {
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain(owner) || !plain(serial) {
            return Err(CertError::Malformed(format!("{owner:?} and {serial:?} are no address and serial number")));
        }
        Ok(self.folder.join(owner).join(format!("{serial}.pem")))
    }

    /// Keeps a certificate with its key. One that is there already is not overwritten.
    ///
    /// # Errors
    /// When the file is there or cannot be written.
    pub fn add(&self, credential: &Credential) -> Result<PathBuf, CertError> {
        let certificate = credential.certificate();
        let path = self.path(&certificate.owner, &certificate.serial)?;
        let folder = path.parent().unwrap_or(&self.folder);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| file(folder, error))?;
        let mut opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| file(&path, error))?;
        let written = opened.write_all(credential.to_pem().as_bytes()).and_then(|()| opened.sync_all());
        written.map_err(|error| file(&path, error))?;
        Ok(path)
    }

    /// The certificate of an owner and a serial number; none when it is not kept here.
    ///
    /// # Errors
    /// When the file cannot be read, or holds another certificate.
    pub fn get(&self, owner: &str, serial: &str) -> Result<Option<Credential>, CertError> {
        let path = self.path(owner, serial)?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => zeroize::Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file(&path, error)),
        };
        let credential = Credential::from_pem(&text).map_err(|error| file(&path, error))?;
        let certificate = credential.certificate();
        if (certificate.owner.as_str(), certificate.serial.as_str()) != (owner, serial) {
            return Err(file(&path, "it holds another certificate than its name says"));
        }
        Ok(Some(credential))
    }

    /// All certificates of an owner that are kept here, the one that ends last first.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn list(&self, owner: &str) -> Result<Vec<Credential>, CertError> {
        let folder = self.folder.join(owner);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(file(&folder, error)),
        };
        let mut kept = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| file(&folder, error))?.file_name();
            if let Some(serial) = name.to_str().and_then(|name| name.strip_suffix(".pem")) {
                kept.extend(self.get(owner, serial)?);
            }
        }
        kept.sort_by(|left, right| {
            let key =
                |credential: &Credential| (credential.certificate().not_after, credential.certificate().serial.clone());
            key(right).cmp(&key(left))
        });
        Ok(kept)
    }

    /// Forgets a certificate and its key; nothing happens when it is not kept here.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove(&self, owner: &str, serial: &str) -> Result<(), CertError> {
        let path = self.path(owner, serial)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file(&path, error)),
            _ => Ok(()),
        }
    }
}

fn file(path: &Path, why: impl ToString) -> CertError {
    CertError::File { path: path.display().to_string(), why: why.to_string() }
}
