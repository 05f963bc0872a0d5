//! What always holds of accounts.

use std::collections::BTreeSet;

use super::keys::PublicKey;
use super::state::{ACCOUNTS, NEXT_NUMBER};
use crate::context::Context;

/// Broken promises: account numbers are unique and below the next one, and a noted key belongs to its account.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let next = NEXT_NUMBER.get(&ctx.state)?.unwrap_or(0);
    let mut numbers = BTreeSet::new();
    let mut broken = Vec::new();
    for (address, account) in ACCOUNTS.all(&ctx.state)? {
        let name = ctx.text(&address);
        if account.number >= next {
            broken.push(format!("account {name} has number {}, but the next one is {next}", account.number));
        }
        if !numbers.insert(account.number) {
            broken.push(format!("account {name} shares its number {}", account.number));
        }
        let key = account.public_key.as_ref().map(PublicKey::from_any);
        if key.is_some_and(|key| key.map(|key| key.address()) != Ok(address)) {
            broken.push(format!("account {name} notes a key of another address"));
        }
    }
    Ok(broken)
}
