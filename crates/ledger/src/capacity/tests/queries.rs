//! Hosts and holds as clients see them, page by page.

use proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use proto::tetra::capacity::v1::{QueryHoldsRequest, QueryHostsRequest};

use super::support::*;
use crate::capacity::queries::{holds, hosts};
use crate::capacity::{Request, hold_firm, hold_soft, query_routes};
use crate::context::Context;
use crate::failure::QueryStatus;
use crate::testing::PROVIDER;

fn lived_in() -> Context {
    let mut ctx = chain();
    let offer = Offer::new(4_000, 16, 100).overcommitted(150).with(&[("gpu-1", A100)]);
    register(&mut ctx, &PROVIDER, 1, &offer).unwrap();
    register(&mut ctx, &PROVIDER, 2, &Offer::new(1_000, 4, 4)).unwrap();
    register(&mut ctx, &RIVAL, 3, &Offer::new(1_000, 4, 4)).unwrap();
    let lease = Request { gpus: vec![gpu(1, &[])], ..request(1_000, 1, 1) };
    hold_firm(&mut ctx, &PROVIDER, &claim("lease", &[(lease, 1)])).unwrap();
    hold_soft(&mut ctx, &PROVIDER, &claim("bid", &[(request(4_000, 1, 1), 1), (request(1_000, 1, 1), 1)]), 9).unwrap();
    hold_soft(&mut ctx, &RIVAL, &claim("bid of another", &[(request(1, 1, 1), 1)]), 0).unwrap();
    ctx
}

fn page(key: Vec<u8>) -> Option<PageRequest> {
    Some(PageRequest { key, limit: 1, ..PageRequest::default() })
}

/// All entries, one a page, by following `next_key`.
fn walk<T>(mut ask: impl FnMut(Option<PageRequest>) -> (Vec<T>, Option<PageResponse>)) -> Vec<T> {
    let (mut all, mut key) = (Vec::new(), Vec::new());
    loop {
        let (found, response) = ask(page(key));
        assert!(found.len() <= 1);
        all.extend(found);
        key = response.unwrap().next_key;
        if key.is_empty() {
            return all;
        }
    }
}

#[test]
fn hosts_of_all_and_of_one_owner() {
    let ctx = lived_in();
    let ask = |owner: &str, pagination| hosts(&ctx, QueryHostsRequest { owner: owner.to_owned(), pagination });
    let all = ask("", None).unwrap();
    assert_eq!((all.hosts.len(), all.pagination.unwrap().total), (3, 3));
    let owner = ctx.text(&PROVIDER);
    let own = ask(&owner, None).unwrap().hosts;
    assert_eq!(own.len(), 2);
    let paged = walk(|pagination| {
        let answer = ask(&owner, pagination).unwrap();
        (answer.hosts, answer.pagination)
    });
    assert_eq!(paged, own);
    assert!(own.windows(2).all(|pair| pair[0].host_key < pair[1].host_key));

    let host = own.iter().find(|host| host.host_key == host_key(1)).unwrap();
    let offered = host.offered.clone().unwrap();
    // What is offered is before overcommit.
    assert_eq!((offered.cpu_milli, host.cpu_overcommit_percent), (4_000, 150));
    assert_eq!((offered.devices, host.devices[0].model.as_str()), (vec!["gpu-1".to_owned()], A100));
    assert_eq!((host.owner.as_str(), host.fence, host.proved), (owner.as_str(), 1, false));
    assert_eq!(ask("x", None).unwrap_err().status, QueryStatus::InvalidArgument);
}

#[test]
fn holds_of_all_of_a_host_and_of_a_reference() {
    let ctx = lived_in();
    let ask = |host_key: &[u8], reference: &str, pagination| {
        let request = QueryHoldsRequest { host_key: host_key.to_vec(), pagination, reference: reference.to_owned() };
        holds(&ctx, request)
    };
    let all = ask(&[], "", None).unwrap().holds;
    assert_eq!(all.iter().map(|hold| hold.id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let paged = |host_key: &[u8], reference: &str| {
        walk(|pagination| {
            let answer = ask(host_key, reference, pagination).unwrap();
            (answer.holds, answer.pagination)
        })
    };
    assert_eq!(paged(&[], ""), all);
    let on_host: Vec<_> = all.iter().filter(|hold| hold.host_key == host_key(1)).cloned().collect();
    assert_eq!(on_host.len(), 2);
    assert_eq!(paged(&host_key(1), ""), on_host);
    // A reference is whole: `bid` is not `bid of another`.
    let of_bid: Vec<_> = all.iter().filter(|hold| hold.reference == "bid").cloned().collect();
    assert_eq!(of_bid.len(), 2);
    assert_eq!(paged(&[], "bid"), of_bid);
    assert!(ask(&[], "nobody", None).unwrap().holds.is_empty());

    assert_eq!(ask(&[1], "", None).unwrap_err().status, QueryStatus::InvalidArgument);
    assert_eq!(ask(&host_key(1), "bid", None).unwrap_err().status, QueryStatus::InvalidArgument);
    assert_eq!(query_routes().len(), 2);
}
