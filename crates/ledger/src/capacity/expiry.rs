//! What time ends. Work per block is bounded; what is left over is done in the next ones.

use super::holds;
use super::state::{EXPIRIES, HOLDS, YIELDS};
use crate::context::Context;
use crate::failure::Failure;

/// How many holds expire in one block at most, and as many yield. A soft hold that waits for its turn cannot turn
/// firm any more.
pub const MOST_PER_BLOCK: usize = 256;

/// Ends soft holds whose last height is this one or an earlier one, and interruptible holds whose notice is over.
///
/// # Errors
/// When the state fails.
pub fn end_block(ctx: &mut Context) -> Result<(), Failure> {
    for ((height, id), ()) in EXPIRIES.first(&ctx.state, &(), MOST_PER_BLOCK)? {
        if height > ctx.block.height {
            break;
        }
        end(ctx, id, "expired")?;
    }
    let now = holds::now_ms(ctx);
    for ((time, id), ()) in YIELDS.first(&ctx.state, &(), MOST_PER_BLOCK)? {
        if time > now {
            break;
        }
        end(ctx, id, "yielded")?;
    }
    Ok(())
}

fn end(ctx: &mut Context, id: u64, reason: &str) -> Result<(), Failure> {
    match HOLDS.get(&ctx.state, &id)? {
        Some(hold) => holds::lose(ctx, &hold, reason),
        None => Ok(()),
    }
}
