//! What follows from hosts and holds: indices, and what markets are told.

use std::collections::{BTreeMap, BTreeSet};

use proto::tetra::capacity::v1::{Hold, HoldKind};

use super::model::Model;
use super::steps::owner;
use crate::capacity::state::{DEVICES, EXPIRIES, HOLDS_BY_HOST, HOLDS_BY_REFERENCE, HOSTS_BY_OWNER, YIELDS};
use crate::capacity::tests::support::host_key;
use crate::context::{Context, Outcome};

/// Each market is told of what it lost, once.
pub(super) fn assert_outcomes(ctx: &Context, gone: &[Hold]) {
    let tell = |hold: &Hold| (hold.market.clone(), hold.reference.clone(), hold.kind() == HoldKind::Firm);
    let mut expected: Vec<_> = gone.iter().map(tell).collect();
    let told = ctx.outcomes.iter().map(|outcome| match outcome {
        Outcome::HoldEnded { market, reference, firm } => (market.clone(), reference.clone(), *firm),
        other => panic!("{other:?}"),
    });
    let mut told: Vec<_> = told.collect();
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
}

/// Every index names what is there and nothing else.
pub(super) fn assert_indices(ctx: &Context) {
    let model = Model::read(ctx);
    let holds = || model.holds.values();
    let by_host = HOLDS_BY_HOST.all(&ctx.state).unwrap().into_iter().map(|((key, id), ())| (key.to_vec(), id));
    assert_eq!(by_host.collect::<BTreeSet<_>>(), holds().map(|hold| (hold.host_key.clone(), hold.id)).collect());
    let by_reference = HOLDS_BY_REFERENCE.all(&ctx.state).unwrap().into_iter().map(|(key, ())| key);
    let expected = holds().map(|hold| (hold.reference.clone(), hold.market.clone(), hold.id));
    assert_eq!(by_reference.collect::<BTreeSet<_>>(), expected.collect());
    let expiries = EXPIRIES.all(&ctx.state).unwrap().into_iter().map(|(key, ())| key);
    let expected = holds().filter(|hold| hold.expires_at > 0).map(|hold| (hold.expires_at.unsigned_abs(), hold.id));
    assert_eq!(expiries.collect::<BTreeSet<_>>(), expected.collect());
    let yields = YIELDS.all(&ctx.state).unwrap().into_iter().map(|(key, ())| key);
    let millis =
        |at: proto::Timestamp| at.seconds.unsigned_abs() * 1000 + u64::from(at.nanos.unsigned_abs()) / 1_000_000;
    let expected = holds().filter_map(|hold| Some((millis(hold.yields_at?), hold.id)));
    assert_eq!(yields.collect::<BTreeSet<_>>(), expected.collect());
    let devices = DEVICES.all(&ctx.state).unwrap().into_iter();
    let expected = model
        .hosts
        .iter()
        .flat_map(|(host, machine)| machine.offer.devices.iter().map(|(id, _)| (id.clone(), host_key(*host).to_vec())));
    assert_eq!(devices.collect::<BTreeMap<_, _>>(), expected.collect());
    let owners = HOSTS_BY_OWNER.all(&ctx.state).unwrap().into_iter().map(|(key, ())| key);
    let expected = model.hosts.iter().map(|(host, machine)| (owner(machine.first), host_key(*host)));
    assert_eq!(owners.collect::<BTreeSet<_>>(), expected.collect());
}
