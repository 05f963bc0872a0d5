//! Nothing is lost between the generations but what only one of them can say.

use classic::Classic;
use primitives::Dec;
use proptest::prelude::*;
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::deployment::v1::{self as deployment_ids, DeploymentId};
use proto::akash::deployment::v1beta4::GroupSpec;
use proto::akash::deployment::{v1beta3 as old_deployment, v1beta4 as deployment};
use proto::akash::escrow::types::v1 as escrow;
use proto::akash::escrow::v1beta3 as old_escrow;
use proto::akash::market::v1::OrderId;
use proto::akash::market::{v1 as ids, v1beta4 as old_market, v1beta5 as market};
use proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use proto::cosmos::base::v1beta1::{Coin, DecCoin};
use proto::{Message, Name, type_url};

fn translated<Old: Message + Name, New: Message + Default>(old: &Old) -> New {
    let classic = Classic::new();
    let bytes = classic.message(&type_url::<Old>()).unwrap().translate(&old.encode_to_vec()).unwrap();
    New::decode(bytes.as_slice()).unwrap()
}

fn answered<Old: Message + Default, New: Message>(path: &str, answer: &New) -> Old {
    let bytes = Classic::new().query(path).unwrap().answer(&[], &answer.encode_to_vec()).unwrap();
    Old::decode(bytes.as_slice()).unwrap()
}

fn asked<Old: Message, New: Message + Default>(path: &str, request: &Old) -> New {
    let bytes = Classic::new().query(path).unwrap().ask(&request.encode_to_vec()).unwrap();
    New::decode(bytes.as_slice()).unwrap()
}

const OWNER: &str = "akash1owner";
const OTHER: &str = "akash1other";

fn coin() -> impl Strategy<Value = Coin> {
    ("u[a-z]{3}", any::<u64>()).prop_map(|(denom, amount)| Coin { denom, amount: amount.to_string() })
}

fn dec_coin() -> impl Strategy<Value = DecCoin> {
    any::<u64>().prop_map(|amount| DecCoin {
        denom: "uakt".to_owned(),
        amount: Dec::from_atoms(u128::from(amount) * 1_000_003).to_wire(),
    })
}

fn groups() -> impl Strategy<Value = Vec<GroupSpec>> {
    let group = |name: String| GroupSpec { name, ..GroupSpec::default() };
    prop::collection::vec("[a-z]{0,5}".prop_map(group), 0..3)
}

prop_compose! {
    fn bid_id()(dseq: u64, gseq: u32, oseq: u32) -> old_market::BidId {
        old_market::BidId { owner: OWNER.to_owned(), dseq, gseq, oseq, provider: OTHER.to_owned() }
    }
}

fn lease_id(id: old_market::BidId) -> old_market::LeaseId {
    let old_market::BidId { owner, dseq, gseq, oseq, provider } = id;
    old_market::LeaseId { owner, dseq, gseq, oseq, provider }
}

fn new_bid_id(id: &old_market::BidId) -> ids::BidId {
    let old_market::BidId { owner, dseq, gseq, oseq, provider } = id.clone();
    ids::BidId { owner, dseq, gseq, oseq, provider, bseq: 0 }
}

fn new_lease_id(id: &old_market::LeaseId) -> ids::LeaseId {
    let old_market::LeaseId { owner, dseq, gseq, oseq, provider } = id.clone();
    ids::LeaseId { owner, dseq, gseq, oseq, provider, bseq: 0 }
}

/// Whose coins a deposit is, as the older generation says it.
fn depositor(deposit: &Deposit) -> &'static str {
    match deposit.sources.as_slice() {
        [source] if *source == i32::from(Source::Balance) => OWNER,
        [source] if *source == i32::from(Source::Grant) => OTHER,
        other => panic!("{other:?}"),
    }
}

fn page() -> impl Strategy<Value = Option<PageRequest>> {
    let request = (any::<[u8; 3]>(), any::<u64>(), any::<u64>(), any::<bool>(), any::<bool>());
    prop::option::of(request.prop_map(|(key, offset, limit, count_total, reverse)| PageRequest {
        key: key.to_vec(),
        offset,
        limit,
        count_total,
        reverse,
    }))
}

