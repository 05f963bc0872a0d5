//! The agent is killed at each named point of a lease, and comes back.

use super::audit::{Books, DEPOSIT};
use super::part::{Ended, Part};
use crate::net::{Deployment, Net, until};

const HELLO: &str = "examples/hello-web/deploy.yaml";

/// Until the container serves, in this order.
pub(super) const OPENING: [&str; 12] = [
    "bid-decided",
    "bid-placed",
    "lease-won",
    "manifest-received",
    "manifest-kept",
    "pod-claimed",
    "pod-recorded",
    "pod-connected",
    "container-prepared",
    "container-starting",
    "pod-started",
    "withdrawing",
];
/// From the end of the lease.
pub(super) const CLOSING: [&str; 4] = ["lease-over", "pod-stopped", "pod-dismantled", "pod-removed"];

#[test]
fn an_agent_killed_while_a_lease_opens_comes_back_and_serves_it() {
    let Some(net) = started() else { return };
    for point in &OPENING[..6] {
        opens(&net, point);
    }
}

#[test]
fn an_agent_killed_while_a_container_starts_comes_back_and_serves_it() {
    let Some(net) = started() else { return };
    for point in &OPENING[6..] {
        opens(&net, point);
    }
    opens(&net, "withdrawn");
}

#[test]
fn an_agent_killed_while_a_lease_ends_comes_back_and_frees_everything() {
    let Some(net) = started() else { return };
    for point in CLOSING {
        closes(&net, point);
    }
    ends_without_the_agent(&net);
}

#[test]
fn an_image_whose_loading_was_killed_is_loaded_again_and_served() {
    let Some(net) = Net::start(false) else { return };
    let archive = net.image_archive();
    Part::start(&net, "load", &["image", "load", &archive], Some("image-unpacking")).crashed("image-unpacking");
    net.json(&["image", "load", &archive]);
    let deployment = net.deploy(HELLO);
    until(|| deployment.page()).unwrap();
    net.close(deployment.dseq);
    net.nothing_left();
}

/// A network whose agent the test starts, one that withdraws as soon as it can.
pub(super) fn started() -> Option<Net> {
    started_with(&["--providers", "1"])
}

/// The same with other options of `tetra up`.
pub(super) fn started_with(options: &[&str]) -> Option<Net> {
    let net = Net::start_with(options, true)?;
    net.crash_agent();
    let config = net.provider().join("provider.json");
    let mut settings: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    settings["withdraw_every_s"] = 1.into();
    std::fs::write(&config, settings.to_string()).unwrap();
    Some(net)
}

/// The agent dies at a point on the way to a lease that serves; the next one serves it.
pub(super) fn opens(net: &Net, point: &str) {
    let books = Books::open(net);
    let agent = Part::agent(net, Some(point));
    let deploy = Part::start(net, "deploy", &["deploy", HELLO, "--auto", "cheapest", "--keep", "-o", "json"], None);
    agent.crashed(point);
    let agent = Part::agent(net, None);
    let deployment = settle(net, deploy);
    let page = until(|| deployment.page());
    assert!(page.is_ok(), "{point}: {page:?}\n{}", agent.said());
    let leases = net.json(&["lease", "list"]);
    assert_eq!(leases.as_array().map(Vec::len), Some(1), "{point}: {leases}");
    assert_eq!(leases[0]["state"], "active", "{point}");
    net.close(deployment.dseq);
    over(net, &books, &deployment, point);
}

/// The agent dies at a point of the end of a lease; the next one frees what is left.
pub(super) fn closes(net: &Net, point: &str) {
    let books = Books::open(net);
    let agent = Part::agent(net, Some(point));
    let deployment = net.deploy(HELLO);
    until(|| deployment.page()).unwrap();
    net.close(deployment.dseq);
    agent.crashed(point);
    let _agent = Part::agent(net, None);
    over(net, &books, &deployment, point);
}

/// The lease ends while no agent runs.
fn ends_without_the_agent(net: &Net) {
    let books = Books::open(net);
    let agent = Part::agent(net, None);
    let deployment = net.deploy(HELLO);
    agent.kill();
    net.close(deployment.dseq);
    assert!(!net.held().is_empty(), "the container is still there");
    let _agent = Part::agent(net, None);
    over(net, &books, &deployment, "no agent");
}

/// Nothing is left and the money is right.
pub(super) fn over(net: &Net, books: &Books, deployment: &Deployment, point: &str) {
    net.nothing_left();
    let traces = until(|| Some(traces(net)).filter(|traces| !traces.is_empty()).map_or(Ok(()), Err));
    assert_eq!(traces, Ok(()), "{point}");
    books.check(&[(deployment.dseq, DEPOSIT)]);
}

/// What the tenant's command brought about, going on as it says where the agent's end stopped it.
pub(super) fn settle(net: &Net, deploy: Part) -> Deployment {
    let Ended { status, out, err } = deploy.end();
    if status.success() {
        return Deployment::of(&serde_json::from_str(&out).unwrap());
    }
    let way = err.split("tetra deploy --resume ").nth(1);
    let dseq = way.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    let dseq = dseq.unwrap_or_else(|| panic!("no way on is named: {err}"));
    let resumed = until(|| {
        let output = net.run(&["deploy", "--resume", dseq, "--auto", "cheapest", "--keep", "-o", "json"]);
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    });
    Deployment::of(&serde_json::from_slice(&resumed.unwrap()).unwrap())
}

/// Traces of leases on the disk and among processes, which [`Net::held`] does not count.
fn traces(net: &Net) -> Vec<String> {
    let provider = net.provider();
    let data = provider.join("data");
    let names = |dir: &std::path::Path, prefix: &str| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        let named = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(prefix);
        entries.filter(named).map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    let mut found = names(&data.join("pods"), "");
    found.extend(names(&data.join("images/drafts"), ""));
    found.extend(names(&provider.join("state"), "lease-"));
    let claims = names(std::path::Path::new("/var/lib/tetra/claims"), "");
    let ours = |file: &String| std::fs::read_to_string(file).unwrap_or_default().starts_with(data.to_str().unwrap());
    found.extend(claims.into_iter().filter(ours));
    found.extend(net.shims());
    found
}
