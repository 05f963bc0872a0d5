//! What always holds of the oracle.

use super::genesis::fault;
use super::params::Params;
use super::prices::{HIGHEST, PAIRS};
use super::state::{AVERAGES, OBSERVED, PARAMS, average};
use crate::context::Context;

/// Broken promises: parameters are within bounds, words are of present feeders, of known pairs, not of the future and
/// within bounds, and every average fits its window.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let params = match PARAMS.get(&ctx.state)?.map(|wire| Params::from_wire(ctx, &wire)) {
        None => Params::default(),
        Some(Ok(params)) => params,
        Some(Err(failure)) => return Ok(vec![failure.to_string()]),
    };
    let now = ctx.block.time_ms();
    let mut broken = Vec::new();
    for ((pair, feeder), word) in OBSERVED.all(&ctx.state)? {
        let who = ctx.text(&feeder);
        if !PAIRS.contains(&pair.as_str()) || !AVERAGES.has(&ctx.state, &pair)? {
            broken.push(format!("{who} posted {pair}, which has no average"));
        }
        if !params.feeders.contains(&feeder) {
            broken.push(format!("{who} has a word on {pair}, but is no feeder"));
        }
        if !(1..=HIGHEST).contains(&word.micros) || word.posted_ms > now {
            broken.push(format!("{who}'s word on {pair} is out of bounds"));
        }
    }
    for pair in PAIRS {
        let Some(average) = average(ctx, pair)? else { continue };
        if average.settled_ms > now {
            broken.push(format!("the average of {pair} is settled for the future"));
        }
        broken.extend(fault(&params.rule(), &average).map(|why| format!("the average of {pair}: {why}")));
    }
    Ok(broken)
}
