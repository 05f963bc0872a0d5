//! The older Akash API on a chain whose genesis says `classic`: the same state, told in older words.

mod common;

use app::TxResult;
use common::*;
use insta::assert_snapshot;
use ledger::QueryStatus;
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::base::resources::v1beta4::{Cpu, Endpoint, Gpu, Memory, ResourceValue, Resources, Storage};
use proto::akash::deployment::v1::{DeploymentId, GroupId};
use proto::akash::deployment::v1beta4::{GroupSpec, ResourceUnit};
use proto::akash::deployment::{v1beta3 as old_deployment, v1beta4 as deployment};
use proto::akash::escrow::v1beta3 as old_escrow;
use proto::akash::market::v1::OrderId;
use proto::akash::market::{v1 as ids, v1beta4 as old_market, v1beta5 as market};
use proto::akash::provider::{v1beta3 as old_provider, v1beta4 as provider};
use proto::cosmos::base::abci::v1beta1::TxMsgData;
use proto::cosmos::base::v1beta1::{Coin, DecCoin};
use proto::{Any, Message, Name, ToAny};
use serde_json::Value;

const DSEQ: u64 = 7;

fn classic() -> Net {
    Net::begin(&app::Genesis { classic: true, ..genesis() })
}

fn coin(amount: u128) -> Coin {
    coins(amount, "utet").remove(0)
}

/// In millionths of a base unit per block.
fn price(micro: u64) -> DecCoin {
    DecCoin { denom: "utet".to_owned(), amount: format!("{micro}000000000000") }
}

fn value(number: u64) -> Option<ResourceValue> {
    Some(ResourceValue { val: number.to_string().into_bytes() })
}

fn group() -> GroupSpec {
    let resources = Resources {
        id: 1,
        cpu: Some(Cpu { units: value(100), attributes: Vec::new() }),
        memory: Some(Memory { quantity: value(64 << 20), attributes: Vec::new() }),
        storage: vec![Storage { name: "default".to_owned(), quantity: value(64 << 20), attributes: Vec::new() }],
        gpu: Some(Gpu { units: value(0), attributes: Vec::new() }),
        endpoints: vec![Endpoint { kind: 0, sequence_number: 0 }],
    };
    let unit = ResourceUnit { resource: Some(resources), count: 1, price: Some(price(5_000_000)) };
    GroupSpec { name: "here".to_owned(), requirements: None, resources: vec![unit] }
}

fn id() -> Option<DeploymentId> {
    Some(DeploymentId { owner: ALICE.text(), dseq: DSEQ })
}

fn old_create(depositor: &str) -> Any {
    old_deployment::MsgCreateDeployment {
        id: id(),
        groups: vec![group()],
        version: vec![9; 32],
        deposit: Some(coin(5_000_000)),
        depositor: depositor.to_owned(),
    }
    .to_any()
}

fn old_bid() -> Any {
    old_market::MsgCreateBid {
        order: Some(OrderId { owner: ALICE.text(), dseq: DSEQ, gseq: 1, oseq: 1 }),
        provider: PROVIDER.text(),
        price: Some(price(3_500_000)),
        deposit: Some(coin(500_000)),
        resources_offer: Vec::new(),
    }
    .to_any()
}

fn old_bid_id() -> old_market::BidId {
    old_market::BidId { owner: ALICE.text(), dseq: DSEQ, gseq: 1, oseq: 1, provider: PROVIDER.text() }
}

fn old_lease_id() -> old_market::LeaseId {
    let old_market::BidId { owner, dseq, gseq, oseq, provider } = old_bid_id();
    old_market::LeaseId { owner, dseq, gseq, oseq, provider }
}

fn old_seller() -> Any {
    let (owner, host_uri) = (PROVIDER.text(), "https://provider.example:8443".to_owned());
    old_provider::MsgCreateProvider { owner, host_uri, attributes: Vec::new(), info: None }.to_any()
}

