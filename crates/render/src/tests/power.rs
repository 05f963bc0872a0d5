//! Benchmarks that nobody could have run, and times that are stretched.
//!
//! Stated beforehand: a node that declares a hundred times its power earns nothing for being idle before a frame of it was proven,
//! and afterwards at most four times what an honest twin would. A node that takes its time is billed by its auditors' clocks,
//! as one that does not.

use proto::tetra::render::v1::*;

use super::support::*;
use crate::node::power::TOLERANCE;

/// A node that declares `benchmark_ms`, and three auditors without hands; gives the net after its first frame was proven.
fn proven(benchmark_ms: u64) -> (Net, crate::JobId) {
    let mut net = net();
    net.join_as(1, Render::Honest, Look::Honest, |msg| msg.benchmark_ms = benchmark_ms);
    for number in 2..=4 {
        net.join(number, Render::Lazy, Look::Honest);
        let mut idle = net.node(number);
        idle.hands = 0;
        crate::node::put(&mut net.ctx, &node_of(number), idle).unwrap();
    }
    let id = net.submit(1, 1);
    net.pass();
    // It works for a minute, in time before it counts as gone or without progress.
    for _ in 0..10 {
        let node = net.node(1);
        run(&mut net.ctx, crate::node::messages::beat, MsgBeat { node: node.id, scenes: Vec::new() }).unwrap();
        net.pass();
    }
    net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
    (net, id)
}

/// What an idle beat of node 1 counts for.
fn rate(net: &Net) -> u64 {
    crate::node::availability::beat(&net.ctx, &node_of(1), &net.node(1), 60_000, 600_000).unwrap().rate
}

#[test]
fn an_inflated_benchmark_earns_at_most_four_times_what_was_shown() {
    let mut fresh = net();
    fresh.join_as(1, Render::Honest, Look::Honest, |msg| msg.benchmark_ms = 300);
    assert_eq!(rate(&fresh), 0);

    let ((honest, _), (liar, id)) = (proven(30_000), proven(300));
    let (shown, declared) = (liar.node(1).shown_milli, liar.node(1).power_milli);
    assert_eq!(honest.node(1).shown_milli, shown);
    assert!(rate(&honest) > 0 && rate(&liar) <= TOLERANCE * shown * 3_600_000 && declared > TOLERANCE * shown);
    // Its bill is by others' clocks.
    assert_eq!(liar.frame(&id, 0).bill, honest.frame(&crate::JobId { creator: id.creator, jseq: 1 }, 0).bill);
}

#[test]
fn an_auditor_that_inflates_its_benchmark_is_measured_by_its_frames() {
    let (net, _) = proven(300);
    assert_eq!(crate::node::power::clock(&net.node(1)), TOLERANCE * net.node(1).shown_milli);
}

#[test]
fn stretched_time_is_billed_by_auditors_clocks() {
    let bill = |wait: u32| {
        let mut net = net();
        net.join(1, Render::Honest, Look::Honest);
        for number in 2..=4 {
            net.join(number, Render::Lazy, Look::Honest);
        }
        let id = net.submit(1, 1);
        net.pass();
        for _ in 0..wait {
            net.beat();
            net.pass();
        }
        net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
        net.frame(&id, 0).bill
    };
    let (quick, slow) = (bill(0), bill(8));
    assert!(quick.is_some());
    assert_eq!(quick, slow);
}
