//! Takes out what leases earned, and watches what their escrows still hold: an empty escrow is noticed by the chain only
//! when somebody touches it (spec/akash.md 1.6.5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::NodeError;
use primitives::Dec;
use proto::akash::market::v1 as ids;
use proto::akash::market::v1beta5::QueryLeaseResponse;
use workload::crash;

use super::{Agent, lock};
use crate::lease::LeaseName;

/// Messages of one transaction.
const BATCH: usize = 20;
/// The least time between two looks at an escrow.
const SOONEST: Duration = Duration::from_secs(2);

/// What an escrow account still pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runway {
    /// So many whole blocks.
    Blocks(u128),
    /// For ever: nothing is paid.
    Endless,
}

/// What one look at an escrow shows.
struct Look {
    runway: Runway,
    /// By each of our leases, not paid out yet.
    earned: Vec<(String, Dec)>,
}

impl Agent {
    /// Withdraws and watches for ever.
    pub(crate) async fn collect(self: Arc<Self>) {
        let every = Duration::from_secs(self.config.withdraw_every_s.max(1));
        let funds_every = Duration::from_secs(self.config.funds_every_s.max(1));
        let mut withdrawn = Instant::now();
        let mut wait = SOONEST;
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.funds.notified() => {}
            }
            let leases: Vec<LeaseName> = lock(&self.leases).keys().cloned().collect();
            if withdrawn.elapsed() >= every {
                self.withdraw(&leases, "what was earned").await;
                withdrawn = Instant::now();
            }
            wait = match self.shortest_runway(&leases).await {
                Ok(soonest) => soonest.min(funds_every).max(SOONEST),
                Err(error) => {
                    tracing::warn!(%error, "the escrows cannot be looked at; trying again");
                    SOONEST * 5
                }
            };
            wait = wait.min(every.saturating_sub(withdrawn.elapsed()).max(SOONEST));
        }
    }

    async fn withdraw(&self, leases: &[LeaseName], why: &str) {
        for batch in leases.chunks(BATCH) {
            crash::at("withdrawing");
            let sent = match self.chain.withdraw(batch).await {
                // One lease that ended meanwhile fails them all.
                Err(NodeError::Rejected { .. } | NodeError::Query { .. }) if batch.len() > 1 => {
                    for lease in batch {
                        self.withdraw_one(lease).await;
                    }
                    continue;
                }
                other => other,
            };
            match sent {
                Ok(confirmed) => {
                    crash::at("withdrawn");
                    tracing::info!(leases = batch.len(), fee = %confirmed.fee, "withdrew {why}");
                }
                Err(error) => tracing::warn!(leases = batch.len(), %error, "the withdrawal failed; trying again later"),
            }
        }
    }

    async fn withdraw_one(&self, lease: &LeaseName) {
        if let Err(error) = self.chain.withdraw(std::slice::from_ref(lease)).await {
            tracing::warn!(lease = %lease, %error, "the withdrawal failed; trying again later");
        }
    }

    /// Looks at each escrow once, touches those that are empty, and tells when the next one will be.
    async fn shortest_runway(&self, leases: &[LeaseName]) -> Result<Duration, NodeError> {
        let height = u128::from(self.chain.node().status().await?.height);
        let deployments: BTreeSet<(String, u64)> =
            leases.iter().map(|lease| (lease.owner.clone(), lease.dseq)).collect();
        let mut soonest = Duration::MAX;
        let mut pending: BTreeMap<String, Dec> = BTreeMap::new();
        for (owner, dseq) in deployments {
            let Some(Look { runway, earned }) = self.look_at(&owner, dseq, height).await? else { continue };
            for (denom, amount) in earned {
                let sum = pending.entry(denom).or_insert(Dec::ZERO);
                *sum = sum.checked_add(amount).unwrap_or(*sum);
            }
            match runway {
                Runway::Endless => {}
                Runway::Blocks(0) => {
                    let empty: Vec<LeaseName> =
                        leases.iter().filter(|lease| lease.owner == owner && lease.dseq == dseq).cloned().collect();
                    tracing::info!(owner, dseq, "the escrow is empty; settling it, which ends its leases");
                    self.withdraw(&empty, "the last of an escrow").await;
                }
                Runway::Blocks(blocks) => {
                    let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
                    soonest = soonest.min(self.chain.facts().block_interval().saturating_mul(blocks));
                }
            }
        }
        self.show_pending(&pending);
        Ok(soonest)
    }

    fn show_pending(&self, pending: &BTreeMap<String, Dec>) {
        let shown = &mut *lock(&self.shown_pending);
        shown.extend(pending.keys().cloned());
        // A denom in which nothing is pending any more must not stay as it was.
        for denom in shown.iter() {
            let atoms = pending.get(denom).map_or(0, |amount| amount.atoms() / Dec::ONE.atoms());
            self.metrics.pending.set(&[denom], atoms as f64);
        }
    }

    async fn look_at(&self, owner: &str, dseq: u64, height: u128) -> Result<Option<Look>, NodeError> {
        let Some(deployment) = self.chain.deployment(owner, dseq).await? else { return Ok(None) };
        let Some(account) = deployment.escrow_account.and_then(|account| account.state) else { return Ok(None) };
        let found = self.chain.payments_of(owner, dseq).await?;
        let leases: Vec<ids::Lease> = found.iter().filter_map(|found| found.lease.clone()).collect();
        let Some(rate) = total_rate(&leases) else { return Ok(None) };
        let funds = account.funds.first().and_then(|funds| Dec::from_wire(&funds.amount).ok()).unwrap_or(Dec::ZERO);
        let settled = u128::try_from(account.settled_at).unwrap_or(0);
        let passed = height.saturating_sub(settled);
        let covered = if rate.is_zero() { 0 } else { funds.atoms() / rate.atoms() };
        let ours = found.iter().filter(|found| {
            let id = found.lease.as_ref().and_then(|lease| lease.id.as_ref());
            id.is_some_and(|id| id.provider == self.chain.address())
        });
        let earned = ours.filter_map(|found| earned(found, passed.min(covered))).collect();
        Ok(Some(Look { runway: runway(funds, rate, passed), earned }))
    }
}

