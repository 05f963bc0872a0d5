//! A subnet with real processes: two miners that are programs, a validator that dies between commitment and revelation, a
//! gateway that falls over and says why it cannot.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Child;

use serde_json::{Value, json};

use crate::net::{Net, until};

/// Adds two numbers that it is asked for, or repeats the question.
const MINER: &str = r#"#!/usr/bin/env python3
import json, re, sys
for line in sys.stdin:
    question = json.loads(line)["body"]["messages"][-1]["content"]
    numbers = [int(number) for number in re.findall(r"\d+", question)]
    content = question if "parrot" in sys.argv[0] else str(sum(numbers))
    print(json.dumps({"content": content, "prompt_tokens": 5, "completion_tokens": 2}), flush=True)
"#;
/// Asks for sums.
const TASK: &str = r#"#!/usr/bin/env python3
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked["op"] == "ask":
        a, b = asked["seed"] % 89, asked["seed"] % 97
        answer = {"question": f"What is {a} plus {b}?", "known": str(a + b)}
    else:
        answer = {"score": 1.0 if asked["answer"] == asked["known"] else 0.0}
    print(json.dumps(answer), flush=True)
"#;

/// A role at work; it ends with the test.
struct Role {
    child: Child,
    told: Value,
    talk: std::path::PathBuf,
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Role {
    fn start(net: &Net, name: &str, arguments: &[&str]) -> Self {
        let [told, talk] = ["out", "log"].map(|kind| net.home().join(format!("{name}.{kind}")));
        let mut command = net.command(&[arguments, &["-o", "json"]].concat());
        let child = command.stdout(File::create(&told).unwrap()).stderr(File::create(&talk).unwrap()).spawn().unwrap();
        let mut role = Self { child, told: Value::Null, talk };
        role.told = until(|| {
            let text = fs::read_to_string(&told).unwrap();
            serde_json::from_str(&text).map_err(|_| role.said())
        })
        .unwrap_or_else(|said| panic!("{name} did not begin: {said}"));
        role
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.talk).unwrap()
    }
}

