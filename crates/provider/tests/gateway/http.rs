//! The endpoints, over TLS.

use std::sync::Arc;
use std::time::Duration;

use client::gateway::GatewayError;
use client::{Auth, token};
use provider::gateway::Limits;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::desk::{PROVIDER, Running, address, key};

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that trusts the gateway's own certificate, so that its names are checked as well.
async fn connect(
    running: &Running,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let certificate = CertificateDer::from_pem_slice(running.own.certificate_pem().as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_protocol_versions(&[version]).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(running.server.address()).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// Status, content type and body of an answer.
async fn raw(running: &Running, head: &str, body: &[u8]) -> (u16, String, String) {
    let mut stream = connect(running, &TLS13).await.unwrap();
    let length = body.len();
    let head = format!("{head}Host: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // Whoever is refused early is not read to the end.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    (status, kind.to_owned(), body.to_owned())
}

pub(crate) fn scoped(leases: Value) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims =
        json!({ "iss": address(1), "iat": now, "nbf": now, "exp": now + 60, "version": "v1", "leases": leases });
    token::signed(&key(1), &claims)
}

#[tokio::test]
async fn a_manifest_reaches_the_desk_once_the_lease_is_known() {
    let running = Running::start(Limits::default()).await;
    running.desk.0.lock().unwrap().too_early = 2;
    running.tenant(1).put_manifest(7, "[]", PATIENCE).await.unwrap();
    assert_eq!(running.desk.0.lock().unwrap().manifests, [(address(1), 7, b"[]".to_vec())]);
}

#[tokio::test]
async fn patience_for_a_lease_ends() {
    let running = Running::start(Limits::default()).await;
    running.desk.0.lock().unwrap().too_early = usize::MAX;
    let error = running.tenant(1).put_manifest(7, "[]", Duration::ZERO).await.unwrap_err();
    assert_eq!(error.to_string(), "the provider refused the manifest (404): no lease for deployment 7");
}

#[tokio::test]
async fn refusals_of_the_desk_have_the_statuses_of_the_wire_format() {
    let running = Running::start(Limits::default()).await;
    for (body, wanted) in [("[", 422), ("[1]", 500)] {
        let error = running.tenant(1).put_manifest(7, body, PATIENCE).await.unwrap_err();
        assert!(matches!(error, GatewayError::Refused { status, .. } if status == wanted), "{error}");
    }
    let error = running.tenant(1).lease_status(404, 1, 1).await.unwrap_err();
    assert!(matches!(&error, GatewayError::Refused { status: 404, .. }), "{error}");
    let bearer = token::full_access(&key(1), &address(1));
    let bad = format!("GET /lease/x/1/1/status HTTP/1.1\r\nAuthorization: Bearer {bearer}\r\n");
    assert_eq!(raw(&running, &bad, b"").await.0, 400);
}

#[tokio::test]
async fn public_questions_need_no_token_and_others_do() {
    let running = Running::start(Limits::default()).await;
    running.desk.0.lock().unwrap().leases = 1;
    assert_eq!(running.with(Auth::None).status().await.unwrap()["cluster"]["leases"], 1);
    let (status, _, body) = raw(&running, "GET /address HTTP/1.1\r\n", b"").await;
    assert_eq!((status, serde_json::from_str(&body).ok()), (200, Some(json!({ "address": address(PROVIDER) }))));
    let (_, _, body) = raw(&running, "GET /version HTTP/1.1\r\n", b"").await;
    assert!(body.contains(r#""version":"v0.10.0""#), "{body}");
    let (status, kind, body) = raw(&running, "GET /lease/7/1/1/status HTTP/1.1\r\n", b"").await;
    assert_eq!((status, kind.as_str()), (400, "application/json"));
    assert!(body.starts_with(r#"{"message":"missing Authorization header"#), "{body}");
    let stranger = token::full_access(&key(2), &address(1));
    let error = running.with_token(&stranger).lease_status(7, 1, 1).await.unwrap_err();
    assert!(matches!(error, GatewayError::Refused { status: 401, .. }), "{error}");
}

#[tokio::test]
async fn leases_are_those_of_the_tokens_issuer() {
    let running = Running::start(Limits::default()).await;
    let manifest = running.tenant(2).manifest(7, 1, 1).await.unwrap();
    assert_eq!(manifest[0]["name"], format!("{}/7/1/1/{}", address(2), address(PROVIDER)));
}

#[tokio::test]
async fn a_token_permits_no_more_than_it_says() {
    let running = Running::start(Limits::default()).await;
    let only_status = running.with_token(&scoped(json!({ "access": "scoped", "scope": ["status"] })));
    assert!(only_status.lease_status(7, 1, 1).await.is_ok());
    let error = only_status.put_manifest(7, "[]", PATIENCE).await.unwrap_err();
    assert!(matches!(error, GatewayError::Refused { status: 401, .. }), "{error}");

    let granted = |provider: &str| {
        running.with_token(&scoped(json!({ "access": "granular", "permissions": [{
            "provider": provider, "access": "granular",
            "deployments": [{ "dseq": 7, "scope": ["status", "get-manifest"], "services": ["web"], "gseq": 1 }],
        }] })))
    };
    let here = granted(&address(PROVIDER));
    let status = here.lease_status(7, 1, 1).await.unwrap();
    assert_eq!(status.services.keys().collect::<Vec<_>>(), ["web"]);
    assert_eq!(here.manifest(7, 1, 1).await.unwrap()[0]["services"], json!([{ "name": "web" }]));
    for (dseq, gseq) in [(8, 1), (7, 2)] {
        here.lease_status(dseq, gseq, 1).await.unwrap_err();
    }
    granted(&address(1)).lease_status(7, 1, 1).await.unwrap_err();
}

#[tokio::test]
async fn one_service_is_told_and_what_is_not_served_is_refused() {
    let running = Running::start(Limits::default()).await;
    let bearer = format!("Authorization: Bearer {}\r\n", token::full_access(&key(1), &address(1)));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\n{bearer}");
    let (status, _, body) = raw(&running, &get("/lease/7/1/1/service/web/status"), b"").await;
    assert_eq!((status, serde_json::from_str::<Value>(&body).unwrap()["name"].clone()), (200, json!("web")));
    assert_eq!(raw(&running, &get("/lease/7/1/1/service/nil/status"), b"").await.0, 404);
    let (status, kind, body) = raw(&running, &get("/lease/7/1/1/kubeevents"), b"").await;
    assert_eq!((status, kind.starts_with("text/plain")), (501, true), "{body}");
    for path in ["/hostname/migrate", "/endpoint/migrate", "/lease/7/1/1/attestation/quote"] {
        let head = format!("POST {path} HTTP/1.1\r\n{bearer}");
        assert_eq!(raw(&running, &head, b"{}").await.0, 501);
    }
    assert_eq!(raw(&running, &get("/nothing"), b"").await.0, 404);
}

#[tokio::test]
async fn a_manifest_that_is_too_long_is_refused() {
    let running = Running::start(Limits { body: 1000, ..Limits::default() }).await;
    let error = running.tenant(1).put_manifest(7, &"x".repeat(1001), PATIENCE).await.unwrap_err();
    assert!(matches!(error, GatewayError::Refused { status: 413, .. }), "{error}");
    running.tenant(1).put_manifest(7, &"x".repeat(1000), PATIENCE).await.unwrap();
}

#[tokio::test]
async fn older_tls_is_not_spoken() {
    let running = Running::start(Limits::default()).await;
    connect(&running, &TLS13).await.unwrap();
    connect(&running, &TLS12).await.unwrap_err();
}

#[tokio::test]
async fn who_sends_no_head_is_dropped() {
    let limits =
        Limits { header: Duration::from_millis(50), handshake: Duration::from_millis(50), ..Limits::default() };
    let running = Running::start(limits).await;
    let mut silent = TcpStream::connect(running.server.address()).await.unwrap();
    assert_eq!(silent.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    let mut slow = connect(&running, &TLS13).await.unwrap();
    slow.write_all(b"GET / HT").await.unwrap();
    // Ends, with or without a word.
    let _ = slow.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn a_stopped_gateway_takes_no_more_connections() {
    let running = Running::start(Limits::default()).await;
    let tenant = running.tenant(1);
    tenant.status().await.unwrap();
    running.server.stop().await;
    assert!(matches!(tenant.status().await, Err(GatewayError::Unreachable { .. })));
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Logged(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn requests_are_logged_in_the_trace_of_their_deployment_beside_the_callers_own() {
    let logged = Logged::default();
    let writer = logged.clone();
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
    // While there is but one subscriber, threads of other tests, which have none, could turn the lines off for all.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _log = tracing::subscriber::set_default(log.with_writer(move || writer.clone()).finish());

    let running = Running::start(Limits::default()).await;
    let bearer = format!("Authorization: Bearer {}\r\n", token::full_access(&key(1), &address(1)));
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let put = "PUT /deployment/7/manifest HTTP/1.1\r\n";
    let (status, ..) = raw(&running, &format!("{put}{bearer}traceparent: {parent}\r\n"), b"[]").await;
    assert_eq!(status, 200);
    let get = "GET /lease/8/1/1/status HTTP/1.1\r\n";
    raw(&running, &format!("{get}{bearer}traceparent: 00-malformed\r\n"), b"").await;
    raw(&running, "GET /version HTTP/1.1\r\n", b"").await;

    let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("answered")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    let trace = |dseq| format!("trace={}", primitives::TraceId::of_deployment(&address(1), dseq));
    assert!(lines[0].contains(&trace(7)) && lines[0].contains(&format!("traceparent={parent}")), "{}", lines[0]);
    assert!(lines[0].contains("/deployment/{dseq}/manifest") && lines[0].contains("status=200"), "{}", lines[0]);
    assert!(lines[1].contains(&trace(8)) && !lines[1].contains("traceparent"), "{}", lines[1]);
    assert!(lines[2].contains("/version") && !lines[2].contains("trace="), "{}", lines[2]);
    assert!(!text.contains("eyJ"), "a token is in the log:\n{text}");
}
