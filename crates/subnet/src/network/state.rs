//! What is stored of subnets and neurons.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{LastLock, Neuron, Params, Subnet};
use store::{Item, Map};

use super::MODULE;
use crate::ids::{self, HotkeyId, Netuid, Uid};
use crate::refusal::network as refusal;

/// What the authority set; absent while it is the default.
pub const PARAMS: Item<Params> = Item::new(MODULE, 1);
/// Subnets.
pub const SUBNETS: Map<Netuid, Subnet> = Map::new(MODULE, 2);
/// Neurons; the uids of a subnet have no gaps.
pub const NEURONS: Map<(Netuid, Uid), Neuron> = Map::new(MODULE, 3);
/// The uid of a hotkey in a subnet.
pub const UIDS: Map<(HotkeyId, Netuid), Uid> = Map::new(MODULE, 4);
/// What the last subnet cost, and when.
pub const LAST_LOCK: Item<LastLock> = Item::new(MODULE, 5);

/// A subnet that must be there.
///
/// # Errors
/// `subnet` 3 when it is not.
pub fn require(ctx: &Context, netuid: Netuid) -> Result<Subnet, Failure> {
    SUBNETS.get(&ctx.state, &netuid)?.ok_or_else(|| refusal::not_found(netuid).into())
}

/// The neuron of a hotkey that must have one.
///
/// # Errors
/// `subnet` 9 when it has none.
pub fn require_neuron(ctx: &Context, netuid: Netuid, hotkey: &HotkeyId) -> Result<Neuron, Failure> {
    let missing = || refusal::not_registered(netuid, &ids::text(hotkey));
    let uid = UIDS.get(&ctx.state, &(*hotkey, netuid))?.ok_or_else(missing)?;
    Ok(NEURONS.get(&ctx.state, &(netuid, uid))?.ok_or_else(missing)?)
}

/// The neurons of a subnet by uid.
///
/// # Errors
/// When the state fails.
pub fn neurons(ctx: &Context, netuid: Netuid) -> Result<Vec<Neuron>, Failure> {
    Ok(NEURONS.under(&ctx.state, &netuid)?.into_iter().map(|(_, neuron)| neuron).collect())
}

/// Stores a neuron under its uid.
pub(crate) fn put_neuron(ctx: &mut Context, neuron: &Neuron) {
    NEURONS.set(&mut ctx.state, &(neuron.netuid, neuron.uid), neuron);
}

/// Stores a subnet under its number.
pub(crate) fn put(ctx: &mut Context, subnet: &Subnet) {
    SUBNETS.set(&mut ctx.state, &subnet.netuid, subnet);
}