fn payment() -> impl Strategy<Value = escrow::Payment> {
    (dec_coin(), dec_coin(), coin(), 0..4i32).prop_map(|(rate, balance, withdrawn, state)| {
        let aid = proto::akash::escrow::id::v1::Account { scope: 1, xid: format!("{OWNER}/7") };
        let id = proto::akash::escrow::id::v1::Payment { aid: Some(aid), xid: format!("1/1/{OTHER}") };
        let state = escrow::PaymentState {
            owner: OTHER.to_owned(),
            state,
            rate: Some(rate),
            balance: Some(balance),
            unsettled: None,
            withdrawn: Some(withdrawn),
        };
        escrow::Payment { id: Some(id), state: Some(state) }
    })
}

fn account() -> impl Strategy<Value = escrow::Account> {
    let deposit = (any::<bool>(), any::<u32>()).prop_map(|(own, atoms)| escrow::Depositor {
        owner: if own { OWNER } else { OTHER }.to_owned(),
        height: 3,
        source: Source::Balance.into(),
        balance: Some(DecCoin { denom: "uakt".to_owned(), amount: Dec::from_atoms(u128::from(atoms)).to_wire() }),
    });
    (prop::collection::vec(deposit, 0..5), dec_coin(), 0..4i32, 0..3i32, any::<i64>()).prop_map(
        |(deposits, transferred, state, scope, settled_at)| {
            let atoms = |one: &escrow::Depositor| one.balance.as_ref().unwrap().amount.parse::<u128>().unwrap();
            let amount = deposits.iter().map(atoms).sum::<u128>().to_string();
            escrow::Account {
                id: Some(proto::akash::escrow::id::v1::Account { scope, xid: format!("{OWNER}/7") }),
                state: Some(escrow::AccountState {
                    owner: OWNER.to_owned(),
                    state,
                    transferred: vec![transferred],
                    settled_at,
                    funds: vec![escrow::Balance { denom: "uakt".to_owned(), amount }],
                    deposits,
                }),
            }
        },
    )
}

fn amount(coin: Option<&DecCoin>) -> u128 {
    let coin = coin.unwrap();
    assert_eq!(coin.denom, "uakt");
    coin.amount.parse().unwrap()
}

/// What the older account says, against the present one.
fn same_account(old: &old_escrow::Account, new: &escrow::Account) {
    let (id, state) = (new.id.as_ref().unwrap(), new.state.as_ref().unwrap());
    let scope = ["", "deployment", "bid"][id.scope as usize];
    assert_eq!((old.id.as_ref().unwrap().scope.as_str(), &old.id.as_ref().unwrap().xid), (scope, &id.xid));
    assert_eq!((&old.owner, old.state, old.settled_at), (&state.owner, state.state, state.settled_at));
    assert_eq!(old.transferred.as_ref(), state.transferred.first());
    let funds: u128 = state.funds[0].amount.parse().unwrap();
    assert_eq!(amount(old.balance.as_ref()) + amount(old.funds.as_ref()), funds);
    let foreign = state.deposits.iter().find(|deposit| deposit.owner != OWNER);
    assert_eq!(old.depositor, foreign.map_or(OWNER, |deposit| deposit.owner.as_str()));
    assert!(foreign.is_some() || amount(old.funds.as_ref()) == 0);
}

fn same_payment(old: &old_escrow::FractionalPayment, new: &escrow::Payment) {
    let (id, state) = (new.id.as_ref().unwrap(), new.state.as_ref().unwrap());
    assert_eq!(old.account_id.as_ref().unwrap().xid, id.aid.as_ref().unwrap().xid);
    assert_eq!((&old.payment_id, &old.owner, old.state), (&id.xid, &state.owner, state.state));
    assert_eq!((&old.rate, &old.balance, &old.withdrawn), (&state.rate, &state.balance, &state.withdrawn));
}

