//! `tetra render list`, `show` and `frames`.

use proto::tetra::render::v1::{Frame, FrameState, Job, JobState, Reason};
use serde_json::{Value, json};

use super::names::{self, JobName, Units};
use crate::context::Context;
use crate::error::Result;
use crate::output::{self, row};

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Those that have ended too
    #[arg(long)]
    all: bool,
    /// Everybody's
    #[arg(long)]
    everybody: bool,
}

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The job: a number of yours, or CREATOR/NUMBER
    job: JobName,
}

/// Arguments of `frames`.
#[derive(Debug, clap::Args)]
pub struct Frames {
    /// The job: a number of yours, or CREATOR/NUMBER
    job: JobName,
    /// Only these: numbers as in 1,4,10-20, or places in the order of work as in #0-9
    #[arg(long, value_name = "LIST")]
    frames: Option<Units>,
}

/// Whether a job is over.
pub fn has_ended(state: JobState) -> bool {
    matches!(state, JobState::Done | JobState::Cancelled | JobState::Expired)
}

/// Such as `paused funds`.
pub fn state_text(state: JobState) -> String {
    names::short(state.as_str_name(), "JOB_STATE_")
}

/// Such as `review`.
pub fn frame_state(state: FrameState) -> String {
    names::short(state.as_str_name(), "FRAME_STATE_")
}

/// Runs `list`.
///
/// # Errors
/// When the node does not answer.
pub async fn list(context: &Context, args: List) -> Result {
    let chain = context.chain().await?;
    let creator = if args.everybody { String::new() } else { chain.prefix().text(&context.own_address()?) };
    let mut jobs = chain.render_jobs(&creator).await?;
    jobs.retain(|job| args.all || !has_ended(job.state()));
    let data: Vec<Value> = jobs.iter().map(data).collect();
    output::show(context.format(), &data, |_| {
        if jobs.is_empty() && args.all {
            return "no render jobs; `tetra render submit SCENE.blend` makes one".to_owned();
        }
        if jobs.is_empty() {
            return "no render jobs under way; --all shows those that have ended".to_owned();
        }
        table(&jobs, args.everybody)
    })
}

/// Runs `show`.
///
/// # Errors
/// When there is no such job.
pub async fn show(context: &Context, args: Show) -> Result {
    let chain = context.chain().await?;
    let job = chain.render_job(&args.job.id(context, &chain)?).await?;
    output::show(context.format(), &data(&job), |_| text(&job))
}

/// Runs `frames`.
///
/// # Errors
/// When there is no such job or frame.
pub async fn frames(context: &Context, args: Frames) -> Result {
    let chain = context.chain().await?;
    let all = chain.render_frames(&args.job.id(context, &chain)?).await?;
    let picked: Vec<&Frame> = match &args.frames {
        Some(units) => units.pick(&all)?,
        None => all.iter().collect(),
    };
    let data: Vec<Value> = picked.iter().map(|frame| frame_data(frame)).collect();
    output::show(context.format(), &data, |_| frames_table(&picked))
}

fn reason_data(reason: Option<&Reason>) -> Value {
    reason.map_or(
        Value::Null,
        |reason| json!({ "code": reason.code, "text": reason.text, "at": names::time_text(reason.at.as_ref()) }),
    )
}

/// A job as programs read it.
pub fn data(job: &Job) -> Value {
    let id = job.id.clone().unwrap_or_default();
    let options = job.options.clone().unwrap_or_default();
    let scene = job.scene.clone().unwrap_or_default();
    let frames: Vec<Value> = options
        .frames
        .iter()
        .map(|range| json!({ "first": range.first, "last": range.last, "step": range.step }))
        .collect();
    json!({
        "creator": id.creator,
        "jseq": id.jseq,
        "state": state_text(job.state()),
        "reason": reason_data(job.reason.as_ref()),
        "scene": { "manifest": hex::encode(&scene.manifest), "bytes": scene.bytes, "chunks": scene.chunks, "origins": scene.origins },
        "frames": frames,
        "tier": names::tier(options.tier()),
        "auto_approve": options.auto_approve,
        "deadline": names::time_text(options.deadline.as_ref()),
        "ceiling_ucredits": options.ceiling_ucredits,
        "expected_work_milli": options.expected_work_milli,
        "measured_work_milli": job.measured_work_milli,
        "name": options.name,
        "units": job.units,
        "pending": job.pending,
        "running": job.running,
        "open": job.open,
        "approved": job.approved,
        "failed": job.failed,
        "cancelled": job.cancelled,
        "power_milli": job.power_milli,
        "locked_ucredits": job.locked_ucredits,
        "reserved_ucredits": job.reserved_ucredits,
        "spent_ucredits": job.spent_ucredits,
        "created_at": job.created_at,
        "blocked": job.blocked.iter().map(|node| names::node_data(Some(node))).collect::<Vec<_>>(),
    })
}

