//! What suppliers earn by being there, on networks that want it: io.net's schedule, a yearly rate on a fixed base that falls every
//! hour (spec/render_ionet.md B2.6; `emission::disinflation`).
//!
//! When a round of proofs closes, what the schedule emitted since the last one is shared among the devices that were proved in it and
//! were free, by the multiplier of their class. Hired devices earn their hire and none of this. What nobody was there for is never
//! minted.

use emission::disinflation::{Disinflation, Rate};
use ledger::{Context, Failure, Rejection, bank};
use primitives::math::mul_div_floor;
use primitives::{Coin, Denom};
use proto::tetra::cluster::v1::{Offer, OfferState, Params, Proof, Rewards, RewardsState, Round};

use super::class::count;
use super::state::{PROOFS, REWARDS, free, terms};
use crate::ids::OfferId;
use crate::params::{self, params};
use crate::refusal::supply as refusal;

/// The policy of the denom, and what its minting is for.
const POLICY: &str = "disinflation";
const REASON: &str = "cluster rewards";
/// How many suppliers are paid in one block at most.
const MOST_PER_BLOCK: u32 = 128;
/// Of a year of 365 days.
const YEAR_MS: u64 = 365 * 24 * 3_600_000;

/// A schedule, checked.
///
/// # Errors
/// `cluster_supply` 9.
pub(crate) fn schedule(rewards: &Rewards) -> Result<Disinflation, Failure> {
    let amount = |name: &str, text: &str| {
        let why = format!("rewards: {name} is a decimal number of base units, not {text:?}");
        text.parse::<u128>().map_err(|_| Failure::from(refusal::invalid_param(why)))
    };
    Denom::new(&rewards.denom).map_err(|error| refusal::invalid_param(format!("rewards: denom: {error}")))?;
    let rate = Rate {
        base: amount("base", &rewards.base)?,
        yearly: rewards.yearly,
        per_year: rewards.per_year,
        fall: rewards.fall,
        periods: rewards.periods,
        most: amount("most", &rewards.most)?,
    };
    Ok(Disinflation::new(rate).map_err(|error| refusal::invalid_param(format!("rewards: {error}")))?)
}

/// How many periods passed since the first.
fn periods(rewards: &Rewards, state: &RewardsState, now: u64) -> u32 {
    let each = YEAR_MS.checked_div(rewards.per_year.into()).unwrap_or(YEAR_MS).max(1);
    u32::try_from(now.saturating_sub(state.since_ms) / each).unwrap_or(u32::MAX)
}

/// What the schedule emitted until now.
///
/// # Errors
/// When the state fails.
pub(super) fn emitted(ctx: &Context, params: &Params) -> Result<u128, Failure> {
    let (Some(rewards), Some(state)) = (&params.rewards, REWARDS.get(&ctx.state)?) else { return Ok(0) };
    Ok(schedule(rewards)?.emitted(periods(rewards, &state, ctx.block.time_ms())))
}

/// Begins to count the proofs of a round. What was not paid of the last one is not paid any more.
pub(super) fn begin(ctx: &mut Context, round: u64) -> Result<(), Failure> {
    if params(ctx)?.rewards.is_none() {
        return Ok(());
    }
    let fresh = || RewardsState { since_ms: ctx.block.time_ms(), minted: "0".to_owned(), ..RewardsState::default() };
    let mut state = REWARDS.get(&ctx.state)?.unwrap_or_else(fresh);
    (state.round, state.weight, state.pool, state.place) = (round, "0".to_owned(), "0".to_owned(), 0);
    REWARDS.set(&mut ctx.state, &state);
    Ok(())
}

/// Counts a proof that passed: the free devices of an offer that is ready, by the multiplier of their class.
pub(super) fn weigh(ctx: &mut Context, params: &Params, offer: &Offer, proof: &mut Proof) -> Result<(), Failure> {
    let Some(mut state) = REWARDS.get(&ctx.state)?.filter(|state| state.round == proof.round) else { return Ok(()) };
    if params.rewards.is_none() || offer.state() != OfferState::Ready {
        return Ok(());
    }
    let multiplier = params::class(params, &terms(offer).class)?.multiplier;
    proof.weight = u64::from(free(offer)).saturating_mul(multiplier.into());
    state.weight = count(&state.weight).saturating_add(proof.weight.into()).to_string();
    REWARDS.set(&mut ctx.state, &state);
    Ok(())
}

/// A round closed: what was emitted since the last one is shared among its proofs.
pub(super) fn close(ctx: &mut Context, round: &Round) -> Result<(), Failure> {
    let params = params(ctx)?;
    let (Some(rewards), Some(mut state)) = (&params.rewards, REWARDS.get(&ctx.state)?) else { return Ok(()) };
    let (schedule, now) = (schedule(rewards)?, periods(rewards, &state, ctx.block.time_ms()));
    let due = schedule.emitted(now).saturating_sub(schedule.emitted(state.passed));
    state.passed = now.max(state.passed);
    let counts = state.round == round.number && count(&state.weight) > 0;
    state.pool = if counts { due.to_string() } else { "0".to_owned() };
    REWARDS.set(&mut ctx.state, &state);
    Ok(())
}

/// Pays the next suppliers.
///
/// # Errors
/// When the state fails.
pub(crate) fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    let Some(mut state) = REWARDS.get(&ctx.state)? else { return Ok(()) };
    let (pool, weight) = (count(&state.pool), count(&state.weight));
    if pool == 0 || weight == 0 {
        return Ok(());
    }
    let Some(rewards) = params(ctx)?.rewards else { return Ok(()) };
    let denom = Denom::new(&rewards.denom).map_err(|error| Rejection::invalid_coins(error.to_string()))?;
    let until = state.place.saturating_add(MOST_PER_BLOCK);
    let mut over = false;
    for place in state.place..until {
        let Some(proof) = PROOFS.get(&ctx.state, &(state.round, place))? else {
            over = true;
            break;
        };
        let amount = mul_div_floor(pool, proof.weight.into(), weight).unwrap_or(0);
        if amount == 0 {
            continue;
        }
        let owner = OfferId::from_wire(ctx, proof.offer.as_ref())?.owner;
        bank::mint(ctx, POLICY, REASON, &owner, &Coin { denom: denom.clone(), amount })?;
        state.minted = count(&state.minted).saturating_add(amount).to_string();
    }
    state.place = until;
    if over {
        state.pool = "0".to_owned();
    }
    REWARDS.set(&mut ctx.state, &state);
    Ok(())
}

/// Whether a denom is minted by this policy: parameters name no other.
///
/// # Errors
/// `cluster_supply` 9.
pub(crate) fn check_denom(ctx: &Context, rewards: &Rewards) -> Result<(), Failure> {
    let denom =
        Denom::new(&rewards.denom).map_err(|error| refusal::invalid_param(format!("rewards: denom: {error}")))?;
    match bank::policy(ctx, &denom)?.as_deref() {
        Some(POLICY) => Ok(()),
        Some(other) => {
            let why = format!("rewards: {denom} is minted by policy {other}, and {POLICY} is wanted");
            Err(refusal::invalid_param(why).into())
        }
        None => Err(refusal::invalid_param(format!("rewards: the chain knows no {denom}")).into()),
    }
}
