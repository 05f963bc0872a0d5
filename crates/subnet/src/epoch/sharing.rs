//! Shares of emission: set from time to time by root's word, drawn when they are needed.
//!
//! With `E` minted since shares were set, a subnet has had `floor(share × E / 2^32)` in all, whenever and however often it drew:
//! drawing often gives as much as drawing once. When shares are set anew all subnets draw first, and what rounding and missing
//! shares left is recycled.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Split, Subnet};
use store::Map;

use super::events;
use super::split::{self, Member, WHOLE};
use super::state::{EMISSION, emission};
use crate::ids::Netuid;
use crate::key::state::stake_of;
use crate::network::rules::short;
use crate::network::state::{SUBNETS, put};
use crate::params::params;
use crate::weight::state::{SEATS, pairs};
use crate::wit;

/// What a subnet has of the emission since shares were set and has not drawn, base units.
///
/// # Errors
/// When the state fails.
pub fn due(ctx: &Context, subnet: &Subnet) -> Result<u64, Failure> {
    let minted = emission(ctx)?.minted;
    let had = u128::from(subnet.share) * u128::from(minted) / u128::from(WHOLE);
    Ok(u64::try_from(had).unwrap_or(u64::MAX).saturating_sub(subnet.drawn))
}

/// Draws what a subnet has into its pending emission. The caller stores it.
pub(crate) fn draw(ctx: &Context, subnet: &mut Subnet) -> Result<(), Failure> {
    let due = due(ctx, subnet)?;
    subnet.drawn = subnet.drawn.saturating_add(due);
    subnet.pending = subnet.pending.saturating_add(due);
    Ok(())
}

/// Sets shares anew when root's time has come.
///
/// # Errors
/// When the state fails.
pub(crate) fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    let Some(so_far) = EMISSION.get(&ctx.state)? else { return Ok(()) };
    let next = so_far.shares_height.saturating_add(params(ctx)?.root_tempo);
    if so_far.shares_height > 0 && ctx.block.height < next {
        return Ok(());
    }
    set_shares(ctx)
}

/// Has shares set anew at the next block: a subnet came, or the policy changed.
///
/// # Errors
/// When the state fails.
pub(crate) fn look_soon(ctx: &mut Context) -> Result<(), Failure> {
    let mut so_far = emission(ctx)?;
    so_far.shares_height = 0;
    EMISSION.set(&mut ctx.state, &so_far);
    Ok(())
}

fn set_shares(ctx: &mut Context) -> Result<(), Failure> {
    let mut subnets: Vec<Subnet> = all(ctx, &SUBNETS)?;
    for subnet in &mut subnets {
        draw(ctx, subnet)?;
    }
    let pending = subnets.iter().fold(0u64, |sum, subnet| sum.saturating_add(subnet.pending));
    let there = u64::try_from(wit::balance(ctx, &wit::emission())?).unwrap_or(u64::MAX);
    let left = there.saturating_sub(pending);
    wit::recycle(ctx, &wit::emission(), left, "emission_without_a_share")?;
    events::shares(ctx, left);

    let numbers: Vec<Netuid> = subnets.iter().map(|subnet| subnet.netuid).collect();
    let policy = params(ctx)?.split();
    let root = if policy == Split::Root { members(ctx)? } else { Vec::new() };
    let shares = split::shares(policy, &numbers, &root);
    let mut sum = 0u64;
    for (subnet, share) in subnets.iter_mut().zip(shares) {
        (subnet.share, subnet.drawn) = (share, 0);
        sum = sum.saturating_add(share);
        put(ctx, subnet);
    }
    let mut so_far = emission(ctx)?;
    // While nobody had a share no time was counted.
    if so_far.shares == 0 {
        so_far.until_ms = ctx.block.time_ms();
    }
    (so_far.minted, so_far.shares, so_far.shares_height) = (0, sum, ctx.block.height);
    EMISSION.set(&mut ctx.state, &so_far);
    Ok(())
}

fn all(ctx: &Context, subnets: &Map<Netuid, Subnet>) -> Result<Vec<Subnet>, Failure> {
    Ok(subnets.all(&ctx.state)?.into_iter().map(|(_, subnet)| subnet).collect())
}

/// Who sits on root, with stake and weights.
fn members(ctx: &Context) -> Result<Vec<Member>, Failure> {
    let mut members = Vec::new();
    for (id, seat) in SEATS.all(&ctx.state)? {
        let row = seat.weights.unwrap_or_default();
        let weights = pairs(&row).map(|(netuid, weight)| (netuid, short(weight))).collect();
        members.push(Member { stake: stake_of(ctx, &id)?, weights });
    }
    Ok(members)
}
