//! Which lease stands for which device, and what runs in it. Kept on disk before anything is paid for, so that nothing that was bought is
//! forgotten.

use primitives::Dec;
use serde::{Deserialize, Serialize};
use workload::PodId;

use super::file::Content;
use crate::cluster::config::{ClusterConfig, LeaseConfig};
use crate::config::DecText;

/// The file of the agent's state.
pub(super) const FILE: &str = "cluster-leases.json";

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lease {
    pub(super) dseq: u64,
    pub(super) gseq: u32,
    pub(super) oseq: u32,
    /// Bech32, there.
    pub(super) provider: String,
    /// Per block there.
    pub(super) price: String,
}

impl Lease {
    pub(super) fn price(&self) -> Dec {
        self.price.parse().unwrap_or(Dec::ZERO)
    }
}

/// What was asked for when a lease was bought: a lease keeps it for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    pub(super) cpu_milli: u64,
    pub(super) memory: u64,
    pub(super) storage: u64,
    pub(super) denom: String,
    pub(super) most: DecText,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) tun: bool,
}

impl Shape {
    /// What is asked for now.
    pub(super) fn of(config: &ClusterConfig, lease: &LeaseConfig) -> Self {
        let ClusterConfig { cpu_milli, memory, storage, .. } = *config;
        Self { cpu_milli, memory, storage, denom: lease.denom.clone(), most: lease.most, tun: lease.tun }
    }
}

/// A device: a deployment, its lease once there is one, and what runs in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    pub(super) dseq: u64,
    pub(super) shape: Shape,
    pub(super) lease: Option<Lease>,
    /// What an hour costs here, without the margin, as when it was bought: a price that moved with every block would be other terms.
    pub(super) cost: u64,
    /// Whether its containers may have a device for an overlay.
    pub(super) device: bool,
    /// Counts what ran in it.
    pub(super) edition: u64,
    /// What it is at.
    pub(super) work: Work,
}

/// What a lease is at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Work {
    /// It was bought, or a tenant left it: it has to be made ready.
    Raw,
    /// This program is in it, and nothing is hired.
    Idle,
    /// A node.
    Hired(Tenant),
}

impl Slot {
    /// The lease, where nothing of it is hired and all is ready.
    pub(super) fn idle(&self) -> Option<&Lease> {
        self.lease.as_ref().filter(|_| self.work == Work::Idle)
    }

    /// The node that it is.
    pub(super) fn tenant(&self) -> Option<&Tenant> {
        match &self.work {
            Work::Hired(tenant) => Some(tenant),
            Work::Raw | Work::Idle => None,
        }
    }
}

/// What a tenant runs in a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tenant {
    pub(super) id: PodId,
    pub(super) image: String,
    pub(super) command: Vec<String>,
    pub(super) env: Vec<(String, String)>,
}

impl Tenant {
    pub(super) fn content(&self, edition: u64) -> Content {
        let Self { image, command, env, .. } = self.clone();
        Content { image, command, env, edition }
    }
}

/// All of them, in the order of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slots {
    /// The chain id of the network that they are on.
    pub(super) network: String,
    pub(super) slots: Vec<Slot>,
}

impl Slots {
    pub(super) fn of(&self, id: &PodId) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.tenant().is_some_and(|tenant| tenant.id == *id))
    }

    /// The slot of a deployment.
    pub(super) fn slot(&mut self, dseq: u64) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.dseq == dseq)
    }
}
