//! Follows the chain block by block, and now and then compares all that it says with all that is here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::NodeError;
use proto::tetra::capacity::v1::Hold;

use super::{Agent, BidState, Followed, lock};
use crate::backoff::Backoff;
use crate::book::Amount;
use crate::lease::{LeaseName, OrderName};
use crate::reconcile::{Action, Seen, reconcile};
use crate::watch::{self, Happening};

/// Between two looks at everything.
const SYNC_EVERY: Duration = Duration::from_secs(30);
/// More blocks behind than this are not read one by one: a look at everything is cheaper.
const LARGEST_GAP: u64 = 100;
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Agent {
    /// Follows the chain for ever. A node that hangs or is gone costs waits and no more.
    pub(crate) async fn follow(self: Arc<Self>) {
        let pause = (self.chain.facts().block_interval() / 5).clamp(Duration::from_millis(50), Duration::from_secs(1));
        let mut backoff = Backoff::new(pause, LONGEST_WAIT);
        // None: the next look is at everything.
        let mut seen: Option<u64> = None;
        let mut synced = Instant::now();
        loop {
            let stepped = self.step(seen, synced.elapsed() >= SYNC_EVERY).await;
            self.metrics.turned();
            match stepped {
                Ok((height, looked)) => {
                    self.metrics.chain_height.set(&[], height as f64);
                    seen = Some(height);
                    *lock(&self.followed) = Followed { height, problem: None };
                    if looked {
                        synced = Instant::now();
                    }
                    backoff.reset();
                    tokio::time::sleep(pause).await;
                }
                Err(error) => {
                    let wait = backoff.wait();
                    lock(&self.followed).problem = Some(error.to_string());
                    self.metrics.chain_failures.one(&["follow"]);
                    tracing::warn!(%error, seconds = wait.as_secs_f64(), "the chain cannot be followed; trying again");
                    seen = None;
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Reads what is new since height `seen`; returns the height that was reached, and whether all was compared.
    async fn step(self: &Arc<Self>, seen: Option<u64>, due: bool) -> Result<(u64, bool), NodeError> {
        let height = self.chain.node().status().await?.height;
        let gap = seen.and_then(|seen| height.checked_sub(seen)).filter(|gap| *gap <= LARGEST_GAP);
        let looked = gap.is_none() || due;
        if let Some(gap) = gap {
            for height in height - gap + 1..=height {
                for happening in watch::block(self.chain.node(), height).await? {
                    self.take_note(happening).await?;
                }
            }
        }
        if looked {
            self.compare().await?;
        }
        Ok((height, looked))
    }

    async fn take_note(self: &Arc<Self>, happening: Happening) -> Result<(), NodeError> {
        let ours = |lease: &LeaseName| lease.provider == self.chain.address();
        match happening {
            Happening::OrderCreated(order) => self.consider(order),
            Happening::OrderClosed(order) => self.order_ended(&order).await,
            Happening::BidClosed(bid) if ours(&bid) => self.bid_ended(&bid),
            Happening::LeaseCreated(lease) if ours(&lease) => self.serve(lease),
            Happening::LeaseCreated(lease) => {
                let order = lease.order();
                self.bid_ended(&order.bid(self.chain.address()));
            }
            // In a task of its own: ending takes as long as processes need.
            Happening::LeaseClosed(lease) if ours(&lease) => self.end_later(lease),
            Happening::Paid { lease, denom, amount } if ours(&lease) => {
                self.metrics.withdrawn.add(&[&denom], amount as f64);
                tracing::info!(lease = %lease, denom, amount = %amount, "was paid");
            }
            Happening::BidClosed(_) | Happening::LeaseClosed(_) | Happening::Paid { .. } => {}
        }
        Ok(())
    }

    fn end_later(self: &Arc<Self>, lease: LeaseName) {
        let agent = Arc::clone(self);
        self.spawn(async move { agent.end(&lease).await });
    }

    /// Compares all that the chain says with all that is here.
    pub(crate) async fn compare(self: &Arc<Self>) -> Result<(), NodeError> {
        let leases = self.chain.own_leases().await?;
        let leases: BTreeSet<LeaseName> =
            leases.into_iter().filter_map(|lease| lease.id).map(LeaseName::from).collect();
        let bids = self.chain.open_bids().await?;
        let bids: BTreeSet<LeaseName> = bids.into_iter().filter_map(|bid| bid.id).map(LeaseName::from).collect();
        let holds = self.chain.holds_on(&self.host_key).await?;
        let orders = self.chain.open_orders().await?;
        self.reconcile_work(leases.clone()).await;
        self.reconcile_book(&leases, &bids, &holds);
        let open = |(order, state): (&OrderName, &BidState)| (*state == BidState::Open).then(|| order.clone());
        let believed: Vec<OrderName> = lock(&self.bids).iter().filter_map(open).collect();
        for order in believed.iter().filter(|order| !bids.contains(&order.bid(self.chain.address()))) {
            self.order_ended(order).await;
        }
        for order in orders.into_iter().filter_map(|order| order.id) {
            self.consider(OrderName::from(order));
        }
        Ok(())
    }

    async fn reconcile_work(self: &Arc<Self>, leases: BTreeSet<LeaseName>) {
        let pods = match self.runtime.list().await {
            Ok(pods) => pods,
            Err(error) => return tracing::error!(%error, "the pods of this machine cannot be listed"),
        };
        let remembered = match self.home.remembered() {
            Ok(remembered) => remembered,
            Err(error) => return tracing::error!(%error, "the records of leases cannot be read"),
        };
        let running: BTreeSet<LeaseName> = pods.iter().filter_map(|pod| LeaseName::of_pod(&pod.id)).collect();
        let strays = {
            let mut strays = lock(&self.strays);
            strays.retain(|pod, _| running.contains(pod) && !leases.contains(pod));
            for pod in running.difference(&leases) {
                strays.entry(pod.clone()).or_insert_with(Instant::now);
            }
            strays.iter().map(|(pod, since)| (pod.clone(), since.elapsed())).collect()
        };
        let served = lock(&self.leases).keys().cloned().collect();
        for (lease, action) in reconcile(&Seen { leases, served, pods: strays, remembered }) {
            match action {
                Action::Serve => self.serve(lease),
                Action::Wait => tracing::warn!(lease = %lease, "a pod without a lease; it goes after a grace"),
                Action::Confirm => {
                    let agent = Arc::clone(self);
                    self.spawn(async move {
                        if let Err(error) = agent.confirm(&lease).await {
                            tracing::warn!(lease = %lease, %error, "asking for the lease failed; a later look tells");
                        }
                    });
                }
            }
        }
    }

    /// Makes the book what the chain says, with what is still on its way to the chain.
    fn reconcile_book(&self, leases: &BTreeSet<LeaseName>, bids: &BTreeSet<LeaseName>, holds: &[Hold]) {
        let provider = self.chain.address();
        let pending: BTreeSet<String> = lock(&self.bids).keys().map(|order| order.bid(provider).to_string()).collect();
        let served: BTreeSet<String> = lock(&self.leases).keys().map(ToString::to_string).collect();
        let mut book = lock(&self.book);
        let known: BTreeSet<String> = leases.iter().chain(bids).map(ToString::to_string).collect();
        book.keep(|holder| known.contains(holder) || pending.contains(holder) || served.contains(holder));
        let ports: Vec<(String, u64)> =
            book.entries().map(|(holder, amount)| (holder.to_owned(), amount.ports)).collect();
        // A render window gives way to whatever is leased.
        for hold in holds.iter().filter(|hold| !hold.gives_way) {
            let taken = hold.resources.clone().unwrap_or_default();
            // The chain knows no ports.
            let ports = ports.iter().find(|(holder, _)| *holder == hold.reference).map_or(0, |(_, ports)| *ports);
            let (cpu_milli, memory, storage) = (taken.cpu_milli, taken.memory, taken.storage);
            let amount = Amount { cpu_milli, memory, storage, ports, gpus: taken.devices.len() as u64 };
            book.note_devices(&hold.reference, amount, &taken.devices);
        }
    }
}
