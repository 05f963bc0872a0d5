//! Epochs of subnets: when they come, and what they pay (spec/bittensor.md 1.1, 1.2, 2.2).

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Neuron, Row, Subnet};
use yuma::Outcome;

use super::state::DUE;
use super::{events, input, sharing};
use crate::ids;
use crate::key::pay;
use crate::network::burn;
use crate::network::state::{neurons, put, put_neuron, require};
use crate::params::params;
use crate::weight::commitment::{self, Time};
use crate::weight::state::{BONDS, commitments, put_commitments};
use crate::{weight, wit};

/// What an owner's cut is counted in.
const CUT_ONE: u128 = 65_535;

/// The height of a subnet's next epoch.
pub fn next_height(subnet: &Subnet) -> u64 {
    subnet.last_epoch_height.saturating_add(subnet.rules.unwrap_or_default().tempo.max(1))
}

/// Puts a subnet among those that wait for their epoch.
pub(crate) fn schedule(ctx: &mut Context, subnet: &Subnet) {
    DUE.set(&mut ctx.state, &(next_height(subnet), subnet.netuid), &());
}

/// Takes it out again, before something changes by which its next epoch is found.
pub(crate) fn unschedule(ctx: &mut Context, subnet: &Subnet) {
    DUE.remove(&mut ctx.state, &(next_height(subnet), subnet.netuid));
}

/// Runs the epoch of the subnet that waits longest, if its height has come. Others wait for the next blocks.
///
/// # Errors
/// When the state fails.
pub(crate) fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    match DUE.first(&ctx.state, &(), 1)?.first() {
        Some(((height, netuid), ())) if *height <= ctx.block.height => {
            let subnet = require(ctx, *netuid)?;
            run(ctx, subnet)
        }
        _ => Ok(()),
    }
}

/// What an epoch has to pay.
struct Purse {
    pending: u64,
    owner: u64,
}

impl Purse {
    fn of(ctx: &Context, subnet: &Subnet) -> Result<Self, Failure> {
        let cut = u128::from(params(ctx)?.owner_cut);
        let owner = u64::try_from(u128::from(subnet.pending) * cut / CUT_ONE).unwrap_or(0);
        Ok(Self { pending: subnet.pending, owner: owner.min(subnet.pending) })
    }

    /// What Yuma divides.
    fn divided(&self) -> u64 {
        self.pending.saturating_sub(self.owner)
    }
}

fn run(ctx: &mut Context, mut subnet: Subnet) -> Result<(), Failure> {
    unschedule(ctx, &subnet);
    sharing::draw(ctx, &mut subnet)?;
    burn::settle(&mut subnet, ctx.block.height);
    let purse = Purse::of(ctx, &subnet)?;
    let mut members = neurons(ctx, subnet.netuid)?;
    match input::load(ctx, &subnet, &members, purse.divided())? {
        Ok(epoch) => {
            let outcome = epoch.run();
            settle(ctx, &mut subnet, &mut members, &outcome, &purse)?;
        }
        // A promise of the state is broken; money stays where it is until it is mended.
        Err(unfit) => events::unfit(ctx, subnet.netuid, &unfit.to_string()),
    }
    subnet.last_epoch_height = ctx.block.height;
    put(ctx, &subnet);
    schedule(ctx, &subnet);
    Ok(())
}

fn settle(
    ctx: &mut Context,
    subnet: &mut Subnet,
    members: &mut [Neuron],
    outcome: &Outcome,
    purse: &Purse,
) -> Result<(), Failure> {
    // Nobody is paid where no miner has a weight, validators and owner neither: else an empty subnet would be worth having.
    let earned = outcome.server_emission.iter().any(|mined| *mined > 0);
    let (mut paid, mut returned) = (0u64, 0u64);
    for (place, neuron) in members.iter_mut().enumerate() {
        let mined = if earned { at(&outcome.server_emission, place) } else { 0 };
        let validated = if earned { at(&outcome.validator_emission, place) } else { 0 };
        learn(neuron, outcome, place, mined, validated);
        put_neuron(ctx, neuron);
        if mined > 0 || validated > 0 {
            let unpaid = pay::pay(ctx, &ids::hotkey(&neuron.hotkey)?, mined, validated)?;
            paid = paid.saturating_add(mined).saturating_add(validated);
            returned = returned.saturating_add(unpaid);
        }
        store_bonds(ctx, neuron, outcome, place);
        expire(ctx, subnet, neuron)?;
    }
    let owner_paid = if earned { purse.owner } else { 0 };
    let paid = paid.saturating_sub(returned);
    let recycled = purse.pending.saturating_sub(owner_paid).saturating_sub(paid);
    let owner = ctx.address(&subnet.owner)?;
    wit::send(ctx, &wit::emission(), &wit::stakes(), paid)?;
    wit::send(ctx, &wit::emission(), &owner, owner_paid)?;
    wit::recycle(ctx, &wit::emission(), recycled, "emission_that_nobody_earned")?;
    subnet.pending = 0;
    subnet.epochs = subnet.epochs.saturating_add(1);
    subnet.recycled = subnet.recycled.saturating_add(recycled);
    events::epoch(ctx, subnet, paid, owner_paid, recycled);
    Ok(())
}

/// What the epoch says of a neuron.
fn learn(neuron: &mut Neuron, outcome: &Outcome, place: usize, mined: u64, validated: u64) {
    let short = |values: &[yuma::Fixed]| values.get(place).copied().map_or(0, |value| value.to_u16().into());
    neuron.active = outcome.active.get(place).copied().unwrap_or(false);
    neuron.permit = outcome.permits.get(place).copied().unwrap_or(false);
    neuron.consensus = short(&outcome.consensus);
    neuron.trust = outcome.trust.as_deref().map_or(0, short);
    neuron.validator_trust = short(&outcome.validator_trust);
    neuron.incentive = short(&outcome.incentive);
    neuron.dividends = short(&outcome.dividends);
    neuron.pruning_score = outcome.pruning_scores.get(place).copied().unwrap_or(0).into();
    (neuron.server_emission, neuron.validator_emission) = (mined, validated);
}

fn store_bonds(ctx: &mut Context, neuron: &Neuron, outcome: &Outcome, place: usize) {
    let (uids, values): (Vec<u32>, Vec<u32>) =
        outcome.bonds.cells().row_cells(place).map(|(uid, value)| (u32::from(uid), u32::from(value))).unzip();
    let key = (neuron.netuid, neuron.uid);
    if uids.is_empty() {
        BONDS.remove(&mut ctx.state, &key);
    } else {
        BONDS.set(&mut ctx.state, &key, &Row { uids, values });
    }
}

/// Drops commitments that cannot be revealed any more once this epoch is counted.
fn expire(ctx: &mut Context, subnet: &Subnet, neuron: &Neuron) -> Result<(), Failure> {
    let mut open = commitments(ctx, neuron.netuid, neuron.uid)?;
    let before = open.len();
    let (epochs, rules) = (subnet.epochs.saturating_add(1), subnet.rules.unwrap_or_default());
    open.retain(|found| commitment::time(found, epochs, &rules) != Time::Late);
    if open.len() < before {
        put_commitments(ctx, neuron.netuid, neuron.uid, open);
        weight::events::weights(ctx, neuron.netuid, neuron.uid, "expired");
    }
    Ok(())
}

fn at(values: &[u64], place: usize) -> u64 {
    values.get(place).copied().unwrap_or(0)
}
