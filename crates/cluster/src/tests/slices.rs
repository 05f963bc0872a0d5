//! Idle render windows as interruptible slices, and trials by strangers.

use ledger::capacity;
use proto::tetra::capacity::v1::Resources;
use proto::tetra::cluster::v1::{
    Ask, ClusterKind, ClusterState, LeaseTerms, NodeState, OfferState, OfferTerms, QueryQuoteRequest, Source,
};

use super::support::{GIB, Net, ask, comes_back, offer_id, owner, terms, why};

/// Three suppliers; the first offers what its render node does not use.
fn with_window() -> Net {
    let mut net = Net::bare();
    for number in 1..=3 {
        net.join(number);
        let source = if number == 1 { Source::RenderIdle } else { Source::Provider };
        let floor = if number == 1 { 0 } else { 20_000 };
        net.offer_from(source, number, terms(floor)).unwrap();
    }
    let window = Resources { cpu_milli: 2_000, memory: 4 * GIB, storage: 8 * GIB, devices: Vec::new() };
    let id = offer_id(1);
    capacity::open_window(&mut net.ctx, &owner(1), &id.host, ("render", "node"), &window).unwrap();
    net.round(&[]);
    net
}

fn interruptible(nodes: u32) -> Ask {
    Ask { interruptible: true, ..ask(nodes) }
}

#[test]
fn slices_are_cheaper_and_only_for_who_asks_for_them() {
    let mut net = with_window();
    assert_eq!(net.state(1), OfferState::Ready);
    let firm = net.quote(1, ask(4)).unwrap();
    assert!(firm.lines.iter().all(|line| line.source() == Source::Provider));
    assert!(why(net.quote(2, ask(5))).contains("4 of 5 devices"));
    let asked = QueryQuoteRequest { ask: Some(ask(5)) };
    let excluded = crate::hire::queries::quote(&net.ctx, asked).unwrap().excluded;
    assert_eq!(excluded[0].reason, "it is interruptible, and firm devices are asked for");
    let mixed = net.quote(3, interruptible(6)).unwrap();
    let prices: Vec<u64> = mixed.lines.iter().map(|line| line.price).collect();
    assert_eq!(prices.iter().filter(|price| **price == 15_000).count(), 2, "{prices:?}");
    assert_eq!(mixed.lines[0].source(), Source::RenderIdle, "the cheapest comes first");
}

fn leased() -> LeaseTerms {
    LeaseTerms {
        network: "akash-classic-local".to_owned(),
        margin_bp: 2_000,
        device: false,
        tenant: "akash1tenant".to_owned(),
        dseqs: vec![7, 8],
    }
}

#[test]
fn another_lease_is_another_device() {
    let mut net = Net::bare();
    for number in 1..=3 {
        net.join(number);
        let (source, lease) = if number == 3 { (Source::Lease, Some(leased())) } else { (Source::Ssh, None) };
        net.offer_from(source, number, OfferTerms { lease, ..terms(0) }).unwrap();
    }
    net.round(&[]);
    let offer = |net: &mut Net, dseqs: Vec<u64>| {
        let lease = Some(LeaseTerms { dseqs, ..leased() });
        net.offer_from(Source::Lease, 3, OfferTerms { lease, ..terms(0) }).unwrap();
    };
    offer(&mut net, vec![7, 8]);
    assert_eq!(net.state(3), OfferState::Ready, "the same leases are what was proved");
    offer(&mut net, vec![7, 9]);
    assert_eq!(net.state(3), OfferState::Pending);
    net.round(&[]);
    assert_eq!(net.state(3), OfferState::Ready);
}

#[test]
fn an_offer_says_by_which_way_it_comes() {
    let mut net = Net::bare();
    net.join(1);
    let mut refused = |source| why(net.offer_from(source, 1, terms(0)));
    assert!(refused(Source::Unspecified).contains("its source is missing"));
    assert!(refused(Source::Lease).contains("say where, and no others"));
    let nowhere = OfferTerms { lease: Some(LeaseTerms::default()), ..terms(0) };
    assert!(why(net.offer_from(Source::Ssh, 1, nowhere.clone())).contains("say where, and no others"));
    assert!(why(net.offer_from(Source::Lease, 1, nowhere)).contains("the network of its leases is missing"));
    let misses = |lease| OfferTerms { lease: Some(lease), ..terms(0) };
    for dseqs in [vec![], vec![7], vec![7, 7], vec![8, 7], vec![7, 8, 9]] {
        let lease = LeaseTerms { dseqs, ..leased() };
        assert!(why(net.offer_from(Source::Lease, 1, misses(lease))).contains("a deployment for each"));
    }
    net.offer_from(Source::Ssh, 1, terms(0)).unwrap();
}

