//! Messages of `akash.take.v1`.

use proto::akash::take::v1::{MsgUpdateParams, MsgUpdateParamsResponse};

use super::params::{self, Params};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// Replaces all rates. What escrow payments were taken before counts towards their take at the new rate.
///
/// # Errors
/// `sdk` 4 when the signer is not the authority, 7 for a malformed address, 18 for rates out of bounds.
pub fn update_params(ctx: &mut Context, msg: MsgUpdateParams) -> Result<MsgUpdateParamsResponse, Failure> {
    ctx.require_authority(&msg.authority)?;
    let wire = msg.params.ok_or_else(|| Rejection::invalid_request("params are missing; send all rates"))?;
    let checked = Params::from_wire(&wire)?;
    params::set(ctx, &checked);
    Ok(MsgUpdateParamsResponse {})
}
