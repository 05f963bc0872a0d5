//! Lives of nodes: windows, sleep, silence, and what is kept of them.

use ledger::capacity::{self, Claim, Request};
use ledger::testing::{self, stored};
use proto::tetra::render::v1::*;

use super::support::*;
use crate::node;
use crate::time::{now_ms, stamp};

fn enable(net: &mut Net, number: u8) -> Result<MsgEnableNodeResponse, ledger::Failure> {
    let msg = msg_enable(&net.ctx, number);
    run(&mut net.ctx, node::messages::enable_node, msg)
}

fn disable(net: &mut Net, number: u8) -> Result<(), ledger::Failure> {
    let msg = MsgDisableNode { node: Some(node_of(number).to_wire(&net.ctx.chain.prefix)), leave: false };
    run(&mut net.ctx, node::messages::disable_node, msg).map(drop)
}

#[test]
fn a_firm_lease_takes_the_machine_and_its_units_go_on_elsewhere() {
    let mut net = net();
    net.join(1, Render::Lazy, Look::Honest);
    let id = net.submit(1, 4);
    net.block();
    assert_eq!((net.node(1).working.len(), net.job(&id).running), (2, 2));
    // Another market wants 6 of 8 cores, 4 of which the window holds.
    let request = Request { cpu_milli: 6_000, memory: GI, storage: GI, gpus: Vec::new() };
    let claim = Claim { market: "deployment", reference: "lease".to_owned(), units: vec![(request, 1)] };
    assert_eq!(capacity::hold_soft(&mut net.ctx, &owner_of(1), &claim, 0).unwrap().len(), 1);
    net.block();
    assert_eq!(net.node(1).state(), NodeState::Ready);
    assert_eq!(capacity::turn_firm(&mut net.ctx, "deployment", "lease").unwrap().len(), 1);
    route(&mut net.ctx).unwrap();
    assert_eq!(net.node(1).state(), NodeState::Yielded);
    let job = net.job(&id);
    assert_eq!((job.running, job.pending, job.power_milli, job.reserved_ucredits), (0, 4, 0, 0));
    // It is nobody's fault.
    assert_eq!((net.frame(&id, 0).failed_on.len(), net.node(1).bad_micros, job.faulty_nodes), (0, 0, 0));
    net.join(2, Render::Honest, Look::Honest);
    net.until(|net| net.job(&id).state() == JobState::Review);
    // While the lease is there, the window does not fit; afterwards it does.
    assert!(refused(enable(&mut net, 1)).starts_with("capacity 2"));
    capacity::release(&mut net.ctx, "deployment", "lease").unwrap();
    enable(&mut net, 1).unwrap();
    assert_eq!(net.node(1).state(), NodeState::Ready);
}

#[test]
fn work_for_a_node_ends_what_was_lent_of_its_window() {
    let mut net = net();
    net.join(1, Render::Honest, Look::Honest);
    let request = Request { cpu_milli: 1_000, memory: GI, storage: GI, gpus: Vec::new() };
    let lend = |net: &mut Net, reference: &str| {
        let claim = Claim { market: "cluster", reference: reference.to_owned(), units: vec![(request.clone(), 1)] };
        capacity::lend_on(&mut net.ctx, &host_of(1), &claim)
    };
    lend(&mut net, "slice").unwrap();
    net.block();
    assert_eq!(capacity::held(&net.ctx, "cluster", "slice").unwrap().len(), 1, "nothing to render");
    let id = net.submit(1, 2);
    net.block();
    assert_eq!(net.node(1).working.len(), 2);
    assert!(capacity::held(&net.ctx, "cluster", "slice").unwrap().is_empty());
    lend(&mut net, "again").unwrap_err();
    net.until(|net| net.job(&id).state() == JobState::Review);
    lend(&mut net, "again").unwrap();
}

#[test]
fn a_node_without_a_sign_is_given_up_and_comes_back_by_one() {
    let mut net = net();
    net.join(1, Render::Lazy, Look::Honest);
    let id = net.submit(1, 4);
    net.block();
    assert_eq!(net.job(&id).running, 2);
    for _ in 0..9 {
        net.pass();
        assert_eq!(net.node(1).state(), NodeState::Ready);
    }
    net.pass();
    net.pass();
    let gone = net.node(1);
    assert_eq!((gone.state(), gone.working.len(), gone.slot), (NodeState::Offline, 0, 0));
    assert_eq!((net.job(&id).running, net.frame(&id, 0).failed_on.len()), (0, 1));
    net.block();
    // It is back, and gets what it has not failed at; after three failures in a job it is on its blocklist.
    assert_eq!(net.node(1).state(), NodeState::Ready);
    assert_eq!(net.frame(&id, 2).state(), FrameState::Assigned);
    for _ in 0..12 {
        net.pass();
    }
    net.blocks(3);
    assert_eq!((net.node(1).state(), net.job(&id).running, net.job(&id).pending), (NodeState::Ready, 0, 4));
    let shown = crate::job::queries::job(&net.ctx, QueryJobRequest { id: net.wire(&id) }).unwrap().job.unwrap();
    assert_eq!(shown.blocked, [node_of(1).to_wire(&net.ctx.chain.prefix)]);
}

