//! Whether a node lives and is ready, and why not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::comet::Time;
use mempool::Mempool;
use primitives::validators::ConsensusAddress;
use rpc::backend::NewBlock;
use telemetry::process::room;
use telemetry::{Check, Observed, health};
use tokio::sync::broadcast;
use tokio::task::block_in_place;

use crate::Chain;
use crate::home::Home;
use crate::metrics::Now;

/// A node is not ready when its last block is older than so many intervals, and never below [`READY_LEAST`].
const READY_INTERVALS: u32 = 10;
const READY_LEAST: Duration = Duration::from_secs(10);
/// And it counts as stuck when it has committed nothing for so many, and never below [`LIVE_LEAST`].
const LIVE_INTERVALS: u32 = 60;
const LIVE_LEAST: Duration = Duration::from_secs(120);

/// A node as its operator sees it.
pub(crate) struct NodeObserved {
    pub(crate) home: Home,
    pub(crate) chain: Arc<Chain>,
    pub(crate) mempool: Arc<Mempool>,
    pub(crate) announcements: broadcast::Sender<NewBlock>,
    pub(crate) syncing: Arc<AtomicBool>,
    pub(crate) own: ConsensusAddress,
    pub(crate) configured_peers: usize,
}

impl NodeObserved {
    fn interval(&self) -> Duration {
        Duration::from_millis(self.chain.app().chain().block_interval_ms)
    }

    fn peers(&self) -> usize {
        self.mempool.gossip().map_or(0, |gossip| gossip.peers().borrow().len())
    }
}

#[async_trait]
impl Observed for NodeObserved {
    async fn metrics(&self) -> String {
        let now = Now {
            home: &self.home,
            chain: &self.chain,
            mempool: &self.mempool,
            own: self.own,
            syncing: self.syncing.load(Ordering::Relaxed),
            peers: self.peers(),
            configured_peers: self.configured_peers,
            subscribers: self.announcements.receiver_count(),
            engine: engine::metrics_text(),
        };
        block_in_place(|| self.chain.metrics().text(&now))
    }

    async fn live(&self) -> Vec<Check> {
        vec![progress(self.chain.tip().height, self.chain.metrics().idle(), self.interval())]
    }

    async fn ready(&self) -> Vec<Check> {
        let tip = self.chain.tip();
        // A header ahead of the clock has no age.
        let age = Time::now().duration_since(tip.time).unwrap_or_default();
        let halted = match self.home.halted() {
            Ok(None) => Check::good("halted", "no halt is marked"),
            Ok(Some(mark)) => halted(&format!("halted at height {}: {}", mark.height, mark.why)),
            Err(error) => halted(&error.to_string()),
        };
        let disk = match room(&self.home.data()) {
            Ok((free, total)) => health::disk(free, total),
            Err(error) => Check::bad("disk", error.to_string(), "see whether the node's folder is still mounted"),
        };
        vec![
            halted,
            caught_up(self.syncing.load(Ordering::Relaxed), tip.height),
            last_block(tip.height, age, self.interval()),
            peers(self.peers(), self.configured_peers),
            disk,
        ]
    }
}

fn halted(reason: &str) -> Check {
    Check::bad("halted", reason, "stop the node and run `tetra node verify DIR`: it replays the chain and tells more")
}

/// Blocks must come: a node whose engine is stuck answers all else as if nothing were the matter.
fn progress(height: u64, idle: Duration, interval: Duration) -> Check {
    let limit = (interval * LIVE_INTERVALS).max(LIVE_LEAST);
    let found = format!("no block committed for {} s, the last one is {height}", idle.as_secs());
    if idle <= limit {
        return Check::good("progress", format!("the last block is {height}, committed {} s ago", idle.as_secs()));
    }
    Check::bad(
        "progress",
        format!("{found}; at most {} s are usual", limit.as_secs()),
        "if other nodes are higher, restart this one; if all stand still, more than two thirds of the power must run",
    )
}

fn caught_up(syncing: bool, height: u64) -> Check {
    match syncing {
        false => Check::good("caught_up", format!("at height {height}")),
        true => Check::bad("caught_up", format!("fetching blocks, at height {height}"), "wait until it has caught up"),
    }
}

fn last_block(height: u64, age: Duration, interval: Duration) -> Check {
    let limit = (interval * READY_INTERVALS).max(READY_LEAST);
    let found =
        format!("block {height} is {:.1} s old; one comes every {} ms", age.as_secs_f64(), interval.as_millis());
    if age <= limit {
        return Check::good("last_block", found);
    }
    let remedy = "see whether the other validators run and are connected, and whether this machine's clock is right";
    Check::bad("last_block", format!("{found}, and {} s are the limit", limit.as_secs()), remedy)
}

fn peers(connected: usize, configured: usize) -> Check {
    let found = format!("{connected} connected, {configured} configured");
    if connected == 0 && configured > 0 {
        return Check::bad("peers", found, "see whether gossip_peers of node.json can be reached from this machine");
    }
    Check::good("peers", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wedge_shows() {
        let (second, half) = (Duration::from_secs(1), Duration::from_millis(500));
        assert!(progress(7, 119 * second, half).ok);
        let stuck = progress(7, 121 * second, half);
        assert!(!stuck.ok && stuck.reason.contains("121 s") && stuck.remedy.contains("restart"), "{stuck:?}");
        assert!(progress(7, 300 * second, 6 * second).ok, "blocks every 6 s may take longer");
        assert!(!progress(7, 361 * second, 6 * second).ok);
    }

    #[test]
    fn a_node_that_is_behind_or_alone_is_not_ready() {
        let (second, half) = (Duration::from_secs(1), Duration::from_millis(500));
        assert!(last_block(7, 9 * second, half).ok);
        assert!(!last_block(7, 11 * second, half).ok);
        assert!(last_block(7, 59 * second, 6 * second).ok);
        assert!(!last_block(7, 61 * second, 6 * second).ok);
        assert!(peers(0, 0).ok && peers(1, 3).ok && !peers(0, 3).ok);
        assert!(caught_up(false, 7).ok && !caught_up(true, 7).ok);
    }
}
