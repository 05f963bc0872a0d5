//! The market's part of genesis: Akash's `GenesisState` messages of both modules, in protobuf JSON with the names of
//! the `.proto` files.

use ledger::{Context, Failure, Rejection, protobuf_json};
use proto::akash::deployment::v1beta4 as deployment_wire;
use proto::akash::deployment::v1beta4::GenesisDeployment;
use proto::akash::market::v1beta5 as market_wire;
use serde::{Deserialize, Serialize};

use crate::auction;
use crate::auction::state::{BIDS, LEASES, ORDERS};
use crate::deployment;
use crate::deployment::state::{DEPLOYMENTS, GROUPS, groups};
use crate::ids::{BidId, DeploymentId, GroupId, LeaseId, OrderId};
use crate::wire::dec_coin_in;

/// Parameters and everything that was ever created. A new network gives parameters alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// Deployments with their groups.
    #[serde(with = "protobuf_json")]
    pub deployment: deployment_wire::GenesisState,
    /// Orders, bids and leases.
    #[serde(with = "protobuf_json")]
    pub market: market_wire::GenesisState,
}

impl Default for Genesis {
    fn default() -> Self {
        Self::with(&deployment::Params::default(), &auction::Params::default())
    }
}

impl Genesis {
    /// The genesis of a new network with these parameters.
    pub fn with(deployment: &deployment::Params, auction: &auction::Params) -> Self {
        Self {
            deployment: deployment_wire::GenesisState { params: Some(deployment.to_wire()), deployments: Vec::new() },
            market: market_wire::GenesisState { params: Some(auction.to_wire()), ..Default::default() },
        }
    }
}

/// Puts a genesis into an empty state. Money in escrow, holds and the providers' lease counters are in the genesis of
/// their own parts; [`crate::invariants`] tells whether all of it fits together.
///
/// # Errors
/// `sdk` 18 when something is named twice or not well formed; those of the parameters and ids.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    if let Some(params) = &genesis.deployment.params {
        deployment::Params::from_wire(params)?.store(ctx);
    }
    if let Some(params) = &genesis.market.params {
        auction::Params::from_wire(params)?.store(ctx);
    }
    for entry in &genesis.deployment.deployments {
        import_deployment(ctx, entry)?;
    }
    for order in &genesis.market.orders {
        let id = OrderId::from_wire(ctx, order.id.as_ref())?;
        known_state("order", id.text(&ctx.chain.prefix), order.state().as_str_name(), order.state)?;
        new(ORDERS.get(&ctx.state, &id)?.is_none(), "order", || id.text(&ctx.chain.prefix))?;
        deployment::groups::parse(order.spec.as_slice())?;
        ORDERS.put(&mut ctx.state, &id, order)?;
    }
    for bid in &genesis.market.bids {
        let id = BidId::from_wire(ctx, bid.id.as_ref())?;
        known_state("bid", id.text(&ctx.chain.prefix), bid.state().as_str_name(), bid.state)?;
        new(BIDS.get(&ctx.state, &id)?.is_none(), "bid", || id.text(&ctx.chain.prefix))?;
        priced("bid", bid.price.as_ref())?;
        BIDS.put(&mut ctx.state, &id, bid)?;
    }
    for lease in &genesis.market.leases {
        let id = LeaseId::from_lease_wire(ctx, lease.id.as_ref())?;
        known_state("lease", id.text(&ctx.chain.prefix), lease.state().as_str_name(), lease.state)?;
        new(LEASES.get(&ctx.state, &id)?.is_none(), "lease", || id.text(&ctx.chain.prefix))?;
        priced("lease", lease.price.as_ref())?;
        LEASES.put(&mut ctx.state, &id, lease)?;
    }
    Ok(())
}

fn import_deployment(ctx: &mut Context, entry: &GenesisDeployment) -> Result<(), Failure> {
    let found = entry.deployment.as_ref();
    let found = found.ok_or_else(|| Rejection::invalid_request("genesis: a deployment is missing"))?;
    let id = DeploymentId::from_wire(ctx, found.id.as_ref())?;
    known_state("deployment", id.text(&ctx.chain.prefix), found.state().as_str_name(), found.state)?;
    new(DEPLOYMENTS.get(&ctx.state, &id)?.is_none(), "deployment", || id.text(&ctx.chain.prefix))?;
    DEPLOYMENTS.put(&mut ctx.state, &id, found)?;
    let specs: Vec<_> = entry.groups.iter().filter_map(|group| group.group_spec.clone()).collect();
    deployment::groups::parse(&specs)?;
    for group in &entry.groups {
        let group_id = GroupId::from_wire(ctx, group.id.as_ref())?;
        let name = group_id.text(&ctx.chain.prefix);
        known_state("group", name.clone(), group.state().as_str_name(), group.state)?;
        if group_id.deployment != id || group.group_spec.is_none() || GROUPS.has(&ctx.state, &group_id)? {
            let why = format!("genesis: group {name} is there twice, has no spec, or is not one of its deployment");
            return Err(Rejection::invalid_request(why).into());
        }
        GROUPS.set(&mut ctx.state, &group_id, group);
    }
    Ok(())
}

fn new(new: bool, what: &str, name: impl Fn() -> String) -> Result<(), Rejection> {
    if new { Ok(()) } else { Err(Rejection::invalid_request(format!("genesis: {what} {} is there twice", name()))) }
}

/// Enum accessors show foreign numbers as the zero value, whose name is `invalid` in all these enums.
fn known_state(what: &str, name: String, state: &str, number: i32) -> Result<(), Rejection> {
    if state != "invalid" {
        return Ok(());
    }
    Err(Rejection::invalid_request(format!("genesis: {what} {name} has no state with number {number}")))
}

fn priced(what: &str, price: Option<&proto::cosmos::base::v1beta1::DecCoin>) -> Result<(), Rejection> {
    let price = price.ok_or_else(|| Rejection::invalid_request(format!("genesis: a {what} has no price")))?;
    let parsed = dec_coin_in(price);
    parsed.map(drop).map_err(|error| Rejection::invalid_request(format!("genesis: price of a {what}: {error}")))
}

/// The genesis that [`import`] makes the present state of.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let mut deployments = Vec::new();
    for (id, deployment) in DEPLOYMENTS.records.all(&ctx.state)? {
        let groups = groups(ctx, &id)?.into_iter().map(|(_, group)| group).collect();
        deployments.push(GenesisDeployment { deployment: Some(deployment), groups });
    }
    Ok(Genesis {
        deployment: deployment_wire::GenesisState {
            params: Some(deployment::Params::load(ctx)?.to_wire()),
            deployments,
        },
        market: market_wire::GenesisState {
            params: Some(auction::Params::load(ctx)?.to_wire()),
            orders: ORDERS.records.all(&ctx.state)?.into_iter().map(|(_, order)| order).collect(),
            leases: LEASES.records.all(&ctx.state)?.into_iter().map(|(_, lease)| lease).collect(),
            bids: BIDS.records.all(&ctx.state)?.into_iter().map(|(_, bid)| bid).collect(),
        },
    })
}