#[test]
fn a_unit_without_progress_goes_to_another_node() {
    let mut net = net();
    net.join(1, Render::Lazy, Look::Honest);
    let id = net.submit(1, 1);
    net.block();
    let frame = net.frame(&id, 0);
    let progress = |permille| MsgReportProgress {
        node: frame.node.clone(),
        unit: frame.id.clone(),
        attempt: frame.attempt,
        permille,
    };
    net.blocks(15);
    run(&mut net.ctx, crate::job::messages::report_progress, progress(400)).unwrap();
    let stuck = run(&mut net.ctx, crate::job::messages::report_progress, progress(400));
    assert_eq!(refused(stuck), "render_job 2: render job refused: progress was 400 of 1000; 400 is no more");
    net.blocks(15);
    assert_eq!(net.frame(&id, 0).state(), FrameState::Assigned);
    net.blocks(10);
    let frame = net.frame(&id, 0);
    assert_eq!((frame.state(), frame.failed_on.len()), (FrameState::Pending, 1));
    assert_eq!(frame.history.last().unwrap().code, "no_progress");
    net.join(2, Render::Honest, Look::Honest);
    net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
}

#[test]
fn nodes_sleep_by_their_hours() {
    let mut net = net();
    net.join_as(1, Render::Honest, Look::Honest, |msg| msg.sleep = vec![SleepHours { from: 1, to: 2 }]);
    let midnight = now_ms(&net.ctx) / 86_400_000 * 86_400_000;
    let at = |net: &mut Net, ms: u64| {
        net.ctx.block.time = stamp(midnight + ms);
        net.beat();
        net.pass();
        net.node(1).state()
    };
    assert_eq!(at(&mut net, 3_594_000), NodeState::Ready);
    assert_eq!(at(&mut net, 3_600_000), NodeState::Asleep);
    let id = net.submit(1, 1);
    assert_eq!(at(&mut net, 7_194_000), NodeState::Asleep);
    assert_eq!(net.job(&id).running, 0);
    assert_eq!(at(&mut net, 7_200_000), NodeState::Ready);
    assert_eq!(net.job(&id).running, 1);
}

#[test]
fn tiers_and_trust() {
    let mut net = net();
    net.join_as(1, Render::Lazy, Look::Honest, |msg| msg.tier = Tier::Economy.into());
    net.join_as(2, Render::Lazy, Look::Honest, |msg| msg.tier = Tier::Priority.into());
    let economy = net.submit(1, 9);
    let priority = net.submit_as(2, 1, |msg| msg.options.as_mut().unwrap().tier = Tier::Priority.into());
    net.block();
    // Priority nodes take priority jobs first, then others; economy nodes take economy jobs alone.
    assert_eq!(net.frame(&priority, 0).node, Some(node_of(2).to_wire(&net.ctx.chain.prefix)));
    assert_eq!(net.job(&economy).running, 3);
    disable(&mut net, 2).unwrap();
    let mut msg = msg_enable(&net.ctx, 2);
    msg.tier = Tier::Trusted.into();
    assert!(refused(run(&mut net.ctx, node::messages::enable_node, msg.clone())).starts_with("render_node 7"));
    let node = msg.node.clone();
    let trust = |authority: String| MsgTrustNode { authority, node: node.clone(), trusted: true };
    let foreign = trust(net.ctx.text(&owner_of(2)));
    assert!(refused(run(&mut net.ctx, node::messages::trust_node, foreign)).starts_with("sdk 4"));
    let named = trust(net.ctx.text(&testing::AUTHORITY));
    run(&mut net.ctx, node::messages::trust_node, named).unwrap();
    run(&mut net.ctx, node::messages::enable_node, msg).unwrap();
    let trusted = net.submit_as(3, 1, |msg| {
        msg.options.as_mut().unwrap().tier = Tier::Trusted.into();
        msg.ucredits = 10 * PRICE;
    });
    net.block();
    assert_eq!(net.frame(&trusted, 0).state(), FrameState::Assigned);
}

#[test]
fn what_enabling_refuses() {
    let mut net = net();
    net.join(1, Render::Honest, Look::Honest);
    let mut told = vec![refused(enable(&mut net, 1))];
    disable(&mut net, 1).unwrap();
    told.push(refused(disable(&mut net, 1)));
    type Change = fn(&mut MsgEnableNode);
    let changes: [Change; 7] = [
        |msg| msg.node.as_mut().unwrap().host_key = vec![0; 31],
        |msg| msg.node.as_mut().unwrap().host_key = vec![3; 32],
        |msg| msg.engine.as_mut().unwrap().build.clear(),
        |msg| msg.window.as_mut().unwrap().cpu_milli = 9_000,
        |msg| msg.sleep = vec![SleepHours { from: 3, to: 3 }],
        |msg| msg.benchmark_ms = 0,
        |msg| msg.endpoint = "ftp://node".to_owned(),
    ];
    for change in changes {
        let mut msg = msg_enable(&net.ctx, 1);
        change(&mut msg);
        told.push(refused(run(&mut net.ctx, node::messages::enable_node, msg)));
    }
    insta::assert_snapshot!(told.join("\n"));
    enable(&mut net, 1).unwrap();
}

#[test]
fn what_is_stored_of_a_node_a_job_and_an_audit() {
    let mut net = net();
    net.join(1, Render::Honest, Look::Honest);
    net.join(2, Render::Honest, Look::Honest);
    let id = net.submit(1, 3);
    net.until(|net| net.frame(&id, 0).state() == FrameState::Review);
    let modules = [crate::node::MODULE, crate::job::MODULE, crate::proof::MODULE];
    let text: Vec<String> =
        modules.iter().map(|module| format!("{}\n{}", module.0, stored(&net.ctx, *module))).collect();
    insta::assert_snapshot!(text.join("\n"));
}
