//! Queries of subnets and neurons.

use ledger::pages::Paging;
use ledger::{Context, Failure, QueryError, QueryRoute};
use proto::tetra::subnet::v1::{
    Neuron, NeuronView, QueryNeuronRequest, QueryNeuronResponse, QueryNeuronsRequest, QueryNeuronsResponse,
    QueryParamsRequest, QueryParamsResponse, QuerySubnetRequest, QuerySubnetResponse, QuerySubnetsRequest,
    QuerySubnetsResponse, Rules, Subnet, SubnetView,
};

use super::state::{NEURONS, SUBNETS, require_neuron};
use super::{burn, creation, neurons};
use crate::ids::{self, Netuid, Uid};
use crate::key::state::stake_of;
use crate::{epoch, params};

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.subnet.v1.Query/Params", params),
        QueryRoute::new("/tetra.subnet.v1.Query/Subnets", subnets),
        QueryRoute::new("/tetra.subnet.v1.Query/Subnet", subnet),
        QueryRoute::new("/tetra.subnet.v1.Query/Neurons", neurons),
        QueryRoute::new("/tetra.subnet.v1.Query/Neuron", neuron),
    ]
}

/// What holds for all subnets.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    Ok(QueryParamsResponse { params: Some(params::params(ctx)?) })
}

/// Subnets by number, each with what registering costs now, and what a new subnet costs.
///
/// # Errors
/// `InvalidArgument` for a malformed page request.
pub fn subnets(ctx: &Context, request: QuerySubnetsRequest) -> Result<QuerySubnetsResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (found, pagination) = paging.list(&ctx.state, &SUBNETS, &())?;
    let subnets: Result<_, Failure> = found.into_iter().map(|(_, subnet)| view(ctx, subnet)).collect();
    Ok(QuerySubnetsResponse { subnets: subnets?, pagination, lock_cost: creation::lock_cost(ctx)? })
}

/// One subnet.
///
/// # Errors
/// `NotFound`.
pub fn subnet(ctx: &Context, request: QuerySubnetRequest) -> Result<QuerySubnetResponse, QueryError> {
    let subnet = found(ctx, request.netuid)?;
    Ok(QuerySubnetResponse { subnet: Some(view(ctx, subnet)?) })
}

fn found(ctx: &Context, netuid: Netuid) -> Result<Subnet, QueryError> {
    let missing = || QueryError::not_found(format!("there is no subnet {netuid}"));
    SUBNETS.get(&ctx.state, &netuid)?.ok_or_else(missing)
}

fn view(ctx: &Context, subnet: Subnet) -> Result<SubnetView, Failure> {
    let due = epoch::sharing::due(ctx, &subnet)?;
    Ok(SubnetView {
        burn: burn::at(&subnet, ctx.block.height),
        pending: subnet.pending.saturating_add(due),
        next_epoch_height: epoch::running::next_height(&subnet),
        subnet: Some(subnet),
    })
}

/// The neurons of a subnet by uid.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed page request.
pub fn neurons(ctx: &Context, request: QueryNeuronsRequest) -> Result<QueryNeuronsResponse, QueryError> {
    let rules = found(ctx, request.netuid)?.rules.unwrap_or_default();
    let paging = Paging::parse(request.pagination)?;
    let show = |_: (Netuid, Uid), neuron| Ok(Some(neuron_view(ctx, neuron, &rules)?));
    let (neurons, pagination) = paging.pick(&ctx.state, &NEURONS, &request.netuid, show)?;
    Ok(QueryNeuronsResponse { neurons, pagination })
}

/// The neuron of a hotkey.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed hotkey.
pub fn neuron(ctx: &Context, request: QueryNeuronRequest) -> Result<QueryNeuronResponse, QueryError> {
    let rules = found(ctx, request.netuid)?.rules.unwrap_or_default();
    let id = ids::hotkey(&request.hotkey)?;
    let neuron = match require_neuron(ctx, request.netuid, &id) {
        Err(Failure::Rejected(why)) => return Err(QueryError::not_found(why.message)),
        neuron => neuron?,
    };
    Ok(QueryNeuronResponse { neuron: Some(neuron_view(ctx, neuron, &rules)?) })
}

fn neuron_view(ctx: &Context, neuron: Neuron, rules: &Rules) -> Result<NeuronView, Failure> {
    let stake = stake_of(ctx, &ids::hotkey(&neuron.hotkey)?)?;
    let immune = neurons::is_immune(&neuron, rules, ctx.block.height);
    Ok(NeuronView { neuron: Some(neuron), stake, immune })
}
