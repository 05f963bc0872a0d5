//! Nodes are killed: no block is lost, a lease goes on, and nobody pays for the time in which the chain stood still.

use std::time::{Duration, Instant};

use client::Node;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Runtime;

use super::audit::{Books, DEPOSIT};
use super::part::{Ended, Part};
use crate::net::{Net, until};

const HELLO: &str = "examples/hello-web/deploy.yaml";

/// The validators of a network, each a child of the test.
pub(super) struct Validators<'a> {
    net: &'a Net,
    runtime: Runtime,
    nodes: Vec<Node>,
    parts: Vec<Option<Part>>,
}

impl<'a> Validators<'a> {
    /// Takes a network that `tetra up` made over from it.
    pub(super) fn of(net: &'a Net) -> Self {
        assert!(net.run(&["down"]).status.success());
        let reports = net.report["validators"].as_array().unwrap();
        let nodes: Vec<Node> = reports.iter().map(|report| Node::new(report["rpc"].as_str().unwrap())).collect();
        let count = nodes.len();
        let mut all = Self { net, runtime: Runtime::new().unwrap(), nodes, parts: Vec::new() };
        all.parts.resize_with(count, || None);
        (0..count).for_each(|index| all.start(index));
        all.reach(1);
        all
    }

    pub(super) fn start(&mut self, index: usize) {
        let dir = self.net.home().join(format!("local/validator-{index}")).display().to_string();
        self.parts[index] = Some(Part::start(self.net, &format!("node-{index}"), &["node", "start", &dir], None));
    }

    pub(super) fn kill(&mut self, index: usize) {
        self.parts[index].take().unwrap().kill();
    }

    /// Waits until a node has ended by itself.
    pub(super) fn ended(&mut self, index: usize) -> Ended {
        self.parts[index].take().unwrap().end()
    }

    pub(super) fn count(&self) -> usize {
        self.parts.len()
    }

    fn call(&self, index: usize, method: &str, params: Value) -> Result<Value, String> {
        self.runtime.block_on(self.nodes[index].call(method, params)).map_err(|error| error.to_string())
    }

    /// The last height of a node.
    pub(super) fn height(&self, index: usize) -> Result<u64, String> {
        self.runtime.block_on(self.nodes[index].status()).map(|status| status.height).map_err(|error| error.to_string())
    }

    /// Waits until every running node has a height.
    pub(super) fn reach(&self, height: u64) {
        for index in (0..self.count()).filter(|index| self.parts[*index].is_some()) {
            let reached = until(|| match self.height(index) {
                Ok(reached) if reached >= height => Ok(()),
                other => Err(other),
            });
            let said = || self.parts[index].as_ref().map(Part::said).unwrap_or_default();
            assert!(reached.is_ok(), "validator {index} does not reach {height}: {reached:?}\n{}", said());
        }
    }

    /// Hash and header time of a block, as a node has it.
    pub(super) fn block(&self, index: usize, height: u64) -> (String, OffsetDateTime) {
        let block = self.call(index, "block", json!({ "height": height.to_string() })).unwrap();
        let time = block["block"]["header"]["time"].as_str().unwrap();
        (block["block_id"]["hash"].as_str().unwrap().to_owned(), OffsetDateTime::parse(time, &Rfc3339).unwrap())
    }

    /// Hashes of all blocks that a node has, up to a height.
    pub(super) fn hashes(&self, index: usize, until: u64) -> Vec<String> {
        (1..=until).map(|height| self.block(index, height).0).collect()
    }

    /// Whether a validator signed a block.
    fn signed(&self, address: &str, height: u64) -> bool {
        let commit = self.call(0, "commit", json!({ "height": height.to_string() })).unwrap();
        let signatures = commit["signed_header"]["commit"]["signatures"].as_array().unwrap();
        signatures.iter().any(|signature| signature["validator_address"] == address && signature["block_id_flag"] == 2)
    }
}

#[test]
fn validators_that_are_killed_lose_no_block_and_come_back() {
    let net = Net::with(&["--providers", "0", "--validators", "4"], None);
    let mut validators = Validators::of(&net);
    validators.reach(4);

    // One of four: the others go on.
    let address = validators.call(2, "status", json!({})).unwrap()["validator_info"]["address"].take();
    let address = address.as_str().unwrap().to_owned();
    validators.kill(2);
    let killed_at = validators.height(0).unwrap();
    validators.reach(killed_at + 8);
    let times: Vec<OffsetDateTime> = (killed_at..=killed_at + 8).map(|height| validators.block(0, height).1).collect();
    let gap = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    println!("measured: one of four killed: longest gap {gap}");
    assert!(gap < time::Duration::seconds(5), "a gap of {gap}");

    // It comes back and signs.
    let (from, started) = (validators.height(0).unwrap(), Instant::now());
    validators.start(2);
    let mut looked = from;
    let signs = until(|| {
        let height = validators.height(0)?;
        while looked < height {
            looked += 1;
            if validators.signed(&address, looked) {
                return Ok(looked);
            }
        }
        Err("no signature".to_owned())
    });
    println!("measured: it signs {:?} after its restart, block {signs:?} from {from}", started.elapsed());
    assert!(signs.is_ok());

    // One that hangs for a while catches up, and signs nothing twice.
    let hanging = validators.parts[1].as_ref().unwrap();
    hanging.signal(Signal::SIGSTOP);
    let from = validators.height(0).unwrap();
    let on =
        until(|| validators.height(0).and_then(|height| if height > from + 7 { Ok(()) } else { Err(String::new()) }));
    hanging.signal(Signal::SIGCONT);
    let (continued, tip) = (Instant::now(), validators.height(0).unwrap());
    assert!(on.is_ok(), "the others stand still");
    validators.reach(tip);
    println!("measured: it has the {} blocks that it missed after {:?}", tip - from, continued.elapsed());
    for part in validators.parts.iter().flatten() {
        assert!(!part.said().contains("two conflicting messages"), "{}", part.said());
    }

    // All at once, several times.
    for round in 1..=2 {
        restart_all(&mut validators, round);
    }
    drop(validators);
    for index in 0..4 {
        let dir = net.home().join(format!("local/validator-{index}")).display().to_string();
        let verified = net.run(&["node", "verify", &dir]);
        assert!(verified.status.success(), "{verified:?}");
    }
}

