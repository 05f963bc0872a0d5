//! Messages of `akash.deployment.v1beta4`, signed by the tenant.

use std::time::Duration;

use ledger::escrow::{self, AccountId, CheckedDeposit};
use ledger::{Context, Failure, MessageRoute, Rejection};
use primitives::Denom;
use proto::akash::deployment::v1::deployment::State;
use proto::akash::deployment::v1::{Deployment, DeploymentReclamation};
use proto::akash::deployment::v1beta4::group::State as GroupState;
use proto::akash::deployment::v1beta4::{
    Group, MsgCloseDeployment, MsgCloseDeploymentResponse, MsgCloseGroup, MsgCloseGroupResponse, MsgCreateDeployment,
    MsgCreateDeploymentResponse, MsgPauseGroup, MsgPauseGroupResponse, MsgStartGroup, MsgStartGroupResponse,
    MsgUpdateDeployment, MsgUpdateDeploymentResponse, MsgUpdateParams, MsgUpdateParamsResponse,
};

use super::params::Params;
use super::state::{self, DEPLOYMENTS, GROUPS};
use super::{events, groups};
use crate::auction::ending::{self, Ending};
use crate::auction::{self, orders};
use crate::ids::{DeploymentId, GroupId};
use crate::refusal::deployment as refusal;
use crate::wire::duration_in;

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgCreateDeployment, _>(|m| m.id.clone().unwrap_or_default().owner, create_deployment),
        MessageRoute::new::<MsgUpdateDeployment, _>(|m| m.id.clone().unwrap_or_default().owner, update_deployment),
        MessageRoute::new::<MsgCloseDeployment, _>(|m| m.id.clone().unwrap_or_default().owner, close_deployment),
        MessageRoute::new::<MsgCloseGroup, _>(|m| m.id.clone().unwrap_or_default().owner, close_group),
        MessageRoute::new::<MsgPauseGroup, _>(|m| m.id.clone().unwrap_or_default().owner, pause_group),
        MessageRoute::new::<MsgStartGroup, _>(|m| m.id.clone().unwrap_or_default().owner, start_group),
        MessageRoute::new::<MsgUpdateParams, _>(|m| m.authority.clone(), update_params),
    ]
}

/// A creation whose every field is well formed.
struct CheckedDeployment {
    id: DeploymentId,
    denom: Denom,
    deposit: CheckedDeposit,
    min_window: Option<Duration>,
}

impl CheckedDeployment {
    fn parse(ctx: &Context, msg: &MsgCreateDeployment) -> Result<Self, Failure> {
        let id = DeploymentId::from_wire(ctx, msg.id.as_ref())?;
        check_hash(&msg.hash)?;
        let deposit = CheckedDeposit::parse(msg.deposit.as_ref()).map_err(as_invalid_deposit)?;
        let specs = groups::parse(&msg.groups)?;
        let price = specs.first().and_then(sdl::GroupSpec::price);
        let price = price.ok_or_else(|| refusal::invalid_price("the sum of the first group is too large"))?;
        let deposited = &deposit.amount;
        if deposited.amount > 0 && deposited.denom != price.denom {
            let why = format!("it is in {}, but the groups are priced in {}", deposited.denom, price.denom);
            return Err(refusal::invalid_deposit(why).into());
        }
        let min_window = msg.reclamation.as_ref().map(min_window).transpose()?;
        Ok(Self { id, denom: price.denom, deposit, min_window })
    }
}

fn as_invalid_deposit(failure: Failure) -> Failure {
    match failure {
        Failure::Rejected(Rejection { message, .. }) => refusal::invalid_deposit(message).into(),
        broken @ Failure::Broken(_) => broken,
    }
}

fn min_window(reclamation: &DeploymentReclamation) -> Result<Duration, Rejection> {
    let window = reclamation.min_window.as_ref().and_then(duration_in);
    window.ok_or_else(|| refusal::invalid_reclamation("min_window is missing or negative"))
}

fn check_hash(hash: &[u8]) -> Result<(), Rejection> {
    match hash.len() {
        0 => Err(refusal::empty_hash()),
        32 => Ok(()),
        length => Err(refusal::invalid_hash(&format!("a SHA-256 has 32 bytes, this one {length}"))),
    }
}

