//! A cluster from the first device on offer to its bill.

use ledger::testing::ALICE;
use proto::tetra::cluster::v1::{
    ClusterState, MsgExtendCluster, MsgReportIdle, MsgScaleCluster, MsgStopCluster, NodeState, OfferState,
    QueryQuoteRequest,
};

use super::support::{Net, ask, deposit_of, offer_id, owner, why};
use crate::hire::messages as hires;
use crate::{hire, money};

#[test]
fn three_suppliers_are_hired_form_work_and_are_paid_for_what_they_worked() {
    let mut net = Net::new(3);
    let (alice, pool) = (net.usd(&ALICE), net.usd(&money::pool()));
    let quote = net.quote(1, ask(3)).unwrap();
    // Floors of 21, 22 and 23 thousand lie above the class's price of 20 thousand.
    assert_eq!((quote.hourly, quote.total, quote.fee), (66_000, 66_000, 165));
    net.create(1, quote.total).unwrap();
    assert_eq!(net.cluster(1).state(), ClusterState::Forming);
    assert_eq!(net.usd(&ALICE), alice - 66_000 - 165);
    assert_eq!(net.usd(&money::pool()), pool + 165);

    // Nothing is billed while it forms.
    net.pass(20);
    net.join_all(1);
    net.pass(5);
    net.reach_all(1);
    let formed = net.cluster(1);
    assert_eq!(formed.state(), ClusterState::Running);
    assert!(formed.nodes.iter().all(|node| node.state() == NodeState::Running && node.fence > 0));

    net.pass(360);
    let before: Vec<u128> = (1..=3).map(|number| net.usd(&owner(number))).collect();
    let id = net.id(1);
    net.run(hires::stop_cluster, MsgStopCluster { id }).unwrap();
    // A tenth of an hour each, less a take of 20 %, whole base units.
    let paid: Vec<u128> = (1u16..=3).zip(before).map(|(number, before)| net.usd(&owner(number)) - before).collect();
    assert_eq!(paid, [2_100 - 419, 2_200 - 439, 2_300 - 459].map(|net: u128| net - 1));
    let spent = alice - net.usd(&ALICE);
    assert_eq!(spent, 165 + 6_600);
    assert_eq!(net.cluster(1).state(), ClusterState::Stopped);
    assert!((1..=3).all(|number| net.of(number).hired == 0));
}

#[test]
fn a_quote_says_why_others_are_not_in_it_and_holds_for_its_blocks() {
    let mut net = Net::new(3);
    let asked = proto::tetra::cluster::v1::Ask { ceiling: 22_500, ..ask(2) };
    let request = QueryQuoteRequest { ask: Some(asked.clone()) };
    let shown = hire::queries::quote(&net.ctx, request).unwrap();
    assert_eq!(shown.quote.as_ref().unwrap().hourly, 43_000);
    let reasons: Vec<&str> = shown.excluded.iter().map(|excluded| excluded.reason.as_str()).collect();
    assert_eq!(reasons, ["it costs 23000 an hour, above the ceiling"]);
    let many = QueryQuoteRequest { ask: Some(ask(7)) };
    let refused = hire::queries::quote(&net.ctx, many).unwrap();
    assert!(refused.quote.is_none() && refused.refusal.contains("6 of 7 devices are there"), "{}", refused.refusal);

    let quote = net.quote(1, asked).unwrap();
    assert!(why(net.create(1, quote.total - 1)).contains("does not cover the whole time"));
    net.pass(61);
    assert!(why(net.create(1, quote.total)).contains("its blocks are over"));
}

#[test]
fn two_quotes_for_the_last_device_race_and_the_second_takes_the_next_offer() {
    let mut net = Net::new(2);
    let (first, second) = (net.quote(1, ask(4)).unwrap(), net.quote(2, ask(1)).unwrap());
    net.create(1, first.total).unwrap();
    let alice = net.usd(&ALICE);
    // The host has more room than what is on offer, but the device is hired.
    let refused = why(net.create(2, second.total));
    assert!(refused.contains("capacity gone"), "{refused}");
    assert_eq!(net.usd(&ALICE), alice, "its deposit and its fee came back");
    assert!(why(net.quote(3, ask(1))).contains("0 of 1 devices"));
    assert_eq!(net.state(1), OfferState::Hired);
}

#[test]
fn a_lost_worker_is_replaced_and_not_billed_while_gone() {
    let mut net = Net::new(4);
    let cluster = net.running(1, proto::tetra::cluster::v1::Ask { ceiling: 24_000, ..ask(3) });
    net.pass(100);
    let worker = cluster.nodes.iter().find(|node| node.rank == 2).unwrap().clone();
    let before = net.usd(&owner(3));
    net.alive.remove(&3);
    net.pass(40);
    // Its agent is silent: it is lost, and paid to the block in which that was known.
    assert_eq!(net.state(3), OfferState::Inactive);
    let degraded = net.cluster(1);
    assert_eq!(degraded.state(), ClusterState::Degraded);
    let lost = degraded.nodes.iter().find(|node| node.number == worker.number).unwrap().clone();
    assert_eq!(lost.state(), NodeState::Lost);
    assert!(net.usd(&owner(3)) > before);
    let replacement = degraded.nodes.iter().find(|node| node.number == 4).unwrap();
    assert_eq!((replacement.rank, replacement.state(), replacement.price), (2, NodeState::Starting, 24_000));
    net.pass(10);
    net.join_all(1);
    net.reach_all(1);
    let whole = net.cluster(1);
    assert_eq!(whole.state(), ClusterState::Running);
    let replacement = whole.nodes.iter().find(|node| node.number == 4).unwrap();
    assert!(replacement.paid_from_ms > lost.ended_ms, "the gap is billed to nobody");
}

