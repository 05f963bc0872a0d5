//! Why a unit went to its node, or why it waits.
//!
//! Dispatch decides by the state after the last block alone, so this plans the next block again, from whatever state is read:
//! the newest one for a unit that waits, that of the block before for one that was assigned.

use std::collections::BTreeMap;

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Considered, Frame, FrameState, Job, JobState, Node, NodeState, QueryExplainResponse};
use store::PageQuery;

use super::dispatch::{Choice, Plan, Taken, plan};
use super::matching::{Verdict, Why};
use super::state::{is_open, require, shown, unit};
use crate::engine;
use crate::ids::{NodeId, UnitId};
use crate::node::state::{NODES, is_idle};

/// The most nodes that an answer names.
pub const MOST_NODES: usize = 1_000;

/// Explains a unit by the state that is read.
///
/// # Errors
/// `render_job` 4, 6; when the state fails.
pub fn explain(ctx: &Context, id: &UnitId) -> Result<QueryExplainResponse, Failure> {
    let job = require(ctx, &id.job)?;
    let frame = shown(&job, unit(ctx, &job, id)?);
    let height = ctx.block.height.cast_signed();
    if frame.state() != FrameState::Pending {
        return Ok(told_before(ctx, frame));
    }
    if !is_open(&job) {
        let decision = format!("the unit waits, and its job is handed out to nobody: {}", waiting(&job));
        return Ok(QueryExplainResponse { frame: Some(frame), considered: Vec::new(), decision, height });
    }
    let plan = plan(ctx)?;
    let considered = considered(ctx, &job, id, &plan)?;
    let decision = decision(ctx, id, &plan, considered.len());
    Ok(QueryExplainResponse { frame: Some(frame), considered, decision, height })
}

/// Of a unit that waits no more, the state before its assignment tells.
fn told_before(ctx: &Context, frame: Frame) -> QueryExplainResponse {
    let before = frame.assigned_height.saturating_sub(1);
    let decision = match &frame.node {
        Some(node) => format!(
            "the unit is {}; it went to node {}/{} at height {}: ask for height {before} to see who was considered",
            frame.state().as_str_name(),
            node.owner,
            hex::encode(&node.host_key),
            frame.assigned_height,
        ),
        None => format!("the unit is {}", frame.state().as_str_name()),
    };
    let height = if frame.node.is_some() { before } else { ctx.block.height.cast_signed() };
    QueryExplainResponse { frame: Some(frame), considered: Vec::new(), decision, height }
}

fn waiting(job: &Job) -> String {
    let reason = job.reason.as_ref().map(|reason| reason.text.clone()).unwrap_or_default();
    let state = job.state().as_str_name();
    if reason.is_empty() { state.to_owned() } else { format!("{state}, {reason}") }
}

fn considered(ctx: &Context, job: &Job, id: &UnitId, plan: &Plan) -> Result<Vec<Considered>, Failure> {
    let mut looks: BTreeMap<NodeId, Vec<&Choice>> = BTreeMap::new();
    for choice in &plan.choices {
        looks.entry(choice.node).or_default().push(choice);
    }
    let nodes = NODES.page(&ctx.state, &(), &PageQuery { limit: MOST_NODES, ..PageQuery::default() })?;
    let mut named: BTreeMap<NodeId, Node> = nodes.entries.into_iter().collect();
    for node in looks.keys() {
        if let (false, Some(found)) = (named.contains_key(node), NODES.get(&ctx.state, node)?) {
            named.insert(*node, found);
        }
    }
    let mut out = Vec::new();
    for (node, found) in named {
        let (verdict, detail) = match looks.get(&node) {
            Some(looks) => looked(ctx, job, id, &found, looks),
            None => not_asked(&found, plan),
        };
        out.push(Considered { node: Some(node.to_wire(&ctx.chain.prefix)), verdict: verdict.to_owned(), detail });
    }
    Ok(out)
}

/// What removed a node that was not asked.
fn not_asked(node: &Node, plan: &Plan) -> (&'static str, String) {
    match node.state() {
        NodeState::Ready if !is_idle(node) => {
            ("busy", format!("it has {} of {} units in hand", node.working.len(), node.hands))
        }
        NodeState::Ready if plan.full => ("not asked", "all that a block hands out was handed out before".to_owned()),
        NodeState::Ready => ("not asked", "a block asks a bounded number of idle nodes, longest idle first".to_owned()),
        NodeState::Asleep => ("asleep", "its hours of sleep".to_owned()),
        NodeState::Yielded => ("yielded", "another market took its machine".to_owned()),
        NodeState::Offline => ("offline", "there was no sign of it".to_owned()),
        NodeState::Disabled | NodeState::Unspecified => ("disabled", "its owner disabled it".to_owned()),
        NodeState::Banned => ("banned", format!("{} proven faults", node.strikes)),
    }
}

