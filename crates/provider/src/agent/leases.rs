//! What a lease is due: a manifest within a time, a start under a firm hold, an end that frees everything.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use client::NodeError;
use proto::akash::market::v1 as ids;
use proto::akash::market::v1::LeaseClosedReason;
use proto::tetra::capacity::v1::{Device, Hold, HoldKind};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use workload::{ExitStatus, Phases, crash};

use super::orders::{amount, price_text};
use super::{Agent, lock};
use crate::devices::Shares;
use crate::lease::LeaseName;
use crate::proxy::Published;
use crate::record::LeaseRecord;

/// How long processes have to end by themselves when their lease is over.
pub(crate) const FAREWELL: Duration = Duration::from_secs(10);

/// A lease that this agent has.
#[derive(Default)]
pub(crate) struct Slot {
    /// Held while something about the lease's work changes.
    pub(crate) work: Mutex<Work>,
}

/// A replica that ended.
#[derive(Clone, Debug)]
pub(crate) struct Exit {
    /// How.
    pub(crate) status: ExitStatus,
    /// When it is started again; past once it was.
    pub(crate) again_at: OffsetDateTime,
}

/// What is done for a lease.
#[derive(Default)]
pub(crate) struct Work {
    /// Its accepted manifest; none until one came.
    pub(crate) record: Option<LeaseRecord>,
    /// Where its services can be reached; empty while they do not run.
    pub(crate) published: Vec<Published>,
    /// Where the time of its last start went; none while nothing was started.
    pub(crate) phases: Option<Phases>,
    /// Its devices by service and replica, since its last start.
    pub(crate) gpus: Shares,
    /// Why its pod does not run, if so.
    pub(crate) trouble: Option<String>,
    /// How replicas ended that ended, by service and number.
    pub(crate) exits: BTreeMap<(String, u32), Exit>,
    /// What starts containers again that end.
    pub(crate) keepers: JoinSet<()>,
    /// The lease is over; nothing may start any more.
    pub(crate) ended: bool,
}

impl Agent {
    /// The slot of a lease; none when the agent has no such lease.
    pub(crate) fn slot(&self, lease: &LeaseName) -> Option<Arc<Slot>> {
        lock(&self.leases).get(lease).cloned()
    }

    /// A lease of ours runs by the chain's word: start it from what is remembered, or await its manifest.
    pub(crate) fn serve(self: &Arc<Self>, lease: LeaseName) {
        // After a restart there is no bid to win.
        if lock(&self.bids).remove(&lease.order()).is_some() {
            self.metrics.bids.one(&["won"]);
        }
        match lock(&self.leases).entry(lease.clone()) {
            Entry::Occupied(_) => return,
            Entry::Vacant(place) => place.insert(Arc::default()),
        };
        crash::at("lease-won");
        self.funds.notify_one();
        let agent = Arc::clone(self);
        self.spawn(async move {
            agent.note_lease(&lease).await;
            match agent.home.record(&lease) {
                Ok(Some(record)) => agent.resume(&lease, record).await,
                Ok(None) => agent.await_manifest(&lease).await,
                Err(error) => {
                    tracing::error!(lease = %lease, %error, "the lease's record is damaged; awaiting its manifest anew");
                    agent.await_manifest(&lease).await;
                }
            }
        });
    }

    /// The book knows a lease that was won from its bid; after a restart it must be told.
    async fn note_lease(&self, lease: &LeaseName) {
        let order = self.chain.order(&lease.order()).await;
        let Ok(Some(order)) = order else { return };
        let price = match self.chain.lease(lease).await {
            Ok(Some(found)) => price_text(found.price.as_ref()),
            _ => String::new(),
        };
        tracing::info!(lease = %lease, provider = lease.provider, price, "serving a lease");
        self.note(lease, amount(&order));
    }

    /// Starts a lease's pod from its remembered manifest. What cannot be started now is tried again by the keeper.
    async fn resume(self: &Arc<Self>, lease: &LeaseName, record: LeaseRecord) {
        let Some(slot) = self.slot(lease) else { return };
        let mut work = slot.work.lock().await;
        // A manifest that came in the meantime is newer.
        if work.ended || work.record.is_some() {
            return;
        }
        work.record = Some(record);
        if let Err(error) = self.bring_up(lease, &mut work).await {
            tracing::warn!(lease = %lease, %error, "the lease's pod does not start; trying again");
        }
        self.keep(lease, &mut work);
    }

