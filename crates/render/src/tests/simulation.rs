//! Adversaries by the thousand, against what theory says beforehand.
//!
//! Theory: a frame with `b` wrong tiles of 16 is audited with probability `a`, and then 4 tiles are drawn without
//! repetition; with honest auditors it is found with probability `a × (1 - C(16 - b, 4) / C(16, 4))`. Honest frames are
//! never condemned. Trials are independent, so that the number found lies within 4 standard deviations of its mean with a
//! chance of more than 0.9999; that is the tolerance. Tiles are hashes that stand for recorded pixels: honest ones of the
//! same frame are equal, wrong ones differ, as exact hashes of one class do.

use pricing::render::audit::detection;
use primitives::Dec;
use proto::tetra::render::v1::*;

use super::support::*;
use crate::job::state::FAULTS;
use crate::node;

struct Found {
    trials: u32,
    wrong: u32,
    audited: u32,
    innocent: u32,
}

impl Net {
    /// Units of which it is known what became of them. A condemned one does not go back to the same node.
    fn settled(&self, id: &crate::JobId) -> u32 {
        let frames = crate::job::state::FRAMES.under(&self.ctx.state, id).unwrap();
        let is_settled = |frame: &Frame| match frame.state() {
            FrameState::Review | FrameState::Approved => true,
            FrameState::Pending => !frame.failed_on.is_empty(),
            _ => false,
        };
        frames.iter().filter(|(_, frame)| is_settled(frame)).count() as u32
    }
}

/// One frame a trial, by a node that shows what `render` says; what it was punished with is taken back after each.
fn trials(count: u32, render: Render, audit_bp: u32) -> Found {
    let params = Params { hold_back_ucredits: 0, audit_bp, beacon_blocks: 1, ..params() };
    let mut net = net_with(&params);
    net.checked = false;
    net.join(1, render, Look::Honest);
    for number in 2..=5 {
        net.join(number, Render::Lazy, Look::Honest);
    }
    // Auditors have no hands for frames.
    for number in 2..=5 {
        let mut idle = net.node(number);
        idle.hands = 0;
        node::put(&mut net.ctx, &node_of(number), idle).unwrap();
    }
    let id = net.submit(1, count as i32);
    // It is measured, so that chance alone decides what is audited.
    let mut job = net.job(&id);
    job.samples = vec![WORK; 3];
    job.measured_work_milli = WORK;
    crate::job::state::put_job(&mut net.ctx, &id, &job).unwrap();
    let mut found = Found { trials: count, wrong: 0, audited: 0, innocent: 0 };
    net.pass();
    let player = net.players[&1];
    let (mut settled, mut blocks) = (0, 0);
    while settled < count {
        for number in 1..=5 {
            let mut fresh = net.node(number);
            found.innocent += if number == 1 { 0 } else { fresh.strikes };
            (fresh.strikes, fresh.hands) = (0, if number == 1 { 64 } else { 0 });
            // Several frames of one block may have banned it.
            fresh.set_state(NodeState::Ready);
            fresh.silent_at_ms = u64::MAX;
            node::put(&mut net.ctx, &node_of(number), fresh).unwrap();
        }
        if let Some(fault) = FAULTS.get(&net.ctx.state, &(id, player.node)).unwrap() {
            assert!(fault.forfeited);
            crate::job::pardon(&mut net.ctx, &id, &player.node).unwrap();
        }
        net.play_all();
        net.pass();
        blocks += 1;
        assert!(blocks < 500, "{:?}", net.job(&id));
        if blocks % 10 == 0 {
            settled = net.settled(&id);
        }
    }
    for (_, audit) in crate::proof::state::AUDITS.all(&net.ctx.state).unwrap() {
        found.audited += 1;
        found.wrong += u32::from(audit.verdict() == Verdict::Wrong);
        found.innocent += audit.auditors.iter().filter(|part| part.punished).count() as u32;
    }
    found
}

/// Whether a count is within four standard deviations of what probability `p` says, all in integers.
fn as_expected(count: u32, trials: u32, p: Dec) -> bool {
    let one = Dec::ONE.atoms();
    let mean = p.atoms() * u128::from(trials);
    let off = mean.abs_diff(u128::from(count) * one) / 1_000_000_000;
    // 16 n p (1 - p), at the same scale squared.
    let variance = 16 * u128::from(trials) * (p.atoms() / 1_000_000_000) * ((one - p.atoms()) / 1_000_000_000);
    off * off <= variance
}

#[test]
fn cheats_are_found_as_often_as_theory_says() {
    let mut told = String::new();
    for (wrong, audit_bp, count) in [(1, 10_000, 300), (4, 10_000, 300), (16, 2_500, 300), (8, 1_000, 300)] {
        let found = trials(count, Render::Wrong(wrong), audit_bp);
        let audited = Dec::from_ratio(u128::from(audit_bp), 10_000).unwrap();
        let p = Dec::from_atoms(audited.atoms() / 1_000_000_000 * (detection(TILES, wrong, 4).atoms() / 1_000_000_000));
        told.push_str(&format!(
            "{wrong} of 16 tiles wrong, {audit_bp} of 10000 audited: {} audited, {} found of {}, theory {p:.4}\n",
            found.audited, found.wrong, found.trials
        ));
        assert!(as_expected(found.wrong, found.trials, p), "{told}");
        assert!(as_expected(found.audited, found.trials, audited), "{told}");
        assert_eq!(found.innocent, 0, "{told}");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn honest_nodes_are_never_condemned() {
    let found = trials(300, Render::Honest, 10_000);
    assert_eq!((found.audited, found.wrong, found.innocent), (300, 0, 0));
}
