//! The genesis document of a local network.

use app::genesis::{Genesis, ModuleStates};
use engine::ValidatorKey;
use ledger::bank::genesis::Balance;
use ledger::validators::genesis::Member;
use primitives::Prefix;

use super::accounts::{DevAccount, Role};
use crate::error::{Class, Classify, CliError, Result};

/// Chain id of every local network.
pub const CHAIN_ID: &str = "tetra-local";
/// Bech32 prefix of its addresses.
const PREFIX: &str = "tetra";
/// What hardware is paid in: staking coin and dollar.
const DENOMS: [&str; 2] = ["utet", "uusd"];
/// Voting power of each validator.
const POWER: u64 = 10;

/// The prefix of addresses.
///
/// # Errors
/// None that can be provoked.
pub fn prefix() -> Result<Prefix> {
    Prefix::new(PREFIX).class(Class::Internal)
}

/// The document: these validators with equal power, these accounts, everything else as the modules' defaults, which are
/// the profile `tetra`: gas 0.025 utet, take 4 % of utet and 20 % of others, deposits of half a unit.
///
/// # Errors
/// When it breaks a rule, such as an interval out of bounds.
pub fn genesis(
    block_interval_ms: u64,
    genesis_time: i64,
    validators: &[ValidatorKey],
    accounts: &[DevAccount],
) -> Result<Genesis> {
    let prefix = prefix()?;
    let authority = accounts.iter().find(|account| account.role == Role::Authority);
    let authority = authority.ok_or_else(|| CliError::new(Class::Internal, "no account is the authority"))?;
    let mut state = ModuleStates::default();
    state.bank.denoms.retain(|entry| DENOMS.contains(&entry.denom.as_str()));
    let balance = |account: &DevAccount| Balance { address: account.text(&prefix), coins: account.coins() };
    state.bank.balances = accounts.iter().map(balance).collect();
    let member = |key: &ValidatorKey| Member { public_key: hex::encode(key.public_key()), power: POWER };
    state.validators.validators = validators.iter().map(member).collect();
    let genesis = Genesis {
        chain_id: CHAIN_ID.to_owned(),
        genesis_time,
        dev: true,
        prefix: PREFIX.to_owned(),
        block_interval_ms,
        authority: authority.text(&prefix),
        limits: app::chain::Limits::default(),
        state,
    };
    genesis.begin().class(Class::Usage)?;
    Ok(genesis)
}