proptest! {
    #[test]
    fn creations_and_deposits(dseq: u64, version: [u8; 32], groups in groups(), deposit in coin(), own: bool) {
        let id = Some(DeploymentId { owner: OWNER.to_owned(), dseq });
        let depositor_text = if own { OWNER } else { OTHER }.to_owned();
        let old = old_deployment::MsgCreateDeployment {
            id: id.clone(),
            groups,
            version: version.to_vec(),
            deposit: Some(deposit.clone()),
            depositor: depositor_text.clone(),
        };
        let new: deployment::MsgCreateDeployment = translated(&old);
        prop_assert_eq!(&new.reclamation, &None);
        let paid = new.deposit.unwrap();
        let back = old_deployment::MsgCreateDeployment {
            id: new.id,
            groups: new.groups,
            version: new.hash,
            depositor: depositor(&paid).to_owned(),
            deposit: paid.amount,
        };
        prop_assert_eq!(&back, &old);

        let old = old_deployment::MsgDepositDeployment { id, amount: Some(deposit), depositor: depositor_text };
        let new: proto::akash::escrow::v1::MsgAccountDeposit = translated(&old);
        let account = new.id.unwrap();
        prop_assert_eq!((new.signer.as_str(), account.scope), (OWNER, 1));
        let (owner, dseq) = account.xid.split_once('/').unwrap();
        let paid = new.deposit.unwrap();
        let back = old_deployment::MsgDepositDeployment {
            id: Some(DeploymentId { owner: owner.to_owned(), dseq: dseq.parse().unwrap() }),
            depositor: depositor(&paid).to_owned(),
            amount: paid.amount,
        };
        prop_assert_eq!(back, old);
    }

    #[test]
    fn bids_and_leases(id in bid_id(), price in dec_coin(), deposit in coin(), counts: [u32; 2]) {
        let old_market::BidId { owner, dseq, gseq, oseq, provider } = id.clone();
        let offer = |count: u32| old_market::ResourceOffer { resources: None, count };
        let old = old_market::MsgCreateBid {
            order: Some(OrderId { owner, dseq, gseq, oseq }),
            provider,
            price: Some(price),
            deposit: Some(deposit),
            resources_offer: counts.map(offer).to_vec(),
        };
        let new: market::MsgCreateBid = translated(&old);
        prop_assert_eq!(new.reclamation_window, None);
        let ids::BidId { owner, dseq, gseq, oseq, provider, bseq } = new.id.unwrap();
        let paid = new.deposit.unwrap();
        prop_assert_eq!((bseq, depositor(&paid)), (0, OWNER), "the provider's own coins");
        let offer = |one: market::ResourceOffer| {
            old_market::ResourceOffer { resources: one.resources, count: one.count }
        };
        let back = old_market::MsgCreateBid {
            order: Some(OrderId { owner, dseq, gseq, oseq }),
            provider,
            price: new.price,
            deposit: paid.amount,
            resources_offer: new.resources_offer.into_iter().map(offer).collect(),
        };
        prop_assert_eq!(back, old);

        let new: market::MsgCreateLease = translated(&old_market::MsgCreateLease { bid_id: Some(id.clone()) });
        prop_assert_eq!(new.bid_id, Some(new_bid_id(&id)));
        let new: market::MsgCloseBid = translated(&old_market::MsgCloseBid { bid_id: Some(id.clone()) });
        prop_assert_eq!((new.id, new.reason), (Some(new_bid_id(&id)), 10_002));
        let lease = lease_id(id);
        let new: market::MsgWithdrawLease =
            translated(&old_market::MsgWithdrawLease { bid_id: Some(lease.clone()) });
        prop_assert_eq!(new.id, Some(new_lease_id(&lease)));
        let new: market::MsgCloseLease = translated(&old_market::MsgCloseLease { lease_id: Some(lease.clone()) });
        prop_assert_eq!((new.id, new.reason), (Some(new_lease_id(&lease)), 1));
    }

    #[test]
    fn requests(id in bid_id(), state in "[a-z]{0,6}", pagination in page()) {
        let old_market::BidId { owner, dseq, gseq, oseq, provider } = id;
        let filters = old_market::LeaseFilters { owner, dseq, gseq, oseq, provider, state };
        let old = old_market::QueryLeasesRequest { filters: Some(filters.clone()), pagination: pagination.clone() };
        let new: market::QueryLeasesRequest = asked("/akash.market.v1beta4.Query/Leases", &old);
        let old_market::LeaseFilters { owner, dseq, gseq, oseq, provider, state } = filters;
        let wanted = ids::LeaseFilters { owner, dseq, gseq, oseq, provider, state, bseq: 0 };
        prop_assert_eq!((new.filters, new.pagination), (Some(wanted), pagination.clone()));
        let old = old_market::QueryBidsRequest { filters: None, pagination: pagination.clone() };
        let new: market::QueryBidsRequest = asked("/akash.market.v1beta4.Query/Bids", &old);
        prop_assert_eq!((new.filters, new.pagination), (None, pagination));
    }

    #[test]
    fn answers(id in bid_id(), account in account(), payment in payment(), price in dec_coin(), state in 0..5i32,
        created_at: i64, closed_on: i64, hash: [u8; 32], next_key: [u8; 4], total: u64) {
        let found = market::QueryBidResponse {
            bid: Some(market::Bid {
                id: Some(new_bid_id(&id)),
                state,
                price: Some(price.clone()),
                created_at,
                ..market::Bid::default()
            }),
            escrow_account: Some(account.clone()),
        };
        let old: old_market::QueryBidResponse = answered("/akash.market.v1beta4.Query/Bid", &found);
        same_account(&old.escrow_account.unwrap(), &account);
        let bid = old.bid.unwrap();
        prop_assert_eq!((bid.bid_id, bid.state, bid.price, bid.created_at),
            (Some(id.clone()), state, Some(price.clone()), created_at));

        let lease = lease_id(id);
        let pagination = Some(PageResponse { next_key: next_key.to_vec(), total });
        let found = market::QueryLeasesResponse {
            leases: vec![market::QueryLeaseResponse {
                lease: Some(ids::Lease {
                    id: Some(new_lease_id(&lease)),
                    state,
                    price: Some(price.clone()),
                    created_at,
                    closed_on,
                    ..ids::Lease::default()
                }),
                escrow_payment: Some(payment.clone()),
            }],
            pagination: pagination.clone(),
        };
        let old: old_market::QueryLeasesResponse = answered("/akash.market.v1beta4.Query/Leases", &found);
        prop_assert_eq!(old.pagination, pagination);
        let shown = &old.leases[0];
        same_payment(shown.escrow_payment.as_ref().unwrap(), &payment);
        // A lease that is asked back is active still.
        let wanted = if state == 4 { 1 } else { state };
        let found = shown.lease.clone().unwrap();
        prop_assert_eq!((found.lease_id, found.state, found.price), (Some(lease), wanted, Some(price)));
        prop_assert_eq!((found.created_at, found.closed_on), (created_at, closed_on));

        let (id, state) = (Some(DeploymentId { owner: OWNER.to_owned(), dseq: total }), state.min(2));
        let found = deployment::QueryDeploymentResponse {
            deployment: Some(deployment_ids::Deployment {
                id: id.clone(),
                state,
                hash: hash.to_vec(),
                created_at,
                reclamation: None,
            }),
            groups: Vec::new(),
            escrow_account: Some(account.clone()),
        };
        let old: old_deployment::QueryDeploymentResponse =
            answered("/akash.deployment.v1beta3.Query/Deployment", &found);
        same_account(&old.escrow_account.unwrap(), &account);
        let shown = old.deployment.unwrap();
        prop_assert_eq!((shown.deployment_id, shown.state, shown.version, shown.created_at),
            (id, state, hash.to_vec(), created_at));
    }

    #[test]
    fn garbage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let classic = Classic::new();
        for url in classic.message_urls() {
            let _ = classic.message(url).unwrap().translate(&bytes);
        }
        for path in classic.query_paths() {
            let query = classic.query(path).unwrap();
            let _ = query.ask(&bytes);
            let _ = query.answer(&bytes, &bytes);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let attributes = [("id".to_owned(), text.clone()), ("msg_index".to_owned(), "0".to_owned())];
        let event = classic::log::Event { kind: "akash.market.v1.EventBidCreated", attributes: &attributes };
        let log = classic::log::write(1, [event]);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&log).is_ok());
    }
}

/// An account that owes something has no funds.
#[test]
fn an_overdrawn_account_holds_nothing() {
    let state = escrow::AccountState {
        owner: OWNER.to_owned(),
        state: 3,
        funds: vec![escrow::Balance { denom: "uakt".to_owned(), amount: "-20000000000000000000".to_owned() }],
        ..escrow::AccountState::default()
    };
    let found =
        market::QueryBidResponse { escrow_account: Some(escrow::Account { id: None, state: Some(state) }), bid: None };
    let old: old_market::QueryBidResponse = answered("/akash.market.v1beta4.Query/Bid", &found);
    let account = old.escrow_account.unwrap();
    assert_eq!((amount(account.balance.as_ref()), amount(account.funds.as_ref()), account.state), (0, 0, 3));
}
