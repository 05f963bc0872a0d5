//! The end of an epoch.

use emission::burn_mint::{BurnMint, CAP};
use ledger::oracle::{self, EUR_USD, LUX_USD, Quote};
use ledger::{Context, Failure, Rejection, bank, timestamp};
use pricing::render::pool::{self, Limit};
use primitives::Address;
use primitives::math::mul_div_floor;
use proto::tetra::oracle::v1::PriceState;
use proto::tetra::render::v1::{Epoch, Params};

use super::state::{CLOSED, MEANS, POOLS, Part, Pool, SUMS, StoredOpen, StoredPool, Sum, Total, add_total, sum, total};
use super::{availability, controller, events, params, reserve_account, rewards_account};
use crate::credit::{self, LUX, USD, auction, shown};
use crate::node::power::TOLERANCE;

/// The policy by which LUX is minted.
const POLICY: &str = "burn_and_mint";
const BP: u128 = 10_000;
const MICRO: u128 = 1_000_000;
/// Millionths of a ten-thousandth.
const PPM_PER_BP: u32 = 100;

/// Prices at the end of an epoch.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    /// What the auction may go by; only a price that may be used.
    usable: Option<Quote>,
    /// USD per LUX by which payments are measured: of spot and average the higher, or the average when the price may not be
    /// used; 0 when there is none.
    lux: u64,
    /// USD per euro likewise, but the lower.
    euro: u64,
}

fn last(ctx: &Context) -> Result<Last, Failure> {
    let (lux, euro) = (oracle::view(ctx, LUX_USD)?, oracle::view(ctx, EUR_USD)?);
    let usable = |view: &oracle::View| {
        let (spot, average, simulated) = (view.spot, view.average, view.simulated);
        (view.state == PriceState::Fresh).then_some(Quote { spot, average, simulated })
    };
    Ok(Last {
        usable: usable(&lux),
        lux: usable(&lux).map_or(lux.average, |quote| quote.higher()),
        euro: usable(&euro).map_or(euro.average, |quote| quote.lower()),
    })
}

/// What payments for value that counts were worth, in millionths of a credit: those of the epoch, less value kept back, and
/// value of earlier epochs that was released in this one.
fn due_value(ctx: &Context) -> Result<u128, Failure> {
    let earned = sum(ctx, Sum::Spent)?.saturating_sub(sum(ctx, Sum::Kept)?);
    Ok(earned.saturating_add(sum(ctx, Sum::Released)?))
}

/// What of creators' payments limits the job pool, in base units of LUX: what was burned of them, USD at the last price;
/// of that the share of value that counts, and nothing of what was kept back; and not more than what counts is
/// worth at the last prices, less the network's share. Without prices USD counts for nothing. The last bound keeps those
/// who pay at a high price of LUX from earning what others burned at a low one.
fn pool_base(ctx: &Context, params: &Params, last: &Last) -> Result<u128, Failure> {
    let lux = |usd: u128| mul_div_floor(usd, MICRO, last.lux.into()).unwrap_or(0);
    let burned = sum(ctx, Sum::PoolLux)?.saturating_add(lux(sum(ctx, Sum::PoolUsd)?));
    let (value, spent) = (sum(ctx, Sum::Value)?, due_value(ctx)?);
    let burned = mul_div_floor(burned, value, value.max(spent)).unwrap_or(0);
    if last.lux == 0 || last.euro == 0 {
        return Ok(burned);
    }
    let usd = mul_div_floor(value, last.euro.into(), MICRO * pricing::render::CREDITS_PER_EURO).unwrap_or(u128::MAX);
    let worth = mul_div_floor(lux(usd), BP.saturating_sub(params.network_bp.into()), BP).unwrap_or(0);
    Ok(burned.min(worth))
}

/// What an epoch mints.
#[derive(Clone, Copy, Debug, Default)]
struct Emission {
    scheduled: u128,
    work: u128,
    availability: u128,
    reserved: u128,
}

/// Whether this chain has LUX that epochs may mint: without it they close and mint nothing.
fn is_mintable(ctx: &mut Context) -> Result<bool, Failure> {
    match bank::mint(ctx, POLICY, "render_epoch", &rewards_account(), &credit::coin(LUX, 0)?) {
        Ok(()) => Ok(true),
        Err(Failure::Rejected(_)) => Ok(false),
        Err(broken) => Err(broken),
    }
}

