//! How audits move on: by beacons, by what nodes send, and by time. Work per block is bounded; what is left over is done in
//! the next ones, from that block's beacon.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Audit, AuditStage, MsgCommitFrame, Verdict};

use super::judging::{Decision, decide};
use super::lots::Lots;
use super::state::{AUDITS, BEACONS, TIMERS, put, remove, require};
use super::{auditors, closing, events, params};
use crate::ids::{NodeId, TryId};
use crate::time::{now_ms, stamp};
use crate::{epoch, job};

/// How many audits hear of their beacon in one block at most, and in how many time runs out.
pub const MOST_PER_BLOCK: usize = 128;
/// Rounds of auditors without an appeal.
const ROUNDS: u32 = 2;

/// The job hands in a commitment: the audit waits for its beacon.
///
/// # Errors
/// When the state fails.
pub fn begin(ctx: &mut Context, id: &TryId, node: &NodeId, msg: MsgCommitFrame) -> Result<(), Failure> {
    let options = job::state::require(ctx, &id.0.job)?.options.unwrap_or_default();
    let audit = Audit {
        unit: Some(id.0.to_wire(&ctx.chain.prefix)),
        attempt: id.1,
        node: Some(node.to_wire(&ctx.chain.prefix)),
        stage: AuditStage::Waiting.into(),
        beacon_height: beacon_height(ctx)?,
        root: msg.root,
        plants: msg.plants,
        grid: options.grid,
        engine: msg.engine,
        required: job::is_required(ctx, &id.0, node)?,
        ..Audit::default()
    };
    put(ctx, id, &audit)
}

/// The height from which the beacon of what happens now is known.
fn beacon_height(ctx: &Context) -> Result<i64, Failure> {
    let blocks = u64::from(epoch::params(ctx)?.beacon_blocks.max(1));
    Ok(ctx.block.height.saturating_add(blocks).cast_signed())
}

/// Draws where a beacon is known, and ends what is due.
///
/// # Errors
/// When the state fails.
pub fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    for ((height, id), ()) in BEACONS.first(&ctx.state, &(), MOST_PER_BLOCK)? {
        if height > ctx.block.height {
            break;
        }
        drawn(ctx, &id)?;
    }
    let now = now_ms(ctx);
    for ((time, id), ()) in TIMERS.first(&ctx.state, &(), MOST_PER_BLOCK)? {
        if time > now {
            break;
        }
        due(ctx, &id)?;
    }
    Ok(())
}

fn tiles(audit: &Audit) -> u32 {
    audit.grid.as_ref().map_or(0, |grid| grid.columns.saturating_mul(grid.rows))
}

/// The beacon of an audit is known: the lot decides whether and where the unit is looked at, and by whom.
fn drawn(ctx: &mut Context, id: &TryId) -> Result<(), Failure> {
    let Some(mut audit) = AUDITS.get(&ctx.state, id)? else { return Ok(()) };
    let (params, proof) = (epoch::params(ctx)?, params::load(ctx)?);
    let first = audit.stage() == AuditStage::Waiting;
    audit.round = audit.round.saturating_add(1);
    audit.beacon = ctx.block.seed.to_vec();
    let mut lots = Lots::new(&ctx.block.seed, id, audit.round);
    if first {
        let by_lot = lots.chance(params.audit_bp);
        if !audit.required && !by_lot {
            remove(ctx, id)?;
            return job::proven(ctx, &id.0, None, Vec::new());
        }
        audit.tiles = lots.distinct(tiles(&audit), params.audit_tiles.max(1));
    }
    let wanted = match (first, decide(&proof, &audit)) {
        (true, _) => params.auditors.max(1),
        (false, Decision::Again(wanted)) => wanted,
        // An appeal against a verdict: as many as there were votes, and one or two more, so that they can overturn it.
        (false, _) => u32::try_from(audit.auditors.len()).unwrap_or(u32::MAX).saturating_add(1).max(3),
    };
    let found = auditors::draw(ctx, (&params, &proof), &audit, &mut lots, wanted)?;
    if found.is_empty() {
        put(ctx, id, &audit)?;
        return closing::nobody_left(ctx, id);
    }
    audit.auditors.extend(found);
    if first {
        job::flow::auditing(ctx, &id.0)?;
    }
    enter(ctx, id, audit, AuditStage::Committing, params.audit_commit_ms)
}

fn enter(ctx: &mut Context, id: &TryId, mut audit: Audit, stage: AuditStage, ms: u64) -> Result<(), Failure> {
    audit.set_stage(stage);
    audit.due = Some(stamp(now_ms(ctx).saturating_add(ms)));
    let verdict = audit.verdict();
    put(ctx, id, &audit)?;
    events::audit(ctx, id, stage, verdict, "");
    Ok(())
}

/// Somebody did something, or time ran out: goes on to the next stage when nobody of this round is waited for.
///
/// # Errors
/// When the state fails.
pub(super) fn go_on(ctx: &mut Context, id: &TryId, is_due: bool) -> Result<(), Failure> {
    let audit = require(ctx, id)?;
    let of_round = || audit.auditors.iter().filter(|part| part.round == audit.round && part.declined.is_empty());
    match audit.stage() {
        AuditStage::Committing => {
            let waited_for = of_round().any(|part| part.commitment.is_empty());
            let any = of_round().any(|part| !part.commitment.is_empty());
            match (any, waited_for && !is_due) {
                (_, true) => Ok(()),
                (true, false) => {
                    let ms = epoch::params(ctx)?.audit_open_ms;
                    enter(ctx, id, audit, AuditStage::Opening, ms)
                }
                (false, false) => judge(ctx, id, audit),
            }
        }
        AuditStage::Opening => {
            let revealing = of_round().any(|part| !part.commitment.is_empty() && part.tiles.is_empty());
            let waited_for = audit.opened.is_empty() || revealing;
            if waited_for && !is_due { Ok(()) } else { judge(ctx, id, audit) }
        }
        _ => Ok(()),
    }
}

fn due(ctx: &mut Context, id: &TryId) -> Result<(), Failure> {
    go_on(ctx, id, true)
}

/// Judges by what there is.
fn judge(ctx: &mut Context, id: &TryId, audit: Audit) -> Result<(), Failure> {
    if audit.stage() == AuditStage::Opening && audit.opened.is_empty() {
        return closing::close(ctx, id, audit, Verdict::Silent, "the node did not open in time");
    }
    let decision = decide(&params::load(ctx)?, &audit);
    // An appeal has one round of its own.
    let more = audit.appellant.is_none() && audit.round < ROUNDS;
    match decision {
        Decision::Honest => closing::close(ctx, id, audit, Verdict::Honest, "auditors found what the node opened"),
        Decision::Wrong => closing::close(ctx, id, audit, Verdict::Wrong, "auditors found other pixels"),
        Decision::Again(_) | Decision::Unknown if more => again(ctx, id, audit),
        Decision::Again(_) => closing::close(ctx, id, audit, Verdict::Undecided, "auditors do not agree"),
        Decision::Unknown => closing::close(ctx, id, audit, Verdict::Undecided, "no auditor could tell"),
    }
}

/// More auditors are drawn, from a later beacon.
///
/// # Errors
/// When the state fails.
pub(super) fn again(ctx: &mut Context, id: &TryId, mut audit: Audit) -> Result<(), Failure> {
    audit.set_stage(AuditStage::Again);
    audit.beacon_height = beacon_height(ctx)?;
    audit.due = None;
    let verdict = audit.verdict();
    put(ctx, id, &audit)?;
    events::audit(ctx, id, AuditStage::Again, verdict, "more auditors are drawn");
    Ok(())
}
