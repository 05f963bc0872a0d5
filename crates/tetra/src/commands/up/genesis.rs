//! The genesis document of a local network.

use app::genesis::Genesis;
use engine::ValidatorKey;
use ledger::bank::genesis::Balance;
use ledger::validators::genesis::Member;
use proto::tetra::{cluster, subnet};

use super::accounts::{DevAccount, Role};
use super::profile::Profile;
use crate::error::{Class, Classify, CliError, Result};

/// Voting power of each validator.
const POWER: u64 = 10;
/// What a node must have kept back, in millionths of a credit: about a frame of the demo scene.
const HOLD_BACK: u64 = 200_000;

/// What holds for subnets where nobody should wait: they come cheap and one after the other, and each has the same share.
fn subnets(block_interval_ms: u64) -> subnet::v1::Params {
    subnet::v1::Params {
        min_lock: 100_000_000_000,
        creation_interval: 0,
        rules_interval: 0,
        root_tempo: 60,
        split: subnet::v1::Split::Even.into(),
        ..::subnet::params::default(block_interval_ms)
    }
}

/// What holds for clusters where nobody should wait: rounds of proofs every two minutes, with a puzzle of 4 MiB for each core.
fn clusters(block_interval_ms: u64, denom: &str) -> cluster::v1::Params {
    let mut params = ::cluster::params::default(block_interval_ms);
    params.denom = denom.to_owned();
    (params.round_ms, params.verdict_ms) = (120_000, 30_000);
    (params.beat_ms, params.silence_ms) = (5_000, 30_000);
    for class in &mut params.classes {
        (class.rows, class.depth, class.deadline_ms) = (128, 4_096, 30_000);
    }
    params
}

/// The document: a profile's data, these validators with equal power, these accounts. Prices are made up by one of them, and
/// auditors may be of the audited host, for there is but one.
///
/// # Errors
/// When it breaks a rule, such as an interval out of bounds.
pub fn genesis(
    profile: Profile,
    block_interval_ms: u64,
    genesis_time: i64,
    validators: &[ValidatorKey],
    accounts: &[DevAccount],
    epoch_ms: Option<u64>,
) -> Result<Genesis> {
    let prefix = profile.prefix()?;
    let authority = accounts.iter().find(|account| account.role == Role::Authority);
    let authority = authority.ok_or_else(|| CliError::new(Class::Internal, "no account is the authority"))?;
    let mut state = profile.state()?;
    let balance = |account: &DevAccount| Balance { address: account.text(&prefix), coins: account.coins(profile) };
    state.bank.balances = accounts.iter().map(balance).collect();
    let member = |key: &ValidatorKey| Member { public_key: hex::encode(key.public_key()), power: POWER };
    state.validators.validators = validators.iter().map(member).collect();
    if profile.renders() {
        let feeders = accounts.iter().filter(|account| account.role == Role::Feeder);
        state.oracle.params.feeders = feeders.map(|account| account.text(&prefix)).collect();
        state.oracle.params.simulated = true;
        // There is no history to wait for.
        state.oracle.params.covered_bp = 0;
        let params = &mut state.render.epoch.params;
        params.epoch_ms = epoch_ms.unwrap_or(params.epoch_ms);
        params.same_host_audits = true;
        params.hold_back_ucredits = HOLD_BACK;
        state.subnet.0.params = Some(subnets(block_interval_ms));
    }
    state.cluster.0.params = Some(clusters(block_interval_ms, profile.dollar()));
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
