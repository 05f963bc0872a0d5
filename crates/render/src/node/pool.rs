//! The ready nodes of each engine build and device class, in dense slots, so that any of them can be drawn with equal
//! chance and without a look at the others.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Node, NodeState};

use super::state::{NODES, SLOT_COUNTS, SLOTS, id_bytes, stored_id};
use crate::engine::{Class, class};
use crate::ids::NodeId;

fn class_of(node: &Node) -> Class {
    class(&node.engine.clone().unwrap_or_default())
}

/// How many ready nodes a class has.
///
/// # Errors
/// When the state fails.
pub fn count(ctx: &Context, class: &Class) -> Result<u32, Failure> {
    Ok(SLOT_COUNTS.get(&ctx.state, class)?.unwrap_or(0))
}

/// The node in a slot, from 1.
///
/// # Errors
/// When the state fails.
pub fn at(ctx: &Context, class: &Class, slot: u32) -> Result<Option<NodeId>, Failure> {
    SLOTS.get(&ctx.state, &(*class, slot))?.map(|bytes| stored_id(&bytes)).transpose()
}

/// Gives a node that became ready the slot after the last; of one that is ready no more, the last one's node takes the slot.
/// A node changes its engine only while it has none.
pub(super) fn follow(ctx: &mut Context, id: &NodeId, node: &mut Node) -> Result<(), Failure> {
    let class = class_of(node);
    let ready = node.state() == NodeState::Ready;
    let last = count(ctx, &class)?;
    if ready && node.slot == 0 {
        node.slot = last.saturating_add(1);
        SLOTS.set(&mut ctx.state, &(class, node.slot), &id_bytes(id));
        SLOT_COUNTS.set(&mut ctx.state, &class, &node.slot);
    } else if !ready && node.slot > 0 {
        if node.slot < last
            && let Some(mover) = at(ctx, &class, last)?
        {
            SLOTS.set(&mut ctx.state, &(class, node.slot), &id_bytes(&mover));
            if let Some(mut moved) = NODES.get(&ctx.state, &mover)? {
                moved.slot = node.slot;
                NODES.set(&mut ctx.state, &mover, &moved);
            }
        }
        SLOTS.remove(&mut ctx.state, &(class, last));
        match last {
            0 | 1 => SLOT_COUNTS.remove(&mut ctx.state, &class),
            _ => SLOT_COUNTS.set(&mut ctx.state, &class, &(last - 1)),
        }
        node.slot = 0;
    }
    Ok(())
}

/// Puts a node of genesis into its slot.
pub(super) fn import(ctx: &mut Context, id: &NodeId, node: &Node) {
    if node.slot == 0 {
        return;
    }
    let class = class_of(node);
    SLOTS.set(&mut ctx.state, &(class, node.slot), &id_bytes(id));
    let count = SLOT_COUNTS.get(&ctx.state, &class).ok().flatten().unwrap_or(0);
    SLOT_COUNTS.set(&mut ctx.state, &class, &count.max(node.slot));
}
