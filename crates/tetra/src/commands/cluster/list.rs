//! `tetra cluster list`, `show`, `nodes` and `offers`.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::tetra::cluster::v1 as wire;
use serde_json::{Value, json};

use super::ask::{has_ended, is_live};
use super::names::{ClusterName, duration, lease, lease_data, offer, short, source, time};
use super::reach::Reach;
use crate::chain::Chain;
use crate::context::Context;
use crate::error::Result;
use crate::output::{self, row};

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Those that have ended too
    #[arg(long)]
    all: bool,
    /// Everybody's
    #[arg(long)]
    everybody: bool,
}

/// Arguments of `show` and `nodes`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// The cluster: a number of yours, or TENANT/NUMBER
    cluster: ClusterName,
}

/// Arguments of `offers`.
#[derive(Debug, clap::Args)]
pub struct Offers {
    /// Only of this class
    #[arg(long, default_value = "", value_name = "CLASS")]
    class: String,
}

/// Such as `running`.
pub fn state(cluster: &wire::Cluster) -> String {
    short(cluster.state().as_str_name(), "CLUSTER_STATE_")
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// What a node cost until now or its end, in base units, rounded down; the chain's bill has every fraction.
fn cost(node: &wire::Node, now: u64) -> u64 {
    if node.paid_from_ms == 0 {
        return 0;
    }
    let until = if node.ended_ms > 0 { node.ended_ms } else { now };
    let ms = u128::from(until.saturating_sub(node.paid_from_ms));
    u64::try_from(u128::from(node.price) * ms / 3_600_000).unwrap_or(u64::MAX)
}

fn node_data(node: &wire::Node, now: u64) -> Value {
    let id = node.offer.clone().unwrap_or_default();
    json!({
        "number": node.number, "rank": node.rank, "supplier": id.owner, "host_key": hex::encode(id.host_key),
        "source": source(node.source()), "state": short(node.state().as_str_name(), "NODE_STATE_"),
        "address": mesh_address(node.number), "endpoints": node.endpoints, "price_per_hour": node.price.to_string(),
        "reached": node.reached,
        "unreached": node.unreached.iter().map(|pair| json!({ "number": pair.number, "since": time(pair.since_ms) })).collect::<Vec<_>>(),
        "reserved": time(node.since_ms), "paid_from": time(node.paid_from_ms), "ended": time(node.ended_ms),
        "paid_from_ms": node.paid_from_ms, "ended_ms": node.ended_ms,
        "cost": cost(node, now).to_string(), "reason": node.reason,
    })
}

fn mesh_address(number: u32) -> String {
    let [.., high, low] = number.to_be_bytes();
    format!("100.127.{high}.{low}")
}

/// A cluster as programs read it.
pub fn data(cluster: &wire::Cluster) -> Value {
    let id = cluster.id.clone().unwrap_or_default();
    let ask = cluster.ask.clone().unwrap_or_default();
    let now = now_ms();
    let nodes: Vec<Value> = cluster.nodes.iter().map(|node| node_data(node, now)).collect();
    let cost: u64 = cluster.nodes.iter().map(|node| cost(node, now)).sum();
    json!({
        "tenant": id.tenant, "cseq": id.cseq, "state": state(cluster), "reason": cluster.reason,
        "kind": short(ask.kind().as_str_name(), "CLUSTER_KIND_"), "class": ask.class, "wanted": ask.nodes,
        "created": time(cluster.created_ms), "formed": time(cluster.formed_ms), "ends": time(cluster.ends_ms),
        "ended": time(cluster.ended_ms), "reservation_fee": cluster.fee.to_string(), "cost": cost.to_string(),
        "replaced": cluster.replaced, "nodes": nodes,
    })
}

/// Runs `list`.
///
/// # Errors
/// When the node does not answer.
pub async fn list(context: &Context, args: List) -> Result {
    let chain = context.chain().await?;
    let tenant = if args.everybody { String::new() } else { chain.prefix().text(&context.own_address()?) };
    let clusters = chain.clusters(&tenant, !args.all).await?;
    let data: Vec<Value> = clusters.iter().map(data).collect();
    output::show(context.format(), &data, |_| {
        if clusters.is_empty() {
            let more = if args.all { "" } else { " that live; --all shows those that have ended" };
            return format!("no clusters{more}");
        }
        let now = now_ms();
        let line = |cluster: &wire::Cluster| {
            let (id, ask) = (cluster.id.clone().unwrap_or_default(), cluster.ask.clone().unwrap_or_default());
            let live = cluster.nodes.iter().filter(|node| is_live(node)).count();
            let left = cluster.ends_ms.checked_sub(now).filter(|_| !has_ended(cluster));
            row([
                &id.cseq.to_string(),
                &state(cluster),
                &short(ask.kind().as_str_name(), "CLUSTER_KIND_"),
                &format!("{live} of {}", ask.nodes),
                &left.map(duration).unwrap_or_default(),
                &cluster.reason,
            ])
        };
        let head = row(["CLUSTER", "STATE", "KIND", "NODES", "TIME LEFT", "WHY"]);
        output::table(&std::iter::once(head).chain(clusters.iter().map(line)).collect::<Vec<_>>())
    })
}

/// Runs `show`.
///
/// # Errors
/// When there is no such cluster.
pub async fn show(context: &Context, args: Show) -> Result {
    let chain = context.chain().await?;
    let cluster = chain.cluster(&args.cluster.id(context, &chain)?).await?;
    let denom = chain.cluster_params().await?.denom;
    let text = text(&chain, &denom, &cluster)?;
    output::show(context.format(), &data(&cluster), |_| text)
}

fn text(chain: &Chain, denom: &str, cluster: &wire::Cluster) -> Result<String> {
    let (ask, now) = (cluster.ask.clone().unwrap_or_default(), now_ms());
    let mut rows = vec![
        row(["state", &format!("{}: {}", state(cluster), cluster.reason)]),
        row(["kind", &short(ask.kind().as_str_name(), "CLUSTER_KIND_")]),
        row(["nodes", &format!("{} of class {}", ask.nodes, ask.class)]),
    ];
    if let Some(left) = cluster.ends_ms.checked_sub(now).filter(|_| !has_ended(cluster)) {
        rows.push(row(["ends", &format!("in {}", duration(left))]));
    }
    let cost: u64 = cluster.nodes.iter().map(|node| cost(node, now)).sum();
    rows.push(row(["cost so far", &chain.money(denom, cost)?]));
    rows.push(row(["reservation", &chain.money(denom, cluster.fee)?]));
    let mut nodes = vec![row(["NODE", "RANK", "STATE", "ADDRESS", "SOURCE", "PER HOUR", "COST", "SUPPLIER", "WHY"])];
    for node in &cluster.nodes {
        nodes.push(row([
            &node.number.to_string(),
            &node.rank.to_string(),
            &short(node.state().as_str_name(), "NODE_STATE_"),
            &mesh_address(node.number),
            &source(node.source()),
            &chain.money(denom, node.price)?,
            &chain.money(denom, self::cost(node, now))?,
            &offer(node.offer.as_ref()),
            &node.reason,
        ]));
    }
    Ok(format!("{}\n\n{}", output::table(&rows), output::table(&nodes)))
}

/// Runs `nodes`: what the chain and the agents say of each node.
///
/// # Errors
/// When there is no such cluster.
pub async fn nodes(context: &Context, args: Show) -> Result {
    let reach = Reach::of(context, &args.cluster).await?;
    let now = now_ms();
    let mut reports = Vec::new();
    for (owner, gateway) in reach.gateways().await? {
        match gateway.cluster_nodes(&reach.path).await {
            Ok(found) => reports.extend(found),
            Err(error) => output::hint(&format!("{owner} says nothing of its nodes: {error}")),
        }
    }
    let mut data = Vec::new();
    let mut rows = vec![row(["RANK", "ADDRESS", "STATE", "AGENT SAYS", "REACHES", "NOT SINCE"])];
    for node in reach.nodes() {
        let report = reports.iter().find(|report| report.number == node.number);
        let mut one = node_data(node, now);
        if let Some(object) = one.as_object_mut() {
            object.insert("agent".to_owned(), json!(report));
        }
        data.push(one);
        let numbers = |numbers: Vec<u32>| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let lost: Vec<String> = node
            .unreached
            .iter()
            .map(|pair| format!("{} {}", pair.number, time(pair.since_ms).unwrap_or_default()))
            .collect();
        let said = report.map_or_else(
            || "nothing".to_owned(),
            |report| report.problem.clone().unwrap_or_else(|| report.state.clone()),
        );
        rows.push(row([
            &node.rank.to_string(),
            &mesh_address(node.number),
            &short(node.state().as_str_name(), "NODE_STATE_"),
            &said,
            &numbers(node.reached.clone()),
            &lost.join("; "),
        ]));
    }
    output::show(context.format(), &data, |_| output::table(&rows))
}

/// Runs `offers`.
///
/// # Errors
/// When the node does not answer.
pub async fn offers(context: &Context, args: Offers) -> Result {
    let chain = context.chain().await?;
    let denom = chain.cluster_params().await?.denom;
    let (classes, offers) = (chain.cluster_classes().await?, chain.cluster_offers(&args.class).await?);
    let classes: Vec<&wire::ClassState> =
        classes.iter().filter(|class| args.class.is_empty() || class.name == args.class).collect();
    let class_data = |class: &&wire::ClassState| {
        json!({
            "class": class.name, "price_per_hour": class.price.to_string(), "proved": class.proved,
            "hired": class.hired, "claimed": class.claimed,
        })
    };
    let offer_data = |offer: &wire::Offer| {
        let (id, terms) = (offer.id.clone().unwrap_or_default(), offer.terms.clone().unwrap_or_default());
        let each = terms.each.clone().unwrap_or_default();
        json!({
            "supplier": id.owner, "host_key": hex::encode(id.host_key), "class": terms.class, "devices": terms.devices,
            "hired": offer.hired, "state": short(offer.state().as_str_name(), "OFFER_STATE_"), "reason": offer.reason,
            "source": source(offer.source()), "lease": lease_data(terms.lease.as_ref()), "kind": kind(&terms), "region": terms.region,
            "cpu_milli": each.cpu_milli, "memory": each.memory, "storage": each.storage, "floor": terms.floor.to_string(),
            "proved_round": offer.proved_round, "tried_round": offer.tried_round, "slashed": offer.slashed.to_string(), "proved_in_ms": offer.proved_in_ms, "fresh_until": time(offer.fresh_until_ms),
            "collateral": offer.collateral.to_string(), "tier": line(offer),
        })
    };
    let data = json!({
        "denom": denom,
        "classes": classes.iter().map(class_data).collect::<Vec<_>>(),
        "offers": offers.iter().map(offer_data).collect::<Vec<_>>(),
    });
    let mut first = vec![row(["CLASS", "PER HOUR", "PROVED", "HIRED", "CLAIMED ONLY"])];
    for class in &classes {
        first.push(row([
            &class.name,
            &chain.money(&denom, class.price)?,
            &class.proved.to_string(),
            &class.hired.to_string(),
            &class.claimed.to_string(),
        ]));
    }
    let mut second = vec![row(["SUPPLIER", "SOURCE", "KIND", "CLASS", "FREE", "STATE", "LINE", "FLOOR", "LAST PROOF"])];
    for one in &offers {
        let terms = one.terms.clone().unwrap_or_default();
        let proof = match one.proved_round {
            _ if one.tried_round == 0 || one.blocked => one.reason.clone(),
            round => format!("round {round}, in {} ms", one.proved_in_ms),
        };
        second.push(row([
            &offer(one.id.as_ref()),
            &format!("{}{}", source(one.source()), lease(terms.lease.as_ref())),
            &kind(&terms),
            &terms.class,
            &format!("{} of {}", terms.devices.saturating_sub(one.hired), terms.devices),
            &short(one.state().as_str_name(), "OFFER_STATE_"),
            &line(one),
            &chain.money(&denom, terms.floor)?,
            &proof,
        ]));
    }
    output::show(context.format(), &data, |_| format!("{}\n\n{}", output::table(&first), output::table(&second)))
}

/// Whose machine its owner says that it is.
fn kind(terms: &wire::OfferTerms) -> String {
    short(terms.kind().as_str_name(), "SUPPLIER_KIND_")
}

/// The connectivity that an offer's owner measured.
fn line(offer: &wire::Offer) -> String {
    match offer.tier() {
        wire::Tier::Unspecified => "unmeasured".to_owned(),
        tier => short(tier.as_str_name(), "TIER_"),
    }
}
