//! The vocabulary of everything above.
//!
//! | module | what it holds |
//! |---|---|
//! | [`address`] | [`Address`] (20 bytes) and the chain's bech32 [`Prefix`] |
//! | [`coin`] | [`Denom`], [`Coin`], [`Coins`]: integer amounts in base units |
//! | [`dec`] | [`Dec`], [`DecCoin`]: exact decimals of 18 places |
//! | [`math`] | products and quotients that state their rounding |
//! | [`trace`] | [`TraceId`]: one name for all that happens because of a deployment |
//! | [`validators`] | validator sets with CometBFT's proposer priorities |
//!
//! Nothing here reads a clock, a file or a float, and nothing panics on input.

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod address;
pub mod coin;
pub mod dec;
pub mod math;
pub mod trace;
pub mod validators;

pub use address::{Address, AddressError, Prefix};
pub use coin::{Coin, CoinError, Coins, Denom};
pub use dec::{Dec, DecCoin, DecError};
pub use trace::{TraceId, TraceParent};

/// Height of a block; the first block has height 1, genesis is 0.
pub type Height = u64;
