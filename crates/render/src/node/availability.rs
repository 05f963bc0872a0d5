//! What a node's beat counts for in the availability pool.

use ledger::{Context, Failure};
use proto::tetra::render::v1::{Node, NodeState};

use super::power;
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
        let equal = power::counted(node) == power_milli && other.host < id.host;
        other != id && node.state() == NodeState::Ready && (power::counted(node) > power_milli || equal)
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
    let power = power::counted(node);
    let lived = now_ms(ctx).saturating_sub(node.since_ms);
    Ok(Beat {
        owner: id.owner,
        rank: rank(ctx, id, power)?,
        idle_ms,
        // Thousandths of units a second, as millionths of units an hour.
        rate: narrow(u128::from(power) * 3_600_000),
        memory: narrow(u128::from(memory) * MILLION / GIB),
        age: narrow(u128::from(lived) * MILLION / u128::from(epoch_ms.max(1))),
    })
}

#[cfg(test)]
mod tests {
    use ledger::testing::{self, ALICE, BOB, advance};
    use proto::tetra::capacity::v1::Resources;

    use super::*;

    fn node(power_milli: u64, state: NodeState) -> Node {
        let window = Some(Resources { memory: 16 << 30, ..Resources::default() });
        Node { power_milli, shown_milli: power_milli, state: state.into(), window, ..Node::default() }
    }

    fn put(ctx: &mut Context, owner: primitives::Address, host: u8, node: &Node) -> NodeId {
        let id = NodeId { owner, host: [host; 32] };
        NODES.set(&mut ctx.state, &id, node);
        id
    }

    #[test]
    fn the_most_powerful_ready_node_of_an_owner_is_the_first() {
        let mut ctx = testing::empty();
        let (weak, strong) = (node(100, NodeState::Ready), node(500, NodeState::Ready));
        let ids: Vec<NodeId> =
            [&weak, &strong, &weak].into_iter().zip(1..).map(|(node, host)| put(&mut ctx, ALICE, host, node)).collect();
        put(&mut ctx, ALICE, 9, &node(900, NodeState::Banned));
        put(&mut ctx, BOB, 1, &node(900, NodeState::Ready));
        let ranks: Vec<u32> =
            ids.iter().zip([100, 500, 100]).map(|(id, power)| rank(&ctx, id, power).unwrap()).collect();
        assert_eq!(ranks, [2, 1, 3]);
    }

    #[test]
    fn beyond_64_nodes_of_an_owner_a_node_counts_nothing() {
        let mut ctx = testing::empty();
        let ready = node(100, NodeState::Ready);
        let ids: Vec<NodeId> = (0..65).map(|host| put(&mut ctx, ALICE, host, &ready)).collect();
        assert_eq!(rank(&ctx, &ids[63], 100).unwrap(), 64);
        assert_eq!(rank(&ctx, &ids[64], 100).unwrap(), u32::MAX);
    }

    #[test]
    fn units_are_those_of_the_formula() {
        let mut ctx = testing::empty();
        let ready = Node { since_ms: ctx.block.time_ms(), ..node(167, NodeState::Ready) };
        let id = put(&mut ctx, ALICE, 1, &ready);
        // Half an epoch of a week.
        advance(&mut ctx, 50_400);
        let found = beat(&ctx, &id, &ready, 60_000, 604_800_000).unwrap();
        let wanted =
            Beat { owner: ALICE, rank: 1, idle_ms: 60_000, rate: 601_200_000, memory: 16_000_000, age: 500_000 };
        assert_eq!(found, wanted);
    }
}
