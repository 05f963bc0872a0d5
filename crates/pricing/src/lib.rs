//! Settlement arithmetic and price rules: pure functions, no state, no I/O.
//!
//! | module | what it answers |
//! |---|---|
//! | [`settlement`] | who is paid what out of an escrow account for the time that passed, exhaustion included |
//! | [`take`] | the network's share of a payout |
//! | [`parity`] | what Akash's own, truncating settlement would have paid, for its test vectors |
//! | [`scale`] | a provider's price: USD per month per unit of hardware, turned into a price per block |
//! | [`cluster`] | the market of clusters: what a device costs, how that moves by use, what is billed |
//! | [`render`] | the market of renders: tiers, burns, auctions, pools, audits |
//!
//! Amounts are base units as [`primitives::Dec`] (18 places, exact) or whole `u128`; every division says its rounding.

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod cluster;
pub mod parity;
pub mod render;
pub mod scale;
pub mod settlement;
pub mod take;
