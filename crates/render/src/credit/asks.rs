//! Offers of LUX to the vault. What is offered lies in an account of the chain until it is sold or taken back.

use ledger::{Context, Failure, bank};
use primitives::Address;
use proto::tetra::render::v1::Ask;

use super::state::{ASKS, BY_PRICE, NEXT_ASK, next};
use super::{LUX, MODULE, asks_account, coins, events, refusals, shown};

/// The least that can be offered, in base units: one LUX. It makes it dear to crowd out others with crumbs.
pub const LEAST: u128 = 1_000_000;
/// The highest price that can be asked, in millionths.
pub const HIGHEST: u64 = ledger::oracle::prices::HIGHEST;

/// What an ask offers, in base units.
///
/// # Errors
/// When it is no amount of LUX, or of zero.
pub(super) fn amount(ask: &Ask) -> Result<u128, store::Error> {
    let sell = ask.sell.as_ref().filter(|sell| sell.denom == LUX);
    let amount = sell.and_then(|sell| sell.amount.parse().ok()).filter(|amount| *amount > 0);
    let corrupt = || store::Error::Corrupt {
        module: MODULE.0,
        key: format!("ask {}", ask.id),
        why: "it offers no LUX".to_owned(),
    };
    amount.ok_or_else(corrupt)
}

/// Stores an ask with its index.
pub(super) fn store(ctx: &mut Context, seller: &Address, ask: &Ask) {
    BY_PRICE.set(&mut ctx.state, &(ask.min_price_micros, ask.id, *seller), &());
    ASKS.set(&mut ctx.state, seller, ask);
}

/// Removes an ask with its index. What it offers stays where it is.
pub(super) fn remove(ctx: &mut Context, seller: &Address, ask: &Ask) {
    BY_PRICE.remove(&mut ctx.state, &(ask.min_price_micros, ask.id, *seller));
    ASKS.remove(&mut ctx.state, seller);
}

fn withdraw(ctx: &mut Context, seller: &Address) -> Result<Option<Ask>, Failure> {
    let Some(ask) = ASKS.get(&ctx.state, seller)? else { return Ok(None) };
    bank::send(ctx, &asks_account(), seller, &coins(LUX, amount(&ask)?)?)?;
    remove(ctx, seller, &ask);
    Ok(Some(ask))
}

/// Places an ask; the one before goes back to the seller, and with it its place among equal prices.
///
/// # Errors
/// `render_credit` 6 when it is too small or has no price, `sdk` 5 for missing funds.
pub fn place(ctx: &mut Context, seller: &Address, amount: u128, min_price_micros: u64) -> Result<u64, Failure> {
    if amount < LEAST {
        return Err(refusals::bad_ask(format!("{amount}ulux is less than the {LEAST} that can be offered")).into());
    }
    if !(1..=HIGHEST).contains(&min_price_micros) {
        let why = format!("a least price of {min_price_micros} millionths; allowed are 1 to {HIGHEST}");
        return Err(refusals::bad_ask(why).into());
    }
    withdraw(ctx, seller)?;
    bank::send(ctx, seller, &asks_account(), &coins(LUX, amount)?)?;
    let id = next(ctx, &NEXT_ASK)?;
    let ask = Ask { id, seller: ctx.text(seller), sell: Some(shown(LUX, amount)), min_price_micros };
    store(ctx, seller, &ask);
    events::asked(ctx, &ask);
    Ok(id)
}

/// Takes an ask back.
///
/// # Errors
/// `render_credit` 6 when there is none.
pub fn take_back(ctx: &mut Context, seller: &Address) -> Result<u64, Failure> {
    let mut ask = withdraw(ctx, seller)?.ok_or_else(|| refusals::bad_ask("there is no ask to take back"))?;
    ask.sell = Some(shown(LUX, 0));
    events::asked(ctx, &ask);
    Ok(ask.id)
}
