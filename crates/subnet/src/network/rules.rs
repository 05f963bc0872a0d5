//! What a subnet's owner may set.
//!
//! | rule | meaning | in a new subnet | bounds | source |
//! |---|---|---|---|---|
//! | `tempo` | blocks between epochs | 72 min | 10 to 50,400; less on development networks only | 1.1 |
//! | `immunity` | blocks in which a new neuron is not replaced while there are others | 16 h 40 min | at most 10^7 | 1.6 |
//! | `max_neurons`, `max_validators` | uids; permits | 256, 64 | 1 to 4096; 1 to 256 | 1.6 |
//! | `kappa` | share of stake that must give a miner a weight, of 65535 | 32767 | at most 65535 | 2.2 |
//! | `activity_cutoff` | blocks without weights after which a validator does not count | 16 h 40 min | 1 to 10^7 | 1.6 |
//! | `bonds_moving_average` | how much of its bonds a validator keeps, in millionths | 900,000 | at most 10^6 | 1.6 |
//! | `weights_rate_limit` | blocks between two times that a neuron sets weights | 20 min | at most 10^6 | 1.6 |
//! | `min_weights`, `max_weight` | fewest entries of a row; greatest share of one, of 65535 | 1, 65535 | at most 4096; 1 to 65535 | 1.8 |
//! | `weights_version` | the least version that is taken | 0 | | 1.8 |
//! | `commit_reveal`, `reveal_epochs` | whether weights are committed to, and after how many epochs revealed | yes, 1 | 1 to 100 | 1.8 |
//! | `burn_policy` | how registering gets dearer and cheaper | continuous | | 1.4 |
//! | `min_burn`, `max_burn` | bounds of what registering costs | 0.0005, 100 WIT | 1 to 10^15 | 1.4 |
//! | `burn_half_life`, `burn_increase_millionths` | continuous: halves within so many blocks; rises by that | 72 min, 1.26 | 1 to 65535; 10^6 to 3·10^6 | 1.4 |
//! | `adjustment_interval`, `target_registrations`, `adjustment_smoothing` | by interval: blocks, wished-for registrations, how much of the old price stays, of 2^64 - 1 | 72 min, 1, 0.97 | 1 to 50,400; 1 to 1000 | 1.4 |
//! | `rule_set` | of Yuma | Yuma3 | | 2.2 |
//! | `stake_threshold` | stake below which a neuron counts as having none, and may not weigh | 0 | at most 10^16 | 1.6 |
//! | `bonds_penalty` | how much of a weight above consensus is taken out of bonds, of 65535 | 65535 | at most 65535 | 2.2 |
//! | `liquid_low`, `liquid_high`, `liquid_steepness` | of liquid alpha | 45875, 58982, 1000 | `low ≤ high ≤ 65535`; ±10,000 | 1.6 |
//! | `serving_rate_limit` | blocks between two times that a neuron says where it serves | 10 min | at most 10^6 | 1.6 |
//!
//! Sources are sections of spec/bittensor.md, whose blocks are 12 s long; times are converted by the chain's block interval when a
//! subnet is created.

use ledger::{Context, Failure};
use proto::tetra::subnet::v1::{BurnPolicy, RuleSet, Rules};
use yuma::{Bonds, Common, Era, Liquid, Unweighted};

use crate::params::{WIT, blocks, within};
use crate::refusal::network as refusal;

const MINUTE_MS: u64 = 60_000;
/// The fewest blocks between epochs where things are real.
const LEAST_TEMPO: u64 = 10;
/// The most blocks between epochs.
pub const MOST_TEMPO: u64 = 50_400;
/// The most neurons of a subnet.
pub const MOST_NEURONS: u64 = 4_096;
/// 2^64 - 1 times 0.97, as new subnets of 2024 have it.
const SMOOTHING: u64 = 17_893_341_751_498_265_066;

/// The rules of a new subnet.
pub fn default(block_interval_ms: u64) -> Rules {
    let blocks = |minutes: u64| blocks(minutes * MINUTE_MS, block_interval_ms);
    Rules {
        tempo: blocks(72).clamp(LEAST_TEMPO, MOST_TEMPO),
        immunity: blocks(1_000),
        max_neurons: 256,
        max_validators: 64,
        kappa: 32_767,
        activity_cutoff: blocks(1_000),
        bonds_moving_average: 900_000,
        weights_rate_limit: blocks(20),
        min_weights: 1,
        max_weight: 65_535,
        weights_version: 0,
        commit_reveal: true,
        reveal_epochs: 1,
        burn_policy: BurnPolicy::Continuous.into(),
        min_burn: WIT / 2_000,
        max_burn: 100 * WIT,
        burn_half_life: u32::try_from(blocks(72).clamp(1, 65_535)).unwrap_or(1),
        burn_increase_millionths: 1_260_000,
        adjustment_interval: blocks(72).clamp(1, MOST_TEMPO),
        target_registrations: 1,
        adjustment_smoothing: SMOOTHING,
        rule_set: RuleSet::Yuma3.into(),
        stake_threshold: 0,
        bonds_penalty: 65_535,
        liquid_low: 45_875,
        liquid_high: 58_982,
        liquid_steepness: 1_000,
        serving_rate_limit: blocks(10),
    }
}

