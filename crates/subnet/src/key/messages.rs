//! Messages of hotkeys.

use ledger::{Context, Failure, MessageRoute};
use proto::tetra::subnet::v1::{
    Hotkey, MsgBindHotkey, MsgBindHotkeyResponse, MsgSetTake, MsgSetTakeResponse, MsgStake, MsgStakeResponse,
    MsgSwapHotkey, MsgSwapHotkeyResponse, MsgUnstake, MsgUnstakeResponse,
};

use super::state::{BY_COLDKEY, HOTKEYS, get, owned};
use super::{binding, events, staking};
use crate::ids::{self, HotkeyId};
use crate::params::params;
use crate::refusal::key as refusal;
use crate::{network, weight, wit};

pub(crate) fn routes() -> Vec<MessageRoute> {
    vec![
        MessageRoute::new::<MsgBindHotkey, _>(|m| m.coldkey.clone(), bind_hotkey),
        MessageRoute::new::<MsgSetTake, _>(|m| m.coldkey.clone(), set_take),
        MessageRoute::new::<MsgSwapHotkey, _>(|m| m.coldkey.clone(), swap_hotkey),
        MessageRoute::new::<MsgStake, _>(|m| m.coldkey.clone(), stake),
        MessageRoute::new::<MsgUnstake, _>(|m| m.coldkey.clone(), unstake),
    ]
}

/// Binds a hotkey to the signer, or gives one of the signer's another operator. A new one takes the most that is allowed.
///
/// # Errors
/// `subnet_key` 2, 4 when another coldkey has it, 5 when the hotkey did not sign that; `sdk` 7.
pub fn bind_hotkey(ctx: &mut Context, msg: MsgBindHotkey) -> Result<MsgBindHotkeyResponse, Failure> {
    let id = ids::hotkey(&msg.hotkey)?;
    let (coldkey, operator) = (ctx.address(&msg.coldkey)?, ctx.address(&msg.operator)?);
    let old = get(ctx, &id)?;
    let sequence = old.as_ref().map_or(0, |old| old.binds).saturating_add(1);
    let signed = binding::bind_bytes(&ctx.chain.id, &coldkey, &operator, sequence);
    binding::verify(&id, &signed, &msg.signature, sequence)?;

    let hotkey = match old {
        Some(old) if ctx.address(&old.coldkey)? != coldkey => {
            return Err(refusal::not_yours(&ids::text(&id), "the coldkey", &old.coldkey).into());
        }
        Some(old) => Hotkey { operator: ctx.text(&operator), binds: sequence, ..old },
        None => Hotkey {
            hotkey: id.to_vec(),
            coldkey: ctx.text(&coldkey),
            operator: ctx.text(&operator),
            take: params(ctx)?.max_take,
            shares: "0".to_owned(),
            binds: sequence,
            ..Hotkey::default()
        },
    };
    HOTKEYS.set(&mut ctx.state, &id, &hotkey);
    BY_COLDKEY.set(&mut ctx.state, &(coldkey, id), &());
    events::hotkey(ctx, &id, &hotkey.coldkey, &hotkey.operator, "bound");
    Ok(MsgBindHotkeyResponse {})
}

/// Sets what a hotkey takes of its nominators' dividends. Less at once; more once in a while, so that nominators can leave.
///
/// # Errors
/// `subnet_key` 2, 3, 4, 6; `sdk` 7.
pub fn set_take(ctx: &mut Context, msg: MsgSetTake) -> Result<MsgSetTakeResponse, Failure> {
    let id = ids::hotkey(&msg.hotkey)?;
    let mut hotkey = owned(ctx, &id, &msg.coldkey)?;
    let params = params(ctx)?;
    if msg.take > params.max_take {
        let why = format!("it may take {} of 65535 at most, not {}", params.max_take, msg.take);
        return Err(refusal::invalid(why).into());
    }
    if msg.take > hotkey.take {
        let next = hotkey.take_height.saturating_add(params.take_interval);
        if hotkey.take_height > 0 && ctx.block.height < next {
            return Err(refusal::too_early("raising the take", next).into());
        }
        hotkey.take_height = ctx.block.height;
    }
    hotkey.take = msg.take;
    HOTKEYS.set(&mut ctx.state, &id, &hotkey);
    events::hotkey(ctx, &id, &hotkey.coldkey, &hotkey.operator, "take");
    Ok(MsgSetTakeResponse {})
}

