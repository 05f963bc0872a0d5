//! What must hold of capacity after every block: nothing is sold twice.

use std::collections::{BTreeMap, BTreeSet};

use primitives::Address;
use proto::tetra::capacity::v1::{Hold, HoldKind, Resources};
use store::{Key, Map, Value};

use super::state::{
    DEVICES, EXPIRIES, FENCES, HOLDS, HOLDS_BY_HOST, HOLDS_BY_REFERENCE, HOSTS, HOSTS_BY_OWNER, HostKey, LOST,
    NEXT_HOLD, StoredHost, YIELDS,
};
use super::{holds, resources};
use crate::context::Context;

/// The promises that are broken; none when all is well. Sums and indices are made anew from hosts and holds.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let hosts = HOSTS.all(&ctx.state)?;
    let all: Vec<Hold> = HOLDS.all(&ctx.state)?.into_iter().map(|(_, hold)| hold).collect();
    let mut by_host: BTreeMap<&[u8], Vec<&Hold>> = BTreeMap::new();
    for hold in &all {
        by_host.entry(&hold.host_key).or_default().push(hold);
    }
    let mut broken = Vec::new();
    for (key, host) in &hosts {
        let holds = by_host.remove(key.as_slice()).unwrap_or_default();
        broken.extend(host_is_sound(ctx, key, host, &holds)?);
    }
    broken.extend(by_host.keys().map(|key| format!("host {} is gone and still held", hex::encode(key))));
    broken.extend(indices_are_sound(ctx, &hosts, &all)?);
    broken.extend(lost_is_not_held(ctx, &all)?);
    let next = NEXT_HOLD.get(&ctx.state)?.unwrap_or(0);
    if let Some(last) = all.last().filter(|last| last.id >= next) {
        broken.push(format!("hold {} is there, and the next one would be {next}", last.id));
    }
    Ok(broken)
}

fn host_is_sound(
    ctx: &Context,
    key: &HostKey,
    host: &StoredHost,
    on_host: &[&Hold],
) -> Result<Vec<String>, store::Error> {
    let name = format!("host {}", hex::encode(key));
    let sum = |exclusive: bool| {
        let beside = on_host.iter().filter(|hold| !holds::is_lent(hold));
        let mut counted = beside.filter(|hold| holds::exclusive(hold) == exclusive);
        let sum = counted.try_fold(Resources::default(), |sum, hold| resources::add(&sum, &holds::amount(hold)))?;
        Some(resources::sorted(sum))
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
    if taken != host.taken() || wanted != host.wanted() {
        broken.push(format!("{name}: its sums are not those of its holds"));
    }
    let last = FENCES.get(&ctx.state, key)?.unwrap_or(0);
    broken.extend(lent_is_within(&name, on_host));
    let fenced = on_host.iter().filter(|hold| matches!(hold.kind(), HoldKind::Firm | HoldKind::Lent));
    let firm: Vec<u64> = fenced.map(|hold| hold.fence).collect();
    let distinct: BTreeSet<&u64> = firm.iter().collect();
    if distinct.len() != firm.len() || firm.iter().any(|fence| *fence == 0 || *fence > last) {
        broken.push(format!("{name}: fencing numbers {firm:?} are not distinct and at most {last}"));
    }
    Ok(broken)
}

/// What is lent lies in a window that nobody works in, and is no more than the window has.
fn lent_is_within(name: &str, on_host: &[&Hold]) -> Vec<String> {
    let mut broken = Vec::new();
    let windows: BTreeSet<u64> = on_host.iter().filter(|hold| holds::is_lent(hold)).map(|hold| hold.window).collect();
    for id in windows {
        let lent = on_host.iter().filter(|hold| holds::is_lent(hold) && hold.window == id);
        let sum = lent.fold(Resources::default(), |sum, hold| {
            resources::add(&sum, &holds::amount(hold)).unwrap_or(Resources { memory: u64::MAX, ..sum })
        });
        let window = on_host.iter().find(|hold| hold.id == id && hold.gives_way && !hold.in_use);
        if !window.is_some_and(|window| resources::fits(&sum, &holds::amount(window))) {
            broken.push(format!("{name}: what is lent of window {id} is not in it"));
        }
    }
    broken
}

fn indices_are_sound(
    ctx: &Context,
    hosts: &[(HostKey, StoredHost)],
    all: &[Hold],
) -> Result<Vec<String>, store::Error> {
    let host_key = |hold: &Hold| HostKey::try_from(hold.host_key.as_slice()).ok();
    let by_host = all.iter().filter_map(|hold| Some(((host_key(hold)?, hold.id), ())));
    let by_reference = all.iter().map(|hold| ((hold.reference.clone(), hold.market.clone(), hold.id), ()));
    let expiries = all.iter().filter_map(|hold| Some(((holds::expiry(hold)?, hold.id), ())));
    let yields = all.iter().filter_map(|hold| Some(((holds::yields_at_ms(hold)?, hold.id), ())));
    let device = |(key, host): &(HostKey, StoredHost)| {
        let key = key.to_vec();
        host.devices.iter().map(move |device| (device.id.clone(), key.clone())).collect::<Vec<_>>()
    };
    let owner =
        |(key, host): &(HostKey, StoredHost)| Some(((Address::try_from(host.owner.as_slice()).ok()?, *key), ()));
    let found = [
        differs(ctx, "holds by host", &HOLDS_BY_HOST, by_host)?,
        differs(ctx, "holds by reference", &HOLDS_BY_REFERENCE, by_reference)?,
        differs(ctx, "expiries", &EXPIRIES, expiries)?,
        differs(ctx, "yields", &YIELDS, yields)?,
        differs(ctx, "devices", &DEVICES, hosts.iter().flat_map(device))?,
        differs(ctx, "hosts by owner", &HOSTS_BY_OWNER, hosts.iter().filter_map(owner))?,
    ];
    Ok(found.into_iter().flatten().collect())
}

/// What is wrong with an index, if it does not hold exactly the `wanted` entries.
fn differs<K: Key + Ord, V: Value + Ord>(
    ctx: &Context,
    name: &str,
    index: &Map<K, V>,
    wanted: impl Iterator<Item = (K, V)>,
) -> Result<Option<String>, store::Error> {
    let found: BTreeSet<(K, V)> = index.all(&ctx.state)?.into_iter().collect();
    let wanted: BTreeSet<(K, V)> = wanted.collect();
    let (missing, foreign) = (wanted.difference(&found).count(), found.difference(&wanted).count());
    Ok((missing + foreign > 0)
        .then(|| format!("capacity index {name}: {missing} entries are missing, {foreign} should not be there")))
}

/// A reference that lost a soft hold can never have turned firm.
fn lost_is_not_held(ctx: &Context, all: &[Hold]) -> Result<Vec<String>, store::Error> {
    let held: BTreeSet<(&str, &str)> = all
        .iter()
        .filter(|hold| holds::exclusive(hold))
        .map(|hold| (hold.reference.as_str(), hold.market.as_str()))
        .collect();
    let lost = LOST.all(&ctx.state)?.into_iter().map(|(lost, ())| lost);
    let both = lost.filter(|(reference, market)| held.contains(&(reference.as_str(), market.as_str())));
    Ok(both.map(|(reference, market)| format!("{market} lost {reference} and holds it exclusively")).collect())
}
