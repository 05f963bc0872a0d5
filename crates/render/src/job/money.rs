//! What a job has set aside, what its units may cost, and the state that follows.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Bill, Frame, Job, JobOptions, JobState, Reason};

use super::events;
use super::state::{has_ended, is_paused, put_job};
use crate::ids::JobId;
use crate::time::{now_ms, stamp};
use crate::{credit, epoch};

/// How many units of a job are measured before others are billed by the median.
pub const SAMPLES_WANTED: u32 = 3;
/// The most units of which the median is taken: the first ones.
const MOST_SAMPLES: usize = 15;
/// How many times the median a measured unit is billed at most.
const MOST_TIMES_MEDIAN: u64 = 4;
/// The most work of a unit, in thousandths: a bill of it is counted in 64 bits at every price.
pub const MOST_WORK: u64 = 1_000_000_000_000;

/// Credits that are set aside and not reserved for a unit, in millionths.
pub fn free(job: &Job) -> u64 {
    job.locked_ucredits.saturating_sub(job.reserved_ucredits)
}

fn options(job: &Job) -> JobOptions {
    job.options.clone().unwrap_or_default()
}

/// The work by which a unit is billed that was not measured itself, in thousandths.
pub fn usual_work(job: &Job) -> u64 {
    match job.measured_work_milli {
        0 => options(job).expected_work_milli,
        measured => measured,
    }
}

/// What the next unit is expected to cost.
///
/// # Errors
/// When the state fails, or the tier has no price.
pub fn next_price(ctx: &Context, job: &Job) -> Result<Bill, Failure> {
    epoch::bill(ctx, options(job).tier(), usual_work(job))
}

/// The state in which a job waits when its next unit costs this much, and why; none when it can go on.
pub fn stop(job: &Job, price: &Bill) -> Option<(JobState, String)> {
    let (ceiling, cost, free) = (options(job).ceiling_ucredits, price.ucredits, free(job));
    if ceiling > 0 && cost > ceiling {
        let why = format!("the next unit costs {cost} millionths of a credit, the ceiling is {ceiling}");
        return Some((JobState::PausedCeiling, why));
    }
    let why = || format!("the next unit costs {cost} millionths of a credit, {free} are left");
    (cost > free).then(|| (JobState::PausedFunds, why()))
}

/// How many units of a job must be measured.
pub fn samples_wanted(job: &Job) -> usize {
    usize::try_from(SAMPLES_WANTED.min(job.units)).unwrap_or(usize::MAX)
}

/// Counts a measured unit; from enough of them on, the median is what a unit costs. Of an even number it is the lower of the
/// middle two.
pub fn sample(job: &mut Job, work_milli: u64) {
    if job.samples.len() < MOST_SAMPLES && work_milli > 0 {
        job.samples.push(work_milli.min(MOST_WORK));
    }
    if job.samples.len() >= samples_wanted(job) {
        let mut sorted = job.samples.clone();
        sorted.sort_unstable();
        job.measured_work_milli = sorted.get((sorted.len().saturating_sub(1)) / 2).copied().unwrap_or(0);
    }
}

/// What a finished unit costs: by its own measured work, at most four times the median; else by the median; else by the
/// estimate. Never more than the ceiling, nor than what is set aside and not reserved for others.
///
/// # Errors
/// When the state fails, or the tier has no price.
pub fn final_bill(ctx: &Context, job: &Job, frame: &Frame, measured: Option<u64>) -> Result<Bill, Failure> {
    let bound = match job.measured_work_milli {
        0 => MOST_WORK,
        median => median.saturating_mul(MOST_TIMES_MEDIAN),
    };
    let work = measured.map_or_else(|| usual_work(job), |measured| measured.min(bound));
    let options = options(job);
    let mut bill = epoch::bill(ctx, options.tier(), work)?;
    let ceiling = if options.ceiling_ucredits == 0 { u64::MAX } else { options.ceiling_ucredits };
    let covered = frame.reserved_ucredits.saturating_add(free(job));
    bill.ucredits = bill.ucredits.min(ceiling).min(covered);
    Ok(bill)
}

/// Reserves another amount for a unit.
pub fn reserve(job: &mut Job, frame: &mut Frame, ucredits: u64) {
    job.reserved_ucredits = job.reserved_ucredits.saturating_sub(frame.reserved_ucredits).saturating_add(ucredits);
    frame.reserved_ucredits = ucredits;
}

/// How many units may fail before a job is quarantined: a tenth of them, at least two.
fn failures_allowed(job: &Job) -> u32 {
    (job.units / 10).max(2)
}

/// The state that follows from a job's counts.
pub fn following(job: &Job) -> JobState {
    let state = job.state();
    if has_ended(state) || state == JobState::Quarantined {
        return state;
    }
    let none_under_way = job.pending == 0 && job.running == 0;
    if job.approved == job.units {
        JobState::Done
    } else if job.failed > failures_allowed(job) || (none_under_way && job.open == 0) {
        JobState::Quarantined
    } else if none_under_way {
        JobState::Review
    } else if is_paused(state) && job.pending > 0 {
        state
    } else if job.pending == job.units {
        JobState::Queued
    } else {
        JobState::Rendering
    }
}

/// Brings a job into the state that follows from its counts and money, gives back what an ended one does not owe, and stores
/// it. A paused job goes on when its next unit is covered.
///
/// # Errors
/// When the state fails.
pub fn settle(ctx: &mut Context, id: &JobId, job: &mut Job, code: &str, text: &str) -> Result<(), Failure> {
    let before = job.state();
    if is_paused(before) && stop(job, &next_price(ctx, job)?).is_none() {
        job.set_state(JobState::Queued);
    }
    let after = following(job);
    if has_ended(after) && free(job) > 0 {
        credit::give_back(ctx, &id.creator, free(job))?;
        job.locked_ucredits = job.reserved_ucredits;
    }
    job.set_state(after);
    if before != after {
        job.reason = Some(Reason { code: code.to_owned(), text: text.to_owned(), at: Some(stamp(now_ms(ctx))) });
    }
    put_job(ctx, id, job)?;
    if before != after {
        events::job_state(ctx, id, after, text);
    }
    Ok(())
}

/// Puts a job into a state by decree: paused, cancelled, expired or quarantined. In an ended one, what waits is cancelled.
///
/// # Errors
/// When the state fails.
pub fn decree(
    ctx: &mut Context,
    id: &JobId,
    job: &mut Job,
    state: JobState,
    (code, text): (&str, &str),
) -> Result<(), Failure> {
    let before = job.state();
    job.set_state(state);
    if has_ended(state) {
        job.cancelled = job.cancelled.saturating_add(job.pending);
        job.pending = 0;
        if free(job) > 0 {
            credit::give_back(ctx, &id.creator, free(job))?;
            job.locked_ucredits = job.reserved_ucredits;
        }
    }
    if before != state {
        job.reason = Some(Reason { code: code.to_owned(), text: text.to_owned(), at: Some(stamp(now_ms(ctx))) });
        events::job_state(ctx, id, state, text);
    }
    put_job(ctx, id, job)
}
