//! Messages of `akash.audit.v1`.

use std::collections::BTreeMap;

use primitives::Address;
use proto::akash::audit::v1::{
    AuditedAttributesStore, EventTrustedAuditorCreated, EventTrustedAuditorDeleted, MsgDeleteProviderAttributes,
    MsgDeleteProviderAttributesResponse, MsgSignProviderAttributes, MsgSignProviderAttributesResponse,
};
use proto::akash::base::attributes::v1::Attribute;

use super::state::{BY_AUDITOR, SIGNED};
use super::{events, refusals, signed};
use crate::context::Context;
use crate::failure::{Failure, Rejection};
use crate::provider;

/// Refuses a list of attributes that is empty or malformed.
pub(super) fn check(attributes: &[Attribute]) -> Result<(), Rejection> {
    if attributes.is_empty() {
        return Err(Rejection::invalid_request("no attributes: name at least one that you vouch for"));
    }
    provider::attributes::check(attributes)
}

/// Stores what an auditor vouches for, in order of key; with nothing left, that it ever signed is forgotten.
pub(super) fn store(ctx: &mut Context, owner: Address, auditor: Address, values: BTreeMap<String, String>) {
    if values.is_empty() {
        SIGNED.remove(&mut ctx.state, &(owner, auditor));
        BY_AUDITOR.remove(&mut ctx.state, &(auditor, owner));
        return;
    }
    let attributes = values.into_iter().map(|(key, value)| Attribute { key, value }).collect();
    SIGNED.set(&mut ctx.state, &(owner, auditor), &AuditedAttributesStore { attributes });
    BY_AUDITOR.set(&mut ctx.state, &(auditor, owner), &());
}

fn values(attributes: Vec<Attribute>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|Attribute { key, value }| (key, value)).collect()
}

/// The signer vouches for attributes of a provider, beside those that it vouched for before.
///
/// # Errors
/// `sdk` 7 for a malformed address, 18 without attributes; `provider` 6 for malformed attributes.
pub fn sign_provider_attributes(
    ctx: &mut Context,
    msg: MsgSignProviderAttributes,
) -> Result<MsgSignProviderAttributesResponse, Failure> {
    let (owner, auditor) = (ctx.address(&msg.owner)?, ctx.address(&msg.auditor)?);
    check(&msg.attributes)?;
    let mut all = values(signed(ctx, &owner, &auditor)?);
    all.extend(values(msg.attributes));
    store(ctx, owner, auditor, all);
    events::announce::<EventTrustedAuditorCreated>(ctx, &owner, &auditor);
    Ok(MsgSignProviderAttributesResponse {})
}

/// The signer no longer vouches for some attributes of a provider, or, when it names none, for all.
///
/// # Errors
/// `sdk` 7 for a malformed address; `audit` 1 when it signed nothing for this provider, 3 when it did not sign an
/// attribute that it names.
pub fn delete_provider_attributes(
    ctx: &mut Context,
    msg: MsgDeleteProviderAttributes,
) -> Result<MsgDeleteProviderAttributesResponse, Failure> {
    let (owner, auditor) = (ctx.address(&msg.owner)?, ctx.address(&msg.auditor)?);
    let mut left = values(signed(ctx, &owner, &auditor)?);
    if left.is_empty() {
        return Err(refusals::nothing_signed(&msg.owner, &msg.auditor).into());
    }
    if msg.keys.is_empty() {
        left.clear();
    }
    for key in &msg.keys {
        if left.remove(key).is_none() {
            return Err(refusals::attribute_not_found(key, &msg.owner, &msg.auditor).into());
        }
    }
    store(ctx, owner, auditor, left);
    events::announce::<EventTrustedAuditorDeleted>(ctx, &owner, &auditor);
    Ok(MsgDeleteProviderAttributesResponse {})
}
