//! Who renders: a node is a window on a registered host, and what it has shown of itself.
//!
//! Beside the rooms of every part: [`window`] opens and closes the hold on the host, [`sleep`] knows the hours, [`timers`]
//! lets nodes sleep, wake and vanish, [`standing`] keeps evidence and what is kept back, [`pool`] the ready nodes of each
//! class, from which auditors are drawn, [`power`] what it can do by its own word and by its frames, [`availability`] what a
//! beat counts for.

pub mod availability;
pub(crate) mod events;
pub(crate) mod kept;
pub mod messages;
pub mod pool;
pub mod power;
pub mod queries;
pub mod sleep;
pub mod standing;
pub mod state;
pub mod timers;
pub mod window;

use store::Module;

pub use standing::{evidence, forgive, hold_back, slash};
pub use state::{get, idle, put, require};

/// The tree of nodes.
pub const MODULE: Module = Module("render_node");
