//! A cluster over three suppliers of one machine: devices that they prove to each other, an overlay between real containers,
//! programs and files through the gateways, a node that is killed, an agent that dies and comes back, and a bill.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::net::{Net, until};

fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Processes whose command line has this.
fn processes(pattern: &str) -> Vec<Pid> {
    let found = Command::new("pgrep").args(["-f", pattern]).output().unwrap();
    let text = String::from_utf8(found.stdout).unwrap();
    text.lines().map(|line| Pid::from_raw(line.parse().unwrap())).collect()
}

fn usd(net: &Net, name: &str) -> i64 {
    let shown = net.json(&["wallet", "show", name]);
    let coins = shown["balances"].as_array().unwrap();
    let coin = coins.iter().find(|coin| coin["denom"] == "uusd").unwrap();
    field(coin, "amount").parse().unwrap()
}

/// The nodes that live, by rank.
fn live(shown: &Value) -> Vec<Value> {
    let mut nodes = shown["nodes"].as_array().unwrap().clone();
    nodes.retain(|node| node["ended_ms"] == 0);
    nodes.sort_by_key(|node| node["rank"].as_u64());
    nodes
}

/// Whose client is gone needs no program.
fn programs_end_with_their_connection(net: &Net, cluster: &str) {
    let marker = format!("sleep 88{}", std::process::id());
    let script = format!("{marker} & {marker} & wait");
    let mut client =
        net.command(&["cluster", "run", cluster, "--rank", "1", "--", "/bin/sh", "-c", &script]).spawn().unwrap();
    // The client and the runtime name it too; the two programs themselves are what is waited for.
    let exact = format!("^{marker}$");
    until(|| if processes(&exact).len() == 2 { Ok(()) } else { Err(processes(&exact)) }).unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    until(|| if processes(&marker).is_empty() { Ok(()) } else { Err(processes(&marker)) }).unwrap();
}

