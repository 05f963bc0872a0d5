//! A whole network in one thread. Nodes are real: Malachite's core, codecs, signatures, machine, stores, pool. Links,
//! clocks, crashes and disks are simulated, and everything that happens comes from a seed: the same seed gives the same
//! trace, on every machine.
//!
//! ```text
//! let mut net = Network::of(4).seed(7).links(Links::wild()).start()?;
//! net.run_until_height(3, secs(60))?;
//! net.crash_at_write(2, 5, Fate::Torn);        // node 2, at the fifth durable write from now
//! net.split(&[&[0, 1], &[2, 3]]);
//! net.run_for(secs(30))?;                      // checks every packet and every block
//! net.quiet();
//! net.run_until_all_reach(net.highest() + 2, secs(60))?;
//! let report = net.finish()?;                  // checks the money, the chains and the commits
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`network`] | [`Network`]: a scenario, step by step |
//! | [`world`](mod@world) | what happens next, and to whom |
//! | [`links`] | [`Links`]: what packets suffer |
//! | [`disk`] | [`Disk`]: durable writes, numbered; crashes at each of them |
//! | [`machine`] | one node and the machine that it runs on |
//! | [`pool`] | the node's pool of transactions |
//! | [`clients`] | accounts that send money, and know what they must have |
//! | [`mischief`] | what a byzantine validator does to what it sends |
//! | [`watch`] | what must never happen, checked as it happens |
//! | [`trace`] | what happened, as a hash and as text |
//! | [`chaos`] | a random scenario for every seed |
//!
//! Not covered here: libp2p and its gossip, the actors around Malachite's core, the journal of the mempool, RPC, and
//! the storage engines' own files. `docs/reliability.md` says what tests those.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod chaos;
pub mod clients;
pub mod disk;
pub mod links;
pub mod machine;
pub mod mischief;
pub mod network;
pub mod pool;
pub mod trace;
pub mod watch;
pub mod world;

pub use disk::{Disk, Fate};
pub use links::Links;
pub use network::{Network, Report};
pub use watch::Broken;

use std::time::Duration;

/// Seconds of the simulated time.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Milliseconds of the simulated time.
pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
