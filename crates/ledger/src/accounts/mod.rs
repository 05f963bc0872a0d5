//! Accounts: who may sign, with which key, and how often it did.
//!
//! An account is born when it first receives coins; from then on it has a number, which never changes and which
//! every signature covers. Its public key is known from its first transaction on. Its sequence counts its
//! transactions, so that none applies twice. Accounts never end.
//!
//! The accounts named in [`modules::NAMES`] belong to parts of the chain; nobody can sign for them.

pub mod genesis;
pub mod invariants;
pub mod keys;
pub mod modules;
pub mod params;
pub mod queries;
pub mod state;

use primitives::Address;
use store::Module;

use crate::context::Context;
use crate::failure::{Failure, Rejection};
use crate::routes::{MessageRoute, QueryRoute};

pub use genesis::Genesis;
pub use keys::PublicKey;
pub use params::{Params, params};
pub use state::StoredAccount;

/// The tree of this part.
pub const MODULE: Module = Module("accounts");

/// Accounts have no messages of their own: transactions change them.
pub fn message_routes() -> Vec<MessageRoute> {
    Vec::new()
}

/// The queries of `cosmos.auth.v1beta1`.
pub fn query_routes() -> Vec<QueryRoute> {
    queries::routes()
}

/// The account at an address, if it was born.
///
/// # Errors
/// When the state fails.
pub fn get(ctx: &Context, address: &Address) -> Result<Option<StoredAccount>, Failure> {
    Ok(state::ACCOUNTS.get(&ctx.state, address)?)
}

/// The account at an address, which is born with the next number if it was not there.
///
/// # Errors
/// When the state fails.
pub fn ensure(ctx: &mut Context, address: &Address) -> Result<StoredAccount, Failure> {
    if let Some(account) = get(ctx, address)? {
        return Ok(account);
    }
    let number = state::NEXT_NUMBER.get(&ctx.state)?.unwrap_or(0);
    let next = number.checked_add(1).ok_or_else(|| Rejection::overflow("the number of accounts"))?;
    let account = StoredAccount { public_key: None, number, sequence: 0 };
    state::NEXT_NUMBER.set(&mut ctx.state, &next);
    state::ACCOUNTS.set(&mut ctx.state, address, &account);
    Ok(account)
}

/// The key that an account signs with; none before its first transaction.
///
/// # Errors
/// When the stored key is damaged.
pub fn public_key(account: &StoredAccount) -> Result<Option<PublicKey>, Failure> {
    let key = account.public_key.as_ref().map(PublicKey::from_any).transpose();
    Ok(key.map_err(|error| store::Error::Corrupt {
        module: MODULE.0,
        key: account.number.to_string(),
        why: error.to_string(),
    })?)
}

/// Counts a transaction of an account, and gives the sequence that its next one must have.
///
/// # Errors
/// `sdk` 9 when the account was never born; when the state fails.
pub fn bump_sequence(ctx: &mut Context, address: &Address) -> Result<u64, Failure> {
    let mut account = existing(ctx, address)?;
    let next = account.sequence.checked_add(1).ok_or_else(|| Rejection::overflow("the account's sequence"))?;
    account.sequence = next;
    state::ACCOUNTS.set(&mut ctx.state, address, &account);
    Ok(next)
}

/// Notes the key that an account signs with.
///
/// # Errors
/// `sdk` 8 when the address is not the key's or another key was noted before, `sdk` 9 when the account was never
/// born; when the state fails.
pub fn set_public_key(ctx: &mut Context, address: &Address, key: &PublicKey) -> Result<(), Failure> {
    let mut account = existing(ctx, address)?;
    if key.address() != *address {
        let (owner, signer) = (ctx.text(&key.address()), ctx.text(address));
        return Err(Rejection::new(
            "sdk",
            8,
            format!("the public key belongs to {owner}, not to the signer {signer}; sign with the signer's key"),
        )
        .into());
    }
    let key = key.to_any();
    match account.public_key {
        Some(noted) if noted == key => Ok(()),
        Some(_) => {
            let signer = ctx.text(address);
            Err(Rejection::new("sdk", 8, format!("account {signer} signs with another public key")).into())
        }
        None => {
            account.public_key = Some(key);
            state::ACCOUNTS.set(&mut ctx.state, address, &account);
            Ok(())
        }
    }
}

fn existing(ctx: &Context, address: &Address) -> Result<StoredAccount, Failure> {
    get(ctx, address)?.ok_or_else(|| unknown(ctx, address).into())
}

/// `sdk` 9, in the words of the Cosmos SDK.
fn unknown(ctx: &Context, address: &Address) -> Rejection {
    let address = ctx.text(address);
    Rejection::new("sdk", 9, format!("account {address} does not exist: unknown address; send it some coins first"))
}

#[cfg(test)]
mod tests;
