//! The questions that commands ask the chain.

use client::{Node, NodeError};
use primitives::{Address, Coins, Dec, DecCoin, Denom, Prefix};
use proto::akash::deployment::{v1 as deployment_ids, v1beta4 as deployment};
use proto::akash::escrow::types::v1 as escrow;
use proto::akash::market::{v1 as market_ids, v1beta5 as market};
use proto::akash::provider::v1beta4 as provider;
use proto::cosmos::bank::v1beta1 as bank;
use proto::cosmos::base::query::v1beta1::PageRequest;
use proto::cosmos::base::v1beta1 as base;
use proto::tetra::capacity::v1 as capacity;
use serde_json::{Value, json};

use crate::context::Network;
use crate::error::{Class, CliError, Result};
use crate::money::Units;

/// How many entries a page has.
const PAGE: u64 = 100;

/// A network and a node of it.
pub struct Chain {
    /// The node that is asked.
    pub node: Node,
    /// The network's facts.
    pub network: Network,
    /// How its denoms are shown.
    pub units: Units,
}

fn page(key: Vec<u8>) -> Option<PageRequest> {
    Some(PageRequest { key, limit: PAGE, ..PageRequest::default() })
}

/// An amount of the wire.
///
/// # Errors
/// When the chain's answer is malformed.
pub fn dec_coin(coin: Option<&base::DecCoin>) -> Result<DecCoin> {
    let malformed = |why: String| CliError::new(Class::Internal, format!("the chain's answer has a bad amount: {why}"));
    let coin = coin.ok_or_else(|| malformed("it is missing".to_owned()))?;
    DecCoin::from_wire(&coin.denom, &coin.amount).map_err(|error| malformed(error.to_string()))
}

/// What an escrow account holds and moved: its denom, funds (zero when it owes) and what it transferred.
///
/// # Errors
/// When the chain's answer is malformed.
pub fn escrow_amounts(account: &escrow::AccountState) -> Result<(Denom, Dec, Dec)> {
    let malformed = || CliError::new(Class::Internal, "the chain's answer has a malformed escrow account");
    let balance = account.funds.first().ok_or_else(malformed)?;
    let denom = Denom::new(&balance.denom).map_err(|_| malformed())?;
    let funds = if balance.amount.starts_with('-') {
        Dec::ZERO
    } else {
        Dec::from_wire(&balance.amount).map_err(|_| malformed())?
    };
    let transferred = match account.transferred.first() {
        Some(coin) => dec_coin(Some(coin))?.amount,
        None => Dec::ZERO,
    };
    Ok((denom, funds, transferred))
}

