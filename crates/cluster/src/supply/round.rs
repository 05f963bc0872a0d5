//! Rounds of proofs: every device computes over the same beacon at the same time, so that one machine cannot answer for many in
//! turn.
//!
//! ```text
//! beacon ──commitments, each class until its deadline──▶ draw ──verdicts──▶ closed ── … ──▶ the next beacon
//! ```
//!
//! A round in which none could be proved, for one alone has nobody to look at its proof, is followed by the next one as soon as
//! somebody offers devices: the first of a pool do not wait for the hour.

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{Params, Round};
use sha2::{Digest, Sha256};

use super::state::{CLASSES, PROOFS, ROUND};
use super::{appeal, events, rewards};
use crate::params::{longest_deadline, params};

/// How many proofs of past rounds go in one block.
const MOST_PRUNED: usize = 256;

/// 32 bytes that nobody knew before this block.
fn beacon(ctx: &Context, tag: &[u8], number: u64) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(tag);
    hash.update(number.to_be_bytes());
    hash.update(ctx.block.seed);
    hash.finalize().to_vec()
}

/// Until when commitments of the slowest class are taken.
pub fn commits_until(round: &Round, params: &Params) -> u64 {
    round.opened_ms.saturating_add(longest_deadline(params))
}

/// When the next round opens.
pub fn next_ms(round: &Round, params: &Params) -> u64 {
    round.opened_ms.saturating_add(params.round_ms)
}

/// Until when a proof of this round counts: long enough for the next one to be judged.
pub fn fresh_until(round: &Round, params: &Params) -> u64 {
    next_ms(round, params).saturating_add(longest_deadline(params)).saturating_add(params.verdict_ms.saturating_mul(2))
}

/// Opens a round when its time has come, and draws the one that is open.
///
/// # Errors
/// When the state fails.
pub(crate) fn begin_block(ctx: &mut Context) -> Result<(), Failure> {
    let now = ctx.block.time_ms();
    let params = params(ctx)?;
    match ROUND.get(&ctx.state)? {
        None if CLASSES.first(&ctx.state, &(), 1)?.is_empty() => Ok(()),
        None => open(ctx, 1, now),
        Some(round) if round.draw.is_empty() && now > commits_until(&round, &params) => draw(ctx, round, now),
        Some(round) if round.closed && now >= next_ms(&round, &params) => {
            open(ctx, round.number.saturating_add(1), now)
        }
        Some(round) => prune(ctx, round.number),
    }
}

fn open(ctx: &mut Context, number: u64, now: u64) -> Result<(), Failure> {
    let seed = beacon(ctx, b"tetra/cluster/round/v1\0", number);
    ROUND.set(&mut ctx.state, &Round { number, seed, opened_ms: now, ..Round::default() });
    events::round(ctx, number, "opened");
    rewards::begin(ctx, number)
}

/// Opens the next round for devices that are not proved yet, if the last one is over and proved none.
///
/// # Errors
/// When the state fails.
pub(super) fn open_for_the_first(ctx: &mut Context) -> Result<(), Failure> {
    match ROUND.get(&ctx.state)? {
        Some(round) if round.closed && round.commits < 2 => {
            open(ctx, round.number.saturating_add(1), ctx.block.time_ms())
        }
        _ => Ok(()),
    }
}

fn draw(ctx: &mut Context, mut round: Round, now: u64) -> Result<(), Failure> {
    round.draw = beacon(ctx, b"tetra/cluster/draw/v1\0", round.number);
    round.drawn_ms = now;
    round.closed = round.commits == 0;
    ROUND.set(&mut ctx.state, &round);
    events::round(ctx, round.number, "drawn");
    appeal::draw_judges(ctx, &round)
}

/// Forgets proofs of past rounds, by and by.
fn prune(ctx: &mut Context, number: u64) -> Result<(), Failure> {
    for (key, _) in PROOFS.first(&ctx.state, &(), MOST_PRUNED)? {
        if key.0 >= number {
            break;
        }
        PROOFS.remove(&mut ctx.state, &key);
    }
    Ok(())
}
