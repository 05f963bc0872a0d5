//! What time it is for a payment.

use pricing::settlement::{Unit, billable_ms};
use proto::Timestamp;

use super::records::Clock;
use super::state::CLOCK;
use crate::context::Context;
use crate::failure::Failure;

fn header_ms(time: &Timestamp) -> u64 {
    let millis = time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos) / 1_000_000);
    u64::try_from(millis).unwrap_or(0)
}

/// Lets billable time pass. `app` calls it at the beginning of every block; it does nothing until the first payment
/// per millisecond.
///
/// # Errors
/// When the state fails.
pub fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    let Some(clock) = CLOCK.get(&ctx.state)? else { return Ok(()) };
    let now = header_ms(&ctx.block.time);
    let passed = billable_ms(clock.last_ms, now, ctx.chain.block_interval_ms);
    let clock = Clock { billable_ms: clock.billable_ms.saturating_add(passed), last_ms: now.max(clock.last_ms) };
    CLOCK.set(&mut ctx.state, &clock);
    Ok(())
}

/// The reading of a unit's clock: the height, or the milliseconds billed so far.
pub(super) fn reading(ctx: &Context, unit: Unit) -> Result<u64, Failure> {
    match unit {
        Unit::Block => Ok(ctx.block.height),
        Unit::Millisecond => Ok(CLOCK.get(&ctx.state)?.map_or(0, |clock| clock.billable_ms)),
    }
}

/// Sets the clock of billable time going, if it is not.
pub(super) fn start(ctx: &mut Context) -> Result<(), Failure> {
    if CLOCK.get(&ctx.state)?.is_none() {
        let last_ms = header_ms(&ctx.block.time);
        CLOCK.set(&mut ctx.state, &Clock { billable_ms: 0, last_ms });
    }
    Ok(())
}
