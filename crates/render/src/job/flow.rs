//! How units go from state to state, and how other parts tell of it.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Bill, Frame, FrameState, Job, JobState, NodeId as WireNode};

use super::state::{FAULTS, fault, has_ended, note, put_unit, require, take_pending, unit};
use super::{events, money, review};
use crate::ids::{JobId, NodeId, UnitId};
use crate::node::standing::{Evidence, on_probation};
use crate::node::window::{Blame, drop_unit, take_unit};
use crate::refusal::job as refusal;
use crate::time::{now_ms, some_ms, stamp};
use crate::{epoch, node};

/// Units that a node may give back or lose before it gets no more of the job.
pub const FAILURES: u32 = 3;
/// Nodes that may fail at a unit before it is given up.
pub const FAILED_NODES: usize = 3;
/// The most auditors that are paid for one unit.
const MOST_AUDITORS: usize = 16;

/// What a node commits to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Root of the tiles' hashes.
    pub root: Vec<u8>,
    /// SHA-256 of the file.
    pub file: Vec<u8>,
    /// Its size.
    pub file_bytes: u64,
}

fn is_of(ctx: &Context, frame: &Frame, node: &NodeId, attempt: Option<u32>) -> bool {
    frame.state() == FrameState::Assigned
        && frame.node.as_ref() == Some(&node.to_wire(&ctx.chain.prefix))
        && attempt.is_none_or(|attempt| attempt == frame.attempt)
}

/// The job and the unit that a node has in hand.
///
/// # Errors
/// `render_job` 4, 6, 7.
pub(super) fn in_hand(ctx: &Context, id: &UnitId, node: &NodeId, attempt: u32) -> Result<(Job, Frame), Failure> {
    let job = require(ctx, &id.job)?;
    let frame = unit(ctx, &job, id)?;
    if !is_of(ctx, &frame, node, Some(attempt)) {
        return Err(refusal::not_assigned(&id.text(&ctx.chain.prefix), attempt).into());
    }
    Ok((job, frame))
}

/// Hands a unit that waits to a node.
///
/// # Errors
/// When the state fails.
pub(super) fn assign(ctx: &mut Context, id: &UnitId, node_id: &NodeId, price: &Bill) -> Result<(), Failure> {
    let mut job = require(ctx, &id.job)?;
    let power = node::require(ctx, node_id)?.power_milli;
    let (now, no_progress) = (now_ms(ctx), epoch::params(ctx)?.no_progress_ms);
    let before = unit(ctx, &job, id)?;
    let mut frame = Frame {
        state: FrameState::Assigned.into(),
        node: Some(node_id.to_wire(&ctx.chain.prefix)),
        attempt: before.attempt.saturating_add(1),
        root: Vec::new(),
        file: Vec::new(),
        file_bytes: 0,
        bill: Some(*price),
        assigned_at: Some(stamp(now)),
        due: Some(stamp(now.saturating_add(no_progress))),
        assigned_height: ctx.block.height.cast_signed(),
        power_milli: power,
        permille: 0,
        elapsed_ms: 0,
        able_milli: 0,
        ..before
    };
    take_pending(ctx, id)?;
    money::reserve(&mut job, &mut frame, price.ucredits);
    job.power_milli = job.power_milli.saturating_add(power);
    put_unit(ctx, &mut job, id, &frame)?;
    money::settle(ctx, &id.job, &mut job, "assigned", "a node took a unit")?;
    take_unit(ctx, node_id, id)?;
    events::assigned(ctx, id, node_id, frame.attempt);
    Ok(())
}

/// The node's power works for the job no more.
fn unassign(job: &mut Job, frame: &mut Frame) {
    job.power_milli = job.power_milli.saturating_sub(frame.power_milli);
    frame.power_milli = 0;
    frame.due = None;
}

/// Puts a unit where it belongs that has no node any more: it waits, or it has ended with its job, or it has failed.
pub(super) fn back(
    ctx: &mut Context,
    job: &mut Job,
    id: &UnitId,
    frame: &mut Frame,
    (code, text): (&str, &str),
) -> Result<(), Failure> {
    unassign(job, frame);
    money::reserve(job, frame, 0);
    note(ctx, frame, code, text);
    let state = if has_ended(job.state()) {
        FrameState::Cancelled
    } else if frame.failed_on.len() >= FAILED_NODES && frame.rejections == 0 {
        FrameState::Failed
    } else {
        FrameState::Pending
    };
    frame.set_state(state);
    frame.node = None;
    frame.bill = None;
    put_unit(ctx, job, id, frame)?;
    events::unit_state(ctx, id, state, text);
    money::settle(ctx, &id.job, job, code, text)
}

