//! Providers in genesis.

use proto::akash::base::attributes::v1::Attribute;
use proto::akash::provider::v1beta4::Info;
use serde::{Deserialize, Serialize};

use super::messages::CheckedProvider;
use super::state::{ACTIVE_LEASES, PROVIDERS};
use super::{get, leases};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The part's genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// The providers in order of address bytes.
    pub providers: Vec<Entry>,
}

/// A provider in genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Bech32.
    pub owner: String,
    /// Where it is reached.
    pub host_uri: String,
    /// What it claims of itself.
    #[serde(default)]
    pub attributes: Vec<AttributeEntry>,
    /// An address for mail, or empty.
    #[serde(default)]
    pub email: String,
    /// A website, or empty.
    #[serde(default)]
    pub website: String,
    /// How many active leases the market's genesis gives it.
    #[serde(default)]
    pub active_leases: u64,
}

/// An attribute in genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeEntry {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Reads genesis into the state.
///
/// # Errors
/// As [`super::messages::create_provider`].
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    for entry in &genesis.providers {
        let attribute = |a: &AttributeEntry| Attribute { key: a.key.clone(), value: a.value.clone() };
        let attributes = entry.attributes.iter().map(attribute).collect();
        let info = Info { email: entry.email.clone(), website: entry.website.clone() };
        let checked = CheckedProvider::parse(ctx, &entry.owner, entry.host_uri.clone(), attributes, Some(info))?;
        if get(ctx, &checked.owner)?.is_some() {
            let why = format!("genesis names provider {} twice; remove one", entry.owner);
            return Err(Rejection::invalid_request(why).into());
        }
        PROVIDERS.set(&mut ctx.state, &checked.owner, &checked.provider);
        if entry.active_leases > 0 {
            ACTIVE_LEASES.set(&mut ctx.state, &checked.owner, &entry.active_leases);
        }
    }
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let mut providers = Vec::new();
    for (owner, provider) in PROVIDERS.all(&ctx.state)? {
        let attribute = |a: Attribute| AttributeEntry { key: a.key, value: a.value };
        let info = provider.info.unwrap_or_default();
        providers.push(Entry {
            owner: provider.owner,
            host_uri: provider.host_uri,
            attributes: provider.attributes.into_iter().map(attribute).collect(),
            email: info.email,
            website: info.website,
            active_leases: leases::count(ctx, &owner)?,
        });
    }
    Ok(Genesis { providers })
}
