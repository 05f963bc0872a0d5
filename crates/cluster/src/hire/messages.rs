//! Messages of hires.

use std::collections::BTreeSet;

use ledger::escrow::{self, AccountId, CheckedDeposit};
use ledger::{Context, Failure, MessageRoute, capacity};
use pricing::cluster as rules;
use proto::tetra::cluster::v1::{
    Ask, Cluster, ClusterState, MsgCreateCluster, MsgCreateClusterResponse, MsgExtendCluster, MsgExtendClusterResponse,
    MsgJoinCluster, MsgJoinClusterResponse, MsgReportIdle, MsgReportIdleResponse, MsgReportLoss, MsgReportLossResponse,
    MsgReportReach, MsgReportReachResponse, MsgRequestQuote, MsgRequestQuoteResponse, MsgScaleCluster,
    MsgScaleClusterResponse, MsgStopCluster, MsgStopClusterResponse, Node, NodeState, Source,
};

use super::choice::Chosen;
use super::state::{CLUSTERS, QUOTES, ask, live, node, put, remove_quote, require_live};
use super::{MARKET, ask as asked, formation, loss, nodes, quote, stopping};
use crate::ids::{ClusterId, NodeNumber, OfferId};
use crate::money;
use crate::overlay;
use crate::params::params;
use crate::refusal::hire as refusal;

/// The longest reason of a loss, in bytes.
const LONGEST_REASON: usize = 256;

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgRequestQuote, _>(|m| tenant(m.id.as_ref()), request_quote),
        MessageRoute::new::<MsgCreateCluster, _>(|m| tenant(m.id.as_ref()), create_cluster),
        MessageRoute::new::<MsgScaleCluster, _>(|m| tenant(m.id.as_ref()), scale_cluster),
        MessageRoute::new::<MsgExtendCluster, _>(|m| tenant(m.id.as_ref()), extend_cluster),
        MessageRoute::new::<MsgStopCluster, _>(|m| tenant(m.id.as_ref()), stop_cluster),
        MessageRoute::new::<MsgJoinCluster, _>(|m| m.owner.clone(), join_cluster),
        MessageRoute::new::<MsgReportReach, _>(|m| m.owner.clone(), report_reach),
        MessageRoute::new::<MsgReportLoss, _>(|m| m.owner.clone(), report_loss),
        MessageRoute::new::<MsgReportIdle, _>(|m| m.owner.clone(), report_idle),
    ]
}

fn tenant(id: Option<&proto::tetra::cluster::v1::ClusterId>) -> String {
    id.map(|id| id.tenant.clone()).unwrap_or_default()
}

/// Chooses devices for an ask and keeps them for some blocks.
///
/// # Errors
/// `cluster` 2, 5, 6; `cluster_supply` 5; `capacity` 2; `sdk` 7.
pub fn request_quote(ctx: &mut Context, msg: MsgRequestQuote) -> Result<MsgRequestQuoteResponse, Failure> {
    let id = ClusterId::from_wire(ctx, msg.id.as_ref())?;
    if CLUSTERS.has(&ctx.state, &id)? || QUOTES.has(&ctx.state, &id)? {
        return Err(refusal::used(&id.text(&ctx.chain.prefix)).into());
    }
    let ask = msg.ask.ok_or_else(|| refusal::invalid("what is asked for is missing"))?;
    let quote = quote::hold(ctx, &id, &ask)?;
    Ok(MsgRequestQuoteResponse { quote: Some(quote) })
}

/// Refuses a deposit that does not cover what is to be paid in advance.
fn check_deposit(ctx: &Context, deposit: &CheckedDeposit, wanted: u128) -> Result<(), Failure> {
    let denom = money::denom(ctx)?;
    if deposit.amount.denom != denom {
        return Err(refusal::invalid(format!("devices are hired for {denom}, not for {}", deposit.amount.denom)).into());
    }
    if deposit.amount.amount < wanted {
        return Err(refusal::too_little(deposit.amount.amount, wanted, denom.as_str()).into());
    }
    Ok(())
}

