//! One node and the machine that it runs on.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::disk::Database;
use app::Genesis;
use engine::comet::Time;
use engine::driver::seeded::{Event, Line, Packet, Peer, Port, SeededConfig};
use engine::host::Timeouts;
use engine::{Consensus, EngineError, SeededEngine, ValidatorKey};
use node::{Chain, NodeHost};
use sha2::{Digest, Sha256};
use tokio::sync::broadcast;

use crate::disk::Disk;
use crate::pool::NodePool;

/// How often nodes tell each other which heights they have.
const STATUS: Duration = Duration::from_secs(1);
/// Blocks that a subscriber could lag behind; nobody subscribes here.
const ANNOUNCEMENTS: usize = 1;

/// A node's engine, as a future; dropping it is `kill -9`.
type Engine = Pin<Box<dyn Future<Output = Result<(), EngineError>> + Send>>;

struct Running {
    /// What it has seen of gossip.
    seen: BTreeSet<[u8; 32]>,
    engine: Engine,
    line: Line,
    chain: Arc<Chain>,
    pool: Arc<NodePool>,
}

/// How a node is after something happened to it.
#[derive(Debug)]
pub(crate) enum Health {
    Runs,
    /// Its disk died under it, as it was told to.
    Died,
    /// It stopped by itself, which it must not.
    Failed(String),
}

/// A machine with a disk, a clock, and a node on it.
pub(crate) struct Machine {
    pub(crate) me: Peer,
    pub(crate) key: ValidatorKey,
    pub(crate) disk: Disk,
    /// How far its clock is ahead of the true time, in milliseconds.
    pub(crate) skew_ms: i64,
    /// Counts its starts, so that nothing meant for an earlier one reaches a later one.
    pub(crate) life: u64,
    /// The highest of its blocks that was looked at.
    pub(crate) highest: u64,
    /// The highest block of which it said that it is committed; it must have it after every crash.
    pub(crate) promised: u64,
    /// Its time of day, in nanoseconds since 1970.
    clock: Arc<AtomicI64>,
    running: Option<Running>,
}

impl Machine {
    pub(crate) fn new(me: Peer) -> Self {
        let [high, low] = (me + 1).to_be_bytes();
        let mut seed = [0; 32];
        (seed[0], seed[1]) = (low, high);
        Self {
            me,
            key: ValidatorKey::from_seed(seed),
            disk: Disk::default(),
            skew_ms: 0,
            life: 0,
            highest: 0,
            promised: 0,
            clock: Arc::default(),
            running: None,
        }
    }

    pub(crate) fn chain(&self) -> Option<&Arc<Chain>> {
        self.running.as_ref().map(|running| &running.chain)
    }

    pub(crate) fn pool(&self) -> Option<&NodePool> {
        self.running.as_ref().map(|running| &*running.pool)
    }

    pub(crate) fn line(&self) -> Option<&Line> {
        self.running.as_ref().map(|running| &running.line)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// Whether a packet of gossip is new to the node.
    pub(crate) fn sees(&mut self, packet: &Packet) -> bool {
        let name = Sha256::new().chain_update(format!("{:?}", packet.channel)).chain_update(&packet.bytes).finalize();
        self.running.as_mut().is_some_and(|running| running.seen.insert(name.into()))
    }

    /// The node dies where it stands.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    fn set_clock(&self, genesis_time: i64, now: Duration) {
        let true_time = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX).saturating_add(genesis_time * 1_000_000_000);
        self.clock.store(true_time.saturating_add(self.skew_ms * 1_000_000), Ordering::Relaxed);
    }

    /// Starts a node on what the disk holds.
    pub(crate) fn start(&mut self, genesis: &Genesis, now: Duration, seed: u64) -> Health {
        self.life += 1;
        self.set_clock(genesis.genesis_time, now);
        let opened = self.open(genesis, now, seed);
        match opened {
            Ok(running) => {
                self.running = Some(running);
                self.poll()
            }
            Err(_) if self.disk.is_dead() => Health::Died,
            Err(error) => Health::Failed(error.to_string()),
        }
    }

    fn open(
        &self,
        genesis: &Genesis,
        now: Duration,
        seed: u64,
    ) -> Result<Running, Box<dyn std::error::Error + Send + Sync>> {
        let disk = self.disk.clone();
        let database = Database::given(move |name| disk.part(name));
        let chain = Arc::new(Chain::open_in(genesis, &database, store::Config::default())?);
        let pool = Arc::new(NodePool::new(Arc::clone(&chain)));
        let clock = Arc::clone(&self.clock);
        let mut host = NodeHost {
            chain: Arc::clone(&chain),
            pool: Arc::clone(&pool) as _,
            clock: Arc::new(move || time_at(clock.load(Ordering::Relaxed))),
            announcements: broadcast::channel(ANNOUNCEMENTS).0,
            syncing: Arc::new(AtomicBool::new(false)),
            timeouts: Timeouts::default(),
            // The halt itself ends the run.
            mark_halt: Box::new(|_| ()),
            own: self.key.address(),
            // The simulated disk has no end.
            room: Box::new(|| Ok(())),
        };
        let (port, line) = Port::pair();
        line.set_now(now);
        let config = SeededConfig { chain_id: chain.id().clone(), me: self.me, seed, status_interval: STATUS };
        let engine = SeededEngine::new(config, Some(self.key.clone()), self.disk.log(), port);
        let engine: Engine = Box::pin(async move { engine.run(&mut host, std::future::pending()).await });
        Ok(Running { seen: BTreeSet::new(), engine, line, chain, pool })
    }

    /// Something happens to the node; it does all that follows.
    pub(crate) fn give(&mut self, genesis_time: i64, now: Duration, event: Event) -> Health {
        self.set_clock(genesis_time, now);
        if let Some(running) = &self.running {
            running.line.give(now, event);
        }
        self.poll()
    }

    fn poll(&mut self) -> Health {
        let Some(running) = &mut self.running else {
            return Health::Runs;
        };
        match running.engine.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Health::Runs,
            Poll::Ready(_) if self.disk.is_dead() => Health::Died,
            Poll::Ready(Ok(())) => Health::Failed("the engine ended".to_owned()),
            Poll::Ready(Err(error)) => Health::Failed(error.to_string()),
        }
    }
}

/// A time of day from nanoseconds since 1970.
fn time_at(nanos: i64) -> Time {
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    Time::from_unix_timestamp(seconds, u32::try_from(rest).unwrap_or(0)).unwrap_or_else(|_| Time::unix_epoch())
}
