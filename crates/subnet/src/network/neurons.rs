//! Neurons come, and make room (spec/bittensor.md 1.4, 1.5).

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Hotkey, Neuron, RuleSet, Rules, Subnet};
use yuma::replacement::{LEAST_MATURE, SCORE_OF_APPENDED, SCORE_OF_REPLACED, Slot, kept_by_owner, of_2024, of_2026};

use super::rules::short;
use super::state::{NEURONS, SUBNETS, UIDS, neurons, put_neuron};
use super::{events, pin};
use crate::ids::{self, HotkeyId, Netuid, Uid};
use crate::refusal::network as refusal;
use crate::{params, weight};

/// How many of its own neurons an owner keeps whatever they earn (2026).
const KEPT_BY_OWNER: usize = 1;

/// Gives a hotkey a uid: the next one, or that of the neuron that makes room. What it costs was paid.
///
/// # Errors
/// `subnet` 7 when nobody makes room, `capacity` 2 when the machine that is asked for is not there.
pub(super) fn seat(ctx: &mut Context, subnet: &mut Subnet, hotkey: &Hotkey, burned: u64) -> Result<Uid, Failure> {
    let (netuid, id) = (subnet.netuid, ids::hotkey(&hotkey.hotkey)?);
    let rules = subnet.rules.unwrap_or_default();
    let is_full = subnet.neurons >= rules.max_neurons;
    let uid = if is_full { victim(ctx, subnet, &rules)? } else { subnet.neurons };
    if is_full {
        remove(ctx, netuid, uid)?;
    } else {
        subnet.neurons = subnet.neurons.saturating_add(1);
    }
    let pruning_score = if is_full { SCORE_OF_REPLACED } else { SCORE_OF_APPENDED };
    let mut neuron = Neuron {
        netuid,
        uid,
        hotkey: hotkey.hotkey.clone(),
        coldkey: hotkey.coldkey.clone(),
        registered_height: ctx.block.height,
        registered_at: Some(ctx.block.time),
        active: true,
        pruning_score: pruning_score.into(),
        ..Neuron::default()
    };
    pin::hold(ctx, subnet, &mut neuron, &id)?;
    put_neuron(ctx, &neuron);
    UIDS.set(&mut ctx.state, &(id, netuid), &uid);
    events::neuron(ctx, netuid, uid, &id, "registered", burned);
    Ok(uid)
}

/// Who makes room in a full subnet.
fn victim(ctx: &Context, subnet: &Subnet, rules: &Rules) -> Result<Uid, Failure> {
    let neurons = neurons(ctx, subnet.netuid)?;
    let (now, immunity) = (ctx.block.height, rules.immunity);
    let kept = kept(subnet, &neurons);
    let slots: Vec<Slot> = neurons.iter().map(|neuron| slot(neuron, &kept)).collect();
    let found = match rules.rule_set() {
        RuleSet::RuleSet2024 => of_2024(&slots, now, immunity),
        _ => of_2026(&slots, now, immunity, LEAST_MATURE),
    };
    let why = format!("all {} neurons of subnet {} are their owner's or immune", subnet.neurons, subnet.netuid);
    found.map(Uid::from).ok_or_else(|| refusal::full(why).into())
}

fn slot(neuron: &Neuron, kept: &[u16]) -> Slot {
    Slot {
        score: short(neuron.pruning_score),
        emission: neuron.server_emission.saturating_add(neuron.validator_emission),
        registered: neuron.registered_height,
        kept_by_owner: kept.contains(&short(neuron.uid)),
    }
}

/// The uids that the subnet's owner keeps.
fn kept(subnet: &Subnet, neurons: &[Neuron]) -> Vec<u16> {
    let own = neurons.iter().find(|neuron| neuron.hotkey == subnet.owner_hotkey).map(|neuron| short(neuron.uid));
    let others = neurons.iter().filter(|neuron| neuron.coldkey == subnet.owner);
    let others: Vec<(u16, u64)> = others.map(|neuron| (short(neuron.uid), neuron.registered_height)).collect();
    kept_by_owner(own, &others, KEPT_BY_OWNER)
}

/// Takes a neuron out of its subnet: its machine, its weights, bonds and commitments go; its stake stays with its hotkey. What
/// others said of its uid stays, and does not count for whoever comes after.
pub(super) fn remove(ctx: &mut Context, netuid: Netuid, uid: Uid) -> Result<(), Failure> {
    let Some(neuron) = NEURONS.get(&ctx.state, &(netuid, uid))? else { return Ok(()) };
    let id = ids::hotkey(&neuron.hotkey)?;
    pin::release(ctx, netuid, &id)?;
    UIDS.remove(&mut ctx.state, &(id, netuid));
    NEURONS.remove(&mut ctx.state, &(netuid, uid));
    weight::state::forget(ctx, netuid, uid);
    events::neuron(ctx, netuid, uid, &id, "replaced", 0);
    Ok(())
}

/// Puts a hotkey in the place of another in every subnet.
///
/// # Errors
/// When the state fails.
pub(crate) fn swap_hotkey(ctx: &mut Context, from: &HotkeyId, to: &HotkeyId) -> Result<(), Failure> {
    for ((_, netuid), uid) in UIDS.under(&ctx.state, from)? {
        UIDS.remove(&mut ctx.state, &(*from, netuid));
        UIDS.set(&mut ctx.state, &(*to, netuid), &uid);
        if let Some(mut neuron) = NEURONS.get(&ctx.state, &(netuid, uid))? {
            neuron.hotkey = to.to_vec();
            // A hold is named after the hotkey.
            if neuron.pinned {
                pin::release(ctx, netuid, from)?;
                neuron.pinned = false;
                let subnet = super::require(ctx, netuid)?;
                pin::hold(ctx, &subnet, &mut neuron, to)?;
            }
            put_neuron(ctx, &neuron);
            events::neuron(ctx, netuid, uid, to, "swapped", 0);
        }
        // Commitments name the hotkey that made them: they could not be revealed any more.
        weight::state::forget_commitments(ctx, netuid, uid);
    }
    for (netuid, mut subnet) in SUBNETS.all(&ctx.state)? {
        if subnet.owner_hotkey == from {
            subnet.owner_hotkey = to.to_vec();
            SUBNETS.set(&mut ctx.state, &netuid, &subnet);
        }
    }
    Ok(())
}

/// Whether a neuron is too young to be replaced while there are others.
pub(crate) fn is_immune(neuron: &Neuron, rules: &Rules, height: u64) -> bool {
    height.saturating_sub(neuron.registered_height) < rules.immunity
}

/// What registering costs first in a subnet of these rules.
pub(crate) fn first_burn(ctx: &Context, rules: &Rules) -> Result<u64, Failure> {
    Ok(params::params(ctx)?.first_burn.clamp(rules.min_burn, rules.max_burn.max(rules.min_burn)))
}
