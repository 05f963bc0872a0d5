//! Prices of the next epoch, by [`pricing::render::tiers::Controller`]. Every look is announced with all that it looked
//! at.

use ledger::{Context, Failure};
use pricing::render::tiers::{Band, Controller, PerEuro};
use primitives::math::mul_div_floor;
use proto::tetra::render::v1::{Params, TierPrice};

use super::state::{Sum, sum};
use super::{events, params};

/// Billed over proved work in ten-thousandths, rounded down; 0 when nothing was proved.
pub(super) fn use_bp(billed: u128, proved: u128) -> u32 {
    mul_div_floor(billed, 10_000, proved).map_or(0, |used| u32::try_from(used).unwrap_or(u32::MAX))
}

/// Moves the price of each tier by the use of the open epoch; gives that use and the prices after it.
///
/// # Errors
/// When the state fails.
pub(super) fn move_prices(ctx: &mut Context, before: &Params) -> Result<(u32, Vec<TierPrice>), Failure> {
    let (billed, proved) = (sum(ctx, Sum::Billed)?, sum(ctx, Sum::Proved)?);
    let used = use_bp(billed, proved);
    let mut after = before.clone();
    for tier in &mut after.tiers {
        // The controller moves a ratio: whether it is work per euro or per credit is the same to it.
        let ends = PerEuro::new(tier.least).zip(PerEuro::new(tier.most));
        let parts = PerEuro::new(tier.work_milli_per_credit).zip(ends);
        let Some((now, (dearest, cheapest))) = parts else { continue };
        let change = Controller::default().next(now, Band { dearest, cheapest }, billed, proved);
        tier.work_milli_per_credit = change.after.milli();
        events::looked(ctx, tier.tier(), &change, used);
    }
    params::set_params(ctx, &after);
    Ok((used, after.tiers))
}
