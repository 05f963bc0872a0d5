//! Adversaries by the thousand, against what theory says beforehand.
//!
//! Theory: a frame with `b` wrong tiles of 16 is audited with probability `a`, and then 4 tiles are drawn without
//! repetition; with honest auditors it is found with probability `a × (1 - C(16 - b, 4) / C(16, 4))`. Honest frames are
//! never condemned. Trials are independent, so that the number found lies within 4 standard deviations of its mean with a
//! chance of more than 0.9999; that is the tolerance. Tiles are hashes that stand for recorded pixels: honest ones of the
//! same frame are equal, wrong ones differ, as exact hashes of one class do. [`super::recorded`] has such pixels.
//!
//! An auditor that lies alone is outvoted by the third, always; drawn among four for two seats, it is with probability 1/2. One
//! that copies, among eight for two seats, is drawn with probability 1/4, and found out when one of its tiles was planted.

use std::collections::BTreeMap;

use pricing::render::audit::detection;
use primitives::Dec;
use proto::tetra::render::v1::*;

use super::recorded;
use super::support::*;
use crate::job::state::FAULTS;
use crate::node;

/// What came of trials.
#[derive(Default)]
struct Found {
    trials: u32,
    /// Frames of node 1 that were condemned.
    wrong: u32,
    audited: u32,
    /// Punishments of auditors, by their numbers.
    auditors: BTreeMap<u8, u32>,
}

impl Found {
    /// Auditors but `guilty` that were punished.
    fn innocent(&self, guilty: u8) -> u32 {
        self.auditors.iter().filter(|(number, _)| **number != guilty).map(|(_, count)| count).sum()
    }
}

/// Who plays, and how much is audited.
struct Play {
    count: u32,
    render: Render,
    /// Whether node 1 plants wrong hashes.
    plants: bool,
    audit_bp: u32,
    auditors: u8,
    /// How auditor 2 looks; the others are honest.
    second: Look,
}

