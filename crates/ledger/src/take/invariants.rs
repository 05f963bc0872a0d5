//! What always holds of the take.

use super::params::Params;
use super::state::PARAMS;
use crate::context::Context;

/// Broken promises: no rate is above 100 %, no denom stands there twice.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let Some(wire) = PARAMS.get(&ctx.state)? else {
        return Ok(Vec::new());
    };
    Ok(Params::from_wire(&wire).err().map(|failure| failure.to_string()).into_iter().collect())
}