/// Takes a quote: its devices turn firm, all or none, and its fee is paid.
///
/// # Errors
/// `cluster` 2, 4, 7; `capacity` 2 and `cluster` 11 when another took one of its devices; `escrow` 16; `sdk` 5, 7.
pub fn create_cluster(ctx: &mut Context, msg: MsgCreateCluster) -> Result<MsgCreateClusterResponse, Failure> {
    let id = ClusterId::from_wire(ctx, msg.id.as_ref())?;
    let quote = QUOTES.get(&ctx.state, &id)?.filter(|quote| ctx.block.height <= quote.expires_height);
    let quote = quote.ok_or_else(|| refusal::no_quote(&id.text(&ctx.chain.prefix)))?;
    if msg.manifest.len() != 32 {
        return Err(refusal::invalid("a manifest is named by the 32 bytes of its SHA-256").into());
    }
    let deposit = CheckedDeposit::parse(msg.deposit.as_ref())?;
    check_deposit(ctx, &deposit, quote.total.into())?;
    money::send(ctx, &id.tenant, &money::pool(), quote.fee.into())?;
    let account = AccountId::deployment(id.account(&ctx.chain.prefix));
    escrow::create_account(ctx, &account, &id.tenant, &deposit, &id.tenant)?;
    let now = ctx.block.time_ms();
    let mut cluster = Cluster {
        id: msg.id,
        ask: quote.ask.clone(),
        state: ClusterState::Forming.into(),
        manifest: msg.manifest,
        created_ms: now,
        deadline_ms: now.saturating_add(params(ctx)?.formation_ms),
        fee: quote.fee,
        next_number: 1,
        reason: "its nodes start".to_owned(),
        ..Cluster::default()
    };
    for ((line, number), rank) in quote.lines.iter().zip(1..).zip(0..) {
        let (offer, source) = (OfferId::from_wire(ctx, line.offer.as_ref())?, line.source());
        let device = Chosen { offer, price: line.price, source };
        if source == Source::RenderIdle {
            // Nothing was held of it.
            nodes::add(ctx, &id, &mut cluster, rank, &device)?;
            continue;
        }
        let holds = capacity::turn_firm(ctx, MARKET, &id.reference(&ctx.chain.prefix, number))?;
        nodes::seat(ctx, &id, &mut cluster, (number, rank), &device, &holds)?;
    }
    remove_quote(ctx, &id, &quote);
    put(ctx, &id, cluster)?;
    Ok(MsgCreateClusterResponse {})
}

/// Adds nodes at the prices of now, or lets the last ones go. The time that is paid for changes accordingly.
///
/// # Errors
/// `cluster` 2, 3, 6, 8; `capacity` 2; `sdk` 5, 7.
pub fn scale_cluster(ctx: &mut Context, msg: MsgScaleCluster) -> Result<MsgScaleClusterResponse, Failure> {
    let id = ClusterId::from_wire(ctx, msg.id.as_ref())?;
    let (mut cluster, params) = (require_live(ctx, &id)?, params(ctx)?);
    if cluster.formed_ms == 0 {
        return Err(refusal::invalid("it still forms; scale it once it runs").into());
    }
    let ask = ask(&cluster);
    let wanted = Ask { nodes: msg.nodes, ..ask.clone() };
    asked::check(&params, &wanted)?;
    match msg.nodes.checked_sub(ask.nodes) {
        Some(more) => grow(ctx, &id, &mut cluster, more)?,
        None => shrink(ctx, &id, &mut cluster, msg.nodes)?,
    }
    cluster.ask = Some(wanted);
    formation::shorten(ctx, &id, &mut cluster)?;
    put(ctx, &id, cluster)?;
    Ok(MsgScaleClusterResponse {})
}

fn grow(ctx: &mut Context, id: &ClusterId, cluster: &mut Cluster, more: u32) -> Result<(), Failure> {
    let (params, now, asked) = (params(ctx)?, ctx.block.time_ms(), ask(cluster));
    let devices = quote::devices(ctx, &Ask { nodes: more, ..asked.clone() }, &BTreeSet::new())?;
    let left = cluster.ends_ms.saturating_sub(now);
    let (_, total) = quote::costs(devices.iter().map(|device| device.price), left)?;
    let fee = quote::fee(&params, total)?;
    money::send(ctx, &id.tenant, &money::pool(), fee.into())?;
    cluster.fee = cluster.fee.saturating_add(fee);
    for (device, rank) in devices.iter().zip(asked.nodes..) {
        nodes::add(ctx, id, cluster, rank, device)?;
    }
    cluster.deadline_ms = now.saturating_add(params.formation_ms);
    Ok(())
}

