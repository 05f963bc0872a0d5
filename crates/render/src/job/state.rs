//! What is stored of jobs and units. Every index follows from the records alone.
//!
//! Units that no node ever had are ranges in [`PENDING`]: a job of a million frames is a job and one range. A unit has a
//! record from its first assignment on; one that comes back stands in a range of its own.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Fault, Frame, FrameState, Job, JobState, Reason};
use store::{Item, Map};

use super::{MODULE, order};
use crate::engine::{Class, class};
use crate::ids::{JobId, NodeId, UnitId};
use crate::refusal::job as refusal;
use crate::time::{now_ms, some_ms, stamp};

/// Jobs that the same nodes may take: the digest of the engine that they wish, and their tier.
pub type Lane = (Class, u8);

/// Jobs, ended ones included: an id stays used.
pub const JOBS: Map<JobId, Job> = Map::new(MODULE, 1);
/// Jobs by state number.
pub const BY_STATE: Map<(u8, JobId), ()> = Map::new(MODULE, 2);
/// Jobs with units to hand out, by lane and by the power at work on them.
pub const OPEN: Map<(Lane, u64, JobId), ()> = Map::new(MODULE, 3);
/// Units that a node ever had.
pub const FRAMES: Map<UnitId, Frame> = Map::new(MODULE, 4);
/// Units that wait for a node: the last index of a range by its first. Those of an ended job were never rendered.
pub const PENDING: Map<UnitId, u32> = Map::new(MODULE, 5);
/// Units in a node's hands.
pub const ASSIGNED: Map<UnitId, ()> = Map::new(MODULE, 6);
/// Units that wait for the creator.
pub const REVIEWS: Map<UnitId, ()> = Map::new(MODULE, 7);
/// Units by the header time (milliseconds) at which their node must have shown progress, or silence approves.
pub const TIMERS: Map<(u64, UnitId), ()> = Map::new(MODULE, 8);
/// Jobs by deadline, in milliseconds.
pub const DEADLINES: Map<(u64, JobId), ()> = Map::new(MODULE, 9);
/// Ended jobs whose units are in nodes' hands still.
pub const SWEEPS: Map<JobId, ()> = Map::new(MODULE, 10);
/// What nodes did wrong in a job.
pub const FAULTS: Map<(JobId, NodeId), Fault> = Map::new(MODULE, 11);
/// The idle node with which the next block's dispatch begins; absent: the longest idle one.
pub const NODE_CURSOR: Item<Vec<u8>> = Item::new(MODULE, 12);
/// Where the rotating part of the search for a job begins, by lane.
pub const LANE_CURSORS: Map<Lane, Vec<u8>> = Map::new(MODULE, 13);

/// The most reasons that a unit keeps: the last ones.
const MOST_HISTORY: usize = 8;

/// Whether a job has ended for good: what it set aside and does not owe has gone back.
pub fn has_ended(state: JobState) -> bool {
    matches!(state, JobState::Done | JobState::Cancelled | JobState::Expired)
}

/// Whether a job waits for money or a higher ceiling.
pub fn is_paused(state: JobState) -> bool {
    matches!(state, JobState::PausedFunds | JobState::PausedCeiling)
}

/// Whether units of a job may be handed out.
pub fn is_open(job: &Job) -> bool {
    matches!(job.state(), JobState::Queued | JobState::Rendering) && job.pending > 0
}

/// The lane of a job.
pub fn lane(job: &Job) -> Lane {
    let options = job.options.clone().unwrap_or_default();
    (class(&options.engine.unwrap_or_default()), tier_number(options.tier))
}

/// A tier as a part of a key; a foreign number sorts last.
pub fn tier_number(tier: i32) -> u8 {
    u8::try_from(tier).unwrap_or(u8::MAX)
}

fn state_number(job: &Job) -> u8 {
    u8::try_from(job.state).unwrap_or(u8::MAX)
}

/// A job that must be there.
///
/// # Errors
/// `render_job` 4 when it is not.
pub fn require(ctx: &Context, id: &JobId) -> Result<Job, Failure> {
    JOBS.get(&ctx.state, id)?.ok_or_else(|| refusal::not_found(&id.text(&ctx.chain.prefix)).into())
}

fn deadline(job: &Job) -> Option<u64> {
    let running = job.state != 0 && !has_ended(job.state());
    some_ms(job.options.as_ref()?.deadline.as_ref()).filter(|_| running)
}

fn is_swept(job: &Job) -> bool {
    has_ended(job.state()) && job.running > 0
}

/// Stores a job and moves its index entries.
///
/// # Errors
/// When the state fails.
pub fn put_job(ctx: &mut Context, id: &JobId, job: &Job) -> Result<(), Failure> {
    let old = JOBS.get(&ctx.state, id)?;
    if let Some(old) = &old {
        BY_STATE.remove(&mut ctx.state, &(state_number(old), *id));
        if is_open(old) {
            OPEN.remove(&mut ctx.state, &(lane(old), old.power_milli, *id));
        }
        if let Some(time) = deadline(old) {
            DEADLINES.remove(&mut ctx.state, &(time, *id));
        }
        if is_swept(old) {
            SWEEPS.remove(&mut ctx.state, id);
        }
    }
    BY_STATE.set(&mut ctx.state, &(state_number(job), *id), &());
    if is_open(job) {
        OPEN.set(&mut ctx.state, &(lane(job), job.power_milli, *id), &());
    }
    if let Some(time) = deadline(job) {
        DEADLINES.set(&mut ctx.state, &(time, *id), &());
    }
    if is_swept(job) {
        SWEEPS.set(&mut ctx.state, id, &());
    }
    JOBS.set(&mut ctx.state, id, job);
    Ok(())
}

