//! What the operator sees: one trace from the command to the container, numbers that move with the money, reasons, and
//! no secret in any log.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::net::{LIMIT, Net, fetch, until};

/// All of ours, and the libraries that see tokens and manifests, as loud as they can.
const LOUD: &str = "info,tetra=trace,node=trace,provider=trace,workload=trace,client=trace,rpc=trace,mempool=trace,\
                    engine=trace,telemetry=trace,app=trace,sdl=trace,hyper=trace,hyper_util=trace,reqwest=trace,\
                    rustls=trace,axum=trace,tower_http=trace,tungstenite=trace,tokio_tungstenite=trace,\
                    oci_client=trace,h2=trace,arc_malachitebft_network=off";
const SECRET: &str = "canary-4b1f27-never-to-be-logged";

/// A page of a process's own listener: status and body.
fn page(metrics: &Value, path: &str) -> String {
    let address = metrics.as_str().unwrap().strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
    fetch(address, path).unwrap()
}

/// The samples of a scrape, by name and labels.
fn samples(metrics: &Value) -> BTreeMap<String, f64> {
    let text = page(metrics, "/metrics");
    assert!(text.starts_with("200") && text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("200"));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

fn log_of(part: &Value) -> String {
    std::fs::read_to_string(part["log"].as_str().unwrap()).unwrap()
}

fn texts_of(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

#[test]
fn one_trace_reaches_from_the_command_into_the_container_and_no_secret_is_logged() {
    let Some(mut net) = Net::start_logging(LOUD) else { return };
    net.load_image();
    // So dear that a few blocks earn whole units, which the agent withdraws at once.
    net.again_with(LOUD, |settings| {
        settings["scale"]["cpu"] = "43000".into();
        settings["withdraw_every_s"] = 1.into();
    });
    let (node, agent) = (&net.report["validators"][0], &net.report["providers"][0]);
    for part in [node, agent] {
        let ready =
            until(|| Some(page(&part["metrics"], "/readyz?verbose")).filter(|page| page.starts_with("200")).ok_or(()));
        let ready =
            ready.unwrap_or_else(|()| panic!("not ready within {LIMIT:?}: {}", page(&part["metrics"], "/readyz")));
        assert!(ready.lines().count() >= 5 && ready.contains("\"check\":\"disk\""), "{ready}");
        assert_eq!(page(&part["metrics"], "/livez"), "200ok\n");
    }
    let before = samples(&node["metrics"]);

    let secret = format!("GREETING=good day\n      - SECRET={SECRET}");
    let file = net.file(
        "canary.yaml",
        "examples/env-command/deploy.yaml",
        &[("GREETING=good day", &secret), ("amount: 1000", "amount: 50000")],
    );
    let deploy = ["-vv", "--log-format", "json", "deploy", &file, "--auto", "cheapest", "-o", "json"];
    let output = net.run_logging(LOUD, &deploy);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let deployed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (dseq, trace) = (deployed["dseq"].as_u64().unwrap(), deployed["trace"].as_str().unwrap());
    let number = dseq.to_string();

    // The command, the node, the agent with its gateway and proxy.
    let steps = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours: Vec<String> =
        steps.filter(|step| step["trace"] == trace).map(|step| step["message"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ours, ["created the deployment", "took a lease", "sent the manifest", "every replica answers"]);
    for (part, wanted) in [
        (
            node,
            [
                "event=\"deployment_created\"",
                "event=\"order_created\"",
                "event=\"bid_created\"",
                "event=\"lease_created\"",
            ],
        ),
        (agent, ["bid", "the lease's pod runs", "published", "/deployment/{dseq}/manifest"]),
    ] {
        let log = log_of(part);
        for text in wanted {
            assert!(
                log.lines().any(|line| line.contains(trace) && line.contains(text)),
                "no {text:?} with {trace} in\n{log}"
            );
        }
    }
    assert_eq!(net.json(&["deployment", "show", &number])["trace"], trace);

    let page = until(|| crate::net::Deployment::of(&deployed).page()).unwrap();
    assert!(page.starts_with("good day"), "{page}");
    // A token and the tenant's lines go through websockets here.
    let followed = net.run_logging(LOUD, &["lease", "logs", &number, "--tail", "5"]);
    assert!(followed.status.success() && String::from_utf8_lossy(&followed.stdout).contains("web-0"), "{followed:?}");

    // The shim, the bundle, the container.
    let told = net.json(&["deployment", "trace", &number]);
    let lines = told["lines"].as_array().unwrap();
    let from = |name: &str| lines.iter().filter(|line| line["from"] == name).collect::<Vec<_>>();
    assert!(from("validator-0").len() >= 4 && from("provider-1").len() >= 4, "{told:#}");
    let shim = from("web-0.shim");
    let ran: Value = serde_json::from_str(shim[0]["text"].as_str().unwrap()).unwrap();
    assert_eq!((&ran["message"], &ran["trace"]), (&"the container runs".into(), &trace.into()));
    let environ = std::fs::read_to_string(format!("/proc/{}/environ", ran["pid"])).unwrap();
    assert!(environ.split('\0').any(|pair| pair == format!("TETRA_TRACE_ID={trace}")), "{environ:?}");
    let state = net.container_states();
    assert!(state.iter().any(|state| state.contains(&format!("org.tetra.trace-id={trace}"))), "{state:?}");

    // The numbers.
    let during = samples(&node["metrics"]);
    assert_eq!(during["tetra_market_leases{state=\"active\"}"], 1.0);
    assert_eq!(during["tetra_market_deployments{state=\"active\"}"], 1.0);
    assert_eq!(during["tetra_capacity_holds{kind=\"firm\"}"], 1.0);
    assert!(during["tetra_escrow_held_base_units{denom=\"uusd\"}"] > 0.0);
    assert!(during["tetra_node_height"] > before["tetra_node_height"]);
    assert!(during["tetra_node_state_keys"] > before["tetra_node_state_keys"]);
    assert_eq!(during["tetra_money_imbalances_total"], 0.0);
    let served = samples(&agent["metrics"]);
    assert_eq!(served["tetra_provider_leases{state=\"running\"}"], 1.0);
    assert_eq!(served["tetra_provider_containers{state=\"running\"}"], 1.0);
    assert_eq!(served["tetra_provider_bids_total{outcome=\"won\"}"], 1.0);
    assert_eq!(served["tetra_provider_start_phase_seconds_count{phase=\"runtime\"}"], 1.0);
    assert!(served["tetra_provider_capacity{resource=\"cpu\",part=\"reserved\"}"] > 0.0);

    // The money of the counters is the money of the bill.
    let bill = net.close(dseq);
    net.nothing_left();
    let amount = |value: &Value| value.as_f64().unwrap();
    let equal = until(|| {
        let of = |part: &Value, name: &str| samples(part).get(&format!("{name}{{denom=\"uusd\"}}")).copied();
        let withdrawn = of(&agent["metrics"], "tetra_provider_withdrawn_base_units_total");
        let paid = of(&node["metrics"], "tetra_escrow_paid_base_units_total");
        if withdrawn.is_some() && withdrawn == paid { Ok(()) } else { Err((withdrawn, paid)) }
    });
    assert_eq!(equal, Ok(()), "what the agent withdrew is what escrow paid");
    let after = samples(&node["metrics"]);
    let uusd = |name: &str| after[&format!("tetra_{name}{{denom=\"uusd\"}}")];
    assert!(uusd("escrow_paid_base_units_total") > 0.0 && uusd("escrow_taken_base_units_total") > 0.0, "{bill:#}");
    let back = uusd("escrow_refunded_base_units_total")
        + uusd("escrow_paid_base_units_total")
        + uusd("escrow_taken_base_units_total")
        + after.get("tetra_escrow_dust_base_units_total{denom=\"uusd\"}").copied().unwrap_or(0.0);
    assert_eq!(uusd("escrow_deposited_base_units_total"), back + uusd("escrow_held_base_units"));
    assert_eq!(uusd("escrow_held_base_units"), 0.0);
    assert!(amount(&bill["refunded"]) <= uusd("escrow_refunded_base_units_total"), "the bid's deposit came back too");
    assert_eq!(after["tetra_market_leases{state=\"active\"}"], 0.0);

    // No secret in any log, of the command or of the network: the manifest's environment, tokens, keys.
    let mut logs = texts_of(&net.logs());
    logs.extend([said, String::from_utf8_lossy(&followed.stderr).into_owned()]);
    let mut secrets = vec![SECRET.to_owned(), "eyJhbGciOi".to_owned()];
    secrets.extend(texts_of(&net.keys()).iter().flat_map(|text| private(text)));
    for part in ["validator_key.json", "node_key.json"] {
        let text = std::fs::read_to_string(Path::new(node["dir"].as_str().unwrap()).join(part)).unwrap();
        secrets.extend(private(&text));
    }
    assert!(secrets.len() >= 6, "keys were not found: {secrets:?}");
    for log in &logs {
        for secret in &secrets {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "a secret is in a log");
        }
    }
    assert!(logs.iter().any(|log| log.contains(" TRACE ") || log.contains("DEBUG")), "the logs are not loud");
}

/// The texts of a key file that are long enough to be private, and are not under a public name.
fn private(text: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let mut found = Vec::new();
    walk(&value, &mut found);
    found
}

fn walk(value: &Value, found: &mut Vec<String>) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        let public = ["pub", "address", "name", "peer", "type"].iter().any(|word| name.contains(word));
        match value {
            Value::String(text) if !public && text.len() >= 32 => found.push(text.clone()),
            Value::Object(_) if !public => walk(value, found),
            _ => {}
        }
    }
}
