//! Prices by a constant table of tiers, and sums of what was attributed.

use ledger::{Context, Failure, Rejection};
use primitives::Address;
use proto::cosmos::base::v1beta1::Coin;
use proto::tetra::render::v1::{Bill, Params, Tier, TierPrice};
use store::{Item, Map};

use super::MODULE;
use crate::credit::Paid;

const PARAMS: Item<Params> = Item::new(MODULE, 1);
/// Value attributed to owners in the open epoch.
const VALUES: Map<Address, u64> = Map::new(MODULE, 2);
/// Billed and proved unit-milliseconds.
const BILLED: Item<u64> = Item::new(MODULE, 3);
const PROVED: Item<u64> = Item::new(MODULE, 4);
/// Proved milliseconds of each node.
const AVAILABLE: Map<String, u64> = Map::new(MODULE, 5);

fn default() -> Params {
    let tier =
        |tier: Tier, units: u64| TierPrice { tier: tier.into(), units_per_credit: units, least: units, most: units };
    Params {
        epoch_ms: 604_800_000,
        tiers: vec![tier(Tier::Trusted, 25), tier(Tier::Priority, 100), tier(Tier::Economy, 200)],
        network_bp: 500,
        pool_cap_bp: 10_000,
        audit_bp: 1_000,
        audit_tiles: 4,
        auditors: 2,
        beacon_blocks: 3,
        audit_commit_ms: 600_000,
        audit_open_ms: 300_000,
        approval_ms: 259_200_000,
        no_progress_ms: 600_000,
        offline_ms: 180_000,
        hold_back_ucredits: 80_000_000,
        slash_bp: 5_000,
        assignments_per_block: 256,
        units_in_hand: 2,
        appeal_ms: 86_400_000,
        appeal_deposit: Some(Coin { denom: "uusd".to_owned(), amount: "5000000".to_owned() }),
        ..Params::default()
    }
}

/// The parameters in force.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context) -> Result<Params, Failure> {
    Ok(PARAMS.get(&ctx.state)?.unwrap_or_else(default))
}

/// Puts parameters in force.
pub fn set_params(ctx: &mut Context, params: &Params) {
    PARAMS.set(&mut ctx.state, params);
}

/// The price of a tier.
///
/// # Errors
/// `sdk` 38 when the tier has none.
pub fn price(ctx: &Context, tier: Tier) -> Result<TierPrice, Failure> {
    let found = params(ctx)?.tiers.into_iter().find(|price| price.tier() == tier);
    found.ok_or_else(|| Rejection::not_found(format!("{} has no price", tier.as_str_name())).into())
}

/// What work costs, rounded up to a millionth of a credit.
///
/// # Errors
/// As [`price`]; `sdk` 41 when it is more than can be counted.
pub fn bill(ctx: &Context, tier: Tier, work_milli: u64) -> Result<Bill, Failure> {
    let units_per_credit = price(ctx, tier)?.units_per_credit.max(1);
    // work / 1000 / units × 10^6
    let ucredits = (u128::from(work_milli) * 1000).div_ceil(u128::from(units_per_credit));
    let ucredits = u64::try_from(ucredits).map_err(|_| Rejection::overflow("the bill"))?;
    Ok(Bill { work_milli, units_per_credit, ucredits })
}

/// Attributes the value of an approved unit to a node's owner.
///
/// # Errors
/// When the state fails.
pub fn attribute(
    ctx: &mut Context,
    _unit: &str,
    owner: &Address,
    ucredits: u64,
    _work_milli: u64,
    _paid: &Paid,
) -> Result<(), Failure> {
    let sum = attributed(ctx, owner)?.saturating_add(ucredits);
    VALUES.set(&mut ctx.state, owner, &sum);
    Ok(())
}

/// What was attributed to an owner.
///
/// # Errors
/// When the state fails.
pub fn attributed(ctx: &Context, owner: &Address) -> Result<u64, Failure> {
    Ok(VALUES.get(&ctx.state, owner)?.unwrap_or(0))
}

/// Adds to the use of the open epoch, in work units per second times milliseconds.
///
/// # Errors
/// When the state fails.
pub fn billed_and_proved(ctx: &mut Context, billed_unit_ms: u64, proved_unit_ms: u64) -> Result<(), Failure> {
    for (item, more) in [(BILLED, billed_unit_ms), (PROVED, proved_unit_ms)] {
        let sum = item.get(&ctx.state)?.unwrap_or(0).saturating_add(more);
        item.set(&mut ctx.state, &sum);
    }
    Ok(())
}

/// Adds to the time for which a node was available.
///
/// # Errors
/// When the state fails.
pub fn available(ctx: &mut Context, node: &str, ms: u64) -> Result<(), Failure> {
    let sum = AVAILABLE.get(&ctx.state, &node.to_owned())?.unwrap_or(0).saturating_add(ms);
    AVAILABLE.set(&mut ctx.state, &node.to_owned(), &sum);
    Ok(())
}
