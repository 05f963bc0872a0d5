//! Lives of audits: each way to a verdict, what it costs, and appeals.

use ledger::testing::{balance, coin};
use proto::tetra::render::v1::*;

use super::support::*;
use crate::JobId;

/// Nodes 1 to `count`, all honest, of which the first renders a job of one frame before the others are there.
fn audited(count: u8, change: impl Fn(&mut Net)) -> (Net, JobId) {
    let mut net = net();
    net.join(1, Render::Honest, Look::Honest);
    let id = net.submit(1, 1);
    net.pass();
    assert_eq!(net.frame(&id, 0).state(), FrameState::Assigned);
    for number in 2..=count {
        net.join(number, Render::Honest, Look::Honest);
    }
    give_hold_back(&mut net);
    change(&mut net);
    (net, id)
}

/// Everybody has something to lose.
fn give_hold_back(net: &mut Net) {
    for number in net.players.keys().copied().collect::<Vec<_>>() {
        crate::node::hold_back(&mut net.ctx, &node_of(number), 100_000, &crate::credit::Paid::default()).unwrap();
    }
}

fn closed(net: &mut Net, id: &JobId) -> Audit {
    net.until(|net| {
        let unit = Some(id.unit(0).to_wire(&net.ctx.chain.prefix));
        let request = QueryAuditRequest { unit, attempt: 1 };
        crate::proof::queries::audit(&net.ctx, request)
            .is_ok_and(|found| found.audit.unwrap().stage() == AuditStage::Closed)
    });
    let unit = Some(id.unit(0).to_wire(&net.ctx.chain.prefix));
    crate::proof::queries::audit(&net.ctx, QueryAuditRequest { unit, attempt: 1 }).unwrap().audit.unwrap()
}

fn findings(audit: &Audit) -> Vec<&str> {
    let mut found: Vec<&str> = audit.auditors.iter().map(|part| part.finding.as_str()).collect();
    found.sort_unstable();
    found
}

#[test]
fn an_honest_frame_is_proven_by_two() {
    let (mut net, id) = audited(4, |_| {});
    let audit = closed(&mut net, &id);
    assert_eq!((audit.verdict(), audit.round, audit.tiles.len()), (Verdict::Honest, 1, 4));
    assert_eq!(findings(&audit), ["agrees", "agrees"]);
    let frame = net.frame(&id, 0);
    assert_eq!((frame.state(), frame.auditors.len()), (FrameState::Review, 2));
    // 166 thousandths of a unit a second, 3765 ms for each of 4 tiles of 16.
    assert_eq!((audit.measured_work_milli, frame.bill.unwrap().ucredits), (9_999, 49_995));
    assert!(net.node(1).good_micros == 1_000_000 && net.node(1).bad_micros == 0);
}

#[test]
fn a_wrong_frame_costs_its_node_and_is_rendered_again() {
    let (mut net, id) = audited(5, |net| net.player(1).render = Render::Wrong(16));
    let audit = closed(&mut net, &id);
    assert_eq!((audit.verdict(), findings(&audit)), (Verdict::Wrong, vec!["differs", "differs"]));
    let cheat = net.node(1);
    assert_eq!((cheat.held_back_ucredits, cheat.taken_ucredits, cheat.strikes), (50_000, 50_000, 1));
    assert!(cheat.reputation_bp == 0 && cheat.bad_micros > 0);
    net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
    let frame = net.frame(&id, 0);
    assert_ne!(frame.node, Some(node_of(1).to_wire(&net.ctx.chain.prefix)));
    assert_eq!(net.audit(&id, 0).verdict(), Verdict::Honest);
    // Those who caught it are paid with the frame that is good.
    assert!(frame.auditors.len() >= 3, "{:?}", frame.auditors);
    // It gets no more of the job.
    net.player(1).render = Render::Honest;
    net.reject(&id, 0).unwrap();
    net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
    assert_ne!(net.frame(&id, 0).node, Some(node_of(1).to_wire(&net.ctx.chain.prefix)));
}

#[test]
fn silence_is_guilt_and_three_faults_are_a_ban() {
    let mut net = net();
    net.join(1, Render::Mute, Look::Honest);
    let jobs: Vec<JobId> = (1..=3).map(|jseq| net.submit(jseq, 1)).collect();
    net.join(2, Render::Lazy, Look::Honest);
    net.join(3, Render::Lazy, Look::Honest);
    net.until(|net| net.node(1).state() == NodeState::Banned);
    assert_eq!(net.node(1).strikes, 3);
    assert!(jobs.iter().any(|id| net.job(id).faulty_nodes > 0));
    let audits = crate::proof::state::AUDITS.all(&net.ctx.state).unwrap();
    assert_eq!(audits.iter().filter(|(_, audit)| audit.verdict() == Verdict::Silent).count(), 3);
    let msg = msg_enable(&net.ctx, 1);
    assert!(refused(run(&mut net.ctx, crate::node::messages::enable_node, msg)).starts_with("render_node 5"));
}

