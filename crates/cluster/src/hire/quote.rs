//! Quotes: what is asked for, from whom, and at what price, kept for some blocks.

use std::collections::BTreeSet;

use ledger::capacity::{self, Claim};
use ledger::{Context, Failure, Rejection};
use pricing::cluster;
use proto::tetra::cluster::v1::{Ask, Params, Quote, QuoteLine, Source};

use super::choice::{self, Chosen};
use super::state::{EXPIRIES, QUOTES, put_quote, remove_quote};
use super::{MARKET, ask as asked};
use crate::ids::{ClusterId, NodeNumber, OfferId};
use crate::params::params;
use crate::refusal::hire as refusal;
use crate::supply::state::{require, terms};
use crate::supply::terms as checked;

/// How many quotes expire in one block at most.
const MOST_PER_BLOCK: usize = 128;

/// What devices cost: an hour of all, and the whole time, rounded up.
///
/// # Errors
/// When the amounts are too large to count.
pub fn costs(prices: impl Iterator<Item = u64>, duration_ms: u64) -> Result<(u64, u64), Failure> {
    let overflow = || Rejection::overflow("what this costs");
    let hourly = prices.map(u128::from).sum::<u128>();
    let total = cluster::cost(hourly, duration_ms).ok_or_else(overflow)?;
    let narrow = |amount: u128| u64::try_from(amount).map_err(|_| overflow());
    Ok((narrow(hourly)?, narrow(total)?))
}

/// What a reservation of `total` costs.
///
/// # Errors
/// When it is too large to count.
pub fn fee(params: &Params, total: u64) -> Result<u64, Failure> {
    let fee = cluster::reservation_fee(total.into(), params.reservation_bp);
    Ok(fee.and_then(|fee| u64::try_from(fee).ok()).ok_or_else(|| Rejection::overflow("the reservation fee"))?)
}

/// A device as quotes show it.
///
/// # Errors
/// `cluster_supply` 3 when the offer is gone.
pub(super) fn line(ctx: &Context, chosen: &Chosen) -> Result<QuoteLine, Failure> {
    let (offer, source) = (chosen.offer.to_wire(&ctx.chain.prefix), chosen.source.into());
    let lease = terms(&require(ctx, &chosen.offer)?).lease;
    Ok(QuoteLine { offer: Some(offer), price: chosen.price, source, lease })
}

/// A quote of chosen devices.
///
/// # Errors
/// When the amounts are too large to count.
pub(super) fn of(ctx: &Context, ask: &Ask, chosen: &[Chosen]) -> Result<Quote, Failure> {
    let params = params(ctx)?;
    let (hourly, total) = costs(chosen.iter().map(|device| device.price), ask.duration_ms)?;
    Ok(Quote {
        id: None,
        ask: Some(ask.clone()),
        lines: chosen.iter().map(|device| line(ctx, device)).collect::<Result<_, _>>()?,
        hourly,
        total,
        fee: fee(&params, total)?,
        expires_height: ctx.block.height.saturating_add(params.quote_blocks),
    })
}

/// Chooses devices for an ask.
///
/// # Errors
/// `cluster` 6 when there are too few, with the most frequent reason.
pub(super) fn devices(ctx: &Context, ask: &Ask, avoid: &BTreeSet<OfferId>) -> Result<Vec<Chosen>, Failure> {
    let look = choice::look(ctx, ask, avoid)?;
    let chosen = choice::choose(&look.fitting, ask.nodes, ask.pack);
    match chosen.len() == ask.nodes as usize {
        true => Ok(chosen),
        false => Err(too_few(ask, &chosen, &look)),
    }
}

/// The refusal that there are too few devices.
pub(super) fn too_few(ask: &Ask, chosen: &[Chosen], look: &choice::Look) -> Failure {
    let found = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
    let why = match look.unfit.first() {
        None => format!("no other device of class {} is proved and free", ask.class),
        Some((_, why)) => format!("{} others do not fit, the first because {why}", look.unfit.len()),
    };
    refusal::not_enough(ask.nodes, found, &format!("{why}; ask `tetra cluster quote` for all reasons")).into()
}

/// What one device of an offer takes, under the name of a node.
///
/// # Errors
/// `cluster_supply` 3 when the offer is gone.
pub(super) fn claim(
    ctx: &Context,
    id: &ClusterId,
    number: NodeNumber,
    offer: &OfferId,
) -> Result<Claim<'static>, Failure> {
    let request = checked::request(&terms(&require(ctx, offer)?));
    Ok(Claim { market: MARKET, reference: id.reference(&ctx.chain.prefix, number), units: vec![(request, 1)] })
}

/// Makes a quote and keeps its devices softly: others may be quoted the same.
///
/// # Errors
/// `cluster` 2, 6; `cluster_supply` 5; `capacity` 2.
pub(super) fn hold(ctx: &mut Context, id: &ClusterId, ask: &Ask) -> Result<Quote, Failure> {
    asked::check(&params(ctx)?, ask)?;
    let chosen = devices(ctx, ask, &BTreeSet::new())?;
    let quote = Quote { id: Some(id.to_wire(&ctx.chain.prefix)), ..of(ctx, ask, &chosen)? };
    for (device, number) in chosen.iter().zip(1..) {
        // A slice takes nothing of its host beside the window that it lies in: it is there when it is taken, or not.
        if device.source == Source::RenderIdle {
            continue;
        }
        let claim = claim(ctx, id, number, &device.offer)?;
        capacity::hold_soft_on(ctx, &device.offer.host, &claim, quote.expires_height)?;
    }
    put_quote(ctx, id, &quote);
    Ok(quote)
}

/// Lets go of a quote that was not taken.
///
/// # Errors
/// When the state fails.
pub(crate) fn drop(ctx: &mut Context, id: &ClusterId) -> Result<(), Failure> {
    let Some(quote) = QUOTES.get(&ctx.state, id)? else { return Ok(()) };
    remove_quote(ctx, id, &quote);
    for (_, number) in quote.lines.iter().zip(1..) {
        capacity::release(ctx, MARKET, &id.reference(&ctx.chain.prefix, number))?;
    }
    Ok(())
}

/// Ends quotes whose last height this is.
///
/// # Errors
/// When the state fails.
pub(super) fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    for ((height, id), ()) in EXPIRIES.first(&ctx.state, &(), MOST_PER_BLOCK)? {
        if height > ctx.block.height {
            break;
        }
        drop(ctx, &id)?;
    }
    Ok(())
}
