//! How orders come into being.

use ledger::{Context, Failure, Rejection};
use proto::akash::deployment::v1beta4::Group;
use proto::akash::market::v1beta5::Order;
use proto::akash::market::v1beta5::order::State;

use super::events;
use super::state::{ORDERS, last_order};
use crate::deployment::state::deployment;
use crate::ids::GroupId;

/// Opens the next order of an open group, a copy of the group's spec and of the deployment's wish for reclamation.
/// The order before it, if any, has ended.
///
/// # Errors
/// `sdk` 41 after 2^32 - 1 orders.
pub fn open(ctx: &mut Context, id: &GroupId, group: &Group) -> Result<(), Failure> {
    let last = last_order(ctx, id)?.map_or(0, |(last, _)| last.oseq);
    let order_id = id.order(last.checked_add(1).ok_or_else(|| Rejection::overflow("the number of orders"))?);
    let order = Order {
        id: Some(order_id.to_wire(&ctx.chain.prefix)),
        state: State::Open.into(),
        spec: group.group_spec.clone(),
        created_at: ctx.block.height.cast_signed(),
        reclamation: deployment(ctx, &id.deployment)?.reclamation,
    };
    ORDERS.put(&mut ctx.state, &order_id, &order)?;
    events::order_created(ctx, &order_id);
    Ok(())
}