/// Counts a soft failure of a node at a unit.
fn blame(ctx: &mut Context, job: &mut Job, id: &UnitId, frame: &mut Frame, node: &NodeId) -> Result<(), Failure> {
    let mut fault = fault(ctx, &id.job, node)?;
    if fault.failures == 0 && !fault.forfeited {
        job.faulty_nodes = job.faulty_nodes.saturating_add(1);
    }
    fault.failures = fault.failures.saturating_add(1);
    FAULTS.set(&mut ctx.state, &(id.job, *node), &fault);
    avoid(ctx, frame, node);
    node::evidence(ctx, node, Evidence::Time, false)
}

fn avoid(ctx: &Context, frame: &mut Frame, node: &NodeId) {
    let wire: WireNode = node.to_wire(&ctx.chain.prefix);
    if !frame.failed_on.contains(&wire) {
        frame.failed_on.push(wire);
    }
}

/// A node has a unit no more: it left, or was gone. It has dropped the unit already.
///
/// # Errors
/// When the state fails.
pub fn returned(ctx: &mut Context, id: &UnitId, node: &NodeId, fault: Blame, reason: &str) -> Result<(), Failure> {
    let mut job = require(ctx, &id.job)?;
    let mut frame = unit(ctx, &job, id)?;
    if !is_of(ctx, &frame, node, None) {
        return Ok(());
    }
    let code = match fault {
        Blame::None => "node_left",
        Blame::Gone => {
            blame(ctx, &mut job, id, &mut frame, node)?;
            "node_gone"
        }
    };
    back(ctx, &mut job, id, &mut frame, (code, reason))
}

/// A node failed at a unit that it has in hand, by its own word or by time.
///
/// # Errors
/// When the state fails.
pub(super) fn failed(
    ctx: &mut Context,
    id: &UnitId,
    node: &NodeId,
    is_fault: bool,
    (code, text): (&str, &str),
) -> Result<(), Failure> {
    let mut job = require(ctx, &id.job)?;
    let mut frame = unit(ctx, &job, id)?;
    drop_unit(ctx, node, id)?;
    if is_fault && !has_ended(job.state()) {
        blame(ctx, &mut job, id, &mut frame, node)?;
    }
    back(ctx, &mut job, id, &mut frame, (code, text))
}

/// A node has committed to the pixels of a unit: its hand is free. Whether the unit is there is for the proof to say. In a
/// job that has ended the unit is cancelled; the answer is whether it goes on.
///
/// # Errors
/// `render_job` 4, 6, 7.
pub fn committed(ctx: &mut Context, id: &UnitId, node: &NodeId, attempt: u32, commit: Commit) -> Result<bool, Failure> {
    let (mut job, mut frame) = in_hand(ctx, id, node, attempt)?;
    drop_unit(ctx, node, id)?;
    if has_ended(job.state()) {
        back(ctx, &mut job, id, &mut frame, ("job_ended", "its job has ended"))?;
        return Ok(false);
    }
    frame.elapsed_ms = now_ms(ctx).saturating_sub(some_ms(frame.assigned_at.as_ref()).unwrap_or(0));
    frame.able_milli = node::power::able(frame.power_milli, frame.elapsed_ms);
    unassign(&mut job, &mut frame);
    frame.set_state(FrameState::Committed);
    (frame.root, frame.file, frame.file_bytes) = (commit.root, commit.file, commit.file_bytes);
    put_unit(ctx, &mut job, id, &frame)?;
    events::unit_state(ctx, id, FrameState::Committed, "its node has committed");
    money::settle(ctx, &id.job, &mut job, "rendered", "all units are rendered")?;
    Ok(true)
}

/// Whether a unit must be audited, lot or not: too little of its node's pay is kept back, or its job is not measured yet.
///
/// # Errors
/// When the state fails.
pub fn is_required(ctx: &Context, id: &UnitId, node: &NodeId) -> Result<bool, Failure> {
    let job = require(ctx, &id.job)?;
    let probation = node::get(ctx, node)?.is_none_or(|node| on_probation(&node));
    Ok(probation || job.samples.len() < money::samples_wanted(&job))
}