fn program(net: &Net, name: &str, text: &str) -> String {
    let path = net.home().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// A chat by a gateway's door: status and body.
fn chat(url: &str, key: &str) -> (u16, Value) {
    let address = url.trim_start_matches("http://").trim_end_matches("/v1");
    let body =
        json!({ "model": "sums", "messages": [{ "role": "user", "content": "What is 40 plus 2?" }] }).to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    let (path, length) = ("/v1/chat/completions", body.len());
    let head =
        format!("POST {path} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn neuron(net: &Net, uid: &Value) -> Value {
    let graph = net.json(&["subnet", "metagraph", "1"]);
    graph.as_array().unwrap().iter().find(|neuron| neuron["uid"] == *uid).unwrap().clone()
}

#[test]
fn a_subnet_pays_who_answers_and_its_gateway_falls_over() {
    let net = Net::with(&["--providers", "0"], None);
    for (name, account) in [("owner", "alice"), ("judge", "alice"), ("adder", "bob"), ("parrot", "bob")] {
        net.json(&["hotkey", "new", name]);
        net.json(&["hotkey", "bind", name, "--from", account, "-y"]);
    }
    net.json(&["subnet", "create", "sums", "--hotkey", "owner", "--from", "alice", "-y"]);
    let quick = ["tempo=20", "weights_rate_limit=0", "serving_rate_limit=0", "--from", "alice", "-y"];
    net.json(&[&["subnet", "params", "1"][..], &quick].concat());
    // What the chain refuses is told with its reason.
    let why = net
        .fails(4, &["subnet", "register", "1", "--hotkey", "judge", "--max-burn", "0.1wit", "--from", "alice", "-y"]);
    assert!(why.contains("more than the limit of 100000000nwit"), "{why}");
    net.json(&["subnet", "register", "1", "--hotkey", "judge", "--from", "alice", "-y"]);
    net.json(&["subnet", "stake", "judge", "100wit", "--from", "alice", "-y"]);

    let miner = |name: &'static str| {
        let path = program(&net, &format!("{name}.py"), MINER);
        let of = ["miner", "run", "--netuid", "1", "--hotkey", name, "--exec", &path, "--from", "bob"];
        Role::start(&net, name, &[&of[..], &["--listen", "127.0.0.1:0", "--max-burn", "9wit"]].concat())
    };
    let (adder, parrot) = (miner("adder"), miner("parrot"));
    let task = program(&net, "task.py", TASK);
    let of = ["validator", "run", "--netuid", "1", "--hotkey", "judge", "--task", "program", "--program", &task];
    let judge = || {
        Role::start(
            &net,
            "judge",
            &[&of[..], &["--every", "200", "--stake-limit", "50wit", "--from", "alice"]].concat(),
        )
    };

    // It dies after it committed, and reveals when it is back.
    let first = judge();
    let committed =
        until(|| if first.said().contains("weights are on the chain") { Ok(()) } else { Err(first.said()) });
    assert_eq!(committed, Ok(()));
    drop(first);
    let second = judge();
    let revealed = until(|| if second.said().contains("weights are revealed") { Ok(()) } else { Err(second.said()) });
    assert_eq!(revealed, Ok(()));
    let earned = until(|| {
        let neuron = neuron(&net, &adder.told["uid"]);
        if neuron["incentive"] == 65_535 { Ok(neuron) } else { Err(second.said()) }
    });
    assert_ne!(earned.unwrap()["server_emission"], "0");
    assert_eq!(neuron(&net, &parrot.told["uid"])["server_emission"], "0");
    let explained = net.json(&["subnet", "explain", "1", &adder.told["uid"].to_string()]);
    assert!(explained["steps"].as_array().unwrap().len() > 15, "{explained}");

    let of = ["--netuid", "1", "--hotkey", "judge"];
    let door =
        ["gateway", "run", "--model", "sums", "--listen", "127.0.0.1:0", "--stake-limit", "50wit", "--pay-every", "1"];
    let gateway =
        Role::start(&net, "gateway", &[&door[..], &of, &["--pay-from", "0.000000001wit", "--from", "alice"]].concat());
    let url = gateway.told["url"].as_str().unwrap().to_owned();
    assert_eq!(chat(&url, "sk-none").0, 401);
    net.json(&[&["gateway", "credit", "ann", "1wit"][..], &of].concat());
    let key = net.json(&[&["gateway", "key", "ann"][..], &of].concat())["key"].as_str().unwrap().to_owned();
    let (status, answer) = chat(&url, &key);
    assert_eq!((status, answer["choices"][0]["message"]["content"].as_str()), (200, Some("42")), "{answer}");
    let books = || net.json(&[&["gateway", "status"][..], &of].concat());
    let paid = until(|| if books()["paid"] == "0" { Err(gateway.said()) } else { Ok(books()) }).unwrap();
    let number = |name: &str| paid[name].as_str().unwrap().parse::<u64>().unwrap();
    let left: u64 = paid["balances"]["ann"].as_str().unwrap().parse().unwrap();
    let owed: u64 =
        paid["owed"].as_object().unwrap().values().map(|owed| owed.as_str().unwrap().parse::<u64>().unwrap()).sum();
    let others = ["paid", "unclear_amount", "recycled_owed", "gateway"].map(number).iter().sum::<u64>();
    assert_eq!(1_000_000_000 - left, owed + others, "{paid}");

    // All miners are gone: the user is told, and pays nothing.
    drop((adder, parrot));
    let (status, answer) = chat(&url, &key);
    assert_eq!(status, 503, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().ends_with("nothing was billed"), "{answer}");
    assert_eq!(books()["bills"], 1);
    let stopped = net.run(&["down"]);
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
}
