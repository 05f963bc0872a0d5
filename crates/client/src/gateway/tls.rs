//! TLS to a gateway: nothing older than 1.3, and only to a certificate that the provider published on the chain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::certs::standing::{self, Purpose};
use crate::certs::{Certificate, Credential};
use crate::node::{Node, NodeError};

/// At a name with this in front, gateways show the certificate that stands on the chain (spec/akash.md 3.1); at the
/// bare name they may show one that an authority signed.
const MTLS: &str = "mtls.";

/// The certificates that a gateway may show.
#[derive(Clone, Debug, Default)]
pub struct Trust(Vec<Certificate>);

impl Trust {
    /// Those that a provider (bech32) published on the chain, that are valid now and are for servers.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn on_chain(node: &Node, provider: &str) -> Result<Self, NodeError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let published = standing::list(node, provider, "valid").await?;
        let usable = published.into_iter().filter_map(|published| {
            let stored = published.certificate?;
            let shown = Certificate::from_pem(&stored.cert).ok()?;
            let own = shown.owner == provider && shown.serial == published.serial;
            let taken = own && standing::check(&shown, Some(&stored), Purpose::Server, now).is_ok();
            taken.then_some(shown)
        });
        Ok(Self(usable.collect()))
    }

    /// This one alone: the gateway's owner has its file.
    pub fn only(certificate: Certificate) -> Self {
        Self(vec![certificate])
    }

    fn has(&self, shown: &[u8], now: UnixTime) -> bool {
        let ended = |known: &Certificate| i64::try_from(now.as_secs()).is_ok_and(|now| now > known.not_after);
        self.0.iter().any(|known| known.der() == shown && !ended(known))
    }
}

/// TLS for one gateway, and whether the last certificate that was shown was refused.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    verifier: Arc<Published>,
}

impl Tls {
    pub(super) fn new(trust: Trust, own: Option<&Credential>) -> Result<Self, Error> {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let verifier = Arc::new(Published { trust, algorithms, refused: AtomicBool::new(false) });
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13])?;
        let config = config.dangerous().with_custom_certificate_verifier(verifier.clone());
        let mut config = match own {
            None => config.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::from_pem_slice(own.key_pem().as_bytes());
                let key = key.map_err(|error| Error::General(error.to_string()))?;
                let chain = vec![CertificateDer::from(own.certificate().der().to_vec())];
                config.with_client_auth_cert(chain, key)?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), verifier })
    }

    /// Whether the last handshake failed for the gateway's certificate; told once.
    pub(super) fn refused(&self) -> bool {
        self.verifier.refused.swap(false, Ordering::Relaxed)
    }
}

/// Takes what [`Trust`] has. The handshake's signature is checked too, so the server does hold the key.
#[derive(Debug)]
struct Published {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
    refused: AtomicBool,
}

impl ServerCertVerifier for Published {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let known = self.trust.has(shown, now);
        self.refused.store(!known, Ordering::Relaxed);
        if known {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
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
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The same address by the name at which the gateway shows its own certificate. Numeric addresses stay: no name is
/// sent with them.
pub(super) fn with_own_name(base: &Url) -> Result<Url, String> {
    let mut named = base.clone();
    if let Some(name) = base.domain().filter(|name| !name.starts_with(MTLS)) {
        named.set_host(Some(&format!("{MTLS}{name}"))).map_err(|error| error.to_string())?;
    }
    Ok(named)
}

/// Looks names up without the part in front, which exists in handshakes only.
pub(super) struct Lookup;

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let name = real(name.as_str()).to_owned();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The name that the domain name system knows.
pub(super) fn real(name: &str) -> &str {
    name.strip_prefix(MTLS).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_a_part_in_front_and_addresses_do_not() {
        let named = |uri: &str| with_own_name(&Url::parse(uri).unwrap()).unwrap().to_string();
        assert_eq!(named("https://example.com:8443"), "https://mtls.example.com:8443/");
        assert_eq!(named("https://mtls.example.com:8443"), "https://mtls.example.com:8443/");
        assert_eq!(named("https://127.0.0.1:8443"), "https://127.0.0.1:8443/");
        assert_eq!(named("https://[::1]:8443"), "https://[::1]:8443/");
        assert_eq!((real("mtls.example.com"), real("example.com")), ("example.com", "example.com"));
    }
}
