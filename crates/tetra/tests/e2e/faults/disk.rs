//! Full disks: the node stops in time and goes on later; the agent tells the tenant and goes on later; a container
//! fills what it paid for and no more.

use std::fs;

use super::audit::{Books, DEPOSIT};
use super::chain::Validators;
use super::part::Part;
use crate::net::{Deployment, Net, missing, until};
use crate::small_disk::SmallDisk;

const HELLO: &str = "examples/hello-web/deploy.yaml";
const MIB: u64 = 1 << 20;

#[test]
fn a_node_stops_before_its_disk_is_full_and_goes_on_when_there_is_room() {
    if let Some(reason) = missing() {
        println!("skipped: {reason}");
        return;
    }
    let net = Net::with(&["--providers", "0"], None);
    assert!(net.run(&["down"]).status.success());
    let home = net.home().join("local/validator-0");
    let disk = SmallDisk::over(&home.join("data"), 160 * MIB);
    let keep_free = |bytes: u64| {
        let path = home.join("node.json");
        let mut config: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        config["min_free_bytes"] = bytes.into();
        fs::write(path, config.to_string()).unwrap();
    };
    keep_free(8 * MIB);
    let mut validators = Validators::of(&net);
    let last = validators.height(0).unwrap();
    let hashes = validators.hashes(0, last);

    // It stops by itself, says why, and does not start before there is room.
    disk.fill(4 * MIB);
    for again in [false, true] {
        if again {
            validators.start(0);
        }
        let ended = validators.ended(0);
        assert_eq!(ended.status.code(), Some(7), "{}", ended.err);
        assert!(ended.err.contains("min_free_bytes") && ended.err.contains("make room"), "{}", ended.err);
    }
    disk.free();
    goes_on(&mut validators, last, &hashes);

    // Even without that care, where writes fail half-way, nothing is damaged.
    keep_free(0);
    for _ in 0..3 {
        validators.kill(0);
        validators.start(0);
        validators.reach(1);
        disk.fill(0);
        let ended = validators.ended(0);
        assert!(!ended.status.success() && !ended.err.is_empty(), "{:?} {}", ended.status, ended.err);
        println!("measured: with no byte left the node says: {}", ended.err.lines().last().unwrap_or_default());
        disk.free();
        goes_on(&mut validators, last, &hashes);
    }
    drop(validators);
    let verified = net.run(&["node", "verify", home.to_str().unwrap()]);
    assert!(verified.status.success(), "{verified:?}");
}

fn goes_on(validators: &mut Validators<'_>, last: u64, hashes: &[String]) {
    validators.start(0);
    validators.reach(last + 2);
    assert_eq!(validators.hashes(0, last), hashes);
}

#[test]
fn a_full_disk_of_the_provider_is_told_and_the_lease_goes_on_when_there_is_room() {
    let Some(net) = Net::start(true) else { return };
    net.crash_agent();
    let disk = SmallDisk::over(&net.provider(), 1300 * MIB);
    let agent = Part::agent(&net, None);
    let small = [("          size: 512Mi\n  placement", "          size: 32Mi\n  placement")];
    let small = net.file("small.yaml", HELLO, &small);

    // A container fills its own disk, and no other.
    let writes = "- dd if=/dev/zero of=/tmp/fill bs=64k 2>/tmp/said; rm /tmp/fill; mkdir -p /tmp/www; cp /tmp/said \"$PAGE\"; \
                  exec httpd -f -v -h /tmp/www \"$@\"";
    let line =
        "- mkdir -p /tmp/www && echo \"$GREETING from $HOSTNAME\" >\"$PAGE\" && exec httpd -f -v -h /tmp/www \"$@\"";
    let filling = net.file("filling.yaml", "examples/env-command/deploy.yaml", &[(line, writes)]);
    let filling = net.deploy(&filling);
    let page = until(|| filling.page()).unwrap();
    assert!(page.contains("No space left on device"), "{page}");
    net.close(filling.dseq);
    net.nothing_left();

    for leaving in [8 * MIB, 0] {
        let books = Books::open(&net);
        disk.fill(leaving);
        let output = net.run(&["deploy", &small, "--auto", "cheapest"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{said}");
        assert!(said.to_lowercase().contains("no space"), "{said}\n{}", agent.said());
        let dseq = net.json(&["deployment", "list"])[0]["dseq"].as_u64().unwrap();
        assert!(said.contains(&format!("tetra deploy --resume {dseq}")), "{said}");
        assert_eq!(net.json(&["lease", "list"])[0]["state"], "active");
        disk.free();
        let resumed = Deployment::of(&net.json(&["deploy", "--resume", &dseq.to_string()]));
        assert!(until(|| resumed.page()).is_ok());
        net.close(dseq);
        net.nothing_left();
        books.check(&[(dseq, DEPOSIT)]);
    }
    drop(agent);
}
