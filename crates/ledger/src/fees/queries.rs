//! Queries of `tetra.fees.v1`.

use proto::cosmos::base::v1beta1::DecCoin;
use proto::tetra::fees::v1::{GasSchedule, Params, QueryParamsRequest, QueryParamsResponse};

use super::GasPrice;
use crate::context::Context;
use crate::failure::QueryError;

/// The least prices of gas, and what gas each work is.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context, _: QueryParamsRequest) -> Result<QueryParamsResponse, QueryError> {
    let params = super::params(ctx)?;
    let price = |one: &GasPrice| DecCoin { denom: one.denom.to_string(), amount: one.price.to_wire() };
    let gas = GasSchedule {
        per_tx: params.gas.per_tx,
        per_tx_byte: params.gas.per_tx_byte,
        per_signature: params.gas.per_signature,
        per_read: params.gas.per_read,
        per_read_byte: params.gas.per_read_byte,
        per_write: params.gas.per_write,
        per_written_byte: params.gas.per_written_byte,
    };
    let gas_prices = params.gas_prices.iter().map(price).collect();
    Ok(QueryParamsResponse { params: Some(Params { gas_prices, gas: Some(gas) }) })
}