/// What a lease earned and was not paid out: what is settled, and its rate for the blocks since then that the escrow
/// covers; with its denom.
fn earned(found: &QueryLeaseResponse, blocks: u128) -> Option<(String, Dec)> {
    let price = found.lease.as_ref()?.price.as_ref()?;
    let settled = found.escrow_payment.as_ref().and_then(|payment| payment.state.as_ref()?.balance.as_ref());
    let settled = settled.and_then(|balance| Dec::from_wire(&balance.amount).ok()).unwrap_or(Dec::ZERO);
    let since = Dec::from_wire(&price.amount).ok()?.checked_mul_int(blocks)?;
    Some((price.denom.clone(), settled.checked_add(since)?))
}

/// What all leases of a deployment cost per block together.
fn total_rate(leases: &[ids::Lease]) -> Option<Dec> {
    leases.iter().try_fold(Dec::ZERO, |sum, lease| {
        let price = lease.price.as_ref()?;
        sum.checked_add(Dec::from_wire(&price.amount).ok()?)
    })
}

/// Blocks that the funds still cover whole, `passed` blocks after the last settlement.
fn runway(funds: Dec, rate: Dec, passed: u128) -> Runway {
    if rate.is_zero() {
        return Runway::Endless;
    }
    let covered = funds.atoms() / rate.atoms();
    Runway::Blocks(covered.saturating_sub(passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runway_counts_whole_blocks() {
        let dec = |text: &str| text.parse::<Dec>().unwrap();
        assert_eq!(runway(dec("10"), dec("3"), 0), Runway::Blocks(3));
        assert_eq!(runway(dec("10"), dec("3"), 2), Runway::Blocks(1));
        assert_eq!(runway(dec("10"), dec("3"), 4), Runway::Blocks(0));
        assert_eq!(runway(dec("0"), dec("3"), 0), Runway::Blocks(0));
        assert_eq!(runway(dec("10"), dec("0"), 9), Runway::Endless);
    }
}
