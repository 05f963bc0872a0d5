//! What every market needs.
//!
//! Each part has the same rooms: `mod.rs` (what it is), `state` (its collections, whose layout is public), `messages`
//! (one function per message: parse, check, apply), `queries`, `params`, `events`, `genesis`, `invariants`, and its own
//! rules in rooms named after them.
//!
//! | part | what it keeps |
//! |---|---|
//! | [`context`], [`failure`], [`routes`] | what a message runs in, how it fails, how it is found |
//! | [`accounts`] | who may sign, with which key, how often it did |
//! | [`bank`] | balances, supply, denoms and their policies; the only minting and burning |
//! | [`fees`] | what a transaction costs, and how much gas work is |
//! | [`take`] | which part of payments goes to the community pool |
//! | [`provider`] | who offers hardware, and where it is reached |
//! | [`audit`] | which attributes of providers auditors vouch for |
//! | [`cert`] | certificates of accounts for TLS |
//! | [`escrow`] | money between tenants and providers, paid as time passes |
//! | [`capacity`] | what hosts promised, to which market |
//! | [`oracle`] | what coins are worth, by the median of named feeders |
//! | [`validators`] | who votes on which height |
//! | [`pages`], [`protobuf_json`] | pages of query answers; messages in genesis documents |

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod accounts;
pub mod audit;
pub mod bank;
pub mod capacity;
pub mod cert;
pub mod context;
pub mod escrow;
pub mod failure;
pub mod fees;
pub mod oracle;
pub mod pages;
pub mod protobuf_json;
pub mod provider;
pub mod routes;
pub mod take;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod validators;

pub use context::{BlockInfo, Chain, Context, Event, Flow, Outcome, timestamp};
pub use failure::{Failure, QueryError, QueryStatus, Rejection};
pub use routes::{MessageRoute, QueryRoute};
