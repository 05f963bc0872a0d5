//! An epoch: all steps in order.

use crate::Uid;
use crate::fixed::Fixed;
use crate::input::Epoch;
use crate::rows::Rows;
use crate::rules::{Bonds, Era};
use crate::steps::{
    active, active_stake, bond_weights, classic, clip, consensus, emission, permits, rank, stake, stored_bonds,
    weights, yuma3,
};
use crate::trace::{Step, Trace, Watch};

/// What an epoch gives each neuron, by uid. Chains store the numbers as [`Fixed::to_u16`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it set weights lately.
    pub active: Vec<bool>,
    /// Whether it may set weights from the next epoch on.
    pub permits: Vec<bool>,
    /// Its share of the subnet's stake.
    pub stake: Vec<Fixed>,
    /// Its share of the stake that spoke.
    pub active_stake: Vec<Fixed>,
    /// The weight that enough stake supports.
    pub consensus: Vec<Fixed>,
    /// What consensus left of its weights.
    pub validator_trust: Vec<Fixed>,
    /// How much of its rank consensus left; only the rules of 2024 tell it.
    pub trust: Option<Vec<Fixed>>,
    /// Its share of what miners get. Under the rules of 2024 this is stored as its rank, too.
    pub incentive: Vec<Fixed>,
    /// Its share of what validators get.
    pub dividends: Vec<Fixed>,
    /// Its share of all.
    pub emission_share: Vec<Fixed>,
    /// What it is paid for mining, in rao, rounded down.
    pub server_emission: Vec<u64>,
    /// What it is paid for validating, in rao, rounded down.
    pub validator_emission: Vec<u64>,
    /// Its share of all, scaled to the largest: who is replaced first under the rules of 2024.
    pub pruning_scores: Vec<u16>,
    /// The bonds to store.
    pub bonds: Rows,
    /// What rounding left of the emission, in rao.
    pub dust: u64,
}

impl Epoch {
    /// Computes the epoch.
    pub fn run(&self) -> Outcome {
        self.run_watched(&mut ())
    }

    /// Computes the epoch, and tells of one neuron what each step gave it.
    pub fn explain(&self, uid: Uid) -> (Outcome, Trace) {
        let mut trace = Trace::of(uid);
        (self.run_watched(&mut trace), trace)
    }

    /// Computes the epoch, and shows what each step gives.
    pub fn run_watched<W: Watch>(&self, watch: &mut W) -> Outcome {
        let active = active::active(self);
        watch.flags(Step::Active, &active);
        let stake = stake::shares(self);
        watch.numbers(Step::Stake, &stake);
        let current = permits::current(self);
        watch.flags(Step::Permit, &current);
        let permits = permits::next(self, &stake);
        watch.flags(Step::NextPermit, &permits);
        let active_stake = active_stake::shares(&stake, &active, &current);
        watch.numbers(Step::ActiveStake, &active_stake);

        let mut weights = weights::normalized(self, &current, watch);
        watch.matrix(Step::Weights, &weights);
        let kappa = Fixed::fraction(self.rules.common.kappa);
        let consensus = consensus::consensus(&weights, &active_stake, kappa);
        watch.numbers(Step::Consensus, &consensus);

        // What the weights were before they are clipped, as far as it is still needed.
        let rank_before = self.rules.is_2024().then(|| rank::rank(&weights, &active_stake));
        let penalty = self.bonds_penalty();
        let set = (penalty != Fixed::ONE).then(|| weights.clone());
        clip::clip(&mut weights, &consensus, watch);
        watch.matrix(Step::Clipped, &weights);
        let validator_trust = clip::validator_trust(&weights);
        watch.numbers(Step::ValidatorTrust, &validator_trust);

        let rank = rank::rank(&weights, &active_stake);
        watch.numbers(Step::Rank, &rank);
        let trust = rank_before.map(|before| rank::trust(&rank, &before));
        if let Some(trust) = &trust {
            watch.numbers(Step::Trust, trust);
        }
        let incentive = rank::incentive(rank);
        watch.numbers(Step::Incentive, &incentive);

        let bond_weights = bond_weights::bond_weights(set, weights, penalty);
        watch.matrix(Step::BondWeights, &bond_weights);
        let formed = match self.rules.era {
            Era::V2024 | Era::V2026 { bonds: Bonds::Classic, .. } => {
                classic::formed(self, bond_weights, &active_stake, &incentive, watch)
            }
            Era::V2026 { bonds: Bonds::Yuma3 { liquid }, .. } => {
                let (active_stake, consensus, incentive) = (&active_stake, &consensus, &incentive);
                let from = yuma3::Formation { bond_weights, active_stake, consensus, incentive };
                yuma3::formed(self, from, liquid, watch)
            }
        };
        watch.numbers(Step::Dividends, &formed.dividends);

        let shares = emission::shares(&incentive, &formed.dividends, &active_stake, &stake);
        watch.numbers(Step::EmissionShare, &shares.combined);
        let server_emission = emission::amounts(&shares.server, self.subnet.emission);
        watch.amounts(Step::ServerEmission, &server_emission);
        let validator_emission = emission::amounts(&shares.validator, self.subnet.emission);
        watch.amounts(Step::ValidatorEmission, &validator_emission);
        let paid = server_emission.iter().chain(&validator_emission);
        let dust = paid.fold(self.subnet.emission, |left, paid| left.saturating_sub(*paid));

        let bonds = stored_bonds::rows(self, &formed.bonds, &current, &permits);
        watch.rows(Step::StoredBonds, &bonds);
        Outcome {
            active,
            permits,
            stake,
            active_stake,
            consensus,
            validator_trust,
            trust,
            incentive,
            dividends: formed.dividends,
            pruning_scores: emission::pruning_scores(&shares.combined),
            emission_share: shares.combined,
            server_emission,
            validator_emission,
            bonds,
            dust,
        }
    }

    /// How much of a weight above consensus is taken out of bonds: all of it under the rules of 2024.
    fn bonds_penalty(&self) -> Fixed {
        match self.rules.era {
            Era::V2024 => Fixed::ONE,
            Era::V2026 { bonds_penalty, .. } => Fixed::fraction(bonds_penalty),
        }
    }
}