/// Puts a new hotkey in the place of one of the signer's, with its stakes, uids, weights and seat. The new one signs; it must
/// not be bound. Costs gas by the number of its nominators.
///
/// # Errors
/// `subnet_key` 2, 3, 4, 5; `sdk` 5 when the coldkey cannot pay.
pub fn swap_hotkey(ctx: &mut Context, msg: MsgSwapHotkey) -> Result<MsgSwapHotkeyResponse, Failure> {
    let (from, to) = (ids::hotkey(&msg.from)?, ids::hotkey(&msg.to)?);
    let hotkey = owned(ctx, &from, &msg.coldkey)?;
    if get(ctx, &to)?.is_some() {
        return Err(refusal::invalid("the new hotkey is bound already: take one that was never used").into());
    }
    let coldkey = ctx.address(&msg.coldkey)?;
    let signed = binding::swap_bytes(&ctx.chain.id, &coldkey, &from, 1);
    binding::verify(&to, &signed, &msg.signature, 1)?;
    let cost = params(ctx)?.swap_cost;
    wit::recycle(ctx, &coldkey, cost, "hotkey_swap")?;

    HOTKEYS.remove(&mut ctx.state, &from);
    BY_COLDKEY.remove(&mut ctx.state, &(coldkey, from));
    let hotkey = Hotkey { hotkey: to.to_vec(), binds: 1, ..hotkey };
    HOTKEYS.set(&mut ctx.state, &to, &hotkey);
    BY_COLDKEY.set(&mut ctx.state, &(coldkey, to), &());
    move_everything(ctx, &from, &to)?;
    events::hotkey(ctx, &to, &hotkey.coldkey, &hotkey.operator, "swapped");
    Ok(MsgSwapHotkeyResponse {})
}

fn move_everything(ctx: &mut Context, from: &HotkeyId, to: &HotkeyId) -> Result<(), Failure> {
    staking::move_shares(ctx, from, to)?;
    network::neurons::swap_hotkey(ctx, from, to)?;
    weight::root::swap_hotkey(ctx, from, to)
}

/// Stakes to a hotkey, the signer's or another's.
///
/// # Errors
/// `subnet_key` 2 when the amount is too small, 3; `sdk` 5, 7.
pub fn stake(ctx: &mut Context, msg: MsgStake) -> Result<MsgStakeResponse, Failure> {
    let (id, coldkey) = (ids::hotkey(&msg.hotkey)?, ctx.address(&msg.coldkey)?);
    let least = params(ctx)?.min_stake;
    if msg.amount < least {
        return Err(
            refusal::invalid(format!("at least {least}nwit are staked at a time, not {}nwit", msg.amount)).into()
        );
    }
    staking::stake(ctx, &id, &coldkey, msg.amount)?;
    events::stake(ctx, &id, &msg.coldkey, "staked", msg.amount);
    Ok(MsgStakeResponse {})
}

/// Takes stake back; all of it when the amount is 0. It is free at once.
///
/// # Errors
/// `subnet_key` 2, 3, 7; `sdk` 7.
pub fn unstake(ctx: &mut Context, msg: MsgUnstake) -> Result<MsgUnstakeResponse, Failure> {
    let (id, coldkey) = (ids::hotkey(&msg.hotkey)?, ctx.address(&msg.coldkey)?);
    let amount = staking::unstake(ctx, &id, &coldkey, msg.amount)?;
    events::stake(ctx, &id, &msg.coldkey, "unstaked", amount);
    Ok(MsgUnstakeResponse { amount })
}
