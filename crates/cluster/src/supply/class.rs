//! Classes: how many devices are proved, claimed and hired, for how long, and the price that follows.

use ledger::{Context, Failure};
use pricing::cluster::{self, Controller};
use proto::tetra::cluster::v1::{Class, ClassState, Offer, Params};

use super::state::{CLASSES, terms};
use super::{events, standing};
use crate::params::{self, params};

/// A count of device-milliseconds as it is stored: decimal.
pub(crate) fn count(text: &str) -> u128 {
    text.parse().unwrap_or(0)
}

/// What an offer adds to its class: devices proved, hired, claimed.
fn shares(offer: &Offer) -> (u64, u64, u64) {
    let devices = u64::from(terms(offer).devices);
    let hired = u64::from(offer.hired).min(devices);
    let proved = if standing::counts(offer) { devices } else { hired };
    (proved, hired, devices.saturating_sub(proved))
}

/// Lets the time since the last count pass.
fn accrue(state: &mut ClassState, now: u64) {
    let passed = u128::from(now.saturating_sub(state.counted_at_ms));
    let add = |sum: &str, devices: u64| count(sum).saturating_add(passed.saturating_mul(devices.into())).to_string();
    state.proved_ms = add(&state.proved_ms, state.proved);
    state.hired_ms = add(&state.hired_ms, state.hired);
    state.counted_at_ms = now.max(state.counted_at_ms);
}

fn fresh(rule: &Class, now: u64) -> ClassState {
    ClassState {
        name: rule.name.clone(),
        price: rule.start_price,
        proved_ms: "0".to_owned(),
        hired_ms: "0".to_owned(),
        counted_at_ms: now,
        changed_at_ms: now,
        ..ClassState::default()
    }
}

/// A class as it is now, also one of which nothing was ever offered.
///
/// # Errors
/// `cluster_supply` 5 when there is none of that name.
pub fn state(ctx: &Context, params: &Params, name: &str) -> Result<ClassState, Failure> {
    let rule = params::class(params, name)?;
    Ok(CLASSES.get(&ctx.state, &name.to_owned())?.unwrap_or_else(|| fresh(&rule, ctx.block.time_ms())))
}

/// Counts a change of an offer in its class.
///
/// # Errors
/// When the state fails.
pub(super) fn follow(ctx: &mut Context, old: &Offer, new: &Offer) -> Result<(), Failure> {
    let params = params(ctx)?;
    for (offer, up) in [(old, false), (new, true)] {
        let Some(terms) = &offer.terms else { continue };
        let now = ctx.block.time_ms();
        let mut state = match CLASSES.get(&ctx.state, &terms.class)? {
            Some(state) => state,
            None => fresh(&params::class(&params, &terms.class)?, now),
        };
        accrue(&mut state, now);
        let (proved, hired, claimed) = shares(offer);
        let apply = |sum: u64, part: u64| if up { sum.saturating_add(part) } else { sum.saturating_sub(part) };
        state.proved = apply(state.proved, proved);
        state.hired = apply(state.hired, hired);
        state.claimed = apply(state.claimed, claimed);
        CLASSES.set(&mut ctx.state, &terms.class, &state);
    }
    Ok(())
}

fn controller(rule: &Class, params: &Params) -> Controller {
    Controller {
        target: params.price_target,
        most: params.price_step,
        least_price: rule.min_price,
        most_price: rule.max_price,
    }
}

/// Moves the prices whose time has come; each change names its inputs.
///
/// # Errors
/// When the state fails.
pub(crate) fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    let now = ctx.block.time_ms();
    let all = CLASSES.all(&ctx.state)?;
    if all.is_empty() {
        return Ok(());
    }
    let params = params(ctx)?;
    for (name, mut state) in all {
        let Ok(rule) = params::class(&params, &name) else { continue };
        if now < state.changed_at_ms.saturating_add(params.price_ms) {
            continue;
        }
        accrue(&mut state, now);
        let used = cluster::use_bp(count(&state.hired_ms), count(&state.proved_ms));
        let before = state.price;
        state.price = cluster::step(before, used, &controller(&rule, &params));
        (state.proved_ms, state.hired_ms, state.changed_at_ms) = ("0".to_owned(), "0".to_owned(), now);
        CLASSES.set(&mut ctx.state, &name, &state);
        if before != state.price {
            events::price(ctx, &name, before, state.price, used.unwrap_or(0));
        }
    }
    Ok(())
}

/// The sums that the offers give, for the check of what is counted.
pub(crate) fn recount(offers: &[Offer], class: &str) -> (u64, u64, u64) {
    let of_class = offers.iter().filter(|offer| terms(offer).class == class);
    of_class.fold((0, 0, 0), |sum, offer| {
        let part = shares(offer);
        (sum.0.saturating_add(part.0), sum.1.saturating_add(part.1), sum.2.saturating_add(part.2))
    })
}
