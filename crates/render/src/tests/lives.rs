//! Lives of jobs: from submission to a named end, with exact money.

use ledger::testing::{ALICE, BOB};
use proto::tetra::render::v1::*;

use super::support::*;
use crate::job;
use crate::time::{now_ms, stamp};

fn honest(count: u8) -> Net {
    let mut net = net();
    for number in 1..=count {
        net.join(number, Render::Honest, Look::Honest);
    }
    net
}

#[test]
fn a_whole_life_with_two_honest_nodes() {
    let mut net = honest(2);
    let id = net.submit(1, 24);
    assert_eq!(net.credits(), (CREDITS - 48 * PRICE, 48 * PRICE));
    assert_eq!(net.job(&id).state(), JobState::Queued);
    net.block();
    assert_eq!((net.job(&id).state(), net.job(&id).running), (JobState::Rendering, 4));
    net.until(|net| net.job(&id).state() == JobState::Review && net.frame(&id, 23).state() == FrameState::Review);
    net.until(|net| (0..24).all(|index| net.frame(&id, index).state() == FrameState::Review));
    assert_eq!(net.approve(&id).unwrap(), 24);
    let job = net.job(&id);
    assert_eq!((job.state(), job.approved, job.locked_ucredits), (JobState::Done, 24, 0));
    // Two nodes audit each other; the median of what they measured is a little below the estimate.
    let bills: u64 = (0..24).map(|index| net.frame(&id, index).bill.unwrap().ucredits).sum();
    assert_eq!((job.spent_ucredits, net.credits()), (bills, (CREDITS - bills, 0)));
    assert_eq!(job.measured_work_milli, 9_999);
    // What is kept back of each is full, the rest is earned.
    let kept: u64 = [1, 2].map(|number| net.node(number).held_back_ucredits).iter().sum();
    let earned: u64 = [1, 2].map(|n| crate::epoch::attributed(&net.ctx, &owner_of(n)).unwrap()).iter().sum();
    assert_eq!((kept, kept + earned), (8 * PRICE, bills));
    net.pass();
}

#[test]
fn silence_approves_and_auto_approval_does_not_wait() {
    let mut net = honest(2);
    let slow = net.submit(1, 2);
    net.until(|net| net.job(&slow).state() == JobState::Review && net.frame(&slow, 1).state() == FrameState::Review);
    let due = crate::time::ms(net.frame(&slow, 1).due.as_ref().unwrap());
    assert_eq!(due, now_ms(&net.ctx) - 6_000 + 3_600_000);
    net.ctx.block.time = stamp(due - 12_000);
    net.pass();
    net.pass();
    net.beat();
    net.pass();
    net.pass();
    assert_eq!(net.job(&slow).state(), JobState::Done);
    let quick = net.submit_as(2, 2, |msg| msg.options.as_mut().unwrap().auto_approve = true);
    net.until(|net| net.job(&quick).state() == JobState::Done);
    assert!(net.job(&quick).spent_ucredits > 0);
}

#[test]
fn a_job_ends_when_its_creator_cancels_it() {
    let mut net = honest(3);
    let id = net.submit(1, 90);
    net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
    let before = net.job(&id);
    assert!(before.running > 0 && before.open > 1 && before.pending > 0, "{before:?}");
    net.cancel(&id).unwrap();
    assert_eq!(
        refused(net.cancel(&id)),
        format!("render_job 5: render job {} has ended: JOB_STATE_CANCELLED", id.text(&net.ctx.chain.prefix))
    );
    net.pass();
    let after = net.job(&id);
    // What was under way is unpaid and out of the nodes' hands; what was committed is owed.
    assert_eq!((after.running, after.pending, after.locked_ucredits), (0, 0, after.reserved_ucredits));
    assert!(net.players.keys().all(|number| net.node(*number).working.is_empty()));
    assert_eq!(net.frame(&id, 89).state(), FrameState::Cancelled);
    net.until(|net| net.frame(&id, 1).state() == FrameState::Review && net.job(&id).open == after.open);
    net.blocks(30);
    // A unit that is rejected after the end is not rendered again.
    net.reject(&id, 0).unwrap();
    assert_eq!(net.frame(&id, 0).state(), FrameState::Cancelled);
    net.approve(&id).unwrap();
    let done = net.job(&id);
    assert_eq!((done.state(), done.open, done.locked_ucredits), (JobState::Cancelled, 0, 0));
    assert_eq!(net.credits(), (CREDITS - done.spent_ucredits, 0));
    assert_eq!(done.approved + done.cancelled, 90);
}

