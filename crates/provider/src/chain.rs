//! What the agent asks of the chain and tells it, typed.

use std::sync::Arc;
use std::time::Duration;

use client::certs::standing;
use client::{Account, Confirmed, Fees, Node, NodeError, SigningKey};
use primitives::{Dec, DecCoin, Denom, Prefix};
use proto::akash::audit::v1 as audit;
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::cert::v1::Certificate;
use proto::akash::deployment::v1::DeploymentId;
use proto::akash::deployment::v1beta4::{QueryDeploymentRequest, QueryDeploymentResponse};
use proto::akash::market::v1 as ids;
use proto::akash::market::v1beta5 as market;
use proto::akash::provider::v1beta4 as provider;
use proto::cosmos::bank::v1beta1::{QueryBalanceRequest, QueryBalanceResponse};
use proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use proto::cosmos::base::v1beta1 as cosmos;
use proto::tetra::capacity::v1 as capacity;
use proto::{Any, Message, ToAny};
use sdl::placement::Signed;
use sdl::resources::Attribute;
use serde_json::{Value, json};
use telemetry::Counters;

use crate::lease::{LeaseName, OrderName};

const INCLUSION_LIMIT: Duration = Duration::from_secs(60);
/// A block between simulation and execution may cost more.
const GAS_ADJUSTMENT_PERCENT: u64 = 150;
/// Entries of one answer of a list.
const PAGE: u64 = 100;

/// Facts of the network, from its genesis document.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The chain id.
    pub(crate) chain_id: String,
    /// Bech32 prefix of its addresses.
    pub(crate) prefix: Prefix,
    /// Whether it is a toy network, on which what is simulated may be sold.
    pub(crate) dev: bool,
    /// The interval between blocks that the chain aims at, in milliseconds.
    pub(crate) block_interval_ms: u64,
    /// In what gas is paid, and base units per unit.
    pub(crate) gas: (Denom, Dec),
}

impl Facts {
    /// Reads them from a node.
    ///
    /// # Errors
    /// When the node does not answer, or its genesis lacks one of them.
    pub(crate) async fn read(node: &Node) -> Result<Self, NodeError> {
        let answer = node.call("genesis", json!({})).await?;
        let garbled =
            |why: String| NodeError::Garbled { url: node.url().to_owned(), method: "genesis".to_owned(), why };
        let at = |path: &str| answer.pointer(path).ok_or_else(|| garbled(format!("{path} is missing")));
        let text = |path: &str| {
            let value = at(path)?.as_str();
            value.map(str::to_owned).ok_or_else(|| garbled(format!("{path} is no text")))
        };
        let gas = match answer.pointer("/genesis/app_state/state/fees/params/gas_prices/0") {
            // Transactions are free; the denom of a fee of nothing does not matter, but it must be one.
            None => (text("/genesis/app_state/state/bank/denoms/0/denom")?, "0".to_owned()),
            Some(price) => {
                let field = |key| price.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                (field("denom"), field("price"))
            }
        };
        let interval = at("/genesis/app_state/block_interval_ms")?.as_u64().filter(|ms| *ms > 0);
        Ok(Self {
            chain_id: text("/genesis/app_state/chain_id")?,
            prefix: Prefix::new(&text("/genesis/app_state/prefix")?).map_err(|error| garbled(error.to_string()))?,
            dev: answer.pointer("/genesis/app_state/dev").and_then(Value::as_bool).unwrap_or(false),
            block_interval_ms: interval.ok_or_else(|| garbled("block_interval_ms is no number above 0".to_owned()))?,
            gas: (
                Denom::new(&gas.0).map_err(|error| garbled(error.to_string()))?,
                gas.1.parse().map_err(|error: primitives::DecError| garbled(error.to_string()))?,
            ),
        })
    }

    /// The interval between blocks.
    pub(crate) fn block_interval(&self) -> Duration {
        Duration::from_millis(self.block_interval_ms)
    }
}

/// The chain, as the provider's account sees it.
#[derive(Clone)]
pub(crate) struct Chain {
    account: Arc<Account>,
    address: String,
    facts: Facts,
    failures: Counters,
}