fn shrink(ctx: &mut Context, id: &ClusterId, cluster: &mut Cluster, nodes: u32) -> Result<(), Failure> {
    let beyond: Vec<NodeNumber> = live(cluster).filter(|node| node.rank >= nodes).map(|node| node.number).collect();
    for number in beyond {
        nodes::end(ctx, id, cluster, number, (NodeState::Released, "its tenant let it go"))?;
    }
    cluster.vacant.retain(|rank| *rank < nodes);
    formation::settle(cluster);
    Ok(())
}

/// Pays for more time at the prices of the hire.
///
/// # Errors
/// `cluster` 2, 3, 7, 8; `escrow` 5, 16; `sdk` 5, 7.
pub fn extend_cluster(ctx: &mut Context, msg: MsgExtendCluster) -> Result<MsgExtendClusterResponse, Failure> {
    let id = ClusterId::from_wire(ctx, msg.id.as_ref())?;
    let mut cluster = require_live(ctx, &id)?;
    if cluster.formed_ms == 0 {
        return Err(refusal::invalid("it still forms; extend it once it runs").into());
    }
    let ends_ms = cluster.ends_ms.saturating_add(msg.duration_ms);
    let longest = ctx.block.time_ms().saturating_add(asked::LONGEST_MS);
    if msg.duration_ms == 0 || ends_ms > longest {
        return Err(refusal::invalid(format!("it may end {} ms from now at the latest", asked::LONGEST_MS)).into());
    }
    let hourly: u128 = live(&cluster).map(|node| u128::from(node.price)).sum();
    let deposit = CheckedDeposit::parse(msg.deposit.as_ref())?;
    let wanted = rules::cost(hourly, msg.duration_ms);
    check_deposit(ctx, &deposit, wanted.ok_or_else(|| ledger::Rejection::overflow("what this costs"))?)?;
    escrow::deposit_into(ctx, &AccountId::deployment(id.account(&ctx.chain.prefix)), &deposit, &id.tenant)?;
    (cluster.ends_ms, cluster.noticed) = (ends_ms, false);
    formation::shorten(ctx, &id, &mut cluster)?;
    let ends_ms = cluster.ends_ms;
    put(ctx, &id, cluster)?;
    Ok(MsgExtendClusterResponse { ends_ms })
}

/// Ends a cluster, or lets go of a quote; what was not used is given back.
///
/// # Errors
/// `cluster` 2, 3, 8; `sdk` 7.
pub fn stop_cluster(ctx: &mut Context, msg: MsgStopCluster) -> Result<MsgStopClusterResponse, Failure> {
    let id = ClusterId::from_wire(ctx, msg.id.as_ref())?;
    if QUOTES.has(&ctx.state, &id)? {
        quote::drop(ctx, &id)?;
        return Ok(MsgStopClusterResponse {});
    }
    let mut cluster = require_live(ctx, &id)?;
    stopping::stop(ctx, &id, &mut cluster, "its tenant stopped it")?;
    put(ctx, &id, cluster)?;
    Ok(MsgStopClusterResponse {})
}

/// The cluster of a message by the agent of one of its live nodes.
fn of_agent(
    ctx: &Context,
    (owner, host_key): (&str, &[u8]),
    id: Option<&proto::tetra::cluster::v1::ClusterId>,
    number: NodeNumber,
) -> Result<(ClusterId, Cluster, Node), Failure> {
    let offer = OfferId::of(ctx, owner, host_key)?.to_wire(&ctx.chain.prefix);
    let id = ClusterId::from_wire(ctx, id)?;
    let cluster = require_live(ctx, &id)?;
    let found = live(&cluster).find(|node| node.number == number && node.offer.as_ref() == Some(&offer));
    let found = found.cloned().ok_or_else(|| refusal::no_node(number))?;
    Ok((id, cluster, found))
}

/// A node's container is there: its key of the overlay, and where its packets arrive. It may be sent again with other
/// addresses; the key stays.
///
/// # Errors
/// `cluster` 2, 3, 8, 10; `sdk` 7.
pub fn join_cluster(ctx: &mut Context, msg: MsgJoinCluster) -> Result<MsgJoinClusterResponse, Failure> {
    let (id, mut cluster, was) = of_agent(ctx, (&msg.owner, &msg.host_key), msg.id.as_ref(), msg.number)?;
    overlay::check_key(&msg.overlay_key)
        .and_then(|()| overlay::check_endpoints(&msg.endpoints))
        .map_err(refusal::invalid)?;
    if !was.overlay_key.is_empty() && was.overlay_key != msg.overlay_key {
        return Err(refusal::invalid("the node has another key already; a new one is for a new node").into());
    }
    let shared = live(&cluster).any(|other| other.number != msg.number && other.overlay_key == msg.overlay_key);
    if shared {
        return Err(refusal::invalid("another node of the cluster has this key").into());
    }
    if let Some(node) = node(&mut cluster, msg.number) {
        (node.overlay_key, node.endpoints) = (msg.overlay_key, msg.endpoints);
        if node.state() == NodeState::Starting {
            node.set_state(NodeState::Joined);
            super::events::node(ctx, &id, msg.number, NodeState::Joined, "its container is there");
        }
    }
    put(ctx, &id, cluster)?;
    Ok(MsgJoinClusterResponse {})
}

