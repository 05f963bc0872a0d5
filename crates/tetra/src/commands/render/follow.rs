//! A job on its way: what changes, until nothing more comes without its creator.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use proto::tetra::render::v1::{Frame, FrameState, Job, JobId, JobState};

use super::jobs::{has_ended, state_text};
use super::names;
use crate::chain::Chain;
use crate::error::Result;
use crate::output;

/// Follows a job until it is over, waits for its creator, or the command is interrupted, which changes nothing of the job.
///
/// # Errors
/// When the node does not answer.
pub async fn run(chain: &Chain, id: &JobId, period: Duration) -> Result {
    let bar = if output::watched() { ProgressBar::new(1) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let mut before = None;
    let job = loop {
        let job = chain.render_job(id).await?;
        bar.set_length(job.units.into());
        bar.set_position((job.approved + job.open).into());
        bar.set_message(line(&job));
        let now = (job.state(), job.approved, job.open, job.running, job.failed);
        if !output::watched() && before != Some(now) {
            eprintln!("{}", line(&job));
        }
        before = Some(now);
        if rests(job.state()) && !proofs_run(chain, id, &job).await? {
            break job;
        }
        tokio::time::sleep(period).await;
    };
    bar.finish_and_clear();
    eprintln!("{}", line(&job));
    let jseq = id.jseq;
    match job.state() {
        JobState::Review => output::hint(&format!(
            "look at the frames: tetra render download {jseq} --previews; then tetra render approve {jseq}"
        )),
        JobState::Done => output::hint(&format!("tetra render download {jseq}")),
        state if has_ended(state) => {}
        _ => output::hint(&format!("tetra render show {jseq} says why, and what to do")),
    }
    Ok(())
}

/// Whether frames of a job in review are still being proven, so that its creator cannot look at them yet.
async fn proofs_run(chain: &Chain, id: &JobId, job: &Job) -> Result<bool> {
    if job.state() != JobState::Review {
        return Ok(false);
    }
    let proving = |frame: &Frame| matches!(frame.state(), FrameState::Committed | FrameState::Auditing);
    Ok(chain.render_frames(id).await?.iter().any(proving))
}

/// Whether nothing more comes by itself.
pub(super) fn rests(state: JobState) -> bool {
    let waits =
        matches!(state, JobState::Review | JobState::PausedFunds | JobState::PausedCeiling | JobState::Quarantined);
    waits || has_ended(state)
}

fn line(job: &Job) -> String {
    let reason = job.reason.as_ref().filter(|reason| rests(job.state()) && !reason.text.is_empty());
    let reason = reason.map(|reason| format!(": {}", reason.text)).unwrap_or_default();
    format!(
        "job {} {}{reason}: {} waiting, {} rendering, {} committed, {} approved, {} failed; {} spent",
        job.id.as_ref().map_or(0, |id| id.jseq),
        state_text(job.state()),
        job.pending,
        job.running,
        job.open,
        job.approved,
        job.failed,
        names::credits(job.spent_ucredits)
    )
}

#[cfg(test)]
mod tests {
    use proto::tetra::render::v1::Reason;

    use super::*;

    #[test]
    fn what_goes_on_is_one_line() {
        let job = Job {
            id: Some(JobId { creator: "tetra1alice".to_owned(), jseq: 7 }),
            state: JobState::Rendering.into(),
            pending: 3,
            running: 2,
            approved: 1,
            reason: Some(Reason { text: "it began".to_owned(), ..Reason::default() }),
            ..Job::default()
        };
        insta::assert_snapshot!(line(&job), @"job 7 rendering: 3 waiting, 2 rendering, 0 committed, 1 approved, 0 failed; 0 credits spent");
        let paused = Job { state: JobState::PausedFunds.into(), ..job };
        insta::assert_snapshot!(line(&paused), @"job 7 paused funds: it began: 3 waiting, 2 rendering, 0 committed, 1 approved, 0 failed; 0 credits spent");
    }
}
