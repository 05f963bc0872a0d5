//! What ends when a host gets smaller.

use proto::tetra::capacity::v1::{Hold, HoldKind};

use super::state::{self, HostKey};
use super::{HoldId, holds, resources};
use crate::context::Context;
use crate::failure::Failure;

const REASON: &str = "host shrank";

/// Ends holds until the rest fits the host as it is stored now, and gives them in the order in which they end: soft
/// ones that could not be served beside what stays, then interruptible ones, then firm ones, the newest of each first.
/// Exclusive holds only end when they use something that is short.
pub(super) fn settle(ctx: &mut Context, key: &HostKey) -> Result<Vec<HoldId>, Failure> {
    let host = state::host(ctx, key)?;
    let (capacity, mut stays) = (host.capacity(), host.taken());
    let all = holds::on_host(ctx, key)?;
    let mut end: Vec<&Hold> = Vec::new();
    for kind in [HoldKind::Interruptible, HoldKind::Firm] {
        for hold in all.iter().filter(|hold| hold.kind() == kind) {
            let amount = holds::amount(hold);
            if resources::uses_what_is_short(&amount, &stays, &capacity) {
                stays = resources::subtract(&stays, &amount);
                end.push(hold);
            }
        }
    }
    let free = resources::subtract(&capacity, &stays);
    let hopeless = |hold: &&Hold| hold.kind() == HoldKind::Soft && !resources::fits(&holds::amount(hold), &free);
    let mut ended = Vec::new();
    for hold in all.iter().filter(hopeless).chain(end) {
        holds::lose(ctx, hold, REASON)?;
        ended.push(hold.id);
    }
    Ok(ended)
}
