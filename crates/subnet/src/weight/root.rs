//! Root: who weighs subnets (spec/bittensor.md 1.2). A seat is taken by setting weights; where all are taken, by more stake than
//! the least of those that sit.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Row, Seat};

use super::check::{Sent, upscaled};
use super::events;
use super::state::{SEATS, pairs};
use crate::ids::{HotkeyId, Netuid, ROOT};
use crate::key::state::{operated, stake_of};
use crate::network::state::SUBNETS;
use crate::params::params;
use crate::refusal::weight as refusal;

/// Sets a hotkey's weights of subnets.
pub(super) fn set_weights(ctx: &mut Context, id: &HotkeyId, operator: &str, sent: &Sent) -> Result<(), Failure> {
    let hotkey = operated(ctx, id, operator)?;
    let subnets = SUBNETS.all(&ctx.state)?;
    let row = sent.parse(u32::try_from(subnets.len()).unwrap_or(u32::MAX))?;
    let there = |netuid: &Netuid| subnets.iter().any(|(known, _)| known == netuid);
    if let Some(netuid) = row.uids.iter().find(|netuid| !there(netuid)) {
        return Err(refusal::invalid(format!("there is no subnet {netuid}")).into());
    }
    if hotkey.stake == 0 {
        return Err(refusal::too_little_stake(0, 1).into());
    }
    match SEATS.get(&ctx.state, id)? {
        Some(seat) => {
            let next = seat.height.saturating_add(params(ctx)?.root_tempo);
            if ctx.block.height < next {
                return Err(refusal::too_early(next).into());
            }
        }
        None => make_room(ctx, hotkey.stake)?,
    }
    let seat = Seat { hotkey: id.to_vec(), weights: Some(upscaled(row)), height: ctx.block.height };
    SEATS.set(&mut ctx.state, id, &seat);
    events::weights(ctx, ROOT, 0, "set");
    Ok(())
}

/// Frees a seat where all are taken: that of the least stake, of equals the one that sits longest without new weights.
fn make_room(ctx: &mut Context, stake: u64) -> Result<(), Failure> {
    let seats = SEATS.all(&ctx.state)?;
    if seats.len() < usize::try_from(params(ctx)?.root_size).unwrap_or(usize::MAX) {
        return Ok(());
    }
    let mut lowest: Option<(u64, u64, HotkeyId)> = None;
    for (id, seat) in seats {
        let found = (stake_of(ctx, &id)?, seat.height, id);
        lowest = Some(lowest.map_or(found, |lowest| lowest.min(found)));
    }
    match lowest {
        Some((least, _, id)) if least < stake => SEATS.remove(&mut ctx.state, &id),
        Some((least, _, _)) => return Err(refusal::no_seat(stake, least).into()),
        None => {}
    }
    Ok(())
}

/// Takes a pruned subnet out of every seat's weights.
///
/// # Errors
/// When the state fails.
pub(crate) fn forget_subnet(ctx: &mut Context, netuid: Netuid) -> Result<(), Failure> {
    for (id, mut seat) in SEATS.all(&ctx.state)? {
        let row = seat.weights.take().unwrap_or_default();
        let (uids, values) = pairs(&row).filter(|(named, _)| *named != netuid).unzip();
        seat.weights = Some(Row { uids, values });
        SEATS.set(&mut ctx.state, &id, &seat);
    }
    Ok(())
}

/// Gives a hotkey's seat to the one that takes its place.
///
/// # Errors
/// When the state fails.
pub(crate) fn swap_hotkey(ctx: &mut Context, from: &HotkeyId, to: &HotkeyId) -> Result<(), Failure> {
    if let Some(seat) = SEATS.get(&ctx.state, from)? {
        SEATS.remove(&mut ctx.state, from);
        SEATS.set(&mut ctx.state, to, &Seat { hotkey: to.to_vec(), ..seat });
    }
    Ok(())
}
