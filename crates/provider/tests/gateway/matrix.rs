//! Every route with every kind of credential.

use std::fmt::Write;
use std::time::Duration;

use client::certs::{Credential, LIFETIME, Usage};
use client::claims::Scope;
use client::token::{self, Algorithm};
use provider::gateway::Limits;
use rustls::version::TLS13;
use serde_json::{Value, json};

use crate::desk::{PROVIDER, Running, address, credential, key, now};
use crate::names::{connect, exchange};

/// Method, path as the router has it, path as it is asked for, and the scope that it needs.
const ROUTES: [(&str, &str, &str, Option<Scope>); 13] = [
    ("get", "/version", "/version", None),
    ("get", "/address", "/address", None),
    ("get", "/status", "/status", None),
    ("put", "/deployment/{dseq}/manifest", "/deployment/7/manifest", Some(Scope::SendManifest)),
    ("get", "/lease/{dseq}/{gseq}/{oseq}/manifest", "/lease/7/1/1/manifest", Some(Scope::GetManifest)),
    ("get", "/lease/{dseq}/{gseq}/{oseq}/status", "/lease/7/1/1/status", Some(Scope::Status)),
    (
        "get",
        "/lease/{dseq}/{gseq}/{oseq}/service/{name}/status",
        "/lease/7/1/1/service/web/status",
        Some(Scope::Status),
    ),
    ("get", "/lease/{dseq}/{gseq}/{oseq}/logs", "/lease/7/1/1/logs", Some(Scope::Logs)),
    ("get", "/lease/{dseq}/{gseq}/{oseq}/kubeevents", "/lease/7/1/1/kubeevents", Some(Scope::Events)),
    (
        "get",
        "/lease/{dseq}/{gseq}/{oseq}/shell",
        "/lease/7/1/1/shell?cmd0=sh&tty=0&stdin=0&service=web&podIndex=0",
        Some(Scope::Shell),
    ),
    (
        "post",
        "/lease/{dseq}/{gseq}/{oseq}/attestation/quote",
        "/lease/7/1/1/attestation/quote",
        Some(Scope::Attestation),
    ),
    ("post", "/hostname/migrate", "/hostname/migrate", Some(Scope::HostnameMigrate)),
    ("post", "/endpoint/migrate", "/endpoint/migrate", Some(Scope::IpMigrate)),
];

/// What a caller shows.
#[derive(Default)]
struct Shown {
    token: Option<String>,
    certificate: Option<Credential>,
}

fn by_token(token: String) -> Shown {
    Shown { token: Some(token), certificate: None }
}

fn by_certificate(certificate: Credential) -> Shown {
    Shown { token: None, certificate: Some(certificate) }
}

fn claims(number: u8, leases: Value) -> Value {
    let at = now().as_secs();
    json!({ "iss": address(number), "iat": at, "nbf": at, "exp": at + 60, "version": "v1", "leases": leases })
}

fn mint(leases: Value) -> Shown {
    by_token(token::signed(&key(1), &claims(1, leases)))
}

/// A token for one deployment with a provider.
fn granular(provider: u8, dseq: u64, more: Value) -> Shown {
    let mut grant = json!({ "dseq": dseq, "scope": Scope::ALL, "services": ["web", "db"] });
    let fields = grant.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let permission = json!({ "provider": address(provider), "access": "granular", "deployments": [grant] });
    mint(json!({ "access": "granular", "permissions": [permission] }))
}

fn with_provider(permission: Value) -> Shown {
    let mut permission = permission;
    permission["provider"] = json!(address(PROVIDER));
    mint(json!({ "access": "granular", "permissions": [permission] }))
}

async fn ask(running: &Running, shown: &Shown, method: &str, path: &str) -> u16 {
    let bearer = shown.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let connection = if path.ends_with("/logs") || path.contains("/shell?") {
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    } else {
        "Connection: close\r\n"
    };
    let (method, length) = (method.to_uppercase(), if method == "get" { 0 } else { 2 });
    let body = if method == "GET" { "" } else { "[]" };
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{bearer}{connection}Content-Length: {length}\r\n\r\n{body}");
    let mut stream = connect(running, "127.0.0.1", &TLS13, shown.certificate.as_ref()).await.unwrap();
    let (status, body) = exchange(&mut stream, &head).await;
    // Refusals of who asks are JSON with a message; all others are not.
    let message = serde_json::from_str::<Value>(&body).is_ok_and(|value| value.get("message").is_some());
    assert_eq!(message, status == 400 || status == 401, "{method} {path}: {status} {body}");
    status
}

