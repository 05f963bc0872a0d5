//! What tenants ask for: deployments and their groups (spec/akash.md 1.4).
//!
//! The order of rooms is that of every part: [`state`], [`messages`], [`queries`], [`params`], `events`; [`groups`]
//! holds what a group may ask for and how it changes.

pub(crate) mod events;
pub mod groups;
pub mod messages;
pub mod params;
pub mod queries;
pub mod state;

use store::Module;

pub use params::Params;

/// The tree of deployments and groups.
pub const MODULE: Module = Module("deployment");
