//! The other built-in tasks, one subnet each: a miner that computes for real, and one that cheats.

use serde_json::Value;

use super::super::checks::Checks;
use super::super::network::Home;
use super::super::step;
use super::crew::{Crew, wait};
use super::{PARROT, STAKE, number, program};
use crate::failure::{Failure, Result};

/// Epochs with weights before the ranking is looked at.
const EPOCHS: u64 = 4;

/// A task, and what is claimed of it.
struct Case {
    task: &'static str,
    honest: &'static str,
    cheat: &'static str,
    claim: &'static str,
}

const CASES: [Case; 3] = [
    Case {
        task: "search",
        honest: "an index of embeddings of Python's documentation",
        cheat: "a parrot",
        claim: "who searches earns, the parrot nothing",
    },
    Case {
        task: "pretraining",
        honest: "a language model that it trains now",
        cheat: "the same model, published by another after it",
        claim: "who trained earns, who copies the model nothing",
    },
    Case {
        task: "image",
        honest: "a generator of digits that it trains now",
        cheat: "a parrot",
        claim: "who draws earns, the parrot nothing",
    },
];

/// Runs all of them.
///
/// # Errors
/// When a step fails.
pub(super) fn run(home: &Home, checks: &mut Checks) -> Result {
    for (place, case) in CASES.iter().enumerate() {
        run_case(home, checks, case, &(place + 2).to_string())?;
    }
    Ok(())
}

fn run_case(home: &Home, checks: &mut Checks, case: &Case, netuid: &str) -> Result {
    let Case { task, honest, cheat, claim } = case;
    step(&format!("task {task}: {honest}, and {cheat}"));
    let name = |role: &str| format!("{task}-{role}");
    for (role, account) in [("owner", "alice"), ("validator", "alice"), ("honest", "bob"), ("cheat", "bob")] {
        home.json(&["hotkey", "new", &name(role)])?;
        home.json(&["hotkey", "bind", &name(role), "--from", account, "-y"])?;
    }
    home.json(&["subnet", "create", task, "--hotkey", &name("owner"), "--from", "alice", "-y"])?;
    let quick = ["tempo=30", "immunity=1000", "weights_rate_limit=0", "serving_rate_limit=0"];
    home.json(&[&["subnet", "params", netuid][..], &quick, &["--from", "alice", "-y"]].concat())?;
    home.json(&["subnet", "register", netuid, "--hotkey", &name("validator"), "--from", "alice", "-y"])?;
    home.json(&["subnet", "stake", &name("validator"), STAKE, "--from", "alice", "-y"])?;

    let mut crew = Crew::default();
    let parrot = program(home, "parrot.py", PARROT)?;
    let miner = |role: &str, more: &[&str], crew: &mut Crew| -> Result<Value> {
        let hotkey = name(role);
        let of = ["miner", "run", "--netuid", netuid, "--hotkey", &hotkey, "--listen", "127.0.0.1:0"];
        crew.start(home, &hotkey, &[&of[..], more, &["--max-burn", "20wit", "--from", "bob"]].concat())
    };
    let good = miner("honest", &["--serve", task], &mut crew)?;
    let of = ["validator", "run", "--netuid", netuid, "--hotkey", &name("validator"), "--task", task];
    crew.start(
        home,
        &name("validator"),
        &[&of[..], &["--every", "1000", "--stake-limit", "100wit", "--from", "alice"]].concat(),
    )?;
    if *task == "pretraining" {
        // The copy comes after the original was seen.
        scored(home, netuid, &name("validator"))?;
    }
    let cheats = if *task == "pretraining" { ["--serve", *task] } else { ["--exec", parrot.as_str()] };
    let bad = miner("cheat", &cheats, &mut crew)?;
    let begun = home.json(&["subnet", "show", netuid])?["epochs"].as_u64().unwrap_or(0);
    wait("epochs", || {
        let subnet = home.json(&["subnet", "show", netuid])?;
        Ok((subnet["epochs"].as_u64() >= Some(begun + EPOCHS)).then_some(()))
    })?;
    let graph = home.json(&["subnet", "metagraph", netuid])?;
    let incentive = |miner: &Value| -> Result<i128> {
        let uid = number(miner, "uid")?;
        let row = graph.as_array().into_iter().flatten().find(|row| row["uid"].as_i64().map(i128::from) == Some(uid));
        number(row.ok_or_else(|| Failure::new(format!("uid {uid} is gone")))?, "incentive")
    };
    let (good, bad) = (incentive(&good)?, incentive(&bad)?);
    checks.claim(good > 0 && bad == 0, format!("{claim}: {good} and {bad} of 65535"));
    Ok(())
}

/// Waits until a validator has scored somebody.
fn scored(home: &Home, netuid: &str, hotkey: &str) -> Result {
    wait("a score", || {
        let status = home.json(&["validator", "status", "--netuid", netuid, "--hotkey", hotkey])?;
        Ok(status["scores"].as_array().is_some_and(|scores| !scores.is_empty()).then_some(()))
    })
}
