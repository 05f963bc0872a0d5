//! The unmodified clients of the older Akash API, `@akashnetwork/akashjs` 0.11.1 from npm and `akash` 0.6.0 from PyPI, on a
//! network of the profile `akash-classic`.
//!
//! The chain alone needs no root: there the clients play the provider too.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use crate::net::Net;
use crate::packages;

const PROFILE: [&str; 2] = ["--profile", "akash-classic"];
/// Whose first account has nothing.
const OTHER_WORDS: &str =
    "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/// A file of the crates.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A client on a network; its files lie in a folder of the network's home.
fn client(net: &Net, name: &str, program: &Path, script: &Path) -> Command {
    let folder = net.home().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(program);
    command.arg(script).current_dir(folder).kill_on_drop(true);
    let text = |path: &str| net.report.pointer(path).and_then(Value::as_str).unwrap().to_owned();
    command.env("RPC", text("/validators/0/rpc")).env("CHAIN_ID", text("/chain_id")).env("WORDS", text("/mnemonic"));
    if let Some(proxy) = net.report.pointer("/providers/0/proxy").and_then(Value::as_str) {
        command.env("PROXY", proxy.replace("*.localhost", "127.0.0.1"));
    }
    command.env("SDL", file("tetra/tests/e2e/classic/deploy.yaml"));
    command
}

async fn akashjs(net: &Net) -> Option<Command> {
    let folder = packages::npm("e2e/classic/akashjs").await?;
    Some(client(net, "akashjs", Path::new("node"), &folder.join("tenant.cjs")))
}

async fn pypi(net: &Net) -> Option<Command> {
    let folder = packages::pypi("e2e/classic/pypi").await?;
    Some(client(net, "pypi", &folder.join("venv/bin/python"), &folder.join("tenant.py")))
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

/// The bills of all deployments, which are closed and add up.
fn add_up(net: &Net, count: usize) {
    let all = net.json(&["deployment", "list", "--all"]);
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), count, "{all:#?}");
    for one in all {
        assert_eq!(one["state"], "closed", "{one:#}");
        let shown = net.json(&["deployment", "show", &one["dseq"].to_string()]);
        assert_eq!(shown["bill"]["adds_up"], true, "{shown:#}");
    }
}

/// What a script prints with the real package, beside what is kept of it.
async fn prints(program: &Path, folder: &Path, script: &str, kept: &str) {
    let mut command = Command::new(program);
    command.arg(file(script)).current_dir(folder).env("SDL", file("tetra/tests/e2e/classic/deploy.yaml"));
    let done = command.output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(done.stdout == std::fs::read(file(kept)).unwrap(), "{script} prints something else than {kept}");
}

#[tokio::test]
async fn the_vectors_are_what_the_real_packages_print() {
    if let Some(folder) = packages::npm("e2e/classic/akashjs").await {
        let (script, kept) = ("classic/tests/vectors/akashjs.cjs", "classic/tests/vectors/akashjs.json");
        prints(Path::new("node"), &folder, script, kept).await;
    }
    if let Some(folder) = packages::pypi("e2e/classic/pypi").await {
        let python = folder.join("venv/bin/python");
        let (script, kept) = ("classic/tests/vectors/pypi.py", "classic/tests/vectors/pypi.json");
        prints(&python, &folder, script, kept).await;
        prints(&python, &folder, "proto/tests/older_fields.py", "proto/tests/older_fields.txt").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn older_clients_deploy_bid_lease_and_close_on_the_chain() {
    let net = Net::with(&[&PROFILE[..], &["--providers", "0"]].concat(), None);
    let mut deployments = 0;
    if let Some(mut command) = akashjs(&net).await {
        // The package's client sends no coins, so a funded account plays the provider.
        command.env("SELLER", "1");
        packages::succeeds(command).await;
        deployments += 1;
    }
    if let Some(mut command) = pypi(&net).await {
        command.env("SELLER", OTHER_WORDS);
        packages::succeeds(command).await;
        deployments += 1;
    }
    add_up(&net, deployments);
}

#[test]
fn akashjs_runs_a_container_with_its_certificate() {
    let Some(net) = Net::start_with(&[&PROFILE[..], &["--providers", "1"]].concat(), true) else { return };
    let Some(command) = wait(akashjs(&net)) else { return };
    wait(packages::succeeds(command));
    add_up(&net, 1);
    net.nothing_left();
}

#[test]
fn pypi_akash_runs_a_container_with_its_certificate() {
    let Some(net) = Net::start_with(&[&PROFILE[..], &["--providers", "1"]].concat(), true) else { return };
    let Some(command) = wait(pypi(&net)) else { return };
    wait(packages::succeeds(command));
    add_up(&net, 1);
    net.nothing_left();
}

/// What a file with prices in `uusd` would cost here at most.
fn ceiling(net: &Net, pay: &[&str]) -> Value {
    let deploy = ["deploy", "examples/hello-web/deploy.yaml", "--dry-run"];
    net.json(&[&deploy, pay].concat())["ceiling"].take()
}

#[test]
fn prices_are_converted_into_the_coins_of_each_profile() {
    let net = Net::with(&["--providers", "0"], None);
    assert_eq!(ceiling(&net, &[])["denom"], "uusd");
    let tet = ceiling(&net, &["--pay-with", "utet", "--rate", "utet=0.50"]);
    assert_eq!((&tet["denom"], &tet["per_block"]), (&"utet".into(), &"2000.000000000000000000".into()));
    let said = net.fails(2, &["deploy", "examples/hello-web/deploy.yaml", "--dry-run", "--pay-with", "uakt"]);
    assert!(said.contains("is no unit of this network"), "{said}");
    drop(net);

    let net = Net::with(&[&PROFILE[..], &["--providers", "0"]].concat(), None);
    let said = net.fails(2, &["deploy", "examples/hello-web/deploy.yaml", "--dry-run"]);
    assert!(said.contains("this network takes uact, uakt") && said.contains("--pay-with uact"), "{said}");
    let act = ceiling(&net, &["--pay-with", "act"]);
    assert_eq!((&act["denom"], &act["per_block"]), (&"uact".into(), &"1000.000000000000000000".into()));
    let said = net.fails(2, &["deploy", "examples/hello-web/deploy.yaml", "--dry-run", "--pay-with", "uakt"]);
    assert!(said.contains("no rate of uakt in USD is known") && said.contains("--rate uakt=0.50"), "{said}");
    let akt = ceiling(&net, &["--pay-with", "akt", "--rate", "akt=0.50"]);
    assert_eq!((&akt["denom"], &akt["per_block"]), (&"uakt".into(), &"2000.000000000000000000".into()));
}
