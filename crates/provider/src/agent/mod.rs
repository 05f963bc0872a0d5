//! The agent at work. What it believes is derived from the chain and the machine, never the other way round: events
//! make it quick, and a look at everything now and then makes it right.
//!
//! | module | what it does |
//! |---|---|
//! | `orders` | decides on orders, bids, takes bids back |
//! | `leases` | what a lease is due: manifest, start, end |
//! | `serve` | pods up and published |
//! | `keep` | containers that end are started again |
//! | `sync` | follows the chain, and compares all of it with all that is here |
//! | `money` | withdraws, and watches what escrows still hold |
//! | `desk`, `answer` | what tenants ask; whether replicas answer |

mod answer;
mod desk;
mod keep;
mod leases;
mod money;
mod orders;
mod serve;
mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use workload::Runtime;

use crate::book::{Amount, Book};
use crate::chain::Chain;
use crate::config::ProviderConfig;
use crate::decisions::Decisions;
use crate::home::Home;
use crate::inventory::Inventory;
use crate::lease::{LeaseName, OrderName};
use crate::metrics::ProviderMetrics;
use crate::price::Pricer;
use crate::proxy::Proxy;
pub(crate) use desk::Counter;
use leases::Slot;

/// All that the agent's tasks share.
pub(crate) struct Agent {
    pub(crate) chain: Chain,
    pub(crate) config: ProviderConfig,
    pub(crate) home: Home,
    pub(crate) inventory: Inventory,
    /// The public key by which the chain knows this machine.
    pub(crate) host_key: [u8; 32],
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) proxy: Proxy,
    pub(crate) pricer: Pricer,
    pub(crate) metrics: ProviderMetrics,
    /// Denoms whose pending earnings were shown.
    pub(crate) shown_pending: Mutex<BTreeSet<String>>,
    pub(crate) book: Mutex<Book>,
    /// Held from the choice of devices for a bid until the chain has named them, so that both choose from the same.
    pub(crate) gpu_turn: tokio::sync::Mutex<()>,
    pub(crate) decisions: Mutex<Decisions>,
    /// Orders that are being decided on or have an open bid of ours.
    pub(crate) bids: Mutex<BTreeMap<OrderName, BidState>>,
    pub(crate) leases: Mutex<BTreeMap<LeaseName, Arc<Slot>>>,
    /// Pods without a lease, and since when.
    pub(crate) strays: Mutex<BTreeMap<LeaseName, Instant>>,
    /// How far the chain was followed.
    pub(crate) followed: Mutex<Followed>,
    /// Told of a new lease, whose escrow is to be looked at.
    pub(crate) funds: Notify,
    pub(crate) tasks: Mutex<JoinSet<()>>,
}

/// How far the chain was followed, and why it no longer is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Followed {
    pub(crate) height: u64,
    pub(crate) problem: Option<String>,
}

/// How far a bid is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BidState {
    /// It is being decided or sent.
    Pending,
    /// It stands on the chain.
    Open,
}

/// A value behind a lock that is never held across an await, so that a panic cannot leave it half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Agent {
    /// Runs a task until it ends or the agent stops.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Ends every task. Containers go on.
    pub(crate) async fn stop(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
        // What keeps containers up belongs to the slots.
        lock(&self.leases).clear();
    }

    /// Sets aside what a bid or lease takes, by the chain's word.
    pub(crate) fn note(&self, name: &LeaseName, amount: Amount) {
        lock(&self.book).note(&name.to_string(), amount);
    }

    /// Gives back what a bid or lease took.
    pub(crate) fn release(&self, name: &LeaseName) {
        lock(&self.book).release(&name.to_string());
    }
}
