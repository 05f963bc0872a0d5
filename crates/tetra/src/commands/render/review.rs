//! `tetra render approve`, `reject`, `fund` and `cancel`.

use proto::ToAny;
use proto::tetra::render::v1::{
    Frame, FrameState, Job, JobId, MsgApproveFrames, MsgCancelJob, MsgFundJob, MsgRejectFrames, MsgSetCeiling,
};
use serde_json::json;

use super::jobs::state_text;
use super::names::{self, JobName, Units, parse_credits};
use crate::chain::Chain;
use crate::context::Context;
use crate::error::{Class, CliError, Result};
use crate::output::row;
use crate::spend::{Plan, Spend};

/// Arguments of `approve`.
#[derive(Debug, clap::Args)]
pub struct Approve {
    /// Your job
    job: JobName,
    /// Only these frames: 1,4,10-20, or places in the order of work as in #0-9 [default: all that wait for review]
    #[arg(long, value_name = "LIST")]
    frames: Option<Units>,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `reject`.
#[derive(Debug, clap::Args)]
pub struct Reject {
    /// Your job
    job: JobName,
    /// The frames: 1,4,10-20, or places in the order of work as in #0-9
    #[arg(long, value_name = "LIST")]
    frames: Units,
    /// What is wrong with them; it is kept with the frames
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `fund`.
#[derive(Debug, clap::Args)]
pub struct Fund {
    /// Your job
    job: JobName,
    /// Credits to set aside for it, beside those that are
    #[arg(value_name = "CREDITS", value_parser = parse_credits, required_unless_present = "ceiling")]
    credits: Option<u64>,
    /// Most that a frame may cost from now on, in credits; 0 is no ceiling
    #[arg(long, value_name = "CREDITS", value_parser = parse_credits)]
    ceiling: Option<u64>,
    #[command(flatten)]
    spend: Spend,
}

/// Arguments of `cancel`.
#[derive(Debug, clap::Args)]
pub struct Cancel {
    /// Your job
    job: JobName,
    #[command(flatten)]
    spend: Spend,
}

fn job_text(id: &JobId) -> String {
    format!("{}/{}", id.creator, id.jseq)
}

/// Those of the wanted frames that wait for review.
async fn in_review(chain: &Chain, id: &JobId, wanted: Option<&Units>) -> Result<Vec<Frame>> {
    let all = chain.render_frames(id).await?;
    let waits = |frame: &&Frame| frame.state() == FrameState::Review;
    let found: Vec<Frame> = match wanted {
        None => all.iter().filter(waits).cloned().collect(),
        Some(units) => {
            let picked = units.pick(&all)?;
            if let Some(other) = picked.iter().find(|frame| !waits(frame)) {
                let (frame, state) = (names::frame_text(other), super::jobs::frame_state(other.state()));
                return Err(CliError::new(
                    Class::Rejected,
                    format!("frame {frame} does not wait for review: it is {state}"),
                )
                .hint(format!("`tetra render frames {}` shows which do", id.jseq)));
            }
            picked.into_iter().cloned().collect()
        }
    };
    if found.is_empty() {
        return Err(CliError::new(Class::NotFound, format!("no frame of {} waits for review", job_text(id)))
            .hint(format!("`tetra render show {}` says what goes on", id.jseq)));
    }
    Ok(found)
}

fn numbers(frames: &[Frame]) -> String {
    let numbers = frames.iter().filter_map(|frame| u32::try_from(frame.number).ok());
    let list = farm::frames::FrameList::new(numbers).map(|list| list.to_string());
    list.unwrap_or_else(|_| format!("{} frames", frames.len()))
}

/// Runs `approve`.
///
/// # Errors
/// When no such frame waits, or the chain refuses.
pub async fn approve(context: &Context, args: Approve) -> Result {
    let chain = context.chain().await?;
    let id = args.job.id(context, &chain)?;
    let frames = in_review(&chain, &id, args.frames.as_ref()).await?;
    let account = context.account(&chain.network).await?;
    let cost: u64 = frames.iter().filter_map(|frame| frame.bill).map(|bill| bill.ucredits).sum();
    let plan = Plan {
        data: json!({
            "creator": id.creator, "jseq": id.jseq, "ucredits": cost,
            "approves": frames.iter().map(|frame| frame.number).collect::<Vec<_>>(),
        }),
        rows: vec![
            row(["job", &job_text(&id)]),
            row(["approves", &format!("{} ({} frames)", numbers(&frames), frames.len())]),
            row(["pays", &names::credits(cost)]),
        ],
        question: format!("Approve {} frames for {}?", frames.len(), names::credits(cost)),
    };
    let indexes = names::ranges(&frames.iter().collect::<Vec<_>>());
    let message = MsgApproveFrames { id: Some(id), indexes }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// Runs `reject`.
///
/// # Errors
/// When no such frame waits, or the chain refuses.
pub async fn reject(context: &Context, args: Reject) -> Result {
    let chain = context.chain().await?;
    let id = args.job.id(context, &chain)?;
    let frames = in_review(&chain, &id, Some(&args.frames)).await?;
    let account = context.account(&chain.network).await?;
    let plan = Plan {
        data: json!({
            "creator": id.creator, "jseq": id.jseq, "reason": args.reason,
            "rejects": frames.iter().map(|frame| frame.number).collect::<Vec<_>>(),
        }),
        rows: vec![
            row(["job", &job_text(&id)]),
            row(["rejects", &format!("{} ({} frames)", numbers(&frames), frames.len())]),
            row(["because", &args.reason]),
            row(["then", "other nodes render them again, at no charge"]),
        ],
        question: format!("Reject {} frames?", frames.len()),
    };
    let indexes = names::ranges(&frames.iter().collect::<Vec<_>>());
    let message = MsgRejectFrames { id: Some(id), indexes, reason: args.reason }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}

/// Fails when fewer credits are free.
///
/// # Errors
/// With what is missing, and how to get it.
pub async fn require_free(chain: &Chain, owner: &str, ucredits: u64) -> Result {
    let free = chain.render_credits(owner).await?.free_ucredits;
    if free >= ucredits {
        return Ok(());
    }
    let missing = names::credits(ucredits - free);
    let what = format!("{} are to be set aside, {} are free", names::credits(ucredits), names::credits(free));
    Err(CliError::new(Class::Rejected, what)
        .hint(format!("{missing} more: `tetra render credits buy 10lux` buys some")))
}

/// Runs `fund`.
///
/// # Errors
/// When too few credits are free, or the chain refuses.
pub async fn fund(context: &Context, args: Fund) -> Result {
    let chain = context.chain().await?;
    let id = args.job.id(context, &chain)?;
    let job = chain.render_job(&id).await?;
    if let Some(ucredits) = args.credits {
        require_free(&chain, &id.creator, ucredits).await?;
    }
    let account = context.account(&chain.network).await?;
    let mut messages = Vec::new();
    let mut rows = vec![row(["job", &job_text(&id)]), row(["state", &state_text(job.state())])];
    if let Some(ucredits) = args.credits {
        let after = names::credits(job.locked_ucredits.saturating_add(ucredits));
        rows.push(row(["sets aside", &format!("{}, then {after}", names::credits(ucredits))]));
        messages.push(MsgFundJob { id: Some(id.clone()), ucredits }.to_any());
    }
    if let Some(ceiling_ucredits) = args.ceiling {
        let ceiling = match ceiling_ucredits {
            0 => "no ceiling".to_owned(),
            most => names::credits(most),
        };
        rows.push(row(["a frame at most", &ceiling]));
        messages.push(MsgSetCeiling { id: Some(id.clone()), ceiling_ucredits }.to_any());
    }
    let plan = Plan {
        data: json!({
            "creator": id.creator, "jseq": id.jseq, "ucredits": args.credits, "ceiling_ucredits": args.ceiling,
        }),
        rows,
        question: format!("Change job {}?", id.jseq),
    };
    args.spend.send(context, &account, &chain.units, messages, plan, || Ok(())).await.map(drop)
}

/// What of a job's money returns when it is cancelled now: all but what units under way or in review may cost.
fn returns(job: &Job) -> u64 {
    job.locked_ucredits.saturating_sub(job.reserved_ucredits)
}

/// Runs `cancel`.
///
/// # Errors
/// When there is no such job, or the chain refuses.
pub async fn cancel(context: &Context, args: Cancel) -> Result {
    let chain = context.chain().await?;
    let id = args.job.id(context, &chain)?;
    let job = chain.render_job(&id).await?;
    let account = context.account(&chain.network).await?;
    let plan = Plan {
        data: json!({
            "creator": id.creator, "jseq": id.jseq, "cancels": job.pending + job.running,
            "returns_at_least_ucredits": returns(&job),
        }),
        rows: vec![
            row(["job", &job_text(&id)]),
            row(["cancels", &format!("{} waiting, {} rendering", job.pending, job.running)]),
            row(["stays", &format!("{} committed, to be approved or rejected", job.open)]),
            row(["returns", &format!("at least {}", names::credits(returns(&job)))]),
        ],
        question: format!("Cancel job {}?", id.jseq),
    };
    let message = MsgCancelJob { id: Some(id) }.to_any();
    args.spend.send(context, &account, &chain.units, vec![message], plan, || Ok(())).await.map(drop)
}