fn table(jobs: &[Job], with_creator: bool) -> String {
    let mut head = row(["JOB", "STATE", "FRAMES", "RENDERING", "REVIEW", "APPROVED", "FAILED", "SET ASIDE", "SPENT"]);
    head.extend(with_creator.then(|| "CREATOR".to_owned()));
    let mut rows = vec![head];
    for job in jobs {
        let id = job.id.clone().unwrap_or_default();
        let mut cells = row([
            &id.jseq.to_string(),
            &state_text(job.state()),
            &job.units.to_string(),
            &job.running.to_string(),
            &job.open.to_string(),
            &job.approved.to_string(),
            &job.failed.to_string(),
            &names::credits(job.locked_ucredits),
            &names::credits(job.spent_ucredits),
        ]);
        cells.extend(with_creator.then_some(id.creator));
        rows.push(cells);
    }
    output::table(&rows)
}

fn text(job: &Job) -> String {
    let id = job.id.clone().unwrap_or_default();
    let options = job.options.clone().unwrap_or_default();
    let scene = job.scene.clone().unwrap_or_default();
    let counts = format!(
        "{}: {} waiting, {} rendering, {} committed, {} approved, {} failed, {} cancelled",
        job.units, job.pending, job.running, job.open, job.approved, job.failed, job.cancelled
    );
    let mut rows = vec![
        row(["job", &format!("{}/{}", id.creator, id.jseq)]),
        row(["state", &state_text(job.state())]),
        row(["scene", &format!("{} ({} bytes, {} chunks)", hex::encode(&scene.manifest), scene.bytes, scene.chunks)]),
        row(["frames", &counts]),
        row(["tier", &names::tier(options.tier())]),
        row(["work a frame", &work_text(options.expected_work_milli, job.measured_work_milli)]),
        row(["set aside", &names::credits(job.locked_ucredits)]),
        row(["spent", &names::credits(job.spent_ucredits)]),
    ];
    if options.ceiling_ucredits > 0 {
        rows.push(row(["a frame at most", &names::credits(options.ceiling_ucredits)]));
    }
    if let Some(reason) = job.reason.as_ref().filter(|reason| !reason.text.is_empty()) {
        rows.push(row(["because", &format!("{} ({})", reason.text, names::time_text(reason.at.as_ref()))]));
    }
    rows.extend(job.blocked.iter().map(|node| row(["blocked", &names::node_text(Some(node))])));
    if let Some(next) = next_step(job, id.jseq) {
        rows.push(row(["next", &next]));
    }
    output::table(&rows)
}

/// The estimate, with what auditors measured beside it.
fn work_text(expected: u64, measured: u64) -> String {
    match measured {
        0 => format!("{} estimated, not measured yet", names::work(expected)),
        measured => format!("{} estimated, {} measured", names::work(expected), names::work(measured)),
    }
}

/// What its creator can do now.
fn next_step(job: &Job, jseq: u64) -> Option<String> {
    match job.state() {
        JobState::PausedFunds => Some(format!("tetra render fund {jseq} CREDITS")),
        JobState::PausedCeiling => Some(format!("tetra render fund {jseq} --ceiling CREDITS")),
        JobState::Review => Some(format!("tetra render frames {jseq}, then approve or reject")),
        JobState::Done => Some(format!("tetra render download {jseq}")),
        JobState::Quarantined => {
            Some(format!("tetra render frames {jseq} says what failed; tetra render cancel {jseq}"))
        }
        _ => None,
    }
}