/// Refuses rules out of their bounds.
///
/// # Errors
/// `subnet` 10.
pub fn check(ctx: &Context, rules: &Rules) -> Result<(), Failure> {
    let least_tempo = if ctx.chain.dev { 1 } else { LEAST_TEMPO };
    let table: [(&str, u64, u64, u64); 22] = [
        ("tempo", rules.tempo, least_tempo, MOST_TEMPO),
        ("immunity", rules.immunity, 0, 10_000_000),
        ("max_neurons", rules.max_neurons.into(), 1, MOST_NEURONS),
        ("max_validators", rules.max_validators.into(), 1, 256),
        ("kappa", rules.kappa.into(), 0, 65_535),
        ("activity_cutoff", rules.activity_cutoff, 1, 10_000_000),
        ("bonds_moving_average", rules.bonds_moving_average, 0, yuma::rules::MOVING_AVERAGE_ONE),
        ("weights_rate_limit", rules.weights_rate_limit, 0, 1_000_000),
        ("min_weights", rules.min_weights.into(), 0, MOST_NEURONS),
        ("max_weight", rules.max_weight.into(), 1, 65_535),
        ("reveal_epochs", rules.reveal_epochs.into(), 1, 100),
        ("min_burn", rules.min_burn, 1, 1_000_000_000_000_000),
        ("max_burn", rules.max_burn, rules.min_burn, 1_000_000_000_000_000),
        ("burn_half_life", rules.burn_half_life.into(), 1, 65_535),
        ("burn_increase_millionths", rules.burn_increase_millionths.into(), 1_000_000, 3_000_000),
        ("adjustment_interval", rules.adjustment_interval, 1, MOST_TEMPO),
        ("target_registrations", rules.target_registrations.into(), 1, 1_000),
        ("stake_threshold", rules.stake_threshold, 0, 10_000_000_000_000_000),
        ("bonds_penalty", rules.bonds_penalty.into(), 0, 65_535),
        ("liquid_high", rules.liquid_high.into(), rules.liquid_low.into(), 65_535),
        ("liquid_steepness", rules.liquid_steepness.unsigned_abs().into(), 0, 10_000),
        ("serving_rate_limit", rules.serving_rate_limit, 0, 1_000_000),
    ];
    for (name, value, least, most) in table {
        within(name, value, least, most)?;
    }
    if rules.burn_policy() == BurnPolicy::Unspecified {
        let why = "burn_policy must be BURN_POLICY_CONTINUOUS or BURN_POLICY_INTERVAL";
        return Err(refusal::invalid_param(why).into());
    }
    if rules.rule_set() == RuleSet::Unspecified {
        let why = "rule_set must be RULE_SET_2024, RULE_SET_CLASSIC, RULE_SET_YUMA3 or RULE_SET_LIQUID";
        return Err(refusal::invalid_param(why).into());
    }
    Ok(())
}

/// A number that its bounds keep within 16 bits.
pub(crate) fn short(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// The rules of Yuma that these are.
pub(crate) fn of_yuma(rules: &Rules) -> yuma::Rules {
    let common = Common {
        kappa: short(rules.kappa),
        activity_cutoff: rules.activity_cutoff,
        most_validators: short(rules.max_validators),
        bonds_moving_average: rules.bonds_moving_average,
    };
    let liquid = Liquid {
        low: short(rules.liquid_low),
        high: short(rules.liquid_high),
        steepness: i16::try_from(rules.liquid_steepness).unwrap_or(i16::MAX),
        unweighted: Unweighted::Drop,
    };
    let of_2026 =
        |bonds| Era::V2026 { stake_threshold: rules.stake_threshold, bonds_penalty: short(rules.bonds_penalty), bonds };
    let era = match rules.rule_set() {
        RuleSet::RuleSet2024 => Era::V2024,
        RuleSet::Classic => of_2026(Bonds::Classic),
        RuleSet::Yuma3 | RuleSet::Unspecified => of_2026(Bonds::Yuma3 { liquid: None }),
        RuleSet::Liquid => of_2026(Bonds::Yuma3 { liquid: Some(liquid) }),
    };
    yuma::Rules { common, era }
}
