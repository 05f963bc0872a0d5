//! What markets do: hold, turn firm, release.

use std::collections::BTreeMap;

use primitives::{Address, Height};
use proto::tetra::capacity::v1::{Hold, HoldKind, Resources};

use super::placement::{Room, place};
use super::resources::{self, Claim, Request};
use super::state::{self, HOLDS, HOLDS_BY_REFERENCE, HostKey, LOST, StoredHost};
use super::{HoldId, errors, events, holds, lending, yielding};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// Which holds count against the room of a host.
#[derive(Clone, Copy)]
enum Beside {
    /// All of them, so that offers spread over what is free.
    All,
    /// The exclusive ones, which is what must fit.
    Exclusive,
    /// The exclusive ones that do not give way at once.
    Lasting,
}

fn room(ctx: &Context, (key, host): &(HostKey, StoredHost), beside: Beside) -> Result<Room, Failure> {
    let mut free = resources::subtract(&host.capacity(), &host.taken());
    let mut devices = host.devices.clone();
    match beside {
        Beside::All => free = resources::subtract(&free, &host.wanted()),
        Beside::Exclusive => {}
        Beside::Lasting => {
            // Devices that nobody holds are given first.
            devices.sort_by_key(|device| !free.devices.contains(&device.id));
            free = yielding::beside_lasting(ctx, key, free)?;
        }
    }
    Ok(Room { key: *key, free, devices })
}

fn rooms(ctx: &Context, hosts: &[(HostKey, StoredHost)], beside: Beside) -> Result<Vec<Room>, Failure> {
    hosts.iter().map(|host| room(ctx, host, beside)).collect()
}

/// Places a claim by the first kind of room that has it.
fn place_beside(
    ctx: &Context,
    hosts: &[(HostKey, StoredHost)],
    claim: &Claim<'_>,
    kinds: &[Beside],
) -> Result<Option<BTreeMap<HostKey, Resources>>, Failure> {
    for kind in kinds {
        if let Some(placed) = place(claim, rooms(ctx, hosts, *kind)?) {
            return Ok(Some(placed));
        }
    }
    Ok(None)
}

/// The holds of a market under a reference, oldest first.
///
/// # Errors
/// When the state fails.
pub fn held(ctx: &Context, market: &str, reference: &str) -> Result<Vec<Hold>, Failure> {
    let part = (reference.to_owned(), market.to_owned());
    let mut found = Vec::new();
    for ((_, _, id), ()) in HOLDS_BY_REFERENCE.under(&ctx.state, &part)? {
        found.extend(HOLDS.get(&ctx.state, &id)?);
    }
    Ok(found)
}

/// A reference that lost a soft hold stays in use until its market lets go of it: what is held under it beside the
/// mark could never turn firm.
pub(super) fn require_unused(ctx: &Context, claim: &Claim<'_>) -> Result<(), Failure> {
    if is_lost(ctx, claim.market, &claim.reference)? || !held(ctx, claim.market, &claim.reference)?.is_empty() {
        return Err(errors::reference_in_use(claim.market, &claim.reference).into());
    }
    Ok(())
}

fn is_lost(ctx: &Context, market: &str, reference: &str) -> Result<bool, Failure> {
    Ok(LOST.has(&ctx.state, &(reference.to_owned(), market.to_owned()))?)
}

fn hold_placed(
    ctx: &mut Context,
    claim: &Claim<'_>,
    placed: BTreeMap<HostKey, Resources>,
    kind: HoldKind,
    expires_at: Height,
) -> Result<Vec<Hold>, Failure> {
    let height = |height: u64| i64::try_from(height).map_err(|_| Rejection::overflow("the height"));
    let mut made = Vec::new();
    for (key, taken) in placed {
        let hold = Hold {
            id: holds::next_id(ctx)?,
            host_key: key.to_vec(),
            kind: kind as i32,
            market: claim.market.to_owned(),
            reference: claim.reference.clone(),
            resources: Some(taken),
            expires_at: height(expires_at)?,
            fence: if kind == HoldKind::Firm { holds::next_fence(ctx, &key)? } else { 0 },
            created_at: height(ctx.block.height)?,
            yields_at: None,
            gives_way: false,
            in_use: false,
            window: 0,
        };
        holds::store(ctx, &hold)?;
        events::created(ctx, &hold);
        if kind == HoldKind::Firm {
            events::firm(ctx, &hold);
        }
        made.push(hold);
    }
    Ok(made)
}

