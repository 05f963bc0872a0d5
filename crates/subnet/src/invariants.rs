//! What must hold after every block.

use ledger::{Context, Failure};

use crate::{epoch, key, network, weight};

/// Broken promises of all parts; none when all is well.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    match promises(ctx) {
        Ok(broken) => Ok(broken),
        Err(Failure::Broken(error)) => Err(error),
        Err(Failure::Rejected(rejection)) => Ok(vec![rejection.message]),
    }
}

fn promises(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = key::invariants::check(ctx)?;
    broken.extend(network::invariants::check(ctx)?);
    broken.extend(weight::invariants::check(ctx)?);
    broken.extend(epoch::invariants::check(ctx)?);
    Ok(broken)
}
