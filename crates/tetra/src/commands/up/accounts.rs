//! The accounts of a local network: the same in each, from a phrase that everybody knows.

use client::keys::SigningKey;
use client::keystore::{Keystore, KeystoreError};
use primitives::Prefix;
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use crate::error::{Class, Classify, CliError, Result};

/// Known to everybody since Ganache: worth nothing on any network but a toy.
pub const DEV_MNEMONIC: &str = "test test test test test test test test test test test junk";
/// Whole coins that each account begins with, in millions of base units.
const BEGINS_WITH: u128 = 1_000_000;
/// Whole WIT that each account begins with: of a supply that is capped.
const WIT_BEGINS_WITH: u128 = 100_000;
/// Derivation index of the first provider's account.
const FIRST_PROVIDER: u32 = 10;

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Rents.
    Tenant,
    /// May change parameters.
    Authority,
    /// Posts made-up prices.
    Feeder,
    /// Sells.
    Provider,
}

/// An account of a local network.
#[derive(Clone, Debug)]
pub struct DevAccount {
    /// Its key's name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// The index along `m/44'/118'/0'/0/N`.
    pub index: u32,
    /// Its key.
    pub key: SigningKey,
}

impl DevAccount {
    fn new(name: impl Into<String>, role: Role, index: u32) -> Result<Self> {
        let key = SigningKey::from_mnemonic(DEV_MNEMONIC, index).class(Class::Internal)?;
        Ok(Self { name: name.into(), role, index, key })
    }

    /// Its address as text.
    pub fn text(&self, prefix: &Prefix) -> String {
        prefix.text(&self.key.address())
    }

    /// What it has at genesis.
    pub fn coins(&self, profile: Profile) -> String {
        let amount = BEGINS_WITH * 1_000_000;
        let wit = WIT_BEGINS_WITH * 1_000_000_000;
        let lux = if profile.renders() { format!("{wit}nwit,{amount}ulux,") } else { String::new() };
        format!("{lux}{amount}{},{amount}{}", profile.coin(), profile.dollar())
    }

    /// Adds its key to a keystore, in the clear and marked as such; one that is there already stays.
    ///
    /// # Errors
    /// When the name belongs to another key.
    pub fn add_to(&self, keystore: &Keystore) -> Result {
        match keystore.add(&self.name, &self.key, None) {
            Ok(_) => Ok(()),
            Err(KeystoreError::Exists(name)) => {
                let there = keystore.info(&name).class(Class::Machine)?;
                if there.dev && there.address() == Some(self.key.address()) {
                    return Ok(());
                }
                let what = format!("the keystore {} has another key named {name}", keystore.folder().display());
                Err(CliError::new(Class::Usage, what).hint("give the network a folder of its own: --home DIR"))
            }
            Err(error) => Err(CliError::new(Class::Machine, error)),
        }
    }
}

/// All accounts of a network with so many providers.
///
/// # Errors
/// None that can be provoked: the phrase is a constant.
pub fn all(providers: usize) -> Result<Vec<DevAccount>> {
    let mut accounts = vec![
        DevAccount::new("alice", Role::Tenant, 0)?,
        DevAccount::new("bob", Role::Tenant, 1)?,
        DevAccount::new("authority", Role::Authority, 2)?,
        DevAccount::new("oracle", Role::Feeder, 3)?,
    ];
    for (index, number) in (FIRST_PROVIDER..).zip(1..=providers) {
        accounts.push(DevAccount::new(format!("provider{number}"), Role::Provider, index)?);
    }
    Ok(accounts)
}
