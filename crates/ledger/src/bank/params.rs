//! Parameters of money.

use serde::{Deserialize, Serialize};

use super::state::{PARAMS, StoredParams};
use crate::context::Context;
use crate::failure::Failure;

/// Parameters. Default: Cosmos SDK `x/bank/types/params.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Whether users may send denoms that say nothing themselves; default true.
    pub default_send_enabled: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { default_send_enabled: true }
    }
}

impl From<&Params> for StoredParams {
    fn from(params: &Params) -> Self {
        Self { default_send_enabled: params.default_send_enabled }
    }
}

/// The parameters; the defaults before genesis.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context) -> Result<Params, Failure> {
    let stored = PARAMS.get(&ctx.state)?;
    Ok(stored.map_or_else(Params::default, |stored| Params { default_send_enabled: stored.default_send_enabled }))
}
