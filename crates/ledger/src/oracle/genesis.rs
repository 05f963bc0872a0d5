//! The oracle in genesis.

use proto::tetra::oracle::v1 as wire;
use serde::{Deserialize, Serialize};

use super::params::{self, Params};
use super::prices::{HIGHEST, PAIRS, known};
use super::state::{OBSERVED, StoredObservation, average, put_average};
use super::window::{Average, BUCKETS, Bucket, Rule};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The part's genesis. By default nobody feeds and every price is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// The parameters.
    pub params: ParamsEntry,
    /// Last words, in order of pair and address bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<ObservationEntry>,
    /// Averages, in order of pair.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub averages: Vec<AverageEntry>,
}

/// [`Params`] in genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParamsEntry {
    /// Bech32.
    pub feeders: Vec<String>,
    /// How many must be fresh.
    pub quorum: u32,
    /// How long a word counts.
    pub fresh_ms: u64,
    /// The window of the average.
    pub window_ms: u64,
    /// How far spot may lie from the average, in ten-thousandths.
    pub deviation_bp: u32,
    /// Whether prices are made up.
    pub simulated: bool,
    /// How far a feeder may be from the median, in ten-thousandths.
    pub spread_bp: u32,
    /// How much of the window must have been observed, in ten-thousandths.
    pub covered_bp: u32,
}

impl Default for ParamsEntry {
    fn default() -> Self {
        let Params { quorum, fresh_ms, window_ms, deviation_bp, simulated, spread_bp, covered_bp, .. } =
            Params::default();
        let feeders = Vec::new();
        Self { feeders, quorum, fresh_ms, window_ms, deviation_bp, simulated, spread_bp, covered_bp }
    }
}

/// A feeder's last word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservationEntry {
    /// Such as `LUX/USD`.
    pub pair: String,
    /// Bech32.
    pub feeder: String,
    /// Millionths.
    pub micros: u64,
    /// Milliseconds since 1970.
    pub posted_ms: u64,
}

/// An average.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AverageEntry {
    /// Such as `LUX/USD`.
    pub pair: String,
    /// Up to when time was counted, milliseconds since 1970.
    pub settled_ms: u64,
    /// In order of time.
    pub buckets: Vec<BucketEntry>,
}

/// A stretch of an average.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketEntry {
    /// Its number since 1970.
    pub index: u64,
    /// Milliseconds of it in which there was a median.
    pub weight_ms: u64,
    /// Sum of median × milliseconds, decimal.
    pub sum: String,
}

fn refuse(why: String) -> Failure {
    Rejection::invalid_request(format!("genesis of the oracle: {why}")).into()
}

/// What is wrong with an average, if anything: shared with the invariants.
pub(super) fn fault(rule: &Rule, average: &Average) -> Option<String> {
    if average.buckets.len() as u64 > BUCKETS + 2 {
        return Some(format!("{} buckets are more than a window has", average.buckets.len()));
    }
    let length = rule.bucket_ms();
    let mut last = None;
    for bucket in &average.buckets {
        if last.is_some_and(|last| last >= bucket.index) {
            return Some(format!("bucket {} is out of order", bucket.index));
        }
        last = Some(bucket.index);
        let most = u128::from(bucket.weight_ms) * u128::from(HIGHEST);
        if bucket.weight_ms == 0 || bucket.weight_ms > length || bucket.sum > most {
            return Some(format!("bucket {} does not fit its length of {length} ms", bucket.index));
        }
        if bucket.index.saturating_mul(length) >= average.settled_ms {
            return Some(format!("bucket {} lies after the settled time", bucket.index));
        }
    }
    None
}

/// Reads genesis into the state.
///
/// # Errors
/// `sdk` 18 when parameters, an observation or an average is out of bounds, `oracle` 2 when an observation is of no
/// feeder, `oracle` 3 for an unknown pair.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    let entry = &genesis.params;
    let params = Params::from_wire(
        ctx,
        &wire::Params {
            feeders: entry.feeders.clone(),
            quorum: entry.quorum,
            fresh_ms: entry.fresh_ms,
            window_ms: entry.window_ms,
            deviation_bp: entry.deviation_bp,
            simulated: entry.simulated,
            spread_bp: entry.spread_bp,
            covered_bp: entry.covered_bp,
        },
    )?;
    params::set(ctx, &params);
    let rule = params.rule();
    for entry in &genesis.averages {
        let pair = known(&entry.pair)?;
        let mut average = Average::begin(entry.settled_ms);
        for BucketEntry { index, weight_ms, sum } in &entry.buckets {
            let sum = sum.parse().map_err(|_| refuse(format!("{sum:?} is no sum of a bucket")))?;
            average.buckets.push(Bucket { index: *index, weight_ms: *weight_ms, sum });
        }
        if let Some(why) = fault(&rule, &average) {
            return Err(refuse(format!("the average of {pair}: {why}")));
        }
        if super::state::average(ctx, pair)?.is_some() {
            return Err(refuse(format!("the average of {pair} stands there twice")));
        }
        put_average(ctx, pair, &average);
    }
    for entry in &genesis.observations {
        let (pair, feeder) = (known(&entry.pair)?, ctx.address(&entry.feeder)?);
        let key = (pair.to_owned(), feeder);
        if !params.feeders.contains(&feeder) {
            return Err(super::refusals::not_a_feeder(&entry.feeder).into());
        }
        let settled = average(ctx, pair)?.map(|average| average.settled_ms);
        let fits = (1..=HIGHEST).contains(&entry.micros) && settled.is_some_and(|settled| entry.posted_ms <= settled);
        if !fits || OBSERVED.has(&ctx.state, &key)? {
            let feeder = &entry.feeder;
            return Err(refuse(format!("{feeder}'s word on {pair} is out of bounds, or stands there twice")));
        }
        let stored = StoredObservation { micros: entry.micros, posted_ms: entry.posted_ms };
        OBSERVED.set(&mut ctx.state, &key, &stored);
    }
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let params = params::params(ctx)?.to_wire(ctx);
    let mut averages = Vec::new();
    for pair in PAIRS {
        let Some(Average { settled_ms, buckets }) = average(ctx, pair)? else { continue };
        let bucket = |bucket: Bucket| BucketEntry {
            index: bucket.index,
            weight_ms: bucket.weight_ms,
            sum: bucket.sum.to_string(),
        };
        let buckets = buckets.into_iter().map(bucket).collect();
        averages.push(AverageEntry { pair: pair.to_owned(), settled_ms, buckets });
    }
    let observation = |((pair, feeder), stored): ((String, primitives::Address), StoredObservation)| ObservationEntry {
        pair,
        feeder: ctx.text(&feeder),
        micros: stored.micros,
        posted_ms: stored.posted_ms,
    };
    Ok(Genesis {
        params: ParamsEntry {
            feeders: params.feeders,
            quorum: params.quorum,
            fresh_ms: params.fresh_ms,
            window_ms: params.window_ms,
            deviation_bp: params.deviation_bp,
            simulated: params.simulated,
            spread_bp: params.spread_bp,
            covered_bp: params.covered_bp,
        },
        observations: OBSERVED.all(&ctx.state)?.into_iter().map(observation).collect(),
        averages,
    })
}