fn emission(ctx: &mut Context, open: &StoredOpen, params: &Params, base: u128) -> Result<Emission, Failure> {
    let since = |at: u64| at.saturating_sub(open.started_ms);
    let scheduled = BurnMint::default().epoch(since(open.begins_ms), since(open.ends_ms));
    let lux = credit::coin(LUX, 0)?.denom;
    if params.minting_stopped || !is_mintable(ctx)? {
        return Ok(Emission { scheduled, ..Emission::default() });
    }
    let room = CAP.saturating_sub(bank::supply_of(ctx, &lux)?);
    let share = |bp: u32| mul_div_floor(scheduled, bp.into(), BP).unwrap_or(0);
    let jobs = share(params.job_pool_bp).min(room);
    let idle = share(params.availability_bp).min(room.saturating_sub(jobs));
    let limit = Limit::Paid(params.pool_cap_bp.saturating_mul(PPM_PER_BP));
    let shared = pool::share(jobs, &[sum(ctx, Sum::Value)?], base, limit);
    let shared = shared.map_err(|error| Rejection::invalid_request(error.to_string()))?;
    let availability = if sum(ctx, Sum::Points)? == 0 { 0 } else { idle };
    let reserved = shared.reserve.saturating_add(idle.saturating_sub(availability));
    Ok(Emission { scheduled, work: shared.paid, availability, reserved })
}

fn mint(ctx: &mut Context, reason: &str, to: &Address, amount: u128) -> Result<(), Failure> {
    // Where there is no LUX, even none of it cannot be minted.
    if amount == 0 {
        return Ok(());
    }
    add_total(ctx, Total::Minted, amount)?;
    bank::mint(ctx, POLICY, reason, to, &credit::coin(LUX, amount)?)
}

/// What payments of an epoch may be worth less than the work that they paid, in millionths of a credit, where 1 % of them is less: each
/// lot has paid in whole base units so far, rounded down (docs/protocol.md, "Credits and epochs").
const ROUNDING: u128 = 1_000;

/// Work credited against money paid: the check that would have told of Render's seven weeks in 2025 (spec/render_ionet.md
/// A3.6, L6), and work billed against time. Both sides are of the same units, so that it does not matter in which epoch they
/// were rendered. Empty when they agree within 1 % (and [`ROUNDING`]) and [`TOLERANCE`]. Less credited than paid for is no anomaly: pay may be
/// forfeited.
fn anomaly(ctx: &Context) -> Result<String, Failure> {
    // Value kept back was paid for as well, and stands on both sides: the smallest rest may be all that counts.
    let value = sum(ctx, Sum::Value)?.saturating_add(sum(ctx, Sum::Kept)?);
    let spent = sum(ctx, Sum::Spent)?.saturating_add(sum(ctx, Sum::Released)?);
    let (billed, able) = (sum(ctx, Sum::Billed)?, sum(ctx, Sum::Able)?);
    let mut found = Vec::new();
    if value > spent.saturating_add(spent / 100).saturating_add(ROUNDING) {
        let times = mul_div_floor(value, 100, spent).map(|times| format!("{}.{:02} times", times / 100, times % 100));
        let times = times.unwrap_or_else(|| "without end".to_owned());
        found.push(format!(
            "work of {value} millionths of a credit was credited, payments were worth {spent}: {times} the value burned"
        ));
    }
    // Benchmarks that were taken on a busy machine declare too little, by as much as a word may be above what frames show.
    if billed > able.saturating_mul(TOLERANCE.into()) {
        found.push(format!(
            "{billed} thousandths of a work unit were billed; in the time that their nodes had, their power makes {able}"
        ));
    }
    Ok(found.join("; "))
}

