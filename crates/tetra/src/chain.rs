//! The questions that commands ask the chain.

use client::Node;
use primitives::{Address, Coin, Coins, Dec, DecCoin, Denom, Prefix};
use proto::Message;
use proto::akash::audit::v1 as audit;
use proto::akash::deployment::{v1 as deployment_ids, v1beta4 as deployment};
use proto::akash::escrow::types::v1 as escrow;
use proto::akash::market::{v1 as market_ids, v1beta5 as market};
use proto::akash::provider::v1beta4 as provider;
use proto::cosmos::bank::v1beta1 as bank;
use proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use proto::cosmos::base::v1beta1 as base;
use proto::tetra::capacity::v1 as capacity;

use crate::context::Network;
use crate::error::{Class, Classify, CliError, Result};
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

    /// Every page of an answer.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn all<Q: Message, R: Message + Default, T>(
        &self,
        path: &str,
        request: impl Fn(Option<PageRequest>) -> Q,
        parts: impl Fn(R) -> (Vec<T>, Option<PageResponse>),
    ) -> Result<Vec<T>> {
        let (mut all, mut key) = (Vec::new(), Vec::new());
        loop {
            let page = PageRequest { key, limit: PAGE, ..PageRequest::default() };
            let (items, page) = parts(self.node.query(path, &request(Some(page))).await?);
            all.extend(items);
            key = page.unwrap_or_default().next_key;
            if key.is_empty() {
                return Ok(all);
            }
        }
    }

    /// All coins of an account.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn balances(&self, address: &Address) -> Result<Coins> {
        let address = self.prefix().text(address);
        let found = self.all(
            "/cosmos.bank.v1beta1.Query/AllBalances",
            |pagination| bank::QueryAllBalancesRequest { address: address.clone(), pagination, resolve_denom: false },
            |found: bank::QueryAllBalancesResponse| (found.balances, found.pagination),
        );
        let mut all = Coins::new();
        for coin in found.await? {
            all.add(&Coin::from_wire(&coin.denom, &coin.amount).class(Class::Internal)?);
        }
        Ok(all)
    }

    /// Deployments of an owner; `state` is empty for all.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn deployments(&self, owner: &str, state: &str) -> Result<Vec<deployment::QueryDeploymentResponse>> {
        let filters = deployment::DeploymentFilters { owner: owner.to_owned(), state: state.to_owned(), dseq: 0 };
        let found = self.all(
            "/akash.deployment.v1beta4.Query/Deployments",
            |pagination| deployment::QueryDeploymentsRequest { filters: Some(filters.clone()), pagination },
            |found: deployment::QueryDeploymentsResponse| (found.deployments, found.pagination),
        );
        found.await
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
        let (owner, state) = (owner.to_owned(), state.to_owned());
        let filters = market::BidFilters { owner, dseq, state, ..Default::default() };
        let found = self.all(
            "/akash.market.v1beta5.Query/Bids",
            |pagination| market::QueryBidsRequest { filters: Some(filters.clone()), pagination },
            |found: market::QueryBidsResponse| (found.bids, found.pagination),
        );
        Ok(found.await?.into_iter().filter_map(|bid| bid.bid).collect())
    }

    /// Leases of an owner with their payments; `dseq` 0 for all deployments, `state` empty for all.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn leases(&self, owner: &str, dseq: u64, state: &str) -> Result<Vec<market::QueryLeaseResponse>> {
        let (owner, state) = (owner.to_owned(), state.to_owned());
        let filters = market_ids::LeaseFilters { owner, dseq, state, ..Default::default() };
        let found = self.all(
            "/akash.market.v1beta5.Query/Leases",
            |pagination| market::QueryLeasesRequest { filters: Some(filters.clone()), pagination },
            |found: market::QueryLeasesResponse| (found.leases, found.pagination),
        );
        found.await
    }

    /// All registered providers.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn providers(&self) -> Result<Vec<provider::Provider>> {
        let found = self.all(
            "/akash.provider.v1beta4.Query/Providers",
            |pagination| provider::QueryProvidersRequest { pagination },
            |found: provider::QueryProvidersResponse| (found.providers, found.pagination),
        );
        found.await
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

    /// What is signed: of a provider, by an auditor, or all of it.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn signed(&self, provider: Option<&str>, auditor: Option<&str>) -> Result<Vec<audit::AuditedProvider>> {
        let parts = |found: audit::QueryProvidersResponse| (found.providers, found.pagination);
        let all = match (provider.map(str::to_owned), auditor.map(str::to_owned)) {
            (None, None) => {
                let path = "/akash.audit.v1.Query/AllProvidersAttributes";
                self.all(path, |pagination| audit::QueryAllProvidersAttributesRequest { pagination }, parts).await?
            }
            (provider, Some(auditor)) => {
                let request =
                    |pagination| audit::QueryAuditorAttributesRequest { auditor: auditor.clone(), pagination };
                let by = self.all("/akash.audit.v1.Query/AuditorAttributes", request, parts).await?;
                by.into_iter().filter(|one| provider.as_ref().is_none_or(|owner| one.owner == *owner)).collect()
            }
            (Some(owner), None) => {
                let request = |pagination| audit::QueryProviderAttributesRequest { owner: owner.clone(), pagination };
                match self.all("/akash.audit.v1.Query/ProviderAttributes", request, parts).await {
                    // So the chain says that nobody signed anything.
                    Err(error) if error.class() == Class::NotFound => Vec::new(),
                    other => other?,
                }
            }
        };
        Ok(all)
    }

    /// Hosts; all of them when no owner is named.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn hosts(&self, owner: &str) -> Result<Vec<capacity::Host>> {
        let found = self.all(
            "/tetra.capacity.v1.Query/Hosts",
            |pagination| capacity::QueryHostsRequest { owner: owner.to_owned(), pagination },
            |found: capacity::QueryHostsResponse| (found.hosts, found.pagination),
        );
        found.await
    }
}
