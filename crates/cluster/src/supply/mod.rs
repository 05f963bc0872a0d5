//! What suppliers offer: devices, the proofs that they are there, classes and their prices.

mod appeal;
pub mod class;
pub mod draw;
pub mod events;
pub mod messages;
pub mod queries;
pub mod rewards;
pub mod round;
pub mod standing;
pub mod state;
pub mod terms;
pub mod timers;
pub mod verdict;

use store::Module;

pub(crate) use appeal::import as import_appeal;

/// The tree of offers, rounds and classes.
pub const MODULE: Module = Module("cluster_supply");
