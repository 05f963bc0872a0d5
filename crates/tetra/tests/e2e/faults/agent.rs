//! What happens to providers and to money.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::audit::Books;
use crate::net::{Net, fetch, until};

const HELLO: &str = "examples/hello-web/deploy.yaml";

#[test]
fn a_container_outlives_its_agent_and_is_found_again() {
    let Some(net) = Net::start(true) else { return };
    let deployment = net.deploy(HELLO);
    until(|| deployment.page()).unwrap();
    let process = container(&net);

    // Fetched at its own address without a pause, from before the crash until the agent is back.
    let (direct, over) = (format!("{}:80", address(&net)), Arc::new(AtomicBool::new(false)));
    let watcher = std::thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let mut answers = Vec::new();
            while !over.load(Ordering::Relaxed) {
                answers.push(fetch(&direct, "web"));
            }
            answers
        }
    });
    net.crash_agent();
    until(|| deployment.page().map_or(Ok(()), Err)).expect("the agent, and its proxy, are gone");
    assert_eq!(container(&net), process, "the container is not");

    let agent = net.start_agent();
    let page = until(|| deployment.page()).expect("the same address answers again");
    assert!(page.contains("hello from Tetra"));
    assert_eq!(container(&net), process, "it is the same container");
    over.store(true, Ordering::Relaxed);
    let answers = watcher.join().unwrap();
    let failed: Vec<_> =
        answers.iter().filter(|answer| !answer.as_ref().is_ok_and(|page| page.starts_with("200"))).collect();
    assert!(answers.len() > 1 && failed.is_empty(), "of {} fetches failed: {failed:?}", answers.len());
    let lease = net.json(&["lease", "list"]);
    assert_eq!(lease[0]["state"], "active");
    let bill = net.close(deployment.dseq);
    assert!(bill["net"].as_u64().is_some() && bill["owed"] == 0, "{bill:#}");
    net.nothing_left();
    drop(agent);
}

#[test]
fn an_empty_escrow_ends_the_lease_and_everybody_is_paid_what_there_was() {
    let Some(net) = Net::start(true) else { return };
    // So dear that the least deposit lasts about twenty blocks of 300 ms.
    let config = net.provider().join("provider.json");
    let before = std::fs::read_to_string(&config).unwrap();
    let mut settings: serde_json::Value = serde_json::from_str(&before).unwrap();
    settings["scale"]["cpu"] = "430000".into();
    settings["funds_every_s"] = 1.into();
    std::fs::write(&config, settings.to_string()).unwrap();
    net.crash_agent();
    let agent = net.start_agent();
    let books = Books::open(&net);
    let rich = net.file("rich.yaml", HELLO, &[("amount: 1000", "amount: 50000")]);
    let told = until(|| {
        let output = net.run(&["deploy", &rich, "--auto", "cheapest", "--deposit", "500000uusd", "-o", "json"]);
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    });
    let told: serde_json::Value = serde_json::from_slice(&told.unwrap()).unwrap();
    let dseq = told["dseq"].as_u64().unwrap().to_string();

    let shown = until(|| {
        let shown = net.json(&["deployment", "show", &dseq]);
        if shown["state"] == "closed" { Ok(shown) } else { Err(shown) }
    });
    let bill = &shown.expect("the deployment ends by itself")["bill"];
    assert_eq!(bill["adds_up"], true, "{bill:#}");
    assert_eq!((&bill["deposited"], &bill["refunded"]), (&500_000.into(), &0.into()), "{bill:#}");
    let paid = ["net", "take", "rounding"].map(|field| bill[field].as_u64().unwrap());
    assert_eq!(paid.iter().sum::<u64>(), 500_000, "{bill:#}");
    assert!(bill["owed"].as_u64().unwrap() > 0, "{bill:#}");
    net.nothing_left();
    // The same from balances, rate and blocks alone.
    let due = books.check(&[(dseq.parse().unwrap(), 500_000)]);
    assert_eq!(bill["owed"].as_u64().map(u128::from), Some(due[0].owed), "{bill:#}");
    drop(agent);
}

/// The process of the agent's one container.
fn container(net: &Net) -> String {
    let runs = net.held();
    let mounts = &runs["mounts"];
    let run = mounts[0].split("/pods/").next().unwrap().to_owned();
    let state = std::fs::read_dir(format!("{run}/runc")).unwrap().next().unwrap().unwrap().path().join("state.json");
    let state: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(state).unwrap()).unwrap();
    format!("{} since {}", state["init_process_pid"], state["init_process_start"])
}

/// The address of the agent's one container.
fn address(net: &Net) -> String {
    let namespace = net.held()["network namespaces"][0].clone();
    let shown = std::process::Command::new("ip").args(["-n", &namespace, "-4", "-o", "addr", "show", "eth0"]).output();
    let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
    let inet = shown.split("inet ").nth(1).unwrap();
    inet.split([' ', '/']).next().unwrap().to_owned()
}
