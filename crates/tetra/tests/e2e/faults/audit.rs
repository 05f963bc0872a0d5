//! The money of a network, counted from outside before and after. Shares nothing with the bill of `tetra deployment
//! close`: it reads balances and leases, and computes in whole numbers of 10^-18 units.

use std::collections::BTreeMap;

use client::Node;
use primitives::{Address, Prefix};
use proto::Message;
use proto::akash::market::v1::{Lease, LeaseFilters};
use proto::akash::market::v1beta5::{QueryLeasesRequest, QueryLeasesResponse};
use proto::cosmos::auth::v1beta1::{BaseAccount, ModuleAccount, QueryAccountsRequest, QueryAccountsResponse};
use proto::cosmos::bank::v1beta1::{
    QueryAllBalancesRequest, QueryAllBalancesResponse, QueryTotalSupplyRequest, QueryTotalSupplyResponse,
};
use proto::cosmos::base::v1beta1::Coin;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::net::Net;

/// One base unit in the smallest parts of a rate.
const ONE: u128 = 10u128.pow(18);
/// What leases are paid in here; gas is paid in the other coin, so that this one moves by leases alone.
const PAID_IN: &str = "uusd";
/// The network's part of what is paid in [`PAID_IN`].
const TAKE_PERCENT: u128 = 20;
/// What `tetra deploy` sets aside unless told otherwise.
pub(super) const DEPOSIT: u128 = 5_000_000;

type Amounts = BTreeMap<String, u128>;

/// The books of a network, opened at a height.
pub(super) struct Books {
    node: Node,
    runtime: Runtime,
    tenant: String,
    provider: String,
    prefix: Prefix,
    genesis: Amounts,
    before: BTreeMap<String, Amounts>,
}

/// What one deployment must have moved, in base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// From the tenant, for good.
    cost: u128,
    /// To the provider.
    paid: u128,
    /// To the network: its take, and the unit that two fractions make.
    kept: u128,
    /// What the tenant owes beyond the deposit, rounded up.
    pub(super) owed: u128,
}

impl Books {
    /// Opens the books.
    pub(super) fn open(net: &Net) -> Self {
        let genesis = std::fs::read_to_string(net.home().join("local/genesis.json")).unwrap();
        let genesis: Value = serde_json::from_str(&genesis).unwrap();
        let account = |name: &str| net.json(&["wallet", "show", name])["address"].as_str().unwrap().to_owned();
        let mut books = Self {
            node: Node::new(net.report["validators"][0]["rpc"].as_str().unwrap()),
            runtime: Runtime::new().unwrap(),
            tenant: account("alice"),
            provider: net.report["providers"][0]["address"].as_str().unwrap().to_owned(),
            prefix: Prefix::new(genesis["prefix"].as_str().unwrap()).unwrap(),
            genesis: begun_with(&genesis),
            before: BTreeMap::new(),
        };
        books.before = books.balances(books.height());
        books
    }

    /// Nothing was made or lost since genesis, and the closed deployments moved what their rates and blocks say, to the
    /// unit. Each is named with its deposit.
    pub(super) fn check(&self, deployments: &[(u64, u128)]) -> Vec<Due> {
        let height = self.height();
        let after = self.balances(height);
        let mut all = Amounts::new();
        for (denom, amount) in after.values().flatten() {
            *all.entry(denom.clone()).or_default() += amount;
        }
        assert_eq!(all, self.genesis, "all balances together are what genesis began with");
        let supply: QueryTotalSupplyResponse =
            self.ask("/cosmos.bank.v1beta1.Query/TotalSupply", &QueryTotalSupplyRequest::default(), height);
        assert_eq!(amounts(supply.supply), self.genesis, "the supply is what genesis began with");

        let due: Vec<Due> = deployments.iter().map(|(dseq, deposit)| self.due(*dseq, *deposit, height)).collect();
        let sum = |part: fn(&Due) -> u128| i128::try_from(due.iter().map(part).sum::<u128>()).unwrap();
        let moved = |address: &str| {
            let of = |books: &BTreeMap<String, Amounts>| {
                let held = books.get(address).and_then(|held| held.get(PAID_IN)).copied().unwrap_or(0);
                i128::try_from(held).unwrap()
            };
            of(&after) - of(&self.before)
        };
        let module = |name: &str| self.prefix.text(&Address::of_module(name));
        assert_eq!(moved(&self.tenant), -sum(|due| due.cost), "tenant: {due:?}");
        assert_eq!(moved(&self.provider), sum(|due| due.paid), "provider: {due:?}");
        assert_eq!(moved(&module("community_pool")), sum(|due| due.kept), "the network's take and fractions: {due:?}");
        assert_eq!(moved(&module("escrow")), 0, "nothing stays in escrow: {due:?}");
        due
    }

