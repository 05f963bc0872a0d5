//! Asking interruptible holds to make room.

use primitives::Address;
use proto::Timestamp;
use proto::tetra::capacity::v1::{HoldKind, Resources};

use super::placement::{Room, place};
use super::resources::{self, Claim};
use super::state::{self, HostKey, StoredHost};
use super::{HoldId, errors, holds};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// Notice that an interruptible hold gets, in milliseconds of header time.
pub const YIELD_NOTICE_MS: u64 = 30_000;

/// Asks interruptible holds of a provider's hosts to yield, newest first, until `claim` would fit beside the rest.
/// They end by themselves when the notice is over ([`super::end_block`]), or when their market releases them. Gives
/// the holds that must yield before the claim fits, those that were asked earlier included.
///
/// # Errors
/// `capacity` 2 when the claim would not fit even then.
pub fn request_yield(ctx: &mut Context, provider: &Address, claim: &Claim<'_>) -> Result<Vec<HoldId>, Failure> {
    let hosts = state::hosts_of(ctx, provider)?;
    let mut rooms = Vec::new();
    for (key, host) in &hosts {
        rooms.push(Room { key: *key, free: free_of_firm(ctx, key, host)?, devices: host.devices.clone() });
    }
    let placed = place(claim, rooms).ok_or_else(|| errors::gone("firm holds leave no room for this"))?;
    let mut asked = Vec::new();
    for (key, need) in placed {
        asked.extend(make_room(ctx, &key, &need)?);
    }
    Ok(asked)
}

fn free_of_firm(ctx: &Context, key: &HostKey, host: &StoredHost) -> Result<Resources, Failure> {
    let holds = holds::on_host(ctx, key)?;
    let firm = holds.iter().filter(|hold| hold.kind() == HoldKind::Firm);
    Ok(firm.fold(host.capacity(), |free, hold| resources::subtract(&free, &holds::amount(hold))))
}

fn make_room(ctx: &mut Context, key: &HostKey, need: &Resources) -> Result<Vec<HoldId>, Failure> {
    let host = state::host(ctx, key)?;
    let mut free = resources::subtract(&host.capacity(), &host.taken());
    let mut asked = Vec::new();
    for mut hold in holds::on_host(ctx, key)? {
        if resources::fits(need, &free) {
            break;
        }
        if hold.kind() != HoldKind::Interruptible {
            continue;
        }
        let freed = resources::add(&free, &holds::amount(&hold));
        free = freed.ok_or_else(|| Rejection::overflow("the room of the host"))?;
        asked.push(hold.id);
        if hold.yields_at.is_none() {
            holds::remove(ctx, &hold)?;
            hold.yields_at = Some(after_notice(ctx));
            holds::store(ctx, &hold)?;
        }
    }
    Ok(asked)
}

fn after_notice(ctx: &Context) -> Timestamp {
    let at = holds::now_ms(ctx).saturating_add(YIELD_NOTICE_MS);
    Timestamp {
        seconds: i64::try_from(at / 1000).unwrap_or(i64::MAX),
        // Below 10^9 by the remainder.
        nanos: i32::try_from(at % 1000).unwrap_or(0) * 1_000_000,
    }
}
