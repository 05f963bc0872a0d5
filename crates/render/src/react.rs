//! What the market does when something below it ended.

use ledger::{Context, Failure, Outcome};

use crate::ids::NodeId;
use crate::node;

/// Reacts to an outcome; those of other markets are left alone.
///
/// # Errors
/// When the state fails.
pub fn react(ctx: &mut Context, outcome: &Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::HoldEnded { market, reference, .. } if market == node::window::MARKET => {
            match NodeId::parse(&ctx.chain.prefix, reference) {
                Some(id) => node::window::taken(ctx, &id),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
