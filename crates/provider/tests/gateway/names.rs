//! Which certificate is shown under which name, and whom a client trusts (spec/akash.md 3.1).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use client::certs::Credential;
use client::gateway::GatewayError;
use client::token;
use client::{Auth, Gateway, Trust};
use provider::gateway::{IssuedCertificate, Limits};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::desk::{HOST, Running, address, credential, gateway_credential, key};

/// Looks at what is shown, whatever it is.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

/// A connection under a name, with a client certificate at hand.
pub(crate) async fn connect(
    running: &Running,
    name: &str,
    version: &'static SupportedProtocolVersion,
    own: Option<&Credential>,
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_to(running.server.address(), name, trusting(version, own)).await
}

/// Trusts whatever is shown.
pub(crate) fn trusting(version: &'static SupportedProtocolVersion, own: Option<&Credential>) -> ClientConfig {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_protocol_versions(&[version]).unwrap().dangerous();
    let config = config.with_custom_certificate_verifier(Arc::new(Anything));
    match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::from_pem_slice(own.key_pem().as_bytes()).unwrap();
            let chain = vec![CertificateDer::from(own.certificate().der().to_vec())];
            config.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

pub(crate) async fn connect_to(
    address: SocketAddr,
    name: &str,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

/// Status and body of an answer.
pub(crate) async fn exchange(stream: &mut TlsStream<TcpStream>, head: &str) -> (u16, String) {
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    // Whoever upgrades the connection, or keeps it, does not end it.
    while !is_whole(&answer) {
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(read) => answer.extend_from_slice(&bytes[..read]),
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    head.starts_with("HTTP/1.1 101") || length.is_some_and(|length| body.len() >= length)
}

/// An authority's certificate for the host, in files.
fn issued(folder: &std::path::Path) -> (IssuedCertificate, Vec<u8>) {
    let authority = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(params, authority);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![HOST.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let files = IssuedCertificate { certificate: folder.join("fullchain.pem"), key: folder.join("privkey.pem") };
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    (files, certificate.der().to_vec())
}

const STATUS: &str = "GET /lease/7/1/1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

#[tokio::test]
async fn the_name_that_a_client_asks_for_chooses_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (files, of_authority) = issued(folder.path());
    let running = Running::start_with(Limits::default(), Some(files)).await;
    let tenant = credential(1);
    running.chain.publish(&tenant);
    let own = running.own.certificate().der().to_vec();
    for (name, wanted, by_certificate) in [
        (HOST, &of_authority, 400),
        ("PROVIDER.example", &of_authority, 400),
        ("mtls.provider.example", &own, 200),
        ("other.example", &own, 200),
        ("127.0.0.1", &own, 200),
    ] {
        let mut stream = connect(&running, name, &TLS13, Some(&tenant)).await.unwrap();
        let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        assert_eq!(&shown, wanted, "{name}");
        // Under the host's name no certificate was asked for, so that nobody is named.
        let (status, body) = exchange(&mut stream, &format!("{STATUS}\r\n")).await;
        assert_eq!(status, by_certificate, "{name}: {body}");
        let bearer = format!("Authorization: Bearer {}\r\n", token::full_access(&key(1), &address(1)));
        let mut stream = connect(&running, name, &TLS13, None).await.unwrap();
        assert_eq!(exchange(&mut stream, &format!("{STATUS}{bearer}\r\n")).await.0, 200, "{name}");
        connect(&running, name, &TLS12, None).await.unwrap_err();
    }
}

#[tokio::test]
async fn certificates_are_replaced_while_the_gateway_serves() {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = issued(folder.path());
    let running = Running::start_with(Limits::default(), Some(files.clone())).await;
    let (_, renewed) = issued(folder.path());
    running.certificates.reload_issued().unwrap();
    let next = gateway_credential();
    running.certificates.replace_own(&next).unwrap();
    for (name, wanted) in [(HOST, renewed.as_slice()), ("mtls.provider.example", next.certificate().der())] {
        let stream = connect(&running, name, &TLS13, None).await.unwrap();
        assert_eq!(stream.get_ref().1.peer_certificates().unwrap()[0].as_ref(), wanted, "{name}");
    }
    std::fs::write(&files.key, "nothing").unwrap();
    let error = running.certificates.reload_issued().unwrap_err().to_string();
    assert!(error.contains("gateway_certificate") && error.contains("privkey.pem"), "{error}");
    connect(&running, HOST, &TLS13, None).await.unwrap();
}

#[tokio::test]
async fn nothing_is_sent_to_a_gateway_whose_certificate_is_not_its_providers() {
    let running = Running::start(Limits::default()).await;
    let auth = || Auth::Token(token::full_access(&key(1), &address(1)));
    let stranger = gateway_credential().certificate().clone();
    for trust in [Trust::default(), Trust::only(stranger)] {
        let gateway = Gateway::new(&running.uri(), trust, auth()).unwrap();
        let error = gateway.put_manifest(7, "[]", Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, GatewayError::Untrusted { .. }), "{error}");
        let error = gateway.logs(7, 1, 1, &Default::default()).await.map(drop).unwrap_err();
        assert!(matches!(error, GatewayError::Untrusted { .. }), "{error}");
    }
    assert!(running.desk.0.lock().unwrap().manifests.is_empty());
    running.with(auth()).put_manifest(7, "[]", Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_lease_is_driven_by_a_certificate_until_it_is_revoked() {
    let running = Running::start(Limits::default()).await;
    let tenant = credential(1);
    running.chain.publish(&tenant);
    let gateway = running.with(Auth::Certificate(tenant.clone()));
    gateway.put_manifest(7, "[]", Duration::ZERO).await.unwrap();
    gateway.lease_status(7, 1, 1).await.unwrap();
    running.chain.revoke(&tenant);
    // The connection is still open; the next request is refused.
    let error = gateway.lease_status(7, 1, 1).await.unwrap_err();
    assert!(matches!(&error, GatewayError::Refused { status: 401, text, .. } if text.contains("revoked")), "{error}");
    let error = gateway.logs(7, 1, 1, &Default::default()).await.map(drop).unwrap_err();
    assert!(matches!(error, GatewayError::Refused { status: 401, .. }), "{error}");
}
