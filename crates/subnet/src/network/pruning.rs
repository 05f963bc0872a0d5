//! The weakest subnet makes room (spec/bittensor.md 1.6).

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Params, Subnet};

use super::state::{SUBNETS, require};
use super::{events, neurons};
use crate::ids::Netuid;
use crate::refusal::network as refusal;
use crate::{epoch, weight, wit};

/// Of the subnets past their immunity the one with the least share of emission, then the oldest, then the lowest number.
///
/// # Errors
/// `subnet` 7 when all are immune.
pub(super) fn weakest(ctx: &Context, params: &Params) -> Result<Netuid, Failure> {
    let age = |subnet: &Subnet| ctx.block.height.saturating_sub(subnet.registered_height);
    let all = SUBNETS.all(&ctx.state)?;
    let count = all.len();
    let mature = all.into_iter().map(|(_, subnet)| subnet).filter(|subnet| age(subnet) >= params.subnet_immunity);
    let weakest = mature.min_by_key(|subnet| (subnet.share, subnet.registered_height, subnet.netuid));
    let why = format!("there are {count} subnets, and all of them are too young to be pruned");
    weakest.map(|subnet| subnet.netuid).ok_or_else(|| refusal::full(why).into())
}

/// Ends a subnet: what it had not paid is recycled, its lock goes back to its owner, neurons go, root's weights for it too.
///
/// # Errors
/// When the state fails.
pub(super) fn prune(ctx: &mut Context, netuid: Netuid) -> Result<(), Failure> {
    let mut subnet = require(ctx, netuid)?;
    epoch::sharing::draw(ctx, &mut subnet)?;
    wit::recycle(ctx, &wit::emission(), subnet.pending, "emission_of_a_pruned_subnet")?;
    for uid in 0..subnet.neurons {
        neurons::remove(ctx, netuid, uid)?;
    }
    weight::root::forget_subnet(ctx, netuid)?;
    epoch::running::unschedule(ctx, &subnet);
    SUBNETS.remove(&mut ctx.state, &netuid);
    let owner = ctx.address(&subnet.owner)?;
    wit::send(ctx, &wit::locks(), &owner, subnet.locked)?;
    events::subnet(ctx, netuid, "pruned", &subnet.owner, subnet.locked);
    Ok(())
}
