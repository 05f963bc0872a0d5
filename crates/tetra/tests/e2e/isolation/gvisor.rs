//! The hardened class: a provider offers it, a tenant asks for it, and it isolates as the other does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::container::{DEPLOY, Place, agent_answers, run};
use super::{Row, Table, image, machine};
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
    let before = machine::around(&net);
    let mut table = Table::default();
    let targets = place.targets(&net);
    table.add(place.connect(&targets));
    let own = place.connect(&[("own".into(), "127.0.0.1".into(), 80)]);
    assert_eq!(own[0].verdict, "done", "{own:?}");
    place.still_serves(&net, "connections");
    for group in ["files", "kernel", "network"].iter().chain(RESOURCES) {
        table.add(place.ask(&format!("do={group}")));
        place.still_serves(&net, group);
    }

    // What its own kernel does is done to that kernel only: behind it nothing of the machine is open or changed.
    let held = place.ask("do=keep-open");
    assert_eq!((&*held[0].verdict, &*held[0].answer), ("done", "held; an interface: EPERM"), "{held:?}");
    assert_eq!(machine::check_processes(&net), 2, "the attacker's sandbox and its neighbour's");
    machine::check_files(&net);
    let after = machine::around(&net);
    let changed: Vec<_> = before.iter().filter(|(what, text)| after.get(*what) != Some(text)).collect();
    assert!(before == after, "{changed:#?}\nis now\n{after:#?}");
    place.still_serves(&net, "what is held open");

    let listed = Row::read(&run(&program, "do=list"));
    let names = listed.iter().filter(|row| row.answer != "resources").map(|row| &*row.name);
    let targets = targets.iter().map(|(name, ..)| &**name);
    let expected: BTreeSet<String> = names.chain(targets).chain(RESOURCES.iter().copied()).map(str::to_owned).collect();
    let inside = table.take(|row| row.verdict == "done");
    println!("done by the sandbox's own kernel: {inside:#?}");
    let by_itself = OWN_KERNEL.iter().map(|(name, _)| (*name).to_owned()).collect();
    table.judge("from inside of a leased sandbox", &expected.difference(&by_itself).cloned().collect());
    let inside: BTreeMap<&str, &str> = inside.iter().map(|row| (&*row.name, &*row.answer)).collect();
    assert_eq!(inside, BTreeMap::from_iter(OWN_KERNEL.iter().copied()));

    // The clock of its own kernel says otherwise; what counts is what the host gave to all of the sandbox.
    if let Some(before) = net.cpu_seconds() {
        let begun = Instant::now();
        let told = place.ask("do=cpu");
        let cores = (net.cpu_seconds().unwrap() - before) / begun.elapsed().as_secs_f64();
        println!("two busy processes on half a core: {cores:.2} of a core on the host; inside: {}", told[0].answer);
        assert!(cores < 0.65, "{cores:.2} of a core, half of one is paid for");
    }

    // What it takes of the host's memory counts as its own: the sandbox as a whole ends, and comes back at the same address.
    let broken = place.ask_within(MEMORY_PATIENCE, "do=memory");
    assert!(broken.is_err() || broken.is_ok_and(|rows: Vec<Row>| rows[0].verdict == "refused"));
    place.still_serves(&net, "memory");
    until(|| place.try_ask("do=kernel-release")).expect("the sandbox is started again");
    place.close(&net);
    net.nothing_left();
    drop(agent);
}

/// A sandbox that has ended takes its end of the connection with it, without a word.
const MEMORY_PATIENCE: Duration = Duration::from_secs(20);

/// More than was paid for, and refused at the same bound as to a container. Of the rest, CPU and memory are the host's to
/// count, below; files in `/dev`, files without bytes in memory, and terminals are the sandbox's memory, and not shared with
/// others; and processes without end take longer than a test, at half a core.
const RESOURCES: &[&str] = &[
    "disk-of-root",
    "disk-of-volume",
    "disk-of-shm",
    "inodes-of-root",
    "inodes-of-volume",
    "descriptors",
    "raise-descriptors",
    "log-flood",
];

/// What a sandbox does not refuse, and what it answers: its kernel is the tenant's own, in user space, and nobody else's.
const OWN_KERNEL: &[(&str, &str)] = &[
    // Devices that it emulates. An interface takes a right that the container has not got.
    ("open-tun", "it worked"),
    ("open-fuse", "it worked"),
    ("io-uring", "it worked"),
    ("perf-event-open", "allowed, and then ENODEV"),
    // Its own settings, log and scheduler.
    ("ip-forward", "it worked"),
    ("oom-score-adj", "it worked"),
    ("kernel-log", "it worked"),
    ("nice", "it worked"),
    ("set-mempolicy", "it worked"),
    ("real-time", "allowed, and then EINVAL"),
    // Its own namespaces and processes.
    ("unshare-user", "it worked"),
    ("unshare-mount", "it worked"),
    ("unshare-cgroup", "it worked"),
    ("clone-user", "it worked"),
    ("setns", "allowed, and then ENOENT"),
    ("ptrace", "it worked"),
    ("file-handle", "allowed, and then EOPNOTSUPP"),
    // What it has not got at all: other calls of 32 bits, capabilities of files, addresses by ioctl, sockets of hypervisors.
    ("i386-mount", "allowed, and then EFAULT"),
    ("file-capabilities", "allowed, and then EOPNOTSUPP"),
    ("change-address", "allowed, and then ENOTTY"),
    ("promiscuous", "allowed, and then ENOTTY"),
    ("vsock", "allowed, and then EAFNOSUPPORT"),
    // Only its own address can be bound, whatever this says.
    ("ip-transparent", "it worked"),
];
