//! What always holds of emission.

use ledger::{Context, Failure};

use super::running::next_height;
use super::sharing::due;
use super::split::WHOLE;
use super::state::{DUE, emission};
use crate::network::state::SUBNETS;
use crate::wit;

/// Broken promises: shares sum up to what is counted, and to no more than all; the account of emission holds at least what is
/// pending and due, and no more than what was minted since shares were set beside that; each subnet waits for one epoch; no more
/// WIT exists than the cap.
///
/// # Errors
/// When the state fails.
pub(crate) fn check(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    let so_far = emission(ctx)?;
    let (mut shares, mut pending, mut drawn, mut waiting) = (0u64, 0u128, 0u128, 0usize);
    for (netuid, subnet) in SUBNETS.all(&ctx.state)? {
        shares = shares.saturating_add(subnet.share);
        pending = pending.saturating_add(subnet.pending.into()).saturating_add(due(ctx, &subnet)?.into());
        drawn = drawn.saturating_add(subnet.drawn.into());
        waiting = waiting.saturating_add(1);
        if !DUE.has(&ctx.state, &(next_height(&subnet), netuid))? {
            broken.push(format!("subnet {netuid} does not wait for its epoch"));
        }
    }
    if DUE.all(&ctx.state)?.len() != waiting {
        broken.push("something waits for an epoch that is no subnet".to_owned());
    }
    // A pruned subnet's share is gone, and its part is recycled when shares are set anew.
    if shares > so_far.shares || so_far.shares > WHOLE {
        broken.push(format!("shares sum up to {shares}, {} are counted, of {WHOLE}", so_far.shares));
    }
    let there = wit::balance(ctx, &wit::emission())?;
    let most = pending.saturating_add(so_far.minted.into());
    if there < pending || there > most {
        broken.push(format!("{pending}nwit are pending, the account of emission has {there}nwit, {drawn} drawn"));
    }
    let issuance = wit::issuance(ctx)?;
    if issuance > emission::halving::CAP {
        broken.push(format!("{issuance}nwit exist, more than the cap"));
    }
    Ok(broken)
}
