//! What its owner says of an offer, checked; and what of a host one device takes.

use std::collections::BTreeSet;

use ledger::capacity::state::{HOSTS, StoredHost};
use ledger::capacity::{GpuRequest, Request, gpu};
use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{LeaseTerms, OfferTerms, Params, SupplierKind};

use crate::ids::OfferId;
use crate::params::{self, LONGEST_NAME};
use crate::refusal::supply as refusal;

/// The most devices of one offer.
const MOST_DEVICES: u32 = 64;
/// The most flags of one offer.
const MOST_FLAGS: usize = 16;

/// The capability pattern of a class of GPUs: `gpu/nvidia/a100` is `vendor/nvidia/model/a100`; none of other classes.
pub fn gpu_pattern(class: &str) -> Option<String> {
    let (vendor, model) = class.strip_prefix("gpu/")?.split_once('/')?;
    Some(format!("vendor/{vendor}/model/{model}"))
}

/// What one device of an offer takes of its host.
pub fn request(terms: &OfferTerms) -> Request {
    let each = terms.each.clone().unwrap_or_default();
    let gpus = gpu_pattern(&terms.class).map(|pattern| GpuRequest { count: 1, accepts: vec![pattern] });
    Request { cpu_milli: each.cpu_milli, memory: each.memory, storage: each.storage, gpus: gpus.into_iter().collect() }
}

/// Refuses terms that are malformed, or that the host does not have.
///
/// # Errors
/// `cluster_supply` 2, 5.
pub(super) fn check(ctx: &Context, params: &Params, id: &OfferId, terms: &OfferTerms) -> Result<(), Failure> {
    let refuse = |why: String| Err(Failure::from(refusal::invalid(why)));
    params::class(params, &terms.class)?;
    if !(1..=MOST_DEVICES).contains(&terms.devices) {
        return refuse(format!("an offer has 1 to {MOST_DEVICES} devices, not {}", terms.devices));
    }
    if terms.kind() == SupplierKind::Unspecified {
        return refuse("its kind of supplier is missing: private, data centre, miner or storage network".to_owned());
    }
    if let Some(lease) = &terms.lease {
        check_lease(lease, terms.devices)?;
    }
    let leases = terms.lease.iter().flat_map(|lease| [&lease.network, &lease.tenant]);
    let names = terms.flags.iter().chain([&terms.region]).chain(leases);
    for name in names {
        if name.len() > LONGEST_NAME || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse(format!("{name:?} is no name of at most {LONGEST_NAME} readable letters"));
        }
    }
    let flags: BTreeSet<&String> = terms.flags.iter().collect();
    if flags.len() != terms.flags.len() || flags.len() > MOST_FLAGS {
        return refuse(format!("it has at most {MOST_FLAGS} flags, each once"));
    }
    let each = terms.each.clone().unwrap_or_default();
    if each.cpu_milli == 0 || each.memory == 0 || !each.devices.is_empty() {
        return refuse("each device comes with CPU and memory, and names no device by itself".to_owned());
    }
    let host = HOSTS.get(&ctx.state, &id.host)?;
    let host = host.ok_or_else(|| refusal::invalid(format!("host {} is not registered", hex::encode(id.host))))?;
    if host.owner != id.owner.as_bytes() {
        return refuse(format!("host {} is another provider's", hex::encode(id.host)));
    }
    match short(&host, terms) {
        Some(what) => refuse(format!("the host has too little {what} for {} devices", terms.devices)),
        None => Ok(()),
    }
}

/// What can be looked up on the network of the leases is all there.
fn check_lease(lease: &LeaseTerms, devices: u32) -> Result<(), Failure> {
    let refuse = |why: &str| Err(Failure::from(refusal::invalid(why)));
    if lease.network.is_empty() || lease.tenant.is_empty() {
        return refuse("the network of its leases is missing, or who pays there");
    }
    let in_order = lease.dseqs.is_sorted_by(|one, next| one < next);
    if !in_order || lease.dseqs.len() != devices as usize {
        return refuse("it names a deployment for each of its leased devices, in order");
    }
    Ok(())
}

fn short(host: &StoredHost, terms: &OfferTerms) -> Option<&'static str> {
    let (has, each) = (host.capacity(), request(terms));
    let many = u64::from(terms.devices);
    let lacks = |each: u64, has: u64| each.saturating_mul(many) > has;
    let devices = gpu_pattern(&terms.class)
        .map(|pattern| host.devices.iter().filter(|device| gpu::matches(&pattern, &device.model)).count() as u64);
    [
        (lacks(each.cpu_milli, has.cpu_milli), "CPU"),
        (lacks(each.memory, has.memory), "memory"),
        (lacks(each.storage, has.storage), "storage"),
        (devices.is_some_and(|found| found < many), "GPUs of that model"),
    ]
    .into_iter()
    .find_map(|(lacks, what)| lacks.then_some(what))
}
