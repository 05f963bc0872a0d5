//! What is stored of supply. Every index follows from the records alone.

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{
    Appeal, ClassState, Offer, OfferState, OfferTerms, Params, Proof, RewardsState, Round, Source,
};
use store::{Item, Map};

use super::{MODULE, class, events, standing};
use crate::ids::OfferId;
use crate::refusal::supply as refusal;

/// What the authority set; absent while it is the default.
pub const PARAMS: Item<Params> = Item::new(MODULE, 1);
/// Offers.
pub const OFFERS: Map<OfferId, Offer> = Map::new(MODULE, 2);
/// Ready offers of a [`lane`] by floor and, among equal ones, by the height since which they are idle.
pub const LISTED: Map<(String, (u64, u64), OfferId), ()> = Map::new(MODULE, 3);
/// Classes of which devices were ever offered.
pub const CLASSES: Map<String, ClassState> = Map::new(MODULE, 4);
/// Offers by the header time (milliseconds) at which silence or age changes their state.
pub const TIMERS: Map<(u64, OfferId), ()> = Map::new(MODULE, 5);
/// The current round of proofs.
pub const ROUND: Item<Round> = Item::new(MODULE, 6);
/// Proofs by round and place; those of past rounds go by and by.
pub const PROOFS: Map<(u64, u32), Proof> = Map::new(MODULE, 7);

/// Proofs for which offers are blocked, while they can be appealed against or are.
pub const APPEALS: Map<OfferId, Appeal> = Map::new(MODULE, 8);
/// Offers whose appeal is open.
pub const OPEN_APPEALS: Map<OfferId, ()> = Map::new(MODULE, 9);

/// What is shared among suppliers that are there; absent where nothing is.
pub const REWARDS: Item<RewardsState> = Item::new(MODULE, 10);

/// What its owner says of an offer.
pub fn terms(offer: &Offer) -> OfferTerms {
    offer.terms.clone().unwrap_or_default()
}

/// An offer that must be there.
///
/// # Errors
/// `cluster_supply` 3 when it is not.
pub fn require(ctx: &Context, id: &OfferId) -> Result<Offer, Failure> {
    OFFERS.get(&ctx.state, id)?.ok_or_else(|| refusal::not_found(&id.text(&ctx.chain.prefix)).into())
}

/// How many of its devices are free.
pub fn free(offer: &Offer) -> u32 {
    terms(offer).devices.saturating_sub(offer.hired)
}

/// Where offers of a class are listed: firm devices, and slices that end when their machine renders, apart, since these are cheaper and
/// not for everybody. No class has a space in its name.
pub fn lane(class: &str, interruptible: bool) -> String {
    if interruptible { format!("{class} idle") } else { class.to_owned() }
}

/// Whether what is hired of an offer ends when its machine has something to render.
pub fn is_interruptible(offer: &Offer) -> bool {
    offer.source() == Source::RenderIdle
}

fn listing(id: &OfferId, offer: &Offer) -> Option<(String, (u64, u64), OfferId)> {
    let terms = terms(offer);
    let lane = lane(&terms.class, is_interruptible(offer));
    (offer.state() == OfferState::Ready).then_some((lane, (terms.floor, offer.idle_height), *id))
}

/// Stores an offer in the state that follows from its facts, moves its index entries, and counts it in its class.
///
/// # Errors
/// When the state fails.
pub fn put(ctx: &mut Context, id: &OfferId, mut offer: Offer) -> Result<(), Failure> {
    let now = ctx.block.time_ms();
    let silence = crate::params::params(ctx)?.silence_ms;
    let old = OFFERS.get(&ctx.state, id)?.unwrap_or_default();
    offer.set_state(standing::of(&offer, now, silence));
    offer.timer_ms = standing::next_change(&offer, now, silence);
    class::follow(ctx, &old, &offer)?;
    index(ctx, id, &old, &offer);
    OFFERS.set(&mut ctx.state, id, &offer);
    if old.state != offer.state {
        events::offer(ctx, id, offer.state(), &offer.reason);
    }
    Ok(())
}

/// Takes an offer out of the state.
///
/// # Errors
/// When the state fails.
pub(super) fn remove(ctx: &mut Context, id: &OfferId, old: &Offer) -> Result<(), Failure> {
    class::follow(ctx, old, &Offer::default())?;
    index(ctx, id, old, &Offer::default());
    OFFERS.remove(&mut ctx.state, id);
    Ok(())
}

/// Stores an offer of genesis as it is. Classes are imported by themselves.
pub(crate) fn import(ctx: &mut Context, id: &OfferId, offer: &Offer) {
    index(ctx, id, &Offer::default(), offer);
    OFFERS.set(&mut ctx.state, id, offer);
}

fn index(ctx: &mut Context, id: &OfferId, old: &Offer, new: &Offer) {
    let (before, after) = (listing(id, old), listing(id, new));
    if before != after {
        if let Some(key) = before {
            LISTED.remove(&mut ctx.state, &key);
        }
        if let Some(key) = after {
            LISTED.set(&mut ctx.state, &key, &());
        }
    }
    if old.timer_ms != new.timer_ms {
        if old.timer_ms > 0 {
            TIMERS.remove(&mut ctx.state, &(old.timer_ms, *id));
        }
        if new.timer_ms > 0 {
            TIMERS.set(&mut ctx.state, &(new.timer_ms, *id), &());
        }
    }
}

/// Counts devices of an offer as hired, or as given back.
///
/// # Errors
/// When the state fails.
pub(crate) fn hire(ctx: &mut Context, id: &OfferId, more: bool) -> Result<(), Failure> {
    let Some(mut offer) = OFFERS.get(&ctx.state, id)? else { return Ok(()) };
    offer.hired = if more { offer.hired.saturating_add(1) } else { offer.hired.saturating_sub(1) };
    offer.idle_height = ctx.block.height;
    put(ctx, id, offer)
}
