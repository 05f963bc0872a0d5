//! Messages of subnets and neurons.

use ledger::{Context, Failure, MessageRoute};
use proto::tetra::subnet::v1::{
    MsgCreateSubnet, MsgCreateSubnetResponse, MsgRecycle, MsgRecycleResponse, MsgRegisterNeuron,
    MsgRegisterNeuronResponse, MsgServe, MsgServeResponse, MsgSetRules, MsgSetRulesResponse, MsgUpdateParams,
    MsgUpdateParamsResponse,
};

use super::state::{PARAMS, UIDS, put, put_neuron, require, require_neuron};
use super::{burn, creation, events, neurons, rules};
use crate::ids::{self, Netuid};
use crate::key::state::{operated, owned};
use crate::params::{self, params};
use crate::refusal::network as refusal;
use crate::{epoch, wit};

/// The longest name of a subnet, and the longest address of a neuron, in bytes.
const LONGEST_NAME: usize = 64;
const LONGEST_ENDPOINT: usize = 256;

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgCreateSubnet, _>(|m| m.owner.clone(), create_subnet),
        MessageRoute::new::<MsgSetRules, _>(|m| m.owner.clone(), set_rules),
        MessageRoute::new::<MsgUpdateParams, _>(|m| m.authority.clone(), update_params),
        MessageRoute::new::<MsgRegisterNeuron, _>(|m| m.coldkey.clone(), register_neuron),
        MessageRoute::new::<MsgServe, _>(|m| m.operator.clone(), serve),
        MessageRoute::new::<MsgRecycle, _>(|m| m.from.clone(), recycle),
    ]
}

/// Creates a subnet, whose lock is returned when it is pruned.
///
/// # Errors
/// `subnet` 2, 5, 6, 7; `subnet_key` 2, 3, 4; `sdk` 5, 7.
pub fn create_subnet(ctx: &mut Context, msg: MsgCreateSubnet) -> Result<MsgCreateSubnetResponse, Failure> {
    let hotkey = owned(ctx, &ids::hotkey(&msg.hotkey)?, &msg.owner)?;
    let printable = msg.name.chars().all(|letter| !letter.is_control());
    if msg.name.trim().is_empty() || msg.name.len() > LONGEST_NAME || !printable {
        return Err(refusal::invalid(format!("its name has 1 to {LONGEST_NAME} bytes that can be read")).into());
    }
    let (netuid, locked) = creation::create(ctx, &hotkey, &msg.name, msg.max_lock)?;
    Ok(MsgCreateSubnetResponse { netuid, locked })
}

/// Sets all rules of a subnet, and the machine that it asks for. Machines that are held stay as they are.
///
/// # Errors
/// `subnet` 3, 4, 6, 10; `sdk` 7.
pub fn set_rules(ctx: &mut Context, msg: MsgSetRules) -> Result<MsgSetRulesResponse, Failure> {
    let mut subnet = require(ctx, msg.netuid)?;
    if ctx.address(&msg.owner)? != ctx.address(&subnet.owner)? {
        return Err(refusal::not_the_owner(msg.netuid, &subnet.owner).into());
    }
    let wanted = msg.rules.ok_or_else(|| refusal::invalid_param("rules are missing: send all of them"))?;
    rules::check(ctx, &wanted)?;
    if wanted.max_neurons < subnet.neurons {
        let why = format!("max_neurons must not be below the {} neurons that are there", subnet.neurons);
        return Err(refusal::invalid_param(why).into());
    }
    if msg.minimum.as_ref().is_some_and(|minimum| !minimum.devices.is_empty()) {
        let why = "a minimum names amounts, no devices: GPUs cannot be pinned yet";
        return Err(refusal::invalid_param(why).into());
    }
    let next = subnet.rules_height.saturating_add(params(ctx)?.rules_interval);
    if subnet.rules_height > 0 && ctx.block.height < next {
        return Err(refusal::too_early("changing the rules", next).into());
    }
    // The price up to now is that of the rules up to now.
    burn::settle(&mut subnet, ctx.block.height);
    epoch::running::unschedule(ctx, &subnet);
    subnet.rules = Some(wanted);
    subnet.minimum = msg.minimum;
    subnet.rules_height = ctx.block.height;
    put(ctx, &subnet);
    epoch::running::schedule(ctx, &subnet);
    events::subnet(ctx, msg.netuid, "rules", &subnet.owner, 0);
    Ok(MsgSetRulesResponse {})
}

/// Sets what holds for all subnets.
///
/// # Errors
/// `subnet` 10; `sdk` 4, 7.
pub fn update_params(ctx: &mut Context, msg: MsgUpdateParams) -> Result<MsgUpdateParamsResponse, Failure> {
    ctx.require_authority(&msg.authority)?;
    let wanted = msg.params.ok_or_else(|| refusal::invalid_param("params are missing: send all of them"))?;
    params::check(&wanted)?;
    PARAMS.set(&mut ctx.state, &wanted);
    epoch::sharing::look_soon(ctx)?;
    Ok(MsgUpdateParamsResponse {})
}