#[test]
fn a_deadline_ends_a_job() {
    let mut net = honest(2);
    let deadline = now_ms(&net.ctx) + 30_000;
    let id = net.submit_as(1, 300, |msg| msg.options.as_mut().unwrap().deadline = Some(stamp(deadline)));
    net.until(|net| net.job(&id).state() == JobState::Expired);
    assert_eq!(now_ms(&net.ctx), deadline + 6_000);
    net.until(|net| net.job(&id).open > 0 && net.frame(&id, 0).state() == FrameState::Review);
    net.blocks(30);
    net.approve(&id).unwrap();
    assert_eq!((net.job(&id).locked_ucredits, net.job(&id).state()), (0, JobState::Expired));
    assert_eq!(net.credits().1, 0);
}

#[test]
fn money_and_ceilings_pause_a_job_and_let_it_go_on() {
    let mut net = honest(2);
    let id = net.submit_as(1, 30, |msg| msg.ucredits = 3 * PRICE);
    net.until(|net| net.job(&id).state() == JobState::PausedFunds);
    assert_eq!(net.job(&id).pending, 27);
    let msg = MsgFundJob { id: net.wire(&id), ucredits: 40 * PRICE };
    run(&mut net.ctx, job::messages::fund_job, msg).unwrap();
    assert_eq!(net.job(&id).state(), JobState::Rendering);
    net.blocks(2);
    // The ceiling stops it, and is never a lower price.
    let msg = |net: &Net, ceiling_ucredits| MsgSetCeiling { id: net.wire(&id), ceiling_ucredits };
    let low = msg(&net, PRICE / 2);
    run(&mut net.ctx, job::messages::set_ceiling, low).unwrap();
    net.until(|net| net.job(&id).state() == JobState::PausedCeiling);
    let pending = net.job(&id).pending;
    net.blocks(3);
    assert_eq!(net.job(&id).pending, pending);
    let none = msg(&net, 0);
    run(&mut net.ctx, job::messages::set_ceiling, none).unwrap();
    net.until(|net| net.job(&id).state() == JobState::Review);
    net.blocks(30);
    net.approve(&id).unwrap();
    assert_eq!(net.job(&id).state(), JobState::Done);
    assert_eq!(net.credits(), (CREDITS - net.job(&id).spent_ucredits, 0));
}

#[test]
fn rejected_units_go_elsewhere_at_no_charge_until_the_job_is_quarantined() {
    let mut net = honest(6);
    let id = net.submit(1, 1);
    let mut nodes = Vec::new();
    for round in 0..4 {
        net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
        nodes.push(net.frame(&id, 0).node.unwrap());
        net.reject(&id, 0).unwrap();
        let state = net.job(&id).state();
        assert_eq!(state == JobState::Quarantined, round == 3, "{round} {state:?}");
    }
    nodes.sort_by(|a, b| a.host_key.cmp(&b.host_key));
    nodes.dedup();
    assert_eq!((nodes.len(), net.job(&id).spent_ucredits), (4, 0));
    net.blocks(3);
    assert_eq!(net.frame(&id, 0).state(), FrameState::Pending);
    net.cancel(&id).unwrap();
    assert_eq!((net.job(&id).state(), net.credits()), (JobState::Cancelled, (CREDITS, 0)));
}

#[test]
fn a_unit_at_which_three_nodes_failed_is_given_up() {
    let mut net = honest(5);
    for player in net.players.values_mut() {
        player.render = Render::Lazy;
    }
    let id = net.submit(1, 1);
    net.blocks(1);
    for code in ["out_of_memory", "interrupted", "bad_scene", "crashed"] {
        let frame = net.frame(&id, 0);
        let msg = |code: &str| MsgFailFrame {
            node: frame.node.clone(),
            unit: frame.id.clone(),
            attempt: frame.attempt,
            code: code.to_owned(),
            text: "no luck".to_owned(),
        };
        assert!(refused(run(&mut net.ctx, job::messages::fail_frame, msg("tired"))).starts_with("render_job 8"));
        run(&mut net.ctx, job::messages::fail_frame, msg(code)).unwrap();
        net.blocks(1);
    }
    let (job, frame) = (net.job(&id), net.frame(&id, 0));
    assert_eq!((frame.state(), frame.failed_on.len(), frame.attempt), (FrameState::Failed, 3, 4));
    assert_eq!((job.state(), job.failed, job.reserved_ucredits), (JobState::Quarantined, 1, 0));
    net.cancel(&id).unwrap();
    assert_eq!(net.credits(), (CREDITS, 0));
}

