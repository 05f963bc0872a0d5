//! The other network, by Akash's API alone: transactions and queries at a node, and its providers' gateways.

use std::time::Duration;

use client::exec::ShellAsk;
use client::gateway::{LeaseStatus, LogOptions};
use client::{Account, Auth, Fees, Gateway, Node, NodeError, SigningKey, Trust};
use primitives::{Dec, Denom, Prefix};
use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::deployment::v1::DeploymentId;
use proto::akash::deployment::v1beta4 as deployment;
use proto::akash::escrow::id::v1 as escrow_id;
use proto::akash::escrow::v1::MsgAccountDeposit;
use proto::akash::market::v1 as market_ids;
use proto::akash::market::v1beta5 as market;
use proto::akash::provider::v1beta4::{QueryProviderRequest, QueryProviderResponse};
use proto::cosmos::base::v1beta1 as cosmos;
use proto::{Any, ToAny};
use sdl::Sdl;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::slots::Lease;
use crate::cluster::config::LeaseConfig;
use crate::cluster::pods::SERVICE;
use crate::cluster::trouble::Trouble;

/// For a transaction to be in a block.
const INCLUSION_LIMIT: Duration = Duration::from_secs(60);
/// A block between simulation and execution may cost more.
const GAS_ADJUSTMENT_PERCENT: u64 = 150;
/// How long bids are waited for, and between two looks.
const BIDS: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(500);
/// After this many looks without another bid the cheapest is taken.
const QUIET: u32 = 6;
/// For a provider to see a lease, and its manifest's hash.
const PATIENCE: Duration = Duration::from_secs(60);
/// Blocks over which their interval is measured.
const MEASURED: u64 = 20;
/// A provider's answer to a manifest that is newer than the block that it has seen.
const TOO_NEW: &str = "manifest version validation failed";

/// The broker's account there.
pub(super) struct Foreign {
    account: Account,
    /// Of the account.
    pub(super) address: String,
    pub(super) network: String,
    /// Blocks in an hour, as measured when it was opened.
    hourly_blocks: u64,
    denom: Denom,
    deposit: u128,
}

fn fetch(error: impl ToString) -> Trouble {
    Trouble::Fetch(error.to_string())
}

impl Foreign {
    /// Opens the account of a key there.
    ///
    /// # Errors
    /// When the node does not answer, or what is configured is malformed.
    pub(super) async fn open(config: &LeaseConfig, key: SigningKey) -> Result<Self, Trouble> {
        let odd = |what: &str, why: String| Trouble::Odd(format!("`cluster.lease` in provider.json: {what}: {why}"));
        let node = Node::new(config.node.clone());
        let status = node.status().await?;
        let prefix = Prefix::new(&config.prefix).map_err(|error| odd("prefix", error.to_string()))?;
        let denom = |what, text: &str| Denom::new(text).map_err(|error| odd(what, error.to_string()));
        let fees = Fees {
            denom: denom("gas_denom", &config.gas_denom)?,
            price: config.gas_price.0,
            adjustment_percent: GAS_ADJUSTMENT_PERCENT,
            inclusion_limit: INCLUSION_LIMIT,
        };
        let interval = interval_ms(&node, status.height).await?;
        let account = Account::new(node, key, prefix, status.chain_id.clone(), fees);
        Ok(Self {
            address: account.text(),
            account,
            network: status.chain_id,
            hourly_blocks: 3_600_000 / interval,
            denom: denom("denom", &config.denom)?,
            deposit: config.deposit.into(),
        })
    }

    fn node(&self) -> &Node {
        self.account.node()
    }