#[test]
fn who_copies_what_the_node_planted_is_caught() {
    let (mut net, id) = audited(3, |net| {
        net.player(1).plants = true;
        net.player(2).look = Look::Copies;
        net.player(3).look = Look::Copies;
    });
    net.until(|net| {
        let unit = Some(id.unit(0).to_wire(&net.ctx.chain.prefix));
        let request = QueryAuditRequest { unit, attempt: 0 };
        crate::proof::queries::audit(&net.ctx, request).is_ok_and(|a| a.audit.unwrap().stage() == AuditStage::Again)
    });
    for number in 4..=8 {
        net.join(number, Render::Honest, Look::Honest);
    }
    give_hold_back(&mut net);
    let audit = closed(&mut net, &id);
    // Both were drawn and both copied; the second round found that the node was honest.
    assert_eq!((audit.verdict(), audit.round), (Verdict::Honest, 2));
    assert_eq!(findings(&audit).iter().filter(|found| **found == "copied").count(), 2);
    assert!([2, 3].iter().all(|number| net.node(*number).strikes == 1));
    assert_eq!(net.node(1).strikes, 0);
}

#[test]
fn a_node_that_plants_the_truth_frames_nobody() {
    let (mut net, id) = audited(8, |net| net.player(1).render = Render::Framing(16));
    let audit = closed(&mut net, &id);
    assert_eq!((audit.verdict(), audit.round), (Verdict::Wrong, 2));
    assert!(findings(&audit).iter().all(|found| *found == "differs"));
    assert!((2..=8).all(|number| net.node(number).strikes == 0));
    assert_eq!(net.node(1).strikes, 1);
}

#[test]
fn a_false_accuser_is_overruled_by_a_third_opinion_and_loses_its_appeal() {
    // One liar among enough honest nodes that any two auditors may hold it; jobs until it is drawn.
    let mut net = net();
    net.join(1, Render::Honest, Look::Honest);
    net.join(2, Render::Lazy, Look::Lies);
    net.join(3, Render::Lazy, Look::Honest);
    give_hold_back(&mut net);
    let id = net.submit(1, 1);
    net.until(|net| {
        let unit = Some(id.unit(0).to_wire(&net.ctx.chain.prefix));
        let request = QueryAuditRequest { unit, attempt: 0 };
        crate::proof::queries::audit(&net.ctx, request).is_ok_and(|a| a.audit.unwrap().stage() == AuditStage::Again)
    });
    // Node 1 is the only one that renders; the two others audited it and did not agree.
    for number in 4..=9 {
        net.join(number, Render::Lazy, Look::Honest);
    }
    give_hold_back(&mut net);
    net.until(|net| net.audit(&id, 0).stage() == AuditStage::Closed);
    let audit = net.audit(&id, 0);
    assert_eq!((audit.verdict(), findings(&audit)), (Verdict::Honest, vec!["agrees", "agrees", "overruled"]));
    let liar = net.node(2);
    assert_eq!((liar.strikes, liar.taken_ucredits > 0), (1, true));
    // Its appeal costs it the deposit.
    assert!(refused(net.appeal(3, &id, 0)).starts_with("render_proof 7"));
    let funds = ledger::testing::coins("9000000uusd");
    ledger::bank::send(&mut net.ctx, &ledger::testing::BOB, &owner_of(2), &funds).unwrap();
    net.appeal(2, &id, 0).unwrap();
    assert_eq!(balance(&net.ctx, &owner_of(2), "uusd"), 4_000_000);
    net.until(|net| net.audit(&id, 0).stage() == AuditStage::Closed);
    let audit = net.audit(&id, 0);
    assert_eq!((audit.verdict(), audit.round), (Verdict::Honest, 3));
    assert_eq!(balance(&net.ctx, &owner_of(2), "uusd"), 4_000_000);
    assert_eq!(balance(&net.ctx, &crate::credit::network_account(), "uusd"), coin("5000000uusd").amount);
    assert!(refused(net.appeal(2, &id, 0)).contains("has appealed before"));
    assert_eq!(net.node(2).strikes, 1);
}

