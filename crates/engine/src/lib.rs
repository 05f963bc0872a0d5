//! The BFT engine's adapter: the only crate that knows which engine decides.
//!
//! Malachite (a Tendermint engine with stake-weighted quorums) decides; its types are chosen here
//! so that what it decides is a CometBFT chain: votes sign CometBFT's canonical bytes, and an
//! unmodified light client accepts every header.
//!
//! | module | what it holds |
//! |---|---|
//! | [`comet`] | CometBFT's blocks, headers, commits and hashes, byte for byte |
//! | [`host`] | [`Host`]: what the engine asks of the node |
//! | [`config`] | [`EngineConfig`]: addresses, peers, limits |
//! | [`keys`] | [`ValidatorKey`] and [`NodeKey`]: who votes, and who talks |
//! | [`driver`] | [`Consensus`] and its drivers, [`ActorEngine`] and [`SeededEngine`] |
//! | [`foreign`] | doors to the decoders of foreign bytes, for fuzz targets |
//! | `context`, `signing`, `codec`, `streams` | the engine's view of the above |
//!
//! A candidate is durable before any reply that could make this node vote for it; every request
//! of the engine is answered; pacing is the engine's `target_time`, never a sleep.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

#[cfg(test)]
extern crate self as engine; // the tests' host names the crate from outside

mod codec;
pub mod comet;
pub mod config;
mod context;
pub mod driver;
pub mod foreign;
pub mod host;
pub mod keys;
mod signing;
mod streams;

pub use codec::CodecError;
pub use comet::{BlockRef, Certificate};
pub use config::EngineConfig;
pub use driver::{ActorEngine, Consensus, EngineError, SeededEngine};
pub use host::{Host, HostError};
pub use keys::{NodeKey, ValidatorKey};

/// What Malachite counts of itself, of all its engines in this process, in the OpenMetrics text format.
pub fn metrics_text() -> String {
    let mut text = String::new();
    arc_malachitebft_app_channel::app::metrics::export(&mut text);
    text
}
