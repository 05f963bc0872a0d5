//! The seeded driver: one engine in a simulated world.
//!
//! It drives Malachite's own core (`core-consensus`, which does no I/O) and the part of its sync that does none either,
//! with the context, codecs, signatures and `handler` of the actor driver. What a world gives it is
//! simulated: links ([`Port`]), clocks, and the file of the write-ahead log ([`LogFile`]); the log's format is
//! Malachite's. Dropping its future is what `kill -9` is to a process.
//!
//! | module | what it holds |
//! |---|---|
//! | [`port`] | [`Port`] and [`Line`], the two ends between an engine and its world |
//! | [`log`] | [`LogFile`], and Malachite's log over it |
//! | `replica` | the tasks of an engine, one after the other |
//! | `effects` | what the core asks for |
//! | `catch_up` | what sync asks for |
//! | `timers` | what is waited for |
//! | [`statement`] | what a packet says, for those who watch the links |
//! | [`traitor`] | a validator that breaks the rules |
//!
//! Three things of the core and of sync look at the machine's clock or at hash maps in random order, and are kept from
//! mattering: the core's `target_time` (it gets one that never runs out, and the rest of the interval is computed from
//! the world's clock), sync's choice among peers (it is shown one at a time, chosen by the seed), and the limit on
//! requests per peer, which is set out of reach.

mod catch_up;
mod effects;
pub mod log;
pub mod port;
mod replica;
pub mod statement;
mod timers;
pub mod traitor;

use std::future::Future;
use std::time::Duration;

pub use log::LogFile;
pub use port::{Action, Channel, Event, Line, Packet, Peer, Port, To};
pub use statement::{Statement, Step};
pub use traitor::Traitor;

use super::handler::{Handler, Me};
use super::{Consensus, EngineError};
use crate::comet::ChainId;
use crate::host::Host;
use crate::keys::ValidatorKey;
use crate::signing::{ChainSigner, ChainVerifier};
use log::Log;
use replica::Replica;

/// What a seeded engine needs to know beside its key.
#[derive(Clone, Debug)]
pub struct SeededConfig {
    /// The chain; part of every signature.
    pub chain_id: ChainId,
    /// Its own name on the links.
    pub me: Peer,
    /// From this come the names of streams and requests, and the choice among peers. Different after every start.
    pub seed: u64,
    /// How often to tell peers which heights are here.
    pub status_interval: Duration,
}

/// An engine in a simulated world.
pub struct SeededEngine {
    config: SeededConfig,
    validator_key: Option<ValidatorKey>,
    log: Box<dyn LogFile>,
    port: Port,
}

impl SeededEngine {
    /// An engine that votes with `validator_key` whenever it is in the set; without a key it only follows.
    pub fn new(config: SeededConfig, validator_key: Option<ValidatorKey>, log: Box<dyn LogFile>, port: Port) -> Self {
        Self { config, validator_key, log, port }
    }
}

impl Consensus for SeededEngine {
    async fn run<H: Host>(self, host: &mut H, stop: impl Future<Output = ()> + Send) -> Result<(), EngineError> {
        let Self { config, validator_key, log, port } = self;
        let me = validator_key.as_ref().map(|key| Me {
            address: key.address(),
            signer: ChainSigner::new(config.chain_id.clone(), key.private().clone()),
        });
        let verifier = ChainVerifier::new(config.chain_id.clone());
        let handler = Handler::new(host, verifier, me, config.seed).await?;
        let mut replica = Replica::new(&config, validator_key.as_ref(), handler, Log::open(log)?, port.clone());
        replica.start().await?;
        tokio::pin!(stop);
        loop {
            let event = tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                event = port.next() => event,
            };
            replica.on(event).await?;
        }
    }
}
