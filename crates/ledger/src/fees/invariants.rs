//! What always holds of fees.

use crate::bank;
use crate::context::Context;
use crate::failure::Failure;

/// Broken promises: every denom that pays for gas is registered.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    let params = match super::params(ctx) {
        Ok(params) => params,
        Err(Failure::Broken(error)) => return Err(error),
        Err(Failure::Rejected(rejection)) => return Ok(vec![rejection.message]),
    };
    for entry in params.gas_prices {
        if !bank::state::DENOMS.has(&ctx.state, &entry.denom.as_str().to_owned())? {
            broken.push(format!("gas has a price in {}, which is not registered", entry.denom));
        }
    }
    Ok(broken)
}
