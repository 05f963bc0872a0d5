//! What clients are shown.

use insta::assert_snapshot;
use proto::akash::escrow::v1::{QueryAccountsRequest, QueryAccountsResponse, QueryPaymentsRequest};
use proto::cosmos::base::query::v1beta1::PageRequest;

use super::stored::lived_in;
use super::support::*;
use crate::Context;
use crate::escrow::{self, AccountId, queries};
use crate::failure::QueryStatus;

fn accounts(ctx: &Context, state: &str, xid: &str, pagination: Option<PageRequest>) -> QueryAccountsResponse {
    let request = QueryAccountsRequest { state: state.to_owned(), xid: xid.to_owned(), pagination };
    queries::accounts(ctx, request).unwrap()
}

fn names(answer: &QueryAccountsResponse) -> Vec<String> {
    let ids = answer.accounts.iter().map(|account| account.id.as_ref().unwrap());
    ids.map(|id| format!("{} {}", id.scope().as_str_name(), id.xid)).collect()
}

#[test]
fn accounts_and_payments_as_clients_see_them() {
    let ctx = lived_in();
    let request = QueryPaymentsRequest { state: String::new(), xid: String::new(), pagination: None };
    let payments = queries::payments(&ctx, request).unwrap();
    assert_snapshot!(format!("{:#?}\n{payments:#?}", accounts(&ctx, "", "", None)));
    let one = escrow::account(&ctx, &AccountId::deployment("tetra1owner/9")).unwrap().unwrap().state.unwrap();
    // Who ran out has negative funds: the debt.
    assert_eq!(one.funds[0].amount, "-7000000000000000000");
    assert_eq!(escrow::account(&ctx, &AccountId::bid("nobody")).unwrap(), None);
    assert_eq!(escrow::payment(&ctx, XID, "none").unwrap(), None);
    let payment = escrow::payment(&ctx, "tetra1owner/9", "a").unwrap().unwrap().state.unwrap();
    assert_eq!(payment.unsettled.unwrap().amount, "7000000000000000000");
}

#[test]
fn filters_by_state_and_by_the_beginning_of_an_id() {
    let ctx = lived_in();
    let found = |state: &str, xid: &str| names(&accounts(&ctx, state, xid, None));
    assert_eq!(found("open", ""), ["deployment tetra1owner/7", "bid tetra1owner/7", "deployment tetra1owner/8"]);
    assert_eq!(found("closed", ""), ["bid tetra1owner/8"]);
    assert_eq!(found("overdrawn", ""), ["deployment tetra1owner/9"]);
    assert_eq!(found("", "tetra1owner").len(), 5);
    assert_eq!(found("open", "tetra1owner/7"), ["deployment tetra1owner/7", "bid tetra1owner/7"]);
    assert_eq!(found("", "tetra1owner/9"), ["deployment tetra1owner/9"]);
    // A part ends at a slash.
    assert_eq!(found("", "tetra1own").len() + found("open", "tetra1owner/").len(), 0);

    let payments = |state: &str, xid: &str| {
        let request = QueryPaymentsRequest { state: state.to_owned(), xid: xid.to_owned(), pagination: None };
        let found = queries::payments(&ctx, request).unwrap().payments;
        found.into_iter().map(|payment| payment.id.unwrap().xid).collect::<Vec<_>>()
    };
    assert_eq!(payments("", XID), ["1/1/x", "1/1/y"]);
    assert_eq!(payments("closed", "tetra1owner"), ["1/1/y"]);
    assert_eq!(payments("overdrawn", ""), ["a"]);
    assert_eq!(payments("open", "tetra1owner/9"), Vec::<String>::new());
}

#[test]
fn lists_come_in_pages() {
    let ctx = lived_in();
    for (state, xid) in [("", ""), ("open", ""), ("", "tetra1owner"), ("open", "tetra1owner/7")] {
        let all = accounts(&ctx, state, xid, None);
        assert_eq!(all.pagination.as_ref().unwrap().total, all.accounts.len() as u64);
        let (mut key, mut pages) = (Vec::new(), Vec::new());
        loop {
            let page = accounts(&ctx, state, xid, Some(PageRequest { key, limit: 1, ..PageRequest::default() }));
            pages.extend(names(&page));
            key = page.pagination.unwrap().next_key;
            if key.is_empty() {
                break;
            }
        }
        assert_eq!(pages, names(&all), "{state:?} {xid:?}");
    }
    let second = PageRequest { offset: 1, limit: 1, count_total: true, ..PageRequest::default() };
    let second = accounts(&ctx, "open", "", Some(second));
    assert_eq!((names(&second), second.pagination.unwrap().total), (vec!["bid tetra1owner/7".to_owned()], 3));
}

#[test]
fn malformed_questions_are_refused() {
    let ctx = lived_in();
    let ask = |state: &str, pagination| {
        let request = QueryAccountsRequest { state: state.to_owned(), xid: String::new(), pagination };
        let refused = queries::accounts(&ctx, request).unwrap_err();
        assert_eq!(refused.status, QueryStatus::InvalidArgument);
        refused.message
    };
    assert_snapshot!(ask("gone", None), @r#""gone" is no state: use open, closed or overdrawn"#);
    assert_snapshot!(
        ask("", Some(PageRequest { offset: 1, ..PageRequest::default() })),
        @"an offset needs a state filter; without one, go on with the page key"
    );
}

#[test]
fn routes_name_all_messages_and_queries() {
    let routes = escrow::message_routes();
    let messages: Vec<&str> = routes.iter().map(|route| route.url.as_str()).collect();
    assert_eq!(messages, ["/akash.escrow.v1.MsgAccountDeposit", "/tetra.escrow.v1.MsgSettle"]);
    assert_eq!(escrow::query_routes().len(), 2);
}
