//! Names of leases.

use std::fmt;

use proto::akash::market::v1 as market;
use serde::{Deserialize, Serialize};
use workload::PodId;

/// A call for bids. Text form `owner/dseq/gseq/oseq`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderName {
    /// The tenant, bech32.
    pub owner: String,
    /// The deployment.
    pub dseq: u64,
    /// Its group, from 1.
    pub gseq: u32,
    /// The group's order, from 1.
    pub oseq: u32,
}

impl OrderName {
    /// The bid of a provider on this order, which is also the name of the lease that it may become.
    pub fn bid(&self, provider: &str) -> LeaseName {
        let Self { owner, dseq, gseq, oseq } = self.clone();
        LeaseName { owner, dseq, gseq, oseq, provider: provider.to_owned() }
    }

    /// As messages and queries write it.
    pub fn to_wire(&self) -> market::OrderId {
        let Self { owner, dseq, gseq, oseq } = self.clone();
        market::OrderId { owner, dseq, gseq, oseq }
    }
}

impl From<market::OrderId> for OrderName {
    fn from(id: market::OrderId) -> Self {
        let market::OrderId { owner, dseq, gseq, oseq } = id;
        Self { owner, dseq, gseq, oseq }
    }
}

impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, dseq, gseq, oseq } = self;
        write!(f, "{owner}/{dseq}/{gseq}/{oseq}")
    }
}

/// A lease of this provider. Text form `owner/dseq/gseq/oseq/provider`, as on the chain (spec/akash.md 1.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseName {
    /// The tenant, bech32.
    pub owner: String,
    /// The deployment.
    pub dseq: u64,
    /// Its group, from 1.
    pub gseq: u32,
    /// The group's order, from 1.
    pub oseq: u32,
    /// The provider, bech32.
    pub provider: String,
}

impl LeaseName {
    /// The pod that the lease runs as.
    pub fn pod(&self) -> PodId {
        PodId::new(self.to_string())
    }

    /// The lease of a pod; none when the text has another form.
    pub fn of_pod(pod: &PodId) -> Option<Self> {
        let mut parts = pod.as_str().split('/');
        let name = Self {
            owner: parts.next()?.to_owned(),
            dseq: parts.next()?.parse().ok()?,
            gseq: parts.next()?.parse().ok()?,
            oseq: parts.next()?.parse().ok()?,
            provider: parts.next()?.to_owned(),
        };
        parts.next().is_none().then_some(name)
    }

    /// The order that the lease's bid was made on.
    pub fn order(&self) -> OrderName {
        let Self { owner, dseq, gseq, oseq, .. } = self.clone();
        OrderName { owner, dseq, gseq, oseq }
    }

    /// The bid's id, as messages and queries write it.
    pub fn to_bid(&self) -> market::BidId {
        let Self { owner, dseq, gseq, oseq, provider } = self.clone();
        market::BidId { owner, dseq, gseq, oseq, provider, bseq: 0 }
    }

    /// The lease's id, as messages and queries write it.
    pub fn to_wire(&self) -> market::LeaseId {
        let Self { owner, dseq, gseq, oseq, provider } = self.clone();
        market::LeaseId { owner, dseq, gseq, oseq, provider, bseq: 0 }
    }
}

impl From<market::LeaseId> for LeaseName {
    fn from(id: market::LeaseId) -> Self {
        let market::LeaseId { owner, dseq, gseq, oseq, provider, .. } = id;
        Self { owner, dseq, gseq, oseq, provider }
    }
}

impl From<market::BidId> for LeaseName {
    fn from(id: market::BidId) -> Self {
        let market::BidId { owner, dseq, gseq, oseq, provider, .. } = id;
        Self { owner, dseq, gseq, oseq, provider }
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, dseq, gseq, oseq, provider } = self;
        write!(f, "{owner}/{dseq}/{gseq}/{oseq}/{provider}")
    }
}
