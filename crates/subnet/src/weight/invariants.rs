//! What always holds of weights.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::Row;
use store::Map;

use super::commitment::MOST_OPEN;
use super::state::{BONDS, COMMITMENTS, SEATS, WEIGHTS};
use crate::ids::{Netuid, Uid, text};
use crate::key::state::HOTKEYS;
use crate::network::state::{NEURONS, SUBNETS};

/// Broken promises: weights, bonds and commitments are of neurons that are there, rows name uids that are there, each once;
/// seats are of bound hotkeys.
///
/// # Errors
/// When the state fails.
pub(crate) fn check(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = rows(ctx, "weights", &WEIGHTS)?;
    broken.extend(rows(ctx, "bonds", &BONDS)?);
    for ((netuid, uid), of) in COMMITMENTS.all(&ctx.state)? {
        let fits = (of.netuid, of.uid) == (netuid, uid) && (1..=MOST_OPEN).contains(&of.commitments.len());
        if !fits || !NEURONS.has(&ctx.state, &(netuid, uid))? {
            broken.push(format!("commitments of uid {uid} of subnet {netuid} are nobody's, or too many"));
        }
    }
    for (id, seat) in SEATS.all(&ctx.state)? {
        if seat.hotkey != id || !HOTKEYS.has(&ctx.state, &id)? {
            broken.push(format!("a seat of root is that of {}, which is not bound", text(&id)));
        }
    }
    Ok(broken)
}

fn rows(ctx: &Context, what: &str, map: &Map<(Netuid, Uid), Row>) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    for ((netuid, uid), row) in map.all(&ctx.state)? {
        let neurons = SUBNETS.get(&ctx.state, &netuid)?.map_or(0, |subnet| subnet.neurons);
        let rising = row.uids.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let there = uid < neurons && row.uids.last().is_none_or(|last| *last < neurons);
        if !rising || !there || row.uids.len() != row.values.len() {
            broken.push(format!("{what} of uid {uid} of subnet {netuid} are no row of {neurons} neurons"));
        }
    }
    Ok(broken)
}
