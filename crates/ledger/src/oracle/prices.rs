//! What a pair costs now, and whether that may be used.

use pricing::render::oracle::Trouble;
use primitives::Address;
use proto::tetra::oracle::v1::PriceState;

use super::params::{Params, params};
use super::refusals;
use super::state::{OBSERVED, average, put_average};
use super::window::{Average, Word};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// Dollars for a LUX.
pub const LUX_USD: &str = "LUX/USD";
/// Dollars for a TET.
pub const TET_USD: &str = "TET/USD";
/// Dollars for a euro.
pub const EUR_USD: &str = "EUR/USD";
/// All pairs that the oracle keeps, in order.
pub const PAIRS: [&str; 3] = [EUR_USD, LUX_USD, TET_USD];
/// The highest price that is taken, in millionths: 10^9 for one.
pub const HIGHEST: u64 = 1_000_000_000_000_000;

/// A price that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The median of the feeders' fresh words, millionths.
    pub spot: u64,
    /// Its time-weighted average over the window, millionths.
    pub average: u64,
    /// Whether it is made up.
    pub simulated: bool,
}

impl Quote {
    /// The lower of both, by which the chain values what it is paid.
    pub fn lower(&self) -> u64 {
        self.spot.min(self.average)
    }

    /// The higher of both.
    pub fn higher(&self) -> u64 {
        self.spot.max(self.average)
    }
}

/// All that is known of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Whether it may be used.
    pub state: PriceState,
    /// Why not; empty when it may.
    pub reason: String,
    /// The median of the fresh words, millionths; 0 when there is none.
    pub spot: u64,
    /// The average, millionths; 0 when there is none.
    pub average: u64,
    /// Last words, in order of the feeder's address bytes, fresh or not.
    pub words: Vec<(Address, Word)>,
    /// Whether it is made up.
    pub simulated: bool,
}

/// Refuses a pair that the oracle does not keep.
///
/// # Errors
/// `oracle` 3.
pub fn known(pair: &str) -> Result<&'static str, Rejection> {
    let found = PAIRS.into_iter().find(|known| *known == pair);
    found.ok_or_else(|| refusals::no_such_pair(pair))
}

/// The last words about a pair.
pub(super) fn words(ctx: &Context, pair: &str) -> Result<Vec<(Address, Word)>, Failure> {
    let found = OBSERVED.under(&ctx.state, &pair.to_owned())?;
    let word = |stored: super::state::StoredObservation| Word { micros: stored.micros, posted_ms: stored.posted_ms };
    Ok(found.into_iter().map(|((_, feeder), stored)| (feeder, word(stored))).collect())
}

/// The average of a pair settled up to the block's time; `None` when nobody ever posted it.
fn settled(ctx: &Context, params: &Params, pair: &str, words: &[(Address, Word)]) -> Result<Option<Average>, Failure> {
    let Some(mut average) = average(ctx, pair)? else { return Ok(None) };
    let last: Vec<Word> = words.iter().map(|(_, word)| *word).collect();
    average.settle(&params.rule(), &last, ctx.block.time_ms());
    Ok(Some(average))
}

/// Counts the time of a pair up to the block, before something about it changes. A pair that was never posted begins
/// now when `begin` says so.
pub(super) fn settle(ctx: &mut Context, params: &Params, pair: &str, begin: bool) -> Result<(), Failure> {
    let words = words(ctx, pair)?;
    let average = match settled(ctx, params, pair, &words)? {
        Some(average) => average,
        None if begin => Average::begin(ctx.block.time_ms()),
        None => return Ok(()),
    };
    put_average(ctx, pair, &average);
    Ok(())
}

/// All that is known of a pair at the block's time.
///
/// # Errors
/// `oracle` 3 for a pair that the oracle does not keep. When the state fails.
pub fn view(ctx: &Context, pair: &str) -> Result<View, Failure> {
    let pair = known(pair)?;
    let params = params(ctx)?;
    let (words, now) = (words(ctx, pair)?, ctx.block.time_ms());
    let rule = params.rule();
    let last: Vec<Word> = words.iter().map(|(_, word)| *word).collect();
    let spot = rule.spot(&last, now);
    let settled = settled(ctx, &params, pair, &words)?;
    let average = settled.as_ref().and_then(|average| average.value(&rule)).map(|(price, _)| price);
    let (state, reason) = match settled.as_ref().map(|average| rule.check(&last, average, now)) {
        None => (PriceState::Unknown, "no feeder ever posted it".to_owned()),
        Some(Ok(_)) => (PriceState::Fresh, String::new()),
        Some(Err(trouble)) => (named(&trouble), trouble.to_string()),
    };
    let (spot, average) = (spot.unwrap_or(0), average.unwrap_or(0));
    Ok(View { state, reason, spot, average, words, simulated: params.simulated })
}

/// The state that a trouble puts a price in. A price of zero is never posted, so that one that cannot be used is one that
/// cannot be counted.
fn named(trouble: &Trouble) -> PriceState {
    match trouble {
        Trouble::Stale { .. } => PriceState::Stale,
        Trouble::Disputed { .. } | Trouble::Unusable => PriceState::Disputed,
        Trouble::ShortHistory { .. } => PriceState::ShortHistory,
        Trouble::Deviates { .. } => PriceState::Deviating,
    }
}

/// A price that may be used.
///
/// # Errors
/// `oracle` 4, with the reason, when it is not fresh. When the state fails.
pub fn require(ctx: &Context, pair: &str) -> Result<Quote, Failure> {
    let view = view(ctx, pair)?;
    if view.state != PriceState::Fresh {
        return Err(refusals::unusable(pair, &view.reason).into());
    }
    Ok(Quote { spot: view.spot, average: view.average, simulated: view.simulated })
}
