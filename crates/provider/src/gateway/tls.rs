//! Which certificate a connection is shown (spec/akash.md 3.1). TLS 1.3 and nothing older; HTTP/1.1 where websockets
//! need it, HTTP/2 for gRPC.
//!
//! | name in the handshake | certificate | client certificate |
//! |---|---|---|
//! | the gateway's host name, where an authority's certificate is configured | that one | not asked for |
//! | any other, or none | the provider's own, which stands on the chain | asked for, not required |

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use client::certs::Credential;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use serde::{Deserialize, Serialize};

use super::GatewayError;

/// A certificate that an authority issued, with its key: files in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuedCertificate {
    /// The certificate, then those between it and the authority's.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The certificates of a gateway; each can be replaced while it serves.
#[derive(Debug)]
pub struct Certificates {
    host: String,
    issued_files: Option<IssuedCertificate>,
    shown: RwLock<Shown>,
}

/// What is spoken over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2.
    Grpc,
}

#[derive(Debug)]
struct Shown {
    own: Configs,
    issued: Option<Configs>,
}

/// One certificate, for each protocol.
#[derive(Debug)]
struct Configs {
    http: Arc<ServerConfig>,
    grpc: Arc<ServerConfig>,
}

impl Configs {
    fn of(config: ServerConfig) -> Self {
        let with = |alpn: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![alpn.to_vec()];
            Arc::new(config)
        };
        Self { http: with(b"http/1.1"), grpc: with(b"h2") }
    }
}

impl Certificates {
    /// The provider's own certificate, and for connections that name `host` one of an authority where there is one.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn new(own: &Credential, host: &str, issued: Option<IssuedCertificate>) -> Result<Self, GatewayError> {
        let first = issued.as_ref().map(issued_config).transpose()?;
        let shown = RwLock::new(Shown { own: own_config(own)?, issued: first });
        Ok(Self { host: host.to_ascii_lowercase(), issued_files: issued, shown })
    }

    /// Shows another certificate of the provider's own from the next connection on.
    ///
    /// # Errors
    /// When it cannot be used; the last one stays.
    pub fn replace_own(&self, own: &Credential) -> Result<(), GatewayError> {
        let own = own_config(own)?;
        self.shown.write().unwrap_or_else(PoisonError::into_inner).own = own;
        Ok(())
    }

    /// Reads the authority's certificate again, which others renew.
    ///
    /// # Errors
    /// When it cannot be used; the last one stays.
    pub fn reload_issued(&self) -> Result<(), GatewayError> {
        let Some(files) = &self.issued_files else { return Ok(()) };
        let issued = issued_config(files)?;
        self.shown.write().unwrap_or_else(PoisonError::into_inner).issued = Some(issued);
        Ok(())
    }

    /// TLS for a connection by the name that its client sent.
    pub(super) fn for_name(&self, name: Option<&str>, protocol: Protocol) -> Arc<ServerConfig> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        let configs = match (&shown.issued, name) {
            (Some(issued), Some(name)) if name.eq_ignore_ascii_case(&self.host) => issued,
            _ => &shown.own,
        };
        Arc::clone(match protocol {
            Protocol::Http => &configs.http,
            Protocol::Grpc => &configs.grpc,
        })
    }
}

fn unusable(error: impl ToString) -> GatewayError {
    GatewayError::Certificate(error.to_string())
}

fn own_config(own: &Credential) -> Result<Configs, GatewayError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Possession(provider.signature_verification_algorithms));
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]).map_err(unusable)?;
    let key = PrivateKeyDer::from_pem_slice(own.key_pem().as_bytes()).map_err(unusable)?;
    let chain = vec![CertificateDer::from(own.certificate().der().to_vec())];
    let config = builder.with_client_cert_verifier(verifier).with_single_cert(chain, key).map_err(unusable)?;
    Ok(Configs::of(config))
}

fn issued_config(files: &IssuedCertificate) -> Result<Configs, GatewayError> {
    let IssuedCertificate { certificate, key } = files;
    let failed = |path: &PathBuf, why: String| GatewayError::Issued(format!("{}: {why}", path.display()));
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| failed(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(failed(certificate, "it holds no certificate".to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error.to_string()))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]).map_err(unusable)?;
    let config = builder.with_no_client_auth().with_single_cert(chain, secret);
    Ok(Configs::of(config.map_err(|error| failed(key, error.to_string()))?))
}

/// Takes any client certificate whose key the client holds. Whose it is, and whether that counts, is asked of the chain
/// for each request, so that a refusal has words and a revocation works on open connections.
#[derive(Debug)]
struct Possession(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for Possession {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::InvalidCertificate(CertificateError::BadSignature))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
