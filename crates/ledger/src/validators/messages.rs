//! Messages of `tetra.validator.v1`.

use std::collections::BTreeSet;

use primitives::validators::ConsensusAddress;
use proto::tetra::validator::v1::{MsgChangeValidators, MsgChangeValidatorsResponse};

use super::rotation::{Change, pending, updated};
use super::state::{NEXT, PENDING, get};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

struct CheckedChange(Vec<Change>);

/// Changes the powers of validators from two heights later on. All changes of a message apply, or none.
///
/// # Errors
/// `sdk` 4 when the signer is not the authority, 7 for a malformed address, 18 when the change is malformed or would
/// leave no valid set.
pub fn change_validators(ctx: &mut Context, msg: MsgChangeValidators) -> Result<MsgChangeValidatorsResponse, Failure> {
    let CheckedChange(changes) = CheckedChange::parse(ctx, &msg)?;
    let set = get(&ctx.state, &NEXT)?;
    ctx.attempt(|ctx| {
        let known = pending(&ctx.state, &set)?;
        for (key, power) in &changes {
            let is_member = set.validators().iter().any(|validator| validator.public_key == *key);
            let is_pending = known.iter().any(|(other, power)| other == key && *power > 0);
            if *power == 0 && !is_member && !is_pending {
                let address = ConsensusAddress::of(key);
                let why = format!("validator {address} cannot be removed: it is not in the set");
                return Err(Rejection::invalid_request(why).into());
            }
            PENDING.set(&mut ctx.state, key, power);
        }
        let result = updated(&set, &pending(&ctx.state, &set)?);
        result.map_err(|error| Rejection::invalid_request(error.to_string()))?;
        Ok(MsgChangeValidatorsResponse {})
    })
}

impl CheckedChange {
    fn parse(ctx: &Context, msg: &MsgChangeValidators) -> Result<Self, Failure> {
        ctx.require_authority(&msg.authority)?;
        if msg.changes.is_empty() {
            return Err(Rejection::invalid_request("no changes; name at least one validator").into());
        }
        let mut seen = BTreeSet::new();
        let mut changes = Vec::new();
        for change in &msg.changes {
            let key: [u8; 32] = change.public_key.as_slice().try_into().map_err(|_| {
                let found = change.public_key.len();
                Rejection::invalid_request(format!("an ed25519 public key has 32 bytes, this one has {found}"))
            })?;
            if !seen.insert(key) {
                let address = ConsensusAddress::of(&key);
                let why = format!("validator {address} is named twice; name each public key once");
                return Err(Rejection::invalid_request(why).into());
            }
            changes.push((key, change.power));
        }
        Ok(Self(changes))
    }
}
