//! What a tenant asks for, checked, and whether an offer is that.

use ledger::{Context, Failure};
use proto::tetra::capacity::v1::Resources;
use proto::tetra::cluster::v1::{Ask, ClusterKind, Offer, OfferState, Params, SupplierKind, Tier};

use crate::params::{self, LONGEST_NAME};
use crate::refusal::hire as refusal;
use crate::supply::standing;
use crate::supply::state::{free, is_interruptible, terms};

/// The longest time that is paid in advance, in milliseconds: 31 days.
pub const LONGEST_MS: u64 = 31 * 24 * 3_600_000;
/// The longest time for which failed nodes are kept: an hour.
pub const LONGEST_KEPT_MS: u64 = 3_600_000;
/// The shortest, a second.
pub const SHORTEST_MS: u64 = 1_000;
/// The most entries of a list.
const MOST_ENTRIES: usize = 16;

/// Refuses an ask that is malformed.
///
/// # Errors
/// `cluster` 2; `cluster_supply` 5 for a class that there is not.
pub fn check(params: &Params, ask: &Ask) -> Result<(), Failure> {
    let refuse = |why: String| Err(Failure::from(refusal::invalid(why)));
    params::class(params, &ask.class)?;
    if ask.kind() == ClusterKind::Unspecified {
        return refuse("its kind is missing: ray, torchrun, mpi or shell".to_owned());
    }
    if !(1..=params.max_nodes).contains(&ask.nodes) {
        return refuse(format!("a cluster has 1 to {} nodes, not {}", params.max_nodes, ask.nodes));
    }
    if !(SHORTEST_MS..=LONGEST_MS).contains(&ask.duration_ms) {
        return refuse(format!("its duration is {SHORTEST_MS} to {LONGEST_MS} ms, not {}", ask.duration_ms));
    }
    if ask.keep_failed_ms > LONGEST_KEPT_MS {
        return refuse(format!("failed nodes are kept for {LONGEST_KEPT_MS} ms at most"));
    }
    if Tier::try_from(ask.tier).is_err() {
        return refuse(format!("{} is no connectivity tier", ask.tier));
    }
    if ask.each.as_ref().is_some_and(|each| !each.devices.is_empty()) {
        return refuse("a device is named by its class".to_owned());
    }
    let names = ask.regions.iter().chain(&ask.flags);
    if ask.regions.len().max(ask.flags.len()).max(ask.kinds.len()) > MOST_ENTRIES {
        return refuse(format!("it names at most {MOST_ENTRIES} regions, flags and kinds"));
    }
    for name in names {
        if name.is_empty() || name.len() > LONGEST_NAME {
            return refuse(format!("{name:?} is no name of at most {LONGEST_NAME} letters"));
        }
    }
    let known = |kind: &i32| SupplierKind::try_from(*kind).is_ok_and(|kind| kind != SupplierKind::Unspecified);
    match ask.kinds.iter().all(known) {
        true => Ok(()),
        false => refuse("it names a kind of supplier that there is not".to_owned()),
    }
}

fn lacks(has: &Resources, least: &Resources) -> Option<String> {
    let table = [
        ("CPU", has.cpu_milli, least.cpu_milli),
        ("memory", has.memory, least.memory),
        ("storage", has.storage, least.storage),
    ];
    let short = table.into_iter().find(|(_, has, least)| has < least);
    short.map(|(what, has, least)| format!("too little {what}: {has} of {least}"))
}

/// What a device of an offer costs an hour: the price of the class, or its owner's floor where that is higher.
///
/// A slice of idle renders is cheaper by a part of the class's price, rounded down; its owner's floor stands.
pub fn price(offer: &Offer, class_price: u64, params: &Params) -> u64 {
    let kept = 10_000u64.saturating_sub(params.idle_discount_bp.into());
    let price = match is_interruptible(offer) {
        true => class_price.saturating_mul(kept) / 10_000,
        false => class_price,
    };
    terms(offer).floor.max(price).max(1)
}

/// Why an offer is not what is asked for; none when it is.
pub fn unfit(ctx: &Context, ask: &Ask, offer: &Offer, price: u64) -> Option<String> {
    let terms = terms(offer);
    if terms.class != ask.class {
        return Some(format!("its class is {}", terms.class));
    }
    if offer.state() != OfferState::Ready {
        return Some(not_ready(ctx, offer));
    }
    if is_interruptible(offer) && !ask.interruptible {
        return Some("it is interruptible, and firm devices are asked for".to_owned());
    }
    if ask.kind() != ClusterKind::Shell && terms.lease.as_ref().is_some_and(|lease| !lease.device) {
        return Some(
            "its lease permits no network device, so that it takes part in clusters of type shell alone".to_owned(),
        );
    }
    if free(offer) == 0 {
        return Some("all of its devices are hired".to_owned());
    }
    let lacking = lacks(&terms.each.clone().unwrap_or_default(), &ask.each.clone().unwrap_or_default());
    if lacking.is_some() {
        return lacking;
    }
    if !ask.regions.is_empty() && !ask.regions.contains(&terms.region) {
        return Some(format!("its region is {:?}", terms.region));
    }
    if !ask.kinds.is_empty() && !ask.kinds.contains(&terms.kind) {
        return Some(format!("its supplier is {}", terms.kind().as_str_name()));
    }
    if offer.tier < ask.tier {
        return Some(format!("its connectivity is {}", offer.tier().as_str_name()));
    }
    if let Some(flag) = ask.flags.iter().find(|flag| !terms.flags.contains(flag)) {
        return Some(format!("it is not {flag}"));
    }
    (ask.ceiling > 0 && price > ask.ceiling).then(|| format!("it costs {price} an hour, above the ceiling"))
}

fn not_ready(ctx: &Context, offer: &Offer) -> String {
    let state = offer.state().as_str_name().trim_start_matches("OFFER_STATE_").to_lowercase();
    match standing::is_fresh(offer, ctx.block.time_ms()) || offer.state() != OfferState::Failed {
        true if offer.reason.is_empty() => format!("it is {state}"),
        true => format!("it is {state}: {}", offer.reason),
        false => format!("its last proof is too old: {}", offer.reason),
    }
}
