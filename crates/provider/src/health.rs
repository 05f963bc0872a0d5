//! Whether an agent lives and is ready, and why not.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use primitives::Denom;
use telemetry::process::room;
use telemetry::{Check, Observed, health};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpStream;
use tokio::time::timeout;
use workload::State;

use crate::agent::{Agent, lock};
use crate::config::PriceSource;

/// An agent that has not looked at the chain for so long is stuck. A node that is gone costs it waits of half a minute.
const LIVE_LIMIT: Duration = Duration::from_secs(180);
/// How long one thing that is asked may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The chain is fresh while its last block is younger than so many intervals, or than [`FRESH_LEAST`].
const FRESH_INTERVALS: u32 = 10;
const FRESH_LEAST: Duration = Duration::from_secs(10);

/// An agent as its operator sees it.
pub(crate) struct ProviderObserved {
    pub(crate) agent: Arc<Agent>,
    pub(crate) gateway: std::net::SocketAddr,
}

#[async_trait]
impl Observed for ProviderObserved {
    async fn metrics(&self) -> String {
        let agent = &self.agent;
        let metrics = &agent.metrics;
        metrics.open_bids.set(&[], lock(&agent.bids).len() as f64);
        {
            let book = lock(&agent.book);
            metrics.book(book.capacity(), book.taken());
        }
        self.leases();
        self.containers().await;
        metrics.text(&agent.home.data())
    }

    async fn live(&self) -> Vec<Check> {
        let idle = self.agent.metrics.idle();
        let found = format!("looked at the chain {} s ago", idle.as_secs());
        vec![if idle <= LIVE_LIMIT {
            Check::good("follower", found)
        } else {
            Check::bad("follower", found, "restart the agent: containers go on without it")
        }]
    }

    async fn ready(&self) -> Vec<Check> {
        vec![self.chain().await, self.balance().await, self.runtime().await, self.disk(), self.gateway().await]
    }
}

impl ProviderObserved {
    fn leases(&self) {
        let mut counts = [("awaiting_manifest", 0), ("running", 0), ("failing", 0), ("changing", 0)];
        let slots: Vec<_> = lock(&self.agent.leases).values().cloned().collect();
        for slot in slots {
            let state = match slot.work.try_lock() {
                Err(_) => "changing",
                Ok(work) if work.record.is_none() => "awaiting_manifest",
                Ok(work) if work.trouble.is_some() => "failing",
                Ok(_) => "running",
            };
            counts.iter_mut().filter(|(name, _)| *name == state).for_each(|(_, count)| *count += 1);
        }
        for (state, count) in counts {
            self.agent.metrics.leases.set(&[state], f64::from(count));
        }
    }

    async fn containers(&self) {
        let Ok(Ok(pods)) = timeout(PATIENCE, self.agent.runtime.list()).await else { return };
        let mut counts = [("running", 0), ("exited", 0), ("absent", 0)];
        for replica in pods.iter().flat_map(|pod| &pod.replicas) {
            let state = match replica.state {
                State::Running { .. } => "running",
                State::Exited(_) => "exited",
                State::Absent => "absent",
            };
            counts.iter_mut().filter(|(name, _)| *name == state).for_each(|(_, count)| *count += 1);
        }
        for (state, count) in counts {
            self.agent.metrics.containers.set(&[state], f64::from(count));
        }
    }

    async fn chain(&self) -> Check {
        let chain = &self.agent.chain;
        let url = chain.node().url().to_owned();
        let remedy = "`node` of provider.json names the node to ask: start it, or name another";
        let status = match timeout(PATIENCE, chain.node().status()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return Check::bad("chain", error.to_string(), remedy),
            Err(_) => return Check::bad("chain", format!("{url} does not answer within {PATIENCE:?}"), remedy),
        };
        let age = OffsetDateTime::parse(&status.time, &Rfc3339).map(|time| OffsetDateTime::now_utc() - time);
        let age = age.ok().and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
        let limit = (chain.facts().block_interval() * FRESH_INTERVALS).max(FRESH_LEAST);
        let found = format!("block {} at {url} is {:.1} s old", status.height, age.as_secs_f64());
        match (status.catching_up, age <= limit) {
            (false, true) => Check::good("chain", found),
            (true, _) => Check::bad("chain", format!("{found}, and the node is catching up"), "wait until it has"),
            (false, false) => {
                let found = format!("{found}; {} s are the limit", limit.as_secs());
                Check::bad("chain", found, "`/readyz?verbose` of that node says why no blocks come")
            }
        }
    }

    /// Gas, and a deposit in at least one of the denoms that it has prices for.
    async fn balance(&self) -> Check {
        match timeout(PATIENCE, self.balances()).await {
            Ok(Ok(check)) => check,
            Ok(Err(error)) => Check::bad("balance", error.to_string(), "see the check of the chain"),
            Err(_) => Check::bad("balance", format!("no answer within {PATIENCE:?}"), "see the check of the chain"),
        }
    }

    async fn balances(&self) -> Result<Check, client::NodeError> {
        let agent = &self.agent;
        let (gas, price) = agent.chain.facts().gas.clone();
        let have = agent.chain.balance(&gas).await?;
        agent.metrics.balance.set(&[gas.as_str()], have as f64);
        let send = format!("send some to {}", agent.chain.address());
        if have == 0 && !price.is_zero() {
            return Ok(Check::bad("balance", format!("no {gas} to pay gas with"), send));
        }
        let mut short = Vec::new();
        for denom in denoms(&agent.config.price_source) {
            let Some(least) = agent.deposit_floor(&denom).await? else { continue };
            let have = agent.chain.balance(&denom).await?;
            agent.metrics.balance.set(&[denom.as_str()], have as f64);
            if have >= least {
                return Ok(Check::good("balance", format!("{have}{denom}, and {least}{denom} are wanted to bid")));
            }
            short.push(format!("{have}{denom} of {least}{denom}"));
        }
        Ok(Check::bad("balance", format!("too little to bid in any denom: {}", short.join(", ")), send))
    }

    async fn runtime(&self) -> Check {
        match timeout(PATIENCE, self.agent.runtime.list()).await {
            Ok(Ok(pods)) => Check::good("runtime", format!("{} pods", pods.len())),
            Ok(Err(error)) => Check::bad("runtime", error.to_string(), "`tetra doctor` says what this machine lacks"),
            Err(_) => Check::bad("runtime", format!("no answer within {PATIENCE:?}"), "see the load of this machine"),
        }
    }

    fn disk(&self) -> Check {
        match room(&self.agent.home.data()) {
            Ok((free, total)) => health::disk(free, total),
            Err(error) => Check::bad("disk", error.to_string(), "see whether the agent's folder is still mounted"),
        }
    }

    async fn gateway(&self) -> Check {
        let address = self.gateway;
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => Check::good("gateway", format!("takes connections at {address}")),
            Ok(Err(error)) => Check::bad("gateway", format!("{address}: {error}"), "restart the agent"),
            Err(_) => Check::bad("gateway", format!("{address} takes no connection"), "restart the agent"),
        }
    }
}

/// The denoms that a price is known for.
fn denoms(source: &PriceSource) -> BTreeSet<Denom> {
    let PriceSource::Config { usd_per_token } = source;
    let named = usd_per_token.keys().map(String::as_str).chain(["uusd"]);
    named.filter_map(|denom| Denom::new(denom).ok()).collect()
}
