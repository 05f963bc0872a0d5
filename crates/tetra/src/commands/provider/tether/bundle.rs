//! What goes to the machine beside the program: configuration, the host's key, the account's key.

use std::fs;
use std::path::Path;

use client::keystore::Keystore;
use provider::{Home, ProviderConfig};

use super::super::explain;
use crate::error::{Class, Classify, CliError, Result};

/// Files as a tar archive.
///
/// # Errors
/// When one is missing, or cannot be read.
pub(super) fn of(home: &Home, config: &ProviderConfig, keys: &Keystore) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let text = serde_json::to_vec_pretty(config).class(Class::Internal)?;
    add(&mut archive, "provider.json", &text, 0o644)?;
    let host_key = home.host_key().map_err(|error| explain(error.into()))?;
    add(&mut archive, "host_key", hex::encode(host_key.to_bytes()).as_bytes(), 0o600)?;
    let name = format!("{}.key", config.account);
    let key = read(&keys.folder().join(&name))?;
    add(&mut archive, &format!("keys/{name}"), &key, 0o600)?;
    archive.into_inner().class(Class::Internal)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| CliError::new(Class::NotFound, format!("{}: {error}", path.display())))
}

fn add(archive: &mut tar::Builder<Vec<u8>>, name: &str, bytes: &[u8], mode: u32) -> Result {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    archive.append_data(&mut header, name, bytes).class(Class::Internal)
}
