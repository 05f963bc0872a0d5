//! What time does to nodes. Work per block is bounded; what is left over is done in the next ones.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Node, NodeState};

use super::state::{TIMERS, get, put};
use super::window::{Blame, leave};
use super::{events, sleep};
use crate::ids::NodeId;
use crate::time::now_ms;

/// How many nodes change in one block at most.
pub const MOST_PER_BLOCK: usize = 128;

/// Lets nodes sleep and wake by their schedules, and gives up those of which there was no sign.
///
/// # Errors
/// When the state fails.
pub fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    let now = now_ms(ctx);
    for ((time, id), ()) in TIMERS.first(&ctx.state, &(), MOST_PER_BLOCK)? {
        if time > now {
            break;
        }
        if let Some(node) = get(ctx, &id)? {
            change(ctx, &id, node, now)?;
        }
    }
    Ok(())
}

fn change(ctx: &mut Context, id: &NodeId, mut node: Node, now: u64) -> Result<(), Failure> {
    node.checked_ms = now;
    if node.silent_at_ms <= now {
        put(ctx, id, node)?;
        return leave(ctx, id, NodeState::Offline, Blame::Gone, "no sign of the node");
    }
    let before = node.state();
    let (after, reason) = match sleep::is_asleep(&node.sleep, now) {
        true => (NodeState::Asleep, "its hours of sleep"),
        false => (NodeState::Ready, "its hours of work"),
    };
    node.set_state(after);
    put(ctx, id, node)?;
    if before != after {
        events::state(ctx, id, after, reason);
    }
    Ok(())
}
