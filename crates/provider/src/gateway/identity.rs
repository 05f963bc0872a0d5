//! The gateway's certificate: self-signed, common name the provider's address, kept in the home folder so that
//! clients who remember it meet it again.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::GatewayError;

const FILE: &str = "gateway-identity.json";
const VALID: Duration = Duration::days(365);
/// A certificate that ends sooner than this is replaced when the agent starts.
const REPLACED_BEFORE: Duration = Duration::days(30);

/// A certificate and its key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    provider: String,
    hosts: Vec<String>,
    /// Seconds since 1970.
    not_after: i64,
    certificate: String,
    key: String,
}

impl Identity {
    /// The identity kept in `folder`; a new one where there is none, or where it is for another provider or other
    /// hosts, or ends within 30 days.
    ///
    /// # Errors
    /// When the file cannot be read or written, or a host is no host name.
    pub fn load_or_create(folder: &Path, provider: &str, hosts: &[String]) -> Result<Self, GatewayError> {
        let path = folder.join(FILE);
        let failed = |source| GatewayError::File { path: path.display().to_string(), source };
        match fs::read(&path) {
            Ok(bytes) => {
                let kept: Self = serde_json::from_slice(&bytes)
                    .map_err(|error| GatewayError::Certificate(format!("{}: {error}", path.display())))?;
                if kept.serves(provider, hosts) {
                    return Ok(kept);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let new = Self::create(provider, hosts)?;
        let bytes = serde_json::to_vec_pretty(&new).map_err(io::Error::other).map_err(failed)?;
        fs::create_dir_all(folder).and_then(|()| write_private(&path, &bytes)).map_err(failed)?;
        Ok(new)
    }

    fn serves(&self, provider: &str, hosts: &[String]) -> bool {
        let replaced_at = self.not_after - REPLACED_BEFORE.whole_seconds();
        self.provider == provider && self.hosts == hosts && OffsetDateTime::now_utc().unix_timestamp() < replaced_at
    }

    fn create(provider: &str, hosts: &[String]) -> Result<Self, GatewayError> {
        let failed = |error: rcgen::Error| GatewayError::Certificate(error.to_string());
        let now = OffsetDateTime::now_utc();
        let mut params = CertificateParams::new(hosts).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, provider);
        // Clients' clocks may be behind.
        params.not_before = now - Duration::days(1);
        params.not_after = now + VALID;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            provider: provider.to_owned(),
            hosts: hosts.to_vec(),
            not_after: params.not_after.unix_timestamp(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// The certificate in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// TLS 1.3 and nothing older, HTTP/1.1 (websockets need it).
    pub(super) fn tls(&self) -> Result<ServerConfig, GatewayError> {
        let failed = |error: &dyn ToString| GatewayError::Certificate(error.to_string());
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(|e| failed(&e))?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|e| failed(&e))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| failed(&e))?;
        let mut config =
            config.with_no_client_auth().with_single_cert(vec![certificate], key).map_err(|e| failed(&e))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Whole or not at all, and for the agent's eyes only.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished: PathBuf = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_identity_is_kept_until_provider_or_hosts_change() {
        let folder = tempfile::tempdir().unwrap();
        let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let first = Identity::load_or_create(folder.path(), "tetra1a", &hosts).unwrap();
        let again = Identity::load_or_create(folder.path(), "tetra1a", &hosts).unwrap();
        assert_eq!(first.certificate(), again.certificate());
        first.tls().unwrap();
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = Identity::load_or_create(folder.path(), "tetra1b", &hosts).unwrap();
        assert_ne!(first.certificate(), other.certificate());
        let moved = Identity::load_or_create(folder.path(), "tetra1b", &hosts[..1]).unwrap();
        assert_ne!(other.certificate(), moved.certificate());
    }

    #[test]
    fn an_old_identity_is_replaced_and_a_broken_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut old = Identity::create("tetra1a", &[]).unwrap();
        old.not_after = OffsetDateTime::now_utc().unix_timestamp() + 86_400;
        fs::write(folder.path().join(FILE), serde_json::to_vec(&old).unwrap()).unwrap();
        let new = Identity::load_or_create(folder.path(), "tetra1a", &[]).unwrap();
        assert_ne!(old.certificate(), new.certificate());
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(matches!(Identity::load_or_create(folder.path(), "tetra1a", &[]), Err(GatewayError::Certificate(_))));
    }
}