/// Creates a deployment with open groups, an open order for each, and its escrow account. Checks come in upstream's
/// order (spec/akash.md 1.4).
///
/// # Errors
/// `deployment` 3, 7, 8, 9, 10, 20, 24, 25, 26; `sdk` 5 when the tenant has too little.
pub fn create_deployment(ctx: &mut Context, msg: MsgCreateDeployment) -> Result<MsgCreateDeploymentResponse, Failure> {
    let CheckedDeployment { id, denom, deposit, min_window } = CheckedDeployment::parse(ctx, &msg)?;
    let name = id.text(&ctx.chain.prefix);
    if DEPLOYMENTS.get(&ctx.state, &id)?.is_some() {
        return Err(refusal::exists(&name).into());
    }
    let params = Params::load(ctx)?;
    let least = params.min_deposits.amount_of(&deposit.amount.denom);
    if least == 0 {
        let why = format!("deposits in {} are not taken; use {}", deposit.amount.denom, params.denoms());
        return Err(refusal::invalid_deposit(why).into());
    }
    if deposit.amount.amount < least {
        let why = format!("{} is less than the {least}{} that a deployment needs", deposit.amount, denom);
        return Err(refusal::invalid_deposit(why).into());
    }
    if let Some(window) = min_window {
        auction::Params::load(ctx)?.check_window(window).map_err(refusal::invalid_reclamation)?;
    }
    if params.min_deposits.amount_of(&denom) == 0 {
        let why = format!("groups cannot be priced in {denom}; use {}", params.denoms());
        return Err(refusal::invalid_price(why).into());
    }

    let created_at = ctx.block.height.cast_signed();
    let deployment = Deployment {
        id: Some(id.to_wire(&ctx.chain.prefix)),
        state: State::Active.into(),
        hash: msg.hash.clone(),
        created_at,
        reclamation: msg.reclamation,
    };
    DEPLOYMENTS.put(&mut ctx.state, &id, &deployment)?;
    events::deployment_created(ctx, &id, &msg.hash);
    for (spec, gseq) in msg.groups.into_iter().zip(1..) {
        let group_id = id.group(gseq);
        let group = Group {
            id: Some(group_id.to_wire(&ctx.chain.prefix)),
            state: GroupState::Open.into(),
            group_spec: Some(spec),
            created_at,
        };
        GROUPS.set(&mut ctx.state, &group_id, &group);
        orders::open(ctx, &group_id, &group)?;
    }
    escrow::create_account(ctx, &AccountId::deployment(name), &id.owner, &deposit, &id.owner)?;
    Ok(MsgCreateDeploymentResponse {})
}

fn active(ctx: &Context, id: &DeploymentId) -> Result<Deployment, Failure> {
    let deployment = state::deployment(ctx, id)?;
    if deployment.state() == State::Active {
        return Ok(deployment);
    }
    Err(refusal::closed(&id.text(&ctx.chain.prefix)).into())
}

/// Replaces the manifest's hash.
///
/// # Errors
/// `deployment` 4, 5, 8, 9, 10; 10 also when the hash is the one in force.
pub fn update_deployment(ctx: &mut Context, msg: MsgUpdateDeployment) -> Result<MsgUpdateDeploymentResponse, Failure> {
    let id = DeploymentId::from_wire(ctx, msg.id.as_ref())?;
    check_hash(&msg.hash)?;
    let mut deployment = active(ctx, &id)?;
    if deployment.hash == msg.hash {
        return Err(refusal::invalid_hash("it is the one in force").into());
    }
    deployment.hash.clone_from(&msg.hash);
    DEPLOYMENTS.put(&mut ctx.state, &id, &deployment)?;
    events::deployment_updated(ctx, &id, &msg.hash);
    Ok(MsgUpdateDeploymentResponse {})
}

