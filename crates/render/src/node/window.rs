//! The window of a node: an interruptible hold on its host, and what becomes of its units when it closes.

use ledger::{Context, Failure, capacity};
use proto::tetra::render::v1::{Node, NodeState, UnitId as WireUnit};

use super::events;
use super::state::{get, put};
use crate::ids::{NodeId, UnitId};
use crate::job;

/// The market's name in the capacity ledger.
pub const MARKET: &str = "render";

/// How a unit comes back from its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// A firm hold took the machine, or its owner wanted it back: nobody's fault.
    None,
    /// The node was gone.
    Gone,
}

/// Opens the window of a node.
///
/// # Errors
/// `capacity` 2, 3 or 8; `sdk` 4 when the host is another's.
pub(super) fn open(ctx: &mut Context, id: &NodeId, node: &Node) -> Result<u64, Failure> {
    let reference = id.text(&ctx.chain.prefix);
    let resources = node.window.clone().unwrap_or_default();
    let made = capacity::open_window(ctx, &id.owner, &id.host, (MARKET, &reference), &resources)?;
    Ok(made.first().map_or(0, |hold| hold.id))
}

/// Closes the window of a node that leaves by itself, or is banned: its units go back.
///
/// # Errors
/// When the state fails.
pub fn close(ctx: &mut Context, id: &NodeId, state: NodeState, reason: &str) -> Result<(), Failure> {
    capacity::release(ctx, MARKET, &id.text(&ctx.chain.prefix))?;
    leave(ctx, id, state, Blame::None, reason)
}

/// A firm hold took the machine: the node has yielded and its units go back.
///
/// # Errors
/// When the state fails.
pub fn taken(ctx: &mut Context, id: &NodeId) -> Result<(), Failure> {
    match get(ctx, id)?.map(|node| node.state()) {
        Some(NodeState::Ready | NodeState::Asleep | NodeState::Offline) => {
            leave(ctx, id, NodeState::Yielded, Blame::None, "another market took the machine")
        }
        _ => Ok(()),
    }
}

/// Puts a node into a state in which it works on nothing.
///
/// # Errors
/// When the state fails.
pub(super) fn leave(
    ctx: &mut Context,
    id: &NodeId,
    state: NodeState,
    blame: Blame,
    reason: &str,
) -> Result<(), Failure> {
    let Some(mut node) = get(ctx, id)? else { return Ok(()) };
    let working = std::mem::take(&mut node.working);
    works(ctx, id, &node)?;
    node.set_state(state);
    put(ctx, id, node)?;
    events::state(ctx, id, state, reason);
    for unit in working {
        let unit = UnitId::from_wire(ctx, Some(&unit))?;
        job::returned(ctx, &unit, id, blame, reason)?;
    }
    Ok(())
}

/// Tells the capacity ledger whether the window is worked in: while it is not, others may borrow of it.
fn works(ctx: &mut Context, id: &NodeId, node: &Node) -> Result<(), Failure> {
    capacity::work_in(ctx, MARKET, &id.text(&ctx.chain.prefix), !node.working.is_empty())
}

/// Puts a unit into a node's hands.
///
/// # Errors
/// When the state fails.
pub(crate) fn take_unit(ctx: &mut Context, id: &NodeId, unit: &UnitId) -> Result<(), Failure> {
    let Some(mut node) = get(ctx, id)? else { return Ok(()) };
    node.working.push(unit.to_wire(&ctx.chain.prefix));
    node.idle_since_height = ctx.block.height;
    works(ctx, id, &node)?;
    put(ctx, id, node)
}

/// Takes a unit out of a node's hands, if it is there.
///
/// # Errors
/// When the state fails.
pub(crate) fn drop_unit(ctx: &mut Context, id: &NodeId, unit: &UnitId) -> Result<(), Failure> {
    let Some(mut node) = get(ctx, id)? else { return Ok(()) };
    let unit: WireUnit = unit.to_wire(&ctx.chain.prefix);
    node.working.retain(|held| *held != unit);
    works(ctx, id, &node)?;
    put(ctx, id, node)
}