/// The steps of a deployment in older words and in present ones.
fn steps() -> Vec<(Key, Any, Any)> {
    let bid_id = ids::BidId { owner: ALICE.text(), dseq: DSEQ, gseq: 1, oseq: 1, provider: PROVIDER.text(), bseq: 0 };
    let ids::BidId { owner, dseq, gseq, oseq, provider, bseq } = bid_id.clone();
    let lease_id = ids::LeaseId { owner, dseq, gseq, oseq, provider, bseq };
    let own = |amount: u128| Some(Deposit { amount: Some(coin(amount)), sources: vec![Source::Balance.into()] });
    let group_id = || Some(GroupId { owner: ALICE.text(), dseq: DSEQ, gseq: 1 });
    vec![
        (
            PROVIDER,
            old_seller(),
            provider::MsgCreateProvider {
                owner: PROVIDER.text(),
                host_uri: "https://provider.example:8443".to_owned(),
                attributes: Vec::new(),
                info: None,
            }
            .to_any(),
        ),
        (
            ALICE,
            old_create(&ALICE.text()),
            deployment::MsgCreateDeployment {
                id: id(),
                groups: vec![group()],
                hash: vec![9; 32],
                deposit: own(5_000_000),
                reclamation: None,
            }
            .to_any(),
        ),
        (
            PROVIDER,
            old_bid(),
            market::MsgCreateBid {
                id: Some(bid_id.clone()),
                price: Some(price(3_500_000)),
                deposit: own(500_000),
                ..Default::default()
            }
            .to_any(),
        ),
        (
            ALICE,
            old_market::MsgCreateLease { bid_id: Some(old_bid_id()) }.to_any(),
            market::MsgCreateLease { bid_id: Some(bid_id.clone()) }.to_any(),
        ),
        (
            ALICE,
            old_deployment::MsgUpdateDeployment { id: id(), version: vec![8; 32] }.to_any(),
            deployment::MsgUpdateDeployment { id: id(), hash: vec![8; 32] }.to_any(),
        ),
        (
            ALICE,
            old_deployment::MsgDepositDeployment { id: id(), amount: Some(coin(250_000)), depositor: ALICE.text() }
                .to_any(),
            proto::akash::escrow::v1::MsgAccountDeposit {
                signer: ALICE.text(),
                id: Some(proto::akash::escrow::id::v1::Account { scope: 1, xid: format!("{}/{DSEQ}", ALICE.text()) }),
                deposit: own(250_000),
            }
            .to_any(),
        ),
        (
            PROVIDER,
            old_market::MsgWithdrawLease { bid_id: Some(old_lease_id()) }.to_any(),
            market::MsgWithdrawLease { id: Some(lease_id.clone()) }.to_any(),
        ),
        (
            ALICE,
            old_market::MsgCloseLease { lease_id: Some(old_lease_id()) }.to_any(),
            market::MsgCloseLease { id: Some(lease_id), reason: ids::LeaseClosedReason::LeaseClosedOwner.into() }
                .to_any(),
        ),
        (
            ALICE,
            old_deployment::MsgPauseGroup { id: group_id() }.to_any(),
            deployment::MsgPauseGroup { id: group_id() }.to_any(),
        ),
        (
            ALICE,
            old_deployment::MsgStartGroup { id: group_id() }.to_any(),
            deployment::MsgStartGroup { id: group_id() }.to_any(),
        ),
        (
            ALICE,
            old_deployment::MsgCloseGroup { id: group_id() }.to_any(),
            deployment::MsgCloseGroup { id: group_id() }.to_any(),
        ),
        (
            ALICE,
            old_deployment::MsgCloseDeployment { id: id() }.to_any(),
            deployment::MsgCloseDeployment { id: id() }.to_any(),
        ),
    ]
}

fn succeeded(net: &mut Net, key: Key, message: &Any) -> TxResult {
    let tx = net.signed(key, vec![message.clone()]);
    let result = net.one(tx);
    assert_eq!((result.code, result.codespace.as_str()), (0, ""), "{}: {}", message.type_url, result.log);
    result
}

fn response_url(result: &TxResult) -> String {
    TxMsgData::decode(result.data.as_slice()).unwrap().msg_responses[0].type_url.clone()
}

#[test]
fn a_deployment_in_older_words_leaves_the_same_state_and_events() {
    let (mut old, mut new) = (classic(), classic());
    let mut logs = String::new();
    for (key, old_message, new_message) in steps() {
        let (told, plain) = (succeeded(&mut old, key, &old_message), succeeded(&mut new, key, &new_message));
        assert_eq!(response_url(&told), format!("{}Response", old_message.type_url));
        assert_eq!(response_url(&plain), format!("{}Response", new_message.type_url));
        assert_eq!(plain.log, "");
        let typed = |result: &TxResult| {
            let events = result.events.iter().filter(|event| event.kind != "message" && event.kind != "tx");
            events.cloned().collect::<Vec<_>>()
        };
        assert_eq!(typed(&told), typed(&plain), "{}", old_message.type_url);
        let state = |net: &Net| app::genesis::ModuleStates::export(&net.app, &net.reader()).unwrap();
        assert_eq!(state(&old), state(&new), "{}", old_message.type_url);
        let log: Value = serde_json::from_str(&told.log).unwrap();
        logs.push_str(&format!("{}\n{}\n", old_message.type_url, akash(&log)));
    }
    assert_snapshot!(logs);
}

