//! Takes out what leases earned, and watches what their escrows still hold: an empty escrow is noticed by the chain only
//! when somebody touches it (spec/akash.md 1.6.5).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::NodeError;
use primitives::Dec;
use proto::akash::market::v1 as ids;

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
                Ok(confirmed) => tracing::info!(leases = batch.len(), fee = %confirmed.fee, "withdrew {why}"),
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
        for (owner, dseq) in deployments {
            let Some(runway) = self.runway(&owner, dseq, height).await? else { continue };
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
        Ok(soonest)
    }

    async fn runway(&self, owner: &str, dseq: u64, height: u128) -> Result<Option<Runway>, NodeError> {
        let Some(deployment) = self.chain.deployment(owner, dseq).await? else { return Ok(None) };
        let Some(account) = deployment.escrow_account.and_then(|account| account.state) else { return Ok(None) };
        let leases = self.chain.leases_of(owner, dseq).await?;
        let Some(rate) = total_rate(&leases) else { return Ok(None) };
        let funds = account.funds.first().and_then(|funds| Dec::from_wire(&funds.amount).ok()).unwrap_or(Dec::ZERO);
        let settled = u128::try_from(account.settled_at).unwrap_or(0);
        Ok(Some(runway(funds, rate, height.saturating_sub(settled))))
    }
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