/// What became of a node that was asked, perhaps for several units.
fn looked(ctx: &Context, job: &Job, id: &UnitId, node: &Node, looks: &[&Choice]) -> (&'static str, String) {
    if let Some(taken) = looks.iter().filter_map(|look| look.taken.as_ref()).find(|taken| taken.unit == *id) {
        return ("chosen", why(taken));
    }
    let options = job.options.clone().unwrap_or_default();
    let wish = options.engine.clone().unwrap_or_default();
    let engine = node.engine.clone().unwrap_or_default();
    if !engine::meets(&engine, &wish) {
        return ("engine", format!("it has {}, the job wants {}", engine::text(&engine), engine::text(&wish)));
    }
    if node.tier > options.tier {
        return (
            "tier",
            format!("it serves {}, the job wants {}", node.tier().as_str_name(), options.tier().as_str_name()),
        );
    }
    let verdict = looks.iter().flat_map(|look| &look.looked_at).find(|(seen, _)| *seen == id.job);
    let others: Vec<String> = looks
        .iter()
        .filter_map(|look| look.taken.as_ref())
        .map(|taken| format!("{} ({})", taken.unit.text(&ctx.chain.prefix), why(taken)))
        .collect();
    let took = || format!("it took {}", others.join(", "));
    match verdict.map(|(_, verdict)| *verdict) {
        Some(Verdict::Memory) => {
            let memory = node.window.as_ref().map_or(0, |window| window.memory);
            ("memory", format!("its window has {memory} bytes, the job needs {}", options.min_memory))
        }
        Some(Verdict::Blocked) => ("blocked", "it failed in this job too often, or was proven wrong".to_owned()),
        Some(Verdict::FailedHere) => ("failed here", "it failed at what is to be had of the job".to_owned()),
        Some(Verdict::NothingLeft) => ("nothing left", "other nodes took what is to be had of the job".to_owned()),
        Some(Verdict::Unpaid) => ("unpaid", "what is set aside does not cover the next unit".to_owned()),
        Some(Verdict::Chosen) => ("another unit", took()),
        Some(Verdict::AnotherFirst) => ("another job first", took()),
        None if others.is_empty() => ("not looked at", "a block looks at a bounded number of jobs".to_owned()),
        None => ("another job first", took()),
    }
}

fn why(taken: &Taken) -> String {
    match taken.why {
        Why::LeastPower(power) => format!("least power at work on its job: {power}"),
        Why::HoldsScene { least, power } => {
            format!("it holds the scene, and the job's power {power} is within its own of the least, {least}")
        }
    }
}

fn decision(ctx: &Context, id: &UnitId, plan: &Plan, named: usize) -> String {
    let mut asked: Vec<NodeId> = plan.choices.iter().map(|choice| choice.node).collect();
    asked.sort_unstable();
    asked.dedup();
    let asked = asked.len();
    let taken = plan.choices.iter().find_map(|choice| Some((choice.node, choice.taken.as_ref()?)));
    let of_this = plan.choices.iter().find_map(|choice| {
        let taken = choice.taken.as_ref().filter(|taken| taken.unit == *id)?;
        Some((choice.node, taken))
    });
    let stop = plan.stops.iter().find(|(job, ..)| *job == id.job);
    let height = ctx.block.height.saturating_add(1);
    let what = match (of_this, stop, taken) {
        (Some((node, taken)), _, _) => {
            format!("block {height} gives the unit to node {}: {}", node.text(&ctx.chain.prefix), why(taken))
        }
        (None, Some((_, JobState::PausedCeiling | JobState::PausedFunds, text)), _) => {
            format!("the unit waits, and block {height} pauses its job: {text}")
        }
        (None, _, Some(_)) => format!("the unit waits: in block {height} other units come first"),
        (None, _, None) => format!("the unit waits: no node that is asked in block {height} may take it"),
    };
    format!("{what}. {asked} nodes are asked, {named} are listed")
}