/// What the modules announced, a line for each event's attributes.
fn akash(log: &Value) -> String {
    let events = log[0]["events"].as_array().unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(kinds.is_sorted() && kinds.iter().all(|kind| *kind == "akash.v1" || !kind.contains('.')), "{kinds:?}");
    let own = events.iter().find(|event| event["type"] == "akash.v1");
    let Some(own) = own else { return String::new() };
    let attributes = own["attributes"].as_array().unwrap().iter();
    let pairs = attributes.map(|one| {
        let (key, value) = (one["key"].as_str().unwrap(), one["value"].as_str().unwrap());
        let start = if key == "module" { "\n  " } else { " " };
        let names = [(ALICE.text(), "ALICE"), (PROVIDER.text(), "PROVIDER")];
        let value = names.iter().fold(value.to_owned(), |text, (long, short)| text.replace(long, short));
        format!("{start}{key}={value}")
    });
    pairs.collect::<String>().trim_start_matches('\n').to_owned()
}

#[test]
fn the_log_has_an_entry_for_each_message() {
    let mut net = classic();
    succeeded(&mut net, PROVIDER, &old_seller());
    let tx = net.signed(ALICE, vec![send(ALICE, BOB, 5), old_create("")]);
    let result = net.one(tx);
    assert_eq!(result.code, 0, "{}", result.log);
    let text = result.log.replace(&ALICE.text(), "ALICE").replace(&BOB.text(), "BOB");
    let escrow = net.app.chain().prefix.text(&primitives::Address::of_module("escrow"));
    assert_snapshot!(text.replace(&escrow, "ESCROW"));
}

fn ask<Q: Message, R: Message + Default>(net: &Net, path: &str, request: &Q) -> R {
    let answer = net.app.query(&net.reader(), path, &request.encode_to_vec());
    R::decode(answer.unwrap_or_else(|error| panic!("{path}: {error}")).as_slice()).unwrap()
}