/// Makes soft holds for a claim, one per host, gone after the height `expires_at` (0: never). Where it can, it keeps
/// clear of other soft holds, and of those that would give way. A provider without hosts gets none.
///
/// # Errors
/// `capacity` 2 when the claim does not fit beside the exclusive holds, 8 when the reference holds something already, or
/// lost a soft hold and was not released since.
pub fn hold_soft(
    ctx: &mut Context,
    provider: &Address,
    claim: &Claim<'_>,
    expires_at: Height,
) -> Result<Vec<HoldId>, Failure> {
    let hosts = state::hosts_of(ctx, provider)?;
    if hosts.is_empty() {
        require_unused(ctx, claim)?;
        return Ok(Vec::new());
    }
    soft_among(ctx, &hosts, claim, expires_at)
}

/// As [`hold_soft`], on one host alone.
///
/// # Errors
/// As [`hold_soft`]; `capacity` 3 when the host is not there.
pub fn hold_soft_on(
    ctx: &mut Context,
    key: &HostKey,
    claim: &Claim<'_>,
    expires_at: Height,
) -> Result<Vec<HoldId>, Failure> {
    let host = (*key, state::host(ctx, key)?);
    soft_among(ctx, &[host], claim, expires_at)
}

fn soft_among(
    ctx: &mut Context,
    hosts: &[(HostKey, StoredHost)],
    claim: &Claim<'_>,
    expires_at: Height,
) -> Result<Vec<HoldId>, Failure> {
    require_unused(ctx, claim)?;
    let placed = place_beside(ctx, hosts, claim, &[Beside::All, Beside::Exclusive, Beside::Lasting])?;
    let placed = placed.ok_or_else(|| errors::gone("no host of the provider has room for this"))?;
    let made = hold_placed(ctx, claim, placed, HoldKind::Soft, expires_at)?;
    Ok(made.iter().map(|hold| hold.id).collect())
}

/// Turns all soft holds of a reference firm, or none; interruptible ones in their place that give way end. A reference of a
/// provider without hosts has none to turn.
///
/// # Errors
/// `capacity` 2 when a hold expired or was lost, or its place was taken by another.
pub fn turn_firm(ctx: &mut Context, market: &str, reference: &str) -> Result<Vec<Hold>, Failure> {
    if is_lost(ctx, market, reference)? {
        return Err(errors::gone("the hold behind this offer has expired, or its host shrank").into());
    }
    let soft: Vec<Hold> = held(ctx, market, reference)?;
    let soft: Vec<Hold> = soft.into_iter().filter(|hold| hold.kind() == HoldKind::Soft).collect();
    let mut behind_windows = Vec::new();
    for hold in &soft {
        let expired = hold.expires_at > 0 && u64::try_from(hold.expires_at).is_ok_and(|at| at < ctx.block.height);
        if expired {
            return Err(errors::gone("the hold behind this offer has expired").into());
        }
        let key = state::host_key(&hold.host_key)?;
        let (host, need) = ((key, state::host(ctx, &key)?), holds::amount(hold));
        if resources::fits(&need, &room(ctx, &host, Beside::Exclusive)?.free) {
            continue;
        }
        if !resources::fits(&need, &room(ctx, &host, Beside::Lasting)?.free) {
            return Err(errors::gone("another took what this offer stood on").into());
        }
        behind_windows.push((key, need));
    }
    for (key, need) in behind_windows {
        yielding::clear_way(ctx, &key, &need)?;
    }
    let mut turned = Vec::new();
    for mut hold in soft {
        holds::remove(ctx, &hold)?;
        let key = state::host_key(&hold.host_key)?;
        hold.kind = HoldKind::Firm as i32;
        hold.expires_at = 0;
        hold.fence = holds::next_fence(ctx, &key)?;
        holds::store(ctx, &hold)?;
        events::firm(ctx, &hold);
        turned.push(hold);
    }
    Ok(turned)
}

/// Makes firm holds for a claim at once, on all hosts that it needs or on none; where there is no other room, interruptible
/// ones that give way end.
///
/// # Errors
/// `capacity` 2 when the claim does not fit, 8 when the reference holds something already, or lost a
/// soft hold and was not released since.
pub fn hold_firm(ctx: &mut Context, provider: &Address, claim: &Claim<'_>) -> Result<Vec<Hold>, Failure> {
    let hosts = state::hosts_of(ctx, provider)?;
    firm_among(ctx, &hosts, claim)
}

