//! A miner: the signed protocol in front of a server that speaks OpenAI's API.
//!
//! | module | what it holds |
//! |---|---|
//! | [`gate`] | whose turn it is: so many at a time, the highest stake first |
//! | [`admit`] | who is served: signature, subnet's members, replays |
//! | [`server`] | the way of a request; the upstream's answer passes through as it comes |
//! | [`keep`] | registered, served and told about |

pub mod admit;
pub mod gate;
pub mod keep;
pub mod server;

use std::time::Duration;

/// What a miner is told.
#[derive(Clone, Debug)]
pub struct MinerConfig {
    /// The subnet.
    pub netuid: u16,
    /// The server behind it, such as `http://127.0.0.1:8000`.
    pub upstream: String,
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
