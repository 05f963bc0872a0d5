//! Making and ending single holds, with every index and sum that follows.

use proto::tetra::capacity::v1::{Hold, HoldKind, Resources};

use super::state::{
    self, EXPIRIES, FENCES, HOLDS, HOLDS_BY_HOST, HOLDS_BY_REFERENCE, HOSTS, HostKey, LOST, NEXT_HOLD, StoredHost,
    YIELDS,
};
use super::{events, lending, resources};
use crate::context::{Context, Outcome};
use crate::failure::{Failure, Rejection};

/// What a hold takes.
pub(super) fn amount(hold: &Hold) -> Resources {
    hold.resources.clone().unwrap_or_default()
}

/// Whether a hold lies within a window, and takes nothing beside it.
pub(super) fn is_lent(hold: &Hold) -> bool {
    hold.kind() == HoldKind::Lent
}

/// Whether a hold excludes others.
pub(super) fn exclusive(hold: &Hold) -> bool {
    matches!(hold.kind(), HoldKind::Firm | HoldKind::Interruptible)
}

/// Header time in milliseconds since 1970.
pub(super) fn now_ms(ctx: &Context) -> u64 {
    let time = &ctx.block.time;
    let millis = time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos) / 1_000_000);
    u64::try_from(millis).unwrap_or(0)
}

/// When an interruptible hold that was asked to yield is gone, in milliseconds.
pub(super) fn yields_at_ms(hold: &Hold) -> Option<u64> {
    let at = hold.yields_at.as_ref()?;
    let millis = at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000);
    Some(u64::try_from(millis).unwrap_or(0))
}

/// The last height of a hold that expires.
pub(super) fn expiry(hold: &Hold) -> Option<u64> {
    u64::try_from(hold.expires_at).ok().filter(|height| *height > 0)
}

/// Adds a hold to its host's sums, or takes it out. Devices stay sorted, so that a sum depends on the holds alone and
/// not on the order in which they came: genesis makes it anew.
fn count(host: &mut StoredHost, hold: &Hold, up: bool) -> Result<(), Failure> {
    if is_lent(hold) {
        return Ok(());
    }
    let (sum, other) = match exclusive(hold) {
        true => (host.taken(), &mut host.taken),
        false => (host.wanted(), &mut host.wanted),
    };
    let sum = match up {
        true => {
            resources::add(&sum, &amount(hold)).ok_or_else(|| Rejection::overflow("the sum of holds on the host"))?
        }
        false => resources::subtract(&sum, &amount(hold)),
    };
    *other = Some(resources::sorted(sum));
    Ok(())
}

/// Stores a hold with its indexes, and adds it to its host's sums.
pub(super) fn store(ctx: &mut Context, hold: &Hold) -> Result<(), Failure> {
    let key = state::host_key(&hold.host_key)?;
    let mut host = state::host(ctx, &key)?;
    count(&mut host, hold, true)?;
    HOSTS.set(&mut ctx.state, &key, &host);
    HOLDS.set(&mut ctx.state, &hold.id, hold);
    HOLDS_BY_HOST.set(&mut ctx.state, &(key, hold.id), &());
    let reference = (hold.reference.clone(), hold.market.clone(), hold.id);
    HOLDS_BY_REFERENCE.set(&mut ctx.state, &reference, &());
    if let (Some(height), HoldKind::Soft) = (expiry(hold), hold.kind()) {
        EXPIRIES.set(&mut ctx.state, &(height, hold.id), &());
    }
    if let Some(time) = yields_at_ms(hold) {
        YIELDS.set(&mut ctx.state, &(time, hold.id), &());
    }
    Ok(())
}

/// Takes a hold out of the state and of its host's sums.
pub(super) fn remove(ctx: &mut Context, hold: &Hold) -> Result<(), Failure> {
    let key = state::host_key(&hold.host_key)?;
    let mut host = state::host(ctx, &key)?;
    count(&mut host, hold, false)?;
    HOSTS.set(&mut ctx.state, &key, &host);
    HOLDS.remove(&mut ctx.state, &hold.id);
    HOLDS_BY_HOST.remove(&mut ctx.state, &(key, hold.id));
    let reference = (hold.reference.clone(), hold.market.clone(), hold.id);
    HOLDS_BY_REFERENCE.remove(&mut ctx.state, &reference);
    if let Some(height) = expiry(hold) {
        EXPIRIES.remove(&mut ctx.state, &(height, hold.id));
    }
    if let Some(time) = yields_at_ms(hold) {
        YIELDS.remove(&mut ctx.state, &(time, hold.id));
    }
    Ok(())
}

/// A new id.
pub(super) fn next_id(ctx: &mut Context) -> Result<u64, Failure> {
    let id = NEXT_HOLD.get(&ctx.state)?.unwrap_or(1);
    let next = id.checked_add(1).ok_or_else(|| Rejection::overflow("the number of holds"))?;
    NEXT_HOLD.set(&mut ctx.state, &next);
    Ok(id)
}

/// The next fencing number of a host.
pub(super) fn next_fence(ctx: &mut Context, key: &HostKey) -> Result<u64, Failure> {
    let last = FENCES.get(&ctx.state, key)?.unwrap_or(0);
    let next = last.checked_add(1).ok_or_else(|| Rejection::overflow("the host's fencing number"))?;
    FENCES.set(&mut ctx.state, key, &next);
    Ok(next)
}

/// Ends a hold that its market did not release, and tells it.
pub(super) fn lose(ctx: &mut Context, hold: &Hold, reason: &str) -> Result<(), Failure> {
    remove(ctx, hold)?;
    lending::end_lent(ctx, hold, reason)?;
    if hold.kind() == HoldKind::Soft {
        LOST.set(&mut ctx.state, &(hold.reference.clone(), hold.market.clone()), &());
    }
    events::ended(ctx, hold, reason);
    ctx.outcomes.push_back(Outcome::HoldEnded {
        market: hold.market.clone(),
        reference: hold.reference.clone(),
        firm: hold.kind() == HoldKind::Firm,
    });
    Ok(())
}

/// The holds on a host, newest first.
pub(super) fn on_host(ctx: &Context, key: &HostKey) -> Result<Vec<Hold>, Failure> {
    let mut found = Vec::new();
    for ((_, id), ()) in HOLDS_BY_HOST.under(&ctx.state, key)?.into_iter().rev() {
        found.extend(HOLDS.get(&ctx.state, &id)?);
    }
    Ok(found)
}
