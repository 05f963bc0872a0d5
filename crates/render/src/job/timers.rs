//! What time ends: assignments without progress, reviews in silence, jobs past their deadline. Work per block is bounded;
//! what is left over is done in the next ones.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{FrameState, JobState};

use super::flow::failed;
use super::state::{ASSIGNED, DEADLINES, SWEEPS, TIMERS, require, unit};
use super::{money, review};
use crate::ids::{NodeId, UnitId};
use crate::time::now_ms;

/// How many units time ends in one block at most, and as many that an ended job takes from nodes' hands.
pub const MOST_UNITS: usize = 256;
/// How many jobs expire in one block at most.
pub const MOST_JOBS: usize = 64;

/// Ends what is due.
///
/// # Errors
/// When the state fails.
pub fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    let now = now_ms(ctx);
    for ((time, id), ()) in DEADLINES.first(&ctx.state, &(), MOST_JOBS)? {
        if time > now {
            break;
        }
        let mut job = require(ctx, &id)?;
        money::decree(ctx, &id, &mut job, JobState::Expired, ("deadline", "its deadline passed"))?;
    }
    sweep(ctx)?;
    for ((time, id), ()) in TIMERS.first(&ctx.state, &(), MOST_UNITS)? {
        if time > now {
            break;
        }
        due(ctx, &id)?;
    }
    Ok(())
}

/// Takes units of ended jobs out of nodes' hands.
fn sweep(ctx: &mut Context) -> Result<(), Failure> {
    let mut left = MOST_UNITS;
    for (job, ()) in SWEEPS.first(&ctx.state, &(), MOST_JOBS)? {
        let units = ASSIGNED.first(&ctx.state, &job, left)?;
        left = left.saturating_sub(units.len());
        for (id, ()) in units {
            let stored = require(ctx, &job)?;
            let by = NodeId::from_wire(ctx, unit(ctx, &stored, &id)?.node.as_ref())?;
            failed(ctx, &id, &by, false, ("job_ended", "its job has ended"))?;
        }
        if left == 0 {
            break;
        }
    }
    Ok(())
}

fn due(ctx: &mut Context, id: &UnitId) -> Result<(), Failure> {
    let mut job = require(ctx, &id.job)?;
    let frame = unit(ctx, &job, id)?;
    match frame.state() {
        FrameState::Assigned => {
            let by = NodeId::from_wire(ctx, frame.node.as_ref())?;
            failed(ctx, id, &by, true, ("no_progress", "its node showed no progress"))
        }
        FrameState::Review => review::approve(ctx, &mut job, id, frame, "approved by silence"),
        _ => Ok(()),
    }
}
