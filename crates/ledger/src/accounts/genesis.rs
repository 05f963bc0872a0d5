//! Accounts in genesis.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::keys::{KeyText, PublicKey};
use super::params::{Params, params};
use super::state::{ACCOUNTS, NEXT_NUMBER, PARAMS, StoredAccount, StoredParams};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The part's genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// Limits of transactions.
    pub params: Params,
    /// The number that the next account gets; above all numbers below.
    pub next_number: u64,
    /// The accounts in order of address bytes. Accounts that have coins but stand not here are born at genesis.
    pub accounts: Vec<Account>,
}

/// An account in genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Bech32.
    pub address: String,
    /// Its number.
    pub number: u64,
    /// How many transactions it sent.
    pub sequence: u64,
    /// Its key, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<KeyText>,
}

/// Reads genesis into the state.
///
/// # Errors
/// When an address or key is malformed or does not fit the other, or a number comes twice or is not below
/// `next_number`.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    genesis.params.check()?;
    PARAMS.set(&mut ctx.state, &StoredParams::from(&genesis.params));
    if genesis.next_number > 0 {
        NEXT_NUMBER.set(&mut ctx.state, &genesis.next_number);
    }
    let mut numbers = BTreeSet::new();
    for account in &genesis.accounts {
        let refuse = |why: String| Rejection::invalid_request(format!("genesis account {}: {why}", account.address));
        let address = ctx.address(&account.address)?;
        if ACCOUNTS.has(&ctx.state, &address)? {
            return Err(refuse("it stands there twice; remove one".to_owned()).into());
        }
        if account.number >= genesis.next_number || !numbers.insert(account.number) {
            let number = account.number;
            return Err(refuse(format!("number {number} must be unique and below next_number")).into());
        }
        let key = account.public_key.as_ref().map(KeyText::parse).transpose();
        let key = key.map_err(|error| refuse(error.to_string()))?;
        if key.is_some_and(|key| key.address() != address) {
            return Err(refuse("the public key belongs to another address".to_owned()).into());
        }
        let stored = StoredAccount {
            public_key: key.map(|key| key.to_any()),
            number: account.number,
            sequence: account.sequence,
        };
        ACCOUNTS.set(&mut ctx.state, &address, &stored);
    }
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let mut accounts = Vec::new();
    for (address, stored) in ACCOUNTS.all(&ctx.state)? {
        let key = stored.public_key.as_ref().map(PublicKey::from_any).transpose();
        let key = key.map_err(|error| store::Error::Corrupt {
            module: super::MODULE.0,
            key: hex::encode(ACCOUNTS.key(&address)),
            why: error.to_string(),
        })?;
        accounts.push(Account {
            address: ctx.text(&address),
            number: stored.number,
            sequence: stored.sequence,
            public_key: key.as_ref().map(KeyText::from),
        });
    }
    Ok(Genesis { params: params(ctx)?, next_number: NEXT_NUMBER.get(&ctx.state)?.unwrap_or(0), accounts })
}
