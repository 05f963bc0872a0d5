//! A node: engine, machine, stores, mempool and RPC put together.
//!
//! | module | what it holds |
//! |---|---|
//! | [`home`] | [`Home`]: a node's folder and what lies in it |
//! | [`config`] | [`NodeConfig`]: addresses, peers, time-outs |
//! | [`chain`] | [`Chain`]: the blocks and states that the node holds; executes and commits |
//! | [`records`] | what the block store keeps: certificates, validator sets, results |
//! | [`signatures`] | each signature is verified once, in parallel |
//! | [`metrics`], `books` | what is counted as blocks commit: the node, money, the market |
//! | `health` | whether it lives and is ready, and why not |
//! | [`space`] | stops the node before its disk is full |
//! | [`host`] | [`NodeHost`]: what the engine asks: proposals, checks, commits |
//! | [`check`] | what the mempool asks: admission |
//! | `offload` | long work, away from where tasks wait |
//! | `backend` | what the RPC asks |
//! | [`verify`] | replays a chain from genesis and compares every hash |
//! | [`run`] | starts all of it, and stops it |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

mod backend;
mod books;
pub mod chain;
pub mod check;
pub mod config;
mod health;
pub mod home;
pub mod host;
mod market_log;
pub mod metrics;
mod offload;
pub mod records;
pub mod run;
pub mod signatures;
pub mod space;
pub mod verify;

pub use chain::{Chain, ChainError};
pub use config::NodeConfig;
pub use home::Home;
pub use host::NodeHost;
pub use run::{NodeError, RunningNode, start};
