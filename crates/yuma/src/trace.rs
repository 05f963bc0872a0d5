//! What each step of an epoch gave: all of it for a [`Watch`], or what concerns one neuron in a [`Trace`].

use crate::fixed::Fixed;
use crate::matrix::Matrix;
use crate::rows::Rows;
use crate::{Uid, at};

/// A result within an epoch, in the order in which they come (spec/bittensor.md 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Whether a neuron set weights lately.
    Active,
    /// Its share of the subnet's stake.
    Stake,
    /// Whether it may set weights in this epoch.
    Permit,
    /// Whether it may set weights in the next one.
    NextPermit,
    /// Its share of the stake that speaks in this epoch.
    ActiveStake,
    /// Weights that count, as shares of their row.
    Weights,
    /// The weight that enough stake supports.
    Consensus,
    /// Weights cut down to consensus.
    Clipped,
    /// What is left of a validator's row.
    ValidatorTrust,
    /// A miner's weights by stake.
    Rank,
    /// How much of its rank cutting left (rules of 2024).
    Trust,
    /// A miner's share of all ranks.
    Incentive,
    /// The weights of which bonds are formed.
    BondWeights,
    /// Bonds of the epoch before that still count.
    OldBonds,
    /// What this epoch's weights alone would give (classic bonds).
    NewBonds,
    /// The moving average of bonds.
    BondAverage,
    /// Bonds as shares of each miner, by which dividends are paid.
    BondShares,
    /// A validator's share of all dividends.
    Dividends,
    /// The share of emission, incentive and dividends together.
    EmissionShare,
    /// What is paid for mining, in rao.
    ServerEmission,
    /// What is paid for validating, in rao.
    ValidatorEmission,
    /// Bonds as stored, of 65535.
    StoredBonds,
}

/// Why a weight or bond does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The validator has no permit.
    NoPermit,
    /// The weight is for oneself.
    Oneself,
    /// The miner was registered since the weights were set.
    Outdated,
    /// The miner was registered since the weights were committed.
    CommittedBefore,
    /// Too little stake gives the miner any weight.
    NoConsensus,
    /// The bond is in the neuron that had the miner's uid before.
    BondOfFormer,
}

/// Sees what each step gives.
pub trait Watch {
    /// A step that says yes or no for each neuron.
    fn flags(&mut self, step: Step, values: &[bool]) {
        let _ = (step, values);
    }
    /// A step with a number for each neuron.
    fn numbers(&mut self, step: Step, values: &[Fixed]) {
        let _ = (step, values);
    }
    /// A step with an amount of rao for each neuron.
    fn amounts(&mut self, step: Step, values: &[u64]) {
        let _ = (step, values);
    }
    /// A step with a matrix.
    fn matrix(&mut self, step: Step, values: &Matrix) {
        let _ = (step, values);
    }
    /// A step with rows as stored.
    fn rows(&mut self, step: Step, values: &Rows) {
        let _ = (step, values);
    }
    /// A weight or bond does not count.
    fn dropped(&mut self, from: Uid, to: Uid, why: Dropped) {
        let _ = (from, to, why);
    }
    /// The rate that liquid alpha gave a bond.
    fn rate(&mut self, from: Uid, to: Uid, alpha: Fixed) {
        let _ = (from, to, alpha);
    }
}

/// Nobody watches.
impl Watch for () {}

/// What a step gave one neuron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(Fixed),
    /// An amount in rao.
    Amount(u64),
    /// Cells of a matrix.
    Cells {
        /// What it gave to others, by uid.
        given: Vec<(Uid, Fixed)>,
        /// What it got from others, by uid.
        received: Vec<(Uid, Fixed)>,
    },
    /// Cells as stored.
    Stored {
        /// What it has in others, by uid.
        given: Vec<(Uid, u16)>,
        /// What others have in it, by uid.
        received: Vec<(Uid, u16)>,
    },
}

/// Everything that one neuron had to do with in an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The neuron.
    pub uid: Uid,
    /// What each step gave it, in order.
    pub steps: Vec<(Step, Seen)>,
    /// Weights and bonds from it or to it that do not count: from, to, why.
    pub dropped: Vec<(Uid, Uid, Dropped)>,
    /// The rates that liquid alpha gave bonds from it or to it: from, to, alpha.
    pub rates: Vec<(Uid, Uid, Fixed)>,
}

impl Trace {
    /// Nothing seen yet.
    pub fn of(uid: Uid) -> Self {
        Self { uid, steps: Vec::new(), dropped: Vec::new(), rates: Vec::new() }
    }

    /// What a step gave; none for a step that these rules do not have.
    pub fn get(&self, step: Step) -> Option<&Seen> {
        self.steps.iter().find(|(at, _)| *at == step).map(|(_, seen)| seen)
    }

    fn concerns(&self, from: Uid, to: Uid) -> bool {
        [from, to].contains(&self.uid)
    }
}

impl Watch for Trace {
    fn flags(&mut self, step: Step, values: &[bool]) {
        self.steps.push((step, Seen::Flag(at(values, usize::from(self.uid)))));
    }

    fn numbers(&mut self, step: Step, values: &[Fixed]) {
        self.steps.push((step, Seen::Number(at(values, usize::from(self.uid)))));
    }

    fn amounts(&mut self, step: Step, values: &[u64]) {
        self.steps.push((step, Seen::Amount(at(values, usize::from(self.uid)))));
    }

    fn matrix(&mut self, step: Step, values: &Matrix) {
        let given = values.row_cells(usize::from(self.uid)).collect();
        self.steps.push((step, Seen::Cells { given, received: values.column(self.uid).collect() }));
    }

    fn rows(&mut self, step: Step, values: &Rows) {
        let given = values.cells().row_cells(usize::from(self.uid)).collect();
        self.steps.push((step, Seen::Stored { given, received: values.cells().column(self.uid).collect() }));
    }

    fn dropped(&mut self, from: Uid, to: Uid, why: Dropped) {
        if self.concerns(from, to) {
            self.dropped.push((from, to, why));
        }
    }

    fn rate(&mut self, from: Uid, to: Uid, alpha: Fixed) {
        if self.concerns(from, to) {
            self.rates.push((from, to, alpha));
        }
    }
}
