//! Yuma consensus: what validators of a subnet say of its miners, turned into incentives, dividends and bonds
//! (spec/bittensor.md section 2).
//!
//! ```
//! use yuma::{Bonds, Common, Epoch, Era, Neuron, Rows, Rules, Subnet};
//!
//! // Two validators rate one miner.
//! let neuron = |stake, permit| Neuron { stake, last_update: 90, registered: 1, permit, committed: None };
//! let subnet = Subnet {
//!     now: 100,
//!     tempo: 360,
//!     last_step: None,
//!     neurons: vec![neuron(600, true), neuron(400, true), neuron(0, false)],
//!     owner: None,
//!     weights: Rows::sparse(&[vec![(2, 65535)], vec![(2, 65535)], vec![]])?,
//!     bonds: Rows::empty(3)?,
//!     emission: 1_000_000_000,
//! };
//! let common = Common { kappa: 32767, activity_cutoff: 5000, most_validators: 64, bonds_moving_average: 900_000 };
//! let rules = Rules { common, era: Era::V2026 { stake_threshold: 0, bonds_penalty: 65535, bonds: Bonds::Classic } };
//! let epoch = Epoch::new(rules, subnet)?;
//! let outcome = epoch.run();
//! assert_eq!(outcome.server_emission, [0, 0, 500_000_000]);
//! // Rounded down in every step.
//! assert_eq!(outcome.validator_emission, [300_000_000, 199_999_999, 0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`fixed`] | numbers of 32 and 32 bits whose truncation is part of the rules |
//! | [`rows`], [`sparse`], [`matrix`] | weights and bonds as stored; sparse rows; what the steps do with them |
//! | [`rules`] | the rule sets of 2024 and 2026, classic, Yuma3 and liquid alpha, and their parameters |
//! | [`input`] | a subnet at its epoch, checked |
//! | `steps` | one file per step of the epoch |
//! | [`epoch`] | all steps in order |
//! | [`trace`] | what each step gave, for whoever asks why |
//! | [`burn`], [`lock`], [`replacement`] | what registering a neuron or a subnet costs; which neuron makes room |
//!
//! Cost and memory grow with the number of weights and bonds, not with the square of the neurons. Everything here is
//! pure: no I/O, no clock, no floats, and no panic on any input.

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod burn;
pub mod epoch;
pub mod fixed;
pub mod input;
pub mod lock;
pub mod matrix;
pub mod replacement;
pub mod rows;
pub mod rules;
pub mod sparse;
mod steps;
pub mod trace;

pub use epoch::Outcome;
pub use fixed::Fixed;
pub use input::{Epoch, InputError, Neuron, Subnet};
pub use matrix::Matrix;
pub use rows::{Rows, RowsError};
pub use rules::{Bonds, Common, Era, Liquid, Rules, RulesError, Unweighted};
pub use sparse::Sparse;
pub use trace::{Dropped, Seen, Step, Trace, Watch};

/// The number of a neuron in its subnet.
pub type Uid = u16;

/// How many neurons uids can number.
pub const MOST_NEURONS: usize = 1 << Uid::BITS;

/// One of `values`; the default beyond its end.
fn at<T: Copy + Default>(values: &[T], index: usize) -> T {
    values.get(index).copied().unwrap_or_default()
}
