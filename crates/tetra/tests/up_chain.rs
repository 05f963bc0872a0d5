//! `tetra up` without providers: real processes, found by their ports, ended by `tetra down`.

mod up_common;

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