/// A frame as programs read it.
pub fn frame_data(frame: &Frame) -> Value {
    let bill = frame.bill.unwrap_or_default();
    json!({
        "index": names::index_of(frame),
        "number": frame.number,
        "tile": (frame.tile >= 0).then_some(frame.tile),
        "state": frame_state(frame.state()),
        "node": names::node_data(frame.node.as_ref()),
        "attempt": frame.attempt,
        "rejections": frame.rejections,
        "permille": frame.permille,
        "root": hex::encode(&frame.root),
        "file": hex::encode(&frame.file),
        "file_bytes": frame.file_bytes,
        "bill": { "work_milli": bill.work_milli, "work_milli_per_credit": bill.work_milli_per_credit, "ucredits": bill.ucredits },
        "due": names::time_text(frame.due.as_ref()),
        "history": frame.history.iter().map(|reason| reason_data(Some(reason))).collect::<Vec<_>>(),
    })
}

fn frames_table(frames: &[&Frame]) -> String {
    let mut rows = vec![row(["FRAME", "STATE", "DONE", "TRY", "NODE", "COST", "DUE", "LAST WORD"])];
    for frame in frames {
        let done = match frame.state() {
            FrameState::Assigned => format!("{} %", frame.permille / 10),
            FrameState::Pending | FrameState::Failed | FrameState::Cancelled => "-".to_owned(),
            _ => "100 %".to_owned(),
        };
        let cost = frame.bill.map_or_else(|| "-".to_owned(), |bill| names::credits(bill.ucredits));
        let word = frame.history.last().map(|reason| format!("{}: {}", reason.code, reason.text)).unwrap_or_default();
        rows.push(row([
            &names::frame_text(frame),
            &frame_state(frame.state()),
            &done,
            &frame.attempt.to_string(),
            &names::node_text(frame.node.as_ref()),
            &cost,
            &names::time_text(frame.due.as_ref()),
            &word,
        ]));
    }
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use proto::Timestamp;
    use proto::tetra::render::v1::{Bill, FrameRange, JobId, JobOptions, NodeId, Scene, Tier, UnitId};

    use super::*;

    fn job() -> Job {
        let options = JobOptions {
            frames: vec![FrameRange { first: 1, last: 24, step: 1 }],
            tier: Tier::Economy.into(),
            expected_work_milli: 8_000,
            ceiling_ucredits: 100_000,
            ..JobOptions::default()
        };
        let at = Some(Timestamp { seconds: 1_700_000_000, nanos: 0 });
        Job {
            id: Some(JobId { creator: "tetra1alice".to_owned(), jseq: 7 }),
            state: JobState::PausedFunds.into(),
            scene: Some(Scene { manifest: vec![7; 32], bytes: 1_000, chunks: 2, origins: Vec::new() }),
            options: Some(options),
            units: 24,
            pending: 10,
            running: 2,
            open: 4,
            approved: 8,
            measured_work_milli: 7_900,
            locked_ucredits: 500_000,
            spent_ucredits: 320_000,
            reason: Some(Reason { code: "funds".to_owned(), text: "the next unit is not covered".to_owned(), at }),
            ..Job::default()
        }
    }

    #[test]
    fn a_job_is_shown_with_its_money_and_the_next_step() {
        insta::assert_snapshot!(text(&job()));
        insta::assert_snapshot!(table(&[job()], true));
        insta::assert_snapshot!(serde_json::to_string_pretty(&data(&job())).unwrap());
    }

    #[test]
    fn frames_are_shown_with_node_and_cost() {
        let node = Some(NodeId { owner: "tetra1provider".to_owned(), host_key: vec![0xab; 33] });
        let id = |index| Some(UnitId { creator: "tetra1alice".to_owned(), jseq: 7, index });
        let frame = |index, number, state: FrameState| Frame {
            id: id(index),
            number,
            tile: -1,
            state: state.into(),
            ..Frame::default()
        };
        let bill = Some(Bill { work_milli: 8_000, work_milli_per_credit: 200_000, ucredits: 40_000 });
        let failed = Reason { code: "crashed".to_owned(), text: "signal 11".to_owned(), at: None };
        let frames = [
            Frame { node: node.clone(), attempt: 1, bill, ..frame(0, 1, FrameState::Approved) },
            Frame { node, attempt: 2, permille: 250, history: vec![failed], ..frame(1, 2, FrameState::Assigned) },
            Frame { tile: 3, ..frame(2, 3, FrameState::Pending) },
        ];
        insta::assert_snapshot!(frames_table(&frames.iter().collect::<Vec<_>>()));
        insta::assert_snapshot!(serde_json::to_string(&frame_data(&frames[1])).unwrap());
    }
}
