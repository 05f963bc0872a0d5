//! Hotkeys: whose they are, who acts for them, and what is staked to them.
//!
//! A hotkey is an sr25519 key that signs what miners and validators say to each other; transactions are signed by accounts of
//! the chain. It is bound to two of them, by its own signature: the **coldkey**, whose money and word it is, and the
//! **operator**, which serves and weighs for it and can touch no money. A machine that is broken into loses an operator, not a
//! stake.
//!
//! Stakes to a hotkey are shares of a [`pool`]: what it earns for its nominators raises what a share is worth, so that paying
//! them is the same work however many they are.

pub mod binding;
pub mod events;
pub mod invariants;
pub mod messages;
pub mod pay;
pub mod pool;
pub mod queries;
pub mod staking;
pub mod state;

use store::Module;

pub use state::{get, require};

/// The tree of hotkeys.
pub const MODULE: Module = Module("subnet_key");
