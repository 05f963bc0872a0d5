//! Subnets and their neurons: who owns a subnet and by which rules it works, who has a uid in it, what that costs, and who makes
//! room for a new one.

pub mod burn;
pub mod creation;
pub mod events;
pub mod invariants;
pub mod messages;
pub mod neurons;
pub mod pin;
pub mod pruning;
pub mod queries;
pub mod rules;
pub mod state;

use store::Module;

pub use state::{require, require_neuron};

/// The tree of subnets and neurons.
pub const MODULE: Module = Module("subnet");
