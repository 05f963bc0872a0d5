//! A subnet at its epoch, checked.

use thiserror::Error;

use crate::rows::Rows;
use crate::rules::{Rules, RulesError};
use crate::{MOST_NEURONS, Uid};

/// One neuron, as the chain knows it when the epoch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neuron {
    /// Its stake weight in rao, children and root included.
    pub stake: u64,
    /// The block in which it last set weights.
    pub last_update: u64,
    /// The block in which it was registered.
    pub registered: u64,
    /// Whether it may set weights in this epoch.
    pub permit: bool,
    /// Where weights are committed before they are revealed (rules of 2026): the block of its earliest commit that is
    /// still open. Weights for miners that were registered after it do not count.
    pub committed: Option<u64>,
}

/// A subnet when its epoch begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The block of the epoch.
    pub now: u64,
    /// Blocks between epochs.
    pub tempo: u64,
    /// The block of the epoch before, if there was one. The rules of 2024 do not ask for it.
    pub last_step: Option<u64>,
    /// All neurons, by uid.
    pub neurons: Vec<Neuron>,
    /// The uid of the subnet's owner (rules of 2026): it always has a permit, and may weigh itself.
    pub owner: Option<Uid>,
    /// Weights as set.
    pub weights: Rows,
    /// Bonds as the epoch before stored them.
    pub bonds: Rows,
    /// What the epoch pays, in rao.
    pub emission: u64,
}

/// A subnet and rules that fit: what an epoch is computed from.
#[derive(Clone, Debug)]
pub struct Epoch {
    pub(crate) rules: Rules,
    pub(crate) subnet: Subnet,
}

/// Why an epoch cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InputError {
    /// Rules out of order.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// More neurons than uids.
    #[error("a subnet has at most {MOST_NEURONS} neurons, not {0}")]
    TooMany(usize),
    /// Weights or bonds of another number of neurons.
    #[error("the {what} have {rows} rows for {neurons} neurons")]
    Rows {
        /// Weights or bonds.
        what: &'static str,
        /// Rows that there are.
        rows: usize,
        /// Neurons that there are.
        neurons: usize,
    },
    /// An owner without a neuron.
    #[error("the owner is said to be uid {owner}, but there are {neurons} neurons")]
    Owner {
        /// Its uid.
        owner: Uid,
        /// How many neurons there are.
        neurons: usize,
    },
}

impl Epoch {
    /// Takes a subnet and the rules for its epoch.
    ///
    /// # Errors
    /// When a bound of the rules is out of order, or rows or the owner do not fit the neurons.
    pub fn new(rules: Rules, subnet: Subnet) -> Result<Self, InputError> {
        rules.check()?;
        let neurons = subnet.neurons.len();
        if neurons > MOST_NEURONS {
            return Err(InputError::TooMany(neurons));
        }
        for (what, rows) in [("weights", subnet.weights.neurons()), ("bonds", subnet.bonds.neurons())] {
            if rows != neurons {
                return Err(InputError::Rows { what, rows, neurons });
            }
        }
        match subnet.owner {
            Some(owner) if usize::from(owner) >= neurons => Err(InputError::Owner { owner, neurons }),
            _ => Ok(Self { rules, subnet }),
        }
    }

    /// The subnet as it was given.
    pub fn subnet(&self) -> &Subnet {
        &self.subnet
    }

    /// Gives the subnet back.
    pub fn into_subnet(self) -> Subnet {
        self.subnet
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How many neurons there are.
    pub(crate) fn neurons(&self) -> usize {
        self.subnet.neurons.len()
    }

    /// The owner, where the rules know one.
    pub(crate) fn owner(&self) -> Option<Uid> {
        if self.rules.is_2024() { None } else { self.subnet.owner }
    }

    /// The block in which a neuron was registered.
    pub(crate) fn registered(&self, uid: Uid) -> u64 {
        self.subnet.neurons.get(usize::from(uid)).map_or(u64::MAX, |neuron| neuron.registered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Bonds, Common, Era, Liquid, Unweighted};

    fn rules(moving_average: u64, low: u16) -> Rules {
        let liquid = Some(Liquid { low, high: 9, steepness: 1000, unweighted: Unweighted::Drop });
        let common = Common { kappa: 0, activity_cutoff: 0, most_validators: 0, bonds_moving_average: moving_average };
        Rules { common, era: Era::V2026 { stake_threshold: 0, bonds_penalty: 0, bonds: Bonds::Yuma3 { liquid } } }
    }

    fn subnet(neurons: usize, weights: usize, bonds: usize, owner: Option<Uid>) -> Subnet {
        let neuron = Neuron { stake: 1, last_update: 0, registered: 0, permit: true, committed: None };
        Subnet {
            now: 0,
            tempo: 0,
            last_step: None,
            neurons: vec![neuron; neurons],
            owner,
            weights: Rows::empty(weights).unwrap(),
            bonds: Rows::empty(bonds).unwrap(),
            emission: 0,
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let told = |rules, subnet| Epoch::new(rules, subnet).unwrap_err().to_string();
        let good = rules(1_000_000, 9);
        assert!(Epoch::new(good, subnet(2, 2, 2, Some(1))).is_ok());
        assert_eq!(
            told(rules(1_000_001, 9), subnet(0, 0, 0, None)),
            "bonds' moving average is 1000001 millionths: set at most 1000000"
        );
        assert_eq!(
            told(rules(0, 10), subnet(0, 0, 0, None)),
            "liquid alpha's lowest rate 10 is above its highest 9: swap them"
        );
        assert_eq!(told(good, subnet(2, 1, 2, None)), "the weights have 1 rows for 2 neurons");
        assert_eq!(told(good, subnet(2, 2, 3, None)), "the bonds have 3 rows for 2 neurons");
        assert_eq!(told(good, subnet(2, 2, 2, Some(2))), "the owner is said to be uid 2, but there are 2 neurons");
        assert_eq!(told(good, subnet(65_537, 0, 0, None)), "a subnet has at most 65536 neurons, not 65537");
    }
}
