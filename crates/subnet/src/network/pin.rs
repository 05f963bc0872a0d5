//! The machine that a subnet asks for, held firm for a neuron: what a miner offers to a subnet it cannot sell elsewhere.
//!
//! Of a coldkey that registered no host nothing can be held: its neurons are shown as not pinned, their machines are claimed.

use ledger::capacity::{self, Claim, Request};
use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Neuron, Subnet};

use super::events;
use super::state::{NEURONS, UIDS, put_neuron};
use crate::ids::{self, HotkeyId, Netuid};

/// The market's name in the capacity ledger.
pub const MARKET: &str = "subnet";

/// Holds what the subnet asks for on a host of the neuron's coldkey.
///
/// # Errors
/// `capacity` 2 when its hosts have no room.
pub(super) fn hold(ctx: &mut Context, subnet: &Subnet, neuron: &mut Neuron, hotkey: &HotkeyId) -> Result<(), Failure> {
    let Some(minimum) = subnet.minimum.clone().filter(|minimum| minimum.cpu_milli > 0 || minimum.memory > 0) else {
        return Ok(());
    };
    let provider = ctx.address(&neuron.coldkey)?;
    if capacity::hosts(ctx, &provider)? == 0 {
        return Ok(());
    }
    let (cpu_milli, memory, storage) = (minimum.cpu_milli, minimum.memory, minimum.storage);
    let request = Request { cpu_milli, memory, storage, gpus: Vec::new() };
    let reference = ids::reference(subnet.netuid, hotkey);
    let claim = Claim { market: MARKET, reference, units: vec![(request, 1)] };
    capacity::hold_firm(ctx, &provider, &claim)?;
    neuron.pinned = true;
    Ok(())
}

/// Lets go of a neuron's machine, if one is held.
///
/// # Errors
/// When the state fails.
pub(super) fn release(ctx: &mut Context, netuid: Netuid, hotkey: &HotkeyId) -> Result<(), Failure> {
    capacity::release(ctx, MARKET, &ids::reference(netuid, hotkey))
}

/// A machine is gone: its neuron stays, and is shown as not pinned.
///
/// # Errors
/// When the state fails.
pub(crate) fn lost(ctx: &mut Context, netuid: Netuid, hotkey: &HotkeyId) -> Result<(), Failure> {
    let Some(uid) = UIDS.get(&ctx.state, &(*hotkey, netuid))? else { return Ok(()) };
    let Some(mut neuron) = NEURONS.get(&ctx.state, &(netuid, uid))? else { return Ok(()) };
    neuron.pinned = false;
    put_neuron(ctx, &neuron);
    events::neuron(ctx, netuid, uid, hotkey, "unpinned", 0);
    Ok(())
}