#[test]
fn older_queries_show_the_state_in_older_words() {
    let mut net = classic();
    for (key, message, _) in steps().into_iter().take(6) {
        succeeded(&mut net, key, &message);
    }
    let mut text = String::new();
    let mut show = |path: &str, answer: &dyn std::fmt::Debug| text.push_str(&format!("{path}\n{answer:?}\n"));

    let path = "/akash.deployment.v1beta3.Query/Deployment";
    let found: old_deployment::QueryDeploymentResponse =
        ask(&net, path, &old_deployment::QueryDeploymentRequest { id: id() });
    show(path, &found);
    let path = "/akash.deployment.v1beta3.Query/Deployments";
    let filters = old_deployment::QueryDeploymentsRequest::default();
    let all: old_deployment::QueryDeploymentsResponse = ask(&net, path, &filters);
    assert_eq!(all.deployments, std::slice::from_ref(&found));
    let path = "/akash.deployment.v1beta3.Query/Group";
    let request = old_deployment::QueryGroupRequest { id: Some(GroupId { owner: ALICE.text(), dseq: DSEQ, gseq: 1 }) };
    let one: old_deployment::QueryGroupResponse = ask(&net, path, &request);
    assert_eq!(one.group.as_ref(), found.groups.first());

    let path = "/akash.market.v1beta4.Query/Bid";
    let bid: old_market::QueryBidResponse = ask(&net, path, &old_market::QueryBidRequest { id: Some(old_bid_id()) });
    show(path, &bid);
    let path = "/akash.market.v1beta4.Query/Bids";
    let filters = old_market::BidFilters { owner: ALICE.text(), state: "active".to_owned(), ..Default::default() };
    let request = old_market::QueryBidsRequest { filters: Some(filters), pagination: None };
    let bids: old_market::QueryBidsResponse = ask(&net, path, &request);
    assert_eq!(bids.bids, [bid]);

    let path = "/akash.market.v1beta4.Query/Lease";
    let lease: old_market::QueryLeaseResponse =
        ask(&net, path, &old_market::QueryLeaseRequest { id: Some(old_lease_id()) });
    show(path, &lease);
    let path = "/akash.market.v1beta4.Query/Leases";
    let filters = old_market::LeaseFilters { provider: PROVIDER.text(), ..Default::default() };
    let request = old_market::QueryLeasesRequest { filters: Some(filters), pagination: None };
    let leases: old_market::QueryLeasesResponse = ask(&net, path, &request);
    assert_eq!(leases.leases, [lease]);

    let path = "/akash.market.v1beta4.Query/Orders";
    let orders: old_market::QueryOrdersResponse = ask(&net, path, &old_market::QueryOrdersRequest::default());
    show(path, &orders);
    let path = "/akash.market.v1beta4.Query/Order";
    let request = old_market::QueryOrderRequest { id: orders.orders[0].order_id.clone() };
    let order: old_market::QueryOrderResponse = ask(&net, path, &request);
    assert_eq!(order.order.as_ref(), orders.orders.first());

    let path = "/akash.provider.v1beta3.Query/Provider";
    let request = old_provider::QueryProviderRequest { owner: PROVIDER.text() };
    let one: old_provider::QueryProviderResponse = ask(&net, path, &request);
    let path = "/akash.provider.v1beta3.Query/Providers";
    let all: old_provider::QueryProvidersResponse = ask(&net, path, &old_provider::QueryProvidersRequest::default());
    assert_eq!(all.providers.first(), one.provider.as_ref());

    let accounts = |request: old_escrow::QueryAccountsRequest| -> old_escrow::QueryAccountsResponse {
        ask(&net, "/akash.escrow.v1beta3.Query/Accounts", &request)
    };
    assert_eq!(accounts(Default::default()).accounts.len(), 2);
    let scoped = accounts(old_escrow::QueryAccountsRequest { scope: "deployment".to_owned(), ..Default::default() });
    assert_eq!(scoped.accounts.first(), found.escrow_account.as_ref());
    let owned = accounts(old_escrow::QueryAccountsRequest { owner: PROVIDER.text(), ..Default::default() });
    assert_eq!((owned.accounts.len(), owned.accounts[0].id.as_ref().unwrap().scope.as_str()), (1, "bid"));
    let path = "/akash.escrow.v1beta3.Query/Payments";
    let request = old_escrow::QueryPaymentsRequest { owner: PROVIDER.text(), ..Default::default() };
    let payments: old_escrow::QueryPaymentsResponse = ask(&net, path, &request);
    assert_eq!(payments.payments.len(), 1);
    show(path, &payments);

    let names = [(ALICE.text(), "ALICE"), (PROVIDER.text(), "PROVIDER")];
    assert_snapshot!(names.iter().fold(text, |text, (long, short)| text.replace(long, short)));
}

#[test]
fn pages_go_on_where_they_stopped() {
    let mut net = classic();
    for dseq in 1..=3 {
        let mut message: old_deployment::MsgCreateDeployment = proto::FromAny::unpack(&old_create("")).unwrap();
        message.id.as_mut().unwrap().dseq = dseq;
        succeeded(&mut net, ALICE, &message.to_any());
    }
    let page = |key: Vec<u8>| -> old_deployment::QueryDeploymentsResponse {
        let filters =
            proto::akash::deployment::v1beta4::DeploymentFilters { owner: ALICE.text(), ..Default::default() };
        let pagination = proto::cosmos::base::query::v1beta1::PageRequest { limit: 2, key, ..Default::default() };
        let request = old_deployment::QueryDeploymentsRequest { filters: Some(filters), pagination: Some(pagination) };
        ask(&net, "/akash.deployment.v1beta3.Query/Deployments", &request)
    };
    let dseqs = |found: &old_deployment::QueryDeploymentsResponse| -> Vec<u64> {
        let ids = found.deployments.iter().filter_map(|one| one.deployment.as_ref()?.deployment_id.as_ref());
        ids.map(|id| id.dseq).collect()
    };
    let first = page(Vec::new());
    assert_eq!(dseqs(&first), [1, 2]);
    let second = page(first.pagination.unwrap().next_key);
    assert_eq!((dseqs(&second), second.pagination.unwrap().next_key), (vec![3], Vec::new()));
}

