//! The state of an offer, which follows from its facts and the time.

use proto::tetra::cluster::v1::{Offer, OfferState};

use super::state::terms;

/// Whether its last proof still counts. Hired devices need none: they are watched by those who use them.
pub fn is_fresh(offer: &Offer, now: u64) -> bool {
    offer.proved_round > 0 && now < offer.fresh_until_ms
}

/// The state at a time, with `silence` milliseconds until an offer without a beat is inactive.
pub fn of(offer: &Offer, now: u64, silence: u64) -> OfferState {
    let devices = terms(offer).devices;
    if offer.blocked {
        OfferState::Blocked
    } else if now >= offer.beat_ms.saturating_add(silence) {
        OfferState::Inactive
    } else if offer.paused {
        OfferState::Paused
    } else if offer.hired >= devices {
        OfferState::Hired
    } else if is_fresh(offer, now) && offer.tried_round > 0 {
        OfferState::Ready
    } else if offer.committed_round == 0 || is_fresh(offer, now) {
        OfferState::Pending
    } else {
        OfferState::Failed
    }
}

/// When time alone changes the state next; 0: never.
pub fn next_change(offer: &Offer, now: u64, silence: u64) -> u64 {
    let silent = offer.beat_ms.saturating_add(silence);
    // What the end of an appeal's time does is done at the end of a block: one that has passed is still to come.
    let appeal = if offer.appeal_until_ms > 0 { offer.appeal_until_ms.max(now.saturating_add(1)) } else { 0 };
    let times = [silent, if offer.proved_round > 0 { offer.fresh_until_ms } else { 0 }, appeal];
    times.into_iter().filter(|time| *time > now).min().unwrap_or(0)
}

/// Whether it counts among the devices that are proved.
pub fn counts(offer: &Offer) -> bool {
    matches!(offer.state(), OfferState::Ready | OfferState::Hired)
}
