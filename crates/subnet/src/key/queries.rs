//! Queries of hotkeys and stakes.

use ledger::pages::Paging;
use ledger::{Context, QueryError, QueryRoute};
use primitives::Address;
use proto::tetra::subnet::v1::{
    Hotkey, QueryHotkeyRequest, QueryHotkeyResponse, QueryHotkeysRequest, QueryHotkeysResponse, QueryStakesRequest,
    QueryStakesResponse, Stake,
};
use store::Amount;

use super::state::{BY_COLDKEY, HOTKEYS, SHARES, STAKED, get, pool, shares};
use crate::ids::{self, HotkeyId};

pub(crate) fn routes() -> Vec<QueryRoute> {
    vec![
        QueryRoute::new("/tetra.subnet.v1.Query/Hotkey", hotkey),
        QueryRoute::new("/tetra.subnet.v1.Query/Hotkeys", hotkeys),
        QueryRoute::new("/tetra.subnet.v1.Query/Stakes", stakes),
    ]
}

/// One hotkey.
///
/// # Errors
/// `NotFound`; `InvalidArgument` for a malformed key.
pub fn hotkey(ctx: &Context, request: QueryHotkeyRequest) -> Result<QueryHotkeyResponse, QueryError> {
    let id = ids::hotkey(&request.hotkey)?;
    let hotkey = get(ctx, &id)?.ok_or_else(|| QueryError::not_found("the hotkey is not bound on this chain"))?;
    Ok(QueryHotkeyResponse { hotkey: Some(hotkey) })
}

/// Hotkeys of a coldkey, or of everybody.
///
/// # Errors
/// `InvalidArgument` for a malformed coldkey or page.
pub fn hotkeys(ctx: &Context, request: QueryHotkeysRequest) -> Result<QueryHotkeysResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (hotkeys, pagination) = if request.coldkey.is_empty() {
        paging.pick(&ctx.state, &HOTKEYS, &(), |_, hotkey| Ok(Some(hotkey)))?
    } else {
        let coldkey = ctx.address(&request.coldkey)?;
        paging.pick(&ctx.state, &BY_COLDKEY, &coldkey, |(_, id), ()| Ok(HOTKEYS.get(&ctx.state, &id)?))?
    };
    Ok(QueryHotkeysResponse { hotkeys, pagination })
}

/// Stakes of a coldkey, or to a hotkey.
///
/// # Errors
/// `InvalidArgument` for a malformed key or page, or when both or neither is named.
pub fn stakes(ctx: &Context, request: QueryStakesRequest) -> Result<QueryStakesResponse, QueryError> {
    let paging = Paging::parse(request.pagination)?;
    let (stakes, pagination) = match (request.coldkey.is_empty(), request.hotkey.is_empty()) {
        (false, true) => {
            let coldkey = ctx.address(&request.coldkey)?;
            let show = |(_, id): (Address, HotkeyId), ()| {
                let hotkey = HOTKEYS.get(&ctx.state, &id)?.unwrap_or_default();
                Ok(Some(stake(ctx, &hotkey, &id, &coldkey, shares(ctx, &id, &coldkey)?)))
            };
            paging.pick(&ctx.state, &STAKED, &coldkey, show)?
        }
        (true, false) => {
            let id = ids::hotkey(&request.hotkey)?;
            let hotkey = get(ctx, &id)?.unwrap_or_default();
            let show = |(_, coldkey): (HotkeyId, Address), amount: Amount| {
                Ok(Some(stake(ctx, &hotkey, &id, &coldkey, amount.0)))
            };
            paging.pick(&ctx.state, &SHARES, &id, show)?
        }
        _ => return Err(QueryError::invalid("name a coldkey or a hotkey, one of both")),
    };
    Ok(QueryStakesResponse { stakes, pagination })
}

pub(crate) fn stake(ctx: &Context, hotkey: &Hotkey, id: &HotkeyId, coldkey: &Address, shares: u128) -> Stake {
    Stake {
        hotkey: id.to_vec(),
        coldkey: ctx.text(coldkey),
        amount: pool(hotkey).worth(shares),
        shares: shares.to_string(),
    }
}