/// As [`hold_firm`], on one host alone.
///
/// # Errors
/// As [`hold_firm`]; `capacity` 3 when the host is not there.
pub fn hold_firm_on(ctx: &mut Context, key: &HostKey, claim: &Claim<'_>) -> Result<Vec<Hold>, Failure> {
    let host = (*key, state::host(ctx, key)?);
    firm_among(ctx, &[host], claim)
}

fn firm_among(ctx: &mut Context, hosts: &[(HostKey, StoredHost)], claim: &Claim<'_>) -> Result<Vec<Hold>, Failure> {
    require_unused(ctx, claim)?;
    let placed = place_beside(ctx, hosts, claim, &[Beside::Exclusive, Beside::Lasting])?.ok_or_else(nowhere)?;
    for (key, need) in &placed {
        yielding::clear_way(ctx, key, need)?;
    }
    hold_placed(ctx, claim, placed, HoldKind::Firm, 0)
}

/// How many of up to `most` requests would find room on a host beside what does not give way at once; none where the host is
/// not there.
///
/// # Errors
/// When the state fails.
pub fn room_for(ctx: &Context, key: &HostKey, request: &Request, most: u32) -> Result<u32, Failure> {
    let Some(host) = state::HOSTS.get(&ctx.state, key)? else { return Ok(0) };
    let hosts = [(*key, host)];
    let claim = |count| Claim { market: "", reference: String::new(), units: vec![(request.clone(), count)] };
    for count in (1..=most).rev() {
        if place_beside(ctx, &hosts, &claim(count), &[Beside::Lasting])?.is_some() {
            return Ok(count);
        }
    }
    Ok(0)
}

fn nowhere() -> Rejection {
    errors::gone("no registered host of the provider has room for this")
}

/// Makes interruptible holds for a claim, on all hosts that it needs or on none.
///
/// # Errors
/// As [`hold_firm`].
pub fn hold_interruptible(ctx: &mut Context, provider: &Address, claim: &Claim<'_>) -> Result<Vec<Hold>, Failure> {
    require_unused(ctx, claim)?;
    let hosts = state::hosts_of(ctx, provider)?;
    let placed = place_beside(ctx, &hosts, claim, &[Beside::Exclusive])?.ok_or_else(nowhere)?;
    hold_placed(ctx, claim, placed, HoldKind::Interruptible, 0)
}

/// Makes an interruptible hold of exactly these resources, devices by id, on one host of the provider, for work of its own:
/// it gives way to firm ones at once.
///
/// # Errors
/// `capacity` 2 when they do not fit, 3 when the host is not there, 8 as [`hold_firm`]; `sdk` 4 when it is another's.
pub fn open_window(
    ctx: &mut Context,
    provider: &Address,
    key: &HostKey,
    (market, reference): (&str, &str),
    resources: &Resources,
) -> Result<Vec<Hold>, Failure> {
    let claim = Claim { market, reference: reference.to_owned(), units: Vec::new() };
    require_unused(ctx, &claim)?;
    let host = state::host(ctx, key)?;
    if host.owner != provider.as_bytes() {
        return Err(errors::not_the_owner(key).into());
    }
    if !resources::fits(resources, &resources::subtract(&host.capacity(), &host.taken())) {
        return Err(errors::gone("the host has no room for this").into());
    }
    let mut made = hold_placed(ctx, &claim, BTreeMap::from([(*key, resources.clone())]), HoldKind::Interruptible, 0)?;
    for hold in &mut made {
        hold.gives_way = true;
        HOLDS.set(&mut ctx.state, &hold.id, hold);
    }
    Ok(made)
}

/// Ends all holds of a reference, on its market's word. There may be none.
///
/// # Errors
/// When the state fails.
pub fn release(ctx: &mut Context, market: &str, reference: &str) -> Result<(), Failure> {
    for hold in held(ctx, market, reference)? {
        holds::remove(ctx, &hold)?;
        events::ended(ctx, &hold, "released");
        lending::end_lent(ctx, &hold, "its window is closed")?;
    }
    if is_lost(ctx, market, reference)? {
        LOST.remove(&mut ctx.state, &(reference.to_owned(), market.to_owned()));
    }
    Ok(())
}
