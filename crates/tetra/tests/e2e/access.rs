//! Who may ask a provider's gateway: certificates and tokens, against a real chain.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::certs::{CertStore, Certificate, Credential, Usage, standing};
use client::gateway::{GatewayError, LogOptions};
use client::{Account, Auth, Fees, Gateway, Keystore, Node};
use futures::StreamExt;
use primitives::{Denom, Prefix};
use proto::akash::cert::v1::{Id, MsgRevokeCertificate};
use proto::{Any, ToAny};
use serde_json::Value;

use crate::net::{Deployment, LIMIT, Net, until};

const HELLO: &str = "examples/hello-web/deploy.yaml";

/// Status and words of a refusal.
fn refused<T>(outcome: Result<T, GatewayError>) -> (u16, String) {
    match outcome.map(drop) {
        Err(GatewayError::Refused { status, text, .. }) => (status, text),
        other => panic!("{other:?}"),
    }
}

/// A node of the network.
fn node(net: &Net) -> Node {
    Node::new(net.report["validators"][0]["rpc"].as_str().unwrap())
}

/// Sends a message of an account.
async fn send(net: &Net, name: &str, message: Any) {
    let genesis = node(net).call("genesis", serde_json::json!({})).await.unwrap();
    let price = &genesis["genesis"]["app_state"]["state"]["fees"]["params"]["gas_prices"][0];
    let fees = Fees {
        denom: Denom::new(price["denom"].as_str().unwrap()).unwrap(),
        price: price["price"].as_str().unwrap().parse().unwrap(),
        adjustment_percent: 150,
        inclusion_limit: LIMIT,
    };
    let key = Keystore::new(net.keys()).open(name, None).unwrap();
    let prefix = Prefix::new(genesis["genesis"]["app_state"]["prefix"].as_str().unwrap()).unwrap();
    let chain_id = net.report["chain_id"].as_str().unwrap().to_owned();
    Account::new(node(net), key, prefix, chain_id, fees).send(vec![message]).await.unwrap();
}

/// A certificate of an account, kept and published.
async fn publish(net: &Net, name: &str) -> Credential {
    let owner = net.json(&["wallet", "show", name])["address"].as_str().unwrap().to_owned();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let made = Credential::generate(&owner, &Usage::Tenant, now).unwrap();
    CertStore::new(net.home().join("certs")).add(&made).unwrap();
    send(net, name, made.message().to_any()).await;
    made
}

async fn revoke(net: &Net, name: &str, certificate: &Certificate) {
    let id = Id { owner: certificate.owner.clone(), serial: certificate.serial.clone() };
    send(net, name, MsgRevokeCertificate { id: Some(id) }.to_any()).await;
}

#[test]
fn a_lease_is_driven_by_a_certificate_alone_until_it_is_revoked() {
    let Some(net) = Net::start(true) else { return };
    let said = net.fails(3, &["deploy", HELLO, "--auto", "cheapest", "--auth", "cert"]);
    assert!(said.contains("tetra cert create"), "{said}");
    assert_eq!(net.json(&["deployment", "list"]), serde_json::json!([]), "nothing was spent");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let own = runtime.block_on(publish(&net, "alice"));
    let deployment = Deployment::of(&net.json(&["deploy", HELLO, "--auto", "cheapest", "--auth", "cert"]));
    let dseq = deployment.dseq.to_string();
    assert!(until(|| deployment.page()).is_ok());
    let status = net.json(&["lease", "status", &dseq, "--auth", "cert"]);
    assert_eq!(status[0]["status"]["services"]["web"]["available"], 1, "{status:#}");
    let logs = net.run(&["lease", "logs", &dseq, "--auth", "cert"]);
    assert!(logs.status.success(), "{}", String::from_utf8_lossy(&logs.stderr));

    let gateway = net.gateway_as(Auth::Certificate(own.clone()));
    let options = LogOptions { follow: true, ..LogOptions::default() };
    let mut lines = runtime.block_on(gateway.logs(deployment.dseq, 1, 1, &options)).unwrap();
    runtime.block_on(gateway.lease_status(deployment.dseq, 1, 1)).unwrap();
    runtime.block_on(revoke(&net, "alice", own.certificate()));
    let sent = gateway.put_manifest(deployment.dseq, "[]", Duration::ZERO);
    let refusals = [
        refused(runtime.block_on(gateway.lease_status(deployment.dseq, 1, 1))),
        refused(runtime.block_on(sent)),
        refused(runtime.block_on(gateway.logs(deployment.dseq, 1, 1, &options))),
    ];
    for (status, text) in refusals {
        assert!(status == 401 && text.contains("is revoked"), "{status} {text}");
    }
    // What was streamed before ends too.
    let end = runtime.block_on(async {
        tokio::time::timeout(LIMIT, async {
            loop {
                match lines.next().await {
                    Some(Ok(_)) => {}
                    end => return end,
                }
            }
        })
        .await
    });
    assert!(matches!(end, Ok(Some(Err(GatewayError::Refused { status: 4000, .. })))), "{end:?}");
    let said = net.fails(3, &["lease", "status", &dseq, "--auth", "cert"]);
    assert!(said.contains("is revoked"), "{said}");
    net.json(&["lease", "status", &dseq]);
    net.close(deployment.dseq);
    net.nothing_left();
}