/// Auditors render tiles of a unit.
///
/// # Errors
/// When the state fails.
pub(crate) fn auditing(ctx: &mut Context, id: &UnitId) -> Result<(), Failure> {
    let mut job = require(ctx, &id.job)?;
    let mut frame = unit(ctx, &job, id)?;
    frame.set_state(FrameState::Auditing);
    put_unit(ctx, &mut job, id, &frame)?;
    events::unit_state(ctx, id, FrameState::Auditing, "drawn for audit");
    super::state::put_job(ctx, &id.job, &job)
}

/// A unit is proven, or was not drawn, or nobody could tell: the creator looks at it. `auditors` are those whose finding
/// stood.
///
/// # Errors
/// When the state fails.
pub fn proven(ctx: &mut Context, id: &UnitId, measured: Option<u64>, auditors: Vec<WireNode>) -> Result<(), Failure> {
    let mut job = require(ctx, &id.job)?;
    let mut frame = unit(ctx, &job, id)?;
    if let Some(work) = measured {
        money::sample(&mut job, work);
        let by = NodeId::from_wire(ctx, frame.node.as_ref())?;
        node::power::show(ctx, &by, work, frame.elapsed_ms)?;
    }
    owe(&mut frame, auditors);
    let bill = money::final_bill(ctx, &job, &frame, measured)?;
    money::reserve(&mut job, &mut frame, bill.ucredits);
    frame.bill = Some(bill);
    frame.set_state(FrameState::Review);
    frame.due = Some(stamp(now_ms(ctx).saturating_add(epoch::params(ctx)?.approval_ms)));
    put_unit(ctx, &mut job, id, &frame)?;
    events::unit_state(ctx, id, FrameState::Review, "the creator looks at it");
    if job.options.as_ref().is_some_and(|options| options.auto_approve) {
        return review::approve(ctx, &mut job, id, frame, "approved as it comes");
    }
    money::settle(ctx, &id.job, &mut job, "review", "all units are rendered")
}

fn owe(frame: &mut Frame, auditors: Vec<WireNode>) {
    for auditor in auditors {
        if !frame.auditors.contains(&auditor) && frame.auditors.len() < MOST_AUDITORS {
            frame.auditors.push(auditor);
        }
    }
}

/// A unit was proven wrong, or its node was silent: another node renders it, and its auditors are paid with that.
///
/// # Errors
/// When the state fails.
pub fn disproved(
    ctx: &mut Context,
    id: &UnitId,
    node: &NodeId,
    auditors: Vec<WireNode>,
    reason: &str,
) -> Result<(), Failure> {
    let mut job = require(ctx, &id.job)?;
    let mut frame = unit(ctx, &job, id)?;
    avoid(ctx, &mut frame, node);
    owe(&mut frame, auditors);
    back(ctx, &mut job, id, &mut frame, ("disproved", reason))
}

/// A node loses its pay for a job, and gets no more of it.
///
/// # Errors
/// When the state fails.
pub fn forfeit(ctx: &mut Context, id: &JobId, node: &NodeId) -> Result<(), Failure> {
    set_forfeited(ctx, id, node, true)
}

/// An appeal gave a node its pay for a job back.
///
/// # Errors
/// When the state fails.
pub fn pardon(ctx: &mut Context, id: &JobId, node: &NodeId) -> Result<(), Failure> {
    set_forfeited(ctx, id, node, false)
}

fn set_forfeited(ctx: &mut Context, id: &JobId, node: &NodeId, forfeited: bool) -> Result<(), Failure> {
    let mut job = require(ctx, id)?;
    let mut fault = fault(ctx, id, node)?;
    let before = fault.failures > 0 || fault.forfeited;
    fault.forfeited = forfeited;
    let after = fault.failures > 0 || fault.forfeited;
    match after {
        true => FAULTS.set(&mut ctx.state, &(*id, *node), &fault),
        false => FAULTS.remove(&mut ctx.state, &(*id, *node)),
    }
    job.faulty_nodes =
        job.faulty_nodes.saturating_add(u32::from(after && !before)).saturating_sub(u32::from(before && !after));
    super::state::put_job(ctx, id, &job)
}

/// Stops a job for its creator to look at.
pub(super) fn quarantine(ctx: &mut Context, id: &JobId, job: &mut Job, text: &str) -> Result<(), Failure> {
    money::decree(ctx, id, job, JobState::Quarantined, ("rejected_too_often", text))
}
