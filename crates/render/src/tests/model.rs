//! Random messages over random blocks: all promises hold after each, credits are conserved, what was refused changed nothing,
//! genesis is an exact inverse, and dispatch does what a plain reading of its rule does.

use ledger::testing::{self, stored};
use ledger::{Context, accounts, bank, capacity, oracle};
use proptest::prelude::*;
use proto::tetra::render::v1::*;
use store::Module;

use super::support::*;
use crate::job::dispatch::{Taken, plan};
use crate::job::state::{FAULTS, FRAMES, JOBS, PENDING};
use crate::node::state::{NODES, is_idle, scenes};
use crate::{JobId, engine, job, node};

const TREES: [Module; 5] = crate::MODULES;

#[derive(Clone, Debug)]
enum Step {
    Submit { jseq: u64, frames: i32, more: u32 },
    Fund { jseq: u64, ucredits: u64 },
    Ceiling { jseq: u64, ucredits: u64 },
    Cancel(u64),
    Approve(u64),
    Reject { jseq: u64, index: u32 },
    Fail { number: u8, code: usize },
    Progress { number: u8, permille: u32 },
    Disable(u8),
    Enable(u8),
    Scenes { number: u8, jseq: u64 },
    Yield(u8),
    Turn { number: u8, render: Render, look: Look },
    Appeal { number: u8, jseq: u64 },
    Blocks(u32),
    Silence(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (jseq, number) = (1u64..5, 1u8..6);
    let render = prop_oneof![
        4 => Just(Render::Honest),
        1 => (1u32..16).prop_map(Render::Wrong),
        1 => (1u32..16).prop_map(Render::Framing),
        1 => Just(Render::Mute),
        1 => Just(Render::Lazy),
    ];
    let look = prop_oneof![
        4 => Just(Look::Honest),
        1 => Just(Look::Lies),
        1 => Just(Look::Copies),
        1 => Just(Look::Declines),
        1 => Just(Look::Silent),
    ];
    let step = prop_oneof![
        3 => (jseq.clone(), 1i32..12, 0u32..64).prop_map(|(jseq, frames, more)| Step::Submit { jseq, frames, more }),
        1 => (jseq.clone(), 0u64..400_000).prop_map(|(jseq, ucredits)| Step::Fund { jseq, ucredits }),
        1 => (jseq.clone(), 0u64..100_000).prop_map(|(jseq, ucredits)| Step::Ceiling { jseq, ucredits }),
        1 => jseq.clone().prop_map(Step::Cancel),
        2 => jseq.clone().prop_map(Step::Approve),
        2 => (jseq.clone(), 0u32..12).prop_map(|(jseq, index)| Step::Reject { jseq, index }),
        2 => (number.clone(), 0usize..14).prop_map(|(number, code)| Step::Fail { number, code }),
        1 => (number.clone(), 1u32..1001).prop_map(|(number, permille)| Step::Progress { number, permille }),
        1 => number.clone().prop_map(Step::Disable),
        2 => number.clone().prop_map(Step::Enable),
        1 => (number.clone(), jseq.clone()).prop_map(|(number, jseq)| Step::Scenes { number, jseq }),
        1 => number.clone().prop_map(Step::Yield),
        2 => (number.clone(), render, look).prop_map(|(number, render, look)| Step::Turn { number, render, look }),
        1 => (number, jseq).prop_map(|(number, jseq)| Step::Appeal { number, jseq }),
        8 => (1u32..9).prop_map(Step::Blocks),
        1 => (1u32..25).prop_map(Step::Silence),
    ];
    proptest::collection::vec(step, 1..40)
}

fn working(net: &Net, number: u8) -> Option<(UnitId, u32)> {
    let unit = net.node(number).working.first().cloned()?;
    let id = crate::UnitId::from_wire(&net.ctx, Some(&unit)).unwrap();
    Some((unit, net.frame(&id.job, id.index).attempt))
}

fn take(net: &mut Net, step: &Step) {
    let job = |net: &Net, jseq: u64| net.wire(&JobId { creator: testing::ALICE, jseq });
    let node = |net: &Net, number: u8| Some(node_of(number).to_wire(&net.ctx.chain.prefix));
    let id = |jseq: u64| JobId { creator: testing::ALICE, jseq };
    match step.clone() {
        Step::Submit { jseq, frames, more } => {
            let mut msg = net.msg_submit(jseq, frames);
            let options = msg.options.as_mut().unwrap();
            options.auto_approve = more & 1 == 1;
            options.order = if more & 2 == 2 { FrameOrder::Bisect.into() } else { FrameOrder::Forward.into() };
            if more & 4 == 4 {
                msg.ucredits = PRICE * 2;
            }
            if more & 24 == 24 {
                let ms = crate::time::now_ms(&net.ctx) + 60_000;
                msg.options.as_mut().unwrap().deadline = Some(crate::time::stamp(ms));
            }
            if more & 32 == 32 {
                msg.options.as_mut().unwrap().min_memory = 20 * GI;
            }
            let _ = run(&mut net.ctx, job::messages::submit_job, msg);
        }
        Step::Fund { jseq, ucredits } => {
            let msg = MsgFundJob { id: job(net, jseq), ucredits };
            let _ = run(&mut net.ctx, job::messages::fund_job, msg);
        }
        Step::Ceiling { jseq, ucredits } => {
            let msg = MsgSetCeiling { id: job(net, jseq), ceiling_ucredits: ucredits };
            let _ = run(&mut net.ctx, job::messages::set_ceiling, msg);
        }
        Step::Cancel(jseq) => drop(net.cancel(&id(jseq))),
        Step::Approve(jseq) => drop(net.approve(&id(jseq))),
        Step::Reject { jseq, index } => drop(net.reject(&id(jseq), index)),
        Step::Fail { number, code } => {
            if let Some((unit, attempt)) = working(net, number) {
                let code = job::messages::CODES[code].0.to_owned();
                let msg =
                    MsgFailFrame { node: node(net, number), unit: Some(unit), attempt, code, text: String::new() };
                run(&mut net.ctx, job::messages::fail_frame, msg).unwrap();
            }
        }
        Step::Progress { number, permille } => {
            if let Some((unit, attempt)) = working(net, number) {
                let msg = MsgReportProgress { node: node(net, number), unit: Some(unit), attempt, permille };
                let _ = run(&mut net.ctx, job::messages::report_progress, msg);
            }
        }
        Step::Disable(number) => {
            // Of two nodes one always leaves for good, and is paid at the second time.
            let msg = MsgDisableNode { node: node(net, number), leave: number % 2 == 0 };
            let _ = run(&mut net.ctx, node::messages::disable_node, msg);
        }
        Step::Enable(number) => {
            let msg = msg_enable(&net.ctx, number);
            let _ = run(&mut net.ctx, node::messages::enable_node, msg);
        }
        Step::Scenes { number, jseq } => {
            let scene = net.msg_submit(jseq, 1).scene.unwrap().manifest;
            let msg = MsgBeat { node: node(net, number), scenes: vec![scene] };
            let _ = run(&mut net.ctx, node::messages::beat, msg);
        }
        Step::Yield(number) => {
            let request = capacity::Request { cpu_milli: 6_000, memory: GI, storage: GI, gpus: Vec::new() };
            let claim = capacity::Claim { market: "x", reference: "y".to_owned(), units: vec![(request, 1)] };
            if capacity::hold_firm(&mut net.ctx, &owner_of(number), &claim).is_ok() {
                route(&mut net.ctx).unwrap();
                capacity::release(&mut net.ctx, "x", "y").unwrap();
            }
        }
        Step::Turn { number, render, look } => {
            let player = net.player(number);
            (player.render, player.look, player.plants) = (render, look, number % 2 == 0);
        }
        Step::Appeal { number, jseq } => {
            let unit = Some(id(jseq).unit(0).to_wire(&net.ctx.chain.prefix));
            let msg = MsgAppeal { appellant: node(net, number), unit, attempt: 1 };
            let _ = run(&mut net.ctx, crate::proof::messages::appeal, msg);
        }
        Step::Blocks(count) => net.blocks(count),
        Step::Silence(count) => (0..count).for_each(|_| net.pass()),
    }
}

/// A plain reading of dispatch: every idle node, longest idle first, looks at every open job.
fn by_the_book(ctx: &Context) -> Vec<(crate::NodeId, crate::UnitId)> {
    let mut nodes: Vec<_> = NODES.all(&ctx.state).unwrap().into_iter().filter(|(_, node)| is_idle(node)).collect();
    nodes.sort_by_key(|(id, node)| (node.idle_since_height, *id));
    let mut queue: std::collections::VecDeque<_> = nodes.into();
    let mut jobs: Vec<(JobId, Job, Vec<u32>)> = Vec::new();
    for (id, job) in JOBS.all(&ctx.state).unwrap() {
        let ranges = PENDING.under(&ctx.state, &id).unwrap();
        let units: Vec<u32> = ranges.into_iter().flat_map(|(first, last)| first.index..=last).collect();
        if crate::job::state::is_open(&job) {
            jobs.push((id, job, units));
        }
    }
    let mut given = Vec::new();
    while let Some((id, mut node)) = queue.pop_front() {
        let wire = id.to_wire(&ctx.chain.prefix);
        let fits = |job: &Job, units: &[u32], of: &JobId| -> Option<u32> {
            let options = job.options.as_ref().unwrap();
            let price = crate::job::money::next_price(ctx, job).unwrap().ucredits;
            let paid = job.locked_ucredits - job.reserved_ucredits >= price
                && (options.ceiling_ucredits == 0 || options.ceiling_ucredits >= price);
            let fault = FAULTS.get(&ctx.state, &(*of, id)).unwrap().unwrap_or_default();
            let allowed = engine::meets(node.engine.as_ref().unwrap(), options.engine.as_ref().unwrap())
                && node.window.as_ref().unwrap().memory >= options.min_memory
                && fault.failures < 3
                && !fault.forfeited;
            let fresh = |unit: &&u32| {
                let frame = FRAMES.get(&ctx.state, &of.unit(**unit)).unwrap().unwrap_or_default();
                !frame.failed_on.contains(&wire)
            };
            if paid && allowed { units.iter().find(fresh).copied() } else { None }
        };
        let mut open: Vec<(u64, JobId, u32)> =
            jobs.iter().filter_map(|(id, job, units)| Some((job.power_milli, *id, fits(job, units, id)?))).collect();
        open.sort_unstable();
        let Some(least) = open.first().copied() else { continue };
        let held = scenes(&node);
        let holds = |of: &JobId| {
            let (_, job, _) = jobs.iter().find(|(id, ..)| id == of).unwrap();
            held.iter().any(|scene| *scene == job.scene.as_ref().unwrap().manifest.as_slice())
        };
        let near = open.iter().find(|(power, of, _)| holds(of) && *power <= least.0 + node.power_milli);
        let (_, job, unit) = near.copied().unwrap_or(least);
        given.push((id, job.unit(unit)));
        let found = jobs.iter_mut().find(|(id, ..)| *id == job).unwrap();
        let price = crate::job::money::next_price(ctx, &found.1).unwrap().ucredits;
        found.1.power_milli += node.power_milli;
        found.1.reserved_ucredits += price;
        found.2.retain(|left| *left != unit);
        node.working.push(UnitId::default());
        if is_idle(&node) {
            queue.push_back((id, node));
        }
    }
    given
}

fn planned(ctx: &Context) -> Vec<(crate::NodeId, crate::UnitId)> {
    let plan = plan(ctx).unwrap();
    let taken = |taken: &Taken| taken.unit;
    plan.choices.iter().filter_map(|choice| Some((choice.node, taken(choice.taken.as_ref()?)))).collect()
}

fn all_stored(ctx: &Context) -> String {
    TREES.iter().map(|module| stored(ctx, *module)).collect()
}

/// The genesis of the present state makes the present state.
fn round_trip(net: &Net) {
    let genesis = crate::genesis::export(&net.ctx).unwrap();
    let text = serde_json::to_string(&genesis).unwrap();
    let parsed: crate::Genesis = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed, genesis);
    let mut fresh = testing::empty();
    (fresh.block, fresh.chain) = (net.ctx.block.clone(), net.ctx.chain.clone());
    let money = (accounts::genesis::export(&net.ctx).unwrap(), bank::genesis::export(&net.ctx).unwrap());
    accounts::genesis::import(&mut fresh, &money.0).unwrap();
    bank::genesis::import(&mut fresh, &money.1).unwrap();
    oracle::genesis::import(&mut fresh, &oracle::genesis::export(&net.ctx).unwrap()).unwrap();
    capacity::genesis::import(&mut fresh, &capacity::genesis::export(&net.ctx).unwrap()).unwrap();
    crate::genesis::import(&mut fresh, &parsed).unwrap();
    assert_eq!(all_stored(&fresh), all_stored(&net.ctx));
}

