//! Points of nodes that are there and idle: Render's formula (spec/render_ionet.md A3.5, RNP-015), beat by beat.
//!
//! ```text
//! points = idle time × (3 ln rate / ln mean rate + 3 ln memory / ln mean memory + ln age / ln mean age) × P(rank)
//! ```
//!
//! The published rule looks at all nodes at the end of an epoch. Here each beat adds its points at once, so that closing
//! an epoch is the same work for any number of nodes: the means are those of the last epoch that had available nodes,
//! weighted by their time, and in the first one those so far. The holes of the text are closed as in
//! [`pricing::render::availability`]: values of one or less have no logarithm, a mean of one or less gives each node the
//! full weight of the term, and the rank is that of a node among its owner's.

use ledger::{Context, Failure};
use pricing::render::availability::weight;
use pricing::render::fixed::{Fixed, ONE, ln};
use primitives::Address;

use super::state::{MEANS, POINTS, StoredMeans, Sum, add, grow, open, sum};

/// One of any value, in millionths.
const UNIT: u64 = 1_000_000;
/// Points are kept in multiples of 2^-32, so that an epoch of any number of nodes fits.
const KEPT: u32 = 32;
/// The longest time that one beat can speak for: a day.
const LONGEST_MS: u64 = 86_400_000;

/// A node that was there and free since its last beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Whose it is.
    pub owner: Address,
    /// Its place among the owner's nodes, from 1, the best first.
    pub rank: u32,
    /// Milliseconds since its last beat in which it was proved, free and not paid otherwise; a day at most counts.
    pub idle_ms: u64,
    /// Its benchmarked rate, in millionths of work units per hour.
    pub rate: u64,
    /// Its memory, in millionths of a GiB.
    pub memory: u64,
    /// Its age, in millionths of an epoch.
    pub age: u64,
}

fn ln_of(millionths: u64) -> Fixed {
    Fixed::ratio(millionths.max(UNIT).into(), UNIT.into()).map(ln).unwrap_or_default()
}

/// Points of a beat by the means, in multiples of 2^-32 milliseconds, rounded down at each step.
fn points(beat: &Beat, means: &StoredMeans) -> u128 {
    let term =
        |value: u64, mean: u64, times: u128| ln_of(value).over(ln_of(mean)).unwrap_or(ONE).0.saturating_mul(times);
    let rate = term(beat.rate, means.rate, 3);
    let quality = rate.saturating_add(term(beat.memory, means.memory, 3)).saturating_add(term(beat.age, means.age, 1));
    let ranked = Fixed(quality).times(weight(beat.rank)).unwrap_or_default();
    (ranked.0 >> KEPT).saturating_mul(beat.idle_ms.into())
}

/// The means of the open epoch so far; `None` before its first beat.
pub(super) fn means_so_far(ctx: &Context) -> Result<Option<StoredMeans>, Failure> {
    let idle = sum(ctx, Sum::Idle)?;
    if idle == 0 {
        return Ok(None);
    }
    let mean = |what| -> Result<u64, Failure> { Ok(u64::try_from(sum(ctx, what)? / idle).unwrap_or(u64::MAX)) };
    Ok(Some(StoredMeans { rate: mean(Sum::Rate)?, memory: mean(Sum::Memory)?, age: mean(Sum::Age)? }))
}

/// Adds the points of a beat.
///
/// # Errors
/// When the state fails.
pub fn available(ctx: &mut Context, beat: &Beat) -> Result<(), Failure> {
    let beat = Beat { idle_ms: beat.idle_ms.min(LONGEST_MS), ..*beat };
    let time = u128::from(beat.idle_ms);
    add(ctx, Sum::Idle, time)?;
    for (what, value) in [(Sum::Rate, beat.rate), (Sum::Memory, beat.memory), (Sum::Age, beat.age)] {
        add(ctx, what, u128::from(value.max(UNIT)).saturating_mul(time))?;
    }
    let means = match MEANS.get(&ctx.state)? {
        Some(means) => means,
        None => means_so_far(ctx)?.unwrap_or_default(),
    };
    let points = points(&beat, &means);
    let epoch = open(ctx)?.number;
    add(ctx, Sum::Points, points)?;
    grow(ctx, &POINTS, &(beat.owner, epoch), points)
}
