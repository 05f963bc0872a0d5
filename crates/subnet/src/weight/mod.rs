//! Weights: what validators say of miners, and root of subnets (spec/bittensor.md 1.8).
//!
//! Where commit-reveal is on, a validator commits to the hash of its weights, and reveals them some epochs later: whoever
//! copies weights copies old ones. What a hash hides ([`commitment`]) names the subnet and the hotkey, so that a commitment
//! cannot be copied either. Weights count from the height of their commitment, so that a neuron that came after it gets none of
//! what was meant for the one before it.

pub mod check;
pub mod commitment;
pub mod events;
pub mod invariants;
pub mod messages;
pub mod queries;
pub mod root;
pub mod state;

use store::Module;

/// The tree of weights.
pub const MODULE: Module = Module("subnet_weight");