/// By `script`, which has a terminal of its own and types what it reads.
fn a_shell_has_a_terminal(net: &Net, cluster: &str) {
    let ssh = net.command(&["cluster", "ssh", cluster, "--rank", "0"]);
    let line = format!("stty rows 17 cols 91; {} cluster ssh {cluster} --rank 0", ssh.get_program().display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    for (name, value) in ssh.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let mut child = script.spawn().unwrap();
    let mut typed = child.stdin.take().unwrap();
    typed.write_all(b"tty; stty size; echo rank $RANK; exit 0\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    drop(typed);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("/dev/pts/") && said.contains("17 91\r\n") && said.contains("rank 0\r\n"), "{said}");
}

/// Through the gateway, and through the address that `dashboard` has here.
fn websockets_pass(net: &Net, cluster: &str) {
    let mut door = net
        .command(&["cluster", "dashboard", cluster, "--port", "9002", "--listen", "127.0.0.1:0", "-o", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut out = BufReader::new(door.stdout.take().unwrap());
    while !first.contains('}') {
        assert!(out.read_line(&mut first).unwrap() > 0, "{first}");
    }
    let url: Value = serde_json::from_str(&first).unwrap();
    let address = field(&url, "url").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let ask = "GET /stream HTTP/1.1\r\nHost: ray\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
    stream.write_all(ask.as_bytes()).unwrap();
    stream.write_all(b"marco").unwrap();
    let mut said = Vec::new();
    let mut piece = [0u8; 1024];
    while !String::from_utf8_lossy(&said).contains("marco") {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&piece[..length]);
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.starts_with("HTTP/1.1 101"), "{said}");
    assert!(said.contains("GET /stream HTTP/1.1") && !said.contains("authorization"), "{said}");
    door.kill().unwrap();
    door.wait().unwrap();
}

/// Who replaces the only node has the manifest of who lost it.
fn a_cluster_of_one_outlives_its_node(net: &Net) {
    let marker = format!("sleep 99{}", std::process::id());
    let wish = ["cluster", "create", "-n", "1", "-k", "shell", "--image", "hello-web:latest", "-y", "-o", "json"];
    let created =
        net.run(&[&wish[..], &["--max-price", "0.05usd", "--", "/bin/sh", "-c", &format!("{marker} & wait")]].concat());
    let created: Value = serde_json::from_slice(&created.stdout).unwrap();
    let cluster = created["cseq"].as_u64().unwrap().to_string();
    let victim = processes(&format!("^{marker}$")).into_iter().next().expect("a container");
    let stat = std::fs::read_to_string(format!("/proc/{victim}/stat")).unwrap();
    let parent: i32 = stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    kill(Pid::from_raw(parent), Signal::SIGKILL).unwrap();
    until(|| {
        let shown = net.json(&["cluster", "show", &cluster]);
        let again = field(&shown, "state") == "running" && shown["nodes"].as_array().unwrap().len() == 2;
        if again { Ok(()) } else { Err(shown) }
    })
    .unwrap_or_else(|shown| panic!("not mended: {shown:#}"));
    net.json(&["cluster", "stop", &cluster, "-y"]);
}

/// A command that ends by itself keeps its cluster from forming; its nodes are kept, with its image and without its command.
fn failed_nodes_are_looked_at(net: &Net) {
    let wish =
        ["cluster", "create", "-n", "2", "-k", "shell", "--image", "hello-web:latest", "--keep-failed", "5m", "-y"];
    let said = net.run(&[&wish[..], &["--", "/bin/sh", "-c", "echo torn > /tmp/clue; exit 3"]].concat());
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("kept to be looked at") && said.contains("ended with code 3"), "{said}");
    let list = net.json(&["cluster", "list"]);
    let cluster = list[0]["cseq"].as_u64().unwrap().to_string();
    assert_eq!(field(&list[0], "state"), "kept");
    let looked = until(|| {
        let output =
            net.run(&["cluster", "run", &cluster, "--rank", "0", "-o", "json", "--", "/bin/sh", "-c", "ls /www"]);
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    })
    .unwrap();
    assert!(String::from_utf8_lossy(&looked).contains("index.html"));
    net.json(&["cluster", "stop", &cluster, "-y"]);
    let ended = net.json(&["cluster", "show", &cluster]);
    assert_eq!(field(&ended, "state"), "stopped");
    assert!(field(&ended, "cost").parse::<i64>().unwrap() > 0, "{ended:#}");
}

#[test]
fn a_cluster_forms_works_is_mended_and_billed_for_what_worked() {
    let Some(net) = Net::start_with(&["--providers", "3"], true) else { return };
    for provider in net.report["providers"].as_array().unwrap() {
        let small = ["--cpu", "0.2", "--memory", "1", "--storage", "1"];
        net.json(&[&["provider", "cluster", "enable", field(provider, "dir")][..], &small].concat());
    }
    until(|| {
        let class = net.json(&["cluster", "offers"])["classes"][0].take();
        if class["proved"] == 3 { Ok(()) } else { Err(class) }
    })
    .unwrap();
    let said = net.fails(3, &["cluster", "quote", "-n", "4", "-k", "shell"]);
    assert!(said.contains("3 of 4 devices are there"), "{said}");

    // Marked, so that its processes are found.
    let marker = format!("sleep 77{}", std::process::id());
    let before = usd(&net, "alice");
    let set = net.home().join("set");
    std::fs::create_dir(&set).unwrap();
    std::fs::write(set.join("numbers.csv"), "1,2,3\n").unwrap();
    let set = set.display().to_string();
    let wish = [
        "cluster",
        "create",
        "-n",
        "2",
        "-k",
        "torchrun",
        "-d",
        "20m",
        "--image",
        "hello-web:latest",
        "--data",
        &set,
        "-y",
        "-o",
        "json",
    ];
    let created = net.run(&[&wish[..], &["--", "/bin/sh", "-c", &format!("{marker} & wait")]].concat());
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let created: Value = serde_json::from_slice(&created.stdout).unwrap();
    let cluster = created["cseq"].as_u64().unwrap().to_string();

    let run = |rank: &str, script: &str| {
        let output =
            net.run(&["cluster", "run", &cluster, "--rank", rank, "-o", "json", "--", "/bin/sh", "-c", script]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let ended: Value = serde_json::from_slice(&output.stdout).unwrap();
        field(&ended[0], "stdout").to_owned()
    };
    assert_eq!(
        run("1", "echo $RANK $WORLD_SIZE $MASTER_ADDR $TETRA_HOSTS"),
        "1 2 100.127.0.1 100.127.0.1 100.127.0.2\n"
    );
    // From node to node, and to itself, at its address in the overlay.
    run("0", "httpd -p $TETRA_ADDRESS:9001 -h /www");
    for rank in ["0", "1"] {
        assert!(run(rank, "wget -q -O - http://$MASTER_ADDR:9001/").contains("<html"), "rank {rank}");
    }
    // Files there and back.
    let file = net.file("big.txt", "examples/hello-web/deploy.yaml", &[]);
    net.json(&["cluster", "cp", &cluster, &file, "all:/tmp/big.txt"]);
    let back = net.home().join("back.txt").display().to_string();
    net.json(&["cluster", "cp", &cluster, "1:/tmp/big.txt", &back]);
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(&back).unwrap());
    programs_end_with_their_connection(&net, &cluster);
    a_shell_has_a_terminal(&net, &cluster);
    run(
        "0",
        "printf '#!/bin/sh\\nprintf \"HTTP/1.1 101 X\\\\r\\\\nConnection: upgrade\\\\r\\\\nUpgrade: websocket\\\\r\\\\n\\\\r\\\\n\"\\ncat\\n' > /tmp/ws; \
         chmod +x /tmp/ws; nc -ll -p 9002 -e /tmp/ws > /dev/null 2>&1 &",
    );
    websockets_pass(&net, &cluster);
    // Nobody else's business. (An account's key is known once it sent something.)
    let alice = field(&net.json(&["wallet", "show", "alice"]), "address").to_owned();
    net.json(&["send", &alice, "1utet", "--from", "bob", "-y"]);
    let said =
        net.fails(8, &["cluster", "run", &format!("{alice}/{cluster}"), "--from", "bob", "--rank", "0", "--", "id"]);
    assert!(said.contains("only its tenant"), "{said}");

    // A node's processes are killed: another device takes its place, and nobody is paid for the gap.
    let victim = processes(&marker).into_iter().max().expect("a container");
    let root = std::fs::read_to_string(format!("/proc/{victim}/stat")).unwrap();
    let parent: i32 = root.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    kill(Pid::from_raw(parent), Signal::SIGKILL).unwrap();
    let mended = until(|| {
        let shown = net.json(&["cluster", "show", &cluster]);
        let nodes = shown["nodes"].as_array().unwrap().len();
        if field(&shown, "state") == "running" && nodes == 3 { Ok(shown) } else { Err(shown) }
    })
    .unwrap_or_else(|shown| panic!("not mended: {shown:#}"));
    let nodes = mended["nodes"].as_array().unwrap();
    let lost = nodes.iter().find(|node| node["ended_ms"] != 0).unwrap();
    let new = nodes.iter().find(|node| node["number"] == 3).unwrap();
    assert!(field(lost, "reason").contains("ended with code 137"), "{lost}");
    assert_eq!(new["rank"], lost["rank"]);
    assert!(new["paid_from_ms"].as_u64() > lost["ended_ms"].as_u64(), "{mended:#}");
    // The others gave it the data before it counted.
    for rank in ["0", "1"] {
        assert_eq!(run(rank, "cat /data/numbers.csv"), "1,2,3\n");
    }

    // An agent dies and comes back: its node is the same, with its processes.
    let running = processes(&marker).len();
    net.crash_agent();
    let _agent = net.start_agent_until_ready();
    until(|| {
        let nodes = net.json(&["cluster", "nodes", &cluster]);
        let whole = nodes.as_array().unwrap().iter().all(|node| {
            node["state"] == "running"
                && node["agent"]["state"] == "running"
                && node["reached"].as_array().unwrap().len() == 2
        });
        if whole { Ok(()) } else { Err(nodes) }
    })
    .unwrap_or_else(|nodes| panic!("not whole again: {nodes:#}"));
    let after = net.json(&["cluster", "show", &cluster]);
    assert_eq!(live(&after).len(), 2);
    assert_eq!(after["nodes"].as_array().unwrap().len(), 3, "no node was replaced for it: {after:#}");
    assert_eq!(processes(&marker).len(), running);

    net.json(&["cluster", "stop", &cluster, "-y"]);
    let ended = net.json(&["cluster", "show", &cluster]);
    assert_eq!(field(&ended, "state"), "stopped");
    let spent = before - usd(&net, "alice");
    let cost: i64 = field(&ended, "cost").parse().unwrap();
    let fee: i64 = field(&ended, "reservation_fee").parse().unwrap();
    // Each node's cost is rounded down where it is shown; the chain counts 10^-18 and rounds the sum.
    assert!((spent - fee - cost).abs() <= 4, "{spent} spent, {fee} for the reservation, {cost} for three nodes");
    until(|| if processes(&marker).is_empty() { Ok(()) } else { Err("containers go on") }).unwrap();
    failed_nodes_are_looked_at(&net);
    a_cluster_of_one_outlives_its_node(&net);
    until(|| {
        let held = net.held();
        if held.is_empty() { Ok(()) } else { Err(held) }
    })
    .unwrap();
}
