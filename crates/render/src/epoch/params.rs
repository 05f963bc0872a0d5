//! Governed parameters of the market of renders, with the prices in force.
//!
//! | parameter | meaning | default | bounds | source |
//! |---|---|---|---|---|
//! | `epoch_ms` | length of an epoch | 7 days | 10 s to 31 days; less than an hour on development networks only | A3.4 |
//! | `tiers` | per tier: thousandths of a work unit that a credit buys, and the band of the controller | 25, 100, 200 units; bands 25, 50 to 100, 200 to 400 | `0 < least ≤ price ≤ most ≤ 10^12` | A2.1, A2.2 |
//! | `network_bp` | share of a payment that goes to the network | 500 | 0 to 5000 | A3.1, RNP-006 |
//! | `pool_cap_bp` | the most that a job pool pays, of what payments burned: k | 10000 | 0 to 10000; more on development networks only, for replays | ours |
//! | `minting_stopped` | the breaker | no | | ours |
//! | `job_pool_bp` | share of the schedule for approved work | 1325 | with `availability_bp` at most 10000 | A3.4: 15,000 of 113,178 a week |
//! | `availability_bp` | share of the schedule for available nodes | 255 | likewise | A3.4: 2,884.615 a week |
//! | `audit_bp` | frames of seasoned nodes that are audited | 1000 | 1 to 10000 | C5, ours |
//! | `audit_tiles`, `auditors` | tiles and auditors of an audit | 4, 2 | 1 to 64, 1 to 16 | ours |
//! | `beacon_blocks` | blocks that a beacon mixes | 3 | 1 to 100 | ours |
//! | `audit_commit_ms`, `audit_open_ms` | time for auditors to render, for all to open | 10 min, 5 min | 1 s to 7 days | ours |
//! | `approval_ms` | silence that approves | 72 h | 1 s to 30 days | A1.2 |
//! | `no_progress_ms` | silence of a node at work that gives its frame to another | 10 min | 1 s to 7 days | A5.1 |
//! | `offline_ms` | silence after which a node is offline | 3 min | 1 s to 7 days | ours |
//! | `hold_back_ucredits` | value kept back before a node is paid | 80 credits | at most 10^15 | RNP-019: 100 USD, at EUR 0.25 a credit a fifth of it |
//! | `slash_bp` | part of it that a wrong frame costs | 5000 | 0 to 10000 | ours |
//! | `assignments_per_block` | the most that one block hands out | 256 | 1 to 10000 | ours |
//! | `units_in_hand` | frames that a node may hold, so that it never waits for a block | 2 | 1 to 16 | ours |
//! | `same_host_audits` | whether auditors may be of the audited owner or host | no | development networks only | ours |
//! | `appeal_ms`, `appeal_deposit` | how long a verdict may be appealed, at what stake | 24 h, 5 USD | 1 s to 30 days; a coin | ours |
//!
//! Sources are sections of spec/render_ionet.md. What neither pool gets of the schedule is never minted.

use ledger::{Context, Failure};
use primitives::Coin;
use proto::cosmos::base::v1beta1::Coin as WireCoin;
use proto::tetra::render::v1::{Params, Tier, TierPrice};

use super::refusals;
use super::state::PARAMS;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// The most work that a credit may buy, in thousandths of a unit.
const MOST_WORK: u64 = 1_000_000_000_000;

/// The parameters that a network starts with.
pub fn default() -> Params {
    let tier = |tier: Tier, work_milli_per_credit: u64, least: u64, most: u64| TierPrice {
        tier: tier.into(),
        work_milli_per_credit,
        least,
        most,
    };
    Params {
        epoch_ms: 7 * DAY_MS,
        tiers: vec![
            tier(Tier::Trusted, 25_000, 25_000, 25_000),
            tier(Tier::Priority, 100_000, 50_000, 100_000),
            tier(Tier::Economy, 200_000, 200_000, 400_000),
        ],
        network_bp: 500,
        pool_cap_bp: 10_000,
        minting_stopped: false,
        job_pool_bp: 1_325,
        availability_bp: 255,
        audit_bp: 1_000,
        audit_tiles: 4,
        auditors: 2,
        beacon_blocks: 3,
        audit_commit_ms: 600_000,
        audit_open_ms: 300_000,
        approval_ms: 3 * DAY_MS,
        no_progress_ms: 600_000,
        offline_ms: 180_000,
        hold_back_ucredits: 80_000_000,
        slash_bp: 5_000,
        assignments_per_block: 256,
        units_in_hand: 2,
        same_host_audits: false,
        appeal_ms: DAY_MS,
        appeal_deposit: Some(WireCoin { denom: "uusd".to_owned(), amount: "5000000".to_owned() }),
    }
}

fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), Failure> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(refusals::invalid_param(format!("{name} is {value}; allowed are {least} to {most}")).into())
}

/// Checks the bounds above.
///
/// # Errors
/// `render_epoch` 2, which names the parameter and its bounds.
pub fn check(ctx: &Context, params: &Params) -> Result<(), Failure> {
    let dev = ctx.chain.dev;
    within("epoch_ms", params.epoch_ms, if dev { 10_000 } else { HOUR_MS }, 31 * DAY_MS)?;
    within("network_bp", params.network_bp.into(), 0, 5_000)?;
    within("pool_cap_bp", params.pool_cap_bp.into(), 0, if dev { u32::MAX.into() } else { 10_000 })?;
    let pools = u64::from(params.job_pool_bp) + u64::from(params.availability_bp);
    within("job_pool_bp + availability_bp", pools, 0, 10_000)?;
    within("audit_bp", params.audit_bp.into(), 1, 10_000)?;
    within("audit_tiles", params.audit_tiles.into(), 1, 64)?;
    within("auditors", params.auditors.into(), 1, 16)?;
    within("beacon_blocks", params.beacon_blocks.into(), 1, 100)?;
    for (name, value) in [
        ("audit_commit_ms", params.audit_commit_ms),
        ("audit_open_ms", params.audit_open_ms),
        ("no_progress_ms", params.no_progress_ms),
        ("offline_ms", params.offline_ms),
    ] {
        within(name, value, 1_000, 7 * DAY_MS)?;
    }
    within("approval_ms", params.approval_ms, 1_000, 30 * DAY_MS)?;
    within("appeal_ms", params.appeal_ms, 1_000, 30 * DAY_MS)?;
    within("hold_back_ucredits", params.hold_back_ucredits, 0, 1_000_000_000_000_000)?;
    within("slash_bp", params.slash_bp.into(), 0, 10_000)?;
    within("assignments_per_block", params.assignments_per_block.into(), 1, 10_000)?;
    within("units_in_hand", params.units_in_hand.into(), 1, 16)?;
    if params.same_host_audits && !dev {
        let why = "same_host_audits is for development networks; this genesis is not marked `dev`";
        return Err(refusals::invalid_param(why).into());
    }
    let deposit = params.appeal_deposit.as_ref().map(|coin| Coin::from_wire(&coin.denom, &coin.amount));
    if !matches!(deposit, Some(Ok(_))) {
        return Err(refusals::invalid_param("appeal_deposit is missing or malformed; say an amount and a denom").into());
    }
    check_tiers(&params.tiers)
}

fn check_tiers(tiers: &[TierPrice]) -> Result<(), Failure> {
    let named: Vec<Tier> = tiers.iter().map(TierPrice::tier).collect();
    if named != [Tier::Trusted, Tier::Priority, Tier::Economy] {
        return Err(refusals::invalid_param("tiers must be tier 1, 2 and 3, in this order, once each").into());
    }
    for price in tiers {
        let name = price.tier().as_str_name();
        within(&format!("least of {name}"), price.least, 1, MOST_WORK)?;
        within(&format!("most of {name}"), price.most, price.least, MOST_WORK)?;
        within(&format!("work_milli_per_credit of {name}"), price.work_milli_per_credit, price.least, price.most)?;
    }
    Ok(())
}

/// The parameters and prices in force; the defaults before genesis.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context) -> Result<Params, Failure> {
    Ok(PARAMS.get(&ctx.state)?.unwrap_or_else(default))
}

/// Puts parameters in force that were checked.
pub fn set_params(ctx: &mut Context, params: &Params) {
    PARAMS.set(&mut ctx.state, params);
}
