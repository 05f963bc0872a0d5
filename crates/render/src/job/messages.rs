//! Messages of jobs.

use ledger::{Context, Failure, MessageRoute};
use proto::tetra::render::v1::{
    Frame, FrameState, IndexRange, Job, JobId as WireJob, JobState, MsgApproveFrames, MsgApproveFramesResponse,
    MsgCancelJob, MsgCancelJobResponse, MsgFailFrame, MsgFailFrameResponse, MsgFundJob, MsgFundJobResponse,
    MsgRejectFrames, MsgRejectFramesResponse, MsgReportProgress, MsgReportProgressResponse, MsgSetCeiling,
    MsgSetCeilingResponse, MsgSubmitJob, MsgSubmitJobResponse, NodeId as WireNode,
};

use super::flow::{back, failed, in_hand};
use super::state::{FRAMES, JOBS, PENDING, REVIEWS, has_ended, put_job, put_unit, require};
use super::{events, money, review, submission};
use crate::ids::{JobId, NodeId, UnitId};
use crate::node::window::drop_unit;
use crate::refusal::job as refusal;
use crate::time::{now_ms, stamp};
use crate::{credit, epoch};

/// The most units that one message approves or rejects.
pub const MOST_REVIEWED: usize = 256;
const LONGEST_TEXT: usize = 256;

/// Why nodes give units back: the code, and whether it counts against the node (docs/protocol.md, "Renders").
pub const CODES: [(&str, bool); 14] = [
    ("out_of_memory", true),
    ("out_of_video_memory", true),
    ("killed", true),
    ("crashed", true),
    ("no_progress", true),
    ("python_error", true),
    ("missing_library", true),
    ("missing_file", true),
    ("bad_scene", true),
    ("image_too_large", true),
    ("bad_image", true),
    ("disk_full", true),
    ("fetch_failed", true),
    // Its operator stopped it, or the machine was wanted elsewhere.
    ("interrupted", false),
];

fn creator(id: Option<&WireJob>) -> String {
    id.map(|id| id.creator.clone()).unwrap_or_default()
}

fn node_owner(id: Option<&WireNode>) -> String {
    id.map(|id| id.owner.clone()).unwrap_or_default()
}

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgSubmitJob, _>(|m| m.creator.clone(), submit_job),
        MessageRoute::new::<MsgFundJob, _>(|m| creator(m.id.as_ref()), fund_job),
        MessageRoute::new::<MsgSetCeiling, _>(|m| creator(m.id.as_ref()), set_ceiling),
        MessageRoute::new::<MsgCancelJob, _>(|m| creator(m.id.as_ref()), cancel_job),
        MessageRoute::new::<MsgApproveFrames, _>(|m| creator(m.id.as_ref()), approve_frames),
        MessageRoute::new::<MsgRejectFrames, _>(|m| creator(m.id.as_ref()), reject_frames),
        MessageRoute::new::<MsgReportProgress, _>(|m| node_owner(m.node.as_ref()), report_progress),
        MessageRoute::new::<MsgFailFrame, _>(|m| node_owner(m.node.as_ref()), fail_frame),
    ]
}

/// Takes a job in and sets its credits aside.
///
/// # Errors
/// `render_job` 2, 3; `sdk` 5 when too few credits are free.
pub fn submit_job(ctx: &mut Context, msg: MsgSubmitJob) -> Result<MsgSubmitJobResponse, Failure> {
    let wire = WireJob { creator: msg.creator.clone(), jseq: msg.jseq };
    let id = JobId::from_wire(ctx, Some(&wire))?;
    let scene = submission::check_scene(msg.scene.as_ref())?;
    let (options, units) = submission::check_options(ctx, msg.options.as_ref())?;
    if options.expected_work_milli > money::MOST_WORK {
        return Err(refusal::invalid(format!("expected_work_milli is over {}", money::MOST_WORK)).into());
    }
    if msg.ucredits == 0 {
        return Err(refusal::invalid("no credits are set aside").into());
    }
    if JOBS.has(&ctx.state, &id)? {
        return Err(refusal::exists(&id.text(&ctx.chain.prefix)).into());
    }
    credit::set_aside(ctx, &id.creator, msg.ucredits)?;
    let job = Job {
        id: Some(wire.clone()),
        state: JobState::Queued.into(),
        scene: Some(scene),
        options: Some(options),
        units,
        pending: units,
        locked_ucredits: msg.ucredits,
        created_at: ctx.block.height.cast_signed(),
        ..Job::default()
    };
    PENDING.set(&mut ctx.state, &id.unit(0), &units.saturating_sub(1));
    put_job(ctx, &id, &job)?;
    events::job_state(ctx, &id, JobState::Queued, "submitted");
    Ok(MsgSubmitJobResponse { id: Some(wire) })
}

