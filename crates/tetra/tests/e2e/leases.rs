//! Leases that work: the examples, updates, logs.

use crate::net::{Net, until};

#[test]
fn the_examples_do_what_they_say_and_a_changed_file_updates_its_deployment() {
    let Some(net) = Net::start(true) else { return };

    let pair = net.deploy("examples/two-services/deploy.yaml");
    let page = until(|| pair.page().and_then(|page| if page.contains("hello from") { Ok(page) } else { Err(page) }));
    assert!(page.as_ref().is_ok_and(|page| page.contains("the backend says:\nhello from backend")), "{page:?}");
    let status = net.json(&["lease", "status", &pair.dseq.to_string()]);
    let services = &status[0]["status"]["services"];
    assert_eq!(services["backend"]["uris"], serde_json::json!([]), "the backend is private");
    assert_eq!((&services["backend"]["available"], &services["frontend"]["available"]), (&1.into(), &1.into()));
    net.close(pair.dseq);

    let example = "examples/env-command/deploy.yaml";
    let greeting = net.deploy(example);
    let dseq = greeting.dseq.to_string();
    assert!(until(|| greeting.page()).unwrap().starts_with("good day from "));
    let logs = net.run(&["lease", "logs", &dseq, "--tail", "50"]);
    assert!(logs.status.success() && String::from_utf8_lossy(&logs.stdout).contains("web-0"), "{logs:?}");

    let shell = ["lease", "shell", &dseq, "--no-stdin", "--", "sh", "-c", "echo $GREETING; echo beside >&2; exit 7"];
    let said = net.run(&shell);
    assert_eq!(String::from_utf8_lossy(&said.stdout), "good day\n");
    assert!(String::from_utf8_lossy(&said.stderr).starts_with("beside\n"), "{said:?}");
    assert!(net.fails(8, &shell).contains("the program ended with code 7"));
    assert!(net.fails(3, &["lease", "shell", &dseq, "--service", "db"]).contains("there is no service db"));

    let changed = net.file("changed.yaml", example, &[("GREETING=good day", "GREETING=good night")]);
    net.json(&["deploy", &changed, "--resume", &dseq]);
    let page =
        until(|| greeting.page().and_then(|page| if page.starts_with("good night") { Ok(page) } else { Err(page) }));
    assert!(page.is_ok(), "{page:?}");
    let list = net.json(&["deployment", "list"]);
    assert!(list[0]["runway_hours"].is_string(), "{list}");
    net.close(greeting.dseq);
    net.nothing_left();
}

#[test]
fn an_operator_whose_files_are_private_runs_containers() {
    // Of all that this test starts.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let Some(net) = Net::start(true) else { return };
    let hello = net.deploy("examples/hello-web/deploy.yaml");
    assert!(until(|| hello.page()).unwrap().contains("hello"));
    net.close(hello.dseq);
    net.nothing_left();
}

#[test]
fn deployments_that_ask_for_network_devices_get_them() {
    let Some(net) = Net::start_with(&["--providers", "1", "--network-devices"], true) else { return };
    let plain = "examples/hello-web/deploy.yaml";
    let placement = "    anywhere:\n      pricing:";
    let asks = placement.replace("      pricing:", "      attributes:\n        feat-tun: \"true\"\n      pricing:");
    let asks = net.file("asks.yaml", plain, &[(placement, &asks)]);
    let script = "tunctl -t own0 >/dev/null 2>&1 && ip link set own0 up && echo made || echo none";
    for (file, expected) in [(plain, "none\n"), (&asks, "made\n")] {
        let web = net.deploy(file);
        until(|| web.page()).unwrap();
        let shell = ["lease", "shell", &web.dseq.to_string(), "--no-stdin", "--", "sh", "-c", script];
        let said = net.run(&shell);
        assert_eq!(String::from_utf8_lossy(&said.stdout), expected, "{said:?}");
        net.close(web.dseq);
    }
    net.nothing_left();
}
