//! What drives the engine.
//!
//! | module | what it holds |
//! |---|---|
//! | [`actor`] | [`ActorEngine`]: Malachite's actors, real network, disk and clock |
//! | [`seeded`] | [`SeededEngine`]: the same core in a simulated world |
//! | `handler` | the answer to each request of the engine; shared by both drivers |
//! | `candidates` | the blocks of the current height, and those that came early |
//! | `torn_log` | a log that was cut off while it was made |
//! | `misbehaviour` | the engine's evidence in the host's words |

pub mod actor;
mod candidates;
mod handler;
mod misbehaviour;
pub mod seeded;
mod torn_log;

use std::future::Future;

pub use actor::ActorEngine;
pub use seeded::SeededEngine;

use crate::codec::CodecError;
use crate::comet::CometError;
use crate::config::AddressError;
use crate::host::{Host, HostError};

/// Why an engine stopped without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The node failed; see the store and the disk before starting again.
    #[error(transparent)]
    Host(#[from] HostError),
    /// An address in the configuration is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The engine could not start.
    #[error("consensus engine did not start: {0}; check the listen address and the WAL's folder")]
    Start(String),
    /// The engine's own tasks ended.
    #[error("consensus engine stopped by itself; its log says why. Restart the node")]
    Stopped,
    /// The write-ahead log failed, or holds what cannot be replayed.
    #[error(
        "the engine's log of the current height failed: {0}; check the disk, and remove the log only when no vote of \
         this height can still be under way"
    )]
    Log(#[from] std::io::Error),
    /// The host broke its contract: a defect of this software.
    #[error("the node broke its contract with the engine: {0}; this is a bug, report it")]
    Contract(String),
}

impl From<CodecError> for EngineError {
    fn from(error: CodecError) -> Self {
        Self::Contract(error.to_string())
    }
}

impl From<CometError> for EngineError {
    fn from(error: CometError) -> Self {
        Self::Contract(error.to_string())
    }
}

/// Something that decides blocks for a host.
pub trait Consensus: Sized {
    /// Drives `host` until `stop` resolves. Never interrupts the host in the middle of a call.
    ///
    /// # Errors
    /// See [`EngineError`]; the host's state is intact in every case.
    fn run<H: Host>(
        self,
        host: &mut H,
        stop: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;
}
