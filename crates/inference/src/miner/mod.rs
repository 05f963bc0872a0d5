//! A miner: the signed protocol in front of a server that speaks OpenAI's API, or of a program.
//!
//! | module | what it holds |
//! |---|---|
//! | [`gate`] | whose turn it is: so many at a time, the highest stake first |
//! | [`admit`] | who is served: signature, subnet's members, replays |
//! | [`server`] | the way of a request; the upstream's answer passes through as it comes |
//! | [`exec`] | a program as upstream |
//! | [`synapse`] | the header protocol of the older SDKs in front of the same upstream |
//! | [`keep`] | registered, served and told about |

pub mod admit;
pub mod exec;
pub mod gate;
pub mod keep;
pub mod server;
pub mod synapse;

use std::time::Duration;

/// What stands behind a miner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// A server that speaks OpenAI's API, such as `http://127.0.0.1:8000`.
    Server(String),
    /// A program ([`exec`]).
    Program(exec::Program),
}

/// What a miner is told.
#[derive(Clone, Debug)]
pub struct MinerConfig {
    /// The subnet.
    pub netuid: u16,
    /// What stands behind it.
    pub upstream: Upstream,
    /// What answers `/v1/embeddings`; none is the upstream.
    pub embeddings: Option<exec::Program>,
    /// Requests of the older SDKs that are answered ([`synapse`]).
    pub synapses: Vec<synapse::Door>,
    /// A system message of its own before each conversation.
    pub system: Option<String>,
    /// Words of its own before the last message.
    pub prefix: Option<String>,
    /// Callers must have a validator permit.
    pub need_permit: bool,
    /// Callers must have at least this stake, in base units.
    pub min_stake: u128,
    /// Hotkeys that are never served.
    pub refused: Vec<crate::keys::HotkeyId>,
    /// How many requests the upstream has at a time.
    pub concurrency: usize,
    /// How many wait at most.
    pub queue: usize,
    /// The longest body of a request, in bytes.
    pub max_body: usize,
    /// The longest answer of the upstream, in bytes.
    pub max_answer: usize,
    /// The longest that a request may take, queue included.
    pub timeout: Duration,
}
