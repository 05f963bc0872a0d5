//! What a block mints: by header time, halving by issuance (`emission::halving`, spec/bittensor.md section 3).
//!
//! A block counts at most four block intervals, so that a chain that stood still minted nothing meanwhile. Nothing is minted while
//! no subnet has a share: it would have to be recycled at once.

use emission::halving::{Carry, Halving};
use ledger::{Context, Failure};

use super::state::{EMISSION, emission};
use crate::wit;

/// The most that one block counts, in block intervals.
const MOST_INTERVALS: u64 = 4;

/// Mints what the time since the last block gives.
///
/// # Errors
/// When the state fails.
pub(crate) fn accrue(ctx: &mut Context) -> Result<(), Failure> {
    let mut so_far = emission(ctx)?;
    if so_far.shares == 0 {
        return Ok(());
    }
    let now = ctx.block.time_ms();
    let most = ctx.chain.block_interval_ms.saturating_mul(MOST_INTERVALS);
    let passed = now.saturating_sub(so_far.until_ms).min(most);
    let carry = so_far.carry.as_slice().try_into().map_or(Carry::default(), |bytes| Carry(u128::from_be_bytes(bytes)));
    // An issuance above the cap, which genesis alone could make, mints nothing.
    let minted = Halving::default().mint(wit::issuance(ctx)?, carry, passed).ok();
    let amount = minted.and_then(|minted| u64::try_from(minted.amount).ok()).unwrap_or(0);
    if let Some(minted) = minted {
        so_far.carry = minted.carry.0.to_be_bytes().to_vec();
    }
    so_far.until_ms = now;
    so_far.minted = so_far.minted.saturating_add(amount);
    EMISSION.set(&mut ctx.state, &so_far);
    wit::mint(ctx, amount)
}

/// Counts what was recycled.
///
/// # Errors
/// When the state fails.
pub(crate) fn count_recycled(ctx: &mut Context, amount: u64) -> Result<(), Failure> {
    let mut so_far = emission(ctx)?;
    so_far.recycled = so_far.recycled.saturating_add(amount);
    EMISSION.set(&mut ctx.state, &so_far);
    Ok(())
}
