//! What follows from a verdict: who is punished, who is paid, and what becomes of the unit. What an appeal overturns is
//! taken back.

use ledger::{Context, Failure, Rejection, bank};
use pricing::render::work::Sample;
use primitives::{Coin, Coins};
use proto::tetra::render::v1::{Audit, AuditStage, FrameState, NodeId as WireNode, Verdict};

use super::judging::{Finding, finding};
use super::state::{put, require};
use super::{appeals_account, events, params};
use crate::ids::{NodeId, TryId};
use crate::node::standing::Evidence;
use crate::time::{now_ms, stamp};
use crate::{credit, job, node};

/// Nobody is there to be drawn: of a first verdict, nobody can tell; an appeal leaves the verdict as it is.
///
/// # Errors
/// When the state fails.
pub(super) fn nobody_left(ctx: &mut Context, id: &TryId) -> Result<(), Failure> {
    let audit = require(ctx, id)?;
    close(ctx, id, audit, Verdict::Undecided, "there is nobody to be drawn")
}

/// Closes an audit with a verdict. An appeal that ends undecided leaves the verdict, and its deposit returns.
///
/// # Errors
/// When the state fails.
pub(super) fn close(
    ctx: &mut Context,
    id: &TryId,
    mut audit: Audit,
    verdict: Verdict,
    reason: &str,
) -> Result<(), Failure> {
    let before = audit.verdict();
    let appealed = audit.appellant.is_some();
    let stands = verdict == Verdict::Undecided && appealed;
    let verdict = if stands { before } else { verdict };
    if appealed {
        settle_deposit(ctx, &mut audit, stands || verdict != before)?;
    }
    audit.set_stage(AuditStage::Closed);
    audit.set_verdict(verdict);
    audit.reason = reason.to_owned();
    audit.closed_at = Some(stamp(now_ms(ctx)));
    audit.due = None;
    let overturned = verdict != before;
    if overturned {
        absolve(ctx, id, &mut audit)?;
    }
    if !stands {
        note_findings(ctx, &mut audit)?;
        punish(ctx, id, &mut audit, overturned)?;
        audit.measured_work_milli = measured(&audit);
    }
    put(ctx, id, &audit)?;
    events::audit(ctx, id, AuditStage::Closed, verdict, reason);
    if overturned { follow(ctx, id, &audit) } else { Ok(()) }
}

/// Gives a deposit back, or to the network.
fn settle_deposit(ctx: &mut Context, audit: &mut Audit, back: bool) -> Result<(), Failure> {
    let appellant = NodeId::from_wire(ctx, audit.appellant.take().as_ref())?;
    let Some(deposit) = audit.deposit.take() else { return Ok(()) };
    let to = if back { appellant.owner } else { credit::network_account() };
    bank::send(ctx, &appeals_account(), &to, &coins(&deposit)?)
}

/// A coin of the wire as coins; none of an amount of zero.
pub(super) fn coins(coin: &proto::cosmos::base::v1beta1::Coin) -> Result<Coins, Failure> {
    let coin = Coin::from_wire(&coin.denom, &coin.amount);
    let coin = coin.map_err(|error| Rejection::invalid_coins(error.to_string()))?;
    let mut coins = Coins::new();
    if coin.amount > 0 {
        coins.add(&coin).ok_or_else(|| Rejection::overflow("the deposit"))?;
    }
    Ok(coins)
}

/// Takes back what an earlier verdict cost.
fn absolve(ctx: &mut Context, id: &TryId, audit: &mut Audit) -> Result<(), Failure> {
    if audit.punished {
        let by = NodeId::from_wire(ctx, audit.node.as_ref())?;
        node::forgive(ctx, &by, audit.slashed_ucredits)?;
        job::pardon(ctx, &id.0.job, &by)?;
        (audit.punished, audit.slashed_ucredits) = (false, 0);
    }
    for part in &mut audit.auditors {
        if part.punished {
            let by = NodeId::from_wire(ctx, part.auditor.as_ref())?;
            node::forgive(ctx, &by, part.slashed_ucredits)?;
            (part.punished, part.slashed_ucredits) = (false, 0);
        }
    }
    Ok(())
}

/// Names what each auditor found, in the light of the verdict.
fn note_findings(ctx: &Context, audit: &mut Audit) -> Result<(), Failure> {
    let proof = params::load(ctx)?;
    let verdict = audit.verdict();
    let named: Vec<&str> = audit
        .auditors
        .iter()
        .map(|part| match (finding(&proof, audit, part), verdict) {
            (Finding::Agrees, Verdict::Wrong) | (Finding::Differs, Verdict::Honest) => "overruled",
            (Finding::Planted, Verdict::Honest) => "copied",
            (Finding::Agrees, _) => "agrees",
            (Finding::Differs | Finding::Planted, _) => "differs",
            (Finding::Unclear, _) => "unclear",
            (Finding::Declined, _) => "declined",
            // Where the node was silent, nobody could be compared.
            (Finding::Silent, Verdict::Silent) if !part.commitment.is_empty() => "committed",
            (Finding::Silent, _) => "silent",
        })
        .collect();
    for (part, name) in audit.auditors.iter_mut().zip(named) {
        part.finding = name.to_owned();
    }
    Ok(())
}

