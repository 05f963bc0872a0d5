//! When epochs begin and end.

use ledger::{Context, Failure};

use super::closing;
use super::params::params;
use super::state::{OPEN, StoredOpen};

/// Closes the open epoch when its time has come, and opens the next one where it ended. A chain that stood still for
/// several epochs closes one a block.
///
/// # Errors
/// When the state fails.
pub fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    let Some(open) = OPEN.get(&ctx.state)? else { return Ok(()) };
    if ctx.block.time_ms() < open.ends_ms {
        return Ok(());
    }
    closing::close(ctx, &open)?;
    let begins_ms = open.ends_ms;
    let ends_ms = begins_ms.saturating_add(params(ctx)?.epoch_ms);
    let number = open.number.saturating_add(1);
    OPEN.set(&mut ctx.state, &StoredOpen { number, begins_ms, ends_ms, started_ms: open.started_ms });
    Ok(())
}
