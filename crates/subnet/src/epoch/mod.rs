//! Emission and epochs: how much WIT comes into being, how subnets share it, and what an epoch pays.
//!
//! Every block mints by the time that passed since the last one ([`emission`]); a subnet's share of that is drawn when it is
//! needed ([`sharing`]), so that a block costs the same however many subnets there are. Epochs of subnets come in the order of
//! their heights, one a block ([`running`]).

pub mod emission;
pub mod events;
pub mod explain;
pub mod input;
pub mod invariants;
pub mod queries;
pub mod running;
pub mod sharing;
pub mod split;
pub mod state;

use store::Module;

/// The tree of emission.
pub const MODULE: Module = Module("subnet_epoch");
