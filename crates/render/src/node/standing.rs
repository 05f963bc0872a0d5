//! What a node has shown: evidence, what is kept back of its pay, and what proven faults cost.

use ledger::{Context, Failure};
pub use pricing::render::reputation::Evidence;
use pricing::render::reputation::Record;
use proto::tetra::render::v1::{Node, NodeState};

use super::state::{get, put};
use super::window;
use crate::credit::Paid;
use crate::epoch;
use crate::ids::NodeId;
use crate::node::kept::Burned;
use crate::time::now_ms;

/// Proven faults after which a node is banned.
pub const STRIKES: u32 = 3;

/// After which evidence counts half: 30 days.
const HALF_LIFE_MS: u64 = 30 * 86_400_000;

/// What the rule knows of a node's evidence.
fn record(node: &Node) -> Record {
    Record { good: node.good_micros, bad: node.bad_micros, at: node.evidence_ms }
}

/// Counts an observation of a node; earlier ones fade ([`pricing::render::reputation`]).
///
/// # Errors
/// When the state fails.
pub fn evidence(ctx: &mut Context, id: &NodeId, kind: Evidence, good: bool) -> Result<(), Failure> {
    let Some(mut node) = get(ctx, id)? else { return Ok(()) };
    let record = record(&node).with(kind, good, now_ms(ctx), HALF_LIFE_MS);
    (node.good_micros, node.bad_micros, node.evidence_ms) = (record.good, record.bad, record.at);
    // From millionths, rounded down.
    node.reputation_bp = record.score() / 100;
    put(ctx, id, node)
}

/// Whether all of a node's units are audited and unpaid still.
pub fn on_probation(node: &Node) -> bool {
    node.held_back_ucredits < node.held_back_goal_ucredits
}

/// Keeps back what is missing of the goal, with the same part of what was burned for it, rounded down; gives the value that
/// is left to be paid, and what was burned for that.
///
/// # Errors
/// When the state fails.
pub fn hold_back(ctx: &mut Context, id: &NodeId, ucredits: u64, paid: &Paid) -> Result<(u64, Paid), Failure> {
    let Some(mut node) = get(ctx, id)? else { return Ok((ucredits, *paid)) };
    let kept = node.held_back_goal_ucredits.saturating_sub(node.held_back_ucredits).min(ucredits);
    if kept == 0 {
        return Ok((ucredits, *paid));
    }
    let burned = Burned { lux: paid.lux_burned, usd: paid.usd_vault }.part(kept, ucredits);
    node.held_back_ucredits = node.held_back_ucredits.saturating_add(kept);
    Burned::held(&node).plus(burned).hold(&mut node);
    put(ctx, id, node)?;
    let left = Paid {
        lux_burned: paid.lux_burned.saturating_sub(burned.lux),
        usd_vault: paid.usd_vault.saturating_sub(burned.usd),
        ..*paid
    };
    Ok((ucredits.saturating_sub(kept), left))
}

/// A proven fault: the node loses a part of what is kept back, rounded up, and is banned at the third. Gives what it lost.
///
/// # Errors
/// When the state fails.
pub fn slash(ctx: &mut Context, id: &NodeId, reason: &str) -> Result<u64, Failure> {
    let share = u128::from(epoch::params(ctx)?.slash_bp.min(10_000));
    let Some(mut node) = get(ctx, id)? else { return Ok(0) };
    let taken = (u128::from(node.held_back_ucredits) * share).div_ceil(10_000);
    let taken = u64::try_from(taken).unwrap_or(node.held_back_ucredits).min(node.held_back_ucredits);
    let held = Burned::held(&node);
    let lost = held.part(taken, node.held_back_ucredits);
    held.less(lost).hold(&mut node);
    Burned::taken(&node).plus(lost).take(&mut node);
    node.held_back_ucredits = node.held_back_ucredits.saturating_sub(taken);
    node.taken_ucredits = node.taken_ucredits.saturating_add(taken);
    node.strikes = node.strikes.saturating_add(1);
    let ban = node.strikes >= STRIKES && node.state() != NodeState::Banned;
    put(ctx, id, node)?;
    if ban {
        window::close(ctx, id, NodeState::Banned, reason)?;
    }
    Ok(taken)
}

/// An appeal took a fault back: what was lost returns, and a ban with it, to be enabled anew.
///
/// # Errors
/// When the state fails.
pub fn forgive(ctx: &mut Context, id: &NodeId, ucredits: u64) -> Result<(), Failure> {
    let Some(mut node) = get(ctx, id)? else { return Ok(()) };
    let taken = Burned::taken(&node);
    let back = taken.part(ucredits, node.taken_ucredits);
    taken.less(back).take(&mut node);
    Burned::held(&node).plus(back).hold(&mut node);
    node.held_back_ucredits = node.held_back_ucredits.saturating_add(ucredits);
    node.taken_ucredits = node.taken_ucredits.saturating_sub(ucredits);
    node.strikes = node.strikes.saturating_sub(1);
    if node.state() == NodeState::Banned && node.strikes < STRIKES {
        node.set_state(NodeState::Disabled);
    }
    put(ctx, id, node)
}
