//! What the market does when something below it ended.
//!
//! Everything here acts only on what is still going on, because the market also hears of what it ended itself.

use ledger::{Context, Failure, Outcome};
use proto::akash::escrow::id::v1::Scope;

use crate::hire::state::{CLUSTERS, has_ended, put};
use crate::hire::{MARKET, loss, quote, stopping};
use crate::ids::ClusterId;

/// Reacts to an outcome; those of other markets are left alone.
///
/// # Errors
/// When the state fails.
pub fn react(ctx: &mut Context, outcome: &Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::HoldEnded { market, reference, firm } if market == MARKET => {
            match ClusterId::parse_reference(&ctx.chain.prefix, reference) {
                Some((id, number)) if *firm => loss::taken_back(ctx, &id, number),
                // A soft hold of a quote, or a slice of a window.
                Some((id, number)) => {
                    quote::drop(ctx, &id)?;
                    loss::recalled(ctx, &id, number)
                }
                None => Ok(()),
            }
        }
        Outcome::EscrowClosed { scope: Scope::Deployment, xid, overdrawn: true } => {
            match ClusterId::of_account(&ctx.chain.prefix, xid) {
                Some(id) => dry(ctx, &id),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// A cluster ends with its funds.
fn dry(ctx: &mut Context, id: &ClusterId) -> Result<(), Failure> {
    let Some(mut cluster) = CLUSTERS.get(&ctx.state, id)? else { return Ok(()) };
    if has_ended(&cluster) {
        return Ok(());
    }
    stopping::stop(ctx, id, &mut cluster, "its funds are used up")?;
    put(ctx, id, cluster)
}