#[test]
fn a_node_that_colluding_auditors_condemned_wins_its_appeal() {
    let (mut net, id) = audited(3, |net| {
        net.player(2).look = Look::Lies;
        net.player(3).look = Look::Lies;
    });
    let audit = closed(&mut net, &id);
    assert_eq!((audit.verdict(), findings(&audit)), (Verdict::Wrong, vec!["differs", "differs"]));
    assert_eq!(net.node(1).strikes, 1);
    assert!(refused(net.appeal(1, &id, 0)).starts_with("sdk 5"));
    let funds = ledger::testing::coins("9000000uusd");
    ledger::bank::send(&mut net.ctx, &ledger::testing::BOB, &owner_of(1), &funds).unwrap();
    for number in 4..=9 {
        net.join(number, Render::Lazy, Look::Honest);
    }
    let unit = Some(id.unit(0).to_wire(&net.ctx.chain.prefix));
    let appellant = Some(node_of(1).to_wire(&net.ctx.chain.prefix));
    let msg = MsgAppeal { appellant, unit, attempt: 1 };
    run(&mut net.ctx, crate::proof::messages::appeal, msg).unwrap();
    let audit = closed(&mut net, &id);
    assert_eq!(audit.verdict(), Verdict::Honest);
    assert_eq!(findings(&audit).iter().filter(|found| **found == "overruled").count(), 2);
    let node = net.node(1);
    assert_eq!((node.strikes, node.taken_ucredits, node.held_back_ucredits), (0, 0, 100_000));
    assert!([2, 3].iter().all(|number| net.node(*number).strikes == 1));
    assert_eq!(balance(&net.ctx, &owner_of(1), "uusd"), 9_000_000);
}

#[test]
fn who_could_not_fetch_the_scene_is_not_guilty_and_nobody_is_slashed_alone() {
    let (mut net, id) = audited(3, |net| {
        net.player(2).look = Look::Declines;
        net.player(3).look = Look::Silent;
    });
    let audit = closed(&mut net, &id);
    assert_eq!((audit.verdict(), findings(&audit)), (Verdict::Undecided, vec!["declined", "silent"]));
    assert!((1..=3).all(|number| net.node(number).strikes == 0));
    assert_eq!((net.node(2).bad_micros, net.node(3).bad_micros), (0, 500_000));
    // The frame goes to review by its estimate.
    assert_eq!(net.frame(&id, 0).bill.unwrap().ucredits, PRICE);
    // With one auditor alone, who differs, nobody is condemned.
    let (mut net, id) = audited(2, |net| net.player(1).render = Render::Wrong(16));
    let audit = closed(&mut net, &id);
    assert_eq!((audit.verdict(), net.node(1).strikes), (Verdict::Undecided, 0));
}

#[test]
fn classes_that_nobody_measured_audit_nobody() {
    let mut net = net();
    net.join(1, Render::Wrong(16), Look::Honest);
    for number in 2..=4 {
        net.join_as(number, Render::Lazy, Look::Honest, |msg| {
            msg.engine.as_mut().unwrap().device_class = "gpu".to_owned()
        });
    }
    let id = net.submit_as(1, 1, |msg| {
        msg.options.as_mut().unwrap().engine.as_mut().unwrap().device_class = engine().device_class
    });
    net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
    let audit = net.audit(&id, 0);
    assert_eq!((audit.verdict(), audit.auditors.len(), net.node(1).strikes), (Verdict::Undecided, 0, 0));
}

#[test]
fn nobody_audits_what_is_its_owners() {
    let mut net = net();
    net.join(1, Render::Honest, Look::Honest);
    // A second host of the same owner.
    let key = ed25519_consensus::SigningKey::from([77; 32]);
    let host_key = key.verification_key().to_bytes().to_vec();
    let owner = net.ctx.text(&owner_of(1));
    let offered =
        proto::tetra::capacity::v1::Resources { cpu_milli: 8_000, memory: 32 * GI, storage: GI * 9, devices: vec![] };
    let mut msg = proto::tetra::capacity::v1::MsgRegisterHost {
        owner: owner.clone(),
        host_key: host_key.clone(),
        offered: Some(offered),
        devices: Vec::new(),
        cpu_overcommit_percent: 100,
        host_signature: Vec::new(),
    };
    let bytes = ledger::capacity::registration_bytes(&net.ctx.chain.id, &msg);
    msg.host_signature = key.sign(&bytes).to_bytes().to_vec();
    run(&mut net.ctx, ledger::capacity::messages::register_host, msg).unwrap();
    let mut msg = msg_enable(&net.ctx, 1);
    msg.node = Some(NodeId { owner, host_key });
    run(&mut net.ctx, crate::node::messages::enable_node, msg).unwrap();
    let id = net.submit(1, 1);
    net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
    assert!(net.audit(&id, 0).auditors.is_empty());
}
