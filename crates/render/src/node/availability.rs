//! What a node's beat counts for in the availability pool.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Node, NodeState};

use super::state::NODES;
use crate::epoch::Beat;
use crate::ids::NodeId;
use crate::time::now_ms;

/// How many of an owner's nodes are looked at for a rank; beyond it, `P(x)` of RNP-015 is nothing.
const MOST: usize = 64;
const MILLION: u128 = 1_000_000;
const GIB: u128 = 1 << 30;

fn narrow(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// The place of a node among its owner's ready ones, the most powerful first, equal ones in order of their keys.
fn rank(ctx: &Context, id: &NodeId, power_milli: u64) -> Result<u32, Failure> {
    let others = NODES.first(&ctx.state, &id.owner, MOST)?;
    if others.len() == MOST && !others.iter().any(|(other, _)| other == id) {
        return Ok(u32::MAX);
    }
    let is_before = |(other, node): &&(NodeId, Node)| {
        let equal = node.power_milli == power_milli && other.host < id.host;
        other != id && node.state() == NodeState::Ready && (node.power_milli > power_milli || equal)
    };
    let before = others.iter().filter(is_before).count();
    Ok(u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1))
}

/// The facts of a ready node that had nothing in hand for `idle_ms`.
///
/// # Errors
/// When the state fails.
pub fn beat(ctx: &Context, id: &NodeId, node: &Node, idle_ms: u64, epoch_ms: u64) -> Result<Beat, Failure> {
    let memory = node.window.as_ref().map_or(0, |window| window.memory);
    let lived = now_ms(ctx).saturating_sub(node.since_ms);
    Ok(Beat {
        owner: id.owner,
        rank: rank(ctx, id, node.power_milli)?,
        idle_ms,
        // Thousandths of units a second, as millionths of units an hour.
        rate: narrow(u128::from(node.power_milli) * 3_600_000),
        memory: narrow(u128::from(memory) * MILLION / GIB),
        age: narrow(u128::from(lived) * MILLION / u128::from(epoch_ms.max(1))),
    })
}