#[test]
fn the_table_has_every_route_of_the_router() {
    let source = include_str!("../../src/gateway/routes.rs");
    let routes = source.lines().filter_map(|line| line.trim().strip_prefix(".route(\"")?.split_once("\", "));
    let routes: Vec<_> = routes.map(|(path, rest)| (rest.split('(').next().unwrap(), path)).collect();
    let table: Vec<_> = ROUTES.iter().map(|(method, path, _, _)| (*method, *path)).collect();
    assert_eq!(routes, table);
}

#[tokio::test]
async fn every_route_with_every_kind_of_credential() {
    let running = Running::start(Limits::default()).await;
    let (owner, other, revoked, unpublished) = (credential(1), credential(2), credential(1), credential(1));
    let expired =
        Credential::generate(&address(1), &Usage::Tenant, now() - LIFETIME - Duration::from_secs(60)).unwrap();
    for published in [&owner, &other, &revoked, &expired] {
        running.chain.publish(published);
    }
    running.chain.revoke(&revoked);
    let full = json!({ "access": "full" });
    let mut old = claims(1, full.clone());
    for time in ["iat", "nbf", "exp"] {
        old[time] = json!(1_700_000_000);
    }
    let adr36 = json!({ "alg": Algorithm::Es256kAdr36, "typ": "JWT" });
    let both = Shown { certificate: Some(owner.clone()), ..mint(full.clone()) };
    let mut rows: Vec<(String, Shown)> = vec![
        ("nothing".into(), Shown::default()),
        ("token, full".into(), mint(full.clone())),
        ("token, full, ADR-036".into(), by_token(token::sign_value(&key(1), &adr36, &claims(1, full.clone())))),
        ("token, expired".into(), by_token(token::signed(&key(1), &old))),
        ("token, signed by another".into(), by_token(token::signed(&key(2), &claims(1, full.clone())))),
        ("token, account without a key".into(), by_token(token::signed(&key(3), &claims(3, full.clone())))),
    ];
    for scope in Scope::ALL {
        rows.push((format!("token, scoped, {scope}"), mint(json!({ "access": "scoped", "scope": [scope] }))));
    }
    rows.extend([
        ("token, this provider, full".into(), with_provider(json!({ "access": "full" }))),
        ("token, this provider, logs".into(), with_provider(json!({ "access": "scoped", "scope": ["logs"] }))),
        ("token, this deployment".into(), granular(PROVIDER, 7, json!({}))),
        ("token, this deployment, status".into(), granular(PROVIDER, 7, json!({ "scope": ["status"] }))),
        ("token, this group".into(), granular(PROVIDER, 7, json!({ "gseq": 1 }))),
        ("token, this lease".into(), granular(PROVIDER, 7, json!({ "gseq": 1, "oseq": 1 }))),
        ("token, zeros for any".into(), granular(PROVIDER, 7, json!({ "gseq": 0, "oseq": 0 }))),
        ("token, another order".into(), granular(PROVIDER, 7, json!({ "gseq": 1, "oseq": 2 }))),
        ("token, another group".into(), granular(PROVIDER, 7, json!({ "gseq": 2 }))),
        ("token, another deployment".into(), granular(PROVIDER, 8, json!({}))),
        ("token, another provider".into(), granular(2, 7, json!({}))),
        ("certificate".into(), by_certificate(owner)),
        ("certificate, another account".into(), by_certificate(other.clone())),
        ("certificate, revoked".into(), by_certificate(revoked)),
        ("certificate, expired".into(), by_certificate(expired)),
        ("certificate, not published".into(), by_certificate(unpublished)),
        ("certificate and token".into(), both),
    ]);
    let mut table = String::new();
    for (index, (method, path, _, scope)) in ROUTES.iter().enumerate() {
        let scope = scope.map_or("", Scope::name);
        writeln!(table, "{index:>2}  {:<4} {path} {scope}", method.to_uppercase()).unwrap();
    }
    let head: String = (0..ROUTES.len()).map(|index| format!("{index:>5}")).collect();
    writeln!(table, "\n{:34}{head}", "").unwrap();
    for (name, shown) in rows {
        let mut line = format!("{name:34}");
        for (method, _, path, _) in ROUTES {
            write!(line, "{:>5}", ask(&running, &shown, method, path).await).unwrap();
        }
        writeln!(table, "{line}").unwrap();
    }
    insta::assert_snapshot!(table);
    // Whoever is named by a certificate sees leases under that name and no other.
    let gateway = running.with(client::Auth::Certificate(other));
    assert!(gateway.manifest(7, 1, 1).await.unwrap()[0]["name"].as_str().unwrap().starts_with(&address(2)));
}