impl Chain {
    /// The chain that a node follows, with the account's key.
    /// `failures` counts calls that fail.
    pub(crate) fn new(node: Node, key: SigningKey, facts: Facts, failures: Counters) -> Self {
        let (denom, price) = facts.gas.clone();
        let fees = Fees { denom, price, adjustment_percent: GAS_ADJUSTMENT_PERCENT, inclusion_limit: INCLUSION_LIMIT };
        let account = Account::new(node, key, facts.prefix.clone(), facts.chain_id.clone(), fees);
        Self { address: account.text(), account: Arc::new(account), facts, failures }
    }

    /// The provider's address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Names the provider to another's gateway, for a quarter of an hour.
    pub(crate) fn token(&self) -> String {
        client::token::full_access(self.account.key(), &self.address)
    }

    /// Facts of the network.
    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The node.
    pub(crate) fn node(&self) -> &Node {
        self.account.node()
    }

    /// Sends messages as one transaction, after those that wait already, and waits for its block.
    pub(crate) async fn send(&self, messages: Vec<Any>) -> Result<Confirmed, NodeError> {
        let sent = self.account.send(messages).await;
        self.noting("send", sent)
    }

    fn noting<T>(&self, call: &str, outcome: Result<T, NodeError>) -> Result<T, NodeError> {
        if outcome.as_ref().is_err_and(|error| !error.is_not_found()) {
            self.failures.one(&[call]);
        }
        outcome
    }

    pub(crate) async fn ask<Q: Message, R: Message + Default>(&self, path: &str, request: &Q) -> Result<R, NodeError> {
        let answer = self.node().query(path, request).await;
        self.noting("query", answer)
    }

