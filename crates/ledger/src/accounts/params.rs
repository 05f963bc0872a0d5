//! Limits that every transaction keeps.

use serde::{Deserialize, Serialize};

use super::state::{PARAMS, StoredParams};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// Limits of transactions. Defaults: Cosmos SDK `x/auth/types/params.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Bytes of a memo at most; default 256.
    pub max_memo_characters: u64,
    /// Signatures of a transaction at most; default 7.
    pub tx_sig_limit: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { max_memo_characters: 256, tx_sig_limit: 7 }
    }
}

impl Params {
    /// Checks the bounds.
    ///
    /// # Errors
    /// `sdk` 18 when no transaction could be signed.
    pub fn check(&self) -> Result<(), Failure> {
        if self.tx_sig_limit == 0 {
            return Err(
                Rejection::invalid_request("tx_sig_limit is 0: no transaction could be signed; set 1 or more").into()
            );
        }
        Ok(())
    }
}

impl From<&Params> for StoredParams {
    fn from(params: &Params) -> Self {
        Self { max_memo_characters: params.max_memo_characters, tx_sig_limit: params.tx_sig_limit }
    }
}

/// The parameters; the defaults before genesis.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context) -> Result<Params, Failure> {
    let stored = PARAMS.get(&ctx.state)?;
    Ok(stored.map_or_else(Params::default, |stored| Params {
        max_memo_characters: stored.max_memo_characters,
        tx_sig_limit: stored.tx_sig_limit,
    }))
}