fn running(ctx: &Context, wire: Option<&WireJob>) -> Result<(JobId, Job), Failure> {
    let id = JobId::from_wire(ctx, wire)?;
    let job = require(ctx, &id)?;
    match has_ended(job.state()) {
        true => Err(refusal::ended(&id.text(&ctx.chain.prefix), job.state().as_str_name()).into()),
        false => Ok((id, job)),
    }
}

/// Sets more credits aside; a job that waits for them goes on.
///
/// # Errors
/// `render_job` 2, 4, 5; `sdk` 5 when too few credits are free, 41 when they are more than can be counted.
pub fn fund_job(ctx: &mut Context, msg: MsgFundJob) -> Result<MsgFundJobResponse, Failure> {
    let (id, mut job) = running(ctx, msg.id.as_ref())?;
    let locked = job.locked_ucredits.checked_add(msg.ucredits);
    job.locked_ucredits = locked.ok_or_else(|| ledger::Rejection::overflow("what the job has set aside"))?;
    credit::set_aside(ctx, &id.creator, msg.ucredits)?;
    money::settle(ctx, &id, &mut job, "funded", "more credits are set aside")?;
    Ok(MsgFundJobResponse {})
}

/// Changes the ceiling; a job that was paused by it goes on when it is met.
///
/// # Errors
/// `render_job` 2, 4, 5.
pub fn set_ceiling(ctx: &mut Context, msg: MsgSetCeiling) -> Result<MsgSetCeilingResponse, Failure> {
    let (id, mut job) = running(ctx, msg.id.as_ref())?;
    if let Some(options) = job.options.as_mut() {
        options.ceiling_ucredits = msg.ceiling_ucredits;
    }
    money::settle(ctx, &id, &mut job, "ceiling", "the ceiling has changed")?;
    Ok(MsgSetCeilingResponse {})
}

/// Ends a job: what waits or is under way is unpaid; what was committed goes on to review and is owed. The rest of what was
/// set aside returns.
///
/// # Errors
/// `render_job` 2, 4, 5.
pub fn cancel_job(ctx: &mut Context, msg: MsgCancelJob) -> Result<MsgCancelJobResponse, Failure> {
    let (id, mut job) = running(ctx, msg.id.as_ref())?;
    money::decree(ctx, &id, &mut job, JobState::Cancelled, ("cancelled", "its creator cancelled it"))?;
    Ok(MsgCancelJobResponse {})
}