/// The unit as it is: its record, or what it is before any node had it.
///
/// # Errors
/// `render_job` 6 when the job has no such unit.
pub fn unit(ctx: &Context, job: &Job, id: &UnitId) -> Result<Frame, Failure> {
    if let Some(frame) = FRAMES.get(&ctx.state, id)? {
        return Ok(frame);
    }
    let options = job.options.clone().unwrap_or_default();
    let place = order::place(&options, job.units, id.index);
    let (number, tile) = place.ok_or_else(|| refusal::frame_not_found(&id.text(&ctx.chain.prefix)))?;
    Ok(Frame {
        id: Some(id.to_wire(&ctx.chain.prefix)),
        number,
        tile,
        state: FrameState::Pending.into(),
        ..Frame::default()
    })
}

/// The unit as clients see it: what waits in an ended job is cancelled.
pub fn shown(job: &Job, mut frame: Frame) -> Frame {
    if has_ended(job.state()) && frame.state() == FrameState::Pending {
        frame.set_state(FrameState::Cancelled);
    }
    frame
}

fn counter(job: &mut Job, state: FrameState) -> &mut u32 {
    match state {
        FrameState::Unspecified | FrameState::Pending => &mut job.pending,
        FrameState::Assigned => &mut job.running,
        FrameState::Committed | FrameState::Auditing | FrameState::Review => &mut job.open,
        FrameState::Approved => &mut job.approved,
        FrameState::Failed => &mut job.failed,
        FrameState::Cancelled => &mut job.cancelled,
    }
}

fn timer(frame: &Frame) -> Option<u64> {
    let waits = matches!(frame.state(), FrameState::Assigned | FrameState::Review);
    some_ms(frame.due.as_ref()).filter(|_| waits)
}

fn index(ctx: &mut Context, id: &UnitId, frame: &Frame, there: bool) {
    let entry = there.then_some(());
    let state = &mut ctx.state;
    let timer = timer(frame);
    for (map, wanted) in [(&ASSIGNED, FrameState::Assigned), (&REVIEWS, FrameState::Review)] {
        if frame.state() == wanted {
            match entry {
                Some(()) => map.set(state, id, &()),
                None => map.remove(state, id),
            }
        }
    }
    if let Some(time) = timer {
        match entry {
            Some(()) => TIMERS.set(state, &(time, *id), &()),
            None => TIMERS.remove(state, &(time, *id)),
        }
    }
}

/// Stores a unit, moves its index entries and the counts of its job, which the caller stores. A unit that waits again gets
/// a range of its own.
///
/// # Errors
/// When the state fails.
pub fn put_unit(ctx: &mut Context, job: &mut Job, id: &UnitId, frame: &Frame) -> Result<(), Failure> {
    let old = FRAMES.get(&ctx.state, id)?;
    let before = old.as_ref().map_or(FrameState::Pending, Frame::state);
    if let Some(old) = &old {
        index(ctx, id, old, false);
    }
    index(ctx, id, frame, true);
    if before != frame.state() {
        let count = counter(job, before);
        *count = count.saturating_sub(1);
        let count = counter(job, frame.state());
        *count = count.saturating_add(1);
        if frame.state() == FrameState::Pending {
            PENDING.set(&mut ctx.state, id, &id.index);
        }
    }
    FRAMES.set(&mut ctx.state, id, frame);
    Ok(())
}

/// Stores a unit of genesis.
pub(crate) fn import_unit(ctx: &mut Context, id: &UnitId, frame: &Frame) {
    index(ctx, id, frame, true);
    FRAMES.set(&mut ctx.state, id, frame);
}

/// Takes the first unit of the range that begins with it.
///
/// # Errors
/// When the state fails.
pub(crate) fn take_pending(ctx: &mut Context, id: &UnitId) -> Result<(), Failure> {
    if let Some(last) = PENDING.get(&ctx.state, id)? {
        PENDING.remove(&mut ctx.state, id);
        if id.index < last {
            PENDING.set(&mut ctx.state, &id.job.unit(id.index.saturating_add(1)), &last);
        }
    }
    Ok(())
}

/// Adds a reason to a unit's history, of which the last few are kept.
pub(crate) fn note(ctx: &Context, frame: &mut Frame, code: &str, text: &str) {
    frame.history.push(Reason { code: code.to_owned(), text: text.to_owned(), at: Some(stamp(now_ms(ctx))) });
    if frame.history.len() > MOST_HISTORY {
        frame.history.remove(0);
    }
}

/// What a node did wrong in a job.
///
/// # Errors
/// When the state fails.
pub fn fault(ctx: &Context, job: &JobId, node: &NodeId) -> Result<Fault, Failure> {
    let found = FAULTS.get(&ctx.state, &(*job, *node))?;
    Ok(found.unwrap_or_else(|| Fault {
        id: Some(job.to_wire(&ctx.chain.prefix)),
        node: Some(node.to_wire(&ctx.chain.prefix)),
        failures: 0,
        forfeited: false,
    }))
}
