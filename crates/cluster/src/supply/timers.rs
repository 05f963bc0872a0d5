//! What time does to offers. Work per block is bounded; what is left over is done in the next ones.

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::OfferState;

use super::appeal;
use super::state::{OFFERS, TIMERS, put};
use crate::hire::loss;

/// How many offers change in one block at most.
const MOST_PER_BLOCK: usize = 128;

/// Lets proofs age, and gives up offers of which there was no sign: what is hired of them is lost.
///
/// # Errors
/// When the state fails.
pub(crate) fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    let now = ctx.block.time_ms();
    for ((time, id), ()) in TIMERS.first(&ctx.state, &(), MOST_PER_BLOCK)? {
        if time > now {
            break;
        }
        let Some(mut offer) = OFFERS.get(&ctx.state, &id)? else { continue };
        if offer.appeal_until_ms > 0 && now >= offer.appeal_until_ms {
            appeal::forfeit(ctx, &id, &mut offer)?;
        }
        put(ctx, &id, offer)?;
        let silent = OFFERS.get(&ctx.state, &id)?.is_some_and(|offer| offer.state() == OfferState::Inactive);
        if silent {
            loss::of_offer(ctx, &id, "no sign of its agent")?;
        }
    }
    Ok(())
}