/// Closes a deployment, ends everything that was going on for it, and refunds what is left of its deposits.
///
/// # Errors
/// `deployment` 4, 5, 8.
pub fn close_deployment(ctx: &mut Context, msg: MsgCloseDeployment) -> Result<MsgCloseDeploymentResponse, Failure> {
    let id = DeploymentId::from_wire(ctx, msg.id.as_ref())?;
    active(ctx, &id)?;
    if ending::settle_first(ctx, &id)? {
        end_deployment(ctx, &id, Ending::OWNER)?;
        escrow::close_account(ctx, &AccountId::deployment(id.text(&ctx.chain.prefix)))?;
    }
    Ok(MsgCloseDeploymentResponse {})
}

/// Ends an active deployment and everything below it.
pub(crate) fn end_deployment(ctx: &mut Context, id: &DeploymentId, ending: Ending) -> Result<(), Failure> {
    let mut deployment = active(ctx, id)?;
    deployment.set_state(State::Closed);
    DEPLOYMENTS.put(&mut ctx.state, id, &deployment)?;
    events::deployment_closed(ctx, id);
    for (group_id, group) in state::groups(ctx, id)? {
        if groups::must_not_have_ended(ctx, &group_id, &group).is_ok() {
            groups::end(ctx, &group_id, group, ending)?;
        }
    }
    Ok(())
}

/// Closes a group with its order, bids and lease. The deployment stays active, even when this was its last group.
///
/// # Errors
/// `deployment` 13, 14, 15.
pub fn close_group(ctx: &mut Context, msg: MsgCloseGroup) -> Result<MsgCloseGroupResponse, Failure> {
    let id = GroupId::from_wire(ctx, msg.id.as_ref())?;
    let group = state::group(ctx, &id)?;
    groups::must_not_have_ended(ctx, &id, &group)?;
    if ending::settle_first(ctx, &id.deployment)? {
        groups::end(ctx, &id, group, Ending::OWNER)?;
    }
    Ok(MsgCloseGroupResponse {})
}

/// Pauses an open group; its order, bids and lease end.
///
/// # Errors
/// `deployment` 13, 14, 15, 17.
pub fn pause_group(ctx: &mut Context, msg: MsgPauseGroup) -> Result<MsgPauseGroupResponse, Failure> {
    let id = GroupId::from_wire(ctx, msg.id.as_ref())?;
    let mut group = state::group(ctx, &id)?;
    groups::must_not_have_ended(ctx, &id, &group)?;
    if group.state() == GroupState::Paused {
        return Err(refusal::group_paused(&id.text(&ctx.chain.prefix)).into());
    }
    if ending::settle_first(ctx, &id.deployment)? {
        groups::pause(ctx, &id, &mut group);
        ending::end_orders(ctx, &id, Ending::OWNER)?;
    }
    Ok(MsgPauseGroupResponse {})
}

/// Opens a paused group again, with a new order.
///
/// # Errors
/// `deployment` 13, 14, 15, 16; 5 when the deployment's funds have run out.
pub fn start_group(ctx: &mut Context, msg: MsgStartGroup) -> Result<MsgStartGroupResponse, Failure> {
    let id = GroupId::from_wire(ctx, msg.id.as_ref())?;
    let mut group = state::group(ctx, &id)?;
    groups::must_not_have_ended(ctx, &id, &group)?;
    if group.state() == GroupState::Open {
        return Err(refusal::group_open(&id.text(&ctx.chain.prefix)).into());
    }
    if !ending::settle_first(ctx, &id.deployment)? {
        return Err(refusal::closed(&format!("{}, whose funds have run out", id.text(&ctx.chain.prefix))).into());
    }
    group.set_state(GroupState::Open);
    GROUPS.set(&mut ctx.state, &id, &group);
    events::group_started(ctx, &id);
    orders::open(ctx, &id, &group)?;
    Ok(MsgStartGroupResponse {})
}

/// Replaces the parameters.
///
/// # Errors
/// `sdk` 4 unless the authority signed, `deployment` 22 when a parameter is out of bounds.
pub fn update_params(ctx: &mut Context, msg: MsgUpdateParams) -> Result<MsgUpdateParamsResponse, Failure> {
    ctx.require_authority(&msg.authority)?;
    let params = msg.params.ok_or_else(|| refusal::invalid_param("they are missing"))?;
    Params::from_wire(&params)?.store(ctx);
    Ok(MsgUpdateParamsResponse {})
}