#[test]
fn devices_that_are_leased_elsewhere_say_where_and_take_part_in_clusters_of_type_shell_unless_they_may_have_a_device() {
    let mut net = Net::bare();
    let lease = leased();
    for number in 1..=3 {
        net.join(number);
        let (source, lease) = if number == 3 { (Source::Lease, Some(lease.clone())) } else { (Source::Ssh, None) };
        net.offer_from(source, number, OfferTerms { lease, ..terms(0) }).unwrap();
    }
    net.round(&[]);
    assert_eq!(net.state(3), OfferState::Ready);
    let quote = net.quote(1, ask(3)).unwrap();
    let leased: Vec<_> = quote.lines.iter().filter(|line| line.source() == Source::Lease).collect();
    assert_eq!(leased.len(), 1);
    assert_eq!(leased[0].lease, Some(lease.clone()));
    comes_back(&net);
    let rays = Ask { kind: ClusterKind::Ray.into(), ..ask(5) };
    assert!(why(net.quote(2, rays)).contains("type shell alone"));
}

/// What is quoted is what is taken, however long the cheaper slice is idle.
#[test]
fn one_cheaper_slice_is_taken_before_firm_devices_that_are_idle_for_longer() {
    let mut net = with_window();
    for cseq in [1, 2, 3] {
        net.running(cseq, interruptible(1));
        assert_eq!(net.nodes(cseq)[0].source(), Source::RenderIdle);
        let id = net.id(cseq);
        net.run(crate::hire::messages::stop_cluster, proto::tetra::cluster::v1::MsgStopCluster { id }).unwrap();
        net.pass(3);
    }
}

#[test]
fn a_machine_that_renders_again_takes_its_slice_back_and_a_firm_device_replaces_it() {
    let mut net = with_window();
    net.running(1, interruptible(2));
    comes_back(&net);
    let slice = net.nodes(1).into_iter().find(|node| node.source() == Source::RenderIdle).unwrap();
    let collateral = net.of(1).collateral;
    net.run(|ctx, ()| capacity::work_in(ctx, "render", "node", true), ()).unwrap();
    let cluster = net.cluster(1);
    assert_eq!(cluster.state(), ClusterState::Degraded);
    let lost = cluster.nodes.iter().find(|node| node.number == slice.number).unwrap();
    assert_eq!((lost.state(), lost.reason.as_str()), (NodeState::Lost, "its machine has something else to do"));
    assert_eq!(net.of(1).collateral, collateral, "its tenant agreed to that");
    assert!(net.nodes(1).iter().all(|node| node.source() == Source::Provider));
    // While it renders it is offered to nobody.
    assert!(why(net.quote(2, interruptible(6))).contains("its machine renders now"));
    net.run(|ctx, ()| capacity::work_in(ctx, "render", "node", false), ()).unwrap();
    net.join_all(1);
    net.reach_all(1);
    assert_eq!(net.cluster(1).state(), ClusterState::Running);
}

#[test]
fn a_firm_hire_of_the_host_ends_the_window_and_its_slices_and_no_firm_hire_is_evicted() {
    let mut net = with_window();
    // Without a ceiling nothing dearer than the slice would replace it.
    net.running(1, Ask { ceiling: 30_000, ..interruptible(1) });
    assert_eq!(net.nodes(1)[0].source(), Source::RenderIdle);
    let request = capacity::Request { cpu_milli: 4_000, memory: 4 * GIB, storage: 0, gpus: Vec::new() };
    let claim = capacity::Claim { market: "deployment", reference: "lease".to_owned(), units: vec![(request, 1)] };
    net.run(|ctx, ()| capacity::hold_firm(ctx, &owner(1), &claim).map(|_| ()), ()).unwrap();
    assert_eq!(net.nodes(1)[0].source(), Source::Provider);
}

#[test]
fn nothing_is_hired_of_an_offer_before_strangers_formed_a_cluster_with_it() {
    let mut net = Net::bare();
    for number in 1..=4 {
        net.join(number);
        net.offer(number, terms(20_000)).unwrap();
    }
    net.walled.insert(2);
    net.round(&[]);
    assert_eq!(net.state(2), OfferState::Pending);
    assert!(net.of(2).reason.contains("strangers could not form a cluster with it"), "{}", net.of(2).reason);
    assert!(net.of(2).proved_round > 0, "its proof is right");
    assert!(why(net.quote(1, ask(7))).contains("6 of 7 devices"));
    net.walled.clear();
    net.round(&[]);
    assert_eq!(net.state(2), OfferState::Ready);
    // Once is enough.
    net.walled.insert(2);
    net.round(&[]);
    assert_eq!(net.state(2), OfferState::Ready);
}