    pub(crate) async fn find<Q: Message, R: Message + Default>(
        &self,
        path: &str,
        request: &Q,
    ) -> Result<Option<R>, NodeError> {
        match self.ask(path, request).await {
            Ok(response) => Ok(Some(response)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn all<R, T, Q>(
        &self,
        path: &str,
        request: impl Fn(PageRequest) -> Q,
        parts: impl Fn(R) -> (Vec<T>, Option<PageResponse>),
    ) -> Result<Vec<T>, NodeError>
    where
        Q: Message,
        R: Message + Default,
    {
        let (mut all, mut key) = (Vec::new(), Vec::new());
        loop {
            let response: R = self.ask(path, &request(PageRequest { key, limit: PAGE, ..Default::default() })).await?;
            let (items, page) = parts(response);
            all.extend(items);
            key = page.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// An order; none when there is none of that name.
    pub(crate) async fn order(&self, name: &OrderName) -> Result<Option<market::Order>, NodeError> {
        let request = market::QueryOrderRequest { id: Some(name.to_wire()) };
        let found: Option<market::QueryOrderResponse> =
            self.find("/akash.market.v1beta5.Query/Order", &request).await?;
        Ok(found.and_then(|response| response.order))
    }

    /// All open orders.
    pub(crate) async fn open_orders(&self) -> Result<Vec<market::Order>, NodeError> {
        let filters = market::OrderFilters { state: "open".to_owned(), ..Default::default() };
        self.all(
            "/akash.market.v1beta5.Query/Orders",
            |page| market::QueryOrdersRequest { filters: Some(filters.clone()), pagination: Some(page) },
            |response: market::QueryOrdersResponse| (response.orders, response.pagination),
        )
        .await
    }

    /// A bid; none when there is none of that name.
    pub(crate) async fn bid(&self, name: &LeaseName) -> Result<Option<market::Bid>, NodeError> {
        let request = market::QueryBidRequest { id: Some(name.to_bid()) };
        let found: Option<market::QueryBidResponse> = self.find("/akash.market.v1beta5.Query/Bid", &request).await?;
        Ok(found.and_then(|response| response.bid))
    }

    /// The provider's open bids.
    pub(crate) async fn open_bids(&self) -> Result<Vec<market::Bid>, NodeError> {
        let (provider, state) = (self.address.clone(), "open".to_owned());
        let filters = market::BidFilters { provider, state, ..Default::default() };
        self.all(
            "/akash.market.v1beta5.Query/Bids",
            |page| market::QueryBidsRequest { filters: Some(filters.clone()), pagination: Some(page) },
            |response: market::QueryBidsResponse| (response.bids, response.pagination),
        )
        .await
        .map(|bids| bids.into_iter().filter_map(|bid| bid.bid).collect())
    }

    /// A lease; none when there is none of that name.
    pub(crate) async fn lease(&self, name: &LeaseName) -> Result<Option<ids::Lease>, NodeError> {
        let request = market::QueryLeaseRequest { id: Some(name.to_wire()) };
        let found: Option<market::QueryLeaseResponse> =
            self.find("/akash.market.v1beta5.Query/Lease", &request).await?;
        Ok(found.and_then(|response| response.lease))
    }

    async fn leases(&self, filters: ids::LeaseFilters) -> Result<Vec<ids::Lease>, NodeError> {
        let found = self.found_leases(filters).await?;
        Ok(found.into_iter().filter_map(|found| found.lease).collect())
    }

    async fn found_leases(&self, filters: ids::LeaseFilters) -> Result<Vec<market::QueryLeaseResponse>, NodeError> {
        let mut leases = Vec::new();
        for state in ["active", "reclaiming"] {
            let filters = ids::LeaseFilters { state: state.to_owned(), ..filters.clone() };
            let found = self.all(
                "/akash.market.v1beta5.Query/Leases",
                |page| market::QueryLeasesRequest { filters: Some(filters.clone()), pagination: Some(page) },
                |response: market::QueryLeasesResponse| (response.leases, response.pagination),
            );
            leases.extend(found.await?);
        }
        Ok(leases)
    }

    /// The provider's leases that run.
    pub(crate) async fn own_leases(&self) -> Result<Vec<ids::Lease>, NodeError> {
        self.leases(ids::LeaseFilters { provider: self.address.clone(), ..Default::default() }).await
    }

    /// The leases of a deployment that run, whoever serves them.
    pub(crate) async fn leases_of(&self, owner: &str, dseq: u64) -> Result<Vec<ids::Lease>, NodeError> {
        self.leases(ids::LeaseFilters { owner: owner.to_owned(), dseq, ..Default::default() }).await
    }

    /// As [`Self::leases_of`], with their payments.
    pub(crate) async fn payments_of(
        &self,
        owner: &str,
        dseq: u64,
    ) -> Result<Vec<market::QueryLeaseResponse>, NodeError> {
        self.found_leases(ids::LeaseFilters { owner: owner.to_owned(), dseq, ..Default::default() }).await
    }

    /// A deployment with its groups and its escrow account; none when there is none of that name.
    pub(crate) async fn deployment(
        &self,
        owner: &str,
        dseq: u64,
    ) -> Result<Option<QueryDeploymentResponse>, NodeError> {
        let request = QueryDeploymentRequest { id: Some(DeploymentId { owner: owner.to_owned(), dseq }) };
        self.find("/akash.deployment.v1beta4.Query/Deployment", &request).await
    }

    /// What is held under the name of a bid or lease.
    pub(crate) async fn holds_of(&self, reference: &str) -> Result<Vec<capacity::Hold>, NodeError> {
        self.holds(Vec::new(), reference).await
    }

    /// What is held on a host.
    pub(crate) async fn holds_on(&self, host_key: &[u8]) -> Result<Vec<capacity::Hold>, NodeError> {
        self.holds(host_key.to_vec(), "").await
    }

    async fn holds(&self, host_key: Vec<u8>, reference: &str) -> Result<Vec<capacity::Hold>, NodeError> {
        self.all(
            "/tetra.capacity.v1.Query/Holds",
            |page| capacity::QueryHoldsRequest {
                host_key: host_key.clone(),
                pagination: Some(page),
                reference: reference.to_owned(),
            },
            |response: capacity::QueryHoldsResponse| (response.holds, response.pagination),
        )
        .await
    }

    /// The hosts of the provider.
    pub(crate) async fn hosts(&self) -> Result<Vec<capacity::Host>, NodeError> {
        self.all(
            "/tetra.capacity.v1.Query/Hosts",
            |page| capacity::QueryHostsRequest { owner: self.address.clone(), pagination: Some(page) },
            |response: capacity::QueryHostsResponse| (response.hosts, response.pagination),
        )
        .await
    }

    /// The provider as it is registered; none when it is not.
    pub(crate) async fn provider(&self) -> Result<Option<provider::Provider>, NodeError> {
        let request = provider::QueryProviderRequest { owner: self.address.clone() };
        let found: Option<provider::QueryProviderResponse> =
            self.find("/akash.provider.v1beta4.Query/Provider", &request).await?;
        Ok(found.and_then(|response| response.provider))
    }

    /// The certificate that the provider published under a serial number (decimal); none when it published none.
    pub(crate) async fn certificate(&self, serial: &str) -> Result<Option<Certificate>, NodeError> {
        standing::find(self.node(), &self.address, serial).await
    }

    /// What auditors signed of the provider.
    pub(crate) async fn signed_attributes(&self) -> Result<Signed, NodeError> {
        let found = self.all(
            "/akash.audit.v1.Query/ProviderAttributes",
            |page| audit::QueryProviderAttributesRequest { owner: self.address.clone(), pagination: Some(page) },
            |response: audit::QueryProvidersResponse| (response.providers, response.pagination),
        );
        let found = match found.await {
            // So the chain says that nobody signed anything.
            Err(error) if error.is_not_found() => Vec::new(),
            other => other?,
        };
        let attributes = |of: audit::AuditedProvider| {
            let pairs = of.attributes.into_iter().map(|attribute| Attribute::new(attribute.key, attribute.value));
            (of.auditor, pairs.collect())
        };
        Ok(found.into_iter().map(attributes).collect())
    }

    /// The least deposit of a bid in a denom; none when bids cannot be deposited for in it.
    pub(crate) async fn least_deposit(&self, denom: &Denom) -> Result<Option<u128>, NodeError> {
        let request = market::QueryParamsRequest {};
        let response: market::QueryParamsResponse = self.ask("/akash.market.v1beta5.Query/Params", &request).await?;
        let deposits = response.params.unwrap_or_default().bid_min_deposits;
        let least = deposits.iter().find(|coin| coin.denom == denom.as_str());
        Ok(least.and_then(|coin| coin.amount.parse().ok()))
    }

    /// The provider's balance in a denom, in base units.
    pub(crate) async fn balance(&self, denom: &Denom) -> Result<u128, NodeError> {
        let request = QueryBalanceRequest { address: self.address.clone(), denom: denom.to_string() };
        let response: QueryBalanceResponse = self.ask("/cosmos.bank.v1beta1.Query/Balance", &request).await?;
        Ok(response.balance.and_then(|coin| coin.amount.parse().ok()).unwrap_or(0))
    }

    /// Bids on an order.
    pub(crate) async fn create_bid(
        &self,
        name: &LeaseName,
        price: &DecCoin,
        deposit: u128,
        offer: Vec<market::ResourceOffer>,
    ) -> Result<Confirmed, NodeError> {
        let denom = price.denom.to_string();
        let message = market::MsgCreateBid {
            id: Some(name.to_bid()),
            price: Some(cosmos::DecCoin { denom: denom.clone(), amount: price.amount.to_wire() }),
            deposit: Some(Deposit {
                amount: Some(cosmos::Coin { denom, amount: deposit.to_string() }),
                sources: vec![Source::Balance as i32],
            }),
            resources_offer: offer,
            reclamation_window: None,
        };
        self.send(vec![message.to_any()]).await
    }

    /// Takes a bid back, or leaves a lease.
    pub(crate) async fn close_bid(
        &self,
        name: &LeaseName,
        reason: ids::LeaseClosedReason,
    ) -> Result<Confirmed, NodeError> {
        let message = market::MsgCloseBid { id: Some(name.to_bid()), reason: reason as i32 };
        self.send(vec![message.to_any()]).await
    }

    /// Takes out what leases earned, in one transaction.
    pub(crate) async fn withdraw(&self, leases: &[LeaseName]) -> Result<Confirmed, NodeError> {
        let message = |lease: &LeaseName| market::MsgWithdrawLease { id: Some(lease.to_wire()) }.to_any();
        self.send(leases.iter().map(message).collect()).await
    }
}
