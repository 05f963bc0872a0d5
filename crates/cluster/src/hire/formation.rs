//! When nodes count as one cluster, and who is to blame when they do not.
//!
//! A node reaches another when a packet came back through the overlay. Nodes say whom they reach, themselves included; billing
//! begins in the block in which everyone reaches everyone.

use std::collections::BTreeSet;

use ledger::{Context, Failure};
use proto::tetra::cluster::v1::{Cluster, ClusterState, Node, NodeState, Unreached};

use super::state::{ask, is_live, live};
use super::{billing, events};
use crate::ids::{ClusterId, NodeNumber};

fn is_there(node: &Node) -> bool {
    matches!(node.state(), NodeState::Joined | NodeState::Running)
}

/// Whether two nodes reach each other, and themselves.
fn mutual(a: &Node, b: &Node) -> bool {
    let reaches = |from: &Node, to: &Node| from.reached.contains(&to.number);
    reaches(a, b) && reaches(b, a) && reaches(a, a) && reaches(b, b)
}

/// Whether all places are taken and everyone reaches everyone.
pub fn is_formed(cluster: &Cluster) -> bool {
    let nodes: Vec<&Node> = live(cluster).collect();
    let all = nodes.iter().all(|a| is_there(a) && nodes.iter().all(|b| mutual(a, b)));
    cluster.vacant.is_empty() && !nodes.is_empty() && all
}

/// The nodes that may be paid from now on: all of a cluster that forms, or single ones that joined one that runs.
fn ready(cluster: &Cluster) -> Vec<NodeNumber> {
    let joined = || live(cluster).filter(|node| node.state() == NodeState::Joined);
    if cluster.state() == ClusterState::Forming {
        return if is_formed(cluster) { joined().map(|node| node.number).collect() } else { Vec::new() };
    }
    let running: Vec<&Node> = live(cluster).filter(|node| node.state() == NodeState::Running).collect();
    joined()
        .filter(|node| running.iter().all(|other| mutual(node, other)) && mutual(node, node))
        .map(|node| node.number)
        .collect()
}

/// Takes note of whom a node reaches. Whom it reached before and reaches no more is noted with the time.
pub(super) fn note(node: &mut Node, reached: &BTreeSet<NodeNumber>, live: &BTreeSet<NodeNumber>, now: u64) {
    for number in &node.reached {
        let known = node.unreached.iter().any(|unreached| unreached.number == *number);
        if live.contains(number) && !reached.contains(number) && !known {
            node.unreached.push(Unreached { number: *number, since_ms: now });
        }
    }
    node.unreached.retain(|unreached| live.contains(&unreached.number) && !reached.contains(&unreached.number));
    node.reached = reached.intersection(live).copied().collect();
}

/// The running nodes that more than half of the other running ones reach no more since `silence` milliseconds, with the pairs: a
/// minority cut off from the rest is found by the rest, and of two the head stays.
pub fn lost_to_most(cluster: &Cluster, now: u64, silence: u64) -> Vec<(NodeNumber, String)> {
    let running: Vec<&Node> = live(cluster).filter(|node| node.state() == NodeState::Running).collect();
    let mut found = Vec::new();
    for node in &running {
        let sees_it_no_more = |other: &&&Node| {
            let lost = |unreached: &Unreached| {
                unreached.number == node.number && now >= unreached.since_ms.saturating_add(silence)
            };
            other.number != node.number && other.unreached.iter().any(lost)
        };
        let by: Vec<String> = running.iter().filter(sees_it_no_more).map(|other| other.number.to_string()).collect();
        let others = running.len().saturating_sub(1);
        let tie = by.len() == 1 && others == 1 && node.rank == 0;
        if by.len().saturating_mul(2) > others && !tie {
            found.push((node.number, format!("nodes {} reach it no more", by.join(", "))));
        }
    }
    found
}

/// Who keeps a cluster from forming for longer than `formation_ms`: those that never joined; else whom fewest reach, with the pair.
pub fn stragglers(cluster: &Cluster, now: u64, formation_ms: u64) -> Vec<(NodeNumber, String)> {
    let nodes: Vec<&Node> = live(cluster).collect();
    let is_over = |node: &Node| now >= node.since_ms.saturating_add(formation_ms);
    let late = nodes.iter().filter(|node| node.state() == NodeState::Starting && is_over(node));
    let late: Vec<(NodeNumber, String)> =
        late.map(|node| (node.number, "it did not join in time".to_owned())).collect();
    if !late.is_empty() {
        return late;
    }
    let missing = |node: &Node| nodes.iter().filter(|other| !mutual(node, other)).count();
    let joined = |node: &&&Node| node.state() == NodeState::Joined && is_over(node);
    let worst = nodes.iter().filter(joined).filter(|node| missing(node) > 0);
    let worst = worst.max_by_key(|node| (missing(node), node.rank));
    let pair = |node: &&&Node| {
        let other = nodes.iter().find(|other| !mutual(node, other)).map_or(node.number, |other| other.number);
        (node.number, format!("nodes {} and {other} do not reach each other", node.number))
    };
    worst.as_ref().map(pair).into_iter().collect()
}

/// Lets nodes that are ready be paid, and brings the cluster into the state that follows.
///
/// # Errors
/// When the state fails.
pub(super) fn advance(ctx: &mut Context, id: &ClusterId, cluster: &mut Cluster) -> Result<(), Failure> {
    let now = ctx.block.time_ms();
    let ready = ready(cluster);
    for number in &ready {
        let Some(node) = cluster.nodes.iter_mut().find(|node| node.number == *number && is_live(node)) else {
            continue;
        };
        node.set_state(NodeState::Running);
        node.paid_from_ms = now;
        let node = node.clone();
        billing::begin(ctx, id, &node)?;
        events::node(ctx, id, *number, NodeState::Running, "all others are reached");
    }
    if ready.is_empty() {
        return Ok(());
    }
    if cluster.formed_ms == 0 {
        (cluster.formed_ms, cluster.ends_ms) = (now, now.saturating_add(ask(cluster).duration_ms));
        billing::share_fee(ctx, cluster)?;
    }
    shorten(ctx, id, cluster)?;
    settle(cluster);
    Ok(())
}

/// The state that follows from the nodes of a cluster that formed once.
pub(super) fn settle(cluster: &mut Cluster) {
    let whole = cluster.vacant.is_empty() && live(cluster).all(|node| node.state() == NodeState::Running);
    if whole {
        cluster.deadline_ms = 0;
        cluster.set_state(ClusterState::Running);
        cluster.reason = "all nodes reach each other".to_owned();
    }
}

/// A cluster ends at the latest when its funds do.
///
/// # Errors
/// When the state fails.
pub(super) fn shorten(ctx: &mut Context, id: &ClusterId, cluster: &mut Cluster) -> Result<(), Failure> {
    if let Some(covered) = billing::covered_ms(ctx, id, cluster)? {
        cluster.ends_ms = cluster.ends_ms.min(ctx.block.time_ms().saturating_add(covered));
    }
    Ok(())
}
