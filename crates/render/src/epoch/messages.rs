//! Messages of epochs.

use ledger::{Context, Failure, Rejection};
use proto::tetra::render::v1::{MsgClaimRewards, MsgClaimRewardsResponse, MsgUpdateParams, MsgUpdateParamsResponse};

use super::{claims, params, refusals};
use crate::credit::{LUX, shown};

/// Pays out what closed epochs owe the signer, of at most 64 epochs.
///
/// # Errors
/// `render_epoch` 3 when none owes anything, `sdk` 7 for a malformed address.
pub fn claim_rewards(ctx: &mut Context, msg: MsgClaimRewards) -> Result<MsgClaimRewardsResponse, Failure> {
    let owner = ctx.address(&msg.owner)?;
    let paid = ctx.attempt(|ctx| claims::claim(ctx, &owner))?;
    let paid = paid.ok_or_else(|| refusals::nothing_owed(&msg.owner))?;
    Ok(MsgClaimRewardsResponse { paid: Some(shown(LUX, paid)) })
}

/// Replaces the parameters and the prices in force. The length of epochs counts from the next one on.
///
/// # Errors
/// `sdk` 4 when the signer is not the authority, 7 for a malformed address, 18 without parameters; `render_epoch` 2 for
/// one out of bounds.
pub fn update_params(ctx: &mut Context, msg: MsgUpdateParams) -> Result<MsgUpdateParamsResponse, Failure> {
    ctx.require_authority(&msg.authority)?;
    let wire = msg.params.ok_or_else(|| Rejection::invalid_request("params are missing; send all of them"))?;
    params::check(ctx, &wire)?;
    params::set_params(ctx, &wire);
    Ok(MsgUpdateParamsResponse {})
}
