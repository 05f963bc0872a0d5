//! What work costs.

use ledger::{Context, Failure, Rejection};
use pricing::render::CREDITS_PER_EURO;
use pricing::render::tiers::PerEuro;
use proto::tetra::render::v1::{Bill, Tier, TierPrice};

use super::params::params;
use super::refusals;

/// The price of a tier in force.
///
/// # Errors
/// `render_epoch` 4 when the tier has none. When the state fails.
pub fn price(ctx: &Context, tier: Tier) -> Result<TierPrice, Failure> {
    let found = params(ctx)?.tiers.into_iter().find(|price| price.tier() == tier);
    found.ok_or_else(|| refusals::no_price(tier.as_str_name()).into())
}

/// What `work_milli` thousandths of a work unit cost a creator now, rounded up to a millionth of a credit.
///
/// # Errors
/// As [`price`]; `sdk` 41 when it is more than can be counted.
pub fn bill(ctx: &Context, tier: Tier, work_milli: u64) -> Result<Bill, Failure> {
    let work_milli_per_credit = price(ctx, tier)?.work_milli_per_credit;
    // Rules count work per euro, of which a credit is a quarter.
    let per_euro = u64::try_from(CREDITS_PER_EURO).ok().and_then(|credits| work_milli_per_credit.checked_mul(credits));
    let charge = per_euro.and_then(PerEuro::new).and_then(|price| price.charge(work_milli.into()));
    let ucredits = charge.and_then(|charge| u64::try_from(charge).ok());
    let ucredits = ucredits.ok_or_else(|| Rejection::overflow("the bill"))?;
    Ok(Bill { work_milli, work_milli_per_credit, ucredits })
}
