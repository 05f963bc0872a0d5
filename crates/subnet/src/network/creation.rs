//! A subnet comes into being (spec/bittensor.md 1.6).

use std::num::NonZeroU64;

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Hotkey, LastLock, Params, Subnet};
use yuma::lock::{Last, cost};

use super::state::{LAST_LOCK, SUBNETS, put};
use super::{events, neurons, pruning, rules};
use crate::epoch;
use crate::ids::Netuid;
use crate::params::params;
use crate::refusal::network as refusal;
use crate::wit;

/// What a subnet costs now, base units.
///
/// # Errors
/// When the state fails.
pub fn lock_cost(ctx: &Context) -> Result<u64, Failure> {
    let params = params(ctx)?;
    let last = LAST_LOCK.get(&ctx.state)?.unwrap_or(LastLock { cost: params.min_lock, height: 0 });
    let interval = NonZeroU64::new(params.lock_interval).unwrap_or(NonZeroU64::MIN);
    let last = Last { cost: last.cost, block: last.height };
    Ok(cost(last, ctx.block.height, params.min_lock, interval))
}

/// Creates a subnet; where there are as many as may be, the weakest makes room. The owner's hotkey becomes uid 0.
///
/// # Errors
/// `subnet` 5, 6, 7; `sdk` 5.
pub(super) fn create(ctx: &mut Context, hotkey: &Hotkey, name: &str, max_lock: u64) -> Result<(Netuid, u64), Failure> {
    let params = params(ctx)?;
    not_too_early(ctx, &params)?;
    let cost = lock_cost(ctx)?;
    if cost > max_lock {
        return Err(refusal::too_dear("a subnet", cost, max_lock).into());
    }
    let netuid = free_number(ctx, &params)?;
    let owner = ctx.address(&hotkey.coldkey)?;
    wit::send(ctx, &owner, &wit::locks(), cost)?;
    LAST_LOCK.set(&mut ctx.state, &LastLock { cost, height: ctx.block.height });

    let rules = rules::default(ctx.chain.block_interval_ms);
    let height = ctx.block.height;
    // So that epochs of subnets are spread over blocks.
    let last_epoch_height = height.saturating_sub(u64::from(netuid) % rules.tempo.max(1));
    let mut subnet = Subnet {
        netuid,
        name: name.to_owned(),
        owner: hotkey.coldkey.clone(),
        owner_hotkey: hotkey.hotkey.clone(),
        registered_height: height,
        locked: cost,
        burn: neurons::first_burn(ctx, &rules)?,
        burn_height: height,
        last_epoch_height,
        rules: Some(rules),
        ..Subnet::default()
    };
    neurons::seat(ctx, &mut subnet, hotkey, 0)?;
    put(ctx, &subnet);
    epoch::running::schedule(ctx, &subnet);
    epoch::sharing::look_soon(ctx)?;
    events::subnet(ctx, netuid, "created", &hotkey.coldkey, cost);
    Ok((netuid, cost))
}

fn not_too_early(ctx: &Context, params: &Params) -> Result<(), Failure> {
    let last = LAST_LOCK.get(&ctx.state)?.map_or(0, |last| last.height);
    let next = last.saturating_add(params.creation_interval);
    if last > 0 && ctx.block.height < next {
        return Err(refusal::too_early("creating a subnet", next).into());
    }
    Ok(())
}

/// The lowest number that no subnet has, from 1; that of the weakest where there are too many.
fn free_number(ctx: &mut Context, params: &Params) -> Result<Netuid, Failure> {
    let taken: Vec<Netuid> = SUBNETS.all(&ctx.state)?.into_iter().map(|(netuid, _)| netuid).collect();
    if taken.len() < usize::try_from(params.subnet_limit).unwrap_or(usize::MAX) {
        let free = (1..).zip(&taken).find(|(number, netuid)| number != *netuid).map(|(number, _)| number);
        return Ok(free.unwrap_or_else(|| u32::try_from(taken.len()).unwrap_or(u32::MAX).saturating_add(1)));
    }
    let weakest = pruning::weakest(ctx, params)?;
    pruning::prune(ctx, weakest)?;
    Ok(weakest)
}