#[test]
fn what_older_words_cannot_say_is_refused_with_a_reason() {
    let mut net = classic();
    let mut text = String::new();
    let mut refuse = |what: &str, net: &mut Net, message: Any| {
        let tx = net.signed(ALICE, vec![message]);
        let result = net.one(tx);
        assert_ne!(result.code, 0, "{what}");
        let log = result.log.replace(&ALICE.text(), "ALICE").replace(&BOB.text(), "BOB");
        text.push_str(&format!("{what}: {} {}: {log}\n", result.codespace, result.code));
    };
    let mut tail = old_create("");
    // Field 1000 as a varint, which the message does not have.
    tail.value.extend([0xc0, 0x3e, 0x01]);
    refuse("unknown field", &mut net, tail);
    let mut default = old_create("");
    // An empty depositor, written out.
    default.value.extend([0x2a, 0x00]);
    refuse("a default written out", &mut net, default);
    refuse("another depositor", &mut net, old_create(&BOB.text()));
    let garbage = Any { value: vec![0xff; 9], ..old_create("") };
    refuse("garbage", &mut net, garbage);
    let query = net.app.query(&net.reader(), "/akash.escrow.v1beta3.Query/Accounts", &{
        let pagination = proto::cosmos::base::query::v1beta1::PageRequest { count_total: true, ..Default::default() };
        let (scope, pagination) = ("bid".to_owned(), Some(pagination));
        old_escrow::QueryAccountsRequest { scope, pagination, ..Default::default() }.encode_to_vec()
    });
    let query = query.unwrap_err();
    assert_eq!(query.status, QueryStatus::InvalidArgument);
    text.push_str(&format!("a total of filtered accounts: {query}\n"));
    let query = net.app.query(&net.reader(), "/akash.market.v1beta4.Query/Bids", &[0xff]).unwrap_err();
    assert_eq!(query.status, QueryStatus::InvalidArgument);
    let id = Some(old_bid_id());
    let request = old_market::QueryBidRequest { id }.encode_to_vec();
    let query = net.app.query(&net.reader(), "/akash.market.v1beta4.Query/Bid", &request).unwrap_err();
    assert_eq!((query.status, query.message.as_str()), (QueryStatus::NotFound, "bid not found"));
    assert_snapshot!(text);
}

#[test]
fn a_chain_without_the_flag_takes_none_of_it_and_says_what_to_send() {
    let mut net = Net::new();
    let tx = net.signed(ALICE, vec![old_create("")]);
    let result = net.one(tx);
    assert_eq!((result.code, result.codespace.as_str()), (6, "sdk"));
    let query = net.app.query(&net.reader(), "/akash.market.v1beta4.Query/Bids", &[]).unwrap_err();
    assert_eq!(query.status, QueryStatus::Unimplemented);
    assert_snapshot!(format!("{}\n{query}", result.log));
    let old = |name: &str| name.contains("v1beta3") || name.contains("market.v1beta4");
    assert!(!net.app.message_urls().any(old) && !net.app.query_paths().any(old));
    let net = classic();
    let created = format!("/{}", old_deployment::MsgCreateDeployment::full_name());
    assert!(net.app.message_urls().any(|url| url == created));
    assert!(net.app.query_paths().any(|path| path == "/akash.market.v1beta4.Query/Bids"));
}

#[test]
fn the_signature_covers_the_older_bytes() {
    let mut net = classic();
    let tx = net.signed(ALICE, vec![old_create("")]);
    // The same deployment in present words is another transaction, and the signature does not fit it.
    let mut raw = proto::cosmos::tx::v1beta1::TxRaw::decode(tx.as_slice()).unwrap();
    let mut body = proto::cosmos::tx::v1beta1::TxBody::decode(raw.body_bytes.as_slice()).unwrap();
    body.messages = vec![steps()[1].2.clone()];
    raw.body_bytes = body.encode_to_vec();
    let result = net.one(raw.encode_to_vec());
    assert_eq!((result.codespace.as_str(), result.code), ("sdk", 4), "{}", result.log);
    assert_eq!(net.one(tx).code, 0);
}

#[test]
fn a_simulation_uses_the_gas_of_the_real_run() {
    let mut net = classic();
    let account = net.account(ALICE);
    let draft = Draft::new(vec![old_create("")], &[(ALICE, account.sequence)]);
    let simulated = net.app.simulate(&net.reader(), &draft.unsigned()).unwrap();
    let real = net.one(draft.sign(&[(ALICE, account.number)]));
    assert_eq!((simulated.gas_used, simulated.log), (real.gas_used, real.log));
}