/// Every validator is killed at once and started again: what was committed stays as it was, and blocks go on.
pub(super) fn restart_all(validators: &mut Validators<'_>, round: u64) {
    let all: Vec<usize> = (0..validators.count()).collect();
    validators.reach(validators.height(0).unwrap() + 2);
    let heights: Vec<u64> = all.iter().map(|index| validators.height(*index).unwrap()).collect();
    let highest = *heights.iter().max().unwrap();
    let before: Vec<Vec<String>> = all.iter().map(|index| validators.hashes(*index, heights[*index])).collect();
    all.iter().for_each(|index| validators.kill(*index));
    let started = Instant::now();
    all.iter().for_each(|index| validators.start(*index));
    let first = until(|| match validators.height(0) {
        Ok(height) if height > highest => Ok(started.elapsed()),
        other => Err(other),
    });
    println!("measured: round {round}: all killed at {highest}, the next block after {first:?}");
    assert!(first.as_ref().is_ok_and(|first| *first < Duration::from_secs(10)), "{first:?}");
    validators.reach(highest + 1);
    let longest = before.iter().max_by_key(|hashes| hashes.len()).unwrap();
    for index in all {
        let after = validators.hashes(index, highest);
        assert_eq!(after[..before[index].len()], before[index], "validator {index}: its own blocks");
        assert_eq!(after, *longest, "validator {index}: the chain's blocks");
    }
}

#[test]
fn a_lease_outlives_its_node_and_costs_nothing_while_the_chain_stands() {
    let Some(net) = Net::start(true) else { return };
    let mut validators = Validators::of(&net);
    let books = Books::open(&net);
    let agent = Part::agent(&net, None);
    let deployment = net.deploy(HELLO);
    until(|| deployment.page()).unwrap();

    // The agent says that the chain is away, and so do the tenant's commands; the container serves.
    let halted = Instant::now();
    let last = validators.height(0).unwrap();
    validators.kill(0);
    let provider = net.provider().display().to_string();
    let told = until(|| {
        let status = net.json(&["provider", "status", &provider]);
        let problem = status["chain"]["problem"].as_str().map(str::to_owned);
        problem.ok_or(status)
    });
    assert!(told.unwrap().contains("does not answer"));
    // It tries ever more seldom: this is its sixth attempt, after some two seconds.
    let waits = until(|| Some(agent.said()).filter(|said| said.contains("seconds=1.92")).ok_or(()));
    assert!(waits.is_ok_and(|said| said.contains("the chain cannot be followed")), "{}", agent.said());
    for command in [vec!["deploy", HELLO, "--auto", "cheapest"], vec!["lease", "list"], vec!["status"]] {
        let said = net.fails(5, &command);
        assert!(said.contains("127.0.0.1") && said.contains("hint"), "{command:?}: {said}");
    }
    assert!(deployment.page().is_ok(), "the container serves without the chain");

    // The agent finds the chain again, and the lease goes on.
    let standstill = halted.elapsed();
    validators.start(0);
    let started = Instant::now();
    let back = until(|| {
        let status = net.json(&["provider", "status", &provider]);
        let ok = status["chain"]["problem"].is_null() && status["chain"]["height"].as_u64() > Some(last + 1);
        if ok { Ok(started.elapsed()) } else { Err(status["chain"].to_string()) }
    });
    println!(
        "measured: the chain stood still for {standstill:?}; the agent followed it {back:?} after the node's start"
    );
    assert!(back.is_ok(), "{back:?}\n{}", agent.said());
    assert_eq!(net.json(&["lease", "list"])[0]["state"], "active");
    assert!(deployment.page().is_ok());

    // A lease is paid by the block, and there was none in the time between.
    let pause = (1..=2).map(|ahead| validators.block(0, last + ahead).1 - validators.block(0, last + ahead - 1).1);
    let pause = pause.max().unwrap();
    assert!(pause > standstill / 2, "the headers show the pause: {pause} of {standstill:?}");
    net.close(deployment.dseq);
    net.nothing_left();
    books.check(&[(deployment.dseq, DEPOSIT)]);
}
