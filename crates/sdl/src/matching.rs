//! Whether a manifest is the one that its groups on the chain pay for (spec/akash.md 3.3, 3.5: updates may change
//! images, environment, arguments and ports within the same endpoint counts, nothing else).

use std::collections::BTreeMap;

use proto::akash::deployment::v1beta4 as deployment;

use crate::groups::{GroupSpec, ResourceUnit};
use crate::manifest::{Group, Manifest, Service};
use crate::resources::EndpointKind;
use crate::wire::WireError;

/// How a manifest differs from its groups.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MismatchError {
    /// A group on the chain that cannot be read.
    #[error("group {0:?} on the chain is malformed: {1}")]
    Wire(String, WireError),
    /// Different numbers of groups.
    #[error("the manifest has {manifest} groups, the chain has {chain}; send the manifest of this deployment")]
    GroupCount {
        /// In the manifest.
        manifest: usize,
        /// On the chain.
        chain: usize,
    },
    /// A group that the chain does not know.
    #[error("group {0:?} is not on the chain; send the manifest of this deployment")]
    UnknownGroup(String),
    /// A service of a unit that does not exist.
    #[error("group {group:?}, service {service:?}: no unit has id {id} on the chain")]
    UnknownUnit {
        /// The group.
        group: String,
        /// The service.
        service: String,
        /// The id.
        id: u32,
    },
    /// A service that needs something else than its unit.
    #[error(
        "group {group:?}, service {service:?}: {what} differs from unit {id} on the chain; resources cannot be changed after creation"
    )]
    Resources {
        /// The group.
        group: String,
        /// The service.
        service: String,
        /// The unit.
        id: u32,
        /// Which resource.
        what: &'static str,
    },
    /// Replicas or endpoints of a unit that do not add up.
    #[error("group {group:?}, unit {id}: the manifest uses {manifest} {what}, the chain has {chain}")]
    Amount {
        /// The group.
        group: String,
        /// The unit.
        id: u32,
        /// Replicas, or a kind of endpoint.
        what: &'static str,
        /// In the manifest.
        manifest: u64,
        /// On the chain.
        chain: u64,
    },
}

impl Manifest {
    /// Checks a manifest against the groups of its deployment as the chain has them.
    ///
    /// # Errors
    /// [`MismatchError`] at the first difference.
    pub fn matches_deployment(&self, groups: &[deployment::GroupSpec]) -> Result<(), MismatchError> {
        let groups = groups
            .iter()
            .map(|group| GroupSpec::try_from(group).map_err(|error| MismatchError::Wire(group.name.clone(), error)))
            .collect::<Result<Vec<_>, _>>()?;
        if self.0.len() != groups.len() {
            return Err(MismatchError::GroupCount { manifest: self.0.len(), chain: groups.len() });
        }
        for group in &self.0 {
            let spec = groups.iter().find(|spec| spec.name == group.name);
            matches_group(group, spec.ok_or_else(|| MismatchError::UnknownGroup(group.name.clone()))?)?;
        }
        Ok(())
    }

    /// Checks one group of a manifest against the group of the lease, for a provider that serves only this one.
    ///
    /// # Errors
    /// [`MismatchError`] at the first difference.
    pub fn matches_group(&self, spec: &deployment::GroupSpec) -> Result<(), MismatchError> {
        let group = self.group(&spec.name).ok_or_else(|| MismatchError::UnknownGroup(spec.name.clone()))?;
        let spec = GroupSpec::try_from(spec).map_err(|error| MismatchError::Wire(spec.name.clone(), error))?;
        matches_group(group, &spec)
    }
}

fn matches_group(group: &Group, spec: &GroupSpec) -> Result<(), MismatchError> {
    for service in &group.services {
        let id = service.resources.id;
        let unit = spec.units.iter().find(|unit| unit.resources.id == id);
        let unknown = || MismatchError::UnknownUnit { group: group.name.clone(), service: service.name.clone(), id };
        let unit = unit.ok_or_else(unknown)?;
        if let Some(what) = difference(service, unit) {
            let (group, service) = (group.name.clone(), service.name.clone());
            return Err(MismatchError::Resources { group, service, id, what });
        }
    }
    spec.units.iter().try_for_each(|unit| adds_up(group, unit))
}

fn difference(service: &Service, unit: &ResourceUnit) -> Option<&'static str> {
    let (wanted, sold) = (&service.resources, &unit.resources);
    [
        ("cpu", wanted.cpu != sold.cpu),
        ("gpu", wanted.gpu != sold.gpu),
        ("memory", wanted.memory != sold.memory),
        ("storage", wanted.storage != sold.storage),
    ]
    .into_iter()
    .find_map(|(what, differs)| differs.then_some(what))
}

/// Replicas and endpoints of all services of a unit are exactly those that the unit has. Endpoints are counted from
/// the exposed ports, because some clients shorten the list inside `resources`.
fn adds_up(group: &Group, unit: &ResourceUnit) -> Result<(), MismatchError> {
    let id = unit.resources.id;
    let amount = |what, manifest: u64, chain: u64| {
        if manifest == chain {
            return Ok(());
        }
        Err(MismatchError::Amount { group: group.name.clone(), id, what, manifest, chain })
    };
    let services = || group.services.iter().filter(|service| service.resources.id == id);
    let replicas = services().map(|service| u64::from(service.count)).fold(0, u64::saturating_add);
    amount("replicas", replicas, u64::from(unit.count))?;
    let used = tally(services().flat_map(|service| crate::endpoints::of_exposes(&service.expose)).map(|e| e.kind));
    let sold = tally(unit.resources.endpoints.iter().map(|endpoint| endpoint.kind));
    let kinds = [
        (EndpointKind::SharedHttp, "HTTP endpoints"),
        (EndpointKind::RandomPort, "port endpoints"),
        (EndpointKind::LeasedIp, "leased addresses"),
    ];
    kinds.into_iter().try_for_each(|(kind, what)| {
        let count = |tally: &BTreeMap<EndpointKind, u64>| tally.get(&kind).copied().unwrap_or(0);
        amount(what, count(&used), count(&sold))
    })
}

fn tally(kinds: impl Iterator<Item = EndpointKind>) -> BTreeMap<EndpointKind, u64> {
    let mut tally = BTreeMap::new();
    for kind in kinds {
        *tally.entry(kind).or_insert(0) += 1;
    }
    tally
}
