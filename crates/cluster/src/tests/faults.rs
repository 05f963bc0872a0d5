//! What goes wrong with clusters, and what follows.

use ledger::capacity;
use ledger::testing::ALICE;
use proto::tetra::capacity::v1::{MsgShrinkHost, Resources};
use proto::tetra::cluster::v1::{ClusterState, MsgReportLoss, NodeState, OfferState};

use super::support::{GIB, Net, ask, comes_back, offer_id, owner, why};
use crate::hire::messages as hires;

#[test]
fn a_cluster_that_does_not_form_costs_nothing_but_its_fee() {
    let mut net = Net::new(2);
    let before = [1, 2].map(|number| net.usd(&owner(number)));
    let alice = net.usd(&ALICE);
    let quote = net.quote(1, ask(2)).unwrap();
    net.create(1, quote.total).unwrap();
    // Both agents sleep; there is nobody else.
    net.pass(61);
    let failed = net.cluster(1);
    assert_eq!(failed.state(), ClusterState::Failed);
    assert!(failed.reason.contains("did not join in time"), "{}", failed.reason);
    assert_eq!(net.usd(&ALICE), alice - u128::from(quote.fee));
    assert_eq!([1, 2].map(|number| net.usd(&owner(number))), before);
}

#[test]
fn a_straggler_is_replaced_while_the_cluster_forms() {
    let mut net = Net::new(3);
    let quote = net.quote(1, proto::tetra::cluster::v1::Ask { ceiling: 30_000, ..ask(2) }).unwrap();
    net.create(1, quote.total).unwrap();
    // The first joins, the second does not.
    let first = net.nodes(1)[0].clone();
    let offer = first.offer.clone().unwrap();
    let msg = proto::tetra::cluster::v1::MsgJoinCluster {
        owner: offer.owner,
        host_key: offer.host_key,
        id: net.id(1),
        number: first.number,
        overlay_key: [vec![1], vec![7; 31]].concat(),
        endpoints: Vec::new(),
    };
    net.run(hires::join_cluster, msg).unwrap();
    net.pass(61);
    let cluster = net.cluster(1);
    assert_eq!(cluster.state(), ClusterState::Forming);
    let offers: Vec<_> = net.nodes(1).into_iter().map(|node| node.offer.unwrap().owner).collect();
    assert_eq!(offers, [1, 3].map(|number| net.ctx.text(&owner(number))), "the third stands in for the second");
    net.join_all(1);
    net.reach_all(1);
    assert_eq!(net.cluster(1).state(), ClusterState::Running);
}

#[test]
fn a_replacement_has_its_time_while_another_place_waits_for_a_device() {
    let mut net = Net::new(4);
    net.running(1, proto::tetra::cluster::v1::Ask { ceiling: 30_000, pack: false, ..ask(3) });
    // Everything else is taken, so that one place is filled and the other waits.
    net.quote(2, proto::tetra::cluster::v1::Ask { ceiling: 30_000, ..ask(4) }).unwrap();
    net.create(2, 200_000).unwrap();
    for rank in [1, 2] {
        let node = net.nodes(1).into_iter().find(|node| node.rank == rank).unwrap();
        let offer = node.offer.unwrap();
        let (id, number, reason) = (net.id(1), node.number, "its container was killed".to_owned());
        let msg = MsgReportLoss { owner: offer.owner, host_key: offer.host_key, id, number, reason, asker: false };
        net.run(hires::report_loss, msg).unwrap();
    }
    let starting = |net: &Net| net.nodes(1).iter().filter(|node| node.state() == NodeState::Starting).count();
    let before = (starting(&net), net.cluster(1).vacant.len());
    assert_eq!(before.0 + before.1, 2);
    // Each look at the waiting place comes after ten seconds; nobody who starts is lost by it.
    net.pass(35);
    let lost = net.cluster(1).nodes.iter().filter(|node| node.state() == NodeState::Lost).count();
    assert_eq!(lost, 2, "{:#?}", net.cluster(1));
}

#[test]
fn an_image_that_does_not_start_costs_its_asker_the_time_held() {
    let mut net = Net::new(2);
    let before = net.usd(&owner(2));
    let quote = net.quote(1, ask(2)).unwrap();
    net.create(1, quote.total).unwrap();
    net.pass(18);
    let node = net.nodes(1)[0].clone();
    let offer = node.offer.unwrap();
    let msg = MsgReportLoss {
        owner: offer.owner,
        host_key: offer.host_key,
        id: net.id(1),
        number: node.number,
        reason: "image shop:v9 is not there".to_owned(),
        asker: true,
    };
    net.run(hires::report_loss, msg).unwrap();
    let failed = net.cluster(1);
    assert_eq!((failed.state(), failed.reason.as_str()), (ClusterState::Failed, "image shop:v9 is not there"));
    // 18 of 3,600 seconds of 22,000, less a take of 20 %.
    assert_eq!(net.usd(&owner(2)) - before, 110 - 22);
}

