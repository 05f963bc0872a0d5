//! Nodes that come and go.

use ledger::capacity::Hold;
use ledger::{Context, Failure, capacity};
use proto::tetra::cluster::v1::{Cluster, Node, NodeState, Source};

use super::choice::Chosen;
use super::{MARKET, billing, events, quote};
use crate::ids::{ClusterId, NodeNumber, OfferId};
use crate::refusal::hire as refusal;
use crate::supply::state as supply;

/// Gives a place to a device that is held.
///
/// # Errors
/// `cluster` 11 when all devices of the offer are hired.
pub(super) fn seat(
    ctx: &mut Context,
    id: &ClusterId,
    cluster: &mut Cluster,
    (number, rank): (NodeNumber, u32),
    device: &Chosen,
    holds: &[Hold],
) -> Result<(), Failure> {
    let offer = supply::require(ctx, &device.offer)?;
    if supply::free(&offer) == 0 {
        return Err(refusal::gone(&device.offer.text(&ctx.chain.prefix)).into());
    }
    cluster.nodes.push(Node {
        number,
        rank,
        offer: Some(device.offer.to_wire(&ctx.chain.prefix)),
        state: NodeState::Starting.into(),
        price: device.price,
        source: device.source.into(),
        since_ms: ctx.block.time_ms(),
        fence: holds.first().map_or(0, |hold| hold.fence),
        ..Node::default()
    });
    cluster.next_number = cluster.next_number.max(number.saturating_add(1));
    supply::hire(ctx, &device.offer, true)?;
    events::node(ctx, id, number, NodeState::Starting, "reserved");
    Ok(())
}

/// Holds a device at once, firm or as a slice of a window, and gives it a place.
///
/// # Errors
/// `capacity` 2 when its host has no room; as [`seat`].
pub(super) fn add(
    ctx: &mut Context,
    id: &ClusterId,
    cluster: &mut Cluster,
    rank: u32,
    device: &Chosen,
) -> Result<(), Failure> {
    let number = cluster.next_number;
    let claim = quote::claim(ctx, id, number, &device.offer)?;
    let holds = match device.source {
        Source::RenderIdle => capacity::lend_on(ctx, &device.offer.host, &claim)?,
        _ => capacity::hold_firm_on(ctx, &device.offer.host, &claim)?,
    };
    seat(ctx, id, cluster, (number, rank), device, &holds)
}

/// Ends a live node: its payment, its hold, its place. Gives it as it was; none when it is not there.
///
/// # Errors
/// When the state fails.
pub(super) fn end(
    ctx: &mut Context,
    id: &ClusterId,
    cluster: &mut Cluster,
    number: NodeNumber,
    (state, reason): (NodeState, &str),
) -> Result<Option<Node>, Failure> {
    let now = ctx.block.time_ms();
    let Some(node) = super::state::node(cluster, number) else { return Ok(None) };
    let was = node.clone();
    node.set_state(state);
    (node.ended_ms, node.reason) = (now, reason.to_owned());
    for other in &mut cluster.nodes {
        other.reached.retain(|reached| *reached != number);
        other.unreached.retain(|unreached| unreached.number != number);
    }
    if was.state() == NodeState::Running {
        billing::end(ctx, id, number)?;
    }
    capacity::release(ctx, MARKET, &id.reference(&ctx.chain.prefix, number))?;
    supply::hire(ctx, &OfferId::from_wire(ctx, was.offer.as_ref())?, false)?;
    events::node(ctx, id, number, state, reason);
    Ok(Some(was))
}
