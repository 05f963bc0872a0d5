//! Supply schedules: how much of a token has been created at a time, as pure integer functions.
//!
//! | module | schedule | denom by default |
//! |---|---|---|
//! | [`burn_mint`] | Render's: a share of a capped budget per year, whatever is burned | LUX |
//! | [`disinflation`] | io.net's: a yearly rate on a fixed base that falls every hour | none |
//! | [`halving`] | so much a day, halved at thresholds of issuance; recycled amounts are minted again | WIT |
//!
//! Amounts are base units: 10^-6 of a token, for WIT 10^-9. A schedule never mints past its cap, and cutting time into
//! other pieces never changes a sum: the first two give a cumulative amount and callers mint differences of it, the
//! third hands back a remainder that callers keep.

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod burn_mint;
pub mod disinflation;
pub mod halving;
