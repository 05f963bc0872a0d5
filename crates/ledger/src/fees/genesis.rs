//! Fees in genesis.

use serde::{Deserialize, Serialize};

use super::params::{self, ParamsText};
use crate::context::Context;
use crate::failure::Failure;

/// The part's genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// Parameters.
    pub params: ParamsText,
}

/// Reads genesis into the state.
///
/// # Errors
/// When a price is malformed.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    let parsed = genesis.params.parse()?;
    params::set(ctx, &parsed);
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    Ok(Genesis { params: ParamsText::from(&params::params(ctx)?) })
}
