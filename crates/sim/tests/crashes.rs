//! Deaths at durable writes: every one of a trace, and all nodes at once.

use sim::disk::Fate;
use sim::{Broken, Network, Report, secs};

const FATES: [Fate; 3] = [Fate::Lost, Fate::Kept, Fate::Torn];
/// The trace whose durable writes are enumerated: from the first start of all nodes to this block.
const HEIGHT: u64 = 4;

fn plan() -> sim::network::Plan {
    Network::of(4).seed(11)
}

/// Durable writes of node 0 in the trace without deaths.
fn writes() -> u64 {
    let mut net = plan().start().unwrap();
    net.run_until_all_reach(HEIGHT, secs(30)).unwrap();
    net.writes(0)
}

fn dies_at(write: u64, fate: Fate) -> Result<Report, Broken> {
    let mut net = plan().dies_at_write(0, write, fate).start()?;
    net.run_until_all_reach(HEIGHT + 1, secs(60))?;
    assert_eq!(net.deaths(), 1, "node 0 did not come to write {write}");
    net.finish()
}

/// One of four parts of all writes, so that they are tried side by side.
fn every_fourth(part: u64) {
    let writes = writes();
    assert!(writes > 40, "{writes}");
    println!("writes {} of {writes}", (1..=writes).filter(|write| write % 4 == part).count());
    for write in (1..=writes).filter(|write| write % 4 == part) {
        for fate in FATES {
            if let Err(broken) = dies_at(write, fate) {
                panic!("node 0 dies at write {write} of {writes}, {fate:?}: {broken}");
            }
        }
    }
}

#[test]
fn a_node_dies_at_every_durable_write_part_1() {
    every_fourth(0);
}

#[test]
fn a_node_dies_at_every_durable_write_part_2() {
    every_fourth(1);
}

#[test]
fn a_node_dies_at_every_durable_write_part_3() {
    every_fourth(2);
}

#[test]
fn a_node_dies_at_every_durable_write_part_4() {
    every_fourth(3);
}

#[test]
fn a_node_alone_dies_again_and_again_and_loses_nothing() {
    let mut net = Network::of(1).seed(3).start().unwrap();
    for write in 1..=30 {
        net.crash_at_write(0, write, FATES[write as usize % 3]).unwrap();
        net.run_for(secs(20)).unwrap();
    }
    net.quiet();
    net.run_until_all_reach(net.highest() + 3, secs(20)).unwrap();
    let report = net.finish().unwrap();
    assert_eq!(report.deaths, 30);
}

#[test]
fn all_four_die_at_once_and_no_committed_block_is_lost() {
    for fate in FATES {
        for seed in 0..5 {
            let mut net = Network::of(4).seed(seed).start().unwrap();
            net.run_until_height(3, secs(20)).unwrap();
            net.run_for(sim::millis(seed * 70)).unwrap();
            let before = net.highest();
            (0..4).for_each(|node| net.crash(node, fate).unwrap());
            net.stands_still_for(secs(5)).unwrap();
            (0..4).for_each(|node| net.restart(node).unwrap());
            // What was committed before is compared as each node comes back; the next block comes at once.
            net.run_until_all_reach(before + 3, secs(10)).unwrap();
            net.finish().unwrap();
        }
    }
}

#[test]
fn a_disk_that_lies_about_the_log_is_found_out() {
    // The log is what keeps a validator from voting twice; without it, one of these deaths makes it do so.
    let lies = |seed| {
        let mut net = Network::of(4).seed(seed).start()?;
        (0..4).try_for_each(|node| net.disk_lies(node))?;
        for _ in 0..20 {
            let write = rand::Rng::random_range(net.dice(), 1..=12);
            (0..4).try_for_each(|node| net.crash_at_write(node, write, Fate::Lost))?;
            net.run_for(secs(6))?;
        }
        Ok::<_, Broken>(())
    };
    let found = (0..20).any(|seed| matches!(lies(seed), Err(Broken::SignedTwice { .. })));
    assert!(found, "twenty networks without logs, and no validator voted twice");
}
