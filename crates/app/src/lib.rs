//! The machine put together. It takes a block and gives effects, and does nothing else: the node, a simulator and a
//! test drive the very same code.
//!
//! | module | what it holds |
//! |---|---|
//! | [`genesis`] | the document that a chain begins with |
//! | [`tx`] | transactions: canonical decoding, sign bytes, signature checks as data |
//! | [`pipeline`] | what a transaction goes through: signatures, fee, sequence, messages, outcomes, gas |
//! | [`block`] | [`App::execute`]: a block's transactions and end, into [`Effects`] |
//! | [`money`] | the check of every block's raw writes that money is conserved |
//! | [`seed`] | the block's randomness |
//! | [`query`] | one table of queries for every transport; simulation |
//! | `older` | where the older Akash API enters: translated here, run and answered as its successor |
//! | [`chain`] | the module of the chain's own facts |
//!
//! What a block announces besides its state goes up as [`Effects`]; what stops the node goes up as [`Halt`].

// The rules of the deterministic floors; types and methods that are refused stand in clippy.toml.
#![deny(clippy::disallowed_types, clippy::disallowed_methods, clippy::float_arithmetic)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::print_stdout, clippy::print_stderr)]

pub mod block;
pub mod chain;
pub mod genesis;
pub mod money;
mod older;
pub mod pipeline;
pub mod query;
mod routing;
pub mod seed;
pub mod tx;

use std::collections::BTreeMap;
use std::sync::Arc;

use classic::Classic;
use ledger::{Chain, MessageRoute, QueryRoute};
use store::Module;

pub use block::{BlockInput, Effects, Halt};
pub use genesis::Genesis;
pub use pipeline::{Admission, TxResult};
pub use tx::{SignatureCheck, SignedTx, TxHash, Verdicts};

/// Every tree under the `app_hash`, in no order that matters.
pub const MODULES: [Module; 25] = [
    chain::MODULE,
    ledger::accounts::MODULE,
    ledger::bank::MODULE,
    ledger::fees::MODULE,
    ledger::take::MODULE,
    ledger::provider::MODULE,
    ledger::audit::MODULE,
    ledger::cert::MODULE,
    ledger::validators::MODULE,
    ledger::escrow::MODULE,
    ledger::capacity::MODULE,
    ledger::oracle::MODULE,
    market::MODULES[0],
    market::MODULES[1],
    render::MODULES[0],
    render::MODULES[1],
    render::MODULES[2],
    render::MODULES[3],
    render::MODULES[4],
    subnet::MODULES[0],
    subnet::MODULES[1],
    subnet::MODULES[2],
    subnet::MODULES[3],
    cluster::MODULES[0],
    cluster::MODULES[1],
];

/// The machine of one chain: its fixed facts and its tables of messages and queries. It holds no state.
pub struct App {
    chain: Arc<Chain>,
    messages: BTreeMap<String, MessageRoute>,
    queries: BTreeMap<&'static str, QueryRoute>,
    classic: Classic,
}

impl App {
    /// The machine of a chain.
    pub fn new(chain: Arc<Chain>) -> Self {
        let messages = routing::messages().into_iter().map(|route| (route.url.clone(), route)).collect();
        let queries = routing::queries().into_iter().map(|route| (route.path, route)).collect();
        Self { chain, messages, queries, classic: Classic::new() }
    }

    /// The chain's fixed facts.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// The type URLs of the messages that transactions may carry, each generation in order.
    pub fn message_urls(&self) -> impl Iterator<Item = &str> {
        let old = self.chain.classic.then(|| self.classic.message_urls()).into_iter().flatten();
        self.messages.keys().map(String::as_str).chain(old)
    }

    /// The paths of the queries that are answered, each generation in order.
    pub fn query_paths(&self) -> impl Iterator<Item = &'static str> {
        let old = self.chain.classic.then(|| self.classic.query_paths()).into_iter().flatten();
        self.queries.keys().copied().chain(old)
    }
}
