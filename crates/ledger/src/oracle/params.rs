//! Governed parameters of the oracle.

use std::collections::BTreeSet;

use pricing::render::oracle::Limits;
use primitives::Address;
use proto::tetra::oracle::v1 as wire;

use super::MODULE;
use super::state::PARAMS;
use super::window::Rule;
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The most feeders that there can be: it bounds the work of a median.
const MOST_FEEDERS: usize = 32;
/// The longest window: a week.
const LONGEST_WINDOW_MS: u64 = 604_800_000;

/// Who posts prices, and which of them count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Who may post: none by default, at most 32.
    pub feeders: BTreeSet<Address>,
    /// How many of them must be fresh: more than half of the feeders, at least 1; default 1.
    pub quorum: u32,
    /// How long a feeder's word counts, in milliseconds: 1 s to the window; default 10 min.
    pub fresh_ms: u64,
    /// The window of the average, in milliseconds: 1 min to 7 days; default 24 h (spec/render_ionet.md A4, RNP-023).
    pub window_ms: u64,
    /// How far the spot price may lie from the average, in ten-thousandths of the average: 1 to 10000; default 2000.
    pub deviation_bp: u32,
    /// Whether prices are made up; only on development networks. Default no.
    pub simulated: bool,
    /// How far a feeder may be from the median before it does not count, in ten-thousandths of it: 1 to 10000; default
    /// 500.
    pub spread_bp: u32,
    /// How much of the window must have been observed, in ten-thousandths: 0 to 10000; default 5000.
    pub covered_bp: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            feeders: BTreeSet::new(),
            quorum: 1,
            fresh_ms: 600_000,
            window_ms: 86_400_000,
            deviation_bp: 2_000,
            simulated: false,
            spread_bp: 500,
            covered_bp: 5_000,
        }
    }
}

fn refuse(why: String) -> Failure {
    Rejection::invalid_request(format!("oracle parameters: {why}")).into()
}

impl Params {
    /// Checks parameters of a message or of genesis.
    ///
    /// # Errors
    /// `sdk` 18 when one is out of bounds, a feeder is named twice, or prices are to be simulated on a network that is
    /// not for development; `sdk` 7 for a malformed address.
    pub fn from_wire(ctx: &Context, params: &wire::Params) -> Result<Self, Failure> {
        let mut feeders = BTreeSet::new();
        for feeder in &params.feeders {
            if !feeders.insert(ctx.address(feeder)?) {
                return Err(refuse(format!("feeder {feeder} stands there twice; name each once")));
            }
        }
        if feeders.len() > MOST_FEEDERS {
            return Err(refuse(format!(
                "{} feeders are more than the {MOST_FEEDERS} that there can be",
                feeders.len()
            )));
        }
        let quorum = usize::try_from(params.quorum).unwrap_or(usize::MAX);
        let (least, most) = (feeders.len() / 2 + 1, feeders.len().max(1));
        if !(least..=most).contains(&quorum) {
            let count = feeders.len();
            return Err(refuse(format!("quorum is {quorum}; with {count} feeders it must be {least} to {most}")));
        }
        let (fresh_ms, window_ms, deviation_bp) = (params.fresh_ms, params.window_ms, params.deviation_bp);
        if !(60_000..=LONGEST_WINDOW_MS).contains(&window_ms) {
            return Err(refuse(format!("window_ms is {window_ms}; allowed are 60000 to {LONGEST_WINDOW_MS}")));
        }
        if !(1_000..=window_ms).contains(&fresh_ms) {
            return Err(refuse(format!("fresh_ms is {fresh_ms}; allowed are 1000 to window_ms, {window_ms}")));
        }
        if !(1..=10_000).contains(&deviation_bp) {
            return Err(refuse(format!("deviation_bp is {deviation_bp}; allowed are 1 to 10000")));
        }
        let (spread_bp, covered_bp) = (params.spread_bp, params.covered_bp);
        if !(1..=10_000).contains(&spread_bp) || covered_bp > 10_000 {
            let why = format!("spread_bp is {spread_bp}, covered_bp {covered_bp}; allowed are 1 and 0 to 10000");
            return Err(refuse(why));
        }
        if params.simulated && !ctx.chain.dev {
            let why = "prices can only be simulated on a development network; this genesis is not marked `dev`";
            return Err(refuse(why.to_owned()));
        }
        let (quorum, simulated) = (params.quorum, params.simulated);
        Ok(Self { feeders, quorum, fresh_ms, window_ms, deviation_bp, simulated, spread_bp, covered_bp })
    }

    /// For storage and answers; feeders in order of address bytes.
    pub fn to_wire(&self, ctx: &Context) -> wire::Params {
        wire::Params {
            feeders: self.feeders.iter().map(|feeder| ctx.text(feeder)).collect(),
            quorum: self.quorum,
            fresh_ms: self.fresh_ms,
            window_ms: self.window_ms,
            deviation_bp: self.deviation_bp,
            simulated: self.simulated,
            spread_bp: self.spread_bp,
            covered_bp: self.covered_bp,
        }
    }

    /// The rule of medians and averages.
    pub fn rule(&self) -> Rule {
        // Millionths of ten-thousandths within 10000.
        let ppm = |bp: u32| bp.saturating_mul(100);
        Rule(Limits {
            max_age_ms: self.fresh_ms,
            feeders: self.quorum,
            spread: ppm(self.spread_bp),
            deviation: ppm(self.deviation_bp),
            window_ms: self.window_ms,
            covered: ppm(self.covered_bp),
        })
    }
}

/// The parameters; the defaults before genesis.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context) -> Result<Params, Failure> {
    let Some(wire) = PARAMS.get(&ctx.state)? else {
        return Ok(Params::default());
    };
    Params::from_wire(ctx, &wire).map_err(|failure| {
        let key = hex::encode(PARAMS.key());
        store::Error::Corrupt { module: MODULE.0, key, why: failure.to_string() }.into()
    })
}

/// Sets the parameters.
pub(super) fn set(ctx: &mut Context, params: &Params) {
    let wire = params.to_wire(ctx);
    PARAMS.set(&mut ctx.state, &wire);
}