/// Whom a node reaches. Who is reached no more by most of the others is lost.
///
/// # Errors
/// `cluster` 2, 3, 8, 10; `sdk` 7.
pub fn report_reach(ctx: &mut Context, msg: MsgReportReach) -> Result<MsgReportReachResponse, Failure> {
    let (id, mut cluster, was) = of_agent(ctx, (&msg.owner, &msg.host_key), msg.id.as_ref(), msg.number)?;
    if was.state() == NodeState::Starting {
        return Err(refusal::invalid("the node has not joined yet").into());
    }
    let now = ctx.block.time_ms();
    let numbers: BTreeSet<NodeNumber> = live(&cluster).map(|node| node.number).collect();
    let reached: BTreeSet<NodeNumber> = msg.reached.into_iter().collect();
    if let Some(node) = node(&mut cluster, msg.number) {
        formation::note(node, &reached, &numbers, now);
    }
    let lost = formation::lost_to_most(&cluster, now, params(ctx)?.silence_ms);
    if !lost.is_empty() {
        loss::replace(ctx, &id, &mut cluster, &lost)?;
    }
    formation::advance(ctx, &id, &mut cluster)?;
    put(ctx, &id, cluster)?;
    Ok(MsgReportReachResponse {})
}

/// A node is lost by its own agent's word. While the cluster forms, and where it is the asker's own doing, it fails as a whole and
/// the time held is paid; so is the time for which its nodes are kept to be looked at, where its tenant asked for that.
///
/// # Errors
/// `cluster` 2, 3, 8, 10; `sdk` 7.
pub fn report_loss(ctx: &mut Context, msg: MsgReportLoss) -> Result<MsgReportLossResponse, Failure> {
    let (id, mut cluster, _) = of_agent(ctx, (&msg.owner, &msg.host_key), msg.id.as_ref(), msg.number)?;
    if msg.reason.len() > LONGEST_REASON || msg.reason.chars().any(char::is_control) {
        return Err(refusal::invalid(format!("a reason has at most {LONGEST_REASON} readable bytes")).into());
    }
    match msg.asker && cluster.state() == ClusterState::Forming {
        // Another node of it failed as well, before its agent heard that they are kept.
        false if msg.asker && cluster.state() == ClusterState::Kept => {}
        true if ask(&cluster).keep_failed_ms > 0 => stopping::keep(ctx, &id, &mut cluster, &msg.reason)?,
        true => stopping::fail_by_asker(ctx, &id, &mut cluster, &msg.reason)?,
        false => loss::replace(ctx, &id, &mut cluster, &[(msg.number, msg.reason)])?,
    }
    put(ctx, &id, cluster)?;
    Ok(MsgReportLossResponse {})
}

/// Nothing ran for as long as the tenant said, by the word of the head's agent.
///
/// # Errors
/// `cluster` 2, 3, 8, 9, 10; `sdk` 7.
pub fn report_idle(ctx: &mut Context, msg: MsgReportIdle) -> Result<MsgReportIdleResponse, Failure> {
    let (id, mut cluster, node) = of_agent(ctx, (&msg.owner, &msg.host_key), msg.id.as_ref(), msg.number)?;
    if node.rank != 0 {
        return Err(refusal::not_yours("the agent of the head").into());
    }
    let (idle, now) = (ask(&cluster).idle_ms, ctx.block.time_ms());
    if idle == 0 || cluster.formed_ms == 0 || now < cluster.formed_ms.saturating_add(idle) {
        return Err(refusal::invalid("its tenant did not ask for that, or it cannot be idle for so long yet").into());
    }
    stopping::stop(ctx, &id, &mut cluster, &format!("nothing ran on it for {idle} ms"))?;
    put(ctx, &id, cluster)?;
    Ok(MsgReportIdleResponse {})
}
