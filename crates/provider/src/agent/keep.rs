//! Containers that end are started again, with growing waits; a pod that could not be started is tried again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use workload::{ExitStatus, PodStatus, State};

use super::Agent;
use super::leases::{Exit, Work};
use crate::backoff::Backoff;
use crate::lease::LeaseName;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What one look at a lease shows the keeper.
enum Look {
    /// The lease is over or its work was replaced.
    Over,
    /// Nothing of it runs; it must be brought up.
    Down,
    /// Its replicas.
    Up(PodStatus),
}

impl Agent {
    /// Watches a lease's pod from now on, in place of what watched it before.
    pub(crate) fn keep(self: &Arc<Self>, lease: &LeaseName, work: &mut Work) {
        work.keepers.abort_all();
        let (agent, lease) = (Arc::clone(self), lease.clone());
        work.keepers.spawn(async move { agent.keep_up(&lease).await });
    }

    async fn keep_up(self: Arc<Self>, lease: &LeaseName) {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        loop {
            match self.look(lease).await {
                Look::Over => return,
                Look::Up(status) => {
                    let each =
                        status.replicas.iter().map(|replica| self.keep_replica(lease, &replica.service, replica.index));
                    futures::future::join_all(each).await;
                    return;
                }
                Look::Down => {}
            }
            tokio::time::sleep(backoff.wait()).await;
            let Some(slot) = self.slot(lease) else { return };
            let mut work = slot.work.lock().await;
            if work.ended {
                return;
            }
            if let Err(error) = self.bring_up(lease, &mut work).await {
                tracing::warn!(lease = %lease, %error, "the lease's pod does not start; trying again");
            }
        }
    }

    async fn look(&self, lease: &LeaseName) -> Look {
        let Some(slot) = self.slot(lease) else { return Look::Over };
        let work = slot.work.lock().await;
        match self.runtime.status(&lease.pod()).await {
            _ if work.ended => Look::Over,
            _ if work.trouble.is_some() => Look::Down,
            Ok(status) => Look::Up(status),
            Err(_) => Look::Down,
        }
    }

    /// Starts a replica again each time that it ends.
    async fn keep_replica(&self, lease: &LeaseName, service: &str, index: u32) {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        let mut since = Instant::now();
        loop {
            let ended = self.runtime.wait(&lease.pod(), service, index).await;
            let wait = backoff.wait_after(since.elapsed());
            match ended {
                Ok(exit) => {
                    self.metrics.exited(&exit);
                    tell_exit(lease, service, index, &exit, wait);
                    self.note_exit(lease, service, index, exit, wait).await;
                }
                Err(error) => tracing::debug!(lease = %lease, service, index, %error, "the replica has no process"),
            }
            let Some(slot) = self.slot(lease) else { return };
            // Its address leaves the proxy for as long as nothing answers there.
            self.republish(lease, &mut *slot.work.lock().await).await;
            drop(slot);
            tokio::time::sleep(wait).await;
            let Some(slot) = self.slot(lease) else { return };
            let mut work = slot.work.lock().await;
            if work.ended {
                return;
            }
            let restarted = self.runtime.restart(&lease.pod(), service, index).await;
            since = Instant::now();
            match restarted {
                Ok(_) => {
                    self.metrics.restarts.one(&["ok"]);
                    tracing::info!(lease = %lease, service, index, "started the replica again");
                    // Before anybody is told that it answers: whoever asks waits for the work.
                    self.republish(lease, &mut work).await;
                }
                Err(error) => {
                    self.metrics.restarts.one(&["failed"]);
                    tracing::warn!(lease = %lease, service, index, %error, "the replica does not start again");
                }
            }
        }
    }

    async fn note_exit(&self, lease: &LeaseName, service: &str, index: u32, exit: ExitStatus, wait: Duration) {
        let Some(slot) = self.slot(lease) else { return };
        let again_at = OffsetDateTime::now_utc() + wait;
        slot.work.lock().await.exits.insert((service.to_owned(), index), Exit { status: exit, again_at });
    }

    async fn republish(&self, lease: &LeaseName, work: &mut Work) {
        if work.ended {
            return;
        }
        let Ok(status) = self.runtime.status(&lease.pod()).await else { return };
        if let Err(error) = self.publish(lease, work, &status).await {
            tracing::warn!(lease = %lease, %error, "the lease's services cannot be published");
            work.trouble = Some(error.to_string());
        }
    }

    /// Whether every replica of a lease runs.
    pub(crate) async fn is_up(&self, lease: &LeaseName) -> bool {
        let status = self.runtime.status(&lease.pod()).await;
        status.is_ok_and(|status| status.replicas.iter().all(|replica| matches!(replica.state, State::Running { .. })))
    }
}

fn tell_exit(lease: &LeaseName, service: &str, index: u32, exit: &ExitStatus, wait: Duration) {
    let (ExitStatus { code, out_of_memory, .. }, seconds) = (exit, wait.as_secs());
    tracing::info!(lease = %lease, service, index, code, out_of_memory, seconds, "the replica ended; it starts again after these seconds");
}
