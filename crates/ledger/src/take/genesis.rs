//! The take in genesis.

use serde::{Deserialize, Serialize};

use super::params::{self, Params};
use crate::context::Context;
use crate::failure::Failure;

/// The part's genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// The rates.
    pub params: Params,
}

/// Reads genesis into the state.
///
/// # Errors
/// `sdk` 18 when a rate is out of bounds.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    genesis.params.check()?;
    params::set(ctx, &genesis.params);
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    Ok(Genesis { params: params::params(ctx)? })
}
