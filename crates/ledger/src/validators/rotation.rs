//! Which set votes when. The order of steps is that of CometBFT (`state/execution.go`, `updateState`).

use primitives::validators::{ValidatorSet, ValidatorSetError};
use store::{Error, State};

use super::state::{CURRENT, NEXT, PENDING, get, put};
use super::{MODULE, events};
use crate::context::Context;
use crate::failure::Failure;

/// A public key and its new power; zero removes.
pub type Change = ([u8; 32], u64);

/// The sets of the next height and of the one after it.
///
/// # Errors
/// When the state fails, or there was no genesis.
pub fn sets(ctx: &Context) -> Result<(ValidatorSet, ValidatorSet), Failure> {
    Ok((get(&ctx.state, &CURRENT)?, get(&ctx.state, &NEXT)?))
}

/// Ends the block: `next` becomes `current`, and a new `next` is made of it and of what the block changed, which is
/// returned. The rotation of proposers takes one turn.
///
/// # Errors
/// When the state fails.
pub fn end_block(ctx: &mut Context) -> Result<Vec<Change>, Failure> {
    let (_, current) = sets(ctx)?;
    let changes = pending(&ctx.state, &current)?;
    // Each change was tried on this very set when it was accepted, so a refusal here means a damaged state.
    let mut next = updated(&current, &changes).map_err(|error| Error::Corrupt {
        module: MODULE.0,
        key: hex::encode(NEXT.key()),
        why: error.to_string(),
    })?;
    next.increment_proposer_priority(1);
    put(&mut ctx.state, &CURRENT, &current);
    put(&mut ctx.state, &NEXT, &next);
    for (key, _) in PENDING.all(&ctx.state)? {
        PENDING.remove(&mut ctx.state, &key);
    }
    if !changes.is_empty() {
        events::changed(ctx, &changes);
    }
    Ok(changes)
}

/// What the block has collected against a set: who was added and removed again leaves no trace.
pub(super) fn pending(state: &State, set: &ValidatorSet) -> Result<Vec<Change>, Error> {
    let mut changes = PENDING.all(state)?;
    changes.retain(|(key, power)| *power > 0 || set.validators().iter().any(|v| v.public_key == *key));
    Ok(changes)
}

/// A set with changes, before the rotation's turn.
pub(super) fn updated(set: &ValidatorSet, changes: &[Change]) -> Result<ValidatorSet, ValidatorSetError> {
    let mut next = set.clone();
    next.update_with_changes(changes)?;
    Ok(next)
}