#[test]
fn failed_nodes_are_kept_to_be_looked_at_and_paid_for_as_long_as_their_asker_wished() {
    let mut net = Net::new(3);
    let wish = proto::tetra::cluster::v1::Ask { keep_failed_ms: 30_000, ..ask(2) };
    let quote = net.quote(1, wish).unwrap();
    net.create(1, quote.total).unwrap();
    net.pass(10);
    let before = [1, 2].map(|number| net.usd(&owner(number)));
    let node = net.nodes(1)[1].clone();
    let offer = node.offer.clone().unwrap();
    let lost = |asker| MsgReportLoss {
        owner: offer.owner.clone(),
        host_key: offer.host_key.clone(),
        id: net.id(1),
        number: node.number,
        reason: "exec: no such file".to_owned(),
        asker,
    };
    let (first, second, third) = (lost(true), lost(true), lost(false));
    net.run(hires::report_loss, first).unwrap();
    let kept = net.cluster(1);
    assert_eq!(kept.state(), ClusterState::Kept);
    assert!(kept.reason.contains("kept to be looked at") && kept.reason.contains("no such file"), "{}", kept.reason);
    assert!(net.nodes(1).iter().all(|node| node.state() == NodeState::Running));
    // Another failure of the same is no news; an agent that cannot keep one lets it go, and nothing takes its place.
    net.run(hires::report_loss, second).unwrap();
    assert_eq!(net.nodes(1).len(), 2);
    net.pass(10);
    net.run(hires::report_loss, third).unwrap();
    assert_eq!((net.nodes(1).len(), net.cluster(1).vacant.len()), (1, 0));
    net.pass(25);
    let ended = net.cluster(1);
    assert_eq!((ended.state(), ended.ended_ms - kept.ends_ms), (ClusterState::Stopped, 0));
    // Both for ten seconds that they were held; then the first for thirty, the second for ten; less a take of 20 %.
    let earned = [1, 2].map(|number| net.usd(&owner(number)));
    let wanted = [21_000u128 * 40 * 8 / 36_000, 22_000u128 * 20 * 8 / 36_000];
    for ((earned, before), wanted) in earned.into_iter().zip(before).zip(wanted) {
        assert!((earned - before).abs_diff(wanted) <= 2, "{} of {wanted}", earned - before);
    }
}

#[test]
fn who_takes_a_device_back_mid_hire_pays_for_it() {
    let mut net = Net::new(3);
    net.running(1, ask(2));
    net.pass(30);
    let alice = net.usd(&ALICE);
    let id = offer_id(1).to_wire(&net.ctx.chain.prefix);
    let offered = Some(Resources { cpu_milli: 500, memory: GIB, storage: GIB, devices: Vec::new() });
    let msg = MsgShrinkHost { owner: id.owner, host_key: id.host_key, offered };
    net.run(capacity::messages::shrink_host, msg).unwrap();
    let cluster = net.cluster(1);
    let lost = cluster.nodes.iter().find(|node| node.state() == NodeState::Lost).unwrap();
    assert_eq!(lost.reason, "its supplier took the device back");
    assert_eq!(net.usd(&ALICE), alice + 21_000, "an hour of its price, out of the collateral");
    assert_eq!(net.of(1).collateral, 2_000_000 - 21_000);
    assert_ne!(net.state(1), OfferState::Ready);
}

#[test]
fn a_node_that_most_reach_no_more_is_lost_and_the_pair_is_named() {
    let mut net = Net::new(3);
    net.running(1, ask(3));
    let nodes = net.nodes(1);
    // A partition: nodes 1 and 2 on one side, 3 on the other.
    let sides = |number: u32| if number == 3 { vec![3] } else { vec![1, 2] };
    for node in &nodes {
        net.reach(1, node, &sides(node.number)).unwrap();
    }
    assert_eq!(net.cluster(1).state(), ClusterState::Running);
    let noted = net.nodes(1)[0].unreached.clone();
    assert_eq!(noted[0].number, 3);
    net.pass(25);
    let refused = nodes.iter().map(|node| net.reach(1, node, &sides(node.number))).collect::<Vec<_>>();
    assert!(refused[..2].iter().all(Result::is_ok));
    let cluster = net.cluster(1);
    let lost = cluster.nodes.iter().find(|node| node.number == 3).unwrap();
    assert_eq!((lost.state(), lost.reason.as_str()), (NodeState::Lost, "nodes 1, 2 reach it no more"));
    assert!(net.nodes(1).iter().any(|node| node.number == 1) && net.nodes(1).iter().any(|node| node.number == 2));
}

#[test]
fn of_two_nodes_that_lose_each_other_the_head_stays() {
    let mut net = Net::new(2);
    net.running(1, ask(2));
    for _ in 0..2 {
        for node in net.nodes(1) {
            let number = node.number;
            let _ = net.reach(1, &node, &[number]);
        }
        net.pass(25);
    }
    let nodes = net.nodes(1);
    assert!(nodes.iter().any(|node| node.rank == 0 && node.number == 1), "{nodes:?}");
    let cluster = net.cluster(1);
    assert_eq!(cluster.nodes.iter().find(|node| node.number == 2).unwrap().state(), NodeState::Lost);
}

#[test]
fn agents_speak_for_their_own_nodes_alone() {
    let mut net = Net::new(2);
    net.running(1, ask(2));
    let mut nodes = net.nodes(1);
    let (first, second) = (nodes[0].offer.clone(), nodes[1].number);
    nodes[0].number = second;
    nodes[0].offer = first;
    let forged = nodes[0].clone();
    assert!(why(net.reach(1, &forged, &[1, 2])).contains("no live node 2 of this offer"));
}

#[test]
fn a_genesis_brings_back_the_same_market() {
    let mut net = Net::new(3);
    net.running(1, ask(2));
    net.quote(2, ask(1)).unwrap();
    net.pass(30);
    comes_back(&net);
}
