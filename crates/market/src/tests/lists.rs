//! Lists and single answers (spec/akash.md 1.16).

use ledger::testing::{ALICE, BOB, PROVIDER};
use ledger::{Context, QueryStatus};
use proto::Message;
use proto::akash::deployment::v1beta4 as deployment_wire;
use proto::akash::market::v1::LeaseFilters;
use proto::akash::market::v1beta5 as wire;
use proto::cosmos::base::query::v1beta1::PageRequest;

use super::support::*;
use crate::auction::queries as auction;
use crate::deployment::queries as deployments;

/// Alice has deployments 1 to 5: 2 and 4 closed, 1 leased. Bob has 1.
fn lived_in() -> Context {
    let mut ctx = market();
    for dseq in [5, 3, 1, 2, 4] {
        deploy(&mut ctx, ALICE, dseq);
    }
    let bobs = deploy(&mut ctx, BOB, 1);
    bid(&mut ctx, &bobs.group(1), 1, RIVAL).unwrap();
    for dseq in [2, 4] {
        let id = crate::DeploymentId { owner: ALICE, dseq };
        close_deployment(&mut ctx, &id).unwrap();
    }
    let group = crate::DeploymentId { owner: ALICE, dseq: 1 }.group(1);
    bid(&mut ctx, &group, 1, RIVAL).unwrap();
    let id = bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    lease(&mut ctx, &id).unwrap();
    ctx
}

fn limit(limit: u64) -> PageRequest {
    PageRequest { limit, ..PageRequest::default() }
}

type Deployments = deployment_wire::QueryDeploymentsRequest;

fn filters(owner: &str, dseq: u64, state: &str) -> Option<deployment_wire::DeploymentFilters> {
    Some(deployment_wire::DeploymentFilters { owner: owner.to_owned(), dseq, state: state.to_owned() })
}

/// The numbers of a page's deployments, and the key of the next.
fn page(ctx: &Context, filters: Option<deployment_wire::DeploymentFilters>, page: PageRequest) -> (Vec<u64>, Vec<u8>) {
    let answer = deployments::deployments(ctx, Deployments { filters, pagination: Some(page) }).unwrap();
    let dseq = |found: &deployment_wire::QueryDeploymentResponse| {
        assert_eq!((found.groups.len(), found.escrow_account.is_some()), (1, true));
        found.deployment.as_ref().unwrap().id.as_ref().unwrap().dseq
    };
    let key = answer.pagination.unwrap_or_default().next_key;
    (answer.deployments.iter().map(dseq).collect(), key)
}

#[test]
fn without_filters_states_are_walked_and_with_an_owner_the_owners_keys() {
    let ctx = lived_in();
    let alice = ctx.text(&ALICE);
    let all = |filters| page(&ctx, filters, PageRequest::default()).0;
    // Active ones of both tenants, then closed ones. Alice's address sorts before Bob's.
    assert_eq!(all(None), [1, 3, 5, 1, 2, 4]);
    assert_eq!(all(filters(&alice, 0, "")), [1, 2, 3, 4, 5]);
    assert_eq!(all(filters(&alice, 0, "active")), [1, 3, 5]);
    assert_eq!(all(filters("", 0, "closed")), [2, 4]);
    assert_eq!(all(filters("", 1, "")), [1, 1]);
    assert_eq!(all(filters(&alice, 4, "active")), Vec::<u64>::new());
    assert_eq!(all(filters(&alice, 4, "closed")), [4]);
}

#[test]
fn a_page_key_brings_its_filters_along() {
    let ctx = lived_in();
    let alice = ctx.text(&ALICE);
    let (first, key) = page(&ctx, filters(&alice, 0, "active"), limit(2));
    assert_eq!(first, [1, 3]);
    // The filters of the second request say something else and are overridden.
    let (second, end) = page(&ctx, filters("", 0, "closed"), PageRequest { key, limit: 2, ..PageRequest::default() });
    assert_eq!((second, end), (vec![5], Vec::new()));

    let (mut seen, mut key) = (Vec::new(), Vec::new());
    loop {
        let (found, next) = page(&ctx, None, PageRequest { key, limit: 1, ..PageRequest::default() });
        seen.extend(found);
        key = next;
        if key.is_empty() {
            break;
        }
    }
    assert_eq!(seen, [1, 3, 5, 1, 2, 4]);
}

#[test]
fn offsets_need_a_state_and_pages_can_run_backwards() {
    let ctx = lived_in();
    let offset = PageRequest { offset: 1, ..PageRequest::default() };
    let request = Deployments { filters: None, pagination: Some(offset.clone()) };
    let refused = deployments::deployments(&ctx, request).unwrap_err();
    assert_eq!(refused.status, QueryStatus::InvalidArgument);
    assert!(refused.message.starts_with("invalid request parameters"), "{}", refused.message);
    assert_eq!(page(&ctx, filters("", 0, "closed"), offset).0, [4]);
    let reverse = PageRequest { reverse: true, ..PageRequest::default() };
    assert_eq!(page(&ctx, filters("", 0, "closed"), reverse).0, [4, 2]);
}

