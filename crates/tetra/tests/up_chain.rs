//! `tetra up` without providers: real processes, found by their ports, ended by `tetra down`.

mod up_common;

use std::time::{Duration, Instant};

use serde_json::json as value;
use up_common::Net;

#[tokio::test(flavor = "multi_thread")]
async fn one_validator_stops_and_goes_on() {
    let net = Net::new();
    let first = net.up(&["--validators", "1", "--block-time", "200ms"]);
    assert_eq!(first["continued"], false);
    let stopped_at = net.reach(&first, 4).await;

    // A second one in the same folder is refused while this one runs.
    let refused = net.tetra(&["up", "--providers", "0"]);
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    net.down();
    assert!(!net.tetra(&["node", "verify", &net.validator(0)]).stdout.is_empty());

    // Another number of validators would be another chain.
    let refused = net.tetra(&["up", "--providers", "0", "--validators", "4"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");

    let again = net.up(&[]);
    assert_eq!(again["continued"], true);
    assert_eq!(again["validators"][0]["rpc"], first["validators"][0]["rpc"], "ports are remembered");
    net.reach(&again, stopped_at + 2).await;
    net.down();

    let fresh = net.up(&["--fresh", "--block-time", "200ms"]);
    assert_eq!(fresh["continued"], false);
    assert!(fresh["validators"][0]["height"].as_u64().unwrap() < stopped_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn four_validators_go_on_without_one_and_take_it_back() {
    let net = Net::new();
    let report = net.up(&["--validators", "4", "--block-time", "300ms"]);
    net.reach(&report, 3).await;
    up_common::kill(&report["validators"][2]["pid"]);

    // Past every validator's turn to propose.
    let others: Vec<usize> = vec![0, 1, 3];
    let height = net.reach_some(&report, &others, 12).await;
    let restarted = net.start_node(2);
    net.reach(&report, height + 6).await;
    restarted.end();
    net.down();
    for index in 0..4 {
        let verified = net.tetra(&["node", "verify", &net.validator(index)]);
        assert!(verified.status.success(), "{verified:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outlives_a_runner_that_is_killed() {
    let net = Net::new();
    let report = net.up(&["--validators", "1", "--block-time", "200ms"]);
    up_common::kill(&report["pid"]);
    up_common::gone(&report["validators"][0]["pid"]).await;
    let down = net.tetra(&["down", "-o", "json"]);
    assert!(String::from_utf8_lossy(&down.stdout).contains("\"was_running\": false"), "{down:?}");
    net.up(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_go_on_says_why() {
    let net = Net::new();
    let report = net.up(&["--validators", "2", "--block-time", "300ms"]);
    net.reach(&report, 3).await;
    let metrics = &report["validators"][0]["metrics"];
    let ready = up_common::page(metrics, "/readyz?verbose");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\"check\":\"peers\",\"ok\":true"), "{ready}");

    // Half of the power: no block can be decided.
    up_common::kill(&report["validators"][1]["pid"]);
    let said =
        up_common::becomes(metrics, "/readyz", |page| page.contains("last_block") && page.contains("peers")).await;
    assert!(said.starts_with("HTTP/1.1 503"), "{said}");
    for part in ["0 connected, 1 configured", "one comes every 300 ms", "see whether the other validators run"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let live = up_common::page(metrics, "/livez");
    assert!(live.starts_with("HTTP/1.1 200"), "two minutes are not over: {live}");
    let started = net.start_node(1);
    up_common::becomes(metrics, "/readyz", |page| page.starts_with("HTTP/1.1 200")).await;
    started.end();
}

#[test]
fn a_taken_port_is_named_with_a_remedy() {
    let net = Net::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let refused = net.tetra(&["up", "--providers", "0", "--rpc-port", &port]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(7), "{said}");
    assert!(said.contains(&format!("port {port} is taken")) && said.contains("ss -ltnp"), "{said}");
}

/// What a command printed as JSON.
fn json(net: &Net, arguments: &[&str]) -> serde_json::Value {
    let output = net.tetra(&[arguments, &["-o", "json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn made_up_prices_say_so_and_buy_credits_whose_money_adds_up() {
    let net = Net::new();
    net.up(&["--block-time", "200ms", "--epoch", "10s"]);
    // A price that was posted just now has no history yet.
    let deadline = Instant::now() + up_common::LIMIT;
    let told = loop {
        let prices = json(&net, &["oracle", "show"]);
        let prices = prices.as_array().unwrap();
        if prices.iter().all(|one| one["state"] != "short history") || Instant::now() > deadline {
            let told = prices.iter().map(|one| value!([one["pair"], one["state"], one["simulated"]]));
            break told.collect::<serde_json::Value>().to_string();
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    insta::assert_snapshot!(told, @r#"[["EUR/USD","fresh",true],["LUX/USD","fresh",true],["TET/USD","fresh",true]]"#);
    let refused = net.tetra(&["oracle", "post", "LUX/USD=5", "-y"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");

    // 10 LUX of 4 USD, a euro of 1.10 USD, four credits a euro.
    let dry = json(&net, &["render", "credits", "buy", "10lux", "--dry-run"]);
    assert_eq!((dry["gets_ucredits"].as_u64(), dry.get("hash")), (Some(145_454_545), None), "{dry}");
    assert_eq!(json(&net, &["render", "credits", "show"])["free_ucredits"], 0);
    let supply =
        |what: &str| json(&net, &["render", "supply"])[what]["amount"].as_str().unwrap().parse::<u128>().unwrap();
    let before = supply("supply");
    json(&net, &["render", "credits", "buy", "10lux", "-y"]);
    let has = json(&net, &["render", "credits", "show"]);
    assert_eq!(has["free_ucredits"], dry["gets_ucredits"], "{has}");
    assert_eq!(has["lots"][0]["left"]["amount"], "10000000");
    let doge = net.tetra(&["render", "credits", "buy", "10tet", "-y"]);
    assert_eq!(doge.status.code(), Some(2), "{doge:?}");

    // Credits are not burned before frames are approved; what epochs mint beside stands in the supply.
    let (minted, after) = (supply("minted"), supply("supply"));
    assert!(after >= before && after <= before + minted.max(supply("minted")), "{before} {after} {minted}");
    assert_eq!(supply("burned"), 0);
    assert_eq!(json(&net, &["render", "epoch", "1"])["number"], 1);
}

#[test]
fn without_nodes_and_jobs_commands_say_what_is_missing() {
    let net = Net::new();
    net.up(&["--block-time", "200ms"]);
    assert_eq!(json(&net, &["render", "list", "--all"]).as_array().unwrap().len(), 0);
    let scene = tempfile::NamedTempFile::with_suffix(".blend").unwrap();
    std::fs::write(scene.path(), "no scene").unwrap();
    let scene = scene.path().to_str().unwrap();
    let told = |arguments: &[&str]| {
        let output = net.tetra(arguments);
        let text = String::from_utf8_lossy(&output.stderr).replace(scene, "SCENE");
        let text = text.lines().filter(|line| !line.contains("no Blender")).collect::<Vec<_>>().join("\n");
        format!("{} {arguments:?}\n{text}", output.status.code().unwrap())
    };
    let all = [
        told(&["render", "show", "7"]),
        told(&["render", "frames", "bob/7"]),
        told(&["render", "approve", "7", "-y"]),
        told(&["render", "fund", "7", "1", "-y"]),
        told(&["render", "fund", "7"]),
        told(&["render", "download", "7"]),
        told(&["render", "audit", "7", "1"]),
        told(&["render", "explain", "x", "1"]),
        told(&["render", "epoch", "9"]),
        told(&["render", "submit", "no-such-file.blend", "--frames", "1", "--work", "1"]),
    ];
    let all = all.join("\n---\n");
    let here = std::env::current_dir().unwrap().display().to_string();
    let alice = json(&net, &["wallet", "show", "alice"])["address"].as_str().unwrap().to_owned();
    let bob = json(&net, &["wallet", "show", "bob"])["address"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(all.replace(&here, "HERE").replace(&alice, "ALICE").replace(&bob, "BOB"));
}

#[test]
fn help_names_what_there_is() {
    let help = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tetra"));
        command.args(arguments).arg("-h").env_clear();
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    // What every command takes stands in every help, and is left out here.
    let own = |arguments: &[&str]| {
        let text = help(arguments);
        let lines = text.lines().map(str::trim_end).take_while(|line| !line.starts_with("Options:"));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!([own(&["render"]), own(&["render", "credits"]), own(&["oracle"])].join("\n---\n"));
    let text = help(&["render", "submit"]);
    insta::assert_snapshot!(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"));
}
