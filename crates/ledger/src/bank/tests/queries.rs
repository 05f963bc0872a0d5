//! What bank queries answer.

use proto::cosmos::bank::v1beta1::{
    QueryAllBalancesRequest, QueryBalanceRequest, QueryDenomMetadataRequest, QueryDenomOwnersByQueryRequest,
    QueryDenomOwnersRequest, QueryDenomsMetadataRequest, QuerySupplyOfRequest, QueryTotalSupplyRequest,
};
use proto::cosmos::base::query::v1beta1::PageRequest;

use crate::bank::queries;
use crate::failure::QueryStatus;
use crate::testing::{self, ALICE, FUNDS, nobody};

#[test]
fn queries_answer_as_clients_expect() {
    let ctx = testing::context();
    let (alice, stranger) = (ctx.text(&ALICE), ctx.text(&nobody(1)));
    let utet = "utet".to_owned();
    let held = |address: &str| {
        let request = QueryBalanceRequest { address: address.to_owned(), denom: utet.clone() };
        queries::balance(&ctx, request).unwrap().balance.unwrap().amount
    };
    assert_eq!(held(&alice), FUNDS.to_string());
    assert_eq!(held(&stranger), "0");

    let supply = queries::supply_of(&ctx, QuerySupplyOfRequest { denom: utet.clone() }).unwrap().amount.unwrap();
    assert_eq!(supply.amount, (4 * FUNDS).to_string());
    let metadata = queries::denom_metadata(&ctx, QueryDenomMetadataRequest { denom: utet }).unwrap().metadata;
    assert_eq!(metadata.unwrap().symbol, "TET");
    let unknown = queries::denom_metadata(&ctx, QueryDenomMetadataRequest { denom: "ufoo".to_owned() });
    assert_eq!(unknown.unwrap_err().status, QueryStatus::NotFound);
    let malformed = queries::balance(&ctx, QueryBalanceRequest { address: alice, denom: String::new() });
    assert_eq!(malformed.unwrap_err().status, QueryStatus::InvalidArgument);
}

#[test]
fn lists_come_in_pages() {
    let ctx = testing::context();
    let page = |key: Vec<u8>| Some(PageRequest { key, limit: 1, ..PageRequest::default() });
    let address = ctx.text(&ALICE);
    let first =
        QueryAllBalancesRequest { address: address.clone(), pagination: page(Vec::new()), resolve_denom: false };
    let first = queries::all_balances(&ctx, first).unwrap();
    assert_eq!(first.balances[0].denom, "utet");
    let key = first.pagination.unwrap().next_key;
    let second = QueryAllBalancesRequest { address, pagination: page(key), resolve_denom: false };
    let second = queries::all_balances(&ctx, second).unwrap();
    assert_eq!(second.balances[0].denom, "uusd");
    assert!(second.pagination.unwrap().next_key.is_empty());

    let supply = queries::total_supply(&ctx, QueryTotalSupplyRequest { pagination: None }).unwrap();
    assert_eq!((supply.supply.len(), supply.pagination.unwrap().total), (2, 2));
    let metadatas = queries::denoms_metadata(&ctx, QueryDenomsMetadataRequest { pagination: None }).unwrap();
    let symbols: Vec<String> = metadatas.metadatas.into_iter().map(|metadata| metadata.symbol).collect();
    assert_eq!(symbols, ["WIT", "LUX", "TET", "USD"]);
}

#[test]
fn owners_of_a_denom_come_in_pages_without_those_of_others() {
    let ctx = testing::context();
    let ask = |denom: &str, page: PageRequest| {
        let request = QueryDenomOwnersRequest { denom: denom.to_owned(), pagination: Some(page) };
        queries::denom_owners(&ctx, request)
    };
    for denom in ["utet", "uusd"] {
        let all = ask(denom, PageRequest::default()).unwrap();
        let amounts =
            all.denom_owners.iter().map(|owner| owner.balance.as_ref().unwrap().amount.parse::<u128>().unwrap());
        let supply =
            queries::supply_of(&ctx, QuerySupplyOfRequest { denom: denom.to_owned() }).unwrap().amount.unwrap();
        assert_eq!(amounts.sum::<u128>().to_string(), supply.amount);
        assert!(all.denom_owners.iter().all(|owner| owner.balance.as_ref().unwrap().denom == denom));
        assert_eq!(all.pagination.unwrap().total, 4);
        let (mut walked, mut key) = (Vec::new(), Vec::new());
        loop {
            let page = ask(denom, PageRequest { key, limit: 3, ..PageRequest::default() }).unwrap();
            walked.extend(page.denom_owners);
            key = page.pagination.unwrap().next_key;
            if key.is_empty() {
                break;
            }
        }
        assert_eq!(walked, all.denom_owners);
        let request = QueryDenomOwnersByQueryRequest { denom: denom.to_owned(), pagination: None };
        assert_eq!(queries::denom_owners_by_query(&ctx, request).unwrap().denom_owners, all.denom_owners);
    }
    assert!(ask("unone", PageRequest::default()).unwrap().denom_owners.is_empty());
    assert_eq!(ask("", PageRequest::default()).unwrap_err().status, QueryStatus::InvalidArgument);
}
