//! What must hold after every block.

use std::collections::BTreeMap;

use ledger::{Context, Failure, bank, capacity};
use proto::tetra::cluster::v1::{Cluster, Offer, OfferState, Source};

use crate::hire::state::{BY_OFFER, CLUSTERS, LIVE, QUOTES, has_ended, live};
use crate::hire::{MARKET, billing};
use crate::ids::OfferId;
use crate::money;
use crate::supply::class;
use crate::supply::state::{APPEALS, CLASSES, LISTED, OFFERS, OPEN_APPEALS, terms};

/// Broken promises: collateral, slashes and deposits lie in their account; devices count as hired exactly when a live node has them, each by a firm
/// hold of its own; no offer has more hired than it has; classes count what their offers give; live clusters, and no others,
/// have an account that pays; indexes name what the records say. None when all is well.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    match promises(ctx) {
        Ok(broken) => Ok(broken),
        Err(Failure::Broken(error)) => Err(error),
        Err(Failure::Rejected(rejection)) => Ok(vec![rejection.message]),
    }
}

fn promises(ctx: &Context) -> Result<Vec<String>, Failure> {
    let offers = OFFERS.all(&ctx.state)?;
    let mut broken = collateral(ctx, &offers)?;
    let hired = clusters(ctx, &mut broken)?;
    for (id, offer) in &offers {
        let (name, counted) = (id.text(&ctx.chain.prefix), hired.get(id).copied().unwrap_or(0));
        if offer.hired != counted || offer.hired > terms(offer).devices {
            broken.push(format!("offer {name}: {} devices are hired, nodes have {counted}", offer.hired));
        }
    }
    if let Some(id) = hired.keys().find(|id| !offers.iter().any(|(offer, _)| offer == *id)) {
        broken.push(format!("a node has a device of {}, which offers none", id.text(&ctx.chain.prefix)));
    }
    let ready = offers.iter().filter(|(_, offer)| offer.state() == OfferState::Ready).count();
    if LISTED.all(&ctx.state)?.len() != ready {
        broken.push(format!("{ready} offers are ready, and others are listed"));
    }
    let records: Vec<Offer> = offers.into_iter().map(|(_, offer)| offer).collect();
    for (name, state) in CLASSES.all(&ctx.state)? {
        let counted = (state.proved, state.hired, state.claimed);
        let found = class::recount(&records, &name);
        if counted != found {
            broken
                .push(format!("class {name} counts {counted:?} devices proved, hired, claimed; offers give {found:?}"));
        }
    }
    Ok(broken)
}

fn collateral(ctx: &Context, offers: &[(OfferId, Offer)]) -> Result<Vec<String>, Failure> {
    let part = |offer: &Offer| u128::from(offer.collateral).saturating_add(offer.slashed.into());
    let deposits: u128 = APPEALS.all(&ctx.state)?.iter().map(|(_, appeal)| u128::from(appeal.deposit)).sum();
    let sum = offers.iter().map(|(_, offer)| part(offer)).sum::<u128>().saturating_add(deposits);
    let there = bank::balance(ctx, &money::collateral(), &money::denom(ctx)?)?;
    let mut broken = Vec::new();
    if sum != there {
        broken.push(format!("collateral, slashes and deposits are {sum}, their account has {there}"));
    }
    for (id, appeal) in APPEALS.all(&ctx.state)? {
        let blocked = offers.iter().any(|(of, offer)| *of == id && offer.blocked);
        if !blocked || OPEN_APPEALS.has(&ctx.state, &id)? != (appeal.opened_ms > 0) {
            broken.push(format!("the appeal of {} belongs to nothing", id.text(&ctx.chain.prefix)));
        }
    }
    Ok(broken)
}

/// How many devices of each offer live nodes have.
fn clusters(ctx: &Context, broken: &mut Vec<String>) -> Result<BTreeMap<OfferId, u32>, Failure> {
    let mut hired: BTreeMap<OfferId, u32> = BTreeMap::new();
    let (mut running, mut pairs) = (0usize, 0usize);
    for (id, cluster) in CLUSTERS.all(&ctx.state)? {
        let name = id.text(&ctx.chain.prefix);
        if has_ended(&cluster) == billing::is_open(ctx, &id)? {
            broken.push(format!("cluster {name} is {} and its account is not so", cluster.state().as_str_name()));
        }
        running = running.saturating_add(usize::from(!has_ended(&cluster)));
        let offers = nodes(ctx, &id, &cluster, broken)?;
        for (offer, devices) in offers {
            pairs = pairs.saturating_add(1);
            if !BY_OFFER.has(&ctx.state, &(offer, id))? {
                broken.push(format!("cluster {name} is not among those of its offers"));
            }
            let sum = hired.entry(offer).or_insert(0);
            *sum = sum.saturating_add(devices);
        }
    }
    if LIVE.all(&ctx.state)?.len() != running || BY_OFFER.all(&ctx.state)?.len() != pairs {
        broken.push("an index of clusters names what is not there".to_owned());
    }
    for (id, quote) in QUOTES.all(&ctx.state)? {
        if CLUSTERS.has(&ctx.state, &id)? || quote.lines.is_empty() {
            broken.push(format!("quote {} was taken, or has nothing", id.text(&ctx.chain.prefix)));
        }
    }
    Ok(hired)
}

fn nodes(
    ctx: &Context,
    id: &crate::ids::ClusterId,
    cluster: &Cluster,
    broken: &mut Vec<String>,
) -> Result<BTreeMap<OfferId, u32>, Failure> {
    let mut offers: BTreeMap<OfferId, u32> = BTreeMap::new();
    for node in live(cluster) {
        let reference = id.reference(&ctx.chain.prefix, node.number);
        let holds = capacity::held(ctx, MARKET, &reference)?;
        let wanted = match node.source() {
            Source::RenderIdle => capacity::HoldKind::Lent,
            _ => capacity::HoldKind::Firm,
        };
        let firm = holds.iter().filter(|hold| hold.kind() == wanted).count();
        if firm != 1 || holds.len() != 1 {
            broken.push(format!("node {reference} has {} holds, {firm} of the kind that its source has", holds.len()));
        }
        let sum = offers.entry(OfferId::from_wire(ctx, node.offer.as_ref())?).or_insert(0);
        *sum = sum.saturating_add(1);
    }
    Ok(offers)
}
