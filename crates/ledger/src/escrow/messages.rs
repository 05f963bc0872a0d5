//! Messages of `akash.escrow.v1` and `tetra.escrow.v1`.

use primitives::Address;
use proto::akash::escrow::id::v1 as ids;
use proto::akash::escrow::v1::{MsgAccountDeposit, MsgAccountDepositResponse};
use proto::tetra::escrow::v1::{MsgSettle, MsgSettleResponse};

use super::state::AccountId;
use super::{CheckedDeposit, Scope, account, errors};
use crate::context::Context;
use crate::failure::Failure;
use crate::routes::MessageRoute;

pub(super) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new(|msg: &MsgAccountDeposit| msg.signer.clone(), account_deposit),
        MessageRoute::new(|msg: &MsgSettle| msg.signer.clone(), settle),
    ]
}

fn parse_id(id: Option<&ids::Account>) -> Result<AccountId, Failure> {
    let id = id.ok_or_else(|| errors::invalid_id("it is missing"))?;
    match id.scope() {
        Scope::Invalid => Err(errors::invalid_id("its scope must be deployment or bid").into()),
        _ if id.xid.is_empty() => Err(errors::invalid_id("its xid is empty").into()),
        scope => Ok(AccountId { xid: id.xid.clone(), scope }),
    }
}

struct CheckedAccountDeposit {
    signer: Address,
    id: AccountId,
    deposit: CheckedDeposit,
}

impl CheckedAccountDeposit {
    fn parse(ctx: &Context, msg: &MsgAccountDeposit) -> Result<Self, Failure> {
        Ok(Self {
            signer: ctx.address(&msg.signer)?,
            id: parse_id(msg.id.as_ref())?,
            deposit: CheckedDeposit::parse(msg.deposit.as_ref())?,
        })
    }
}

/// Adds money to an account; the signer may be anyone.
///
/// # Errors
/// When the message is malformed; as [`account::deposit_into`].
pub fn account_deposit(ctx: &mut Context, msg: MsgAccountDeposit) -> Result<MsgAccountDepositResponse, Failure> {
    let checked = CheckedAccountDeposit::parse(ctx, &msg)?;
    account::deposit_into(ctx, &checked.id, &checked.deposit, &checked.signer)?;
    Ok(MsgAccountDepositResponse {})
}

/// Settles an account; the signer may be anyone.
///
/// # Errors
/// When the message is malformed; as [`account::settle`].
pub fn settle(ctx: &mut Context, msg: MsgSettle) -> Result<MsgSettleResponse, Failure> {
    ctx.address(&msg.signer)?;
    account::settle(ctx, &parse_id(msg.id.as_ref())?)?;
    Ok(MsgSettleResponse {})
}
