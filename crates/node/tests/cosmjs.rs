//! The unmodified CosmJS 0.39 from npm does with a node what a wallet does.

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use client::Node;
use common::{CHAIN_ID, MNEMONIC, address, genesis, network, reaches};
use tokio::process::Command;

/// Installs the locked packages beside the build output, once; says why when it cannot.
async fn install() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cosmjs");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cosmjs");
    let lock = source.join("package-lock.json");
    let stamp = folder.join("node_modules/.installed");
    for name in ["package.json", "package-lock.json", ".npmrc", "client.mjs"] {
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        std::fs::copy(source.join(name), folder.join(name)).map_err(|error| error.to_string())?;
    }
    let wanted = std::fs::read(&lock).map_err(|error| error.to_string())?;
    if std::fs::read(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts"]).current_dir(&folder).kill_on_drop(true);
    let done = npm.output().await.map_err(|error| format!("npm does not start: {error}"))?;
    if !done.status.success() {
        return Err(format!("npm ci: {}", String::from_utf8_lossy(&done.stderr)));
    }
    std::fs::write(&stamp, wanted).map_err(|error| error.to_string())?;
    Ok(folder)
}

async fn present(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    found.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cosmjs_connects_reads_simulates_signs_sends_and_listens() {
    for program in ["node", "npm"] {
        if !present(program).await {
            println!("SKIPPED: {program} is not installed (apt-get install nodejs npm); CosmJS was not run");
            return;
        }
    }
    let folder = install().await.expect("the locked packages install");
    let dir = tempfile::tempdir().unwrap();
    let (homes, urls) = network(dir.path(), &genesis(1, 300), 1);
    let running = node::start(homes[0].clone()).await.unwrap();
    reaches(&Node::new(&urls[0]), 2).await;

    let mut client = Command::new("node");
    client.arg("client.mjs").current_dir(&folder).kill_on_drop(true);
    client.env("RPC", &urls[0]).env("MNEMONIC", MNEMONIC).env("CHAIN_ID", CHAIN_ID);
    client.env("SENDER", address(0)).env("RECIPIENT", address(7));
    let done = client.output().await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}\n{err}");
    assert!(out.ends_with("all done\n"), "{out}\n{err}");
    running.until(async {}).await.unwrap();
}
