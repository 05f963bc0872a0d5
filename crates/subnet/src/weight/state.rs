//! What is stored of weights.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{Commitment, CommitmentsOf, Row, Seat};
use store::Map;

use super::MODULE;
use crate::ids::{HotkeyId, Netuid, Uid};

/// Weights as set, by the uid that set them.
pub const WEIGHTS: Map<(Netuid, Uid), Row> = Map::new(MODULE, 1);
/// Bonds as the last epoch left them.
pub const BONDS: Map<(Netuid, Uid), Row> = Map::new(MODULE, 2);
/// Commitments that are open, the oldest first.
pub const COMMITMENTS: Map<(Netuid, Uid), CommitmentsOf> = Map::new(MODULE, 3);
/// Who weighs subnets.
pub const SEATS: Map<HotkeyId, Seat> = Map::new(MODULE, 4);

/// The open commitments of a neuron.
///
/// # Errors
/// When the state fails.
pub fn commitments(ctx: &Context, netuid: Netuid, uid: Uid) -> Result<Vec<Commitment>, Failure> {
    Ok(COMMITMENTS.get(&ctx.state, &(netuid, uid))?.map(|of| of.commitments).unwrap_or_default())
}

/// Stores the open commitments of a neuron.
pub(crate) fn put_commitments(ctx: &mut Context, netuid: Netuid, uid: Uid, commitments: Vec<Commitment>) {
    if commitments.is_empty() {
        forget_commitments(ctx, netuid, uid);
    } else {
        COMMITMENTS.set(&mut ctx.state, &(netuid, uid), &CommitmentsOf { netuid, uid, commitments });
    }
}

/// Drops the commitments of a neuron.
pub(crate) fn forget_commitments(ctx: &mut Context, netuid: Netuid, uid: Uid) {
    COMMITMENTS.remove(&mut ctx.state, &(netuid, uid));
}

/// Drops all that a neuron said.
pub(crate) fn forget(ctx: &mut Context, netuid: Netuid, uid: Uid) {
    WEIGHTS.remove(&mut ctx.state, &(netuid, uid));
    BONDS.remove(&mut ctx.state, &(netuid, uid));
    forget_commitments(ctx, netuid, uid);
}

/// Pairs of a row, in its order.
pub(crate) fn pairs(row: &Row) -> impl Iterator<Item = (u32, u32)> + '_ {
    row.uids.iter().copied().zip(row.values.iter().copied())
}
