//! `akash.deployment.v1beta3` over `akash.deployment.v1beta4`, and deposits over `akash.escrow.v1`.

use proto::akash::base::deposit::v1::{Deposit, Source};
use proto::akash::deployment::v1beta3 as old;
use proto::akash::deployment::{v1, v1beta4 as new};
use proto::akash::escrow::id::v1 as escrow_id;
use proto::akash::escrow::v1::MsgAccountDeposit;
use proto::cosmos::base::v1beta1::Coin;

use crate::escrow;
use crate::message::OldMessage;
use crate::query::{OldQuery, QueryError};

pub(crate) fn messages() -> Vec<OldMessage> {
    vec![
        OldMessage::new::<_, _, old::MsgCreateDeploymentResponse>(create),
        OldMessage::new::<_, _, old::MsgDepositDeploymentResponse>(deposit_into),
        OldMessage::new::<_, _, old::MsgUpdateDeploymentResponse>(|msg: old::MsgUpdateDeployment| {
            new::MsgUpdateDeployment { id: msg.id, hash: msg.version }
        }),
        OldMessage::new::<_, _, old::MsgCloseDeploymentResponse>(|msg: old::MsgCloseDeployment| {
            new::MsgCloseDeployment { id: msg.id }
        }),
        OldMessage::new::<_, _, old::MsgCloseGroupResponse>(|msg: old::MsgCloseGroup| new::MsgCloseGroup {
            id: msg.id,
        }),
        OldMessage::new::<_, _, old::MsgPauseGroupResponse>(|msg: old::MsgPauseGroup| new::MsgPauseGroup {
            id: msg.id,
        }),
        OldMessage::new::<_, _, old::MsgStartGroupResponse>(|msg: old::MsgStartGroup| new::MsgStartGroup {
            id: msg.id,
        }),
    ]
}

pub(crate) fn queries() -> Vec<OldQuery> {
    vec![
        OldQuery::new(
            "/akash.deployment.v1beta3.Query/Deployments",
            "/akash.deployment.v1beta4.Query/Deployments",
            |asked: old::QueryDeploymentsRequest| {
                Ok(new::QueryDeploymentsRequest { filters: asked.filters, pagination: asked.pagination })
            },
            |_, found: new::QueryDeploymentsResponse| {
                let deployments = found.deployments.into_iter().map(shown).collect::<Result<_, _>>()?;
                Ok(old::QueryDeploymentsResponse { deployments, pagination: found.pagination })
            },
        ),
        OldQuery::new(
            "/akash.deployment.v1beta3.Query/Deployment",
            "/akash.deployment.v1beta4.Query/Deployment",
            |asked: old::QueryDeploymentRequest| Ok(new::QueryDeploymentRequest { id: asked.id }),
            |_, found| shown(found),
        ),
        OldQuery::new(
            "/akash.deployment.v1beta3.Query/Group",
            "/akash.deployment.v1beta4.Query/Group",
            |asked: old::QueryGroupRequest| Ok(new::QueryGroupRequest { id: asked.id }),
            |_, found: new::QueryGroupResponse| Ok(old::QueryGroupResponse { group: found.group.map(group) }),
        ),
    ]
}

/// The owner's own coins, unless another account was named, which must have granted them.
fn deposit(amount: Option<Coin>, owner: &str, depositor: &str) -> Deposit {
    let own = depositor.is_empty() || depositor == owner;
    let source = if own { Source::Balance } else { Source::Grant };
    Deposit { amount, sources: vec![source.into()] }
}

fn owner_of(id: Option<&v1::DeploymentId>) -> &str {
    id.map_or("", |id| id.owner.as_str())
}

fn create(msg: old::MsgCreateDeployment) -> new::MsgCreateDeployment {
    let deposit = deposit(msg.deposit, owner_of(msg.id.as_ref()), &msg.depositor);
    new::MsgCreateDeployment {
        id: msg.id,
        groups: msg.groups,
        hash: msg.version,
        deposit: Some(deposit),
        reclamation: None,
    }
}

/// As at the time, the owner signs.
fn deposit_into(msg: old::MsgDepositDeployment) -> MsgAccountDeposit {
    let owner = owner_of(msg.id.as_ref()).to_owned();
    let deposit = deposit(msg.amount, &owner, &msg.depositor);
    let id = msg.id.map(|id| escrow_id::Account {
        scope: escrow_id::Scope::Deployment.into(),
        xid: format!("{}/{}", id.owner, id.dseq),
    });
    MsgAccountDeposit { signer: owner, id, deposit: Some(deposit) }
}

/// The states have the numbers that they had.
fn shown(found: new::QueryDeploymentResponse) -> Result<old::QueryDeploymentResponse, QueryError> {
    Ok(old::QueryDeploymentResponse {
        deployment: found.deployment.map(|found| old::Deployment {
            deployment_id: found.id,
            state: found.state,
            version: found.hash,
            created_at: found.created_at,
        }),
        groups: found.groups.into_iter().map(group).collect(),
        escrow_account: found.escrow_account.map(escrow::account).transpose()?,
    })
}

fn group(found: new::Group) -> old::Group {
    old::Group { group_id: found.id, state: found.state, group_spec: found.group_spec, created_at: found.created_at }
}
