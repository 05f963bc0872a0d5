//! Connectivity by real transfers: once a round the agent moves some megabytes from and to other suppliers' gateways, and tells the chain
//! the tier that the best of them bears out. Nobody else measures it, so that it is its owner's word.

use std::time::Duration;

use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::Tier;

use super::supplier::Supplier;
use super::trouble::Trouble;
use crate::agent::lock;

/// What is moved each way.
const BYTES: u64 = 8 << 20;
/// Suppliers that are tried; the quickest counts, for a slow one says little of this one.
const MOST: usize = 3;

/// Megabits per second, down and up, of each tier (spec/render_ionet.md B2.2, whose figures are meant as bits).
const TIERS: [(Tier, u64, u64); 4] =
    [(Tier::Ultra, 1_600, 1_200), (Tier::High, 800, 600), (Tier::Medium, 400, 300), (Tier::Low, 100, 10)];

/// The tier of a speed in Mbit/s.
pub(super) fn tier(down: u64, up: u64) -> Tier {
    let found = TIERS.into_iter().find(|(_, least_down, least_up)| down >= *least_down && up >= *least_up);
    found.map_or(Tier::Unspecified, |(tier, ..)| tier)
}

fn megabits(bytes: u64, took: Duration) -> u64 {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    bytes.saturating_mul(8) / micros
}

impl Supplier {
    /// Measures, and keeps the tier for the next sign of life.
    pub(super) async fn measure(&self) -> Result<(), Trouble> {
        let (mut down, mut up) = (0, 0);
        let own = self.chain.address();
        let others = self.chain.cluster_offers().await?.into_iter().filter_map(|offer| offer.id);
        let owners: std::collections::BTreeSet<String> =
            others.map(|id: wire::OfferId| id.owner).filter(|owner| owner != own).collect();
        for owner in owners.into_iter().take(MOST) {
            // One that does not answer says nothing of this machine's line.
            let Ok(gateway) = self.gateway(&owner).await else { continue };
            let Ok(took) = gateway.cluster_speed_down(BYTES).await else { continue };
            down = down.max(megabits(BYTES, took));
            let Ok(took) = gateway.cluster_speed_up(BYTES).await else { continue };
            up = up.max(megabits(BYTES, took));
        }
        let found = tier(down, up);
        tracing::info!(found = found.as_str_name(), "measured connectivity: {down} Mbit/s down, {up} up");
        *lock(&self.tier) = found;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_asks_for_both_ways() {
        assert_eq!(tier(1_700, 1_300), Tier::Ultra);
        assert_eq!(tier(1_700, 700), Tier::High);
        assert_eq!(tier(100, 10), Tier::Low);
        assert_eq!(tier(5_000, 9), Tier::Unspecified);
        assert_eq!(megabits(1_000_000, Duration::from_secs(1)), 8);
    }
}
