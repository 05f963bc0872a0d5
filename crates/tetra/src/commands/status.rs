//! `tetra status`: the network and the account that signs, on one screen.

use client::health::url_of;
use client::{Health, HealthCheck, Node, NodeStatus};
use serde::Serialize;

use crate::amounts::{self, Amount};
use crate::chain::Chain;
use crate::context::Context;
use crate::error::Result;
use crate::output::{self, row};

#[derive(Serialize)]
struct Status {
    node: String,
    grpc: Option<String>,
    rest: Option<String>,
    chain_id: String,
    height: u64,
    time: String,
    catching_up: bool,
    block_interval_ms: u64,
    providers: usize,
    /// None where the node serves it nowhere, or on its own machine alone.
    health: Option<Health>,
    account: Option<Own>,
}

#[derive(Serialize)]
struct Own {
    address: String,
    name: String,
    balances: Vec<Amount>,
    active_deployments: usize,
    #[serde(skip)]
    balance_text: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// When the node does not answer.
pub async fn run(context: &Context) -> Result {
    let chain = context.chain().await?;
    let node = chain.node.status().await?;
    let account = own(context, &chain).await?;
    let health = health_of(&chain.node, &node).await;
    let status = Status {
        node: chain.node.url().to_owned(),
        grpc: node.grpc_listen.map(|listen| chain.node.sibling(&listen)),
        rest: node.rest_listen.map(|listen| chain.node.sibling(&listen)),
        chain_id: node.chain_id,
        height: node.height,
        time: node.time,
        catching_up: node.catching_up,
        block_interval_ms: chain.network.block_interval_ms,
        providers: chain.providers().await?.len(),
        health,
        account,
    };
    output::show(context.format(), &status, render)
}

/// What a node says of its own health; none where that cannot be asked from here.
pub(super) async fn health_of(node: &Node, status: &NodeStatus) -> Option<Health> {
    Some(Health::ask(&url_of(status.metrics_listen.as_ref()?, node.url())?).await)
}

/// The account that signs; none where nobody does, for then the network alone is shown.
async fn own(context: &Context, chain: &Chain) -> Result<Option<Own>> {
    let Ok(name) = context.account_name() else {
        return Ok(None);
    };
    let owner = context.own_address()?;
    let coins = chain.balances(&owner).await?;
    let address = chain.prefix().text(&owner);
    let active_deployments = chain.deployments(&address, "active").await?.len();
    let balance_text = amounts::lines(&chain.units, &coins);
    Ok(Some(Own { address, name, balances: amounts::list(&coins), active_deployments, balance_text }))
}

/// What is not as it must be, with what to do.
pub(super) fn failure(check: &HealthCheck) -> String {
    format!("{}: {} -> {}", check.check, check.reason, check.remedy)
}

fn render(status: &Status) -> String {
    let height = match status.catching_up {
        true => format!("{} (catching up)", status.height),
        false => status.height.to_string(),
    };
    let mut rows = vec![
        row(["chain", &status.chain_id]),
        row(["node", &status.node]),
        row(["grpc", status.grpc.as_deref().unwrap_or("off")]),
        row(["rest", status.rest.as_deref().unwrap_or("off")]),
        row(["height", &height]),
        row(["block time", &status.time]),
        row(["interval", &format!("{} ms", status.block_interval_ms)]),
        row(["providers", &status.providers.to_string()]),
    ];
    match &status.health {
        None => rows.push(row(["health", "not known: the node tells it nowhere, or on its own machine alone"])),
        Some(health) => {
            rows.push(row(["health", health.verdict()]));
            rows.extend(health.failed().map(|check| row(["", &failure(check)])));
        }
    }
    if let Some(own) = &status.account {
        rows.push(row(["account", &format!("{} ({})", own.address, own.name)]));
        let labels = std::iter::once("balance").chain(std::iter::repeat(""));
        rows.extend(labels.zip(&own.balance_text).map(|(label, balance)| row([label, balance])));
        rows.push(row(["deployments", &format!("{} active", own.active_deployments)]));
    }
    output::table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_and_the_account_fit_one_screen() {
        let own = Own {
            address: "tetra1own".to_owned(),
            name: "alice".to_owned(),
            balances: vec![Amount { denom: "utet".to_owned(), amount: "5000000".to_owned() }],
            active_deployments: 2,
            balance_text: vec!["5 TET (5000000utet)".to_owned(), "1 USD (1000000uusd)".to_owned()],
        };
        let status = Status {
            node: "http://127.0.0.1:26657".to_owned(),
            grpc: Some("http://127.0.0.1:9090".to_owned()),
            rest: None,
            chain_id: "tetra-local-1".to_owned(),
            height: 17,
            time: "2026-11-24T12:00:00Z".to_owned(),
            catching_up: false,
            block_interval_ms: 500,
            providers: 2,
            health: None,
            account: Some(own),
        };
        let check = HealthCheck {
            check: "peers".to_owned(),
            ok: false,
            reason: "0 connected, 3 configured".to_owned(),
            remedy: "see whether they can be reached".to_owned(),
        };
        let url = "http://127.0.0.1:1".to_owned();
        let health = Some(Health { url, live: true, ready: false, checks: vec![check], problem: None });
        let status = Status { health, ..status };
        insta::assert_snapshot!(render(&status), @r"
        chain        tetra-local-1
        node         http://127.0.0.1:26657
        grpc         http://127.0.0.1:9090
        rest         off
        height       17
        block time   2026-11-24T12:00:00Z
        interval     500 ms
        providers    2
        health       not ready
                     peers: 0 connected, 3 configured -> see whether they can be reached
        account      tetra1own (alice)
        balance      5 TET (5000000utet)
                     1 USD (1000000uusd)
        deployments  2 active
        ");
    }
}
