//! What must be done so that what runs here is what the chain says: a pure function.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::lease::LeaseName;

/// How long work without a lease stays, in case that the chain's answer was not the last word.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// What is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Leases that run by the chain's word.
    pub(crate) leases: BTreeSet<LeaseName>,
    /// Leases that the agent serves or awaits a manifest for.
    pub(crate) served: BTreeSet<LeaseName>,
    /// Pods of this agent, and how long each has been without a lease.
    pub(crate) pods: BTreeMap<LeaseName, Duration>,
    /// Leases whose manifests are remembered.
    pub(crate) remembered: BTreeSet<LeaseName>,
}

/// What is to be done about a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Serve it: start it from the manifest that is remembered, or await one.
    Serve,
    /// Ask the chain for this very lease, and end its work if it is over.
    Confirm,
    /// Leave it: the grace is not over.
    Wait,
}

/// One action for each lease that is out of order.
pub(crate) fn reconcile(seen: &Seen) -> BTreeMap<LeaseName, Action> {
    let mut actions = BTreeMap::new();
    for lease in seen.leases.difference(&seen.served) {
        actions.insert(lease.clone(), Action::Serve);
    }
    let over = |lease: &&LeaseName| !seen.leases.contains(*lease);
    for lease in seen.served.iter().chain(&seen.remembered).filter(over) {
        actions.insert(lease.clone(), Action::Confirm);
    }
    for (lease, since) in seen.pods.iter().filter(|(lease, _)| over(lease)) {
        let known = seen.served.contains(lease) || seen.remembered.contains(lease);
        let action = if known || *since >= GRACE { Action::Confirm } else { Action::Wait };
        actions.insert(lease.clone(), action);
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lease(dseq: u64) -> LeaseName {
        LeaseName { owner: "a".into(), dseq, gseq: 1, oseq: 1, provider: "p".into() }
    }

    fn names() -> impl Strategy<Value = BTreeSet<LeaseName>> {
        prop::collection::btree_set((1u64..8).prop_map(lease), 0..8)
    }

    proptest! {
        #[test]
        fn a_lease_of_the_chain_is_never_ended(
            leases in names(), served in names(), remembered in names(),
            pods in prop::collection::btree_map((1u64..8).prop_map(lease), (0u64..120).prop_map(Duration::from_secs), 0..8),
        ) {
            let seen = Seen { leases, served, pods, remembered };
            let actions = reconcile(&seen);
            for lease in &seen.leases {
                let expected = (!seen.served.contains(lease)).then_some(Action::Serve);
                prop_assert_eq!(actions.get(lease).copied(), expected);
            }
            // What the agent knows beyond the chain is asked about; an unknown pod only after the grace.
            for lease in seen.served.union(&seen.remembered).filter(|lease| !seen.leases.contains(*lease)) {
                prop_assert_eq!(actions.get(lease), Some(&Action::Confirm));
            }
            for (pod, since) in seen.pods.iter().filter(|(pod, _)| !seen.leases.contains(*pod)) {
                let known = seen.served.contains(pod) || seen.remembered.contains(pod);
                let expected = if known || *since >= GRACE { Action::Confirm } else { Action::Wait };
                prop_assert_eq!(actions.get(pod), Some(&expected));
            }
        }
    }
}
