//! What is stored of nodes. Every index follows from the records alone.

use std::collections::BTreeSet;

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Node, NodeState};
use store::{Key, Map, Page, PageQuery};

use super::{MODULE, pool, sleep};
use crate::engine::Class;
use crate::ids::NodeId;
use crate::refusal::node as refusal;

/// Nodes, also those that are disabled or banned: what was kept back and proven stays.
pub const NODES: Map<NodeId, Node> = Map::new(MODULE, 1);
/// Ready nodes with a free hand, by the height of their last assignment.
pub const IDLE: Map<(u64, NodeId), ()> = Map::new(MODULE, 2);
/// Nodes by the manifests of scenes that they hold.
pub const BY_SCENE: Map<([u8; 32], NodeId), ()> = Map::new(MODULE, 3);
/// Ready nodes of a class by slot; slots are dense from 1, so that one can be drawn by lot.
pub const SLOTS: Map<(Class, u32), Vec<u8>> = Map::new(MODULE, 4);
/// How many ready nodes a class has; absent when none.
pub const SLOT_COUNTS: Map<Class, u32> = Map::new(MODULE, 5);
/// Nodes by the header time (milliseconds) at which sleep or silence changes their state.
pub const TIMERS: Map<(u64, NodeId), ()> = Map::new(MODULE, 6);
/// Nodes that the authority named trusted.
pub const TRUSTED: Map<NodeId, ()> = Map::new(MODULE, 7);

/// The manifests that a node holds.
pub fn scenes(node: &Node) -> BTreeSet<[u8; 32]> {
    node.scenes.iter().filter_map(|scene| scene.as_slice().try_into().ok()).collect()
}

/// How many units it has in hand.
pub fn in_hand(node: &Node) -> u32 {
    u32::try_from(node.working.len()).unwrap_or(u32::MAX)
}

/// Whether it can take a unit.
pub fn is_idle(node: &Node) -> bool {
    node.state() == NodeState::Ready && in_hand(node) < node.hands
}

/// A node, if it was ever enabled.
///
/// # Errors
/// When the state fails.
pub fn get(ctx: &Context, id: &NodeId) -> Result<Option<Node>, Failure> {
    Ok(NODES.get(&ctx.state, id)?)
}

/// A node that must be there.
///
/// # Errors
/// `render_node` 3 when it is not.
pub fn require(ctx: &Context, id: &NodeId) -> Result<Node, Failure> {
    get(ctx, id)?.ok_or_else(|| refusal::not_found(&id.text(&ctx.chain.prefix)).into())
}

/// Stores a node and moves its index entries. Its slot and the time of its next change are set here.
///
/// # Errors
/// When the state fails.
pub fn put(ctx: &mut Context, id: &NodeId, mut node: Node) -> Result<(), Failure> {
    let old = get(ctx, id)?.unwrap_or_default();
    node.wakes_ms = sleep::next_change(&node);
    node.slot = old.slot;
    pool::follow(ctx, id, &mut node)?;
    index(ctx, id, &old, &node);
    NODES.set(&mut ctx.state, id, &node);
    Ok(())
}

/// Stores a node of genesis, which has its slot and its next change already.
pub(crate) fn import(ctx: &mut Context, id: &NodeId, node: &Node) {
    pool::import(ctx, id, node);
    index(ctx, id, &Node::default(), node);
    NODES.set(&mut ctx.state, id, node);
}

fn index(ctx: &mut Context, id: &NodeId, old: &Node, new: &Node) {
    if is_idle(old) {
        IDLE.remove(&mut ctx.state, &(old.idle_since_height, *id));
    }
    if is_idle(new) {
        IDLE.set(&mut ctx.state, &(new.idle_since_height, *id), &());
    }
    if old.wakes_ms > 0 {
        TIMERS.remove(&mut ctx.state, &(old.wakes_ms, *id));
    }
    if new.wakes_ms > 0 {
        TIMERS.set(&mut ctx.state, &(new.wakes_ms, *id), &());
    }
    let (before, after) = (scenes(old), scenes(new));
    for scene in before.difference(&after) {
        BY_SCENE.remove(&mut ctx.state, &(*scene, *id));
    }
    for scene in after.difference(&before) {
        BY_SCENE.set(&mut ctx.state, &(*scene, *id), &());
    }
}

/// Up to `limit` ready nodes with a free hand, longest idle first, from a place on; and where it goes on.
///
/// # Errors
/// When the state fails.
pub fn idle(ctx: &Context, from: Option<Vec<u8>>, limit: usize) -> Result<(Vec<NodeId>, Option<Vec<u8>>), Failure> {
    let query = PageQuery { from, limit, reverse: false };
    let Page { entries, next } = IDLE.page(&ctx.state, &(), &query)?;
    Ok((entries.into_iter().map(|((_, id), ())| id).collect(), next))
}

/// A node's id as a stored value.
pub(crate) fn id_bytes(id: &NodeId) -> Vec<u8> {
    id.to_bytes()
}

/// The node's id of a stored value.
///
/// # Errors
/// When the bytes are none: the state is corrupt.
pub(crate) fn stored_id(bytes: &[u8]) -> Result<NodeId, Failure> {
    let mut rest = bytes;
    let id = NodeId::read(&mut rest).filter(|_| rest.is_empty());
    id.ok_or_else(|| {
        let (module, key) = (MODULE.0, hex::encode(bytes));
        Failure::Broken(store::Error::Corrupt { module, key, why: "no node's id".to_owned() })
    })
}
