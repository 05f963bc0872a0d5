//! The rule sets and their parameters (spec/bittensor.md 1.6 and 2.2).

use thiserror::Error;

/// What bonds' moving averages are counted per.
pub const MOVING_AVERAGE_ONE: u64 = 1_000_000;

/// How a subnet's epoch is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Parameters of every era.
    pub common: Common,
    /// Which rules, with the parameters that only they have.
    pub era: Era,
}

/// Parameters of every era.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Common {
    /// The share of stake, of 65535, that has to give a miner a weight for that weight to count.
    pub kappa: u16,
    /// Blocks after which a neuron that set no weights is inactive.
    pub activity_cutoff: u64,
    /// How many validator permits there are.
    pub most_validators: u16,
    /// How much of its bonds a validator keeps in an epoch, in millionths.
    pub bonds_moving_average: u64,
}

/// The two rule sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// The rules of April 2024.
    V2024,
    /// The rules of June 2026.
    V2026 {
        /// Stake in rao below which a neuron counts as having none, the subnet's owner excepted.
        stake_threshold: u64,
        /// How much of a weight above consensus is taken out of bonds, of 65535.
        bonds_penalty: u16,
        /// How bonds are formed.
        bonds: Bonds,
    },
}

/// How bonds are formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bonds {
    /// Shares of a miner, by stake times weight.
    Classic,
    /// A validator's own moving average of weights, independent of its stake.
    Yuma3 {
        /// Whether the average moves at a rate of its own in each cell.
        liquid: Option<Liquid>,
    },
}

/// Liquid alpha: how fast a bond follows depends on how far its weight is from consensus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liquid {
    /// The slowest rate, of 65535.
    pub low: u16,
    /// The fastest rate, of 65535.
    pub high: u16,
    /// Steepness of the curve between them, in hundredths.
    pub steepness: i16,
    /// What happens to a bond whose weight was not set in this epoch.
    pub unweighted: Unweighted,
}

/// What liquid alpha does to a bond whose weight was not set in this epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unweighted {
    /// The bond is gone at once, as on the chain of June 2026.
    #[default]
    Drop,
    /// The bond decays as if the weight were zero.
    Decay,
}

/// Why rules cannot be computed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RulesError {
    /// More than all bonds would be kept.
    #[error("bonds' moving average is {0} millionths: set at most {MOVING_AVERAGE_ONE}")]
    MovingAverage(u64),
    /// A lower bound above the upper one.
    #[error("liquid alpha's lowest rate {low} is above its highest {high}: swap them")]
    Liquid {
        /// The lower bound.
        low: u16,
        /// The upper bound.
        high: u16,
    },
}

impl Rules {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// When a bound is out of order.
    pub fn check(&self) -> Result<(), RulesError> {
        if self.common.bonds_moving_average > MOVING_AVERAGE_ONE {
            return Err(RulesError::MovingAverage(self.common.bonds_moving_average));
        }
        match self.era {
            Era::V2026 { bonds: Bonds::Yuma3 { liquid: Some(Liquid { low, high, .. }) }, .. } if low > high => {
                Err(RulesError::Liquid { low, high })
            }
            Era::V2024 | Era::V2026 { .. } => Ok(()),
        }
    }

    /// Whether these are the rules of 2024.
    pub(crate) fn is_2024(&self) -> bool {
        self.era == Era::V2024
    }
}
