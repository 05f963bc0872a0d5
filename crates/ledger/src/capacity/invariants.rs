//! What must hold of capacity after every block: nothing is sold twice.

use std::collections::{BTreeMap, BTreeSet};

use proto::tetra::capacity::v1::{Hold, HoldKind, Resources};

use super::state::{
    DEVICES, EXPIRIES, FENCES, HOLDS, HOLDS_BY_HOST, HOLDS_BY_REFERENCE, HOSTS, HOSTS_BY_OWNER, HostKey, StoredHost,
};
use super::{holds, resources};
use crate::context::Context;

/// The promises that are broken; none when all is well. Sums are made anew from the holds.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let hosts = HOSTS.all(&ctx.state)?;
    let mut by_host: BTreeMap<Vec<u8>, Vec<Hold>> = BTreeMap::new();
    let all = HOLDS.all(&ctx.state)?;
    let soft = all.iter().filter(|(_, hold)| hold.kind() == HoldKind::Soft && hold.expires_at > 0).count();
    let total = all.len();
    for (_, hold) in all {
        by_host.entry(hold.host_key.clone()).or_default().push(hold);
    }
    let mut broken = Vec::new();
    for (key, host) in &hosts {
        let holds = by_host.remove(key.as_slice()).unwrap_or_default();
        broken.extend(host_is_sound(ctx, key, host, &holds)?);
    }
    broken.extend(by_host.keys().map(|key| format!("host {} is gone and still held", hex::encode(key))));

    let devices: usize = hosts.iter().map(|(_, host)| host.devices.len()).sum();
    let counts = [
        ("holds by host", HOLDS_BY_HOST.all(&ctx.state)?.len(), total),
        ("holds by reference", HOLDS_BY_REFERENCE.all(&ctx.state)?.len(), total),
        ("expiries", EXPIRIES.all(&ctx.state)?.len(), soft),
        ("devices", DEVICES.all(&ctx.state)?.len(), devices),
        ("hosts by owner", HOSTS_BY_OWNER.all(&ctx.state)?.len(), hosts.len()),
    ];
    let wrong = counts.iter().filter(|(_, found, wanted)| found != wanted);
    broken
        .extend(wrong.map(|(what, found, wanted)| format!("capacity index {what} has {found} entries, not {wanted}")));
    Ok(broken)
}

fn host_is_sound(
    ctx: &Context,
    key: &HostKey,
    host: &StoredHost,
    on_host: &[Hold],
) -> Result<Vec<String>, store::Error> {
    let name = format!("host {}", hex::encode(key));
    let sum = |exclusive: bool| {
        let counted = on_host.iter().filter(|hold| holds::exclusive(hold) == exclusive);
        counted.map(holds::amount).try_fold(Resources::default(), |sum, amount| resources::add(&sum, &amount))
    };
    let (Some(taken), Some(wanted)) = (sum(true), sum(false)) else {
        return Ok(vec![format!("{name}: its holds add up to more than can be counted")]);
    };
    let mut broken = Vec::new();
    if !resources::fits(&taken, &host.capacity()) {
        broken.push(format!("{name} is sold twice: {taken:?} of {:?}", host.capacity()));
    }
    let devices: BTreeSet<&String> = taken.devices.iter().collect();
    if devices.len() != taken.devices.len() {
        broken.push(format!("{name}: a device has two holders: {:?}", taken.devices));
    }
    if !same(&taken, &host.taken()) || !same(&wanted, &host.wanted()) {
        broken.push(format!("{name}: its sums are not those of its holds"));
    }
    let last = FENCES.get(&ctx.state, key)?.unwrap_or(0);
    let firm: Vec<u64> = on_host.iter().filter(|hold| hold.kind() == HoldKind::Firm).map(|hold| hold.fence).collect();
    let distinct: BTreeSet<&u64> = firm.iter().collect();
    if distinct.len() != firm.len() || firm.iter().any(|fence| *fence == 0 || *fence > last) {
        broken.push(format!("{name}: fencing numbers {firm:?} are not distinct and at most {last}"));
    }
    Ok(broken)
}

/// Equal amounts, and the same devices in any order.
fn same(a: &Resources, b: &Resources) -> bool {
    let sorted = |resources: &Resources| {
        let mut sorted = resources.clone();
        sorted.devices.sort();
        sorted
    };
    sorted(a) == sorted(b)
}