#[test]
fn what_a_job_may_not_ask_for() {
    let mut net = honest(1);
    type Change = fn(&mut MsgSubmitJob);
    let options = |msg: &mut MsgSubmitJob, change: fn(&mut JobOptions)| change(msg.options.as_mut().unwrap());
    let changes: [Change; 14] = [
        |msg| msg.jseq = 0,
        |msg| msg.scene.as_mut().unwrap().manifest = vec![1; 31],
        |msg| msg.scene.as_mut().unwrap().origins.clear(),
        |msg| msg.options.as_mut().unwrap().frames[0].step = 0,
        |msg| msg.options.as_mut().unwrap().frames[0].last = 2_000_000,
        |msg| msg.options.as_mut().unwrap().frames.push(FrameRange { first: 3, last: 9, step: 1 }),
        |msg| msg.options.as_mut().unwrap().split = true,
        |msg| msg.options.as_mut().unwrap().order = FrameOrder::Every.into(),
        |msg| msg.options.as_mut().unwrap().tier = 0,
        |msg| msg.options.as_mut().unwrap().grid = Some(TileGrid { columns: 65, rows: 1 }),
        |msg| msg.options.as_mut().unwrap().overrides = "{\"b\":1, \"a\":2}".to_owned(),
        |msg| msg.options.as_mut().unwrap().expected_work_milli = u64::MAX,
        |msg| msg.options.as_mut().unwrap().name = "../frame".to_owned(),
        |msg| msg.ucredits = CREDITS + 1,
    ];
    let mut told = String::new();
    for change in changes {
        let mut msg = net.msg_submit(1, 5);
        change(&mut msg);
        told.push_str(&refused(run(&mut net.ctx, job::messages::submit_job, msg)));
        told.push('\n');
    }
    let mut past = net.msg_submit(1, 5);
    past.options.as_mut().unwrap().deadline = Some(stamp(now_ms(&net.ctx)));
    told.push_str(&refused(run(&mut net.ctx, job::messages::submit_job, past)));
    insta::assert_snapshot!(told);
    let mut split = net.msg_submit(1, 1);
    options(&mut split, |options| options.split = true);
    run(&mut net.ctx, job::messages::submit_job, split).unwrap();
    let again = net.msg_submit(1, 1);
    assert!(refused(run(&mut net.ctx, job::messages::submit_job, again)).starts_with("render_job 3"));
    let id = crate::JobId { creator: ALICE, jseq: 1 };
    assert_eq!((net.job(&id).units, net.frame(&id, 3).number, net.frame(&id, 3).tile), (TILES, 1, 3));
    // Nobody has credits but Alice.
    let mut poor = net.msg_submit(2, 1);
    poor.creator = net.ctx.text(&BOB);
    assert!(refused(run(&mut net.ctx, job::messages::submit_job, poor)).starts_with("sdk 5"));
}

#[test]
fn explanations_agree_with_what_happened() {
    let mut net = honest(3);
    net.join_as(4, Render::Lazy, Look::Honest, |msg| msg.window.as_mut().unwrap().memory = GI);
    net.join_as(5, Render::Lazy, Look::Honest, |msg| msg.engine.as_mut().unwrap().name = "other".to_owned());
    net.join_as(6, Render::Lazy, Look::Honest, |msg| msg.sleep = vec![SleepHours { from: 0, to: 23 }]);
    let first = net.submit_as(1, 2, |msg| msg.options.as_mut().unwrap().min_memory = 2 * GI);
    let second = net.submit(2, 2);
    net.pass();
    let unit = first.unit(1);
    let frame = net.frame(&first, 1);
    assert_eq!(frame.state(), FrameState::Assigned);
    // Now it tells where to ask; there it tells why.
    let told = |ctx: &ledger::Context| {
        let unit = Some(unit.to_wire(&ctx.chain.prefix));
        job::queries::explain(ctx, QueryExplainRequest { unit }).unwrap()
    };
    let now = told(&net.ctx);
    assert_eq!(now.height, frame.assigned_height - 1);
    let mut before = honest(3);
    before.join_as(4, Render::Lazy, Look::Honest, |msg| msg.window.as_mut().unwrap().memory = GI);
    before.join_as(5, Render::Lazy, Look::Honest, |msg| msg.engine.as_mut().unwrap().name = "other".to_owned());
    before.join_as(6, Render::Lazy, Look::Honest, |msg| msg.sleep = vec![SleepHours { from: 0, to: 23 }]);
    before.submit_as(1, 2, |msg| msg.options.as_mut().unwrap().min_memory = 2 * GI);
    before.submit(2, 2);
    let explained = told(&before.ctx);
    let chosen: Vec<_> = explained.considered.iter().filter(|found| found.verdict == "chosen").collect();
    assert_eq!((chosen.len(), &chosen[0].node), (1, &frame.node));
    let verdicts: Vec<String> =
        explained.considered.iter().map(|found| format!("{}: {}", found.verdict, found.detail)).collect();
    insta::assert_snapshot!(format!("{}\n{}\n\n{}", now.decision, verdicts.join("\n"), explained.decision));
    assert_eq!(net.job(&second).pending, 0);
}
