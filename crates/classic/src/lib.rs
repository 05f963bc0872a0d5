//! The older Akash API (`akash.deployment.v1beta3`, `akash.market.v1beta4`, `akash.escrow.v1beta3`, `akash.cert.v1beta3`,
//! `akash.provider.v1beta3`, `akash.audit.v1beta3`) as another face of the present one.
//!
//! There are clients that were never moved on. A chain whose genesis says `classic` takes their messages and answers their
//! queries; nothing of either is stored. Everything that the two generations say differently is said here and nowhere else:
//!
//! ```text
//! old message ──canonical decoding, translation──▶ its successor ──▶ module
//! old query   ──translation──▶ its successor ──▶ module ──answer──▶ translation ──▶ old answer
//! typed events of a transaction with old messages ──▶ the JSON log that nodes of that time wrote
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`message`], [`query`] | what a translation is, and the errors |
//! | `deployment`, `market`, `escrow`, `cert`, `provider`, `audit` | the translations of a package each |
//! | [`log`] | the JSON log with events of type `akash.v1` |
//!
//! Messages whose wire form did not change share their Rust types with their successors (`crates/proto/build.rs`).

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

mod audit;
mod cert;
mod deployment;
mod escrow;
pub mod log;
mod market;
pub mod message;
mod provider;
pub mod query;

use std::collections::BTreeMap;

pub use message::OldMessage;
pub use query::OldQuery;

/// The older generation, by name.
pub struct Classic {
    messages: BTreeMap<String, OldMessage>,
    queries: BTreeMap<&'static str, OldQuery>,
}

impl Classic {
    /// Everything that is translated.
    pub fn new() -> Self {
        let messages =
            [deployment::messages(), market::messages(), cert::messages(), provider::messages(), audit::messages()];
        let queries = [
            deployment::queries(),
            market::queries(),
            escrow::queries(),
            cert::queries(),
            provider::queries(),
            audit::queries(),
        ];
        Self {
            messages: messages.into_iter().flatten().map(|one| (one.url().to_owned(), one)).collect(),
            queries: queries.into_iter().flatten().map(|one| (one.path(), one)).collect(),
        }
    }

    /// The older message of this type URL.
    pub fn message(&self, url: &str) -> Option<&OldMessage> {
        self.messages.get(url)
    }

    /// The older query of this gRPC path.
    pub fn query(&self, path: &str) -> Option<&OldQuery> {
        self.queries.get(path)
    }

    /// Type URLs of all older messages, in order.
    pub fn message_urls(&self) -> impl Iterator<Item = &str> {
        self.messages.keys().map(String::as_str)
    }

    /// gRPC paths of all older queries, in order.
    pub fn query_paths(&self) -> impl Iterator<Item = &'static str> {
        self.queries.keys().copied()
    }
}

impl Default for Classic {
    fn default() -> Self {
        Self::new()
    }
}