/// Who was proven wrong pays from what is kept back; all get their evidence. Where an appeal has not changed the verdict, that
/// is for the auditors of its round alone.
fn punish(ctx: &mut Context, id: &TryId, audit: &mut Audit, overturned: bool) -> Result<(), Failure> {
    let by = NodeId::from_wire(ctx, audit.node.as_ref())?;
    match audit.verdict() {
        _ if !overturned => {}
        Verdict::Wrong | Verdict::Silent => {
            audit.slashed_ucredits = node::slash(ctx, &by, &format!("audit of unit {}", id.0.text(&ctx.chain.prefix)))?;
            audit.punished = true;
            job::forfeit(ctx, &id.0.job, &by)?;
            node::evidence(ctx, &by, Evidence::Audit, false)?;
        }
        Verdict::Honest => node::evidence(ctx, &by, Evidence::Audit, true)?,
        Verdict::Undecided | Verdict::Unspecified => {}
    }
    let round = audit.round;
    for part in audit.auditors.iter_mut().filter(|part| overturned || part.round == round) {
        let auditor = NodeId::from_wire(ctx, part.auditor.as_ref())?;
        match part.finding.as_str() {
            "overruled" | "copied" => {
                part.slashed_ucredits = node::slash(ctx, &auditor, "a wrong audit")?;
                part.punished = true;
                node::evidence(ctx, &auditor, Evidence::Audit, false)?;
            }
            "agrees" | "differs" if audit.verdict != i32::from(Verdict::Undecided) => {
                node::evidence(ctx, &auditor, Evidence::Audit, true)?;
            }
            "silent" => node::evidence(ctx, &auditor, Evidence::Time, false)?,
            _ => {}
        }
    }
    Ok(())
}

/// Auditors whose finding stood.
fn upheld(audit: &Audit) -> Vec<WireNode> {
    let right = match audit.verdict() {
        Verdict::Honest => "agrees",
        Verdict::Wrong => "differs",
        Verdict::Silent => "committed",
        Verdict::Undecided | Verdict::Unspecified => return Vec::new(),
    };
    let standing = audit.auditors.iter().filter(|part| part.finding == right);
    standing.filter_map(|part| part.auditor.clone()).collect()
}

/// The work of the unit by the clocks of auditors that agree: the lower median of their estimates, in thousandths of a unit;
/// zero when nobody measured.
fn measured(audit: &Audit) -> u64 {
    let count = audit.grid.as_ref().map_or(0, |grid| u64::from(grid.columns) * u64::from(grid.rows));
    let drawn = u64::try_from(audit.tiles.len()).unwrap_or(0);
    let area = (drawn * 1_000_000).checked_div(count).unwrap_or(0);
    let agreeing = audit.auditors.iter().filter(|part| part.finding == "agrees");
    let mut estimates: Vec<u128> = agreeing
        .filter_map(|part| {
            let ms = part.tiles.iter().fold(0u64, |sum, tile| sum.saturating_add(tile.elapsed_ms));
            let rate = part.power_milli.saturating_mul(3_600);
            Sample { rate, ms, area: u32::try_from(area).unwrap_or(0) }.estimate().ok()
        })
        .filter(|estimate| *estimate > 0)
        .collect();
    estimates.sort_unstable();
    let middle = estimates.len().saturating_sub(1) / 2;
    estimates.get(middle).map_or(0, |estimate| u64::try_from(*estimate).unwrap_or(u64::MAX))
}

/// Tells the job. A verdict of an appeal finds the unit where it is by then: one that was given to another node stays there.
fn follow(ctx: &mut Context, id: &TryId, audit: &Audit) -> Result<(), Failure> {
    let stored = job::state::require(ctx, &id.0.job)?;
    let frame = job::state::unit(ctx, &stored, &id.0)?;
    if frame.attempt != id.1 || frame.node != audit.node {
        return Ok(());
    }
    let waits = matches!(frame.state(), FrameState::Committed | FrameState::Auditing);
    let by = NodeId::from_wire(ctx, audit.node.as_ref())?;
    match (audit.verdict(), waits, frame.state()) {
        (Verdict::Wrong | Verdict::Silent, true, _) | (Verdict::Wrong | Verdict::Silent, _, FrameState::Review) => {
            job::disproved(ctx, &id.0, &by, upheld(audit), &audit.reason)
        }
        (Verdict::Honest | Verdict::Undecided, true, _) => {
            let measured = Some(audit.measured_work_milli).filter(|work| *work > 0);
            job::proven(ctx, &id.0, measured, upheld(audit))
        }
        _ => Ok(()),
    }
}
