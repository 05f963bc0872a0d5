//! What always holds of block validators.

use super::state::{CURRENT, NEXT, PENDING, get};
use crate::context::Context;

/// Broken promises: both sets are well formed, and nothing is pending between blocks.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    for (name, item) in [("current", &CURRENT), ("next", &NEXT)] {
        match get(&ctx.state, item) {
            Ok(_) => {}
            Err(store::Error::Corrupt { why, .. }) => broken.push(format!("the {name} validator set: {why}")),
            Err(error) => return Err(error),
        }
    }
    if !PENDING.first(&ctx.state, &(), 1)?.is_empty() {
        broken.push("validator changes are pending between blocks".to_owned());
    }
    Ok(broken)
}
