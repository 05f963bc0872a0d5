//! What always holds of credits.

use std::collections::BTreeMap;

use ledger::{Context, bank};
use primitives::{Address, Denom};

use super::lots::Checked;
use super::messages::MOST_LOTS;
use super::state::{ASKS, BALANCES, BY_PRICE, LOTS, NEXT_ASK, NEXT_LOT};
use super::{LUX, USD, asks, asks_account, lots_account};

fn held(ctx: &Context, account: &Address, denom: &str) -> Result<u128, store::Error> {
    let Ok(denom) = Denom::new(denom) else { return Ok(0) };
    match bank::balance(ctx, account, &denom) {
        Ok(amount) => Ok(amount),
        Err(ledger::Failure::Broken(error)) => Err(error),
        Err(ledger::Failure::Rejected(_)) => Ok(0),
    }
}

/// Broken promises: free and set-aside credits are what the lots have left; the account of lots holds exactly what is left
/// of all payments, that of asks exactly what is offered; each ask stands in its index.
///
/// # Errors
/// When the state fails.
pub fn check(ctx: &Context) -> Result<Vec<String>, store::Error> {
    let mut broken = Vec::new();
    let (mut lux, mut usd) = (0u128, 0u128);
    let mut sums: BTreeMap<Address, (u128, usize)> = BTreeMap::new();
    let next_lot = NEXT_LOT.get(&ctx.state)?.unwrap_or(1);
    for ((owner, id), lot) in LOTS.all(&ctx.state)? {
        let checked = match Checked::parse(&lot) {
            Ok(checked) => checked,
            Err(error) => {
                broken.push(format!("lot {id} of {}: {error}", ctx.text(&owner)));
                continue;
            }
        };
        if lot.id != id || id >= next_lot {
            broken.push(format!("lot {id} of {} has another id, or one not given yet", ctx.text(&owner)));
        }
        let sum = if checked.is_lux { &mut lux } else { &mut usd };
        *sum = sum.saturating_add(checked.lock.refund());
        let (sum, count) = sums.entry(owner).or_default();
        *sum = sum.saturating_add(checked.lock.left());
        *count += 1;
    }
    for (owner, has) in BALANCES.all(&ctx.state)? {
        let (sum, count) = sums.remove(&owner).unwrap_or_default();
        let credits = u128::from(has.free_ucredits) + u128::from(has.locked_ucredits);
        if credits != sum || credits == 0 || count > MOST_LOTS {
            broken.push(format!("{} has {credits} credits, its {count} lots have {sum}", ctx.text(&owner)));
        }
    }
    broken.extend(sums.into_keys().map(|owner| format!("{} has lots, but no credits", ctx.text(&owner))));
    let mut offered = 0u128;
    let next_ask = NEXT_ASK.get(&ctx.state)?.unwrap_or(1);
    let asks = ASKS.all(&ctx.state)?;
    for (seller, ask) in &asks {
        offered = offered.saturating_add(asks::amount(ask)?);
        let indexed = BY_PRICE.has(&ctx.state, &(ask.min_price_micros, ask.id, *seller))?;
        if !indexed || ask.id >= next_ask || ask.seller != ctx.text(seller) {
            broken.push(format!("ask {} does not stand in its index", ask.id));
        }
    }
    if BY_PRICE.all(&ctx.state)?.len() != asks.len() {
        broken.push("the index of asks has entries without asks".to_owned());
    }
    let accounts = [(lots_account(), LUX, lux), (lots_account(), USD, usd), (asks_account(), LUX, offered)];
    for (account, denom, wanted) in accounts {
        let found = held(ctx, &account, denom)?;
        if found != wanted {
            broken.push(format!("{} holds {found}{denom}, its books say {wanted}", ctx.text(&account)));
        }
    }
    Ok(broken)
}