#[test]
fn bids_orders_and_leases_are_found_by_each_filter() {
    let ctx = lived_in();
    let (alice, provider, rival) = (ctx.text(&ALICE), ctx.text(&PROVIDER), ctx.text(&RIVAL));
    let bids = |filters: wire::BidFilters| {
        let request = wire::QueryBidsRequest { filters: Some(filters), pagination: None };
        let answer = auction::bids(&ctx, request).unwrap();
        assert!(answer.bids.iter().all(|bid| bid.escrow_account.is_some()));
        answer.bids.len()
    };
    let none = wire::BidFilters::default();
    assert_eq!(bids(none.clone()), 3);
    assert_eq!(bids(wire::BidFilters { provider: rival.clone(), ..none.clone() }), 2);
    assert_eq!(bids(wire::BidFilters { provider: rival.clone(), owner: alice.clone(), ..none.clone() }), 1);
    assert_eq!(bids(wire::BidFilters { provider: rival, state: "open".to_owned(), ..none.clone() }), 1);
    assert_eq!(bids(wire::BidFilters { owner: alice.clone(), dseq: 1, gseq: 1, oseq: 1, ..none.clone() }), 2);
    assert_eq!(bids(wire::BidFilters { owner: alice.clone(), dseq: 1, oseq: 2, ..none.clone() }), 0);
    let odd = wire::QueryBidsRequest { filters: Some(wire::BidFilters { bseq: 1, ..none.clone() }), pagination: None };
    assert_eq!(auction::bids(&ctx, odd).unwrap_err().status, QueryStatus::InvalidArgument);

    let orders = |state: &str| {
        let filters = wire::OrderFilters { owner: alice.clone(), state: state.to_owned(), ..Default::default() };
        let request = wire::QueryOrdersRequest { filters: Some(filters), pagination: None };
        auction::orders(&ctx, request).unwrap().orders.len()
    };
    assert_eq!(["open", "active", "closed"].map(orders), [2, 1, 2]);

    let filters = LeaseFilters { provider, state: "active".to_owned(), ..LeaseFilters::default() };
    let request = wire::QueryLeasesRequest { filters: Some(filters), pagination: None };
    let leases = auction::leases(&ctx, request).unwrap().leases;
    assert_eq!(leases.len(), 1);
    assert!(leases[0].escrow_payment.is_some());
}

#[test]
fn malformed_requests_and_missing_things_say_so() {
    let ctx = lived_in();
    let status = |filters| {
        let request = Deployments { filters, pagination: None };
        deployments::deployments(&ctx, request).unwrap_err().status
    };
    assert_eq!(status(filters("x", 0, "")), QueryStatus::InvalidArgument);
    assert_eq!(status(filters("", 0, "open")), QueryStatus::InvalidArgument);
    assert_eq!(status(filters("", 0, "invalid")), QueryStatus::InvalidArgument);
    let pagination = Some(PageRequest { key: vec![0xff], ..PageRequest::default() });
    let foreign = deployments::deployments(&ctx, Deployments { filters: None, pagination }).unwrap_err();
    assert_eq!(foreign.status, QueryStatus::InvalidArgument);

    let missing = crate::DeploymentId { owner: ALICE, dseq: 99 };
    let prefix = &ctx.chain.prefix;
    let order = missing.group(1).order(1);
    let bid_id = order.bid(PROVIDER);
    let texts = [
        deployments::deployment(&ctx, deployment_wire::QueryDeploymentRequest { id: Some(missing.to_wire(prefix)) })
            .unwrap_err(),
        deployments::group(&ctx, deployment_wire::QueryGroupRequest { id: Some(missing.group(1).to_wire(prefix)) })
            .unwrap_err(),
        auction::order(&ctx, wire::QueryOrderRequest { id: Some(order.to_wire(prefix)) }).unwrap_err(),
        auction::bid(&ctx, wire::QueryBidRequest { id: Some(bid_id.to_wire(prefix)) }).unwrap_err(),
        auction::lease(&ctx, wire::QueryLeaseRequest { id: Some(bid_id.to_lease_wire(prefix)) }).unwrap_err(),
    ];
    let texts = texts.map(|error| (error.status, error.message));
    let what = ["deployment", "group", "order", "bid", "lease"];
    assert_eq!(texts, what.map(|what| (QueryStatus::NotFound, format!("{what} not found"))));
}

#[test]
fn routes_answer_and_decode_strictly() {
    let ctx = lived_in();
    assert_eq!(crate::query_routes().len(), 11);
    assert_eq!(crate::message_routes().len(), 14);
    for route in crate::query_routes().iter().filter(|route| route.path.ends_with("Params")) {
        assert!(!(route.answer)(&ctx, &[]).unwrap().is_empty());
        assert_eq!((route.answer)(&ctx, &[0xff]).unwrap_err().status, QueryStatus::InvalidArgument);
    }
    let group = crate::DeploymentId { owner: ALICE, dseq: 3 }.group(1).order(1);
    let msg = msg_bid(&ctx, &group.bid(PROVIDER), "1").encode_to_vec();
    let routes = crate::message_routes();
    let route = routes.iter().find(|route| route.url == "/akash.market.v1beta5.MsgCreateBid").unwrap();
    assert_eq!((route.signer)(&msg).unwrap(), ctx.text(&PROVIDER));
    for route in crate::message_routes() {
        // A message without any field is refused, and nothing panics.
        let mut ctx = lived_in();
        ledger::testing::refusal((route.run)(&mut ctx, &[]));
    }
}
