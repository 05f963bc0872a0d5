//! What weights must be, in the order in which it is asked (spec/bittensor.md 1.8).

use ledger::Failure;
use proto::tetra::subnet::v1::{Neuron, Row, Rules};

use crate::refusal::weight as refusal;

/// The largest weight.
const ONE: u32 = 65_535;

/// Weights as they were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Whom they are of.
    pub uids: Vec<u32>,
    /// How much each gets, in any unit.
    pub values: Vec<u32>,
    /// By which version of the validator's program.
    pub version: u64,
}

impl Sent {
    /// A row that fits `most` places: one value each, no place twice, none that is not there, none above 16 bits.
    ///
    /// # Errors
    /// `subnet_weight` 2.
    pub(super) fn parse(&self, most: u32) -> Result<Row, Failure> {
        let Self { uids, values, .. } = self;
        if uids.len() != values.len() {
            return Err(refusal::invalid(format!("{} uids with {} values", uids.len(), values.len())).into());
        }
        if uids.len() > usize::try_from(most).unwrap_or(usize::MAX) {
            return Err(refusal::invalid(format!("{} entries, but there are {most}", uids.len())).into());
        }
        let mut pairs: Vec<(u32, u32)> = uids.iter().copied().zip(values.iter().copied()).collect();
        pairs.sort_unstable();
        let twice = pairs.windows(2).find_map(|pair| match pair {
            [(a, _), (b, _)] if a == b => Some(*a),
            _ => None,
        });
        if let Some(uid) = twice {
            return Err(refusal::invalid(format!("uid {uid} is named twice")).into());
        }
        if let Some((uid, value)) = pairs.iter().find(|(_, value)| *value > ONE) {
            return Err(refusal::invalid(format!("uid {uid} gets {value}; a weight is at most {ONE}")).into());
        }
        let (uids, values) = pairs.into_iter().unzip();
        Ok(Row { uids, values })
    }

    /// Whether it is nothing but an entry for oneself.
    pub(super) fn is_of_oneself(&self, uid: u32) -> bool {
        self.uids == [uid]
    }
}

/// The row to store: checked against the subnet's rules and scaled to the largest weight.
///
/// # Errors
/// `subnet_weight` 2, 3, 4, 6.
pub(super) fn checked(sent: &Sent, neuron: &Neuron, stake: u64, rules: &Rules, neurons: u32) -> Result<Row, Failure> {
    let row = sent.parse(neurons)?;
    if stake < rules.stake_threshold {
        return Err(refusal::too_little_stake(stake, rules.stake_threshold).into());
    }
    if sent.version < rules.weights_version {
        return Err(refusal::old_version(sent.version, rules.weights_version).into());
    }
    let of_oneself = sent.is_of_oneself(neuron.uid);
    if !neuron.permit && !of_oneself {
        return Err(refusal::no_permit(neuron.uid).into());
    }
    if let Some(uid) = row.uids.last().filter(|uid| **uid >= neurons) {
        return Err(refusal::invalid(format!("there is no uid {uid}: the subnet has {neurons} neurons")).into());
    }
    let least = rules.min_weights.min(neurons);
    if !of_oneself && row.uids.len() < usize::try_from(least).unwrap_or(usize::MAX) {
        return Err(refusal::invalid(format!("{} entries; the subnet asks for {least}", row.uids.len())).into());
    }
    let row = upscaled(row);
    if !of_oneself && !largest_share_fits(&row, rules.max_weight) {
        let why = format!("one entry has more than {} of 65535 of the row", rules.max_weight);
        return Err(refusal::invalid(why).into());
    }
    Ok(row)
}

/// Scaled so that the largest is 65535, each rounded half up; a row of zeros stays.
pub(super) fn upscaled(row: Row) -> Row {
    let most = u64::from(row.values.iter().copied().max().unwrap_or(0));
    if most == 0 {
        return row;
    }
    let scale = |value: u32| {
        let doubled = u64::from(value).saturating_mul(u64::from(ONE)).saturating_mul(2).saturating_add(most);
        u32::try_from(doubled / most.saturating_mul(2)).unwrap_or(ONE)
    };
    Row { values: row.values.iter().map(|value| scale(*value)).collect(), uids: row.uids }
}

/// Whether no entry has more than `limit` of 65535 of the row. 65535 allows all.
fn largest_share_fits(row: &Row, limit: u32) -> bool {
    let sum: u64 = row.values.iter().map(|value| u64::from(*value)).sum();
    let most = u64::from(row.values.iter().copied().max().unwrap_or(0));
    limit >= ONE || most.saturating_mul(ONE.into()) <= sum.saturating_mul(limit.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(uids: &[u32], values: &[u32]) -> Sent {
        Sent { uids: uids.to_vec(), values: values.to_vec(), version: 0 }
    }

    fn told(sent: &Sent, permit: bool, rules: &Rules) -> String {
        let neuron = Neuron { uid: 1, permit, ..Neuron::default() };
        match checked(sent, &neuron, 10, rules, 4) {
            Ok(row) => format!("{:?} {:?}", row.uids, row.values),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn checks_come_in_order_and_say_why() {
        let rules = Rules { min_weights: 2, max_weight: 40_000, ..crate::network::rules::default(12_000) };
        let lines = [
            told(&sent(&[0], &[1, 2]), true, &rules),
            told(&sent(&[0, 1, 2, 3, 4], &[1; 5]), true, &rules),
            told(&sent(&[0, 0], &[1, 2]), true, &rules),
            told(&sent(&[0, 9], &[1, 2]), true, &rules),
            told(&sent(&[0, 2], &[1, 70_000]), true, &rules),
            told(&sent(&[0, 2], &[1, 1]), false, &rules),
            told(&sent(&[0], &[1]), true, &rules),
            told(&sent(&[0, 2], &[1, 9]), true, &rules),
            told(&sent(&[2, 0], &[3, 5]), true, &Rules { stake_threshold: 11, ..rules }),
            told(&sent(&[2, 0], &[3, 5]), true, &Rules { weights_version: 7, ..rules }),
            told(&sent(&[1], &[3]), false, &rules),
            told(&sent(&[2, 0], &[3, 4]), true, &rules),
            told(&sent(&[2, 0], &[0, 0]), true, &rules),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
