//! What is stored of audits. Every index follows from the records alone.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Audit, AuditStage, ProofParams};
use store::{Item, Map};

use super::MODULE;
use crate::ids::{NodeId, TryId};
use crate::refusal::proof as refusal;
use crate::time::some_ms;

/// Parameters; absent means the default ones.
pub const PARAMS: Item<ProofParams> = Item::new(MODULE, 1);
/// Audits, closed ones included: they are the evidence. A commitment that was not drawn leaves none.
pub const AUDITS: Map<TryId, Audit> = Map::new(MODULE, 2);
/// Audits that wait for a beacon, by the height at which it is known.
pub const BEACONS: Map<(u64, TryId), ()> = Map::new(MODULE, 3);
/// Audits in which somebody's time runs, by its end in milliseconds.
pub const TIMERS: Map<(u64, TryId), ()> = Map::new(MODULE, 4);
/// Audits that are not closed, by the nodes that take part.
pub const DUTIES: Map<(NodeId, TryId), ()> = Map::new(MODULE, 5);

fn beacon(audit: &Audit) -> Option<u64> {
    let waits = matches!(audit.stage(), AuditStage::Waiting | AuditStage::Again);
    u64::try_from(audit.beacon_height).ok().filter(|_| waits)
}

fn timer(audit: &Audit) -> Option<u64> {
    let runs = matches!(audit.stage(), AuditStage::Committing | AuditStage::Opening);
    some_ms(audit.due.as_ref()).filter(|_| runs)
}

/// Who takes part, while the audit is not closed.
fn parties(ctx: &Context, audit: &Audit) -> Result<Vec<NodeId>, Failure> {
    if matches!(audit.stage(), AuditStage::Closed | AuditStage::Unspecified) {
        return Ok(Vec::new());
    }
    let auditors = audit.auditors.iter().map(|part| part.auditor.as_ref());
    [audit.node.as_ref()].into_iter().chain(auditors).map(|id| NodeId::from_wire(ctx, id)).collect()
}

fn index(ctx: &mut Context, id: &TryId, audit: &Audit, there: bool) -> Result<(), Failure> {
    let parties = parties(ctx, audit)?;
    let state = &mut ctx.state;
    let mut entry = |map: &Map<(u64, TryId), ()>, at: Option<u64>| match (at, there) {
        (Some(at), true) => map.set(state, &(at, *id), &()),
        (Some(at), false) => map.remove(state, &(at, *id)),
        (None, _) => {}
    };
    entry(&BEACONS, beacon(audit));
    entry(&TIMERS, timer(audit));
    for party in parties {
        match there {
            true => DUTIES.set(&mut ctx.state, &(party, *id), &()),
            false => DUTIES.remove(&mut ctx.state, &(party, *id)),
        }
    }
    Ok(())
}

/// An audit that must be there.
///
/// # Errors
/// `render_proof` 3 when it is not.
pub fn require(ctx: &Context, (unit, attempt): &TryId) -> Result<Audit, Failure> {
    let found = AUDITS.get(&ctx.state, &(*unit, *attempt))?;
    found.ok_or_else(|| refusal::not_found(&unit.text(&ctx.chain.prefix), *attempt).into())
}

/// Stores an audit and moves its index entries.
///
/// # Errors
/// When the state fails.
pub fn put(ctx: &mut Context, id: &TryId, audit: &Audit) -> Result<(), Failure> {
    if let Some(old) = AUDITS.get(&ctx.state, id)? {
        index(ctx, id, &old, false)?;
    }
    index(ctx, id, audit, true)?;
    AUDITS.set(&mut ctx.state, id, audit);
    Ok(())
}

/// Takes an audit out: its unit was not drawn.
///
/// # Errors
/// When the state fails.
pub fn remove(ctx: &mut Context, id: &TryId) -> Result<(), Failure> {
    if let Some(old) = AUDITS.get(&ctx.state, id)? {
        index(ctx, id, &old, false)?;
        AUDITS.remove(&mut ctx.state, id);
    }
    Ok(())
}
