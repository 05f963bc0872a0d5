//! Who serves a group: orders, bids and leases (spec/akash.md 1.7).
//!
//! Beside the rooms of every part: [`orders`] opens orders, [`ending`] ends everything; [`offer`] says what a bid may
//! offer; [`hold`] keeps hardware behind bids and leases. Which providers may bid is a rule of [`sdl::placement`] and
//! [`sdl::capability`], which agents follow as well.

pub mod ending;
pub(crate) mod events;
pub mod hold;
pub mod messages;
pub mod offer;
pub mod orders;
pub mod params;
pub mod queries;
pub mod state;

use store::Module;

pub use params::Params;

/// The tree of orders, bids and leases.
pub const MODULE: Module = Module("market");
