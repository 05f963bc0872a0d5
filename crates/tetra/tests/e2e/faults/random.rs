//! Rounds of crashes in random order. A run is repeated by its seed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::audit::Books;
use super::chain::{Validators, restart_all};
use super::part::Part;
use super::phases::{CLOSING, OPENING, closes, opens, over, settle, started_with};
use super::tenant::{STEPS, dies};
use crate::net::{Net, until};

const SEED: &str = "TETRA_CHAOS_SEED";
const ROUNDS: &str = "TETRA_CHAOS_ROUNDS";
const HELLO: &str = "examples/hello-web/deploy.yaml";

/// SplitMix64 (Steele, Lea, Flood 2014): few lines, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} wants a whole number")))
}

#[test]
#[ignore = "too long for CI: 50 rounds take some ten minutes; `cargo xtask test --full` runs it"]
fn random_crashes_of_every_part_leave_nothing_and_lose_nothing() {
    let seed = number(SEED).unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos()) ^ now.as_secs()
    });
    println!(
        "seed {seed}; again: {SEED}={seed} cargo nextest run -p tetra --test e2e --run-ignored all random_crashes"
    );
    let Some(net) = started_with(&["--providers", "1", "--validators", "4"]) else { return };
    let mut validators = Validators::of(&net);
    let mut dice = Dice(seed);
    for round in 1..=number(ROUNDS).unwrap_or(50) {
        match dice.below(5) {
            0 => {
                let point = dice.of(&OPENING);
                println!("round {round}: the agent dies at {point}");
                opens(&net, point);
            }
            1 => {
                let point = dice.of(&CLOSING);
                println!("round {round}: the agent dies at {point}");
                closes(&net, point);
            }
            2 => {
                let (point, resumes) = (dice.of(&STEPS), dice.below(2) == 0);
                println!("round {round}: the tenant's command dies at {point}, and is resumed: {resumes}");
                let _agent = Part::agent(&net, None);
                dies(&net, point, resumes);
            }
            3 => {
                let after = Duration::from_millis(dice.below(4000));
                println!("round {round}: the agent dies {after:?} after the tenant's command began");
                dies_after(&net, after);
            }
            _ => {
                let all = dice.below(2) == 0;
                let one = usize::try_from(dice.below(4)).unwrap();
                println!(
                    "round {round}: validators die under a lease: {}",
                    if all { "all".into() } else { one.to_string() }
                );
                under_a_lease(&net, &mut validators, (!all).then_some(one), round);
            }
        }
    }
}

/// The agent is killed at any moment of a deployment, not at a point that the program knows.
fn dies_after(net: &Net, after: Duration) {
    let books = Books::open(net);
    let agent = Part::agent(net, None);
    let deploy = Part::start(net, "deploy", &["deploy", HELLO, "--auto", "cheapest", "--keep", "-o", "json"], None);
    // The moment is what is tried; nothing is waited for.
    std::thread::sleep(after);
    agent.kill();
    let agent = Part::agent(net, None);
    let deployment = settle(net, deploy);
    let page = until(|| deployment.page());
    assert!(page.is_ok(), "{page:?}\n{}", agent.said());
    net.close(deployment.dseq);
    over(net, &books, &deployment, "a moment");
}

/// One validator, or all of them, are killed while a lease runs.
fn under_a_lease(net: &Net, validators: &mut Validators<'_>, one: Option<usize>, round: u64) {
    let books = Books::open(net);
    let agent = Part::agent(net, None);
    let deployment = net.deploy(HELLO);
    until(|| deployment.page()).unwrap();
    match one {
        Some(index) => {
            validators.kill(index);
            validators.start(index);
            validators.reach(validators.height((index + 1) % 4).unwrap() + 2);
        }
        None => restart_all(validators, round),
    }
    assert!(deployment.page().is_ok(), "{}", agent.said());
    net.close(deployment.dseq);
    over(net, &books, &deployment, "validators");
}