    /// Leaves a lease whose tenant sends no manifest.
    async fn await_manifest(self: &Arc<Self>, lease: &LeaseName) {
        let mut wait = Duration::from_secs(self.config.bid.manifest_timeout_s);
        loop {
            tokio::time::sleep(wait).await;
            let Some(slot) = self.slot(lease) else { return };
            let mut work = slot.work.lock().await;
            if work.ended || work.record.is_some() {
                return;
            }
            tracing::info!(lease = %lease, "leaving the lease: no manifest came in time");
            match self.chain.close_bid(lease, LeaseClosedReason::ManifestTimeout).await {
                Ok(_) => {
                    work.ended = true;
                    drop(work);
                    self.end(lease).await;
                    return;
                }
                Err(error) => {
                    tracing::warn!(lease = %lease, %error, "the lease could not be left; trying again");
                    wait = Duration::from_secs(30);
                }
            }
        }
    }

    /// The firm hold under which a lease may be started on this machine.
    ///
    /// # Errors
    /// Why it may not be started, for the tenant.
    pub(crate) async fn hold(&self, lease: &LeaseName, seen: u64) -> Result<Hold, String> {
        let holds = self.chain.holds_of(&lease.to_string()).await.map_err(|error| error.to_string())?;
        judge_holds(&holds, &self.host_key, seen).cloned()
    }

    /// The devices that a hold has.
    pub(crate) fn devices(&self, hold: &Hold) -> Vec<Device> {
        let ids = hold.resources.as_ref().map(|resources| resources.devices.as_slice()).unwrap_or_default();
        lock(&self.book).devices_of(ids)
    }

    /// Asks the chain for this very lease, and ends its work if it is over.
    pub(crate) async fn confirm(self: &Arc<Self>, lease: &LeaseName) -> Result<(), NodeError> {
        let found = self.chain.lease(lease).await?;
        if !found.is_some_and(|lease| runs(&lease)) {
            self.end(lease).await;
        }
        Ok(())
    }

    /// A lease is over: its pod, its addresses, its record and its place are freed.
    pub(crate) async fn end(self: &Arc<Self>, lease: &LeaseName) {
        let slot = self.slot(lease);
        // Held to the end, so that whoever else hears of it waits and finds nothing to do.
        let _work = match &slot {
            Some(slot) => {
                let mut work = slot.work.lock().await;
                if self.slot(lease).is_none() {
                    return;
                }
                work.ended = true;
                work.keepers.abort_all();
                Some(work)
            }
            None => None,
        };
        crash::at("lease-over");
        self.proxy.withdraw(lease).await;
        if let Err(error) = self.runtime.remove(&lease.pod(), FAREWELL).await {
            // The slot stays, so that the next look at everything tries again.
            return tracing::error!(lease = %lease, %error, "the pod of a lease that is over cannot be removed");
        }
        crash::at("pod-removed");
        if let Err(error) = self.home.forget_record(lease) {
            tracing::error!(lease = %lease, %error, "the record of a lease that is over cannot be removed");
        }
        lock(&self.leases).remove(lease);
        lock(&self.strays).remove(lease);
        self.release(lease);
        tracing::info!(lease = %lease, "the lease is over, everything of it is freed");
    }
}

/// Whether a lease is to be served.
pub(crate) fn runs(lease: &ids::Lease) -> bool {
    matches!(lease.state(), ids::lease::State::Active | ids::lease::State::Reclaiming)
}

/// The firm hold on this machine; a lower fencing number than was seen is a stale agent's.
fn judge_holds<'a>(holds: &'a [Hold], host_key: &[u8; 32], seen: u64) -> Result<&'a Hold, String> {
    let firm = |hold: &&Hold| hold.kind() == HoldKind::Firm;
    let Some(hold) = holds.iter().filter(firm).find(|hold| hold.host_key == host_key) else {
        let elsewhere =
            if holds.iter().any(|hold| firm(&hold)) { "; it is on another machine of the provider" } else { "" };
        return Err(format!("the chain shows no firm hold for this lease on this machine{elsewhere}"));
    };
    if hold.fence < seen {
        return Err(format!(
            "the lease's hold has fencing number {}, and {seen} was seen before: another agent may serve it",
            hold.fence
        ));
    }
    Ok(hold)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(key: u8, kind: HoldKind, fence: u64) -> Hold {
        Hold { host_key: vec![key; 32], kind: kind as i32, fence, ..Hold::default() }
    }

    #[test]
    fn only_a_firm_hold_here_that_is_not_stale_lets_a_lease_start() {
        let here = [7; 32];
        let three = hold(7, HoldKind::Firm, 3);
        assert_eq!(judge_holds(std::slice::from_ref(&three), &here, 0), Ok(&three));
        assert_eq!(judge_holds(std::slice::from_ref(&three), &here, 3), Ok(&three));
        let mut refused = Vec::new();
        for (holds, seen) in [
            (vec![], 0),
            (vec![hold(7, HoldKind::Soft, 0)], 0),
            (vec![hold(8, HoldKind::Firm, 3)], 0),
            (vec![hold(7, HoldKind::Firm, 3)], 4),
        ] {
            refused.push(judge_holds(&holds, &here, seen).unwrap_err());
        }
        insta::assert_snapshot!(refused.join("\n"));
    }
}
