//! The certificate by which tenants know the gateway: signed by its own key, published on the chain by the provider's
//! account, and kept in the agent's folder.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use client::certs::standing::{Purpose, check};
use client::certs::{CertError, Certificate, Credential, Usage};
use proto::akash::cert::v1::Certificate as Stored;

use super::GatewayError;
use crate::home::write_private;

const FILE: &str = "gateway.pem";
/// A certificate that ends sooner than this is replaced.
const REPLACED_BEFORE: Duration = Duration::from_secs(30 * 86_400);

/// What a gateway's certificate needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it stands on the chain.
    Nothing,
    /// To be published.
    Publishing,
    /// Another one in its place, published before it is shown.
    Replacing,
}

/// The file of the gateway's certificate and key.
#[derive(Clone, Debug)]
pub struct IdentityFile(PathBuf);

impl IdentityFile {
    /// The one in an agent's state folder.
    pub fn new(folder: &Path) -> Self {
        Self(folder.join(FILE))
    }

    /// What it holds; none when there is none.
    ///
    /// # Errors
    /// When it cannot be read or is no certificate with its key.
    pub fn load(&self) -> Result<Option<Credential>, GatewayError> {
        match std::fs::read_to_string(&self.0) {
            Ok(text) => Ok(Some(Credential::from_pem(&text).map_err(|error| self.unusable(&error))?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(GatewayError::File { path: self.0.display().to_string(), source }),
        }
    }

    /// Makes a new certificate of `provider` (bech32) for these hosts and keeps it in place of the last one.
    ///
    /// # Errors
    /// When it cannot be written, or a host is no host name.
    pub fn replace(&self, provider: &str, hosts: &[String], now: Duration) -> Result<Credential, GatewayError> {
        let usage = Usage::Gateway { hosts: hosts.to_vec() };
        let new = Credential::generate(provider, &usage, now).map_err(|error| self.unusable(&error))?;
        let source = |error: crate::home::HomeError| io::Error::other(error.to_string());
        write_private(&self.0, new.to_pem().as_bytes())
            .map_err(|error| GatewayError::File { path: self.0.display().to_string(), source: source(error) })?;
        Ok(new)
    }

    fn unusable(&self, error: &CertError) -> GatewayError {
        GatewayError::Certificate(format!("{}: {error}", self.0.display()))
    }
}

/// What a kept certificate needs, by what the chain has stored under its serial number.
pub fn need(kept: &Certificate, stored: Option<&Stored>, provider: &str, hosts: &[String], now: Duration) -> Need {
    let soon = now.saturating_add(REPLACED_BEFORE).as_secs();
    let ends = i64::try_from(soon).map_or(true, |soon| kept.not_after <= soon);
    if kept.owner != provider || kept.hosts != hosts || ends {
        return Need::Replacing;
    }
    match check(kept, stored, Purpose::Server, now) {
        Ok(()) => Need::Nothing,
        Err(CertError::Unknown { .. }) if stored.is_none() => Need::Publishing,
        Err(_) => Need::Replacing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::certs::LIFETIME;
    use proto::akash::cert::v1::State;
    use std::os::unix::fs::PermissionsExt;

    const PROVIDER: &str = "tetra19rl4cm2hmr8afy4kldpxz3fka4jguq0a4erxug";
    const NOW: Duration = Duration::from_secs(1_780_000_000);

    fn hosts() -> Vec<String> {
        vec!["provider.example".to_owned(), "127.0.0.1".to_owned()]
    }

    #[test]
    fn the_identity_is_kept_for_the_agents_eyes_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = IdentityFile::new(folder.path());
        assert!(file.load().unwrap().is_none());
        let made = file.replace(PROVIDER, &hosts(), NOW).unwrap();
        assert_eq!(file.load().unwrap().unwrap().to_pem(), made.to_pem());
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(matches!(file.load(), Err(GatewayError::Certificate(_))));
    }

    #[test]
    fn a_certificate_is_published_once_and_replaced_when_it_no_longer_serves() {
        let folder = tempfile::tempdir().unwrap();
        let made = IdentityFile::new(folder.path()).replace(PROVIDER, &hosts(), NOW).unwrap();
        let message = made.message();
        let stored = Stored { state: State::Valid as i32, cert: message.cert, pubkey: message.pubkey };
        let revoked = Stored { state: State::Revoked as i32, ..stored.clone() };
        let kept = made.certificate();
        let at = |stored: Option<&Stored>, now| need(kept, stored, PROVIDER, &hosts(), now);
        assert_eq!(at(None, NOW), Need::Publishing);
        assert_eq!(at(Some(&stored), NOW), Need::Nothing);
        assert_eq!(at(Some(&revoked), NOW), Need::Replacing);
        let last_month = NOW + LIFETIME - REPLACED_BEFORE;
        assert_eq!(at(Some(&stored), last_month - Duration::from_secs(1)), Need::Nothing);
        assert_eq!(at(Some(&stored), last_month), Need::Replacing);
        assert_eq!(need(kept, Some(&stored), "tetra1other", &hosts(), NOW), Need::Replacing);
        assert_eq!(need(kept, Some(&stored), PROVIDER, &hosts()[..1], NOW), Need::Replacing);
    }
}
