//! The genesis document of a local network.

use app::genesis::Genesis;
use engine::ValidatorKey;
use ledger::bank::genesis::Balance;
use ledger::validators::genesis::Member;

use super::accounts::{DevAccount, Role};
use super::profile::Profile;
use crate::error::{Class, Classify, CliError, Result};

/// Voting power of each validator.
const POWER: u64 = 10;

/// The document: a profile's data, these validators with equal power, these accounts.
///
/// # Errors
/// When it breaks a rule, such as an interval out of bounds.
pub fn genesis(
    profile: Profile,
    block_interval_ms: u64,
    genesis_time: i64,
    validators: &[ValidatorKey],
    accounts: &[DevAccount],
) -> Result<Genesis> {
    let prefix = profile.prefix()?;
    let authority = accounts.iter().find(|account| account.role == Role::Authority);
    let authority = authority.ok_or_else(|| CliError::new(Class::Internal, "no account is the authority"))?;
    let mut state = profile.state()?;
    let balance = |account: &DevAccount| Balance { address: account.text(&prefix), coins: account.coins(profile) };
    state.bank.balances = accounts.iter().map(balance).collect();
    let member = |key: &ValidatorKey| Member { public_key: hex::encode(key.public_key()), power: POWER };
    state.validators.validators = validators.iter().map(member).collect();
    let genesis = Genesis {
        chain_id: profile.chain_id().to_owned(),
        genesis_time,
        dev: true,
        prefix: prefix.as_str().to_owned(),
        block_interval_ms,
        authority: authority.text(&prefix),
        classic: profile.classic(),
        limits: app::chain::Limits::default(),
        state,
    };
    genesis.begin().class(Class::Usage)?;
    Ok(genesis)
}
