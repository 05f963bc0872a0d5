//! The validator set as light clients and RPC responses show it.

use primitives::validators::{Validator, ValidatorSet};
use tendermint::validator::{Info, Set};
use tendermint::{PublicKey, vote};

use super::CometError;

/// `tendermint::validator::Set`, with priorities and proposer.
///
/// # Errors
/// A public key that is no ed25519 key.
pub fn light_set(set: &ValidatorSet) -> Result<Set, CometError> {
    let validators = set.validators().iter().map(info).collect::<Result<Vec<_>, _>>()?;
    let is_proposer = |info: &&Info| info.address.as_bytes() == set.proposer().as_bytes();
    let proposer = validators.iter().find(is_proposer).cloned();
    Ok(Set::new(validators, proposer))
}

fn info(validator: &Validator) -> Result<Info, CometError> {
    let key = PublicKey::from_raw_ed25519(&validator.public_key)
        .ok_or_else(|| CometError::malformed("validator key", "not an ed25519 key"))?;
    let power = vote::Power::try_from(validator.power).map_err(|e| CometError::malformed("voting power", e))?;
    let mut info = Info::new(key, power);
    info.proposer_priority = validator.priority.into();
    Ok(info)
}