    /// What a deployment that is over must have moved.
    fn due(&self, dseq: u64, deposit: u128, height: u64) -> Due {
        let filters = LeaseFilters { owner: self.tenant.clone(), dseq, ..Default::default() };
        let request = QueryLeasesRequest { filters: Some(filters), pagination: None };
        let found: QueryLeasesResponse = self.ask("/akash.market.v1beta5.Query/Leases", &request, height);
        let leases: Vec<Lease> = found.leases.into_iter().filter_map(|found| found.lease).collect();
        match leases.as_slice() {
            [] => Due::default(),
            [lease] => {
                let rate: u128 = lease.price.as_ref().unwrap().amount.parse().unwrap();
                assert!(lease.closed_on > lease.created_at, "deployment {dseq} is not over: {lease:?}");
                due(deposit, rate, u128::try_from(lease.closed_on - lease.created_at).unwrap())
            }
            more => panic!("these stories have one lease each, not {}", more.len()),
        }
    }

    /// The height of the last block.
    pub(super) fn height(&self) -> u64 {
        self.runtime.block_on(self.node.status()).unwrap().height
    }

    fn ask<Q: Message, R: Message + Default>(&self, path: &str, request: &Q, height: u64) -> R {
        self.runtime.block_on(self.node.query_at(path, request, height)).unwrap()
    }

    fn balances(&self, height: u64) -> BTreeMap<String, Amounts> {
        let found: QueryAccountsResponse =
            self.ask("/cosmos.auth.v1beta1.Query/Accounts", &QueryAccountsRequest::default(), height);
        let addresses = found.accounts.iter().map(|packed| {
            let base = match packed.type_url.ends_with("ModuleAccount") {
                true => ModuleAccount::decode(packed.value.as_slice()).unwrap().base_account.unwrap(),
                false => BaseAccount::decode(packed.value.as_slice()).unwrap(),
            };
            base.address
        });
        let of = |address: String| {
            let request = QueryAllBalancesRequest { address: address.clone(), ..Default::default() };
            let held: QueryAllBalancesResponse = self.ask("/cosmos.bank.v1beta1.Query/AllBalances", &request, height);
            (address, amounts(held.balances))
        };
        addresses.map(of).collect()
    }
}

/// A rate is in 10^-18 units. Of what is not whole, the tenant's and the provider's fractions make one unit.
fn due(deposit: u128, rate: u128, blocks: u128) -> Due {
    let (held, cost) = (deposit * ONE, rate * blocks);
    if cost > held {
        // The block that the funds did not cover whole is the last that counts.
        let last = (held / rate + 1) * rate;
        let take = deposit * TAKE_PERCENT / 100;
        return Due { cost: deposit, paid: deposit - take, kept: take, owed: (last - held).div_ceil(ONE) };
    }
    let (earned, refund) = (cost / ONE, (held - cost) / ONE);
    let take = earned * TAKE_PERCENT / 100;
    Due { cost: deposit - refund, paid: earned - take, kept: take + (deposit - refund - earned), owed: 0 }
}

fn amounts(coins: Vec<Coin>) -> Amounts {
    coins.into_iter().map(|coin| (coin.denom, coin.amount.parse().unwrap())).collect()
}

fn begun_with(genesis: &Value) -> Amounts {
    let mut all = Amounts::new();
    for balance in genesis["state"]["bank"]["balances"].as_array().unwrap() {
        for coin in balance["coins"].as_str().unwrap().split(',') {
            let (amount, denom) = coin.split_at(coin.find(|c: char| !c.is_ascii_digit()).unwrap());
            *all.entry(denom.to_owned()).or_default() += amount.parse::<u128>().unwrap();
        }
    }
    all
}

#[test]
fn what_is_due_is_the_whole_deposit_in_parts() {
    let tenths = |number: u128| number * ONE / 10;
    assert_eq!(due(1000, tenths(72), 10), Due { cost: 72, paid: 58, kept: 14, owed: 0 });
    // 72.5 are spent: the provider earned 72, the tenant gets 927 back, a unit of two halves stays.
    assert_eq!(due(1000, tenths(145), 5), Due { cost: 73, paid: 58, kept: 15, owed: 0 });
    // 1000 cover 50 blocks of 19.9 and a part of the next.
    assert_eq!(due(1000, tenths(199), 99), Due { cost: 1000, paid: 800, kept: 200, owed: 15 });
}
