//! What must hold after every block.

use std::collections::BTreeMap;

use ledger::escrow::{self, AccountId};
use ledger::{Context, Failure, provider};
use primitives::Address;
use proto::akash::deployment::v1::deployment::State as DeploymentState;
use proto::akash::deployment::v1beta4::group::State as GroupState;
use proto::akash::escrow::types::v1::State as EscrowState;
use proto::akash::market::v1::lease::State as LeaseState;
use proto::akash::market::v1beta5::bid::State as BidState;
use proto::akash::market::v1beta5::order::State as OrderState;

use crate::auction::state::{BIDS, LEASES, ORDERS, last_order};
use crate::deployment::state::{DEPLOYMENTS, GROUPS};
use crate::ids::{BidId, GroupId, LeaseId};

/// Broken promises; none when all is well.
///
/// - An active deployment has an open escrow account, a closed one has not; its groups have ended.
/// - Only the newest order of a group is open or active, and only of an open group; an open group has one.
/// - A bid has an open escrow account exactly while it is open or active.
/// - An active bid, an active order, an active or reclaiming lease and an open payment come together.
/// - Providers have as many active leases as are counted for them.
/// - Indices name each record once, by its state.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = DEPLOYMENTS.broken_indices(&ctx.state, "deployment")?;
    broken.extend(ORDERS.broken_indices(&ctx.state, "order")?);
    broken.extend(BIDS.broken_indices(&ctx.state, "bid")?);
    broken.extend(LEASES.broken_indices(&ctx.state, "lease")?);
    match promises(ctx) {
        Ok(promises) => broken.extend(promises),
        Err(Failure::Broken(error)) => return Err(error),
        Err(Failure::Rejected(rejection)) => broken.push(rejection.message),
    }
    Ok(broken)
}

fn promises(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = deployments(ctx)?;
    broken.extend(groups(ctx)?);
    broken.extend(orders(ctx)?);
    broken.extend(bids(ctx)?);
    broken.extend(leases(ctx)?);
    Ok(broken)
}

fn account_open(ctx: &Context, id: &AccountId) -> Result<bool, Failure> {
    let account = escrow::account(ctx, id)?.and_then(|account| account.state);
    Ok(account.is_some_and(|account| account.state() == EscrowState::Open))
}

fn deployments(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    for (id, deployment) in DEPLOYMENTS.records.all(&ctx.state)? {
        let name = id.text(&ctx.chain.prefix);
        let active = deployment.state() == DeploymentState::Active;
        if active != account_open(ctx, &AccountId::deployment(name.clone()))? {
            broken.push(format!("deployment {name} is {}, its escrow account not", deployment.state().as_str_name()));
        }
    }
    Ok(broken)
}

fn groups(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    for (id, group) in GROUPS.all(&ctx.state)? {
        let name = id.text(&ctx.chain.prefix);
        let running = last_order(ctx, &id)?.is_some_and(|(_, order)| order.state() != OrderState::Closed);
        if running != (group.state() == GroupState::Open) {
            broken.push(format!("group {name} is {}; order running: {running}", group.state().as_str_name()));
        }
        let deployment = DEPLOYMENTS.get(&ctx.state, &id.deployment)?;
        let active = deployment.is_some_and(|deployment| deployment.state() == DeploymentState::Active);
        if !active && matches!(group.state(), GroupState::Open | GroupState::Paused) {
            broken.push(format!("group {name} has outlived its deployment"));
        }
    }
    Ok(broken)
}

fn orders(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    let mut running: BTreeMap<GroupId, u32> = BTreeMap::new();
    for (id, order) in ORDERS.records.all(&ctx.state)? {
        let name = id.text(&ctx.chain.prefix);
        if order.state() != OrderState::Closed {
            *running.entry(id.group).or_default() += 1;
        }
        let bids = BIDS.records.under(&ctx.state, &id)?;
        let count = |state| bids.iter().filter(|(_, bid)| bid.state() == state).count();
        let active = usize::from(order.state() == OrderState::Active);
        if count(BidState::Active) != active || (order.state() != OrderState::Open && count(BidState::Open) > 0) {
            broken.push(format!("order {name} is {}, its bids do not fit", order.state().as_str_name()));
        }
    }
    let doubled = running.into_iter().filter(|(_, count)| *count > 1);
    broken.extend(doubled.map(|(id, _)| format!("group {} has two running orders", id.text(&ctx.chain.prefix))));
    Ok(broken)
}

fn bids(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    for (id, bid) in BIDS.records.all(&ctx.state)? {
        let name = id.text(&ctx.chain.prefix);
        let standing = matches!(bid.state(), BidState::Open | BidState::Active);
        if standing != account_open(ctx, &AccountId::bid(name.clone()))? {
            broken.push(format!("bid {name} is {}, its escrow account not", bid.state().as_str_name()));
        }
        if (bid.state() == BidState::Active) != lease_runs(ctx, &id)? {
            broken.push(format!("bid {name} is {}, its lease not", bid.state().as_str_name()));
        }
    }
    Ok(broken)
}

fn lease_runs(ctx: &Context, id: &LeaseId) -> Result<bool, Failure> {
    let lease = LEASES.get(&ctx.state, id)?;
    Ok(lease.is_some_and(|lease| matches!(lease.state(), LeaseState::Active | LeaseState::Reclaiming)))
}

fn payment_open(ctx: &Context, id: &LeaseId) -> Result<bool, Failure> {
    let prefix = &ctx.chain.prefix;
    let payment = escrow::payment(ctx, &id.deployment().text(prefix), &id.payment(prefix))?;
    Ok(payment.and_then(|payment| payment.state).is_some_and(|payment| payment.state() == EscrowState::Open))
}

fn leases(ctx: &Context) -> Result<Vec<String>, Failure> {
    let mut broken = Vec::new();
    let mut running: BTreeMap<Address, u64> = BTreeMap::new();
    let mut providers: BTreeMap<Address, BidId> = BTreeMap::new();
    for (id, lease) in LEASES.records.all(&ctx.state)? {
        let runs = lease_runs(ctx, &id)?;
        if runs {
            *running.entry(id.provider).or_default() += 1;
        }
        providers.insert(id.provider, id);
        if runs != payment_open(ctx, &id)? {
            let name = id.text(&ctx.chain.prefix);
            broken.push(format!("lease {name} is {}, its payment not", lease.state().as_str_name()));
        }
    }
    for provider in providers.keys() {
        let (counted, found) = (provider::leases::count(ctx, provider)?, running.get(provider).copied().unwrap_or(0));
        if counted != found {
            let name = ctx.text(provider);
            broken.push(format!("{counted} leases are counted for provider {name}, {found} are active"));
        }
    }
    Ok(broken)
}