/// Five nodes that may turn, and appeals that cost nothing.
fn five() -> Net {
    let mut params = params();
    params.appeal_deposit.as_mut().unwrap().amount = "0".to_owned();
    let mut net = net_with(&params);
    net.turns = true;
    for number in 1..=5 {
        net.join(number, Render::Honest, Look::Honest);
    }
    net
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn promises_hold_whatever_happens(steps in steps()) {
        let mut net = five();
        for step in &steps {
            take(&mut net, step);
            prop_assert_eq!(crate::invariants::check(&net.ctx).unwrap(), Vec::<String>::new());
            prop_assert_eq!(planned(&net.ctx), by_the_book(&net.ctx));
            let spent: u64 = JOBS.all(&net.ctx.state).unwrap().iter().map(|(_, job)| job.spent_ucredits).sum();
            let (free, locked) = net.credits();
            prop_assert_eq!(free + locked + spent, CREDITS);
        }
        round_trip(&net);
    }

    /// Messages of strangers, late and early, are refused and change nothing, or are taken and keep all promises.
    #[test]
    fn what_is_refused_changes_nothing(steps in steps(), number in 1u8..6, jseq in 1u64..5, attempt in 0u32..3) {
        let mut net = five();
        for step in &steps {
            take(&mut net, step);
        }
        let before = all_stored(&net.ctx);
        let node = Some(node_of(number).to_wire(&net.ctx.chain.prefix));
        let unit = Some(JobId { creator: testing::ALICE, jseq }.unit(0).to_wire(&net.ctx.chain.prefix));
        let commit = MsgCommitAudit { auditor: node.clone(), unit: unit.clone(), attempt, commitment: vec![1; 32] };
        let open = MsgOpenFrame { node: node.clone(), unit: unit.clone(), attempt, ..MsgOpenFrame::default() };
        let fail = MsgFailFrame { node, unit, attempt, code: "crashed".to_owned(), text: String::new() };
        let results = [
            run(&mut net.ctx, crate::proof::messages::commit_audit, commit).is_ok(),
            run(&mut net.ctx, crate::proof::messages::open_frame, open).is_ok(),
            run(&mut net.ctx, job::messages::fail_frame, fail).is_ok(),
        ];
        if results == [false; 3] {
            prop_assert_eq!(all_stored(&net.ctx), before);
        }
        prop_assert_eq!(crate::invariants::check(&net.ctx).unwrap(), Vec::<String>::new());
    }
}
