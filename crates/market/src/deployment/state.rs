//! What is stored of deployments.

use ledger::{Context, Failure};
use proto::akash::deployment::v1::Deployment;
use proto::akash::deployment::v1beta4::{Group, Params};
use store::{Item, Map};

use super::MODULE;
use crate::ids::{DeploymentId, GroupId};
use crate::refusal::deployment as refusal;
use crate::table::{Stateful, Table};

/// Parameters; absent means the default ones.
pub const PARAMS: Item<Params> = Item::new(MODULE, 1);
/// Deployments, closed ones included: a closed id stays used. Tags 2 to 4.
pub const DEPLOYMENTS: Table<DeploymentId, Deployment> = Table::new(MODULE, 2);
/// Groups, by deployment.
pub const GROUPS: Map<GroupId, Group> = Map::new(MODULE, 5);

impl Stateful for Deployment {
    fn state_number(&self) -> i32 {
        self.state
    }
}

/// A deployment that must be there.
///
/// # Errors
/// `deployment` 4 when it is not.
pub fn deployment(ctx: &Context, id: &DeploymentId) -> Result<Deployment, Failure> {
    let found = DEPLOYMENTS.get(&ctx.state, id)?;
    found.ok_or_else(|| refusal::not_found(&id.text(&ctx.chain.prefix)).into())
}

/// A group that must be there.
///
/// # Errors
/// `deployment` 14 when it is not.
pub fn group(ctx: &Context, id: &GroupId) -> Result<Group, Failure> {
    let found = GROUPS.get(&ctx.state, id)?;
    found.ok_or_else(|| refusal::group_not_found(&id.text(&ctx.chain.prefix)).into())
}

/// The groups of a deployment in order.
///
/// # Errors
/// When the state fails.
pub fn groups(ctx: &Context, id: &DeploymentId) -> store::Result<Vec<(GroupId, Group)>> {
    GROUPS.under(&ctx.state, id)
}
