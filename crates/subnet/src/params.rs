//! What the authority sets for all subnets.
//!
//! | parameter | meaning | default | bounds | source |
//! |---|---|---|---|---|
//! | `subnet_limit` | how many subnets there are at most | 32 | 1 to 128 | 1.6: 32 live in 2024 |
//! | `min_lock` | what a subnet costs at least | 1000 WIT | at most 10^6 WIT | 1.6 |
//! | `lock_interval` | blocks in which the price falls from twice the last one to it | 14 days | 1 to 10^8 | 1.6 |
//! | `creation_interval` | blocks between two new subnets | 1 day | at most 10^7 | 1.6 |
//! | `subnet_immunity` | blocks in which a new subnet is not pruned | 7 days | at most 10^8 | 1.6 |
//! | `owner_cut` | the owner's part of emission, of 65535 | 11796 (18 %) | at most 32767 | 1.2 |
//! | `max_take`, `take_interval` | the most that a hotkey takes of 65535; blocks between two raises | 11796, 30 days | at most 32767; 10^8 | 1.6 |
//! | `min_stake` | the least that is staked at a time | 0.01 WIT | 1 to 10^12 | ours |
//! | `root_tempo`, `root_size` | blocks between two looks at root's weights; its seats | 20 min, 64 | 1 to 10^6; 1 to 256 | 1.2 |
//! | `swap_cost` | what swapping a hotkey costs | 1 WIT | at most 1000 WIT | 1.6 |
//! | `rules_interval` | blocks between two changes of a subnet's rules | 2 h 24 min | at most 10^6 | 1.8: two tempos |
//! | `split` | how emission is divided: root's weights, or the same to each | root | | 1.2 |
//! | `first_burn` | what registering costs in a new subnet | 1 WIT | 1 to 10^12 | 1.4 |
//!
//! Sources are sections of spec/bittensor.md. Defaults in blocks are of 12 s blocks there; here they are converted by the
//! chain's block interval at genesis, rounded up to whole blocks.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Params, Split};

use crate::network::state::PARAMS;
use crate::refusal::network as refusal;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// One WIT in base units.
pub const WIT: u64 = 1_000_000_000;

/// The blocks that a time has at a block interval, rounded up.
pub(crate) fn blocks(ms: u64, block_interval_ms: u64) -> u64 {
    ms.div_ceil(block_interval_ms.max(1))
}

/// The parameters that a network starts with.
pub fn default(block_interval_ms: u64) -> Params {
    let blocks = |ms| blocks(ms, block_interval_ms);
    Params {
        subnet_limit: 32,
        min_lock: 1_000 * WIT,
        lock_interval: blocks(14 * DAY_MS),
        creation_interval: blocks(DAY_MS),
        subnet_immunity: blocks(7 * DAY_MS),
        owner_cut: 11_796,
        max_take: 11_796,
        take_interval: blocks(30 * DAY_MS),
        min_stake: WIT / 100,
        root_tempo: blocks(20 * MINUTE_MS),
        root_size: 64,
        swap_cost: WIT,
        rules_interval: blocks(144 * MINUTE_MS),
        split: Split::Root.into(),
        first_burn: WIT,
    }
}

/// Refuses parameters out of their bounds.
///
/// # Errors
/// `subnet` 10.
pub fn check(params: &Params) -> Result<(), Failure> {
    let table: [(&str, u64, u64, u64); 14] = [
        ("subnet_limit", params.subnet_limit.into(), 1, 128),
        ("min_lock", params.min_lock, 0, 1_000_000 * WIT),
        ("lock_interval", params.lock_interval, 1, 100_000_000),
        ("creation_interval", params.creation_interval, 0, 10_000_000),
        ("subnet_immunity", params.subnet_immunity, 0, 100_000_000),
        ("owner_cut", params.owner_cut.into(), 0, 32_767),
        ("max_take", params.max_take.into(), 0, 32_767),
        ("take_interval", params.take_interval, 0, 100_000_000),
        ("min_stake", params.min_stake, 1, 1_000_000_000_000),
        ("root_tempo", params.root_tempo, 1, 1_000_000),
        ("root_size", params.root_size.into(), 1, 256),
        ("swap_cost", params.swap_cost, 0, 1_000 * WIT),
        ("rules_interval", params.rules_interval, 0, 1_000_000),
        ("first_burn", params.first_burn, 1, 1_000_000_000_000),
    ];
    for (name, value, least, most) in table {
        within(name, value, least, most)?;
    }
    if params.split() == Split::Unspecified {
        return Err(refusal::invalid_param("split must be SPLIT_ROOT or SPLIT_EVEN").into());
    }
    Ok(())
}

/// Refuses a number out of its bounds.
pub(crate) fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), Failure> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(refusal::invalid_param(format!("{name} must lie between {least} and {most}, not {value}")).into())
}

/// The parameters in force.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context) -> Result<Params, Failure> {
    Ok(PARAMS.get(&ctx.state)?.unwrap_or_else(|| default(ctx.chain.block_interval_ms)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ledger::testing;

    use super::*;
    use crate::network::rules;

    /// A chain may make a block every 50 ms to every ten minutes.
    #[test]
    fn defaults_are_within_their_bounds_whatever_the_block_interval() {
        let mut ctx = testing::context();
        for interval in [50, 200, 1_000, 6_000, 12_000, 600_000] {
            Arc::make_mut(&mut ctx.chain).block_interval_ms = interval;
            assert_eq!(check(&default(interval)), Ok(()), "{interval}");
            assert_eq!(rules::check(&ctx, &rules::default(interval)), Ok(()), "{interval}");
        }
    }
}
