//! Windows whose owner does not work in them now, lent to others.
//!
//! What is lent lies within its window and takes nothing of the host beside it. It ends without notice when the owner works again,
//! and with the window.

use proto::tetra::capacity::v1::{Hold, HoldKind, Resources};

use super::placement::{Room, place};
use super::resources::{self, Claim, Request};
use super::state::{self, HOLDS, HostKey};
use super::{errors, events, holds, reservations};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The windows of a host that nobody works in, with what is not lent of them.
fn spare(ctx: &Context, key: &HostKey) -> Result<Vec<(u64, Room)>, Failure> {
    let host = state::host(ctx, key)?;
    let on_host = holds::on_host(ctx, key)?;
    let windows = on_host.iter().filter(|hold| hold.gives_way && !hold.in_use && hold.yields_at.is_none());
    let room = |window: &Hold| {
        let lent = on_host.iter().filter(|hold| hold.window == window.id);
        let free = lent.fold(holds::amount(window), |free, hold| resources::subtract(&free, &holds::amount(hold)));
        (window.id, Room { key: *key, free, devices: host.devices.clone() })
    };
    Ok(windows.map(room).collect())
}

/// How many of up to `most` requests would find room in windows of a host that nobody works in; none where the host is not there.
///
/// # Errors
/// When the state fails.
pub fn room_to_lend(ctx: &Context, key: &HostKey, request: &Request, most: u32) -> Result<u32, Failure> {
    if !state::HOSTS.has(&ctx.state, key)? {
        return Ok(0);
    }
    let mut found = 0u32;
    for (_, room) in spare(ctx, key)? {
        let claim = |count| Claim { market: "", reference: String::new(), units: vec![(request.clone(), count)] };
        let left = most.saturating_sub(found);
        let fits = (1..=left).rev().find(|count| place(&claim(*count), vec![room.clone()]).is_some());
        found = found.saturating_add(fits.unwrap_or(0));
    }
    Ok(found)
}

/// Lends a claim out of one window of a host.
///
/// # Errors
/// `capacity` 2 when no window that nobody works in has room for it, 3 when the host is not there, 8 when the reference holds
/// something already.
pub fn lend_on(ctx: &mut Context, key: &HostKey, claim: &Claim<'_>) -> Result<Vec<Hold>, Failure> {
    reservations::require_unused(ctx, claim)?;
    let fitting = |(window, room)| Some((window, place(claim, vec![room])?.remove(key)?));
    let found: Option<(u64, Resources)> = spare(ctx, key)?.into_iter().find_map(fitting);
    let none = || errors::gone("no window of the host that its owner does not work in has room for this");
    let (window, taken) = found.ok_or_else(none)?;
    let hold = Hold {
        id: holds::next_id(ctx)?,
        host_key: key.to_vec(),
        kind: HoldKind::Lent.into(),
        market: claim.market.to_owned(),
        reference: claim.reference.clone(),
        resources: Some(taken),
        fence: holds::next_fence(ctx, key)?,
        created_at: i64::try_from(ctx.block.height).map_err(|_| Rejection::overflow("the height"))?,
        window,
        ..Hold::default()
    };
    holds::store(ctx, &hold)?;
    events::created(ctx, &hold);
    Ok(vec![hold])
}

/// Ends what is lent of a window.
pub(super) fn end_lent(ctx: &mut Context, window: &Hold, reason: &str) -> Result<(), Failure> {
    if !window.gives_way {
        return Ok(());
    }
    let key = state::host_key(&window.host_key)?;
    for hold in holds::on_host(ctx, &key)? {
        if hold.window == window.id {
            holds::lose(ctx, &hold, reason)?;
        }
    }
    Ok(())
}

/// Whether the owner of a window works in it now: if so, what is lent of it ends. There may be no window.
///
/// # Errors
/// When the state fails.
pub fn work_in(ctx: &mut Context, market: &str, reference: &str, works: bool) -> Result<(), Failure> {
    for mut hold in reservations::held(ctx, market, reference)? {
        if !hold.gives_way || hold.in_use == works {
            continue;
        }
        hold.in_use = works;
        HOLDS.set(&mut ctx.state, &hold.id, &hold);
        if works {
            end_lent(ctx, &hold, "its window is worked in")?;
        }
    }
    Ok(())
}
