//! Auditors' signatures in genesis.

use std::collections::BTreeMap;

use proto::akash::base::attributes::v1::Attribute;
use serde::{Deserialize, Serialize};

use super::state::SIGNED;
use super::{messages, signed};
use crate::context::Context;
use crate::failure::{Failure, Rejection};
use crate::provider::genesis::AttributeEntry;

/// The part's genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// What is signed, in order of the address bytes of provider and auditor.
    pub signed: Vec<Entry>,
}

/// What an auditor signed for a provider, in genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The provider, bech32.
    pub owner: String,
    /// The auditor, bech32.
    pub auditor: String,
    /// The signed attributes.
    pub attributes: Vec<AttributeEntry>,
}

/// Reads genesis into the state.
///
/// # Errors
/// As [`super::messages::sign_provider_attributes`].
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    for entry in &genesis.signed {
        let (owner, auditor) = (ctx.address(&entry.owner)?, ctx.address(&entry.auditor)?);
        let attribute = |a: &AttributeEntry| Attribute { key: a.key.clone(), value: a.value.clone() };
        let attributes: Vec<Attribute> = entry.attributes.iter().map(attribute).collect();
        messages::check(&attributes)?;
        if !signed(ctx, &owner, &auditor)?.is_empty() {
            let why = format!("genesis names what {} signed for {} twice; remove one", entry.auditor, entry.owner);
            return Err(Rejection::invalid_request(why).into());
        }
        let values: BTreeMap<String, String> = attributes.into_iter().map(|a| (a.key, a.value)).collect();
        messages::store(ctx, owner, auditor, values);
    }
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let attribute = |a: Attribute| AttributeEntry { key: a.key, value: a.value };
    let signed = SIGNED.all(&ctx.state)?.into_iter().map(|((owner, auditor), signed)| Entry {
        owner: ctx.text(&owner),
        auditor: ctx.text(&auditor),
        attributes: signed.attributes.into_iter().map(attribute).collect(),
    });
    Ok(Genesis { signed: signed.collect() })
}
