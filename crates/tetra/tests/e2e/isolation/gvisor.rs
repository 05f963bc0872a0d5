//! The hardened class: a provider offers it, a tenant asks for it, and it isolates as the other does.

use std::collections::BTreeSet;
use std::time::Instant;

use super::container::{DEPLOY, Place, agent_answers};
use super::{Row, Table, image};
use crate::net::{Net, until};

#[test]
fn a_tenant_asks_for_gvisor_and_gets_it_or_nothing() {
    if std::process::Command::new("runsc").arg("--version").output().is_err() {
        println!("skipped: needs runsc");
        return;
    }
    let Some(net) = Net::start(true) else { return };
    let dir = tempfile::tempdir().unwrap();
    let program = image::attempts(dir.path());
    net.json(&["image", "load", image::attempts_image(dir.path(), &program).to_str().unwrap()]);
    let wish = ("      pricing:", "      attributes:\n        isolation: gvisor\n      pricing:");
    let file = net.file("gvisor.yaml", DEPLOY, &[wish]);

    let said = net.fails(6, &["deploy", &file, "--auto", "cheapest", "--bid-wait", "2"]);
    assert!(said.contains("isolation=gvisor"), "a provider with namespaces makes no bid: {said}");

    let config = net.provider().join("provider.json");
    let mut settings: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    settings["isolation"] = "gvisor".into();
    std::fs::write(&config, settings.to_string()).unwrap();
    net.crash_agent();
    let agent = net.start_agent();
    // It registers what it offers before its gateway answers.
    until(|| agent_answers(&net)).expect("the agent starts with its new configuration");

    let place = Place::new(&net, dir.path(), &file);
    let release = place.ask("do=kernel-release");
    assert!(release[0].answer.starts_with("4.4.0"), "the kernel of a sandbox: {release:?}");
    let mut table = Table::default();
    let targets = place.targets(&net);
    let mut expected: BTreeSet<String> = targets.iter().map(|(name, ..)| name.clone()).collect();
    table.add(place.connect(&targets));
    let own = place.connect(&[("own".into(), "127.0.0.1".into(), 80)]);
    assert_eq!(own[0].verdict, "done", "{own:?}");
    place.still_serves(&net, "connections");
    for name in INSIDE {
        table.add(place.ask(&format!("do={name}")));
        expected.insert((*name).to_owned());
        place.still_serves(&net, name);
    }
    table.judge("from inside of a leased sandbox", &expected);

    // The clock of its own kernel says otherwise; what counts is what the host gave to all of the sandbox.
    if let Some(before) = net.cpu_seconds() {
        let begun = Instant::now();
        let told = place.ask("do=cpu");
        let cores = (net.cpu_seconds().unwrap() - before) / begun.elapsed().as_secs_f64();
        println!("two busy processes on half a core: {cores:.2} of a core on the host; inside: {}", told[0].answer);
        assert!(cores < 0.65, "{cores:.2} of a core, half of one is paid for");
    }

    // Its own memory counts too: the sandbox as a whole ends, and comes back at the same address.
    let broken = place.try_ask("do=memory");
    assert!(broken.is_err() || broken.is_ok_and(|rows: Vec<Row>| rows[0].verdict == "refused"));
    place.still_serves(&net, "memory");
    until(|| place.try_ask("do=kernel-release")).expect("the sandbox is started again");
    place.close(&net);
    net.nothing_left();
    drop(agent);
}

/// What must fail whatever kernel answers. Mounts and namespaces inside of a sandbox concern its own kernel only.
const INSIDE: &[&str] = &[
    "chroot-escape",
    "proc-root",
    "open-mem",
    "open-kmsg",
    "open-loop-control",
    "open-kvm",
    "open-disks",
    "kcore",
    "see-host-processes",
    "signal-host-process",
    "set-uid-image",
    "set-uid-made",
    "capset",
    "bpf",
    "userfaultfd",
    "init-module",
    "kexec",
    "reboot",
    "clock-settime",
    "raw-socket",
    "packet-socket",
    "disk-of-volume",
];
