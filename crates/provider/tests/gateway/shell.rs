//! Programs in containers of leases over a websocket.

use client::claims::Scope;
use client::exec::{ExecEvent, ShellAsk};
use client::gateway::GatewayError;
use provider::gateway::Limits;

use serde_json::json;

use crate::desk::{PROVIDER, Running, address};
use crate::http::scoped;

/// A token for one action on one service of the lease.
fn narrow(action: Scope) -> String {
    scoped(json!({ "access": "granular", "permissions": [{
        "provider": address(PROVIDER), "access": "granular",
        "deployments": [{ "dseq": 7, "scope": [action], "services": ["web"] }],
    }] }))
}

fn ask(service: &str, command: &[&str]) -> ShellAsk {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    ShellAsk { lease: (7, 1, 1), service: service.to_owned(), index: 0, command, terminal: None, reads: true }
}

#[tokio::test]
async fn a_program_reads_writes_and_ends_with_its_code() {
    let running = Running::start(Limits::default()).await;
    let mut session = running.tenant(1).shell(&ask("web", &["cat", "a b"])).await.unwrap();
    session.send(b"there and back".to_vec()).await.unwrap();
    let (mut out, mut err, mut sent) = (Vec::new(), Vec::new(), false);
    let code = loop {
        match session.next().await.unwrap() {
            ExecEvent::Stdout(bytes) => out.extend(bytes),
            ExecEvent::Stderr(bytes) => err.extend(bytes),
            ExecEvent::Exit(code) => break code,
        }
        if out == b"there and back" && !sent {
            sent = true;
            session.send(Vec::new()).await.unwrap();
        }
    };
    assert_eq!((out.as_slice(), err.as_slice(), code), (&b"there and back"[..], &b"beside"[..], 3));
    let asked = running.desk.0.lock().unwrap().shells.clone();
    assert_eq!(asked[0].command, ["cat", "a b"]);
}

#[tokio::test]
async fn what_is_wrong_is_told_and_other_services_need_another_token() {
    let running = Running::start(Limits::default()).await;
    let mut session = running.tenant(1).shell(&ask("nil", &["sh"])).await.unwrap();
    let error = session.next().await.unwrap_err();
    assert!(matches!(&error, GatewayError::Refused { text, .. } if text == "no service nil"), "{error}");
    let error = running.tenant(1).shell(&ask("web", &[])).await.err().unwrap();
    assert!(matches!(error, GatewayError::Refused { status: 400, .. }), "{error}");
    let only = running.with_token(&narrow(Scope::Shell));
    let error = only.shell(&ask("db", &["sh"])).await.err().unwrap();
    assert!(matches!(error, GatewayError::Refused { status: 401, .. }), "{error}");
    let other = running.with_token(&narrow(Scope::Logs));
    let error = other.shell(&ask("web", &["sh"])).await.err().unwrap();
    assert!(matches!(error, GatewayError::Refused { status: 401, .. }), "{error}");
}
