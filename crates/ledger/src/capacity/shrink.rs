//! What ends when a host gets smaller.

use proto::tetra::capacity::v1::{Hold, HoldKind, Resources};

use super::state::{self, HostKey};
use super::{HoldId, holds, resources};
use crate::context::Context;
use crate::failure::Failure;

const REASON: &str = "host shrank";

/// Ends holds until the rest fits the host as it is stored now: first the soft ones that it could not serve beside
/// what is held, then interruptible ones, then firm ones, the newest of each first. Only holds end that use something
/// that is short.
pub(super) fn settle(ctx: &mut Context, key: &HostKey) -> Result<Vec<HoldId>, Failure> {
    let mut ended = Vec::new();
    let all = holds::on_host(ctx, key)?;
    let host = state::host(ctx, key)?;
    let (capacity, taken) = (host.capacity(), host.taken());
    let hopeless = |hold: &&Hold| {
        let with = resources::add(&taken, &holds::amount(hold));
        hold.kind() == HoldKind::Soft && !with.is_some_and(|with| resources::fits(&with, &capacity))
    };
    for hold in all.iter().filter(hopeless) {
        holds::lose(ctx, hold, REASON)?;
        ended.push(hold.id);
    }
    for kind in [HoldKind::Interruptible, HoldKind::Firm] {
        for hold in all.iter().filter(|hold| hold.kind() == kind) {
            if uses_what_is_short(&holds::amount(hold), &state::host(ctx, key)?.taken(), &capacity) {
                holds::lose(ctx, hold, REASON)?;
                ended.push(hold.id);
            }
        }
    }
    Ok(ended)
}

fn uses_what_is_short(hold: &Resources, taken: &Resources, capacity: &Resources) -> bool {
    (taken.cpu_milli > capacity.cpu_milli && hold.cpu_milli > 0)
        || (taken.memory > capacity.memory && hold.memory > 0)
        || (taken.storage > capacity.storage && hold.storage > 0)
        || hold.devices.iter().any(|device| !capacity.devices.contains(device))
}
