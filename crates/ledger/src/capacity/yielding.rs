//! Asking interruptible holds to make room.

use primitives::Address;
use proto::Timestamp;
use proto::tetra::capacity::v1::{Hold, HoldKind, Resources};

use super::placement::{Room, place};
use super::resources::{self, Claim};
use super::state::{self, HostKey, StoredHost};
use super::{HoldId, errors, holds};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// Notice that an interruptible hold gets, in milliseconds of header time.
pub const YIELD_NOTICE_MS: u64 = 30_000;

/// Asks interruptible holds of a provider's hosts to yield until `claim` would fit beside the rest: only holds that
/// use something that is short, those that were asked earlier first, then the newest. They end by themselves when the
/// notice is over ([`super::end_block`]), or when their market releases them. Gives the holds that must yield before
/// the claim fits, those that were asked earlier included; none when it fits already.
///
/// # Errors
/// `capacity` 2 when the claim would not fit even then.
pub fn request_yield(ctx: &mut Context, provider: &Address, claim: &Claim<'_>) -> Result<Vec<HoldId>, Failure> {
    let hosts = state::hosts_of(ctx, provider)?;
    if place(claim, hosts.iter().map(room_now).collect()).is_some() {
        return Ok(Vec::new());
    }
    let rooms = hosts.iter().map(|host| room_beside_firm(ctx, host)).collect::<Result<_, _>>()?;
    let placed = place(claim, rooms).ok_or_else(|| errors::gone("firm holds leave no room for this"))?;
    let mut asked = Vec::new();
    for (key, need) in placed {
        asked.extend(make_room(ctx, &key, &need)?);
    }
    Ok(asked)
}

/// Room of a host beside what does not give way at once; `free` is what is free beside all exclusive holds.
pub(super) fn beside_lasting(ctx: &Context, key: &HostKey, free: Resources) -> Result<Resources, Failure> {
    let holds = holds::on_host(ctx, key)?;
    let mut windows = holds.iter().filter(|hold| hold.gives_way);
    let sum = windows.try_fold(free, |free, hold| resources::add(&free, &holds::amount(hold)));
    Ok(sum.ok_or_else(|| Rejection::overflow("the room of the host"))?)
}

/// Ends the newest holds that give way until `need` fits, as far as they use what is short.
pub(super) fn clear_way(ctx: &mut Context, key: &HostKey, need: &Resources) -> Result<(), Failure> {
    for hold in holds::on_host(ctx, key)? {
        let host = state::host(ctx, key)?;
        let free = resources::subtract(&host.capacity(), &host.taken());
        if hold.gives_way && resources::uses_what_is_short(&holds::amount(&hold), need, &free) {
            holds::lose(ctx, &hold, "gave way")?;
        }
    }
    Ok(())
}

fn room_now((key, host): &(HostKey, StoredHost)) -> Room {
    Room { key: *key, free: resources::subtract(&host.capacity(), &host.taken()), devices: host.devices.clone() }
}

/// Devices that nobody holds are given first.
fn room_beside_firm(ctx: &Context, (key, host): &(HostKey, StoredHost)) -> Result<Room, Failure> {
    let holds = holds::on_host(ctx, key)?;
    let firm = holds.iter().filter(|hold| hold.kind() == HoldKind::Firm);
    let free = firm.fold(host.capacity(), |free, hold| resources::subtract(&free, &holds::amount(hold)));
    let (taken, mut devices) = (host.taken().devices, host.devices.clone());
    devices.sort_by_key(|device| taken.contains(&device.id));
    Ok(Room { key: *key, free, devices })
}

fn make_room(ctx: &mut Context, key: &HostKey, need: &Resources) -> Result<Vec<HoldId>, Failure> {
    let host = state::host(ctx, key)?;
    let mut free = resources::subtract(&host.capacity(), &host.taken());
    let mut holds = holds::on_host(ctx, key)?;
    holds.retain(|hold| hold.kind() == HoldKind::Interruptible);
    holds.sort_by_key(|hold| hold.yields_at.is_none());
    let mut asked = Vec::new();
    for hold in holds {
        let amount = holds::amount(&hold);
        if resources::uses_what_is_short(&amount, need, &free) {
            free = resources::add(&free, &amount).ok_or_else(|| Rejection::overflow("the room of the host"))?;
            asked.push(hold.id);
            give_notice(ctx, hold)?;
        }
    }
    Ok(asked)
}

/// A notice that was given stands.
fn give_notice(ctx: &mut Context, mut hold: Hold) -> Result<(), Failure> {
    if hold.yields_at.is_none() {
        holds::remove(ctx, &hold)?;
        hold.yields_at = Some(after_notice(ctx));
        holds::store(ctx, &hold)?;
    }
    Ok(())
}

fn after_notice(ctx: &Context) -> Timestamp {
    let at = holds::now_ms(ctx).saturating_add(YIELD_NOTICE_MS);
    Timestamp {
        seconds: i64::try_from(at / 1000).unwrap_or(i64::MAX),
        // Below 10^9 by the remainder.
        nanos: i32::try_from(at % 1000).unwrap_or(0) * 1_000_000,
    }
}