/// The units in review that ranges name, in order; all of them when there is no range. At most [`MOST_REVIEWED`].
fn reviewed(ctx: &Context, id: &JobId, ranges: &[IndexRange]) -> Result<Vec<UnitId>, Failure> {
    let waiting = REVIEWS.first(&ctx.state, id, MOST_REVIEWED)?.into_iter().map(|(unit, ())| unit);
    if ranges.is_empty() {
        return Ok(waiting.collect());
    }
    let mut found = Vec::new();
    for range in ranges {
        if range.first > range.last || ranges.len() > MOST_REVIEWED {
            return Err(
                refusal::invalid(format!("at most {MOST_REVIEWED} ranges, first before last, are wanted")).into()
            );
        }
        let query = store::PageQuery {
            from: Some(store::Key::to_bytes(&id.unit(range.first))),
            limit: MOST_REVIEWED.saturating_sub(found.len()),
            reverse: false,
        };
        let page = REVIEWS.page(&ctx.state, id, &query)?.entries;
        found.extend(page.into_iter().map(|(unit, ())| unit).take_while(|unit| unit.index <= range.last));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn each_reviewed(
    ctx: &mut Context,
    wire: Option<&WireJob>,
    ranges: &[IndexRange],
    then: impl Fn(&mut Context, &mut Job, &UnitId, Frame) -> Result<(), Failure>,
) -> Result<u32, Failure> {
    let id = JobId::from_wire(ctx, wire)?;
    require(ctx, &id)?;
    let mut done = 0u32;
    for unit in reviewed(ctx, &id, ranges)? {
        let mut job = require(ctx, &id)?;
        let found = FRAMES.get(&ctx.state, &unit)?.filter(|frame| frame.state() == FrameState::Review);
        if let Some(frame) = found {
            then(ctx, &mut job, &unit, frame)?;
            done = done.saturating_add(1);
        }
    }
    if done == 0 {
        return Err(refusal::nothing_to_review(&id.text(&ctx.chain.prefix)).into());
    }
    Ok(done)
}

/// Approves units that wait for review: they are paid.
///
/// # Errors
/// `render_job` 2, 4, 9.
pub fn approve_frames(ctx: &mut Context, msg: MsgApproveFrames) -> Result<MsgApproveFramesResponse, Failure> {
    let approve = |ctx: &mut Context, job: &mut Job, id: &UnitId, frame: Frame| {
        review::approve(ctx, job, id, frame, "approved by its creator")
    };
    let approved = each_reviewed(ctx, msg.id.as_ref(), &msg.indexes, approve)?;
    Ok(MsgApproveFramesResponse { approved })
}

/// Rejects units that wait for review: other nodes render them, at no charge. Units must be named.
///
/// # Errors
/// `render_job` 2, 4, 9.
pub fn reject_frames(ctx: &mut Context, msg: MsgRejectFrames) -> Result<MsgRejectFramesResponse, Failure> {
    let reason = msg.reason.trim();
    if reason.is_empty() || reason.len() > LONGEST_TEXT || msg.indexes.is_empty() {
        let why = format!("a rejection names its units and a reason of at most {LONGEST_TEXT} bytes");
        return Err(refusal::invalid(why).into());
    }
    let reject =
        |ctx: &mut Context, job: &mut Job, id: &UnitId, frame: Frame| review::reject(ctx, job, id, frame, reason);
    let rejected = each_reviewed(ctx, msg.id.as_ref(), &msg.indexes, reject)?;
    Ok(MsgRejectFramesResponse { rejected })
}

/// A node's unit goes on: it has more time. Progress must be more than before, so that nobody holds a unit for ever. In a job
/// that has ended the unit is cancelled.
///
/// # Errors
/// `render_job` 2, 4, 6, 7.
pub fn report_progress(ctx: &mut Context, msg: MsgReportProgress) -> Result<MsgReportProgressResponse, Failure> {
    let (id, by) = (UnitId::from_wire(ctx, msg.unit.as_ref())?, NodeId::from_wire(ctx, msg.node.as_ref())?);
    let (mut job, mut frame) = in_hand(ctx, &id, &by, msg.attempt)?;
    if has_ended(job.state()) {
        drop_unit(ctx, &by, &id)?;
        back(ctx, &mut job, &id, &mut frame, ("job_ended", "its job has ended"))?;
        return Ok(MsgReportProgressResponse {});
    }
    if msg.permille <= frame.permille || msg.permille > 1000 {
        let why = format!("progress was {} of 1000; {} is no more", frame.permille, msg.permille);
        return Err(refusal::invalid(why).into());
    }
    frame.permille = msg.permille;
    frame.due = Some(stamp(now_ms(ctx).saturating_add(epoch::params(ctx)?.no_progress_ms)));
    put_unit(ctx, &mut job, &id, &frame)?;
    Ok(MsgReportProgressResponse {})
}

/// A node gives a unit back.
///
/// # Errors
/// `render_job` 2, 4, 6, 7, 8.
pub fn fail_frame(ctx: &mut Context, msg: MsgFailFrame) -> Result<MsgFailFrameResponse, Failure> {
    let (id, by) = (UnitId::from_wire(ctx, msg.unit.as_ref())?, NodeId::from_wire(ctx, msg.node.as_ref())?);
    let Some((code, is_fault)) = CODES.into_iter().find(|(code, _)| *code == msg.code) else {
        return Err(refusal::unknown_code(&msg.code, &CODES.map(|(code, _)| code).join(", ")).into());
    };
    if msg.text.len() > LONGEST_TEXT {
        return Err(refusal::invalid(format!("the text has more than {LONGEST_TEXT} bytes")).into());
    }
    in_hand(ctx, &id, &by, msg.attempt)?;
    failed(ctx, &id, &by, is_fault, (code, &msg.text))?;
    Ok(MsgFailFrameResponse {})
}