#[test]
fn the_place_of_a_lost_head_is_taken_by_another() {
    let mut net = Net::new(4);
    net.offer(4, super::support::terms(20_000)).unwrap();
    net.round(&[]);
    let cluster = net.running(1, ask(3));
    let head = cluster.nodes.iter().find(|node| node.rank == 0).unwrap();
    let offer = head.offer.clone().unwrap();
    let msg = proto::tetra::cluster::v1::MsgReportLoss {
        owner: offer.owner,
        host_key: offer.host_key,
        id: net.id(1),
        number: head.number,
        reason: "its container was killed".to_owned(),
        asker: false,
    };
    net.run(hires::report_loss, msg).unwrap();
    let nodes = net.nodes(1);
    let new = nodes.iter().find(|node| node.rank == 0).unwrap();
    assert_eq!((new.number, new.state()), (4, NodeState::Starting));
    net.join_all(1);
    net.reach_all(1);
    assert_eq!(net.cluster(1).state(), ClusterState::Running);
}

#[test]
fn a_cluster_grows_shrinks_is_extended_and_ends_when_its_time_is_over() {
    let mut net = Net::new(4);
    let alice = net.usd(&ALICE);
    let cluster = net.running(1, ask(2));
    let id = net.id(1);
    let extend = MsgExtendCluster { id: id.clone(), duration_ms: 600_000, deposit: deposit_of(7_200) };
    let ends = net.run(hires::extend_cluster, extend).unwrap().ends_ms;
    assert_eq!(ends, cluster.ends_ms + 600_000);
    net.run(hires::scale_cluster, MsgScaleCluster { id: id.clone(), nodes: 4 }).unwrap();
    // The money is for two: with four it ends in about half the time.
    assert!(net.cluster(1).ends_ms < cluster.ends_ms);
    net.join_all(1);
    net.reach_all(1);
    assert_eq!(net.nodes(1).iter().filter(|node| node.state() == NodeState::Running).count(), 4);
    net.pass(60);
    net.run(hires::scale_cluster, MsgScaleCluster { id, nodes: 1 }).unwrap();
    assert_eq!(net.nodes(1).len(), 1);
    assert_eq!(net.cluster(1).state(), ClusterState::Running);
    let left = net.cluster(1).ends_ms - net.ctx.block.time_ms();
    net.pass(left / 1_000 - 30);
    assert!(net.cluster(1).noticed, "its tenant is told before");
    net.pass(32);
    let ended = net.cluster(1);
    assert_eq!((ended.state(), ended.reason.as_str()), (ClusterState::Stopped, "the time that was paid for is over"));
    assert!(net.usd(&ALICE) < alice);
}

#[test]
fn an_idle_cluster_ends_when_its_tenant_asked_for_that() {
    let mut net = Net::new(2);
    let asked = proto::tetra::cluster::v1::Ask { idle_ms: 60_000, ..ask(2) };
    let cluster = net.running(1, asked);
    let report = |net: &Net, rank: u32| {
        let node = cluster.nodes.iter().find(|node| node.rank == rank).unwrap();
        let offer = node.offer.clone().unwrap();
        MsgReportIdle { owner: offer.owner, host_key: offer.host_key, id: net.id(1), number: node.number }
    };
    let msg = report(&net, 0);
    assert!(why(net.run(hires::report_idle, msg)).contains("cannot be idle for so long yet"));
    net.pass(60);
    let msg = report(&net, 1);
    assert!(why(net.run(hires::report_idle, msg)).contains("only the agent of the head"));
    let msg = report(&net, 0);
    net.run(hires::report_idle, msg).unwrap();
    assert_eq!(net.cluster(1).reason, "nothing ran on it for 60000 ms");
}

#[test]
fn devices_are_free_again_and_an_offer_can_be_withdrawn_with_its_collateral() {
    let mut net = Net::new(2);
    net.running(1, ask(2));
    let withdraw = |net: &Net| {
        let id = offer_id(1).to_wire(&net.ctx.chain.prefix);
        proto::tetra::cluster::v1::MsgWithdrawDevices { owner: id.owner, host_key: id.host_key }
    };
    let msg = withdraw(&net);
    assert!(why(net.run(crate::supply::messages::withdraw_devices, msg)).contains("1 devices of"));
    let id = net.id(1);
    net.run(hires::stop_cluster, MsgStopCluster { id }).unwrap();
    net.pass(60);
    let before = net.usd(&owner(1));
    let msg = withdraw(&net);
    let answer = net.run(crate::supply::messages::withdraw_devices, msg).unwrap();
    assert_eq!(answer.collateral, 2_000_000);
    assert_eq!(net.usd(&owner(1)), before + 2_000_000);
}