    async fn send(&self, message: Any) -> Result<(), Trouble> {
        match self.account.send(vec![message]).await {
            Ok(_) => Ok(()),
            Err(error @ NodeError::Rejected { .. }) => {
                Err(Trouble::Waits(format!("{} on {} is refused: {error}", self.address, self.network)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn own_deposit(&self) -> Deposit {
        let amount = cosmos::Coin { denom: self.denom.to_string(), amount: self.deposit.to_string() };
        Deposit { amount: Some(amount), sources: vec![Source::Balance.into()] }
    }

    fn id(&self, dseq: u64) -> DeploymentId {
        DeploymentId { owner: self.address.clone(), dseq }
    }

    /// A number for a deployment that this account has not used.
    pub(super) async fn free_number(&self, above: u64) -> Result<u64, Trouble> {
        Ok(self.node().status().await?.height.max(above.saturating_add(1)))
    }

    /// Puts a file up for bids.
    pub(super) async fn create(&self, dseq: u64, file: &Sdl) -> Result<(), Trouble> {
        let message = deployment::MsgCreateDeployment {
            id: Some(self.id(dseq)),
            groups: file.group_messages(),
            hash: file.manifest().hash().to_vec(),
            deposit: Some(self.own_deposit()),
            reclamation: None,
        };
        self.send(message.to_any()).await
    }

    /// Waits for bids and takes the cheapest.
    ///
    /// # Errors
    /// [`Trouble::Waits`] when nobody bids.
    pub(super) async fn take_cheapest(&self, dseq: u64) -> Result<Lease, Trouble> {
        let deadline = tokio::time::Instant::now() + BIDS;
        let (mut seen, mut quiet) = (0, 0);
        let bids = loop {
            let bids = self.bids(dseq).await?;
            quiet = if bids.len() == seen { quiet + 1 } else { 0 };
            seen = bids.len();
            if (seen > 0 && quiet >= QUIET) || tokio::time::Instant::now() >= deadline {
                break bids;
            }
            tokio::time::sleep(LOOK).await;
        };
        let none = || {
            let network = &self.network;
            Trouble::Waits(format!("nobody on {network} bids for a device; is `most` in `cluster.lease` too little?"))
        };
        let (price, id) = bids.into_iter().min_by_key(|(price, _)| *price).ok_or_else(none)?;
        self.send(market::MsgCreateLease { bid_id: Some(id.clone()) }.to_any()).await?;
        let market_ids::BidId { dseq, gseq, oseq, provider, .. } = id;
        Ok(Lease { dseq, gseq, oseq, provider, price: price.to_string() })
    }

    async fn bids(&self, dseq: u64) -> Result<Vec<(Dec, market_ids::BidId)>, Trouble> {
        let filters = market::BidFilters {
            owner: self.address.clone(),
            dseq,
            state: "open".to_owned(),
            ..market::BidFilters::default()
        };
        let request = market::QueryBidsRequest { filters: Some(filters), pagination: None };
        let found: market::QueryBidsResponse = self.node().query("/akash.market.v1beta5.Query/Bids", &request).await?;
        let bid = |found: market::QueryBidResponse| {
            let bid = found.bid?;
            Some((Dec::from_wire(&bid.price?.amount).ok()?, bid.id?))
        };
        Ok(found.bids.into_iter().filter_map(bid).collect())
    }

    /// Whether a lease goes on.
    pub(super) async fn is_active(&self, lease: &Lease) -> Result<bool, Trouble> {
        let Lease { dseq, gseq, oseq, provider, .. } = lease.clone();
        let id = market_ids::LeaseId { owner: self.address.clone(), dseq, gseq, oseq, provider, bseq: 0 };
        let request = market::QueryLeaseRequest { id: Some(id) };
        let found = self.node().query("/akash.market.v1beta5.Query/Lease", &request).await;
        match found {
            Ok(market::QueryLeaseResponse { lease, .. }) => {
                use market_ids::lease::State::{Active, Reclaiming};
                Ok(lease.is_some_and(|lease| [Active as i32, Reclaiming as i32].contains(&lease.state)))
            }
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds a deposit where less than an hour's worth is left.
    pub(super) async fn keep_funded(&self, lease: &Lease) -> Result<(), Trouble> {
        let request = deployment::QueryDeploymentRequest { id: Some(self.id(lease.dseq)) };
        let path = "/akash.deployment.v1beta4.Query/Deployment";
        let found: deployment::QueryDeploymentResponse = self.node().query(path, &request).await?;
        let funds =
            found.escrow_account.and_then(|account| account.state).and_then(|state| state.funds.into_iter().next());
        let funds = funds.and_then(|funds| Dec::from_wire(&funds.amount).ok()).unwrap_or(Dec::ZERO);
        let hour = lease.price().checked_mul_int(self.hourly_blocks.into()).unwrap_or(Dec::ZERO);
        if funds >= hour {
            return Ok(());
        }
        let xid = format!("{}/{}", self.address, lease.dseq);
        let id = Some(escrow_id::Account { scope: escrow_id::Scope::Deployment.into(), xid });
        let message = MsgAccountDeposit { signer: self.address.clone(), id, deposit: Some(self.own_deposit()) };
        self.send(message.to_any()).await?;
        tracing::info!(dseq = lease.dseq, "added a deposit to a lease elsewhere");
        Ok(())
    }

    /// Has a lease run another content.
    pub(super) async fn update(&self, lease: &Lease, file: &Sdl) -> Result<(), Trouble> {
        let hash = file.manifest().hash().to_vec();
        self.send(deployment::MsgUpdateDeployment { id: Some(self.id(lease.dseq)), hash }.to_any()).await?;
        self.put(lease, file).await
    }

    /// Hands a manifest to the provider of a lease. It may not have seen the block yet that names it.
    pub(super) async fn put(&self, lease: &Lease, file: &Sdl) -> Result<(), Trouble> {
        let manifest = file.manifest().canonical_json();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.gateway(lease).await?.put_manifest(lease.dseq, &manifest, PATIENCE).await {
                Err(error) if error.to_string().contains(TOO_NEW) && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(LOOK).await;
                }
                done => return done.map_err(fetch),
            }
        }
    }

    /// Ends a deployment; what is left of its deposit comes back.
    pub(super) async fn close(&self, dseq: u64) -> Result<(), Trouble> {
        let request = deployment::QueryDeploymentRequest { id: Some(self.id(dseq)) };
        let path = "/akash.deployment.v1beta4.Query/Deployment";
        let found: Result<deployment::QueryDeploymentResponse, NodeError> = self.node().query(path, &request).await;
        let is_open = match found {
            Ok(found) => found.deployment.is_some_and(|found| found.state == ACTIVE),
            Err(error) if error.is_not_found() => false,
            Err(error) => return Err(error.into()),
        };
        match is_open {
            true => self.send(deployment::MsgCloseDeployment { id: Some(self.id(dseq)) }.to_any()).await,
            false => Ok(()),
        }
    }

    /// The gateway of a lease's provider, under a token of this account for a quarter of an hour.
    pub(super) async fn gateway(&self, lease: &Lease) -> Result<Gateway, Trouble> {
        let request = QueryProviderRequest { owner: lease.provider.clone() };
        let found: QueryProviderResponse =
            self.node().query("/akash.provider.v1beta4.Query/Provider", &request).await?;
        let uri = found.provider.map(|provider| provider.host_uri).unwrap_or_default();
        let trust = Trust::on_chain(self.node(), &lease.provider).await.map_err(fetch)?;
        let token = client::token::full_access(self.account.key(), &self.address);
        Gateway::new(&uri, trust, Auth::Token(token)).map_err(fetch)
    }

    /// What its provider says of a lease.
    pub(super) async fn status(&self, lease: &Lease) -> Result<LeaseStatus, Trouble> {
        let gateway = self.gateway(lease).await?;
        gateway.lease_status(lease.dseq, lease.gseq, lease.oseq).await.map_err(fetch)
    }

    /// A program in a lease.
    pub(super) async fn shell(
        &self,
        lease: &Lease,
        command: Vec<String>,
        terminal: Option<client::exec::TerminalSize>,
    ) -> Result<client::exec::ExecSession, Trouble> {
        let ids = (lease.dseq, lease.gseq, lease.oseq);
        let ask = ShellAsk { lease: ids, service: SERVICE.to_owned(), index: 0, command, terminal, reads: true };
        self.gateway(lease).await?.shell(&ask).await.map_err(fetch)
    }

    /// Log lines of a lease.
    pub(super) async fn logs(
        &self,
        lease: &Lease,
        options: &LogOptions,
    ) -> Result<futures::stream::BoxStream<'static, String>, Trouble> {
        use futures::StreamExt;
        let gateway = self.gateway(lease).await?;
        let lines = gateway.logs(lease.dseq, lease.gseq, lease.oseq, options).await.map_err(fetch)?;
        Ok(lines.filter_map(|line| async { line.ok().map(|line| line.message) }).boxed())
    }

    /// What an hour of a lease costs in base units there, rounded up.
    pub(super) fn hourly(&self, lease: &Lease) -> u128 {
        let hour = lease.price().checked_mul_int(self.hourly_blocks.into()).unwrap_or(Dec::ZERO);
        hour.atoms().div_ceil(Dec::ONE.atoms())
    }
}

/// A deployment that is open.
const ACTIVE: i32 = proto::akash::deployment::v1::deployment::State::Active as i32;

/// The interval between the last blocks, in milliseconds; 6,000 where there are too few.
async fn interval_ms(node: &Node, height: u64) -> Result<u64, Trouble> {
    let first = height.saturating_sub(MEASURED).max(1);
    if height <= first {
        return Ok(6_000);
    }
    let time = async |height: u64| -> Result<OffsetDateTime, Trouble> {
        let block = node.call("block", json!({ "height": height.to_string() })).await?;
        let text = block.pointer("/block/header/time").and_then(Value::as_str).unwrap_or_default().to_owned();
        OffsetDateTime::parse(&text, &Rfc3339)
            .map_err(|_| Trouble::Odd(format!("block {height} has no time: {text:?}")))
    };
    let took = time(height).await? - time(first).await?;
    let interval = took.whole_milliseconds() / i128::from(height - first);
    Ok(u64::try_from(interval).unwrap_or(6_000).max(1))
}