/// Closes an epoch: auction, emission, prices, record. Cannot be refused.
///
/// # Errors
/// When the state fails.
pub(super) fn close(ctx: &mut Context, open: &StoredOpen) -> Result<(), Failure> {
    let before = params::params(ctx)?;
    let last = last(ctx)?;
    let bought = match &last.usable {
        Some(price) => auction::clear(ctx, open.number, price)?,
        None => auction::Bought::default(),
    };
    add_total(ctx, Total::Burned, bought.lux)?;
    let base = pool_base(ctx, &before, &last)?;
    let made = emission(ctx, open, &before, base)?;
    mint(ctx, "render_epoch", &rewards_account(), made.work.saturating_add(made.availability))?;
    mint(ctx, "render_reserve", &reserve_account(), made.reserved)?;
    add_total(ctx, Total::Reserved, made.reserved)?;

    let pool = Pool {
        work: Part { amount: made.work, weight: sum(ctx, Sum::Value)?, claimed: 0 },
        availability: Part { amount: made.availability, weight: sum(ctx, Sum::Points)?, claimed: 0 },
    };
    if pool.work.weight > 0 || pool.availability.weight > 0 {
        POOLS.set(&mut ctx.state, &open.number, &StoredPool::from(&pool));
    }
    if let Some(means) = availability::means_so_far(ctx)? {
        MEANS.set(&mut ctx.state, &means);
    }
    let (use_bp, tiers_after) = controller::move_prices(ctx, &before)?;
    let (value, spent) = (sum(ctx, Sum::Value)?, sum(ctx, Sum::Spent)?);
    let narrow = |amount: u128| u64::try_from(amount).unwrap_or(u64::MAX);
    let epoch = Epoch {
        number: open.number,
        begins: Some(timestamp(open.begins_ms)),
        ends: Some(timestamp(open.ends_ms)),
        closed: true,
        value_ucredits: narrow(value),
        lux_burned: Some(shown(LUX, sum(ctx, Sum::LuxBurned)?)),
        lux_network: Some(shown(LUX, sum(ctx, Sum::LuxNetwork)?)),
        usd_vault: Some(shown(USD, sum(ctx, Sum::UsdVault)?)),
        usd_network: Some(shown(USD, sum(ctx, Sum::UsdNetwork)?)),
        bought_burned: Some(shown(LUX, bought.lux)),
        auction_price_micros: bought.price_micros,
        scheduled: Some(shown(LUX, made.scheduled)),
        minted_work: Some(shown(LUX, made.work)),
        minted_availability: Some(shown(LUX, made.availability)),
        reserved: Some(shown(LUX, made.reserved)),
        use_bp,
        tiers_after,
        anomaly: anomaly(ctx)?,
        pool_base: Some(shown(LUX, base)),
        lux_usd_micros: last.lux,
        spent_ucredits: narrow(spent),
    };
    CLOSED.set(&mut ctx.state, &open.number, &epoch);
    for (what, _) in SUMS.all(&ctx.state)? {
        SUMS.remove(&mut ctx.state, &what);
    }
    events::closed(ctx, open.number);
    Ok(())
}

/// The open epoch as it stands: what is known of it, nothing that its end will say.
///
/// # Errors
/// When the state fails.
pub(super) fn so_far(ctx: &Context, open: &StoredOpen) -> Result<Epoch, Failure> {
    let narrow = |amount: u128| u64::try_from(amount).unwrap_or(u64::MAX);
    Ok(Epoch {
        number: open.number,
        begins: Some(timestamp(open.begins_ms)),
        ends: Some(timestamp(open.ends_ms)),
        value_ucredits: narrow(sum(ctx, Sum::Value)?),
        lux_burned: Some(shown(LUX, sum(ctx, Sum::LuxBurned)?)),
        lux_network: Some(shown(LUX, sum(ctx, Sum::LuxNetwork)?)),
        usd_vault: Some(shown(USD, sum(ctx, Sum::UsdVault)?)),
        usd_network: Some(shown(USD, sum(ctx, Sum::UsdNetwork)?)),
        spent_ucredits: narrow(sum(ctx, Sum::Spent)?),
        use_bp: controller::use_bp(sum(ctx, Sum::Billed)?, sum(ctx, Sum::Proved)?),
        anomaly: anomaly(ctx)?,
        ..Epoch::default()
    })
}

/// LUX that was minted and burned by this market since genesis, in base units.
///
/// # Errors
/// When the state fails.
pub(crate) fn flows(ctx: &Context) -> Result<(u128, u128), Failure> {
    Ok((total(ctx, Total::Minted)?, total(ctx, Total::Burned)?))
}
