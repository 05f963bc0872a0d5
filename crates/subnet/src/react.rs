//! What the market does when something below it ended.

use ledger::{Context, Failure, Outcome};

use crate::{ids, network};

/// Reacts to an outcome; those of other markets are left alone.
///
/// # Errors
/// When the state fails.
pub fn react(ctx: &mut Context, outcome: &Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::HoldEnded { market, reference, .. } if market == network::pin::MARKET => {
            match ids::parse_reference(reference) {
                Some((netuid, hotkey)) => network::pin::lost(ctx, netuid, &hotkey),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
