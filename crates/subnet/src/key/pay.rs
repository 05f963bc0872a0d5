//! How what an epoch gives a hotkey is divided (spec/bittensor.md 1.2).

use ledger::{Context, Failure};

use super::state::{HOTKEYS, get, pool, set_pool, set_shares, shares};
use crate::ids::HotkeyId;

/// What a take is counted in.
const TAKE_ONE: u128 = 65_535;

/// Pays a hotkey for mining and validating, base units that lie in the account of stakes already: of what it validated its take,
/// rounded down, and all that it mined becomes stake of its coldkey; the rest raises every share of its pool. Gives what could
/// not be paid, because nothing counts that high or the hotkey is gone.
pub(crate) fn pay(ctx: &mut Context, id: &HotkeyId, mined: u64, validated: u64) -> Result<u64, Failure> {
    let Some(mut hotkey) = get(ctx, id)? else { return Ok(mined.saturating_add(validated)) };
    let mut pool = pool(&hotkey);
    let take = u64::try_from(u128::from(validated) * u128::from(hotkey.take) / TAKE_ONE).unwrap_or(0).min(validated);
    let shared = validated.saturating_sub(take);
    // Without stake there is nobody to share with.
    let shared = if shared > 0 && pool.earn(shared).is_some() { shared } else { 0 };
    let own = mined.saturating_add(validated).saturating_sub(shared);
    let mut unpaid = 0;
    if own > 0 {
        let coldkey = ctx.address(&hotkey.coldkey)?;
        match pool.put(own) {
            Some(new) => {
                let held = shares(ctx, id, &coldkey)?.saturating_add(new);
                set_shares(ctx, id, &coldkey, held);
            }
            None => unpaid = own,
        }
    }
    set_pool(&mut hotkey, pool);
    HOTKEYS.set(&mut ctx.state, id, &hotkey);
    Ok(unpaid)
}