impl Chain {
    /// The last height.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn height(&self) -> Result<u64> {
        Ok(self.node.status().await?.height)
    }

    /// The chain's address prefix.
    pub fn prefix(&self) -> &Prefix {
        &self.network.prefix
    }

    /// All coins of an account.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn balances(&self, address: &Address) -> Result<Coins> {
        let address = self.prefix().text(address);
        let mut all = Coins::new();
        let mut key = Vec::new();
        loop {
            let request =
                bank::QueryAllBalancesRequest { address: address.clone(), pagination: page(key), resolve_denom: false };
            let path = "/cosmos.bank.v1beta1.Query/AllBalances";
            let found: bank::QueryAllBalancesResponse = self.node.query(path, &request).await?;
            for coin in &found.balances {
                let coin = primitives::Coin::from_wire(&coin.denom, &coin.amount)
                    .map_err(|error| CliError::new(Class::Internal, error))?;
                all.add(&coin);
            }
            key = found.pagination.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Deployments of an owner; `state` is empty for all.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn deployments(&self, owner: &str, state: &str) -> Result<Vec<deployment::QueryDeploymentResponse>> {
        let filters = deployment::DeploymentFilters { owner: owner.to_owned(), state: state.to_owned(), dseq: 0 };
        let mut all = Vec::new();
        let mut key = Vec::new();
        loop {
            let request = deployment::QueryDeploymentsRequest { filters: Some(filters.clone()), pagination: page(key) };
            let path = "/akash.deployment.v1beta4.Query/Deployments";
            let found: deployment::QueryDeploymentsResponse = self.node.query(path, &request).await?;
            all.extend(found.deployments);
            key = found.pagination.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// One deployment.
    ///
    /// # Errors
    /// When there is none.
    pub async fn deployment(&self, owner: &str, dseq: u64) -> Result<deployment::QueryDeploymentResponse> {
        let id = deployment_ids::DeploymentId { owner: owner.to_owned(), dseq };
        let request = deployment::QueryDeploymentRequest { id: Some(id) };
        match self.node.query("/akash.deployment.v1beta4.Query/Deployment", &request).await {
            Err(error) if error.is_not_found() => {
                Err(CliError::new(Class::NotFound, format!("{owner} has no deployment {dseq}"))
                    .hint("`tetra deployment list --all` shows yours; --from NAME looks as another account"))
            }
            other => Ok(other?),
        }
    }

    /// Bids on the deployments of an owner; `dseq` 0 for all of them, `state` empty for all.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn bids(&self, owner: &str, dseq: u64, state: &str) -> Result<Vec<market::Bid>> {
        let filters =
            market::BidFilters { owner: owner.to_owned(), dseq, state: state.to_owned(), ..Default::default() };
        let mut all = Vec::new();
        let mut key = Vec::new();
        loop {
            let request = market::QueryBidsRequest { filters: Some(filters.clone()), pagination: page(key) };
            let found: market::QueryBidsResponse =
                self.node.query("/akash.market.v1beta5.Query/Bids", &request).await?;
            all.extend(found.bids.into_iter().filter_map(|bid| bid.bid));
            key = found.pagination.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Orders of a deployment.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn orders(&self, owner: &str, dseq: u64, state: &str) -> Result<Vec<market::Order>> {
        let filters =
            market::OrderFilters { owner: owner.to_owned(), dseq, state: state.to_owned(), ..Default::default() };
        let mut all = Vec::new();
        let mut key = Vec::new();
        loop {
            let request = market::QueryOrdersRequest { filters: Some(filters.clone()), pagination: page(key) };
            let found: market::QueryOrdersResponse =
                self.node.query("/akash.market.v1beta5.Query/Orders", &request).await?;
            all.extend(found.orders);
            key = found.pagination.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Leases of an owner with their payments; `dseq` 0 for all deployments, `state` empty for all.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn leases(&self, owner: &str, dseq: u64, state: &str) -> Result<Vec<market::QueryLeaseResponse>> {
        let filters =
            market_ids::LeaseFilters { owner: owner.to_owned(), dseq, state: state.to_owned(), ..Default::default() };
        let mut all = Vec::new();
        let mut key = Vec::new();
        loop {
            let request = market::QueryLeasesRequest { filters: Some(filters.clone()), pagination: page(key) };
            let found: market::QueryLeasesResponse =
                self.node.query("/akash.market.v1beta5.Query/Leases", &request).await?;
            all.extend(found.leases);
            key = found.pagination.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// All registered providers.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn providers(&self) -> Result<Vec<provider::Provider>> {
        let mut all = Vec::new();
        let mut key = Vec::new();
        loop {
            let request = provider::QueryProvidersRequest { pagination: page(key) };
            let found: provider::QueryProvidersResponse =
                self.node.query("/akash.provider.v1beta4.Query/Providers", &request).await?;
            all.extend(found.providers);
            key = found.pagination.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// The address of a provider's gateway.
    ///
    /// # Errors
    /// When it is not registered.
    pub async fn gateway_uri(&self, owner: &str) -> Result<String> {
        let request = provider::QueryProviderRequest { owner: owner.to_owned() };
        let found: provider::QueryProviderResponse =
            self.node.query("/akash.provider.v1beta4.Query/Provider", &request).await?;
        let missing = || CliError::new(Class::NotFound, format!("{owner} is not registered as a provider"));
        found.provider.map(|provider| provider.host_uri).ok_or_else(missing)
    }

    /// Hosts; all of them when no owner is named.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn hosts(&self, owner: &str) -> Result<Vec<capacity::Host>> {
        let mut all = Vec::new();
        let mut key = Vec::new();
        loop {
            let request = capacity::QueryHostsRequest { owner: owner.to_owned(), pagination: page(key) };
            let found: capacity::QueryHostsResponse =
                self.node.query("/tetra.capacity.v1.Query/Hosts", &request).await?;
            all.extend(found.hosts);
            key = found.pagination.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// The take of a denom in percent, as it is now.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn take_percent(&self, denom: &Denom) -> Result<u32> {
        use proto::akash::take::v1::{QueryParamsRequest, QueryParamsResponse};
        let found: QueryParamsResponse = self.node.query("/akash.take.v1.Query/Params", &QueryParamsRequest {}).await?;
        let params = found.params.unwrap_or_default();
        let special = params.denom_take_rates.iter().find(|rate| rate.denom == denom.as_str()).map(|rate| rate.rate);
        Ok(special.unwrap_or(params.default_take_rate))
    }

    /// Events of a block, of its transactions and of its end.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn events_at(&self, height: u64) -> Result<Vec<client::node::ChainEvent>> {
        let results: Value = self.node.call("block_results", json!({ "height": height.to_string() })).await?;
        let garbled = |why: String| {
            CliError::from(NodeError::Garbled {
                url: self.node.url().to_owned(),
                method: "block_results".to_owned(),
                why,
            })
        };
        let txs = results.get("txs_results").and_then(Value::as_array).cloned().unwrap_or_default();
        let of_txs = txs.iter().filter_map(|tx| tx.get("events"));
        let lists = of_txs.chain(results.get("finalize_block_events")).filter(|events| !events.is_null());
        let mut all = Vec::new();
        for events in lists {
            let events: Vec<client::node::ChainEvent> =
                serde_json::from_value(events.clone()).map_err(|error| garbled(error.to_string()))?;
            all.extend(events);
        }
        Ok(all)
    }
}
