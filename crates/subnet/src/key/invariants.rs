//! What always holds of hotkeys and stakes.

use ledger::{Context, Failure};

use super::state::{BY_COLDKEY, HOTKEYS, SHARES, STAKED, pool};
use crate::ids::text;
use crate::wit;

/// Broken promises: shares of a hotkey sum up to those that its pool counts, and are zero exactly when its stake is; all
/// stakes lie in the account of stakes; indexes name what the records say.
///
/// # Errors
/// When the state fails.
pub(crate) fn check(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    let (mut staked, mut bound, mut holders) = (0u128, 0usize, 0usize);
    for (id, hotkey) in HOTKEYS.all(&ctx.state)? {
        bound = bound.saturating_add(1);
        let (pool, name) = (pool(&hotkey), text(&id));
        let parts = SHARES.under(&ctx.state, &id)?;
        holders = holders.saturating_add(parts.len());
        let sum = parts.iter().fold(0u128, |sum, (_, part)| sum.saturating_add(part.0));
        if sum != pool.shares || (pool.shares == 0) != (pool.stake == 0) {
            broken.push(format!("hotkey {name}: shares sum up to {sum}, its pool has {pool:?}"));
        }
        if hotkey.shares.parse::<u128>().is_err() {
            broken.push(format!("hotkey {name}: its shares {:?} are no number", hotkey.shares));
        }
        if !BY_COLDKEY.has(&ctx.state, &(ctx.address(&hotkey.coldkey)?, id))? {
            broken.push(format!("hotkey {name} is not among those of its coldkey"));
        }
        for ((_, coldkey), part) in parts {
            if part.0 == 0 || !STAKED.has(&ctx.state, &(coldkey, id))? {
                broken.push(format!("a stake to {name} is zero or not among those of its coldkey"));
            }
        }
        staked = staked.saturating_add(pool.stake.into());
    }
    if BY_COLDKEY.all(&ctx.state)?.len() != bound || STAKED.all(&ctx.state)?.len() != holders {
        broken.push("an index of hotkeys or stakes names what is not there".to_owned());
    }
    if SHARES.all(&ctx.state)?.len() != holders {
        broken.push("there are stakes to a hotkey that is not bound".to_owned());
    }
    let there = wit::balance(ctx, &wit::stakes())?;
    if there != staked {
        broken.push(format!("stakes are {staked}nwit, their account has {there}nwit"));
    }
    Ok(broken)
}