impl Default for Play {
    fn default() -> Self {
        Self { count: 100, render: Render::Honest, plants: false, audit_bp: 10_000, auditors: 4, second: Look::Honest }
    }
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
fn trials(play: &Play) -> Found {
    let (count, audit_bp, last) = (play.count, play.audit_bp, play.auditors + 1);
    let params = Params { hold_back_ucredits: 0, audit_bp, beacon_blocks: 1, ..params() };
    let mut net = net_with(&params);
    net.checked = false;
    net.join(1, play.render, Look::Honest);
    net.player(1).plants = play.plants;
    for number in 2..=last {
        net.join(number, Render::Lazy, if number == 2 { play.second } else { Look::Honest });
    }
    // Auditors have no hands for frames.
    for number in 2..=last {
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
    let mut found = Found { trials: count, ..Found::default() };
    net.pass();
    let player = net.players[&1];
    let (mut settled, mut blocks) = (0, 0);
    while settled < count {
        for number in 1..=last {
            let mut fresh = net.node(number);
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
        for part in audit.auditors.iter().filter(|part| part.punished) {
            let number =
                part.auditor.as_ref().and_then(|id| (2..=last).find(|n| host_of(*n).as_slice() == id.host_key));
            *found.auditors.entry(number.unwrap()).or_default() += 1;
        }
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
        let found = trials(&Play { count, render: Render::Wrong(wrong), audit_bp, ..Play::default() });
        let audited = Dec::from_ratio(u128::from(audit_bp), 10_000).unwrap();
        let p = Dec::from_atoms(audited.atoms() / 1_000_000_000 * (detection(TILES, wrong, 4).atoms() / 1_000_000_000));
        told.push_str(&format!(
            "{wrong} of 16 tiles wrong, {audit_bp} of 10000 audited: {} audited, {} found of {}, theory {p:.4}\n",
            found.audited, found.wrong, found.trials
        ));
        assert!(as_expected(found.wrong, found.trials, p), "{told}");
        assert!(as_expected(found.audited, found.trials, audited), "{told}");
        assert_eq!(found.innocent(1), 0, "{told}");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn honest_nodes_are_never_condemned() {
    let found = trials(&Play { count: 300, ..Play::default() });
    assert_eq!((found.audited, found.wrong, found.innocent(1)), (300, 0, 0));
}

/// Real pixels: every kind of cheat that was recorded, and honest frames, denoised ones included.
#[test]
fn recorded_cheats_are_found_as_often_as_theory_says() {
    let mut told = String::new();
    for (place, case) in recorded::cases().iter().enumerate() {
        let found = trials(&Play { render: Render::Recorded(place), ..Play::default() });
        let p = detection(TILES, case.wrong(), 4);
        told.push_str(&format!(
            "{}, {}: {} of 16 tiles wrong, {} found of {}, theory {p:.4}\n",
            case.scene,
            case.kind,
            case.wrong(),
            found.wrong,
            found.trials
        ));
        assert!(as_expected(found.wrong, found.trials, p), "{told}");
        assert_eq!(found.innocent(1), 0, "{told}");
        assert_eq!(case.kind == "honest", found.wrong == 0, "{told}");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn who_lies_alone_is_outvoted_as_often_as_it_is_drawn() {
    let found = trials(&Play { count: 200, second: Look::Lies, ..Play::default() });
    let overruled = found.auditors.get(&2).copied().unwrap_or(0);
    let told = format!("a liar among 4: overruled in {overruled} of 200 audits, theory 0.5000");
    insta::assert_snapshot!(told, @"a liar among 4: overruled in 94 of 200 audits, theory 0.5000");
    assert!(as_expected(overruled, 200, Dec::from_ratio(1, 2).unwrap()), "{overruled}");
    assert_eq!((found.wrong, found.innocent(2)), (0, 0));
}

#[test]
fn who_copies_is_found_as_often_as_theory_says() {
    let play = Play { count: 200, second: Look::Copies, plants: true, auditors: 8, ..Play::default() };
    let found = trials(&play);
    let copied = found.auditors.get(&2).copied().unwrap_or(0);
    // Half of the tiles are planted.
    let p = Dec::from_atoms(detection(TILES, TILES / 2, 4).atoms() / 4);
    let told = format!("a copier among 8: found in {copied} of 200 audits, theory {p:.4}");
    insta::assert_snapshot!(told, @"a copier among 8: found in 45 of 200 audits, theory 0.2403");
    assert!(as_expected(copied, 200, p), "{copied}");
    assert_eq!((found.wrong, found.innocent(2)), (0, 0));
}

/// A wallet a frame: none of them is ever past its probation, so that all is audited and nothing is earned.
#[test]
fn a_wallet_a_frame_earns_nothing() {
    let mut net = net_with(&Params { beacon_blocks: 1, audit_bp: 0, ..params() });
    net.checked = false;
    for number in 200..=203 {
        net.join(number, Render::Lazy, Look::Honest);
        let mut idle = net.node(number);
        (idle.hands, idle.silent_at_ms) = (0, u64::MAX);
        node::put(&mut net.ctx, &node_of(number), idle).unwrap();
    }
    let (mut found, mut earned) = (0, 0);
    let wallets = 60;
    for number in 1..=wallets {
        net.join(number, Render::Wrong(2), Look::Silent);
        let mut wallet = net.node(number);
        wallet.silent_at_ms = u64::MAX;
        node::put(&mut net.ctx, &node_of(number), wallet).unwrap();
        let id = net.submit(number.into(), 1);
        // Without beats, which would give auditors hands.
        for _ in 0..60 {
            net.play_all();
            net.pass();
        }
        assert_eq!(net.settled(&id), 1);
        found += u32::from(net.frame(&id, 0).state() == FrameState::Pending);
        if net.frame(&id, 0).state() == FrameState::Review {
            net.approve(&id).unwrap();
        }
        net.cancel(&id).ok();
        earned += crate::epoch::attributed(&net.ctx, &owner_of(number)).unwrap();
        let msg = MsgDisableNode { node: Some(node_of(number).to_wire(&net.ctx.chain.prefix)), leave: false };
        run(&mut net.ctx, node::messages::disable_node, msg).unwrap();
        net.players.remove(&number);
    }
    let p = detection(TILES, 2, 4);
    let told = format!("{found} of {wallets} wallets found, theory {p:.4}");
    insta::assert_snapshot!(told, @"26 of 60 wallets found, theory 0.4500");
    assert!(as_expected(found, wallets.into(), p), "{found}");
    assert_eq!(earned, 0);
}