/// Gives a hotkey of the signer a uid, for a burn that is at most the limit.
///
/// # Errors
/// `subnet` 3, 5, 6, 7, 8; `subnet_key` 2, 3, 4; `capacity` 2; `sdk` 5, 7.
pub fn register_neuron(ctx: &mut Context, msg: MsgRegisterNeuron) -> Result<MsgRegisterNeuronResponse, Failure> {
    let id = ids::hotkey(&msg.hotkey)?;
    let hotkey = owned(ctx, &id, &msg.coldkey)?;
    let mut subnet = require(ctx, msg.netuid)?;
    if let Some(uid) = UIDS.get(&ctx.state, &(id, msg.netuid))? {
        return Err(refusal::registered(msg.netuid, uid).into());
    }
    let height = ctx.block.height;
    burn::settle(&mut subnet, height);
    burn::allowed(&subnet, height).map_err(|next| refusal::too_early("registering", next))?;
    let cost = subnet.burn;
    if cost > msg.max_burn {
        return Err(refusal::too_dear("registering", cost, msg.max_burn).into());
    }
    let coldkey = ctx.address(&msg.coldkey)?;
    wit::recycle(ctx, &coldkey, cost, "registration")?;
    burn::registered(&mut subnet, height);
    subnet.recycled = subnet.recycled.saturating_add(cost);
    let uid = neurons::seat(ctx, &mut subnet, &hotkey, cost)?;
    put(ctx, &subnet);
    Ok(MsgRegisterNeuronResponse { uid, burned: cost })
}

/// Says where a neuron serves; nothing takes the address back.
///
/// # Errors
/// `subnet` 2, 3, 6, 9; `subnet_key` 2, 3, 4; `sdk` 7.
pub fn serve(ctx: &mut Context, msg: MsgServe) -> Result<MsgServeResponse, Failure> {
    let id = ids::hotkey(&msg.hotkey)?;
    operated(ctx, &id, &msg.operator)?;
    let rules = require(ctx, msg.netuid)?.rules.unwrap_or_default();
    let mut neuron = require_neuron(ctx, msg.netuid, &id)?;
    if !msg.endpoint.is_empty() {
        check_endpoint(ctx, &msg.endpoint, msg.netuid)?;
    }
    let next = neuron.served_height.saturating_add(rules.serving_rate_limit);
    if neuron.served_height > 0 && ctx.block.height < next {
        return Err(refusal::too_early("saying where it serves", next).into());
    }
    (neuron.endpoint, neuron.protocol, neuron.served_height) = (msg.endpoint, msg.protocol, ctx.block.height);
    put_neuron(ctx, &neuron);
    Ok(MsgServeResponse {})
}

/// Recycles WIT of the signer in the name of a subnet.
///
/// # Errors
/// `subnet` 2 when there is nothing to recycle, 3; `sdk` 5, 7.
pub fn recycle(ctx: &mut Context, msg: MsgRecycle) -> Result<MsgRecycleResponse, Failure> {
    let mut subnet = require(ctx, msg.netuid)?;
    if msg.amount == 0 {
        return Err(refusal::invalid("nothing would be recycled: the amount is zero").into());
    }
    let from = ctx.address(&msg.from)?;
    wit::recycle(ctx, &from, msg.amount, "by_its_owner")?;
    subnet.recycled = subnet.recycled.saturating_add(msg.amount);
    put(ctx, &subnet);
    events::subnet(ctx, msg.netuid, "recycled", &msg.from, msg.amount);
    Ok(MsgRecycleResponse {})
}

/// An address of HTTP or HTTPS that others reach: loopback is for development networks.
fn check_endpoint(ctx: &Context, endpoint: &str, netuid: Netuid) -> Result<(), Failure> {
    let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    let well_formed = rest.is_some_and(|rest| !rest.is_empty())
        && endpoint.len() <= LONGEST_ENDPOINT
        && endpoint.bytes().all(|byte| byte.is_ascii_graphic());
    if !well_formed {
        let why = format!("the address {endpoint:?} is no http(s) address of at most {LONGEST_ENDPOINT} bytes");
        return Err(refusal::invalid(why).into());
    }
    let host = rest.unwrap_or_default();
    let nobody = ["127.", "localhost", "0.0.0.0", "[::1]", "[::]"].iter().any(|own| host.starts_with(own));
    if nobody && !ctx.chain.dev {
        let why = format!("nobody else reaches {endpoint}: subnet {netuid} needs an address that validators can reach");
        return Err(refusal::invalid(why).into());
    }
    Ok(())
}
