//! Names of leases.

use std::fmt;

use serde::{Deserialize, Serialize};
use workload::PodId;

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
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, dseq, gseq, oseq, provider } = self;
        write!(f, "{owner}/{dseq}/{gseq}/{oseq}/{provider}")
    }
}