#[test]
fn tokens_permit_what_they_say() {
    let Some(net) = Net::start(true) else { return };
    let deployment = net.deploy(HELLO);
    let dseq = deployment.dseq.to_string();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let with = |arguments: &[&str]| -> Gateway {
        let minted: Value = net.json(&[&["lease", "token"], arguments].concat());
        net.gateway_as(Auth::Token(minted["token"].as_str().unwrap().to_owned()))
    };
    let status = |gateway: &Gateway| runtime.block_on(gateway.lease_status(deployment.dseq, 1, 1));
    let manifest = |gateway: &Gateway| runtime.block_on(gateway.manifest(deployment.dseq, 1, 1));

    for arguments in [&[][..], &["--adr36"], &[&dseq], &[&dseq, "--gseq", "1", "--oseq", "1"]] {
        let gateway = with(arguments);
        status(&gateway).unwrap();
        manifest(&gateway).unwrap();
    }
    for arguments in [&["--scope", "status"][..], &[&dseq, "--scope", "status,logs", "--service", "web"]] {
        let gateway = with(arguments);
        status(&gateway).unwrap();
        assert_eq!(refused(manifest(&gateway)).0, 401, "{arguments:?}");
    }
    let other = net.json(&["wallet", "show", "bob"])["address"].as_str().unwrap().to_owned();
    for arguments in [&["--provider", &other][..], &[&dseq, "--gseq", "2"]] {
        assert_eq!(refused(status(&with(arguments))).0, 401, "{arguments:?}");
    }
    net.fails(2, &["lease", "token", "--expires", "soon"]);
    net.close(deployment.dseq);
}

#[test]
fn an_agent_shows_what_stands_on_the_chain() {
    let Some(net) = Net::start(false) else { return };
    let first = net.gateway_identity();
    let provider = first.certificate().owner.clone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listed = |state: &str| {
        let node = node(&net);
        let found = runtime.block_on(standing::list(&node, &provider, state)).unwrap();
        found.into_iter().map(|found| found.serial).collect::<Vec<_>>()
    };
    assert_eq!(listed("valid"), [first.certificate().serial.clone()]);
    // A restart publishes nothing.
    net.crash_agent();
    drop(net.start_agent_until_ready());
    assert_eq!(listed("valid"), [first.certificate().serial.clone()]);
    // One that was revoked is replaced.
    runtime.block_on(revoke(&net, "provider1", first.certificate()));
    let _agent = net.start_agent_until_ready();
    let next = net.gateway_identity().certificate().serial.clone();
    assert_ne!(next, first.certificate().serial);
    assert_eq!((listed("valid"), listed("revoked")), (vec![next], vec![first.certificate().serial.clone()]));
}
