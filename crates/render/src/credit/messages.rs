//! Messages of credits.

use ledger::oracle::{self, EUR_USD, LUX_USD};
use ledger::{Context, Failure, Rejection, bank};
use pricing::render::burn;
use primitives::{Address, Coin, Dec};
use proto::tetra::render::v1::{Lot, MsgAskAuction, MsgAskAuctionResponse, MsgBuyCredits, MsgBuyCreditsResponse};

use super::spending::{balance, put};
use super::state::{LOTS, NEXT_LOT, next};
use super::{LUX, USD, asks, coins, events, lots_account, refusals, shown};
use crate::epoch;

/// The most payments of an account that are not used up: it bounds the work of a frame's payment.
pub const MOST_LOTS: usize = 64;
/// The least that a payment must buy, in millionths of a credit.
pub const LEAST: u64 = 10_000;
/// Atoms of a [`Dec`] in a millionth.
const PER_MICRO: u128 = 1_000_000_000_000;

/// Prices of a payment, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rates {
    /// USD for a unit of what was paid.
    pub(super) price_micros: u64,
    /// USD for a euro.
    pub(super) eur_usd_micros: u64,
}

struct CheckedPurchase {
    creator: Address,
    pay: Coin,
    least: u64,
}

fn parse_coin(coin: Option<&proto::cosmos::base::v1beta1::Coin>, what: &str) -> Result<Coin, Failure> {
    let coin = coin.ok_or_else(|| Rejection::invalid_coins(format!("{what} is missing; say an amount and a denom")))?;
    Coin::from_wire(&coin.denom, &coin.amount).map_err(|error| Rejection::invalid_coins(error.to_string()).into())
}

impl CheckedPurchase {
    fn parse(ctx: &Context, msg: &MsgBuyCredits) -> Result<Self, Failure> {
        let creator = ctx.address(&msg.creator)?;
        let pay = parse_coin(msg.pay.as_ref(), "the payment")?;
        if pay.amount == 0 {
            return Err(Rejection::invalid_coins("a payment of nothing buys nothing").into());
        }
        Ok(Self { creator, pay, least: msg.min_ucredits })
    }
}

/// Prices by which a payment is valued now, the worse ones for the payer: LUX at the lower of spot and average, the euro
/// at the higher.
fn rates(ctx: &Context, pay: &Coin) -> Result<Rates, Failure> {
    let price_micros = match pay.denom.as_str() {
        LUX => oracle::require(ctx, LUX_USD)?.lower(),
        USD => 1_000_000,
        other => return Err(refusals::not_taken(other).into()),
    };
    Ok(Rates { price_micros, eur_usd_micros: oracle::require(ctx, EUR_USD)?.higher() })
}

/// Buys credits. Their number is floor(payment × price / EUR price × 4), in millionths of a credit and base units.
///
/// # Errors
/// `render_credit` 2 for another denom, 3 when fewer come of it than asked for, 4 for a tiny payment, 5 when too many
/// payments are not used up; `oracle` 4, with the reason, when a price may not be used; `sdk` 5 for missing funds, 7 for a
/// malformed address, 10 for a malformed payment, 41 for one that cannot be counted.
pub fn buy_credits(ctx: &mut Context, msg: MsgBuyCredits) -> Result<MsgBuyCreditsResponse, Failure> {
    let CheckedPurchase { creator, pay, least } = CheckedPurchase::parse(ctx, &msg)?;
    let rates = rates(ctx, &pay)?;
    let dec = |micros: u64| Dec::from_atoms(u128::from(micros) * PER_MICRO);
    let exact = burn::Rates { lux: dec(rates.price_micros), euro: dec(rates.eur_usd_micros) };
    let ucredits = exact.credits(pay.amount).map_err(|_| Rejection::overflow("the payment"))?;
    let ucredits = u64::try_from(ucredits).map_err(|_| Rejection::overflow("the payment"))?;
    if ucredits < least {
        return Err(refusals::too_few(ucredits, least).into());
    }
    if ucredits < LEAST {
        return Err(refusals::too_small(ucredits, LEAST).into());
    }
    if LOTS.first(&ctx.state, &creator, MOST_LOTS)?.len() == MOST_LOTS {
        return Err(refusals::too_many_lots(MOST_LOTS).into());
    }
    ctx.attempt(|ctx| add_lot(ctx, &creator, &pay, ucredits, rates))?;
    events::bought(ctx, &creator, &pay, ucredits);
    Ok(MsgBuyCreditsResponse { ucredits })
}

/// Takes a payment and notes its credits as free.
pub(super) fn add_lot(
    ctx: &mut Context,
    creator: &Address,
    pay: &Coin,
    ucredits: u64,
    rates: Rates,
) -> Result<(), Failure> {
    bank::send(ctx, creator, &lots_account(), &coins(pay.denom.as_str(), pay.amount)?)?;
    let mut has = balance(ctx, creator)?;
    let sum = has.free_ucredits.checked_add(has.locked_ucredits).and_then(|sum| sum.checked_add(ucredits));
    sum.ok_or_else(|| Rejection::overflow("the sum of credits"))?;
    has.free_ucredits = has.free_ucredits.saturating_add(ucredits);
    put(ctx, creator, &has);
    let id = next(ctx, &NEXT_LOT)?;
    let paid = shown(pay.denom.as_str(), pay.amount);
    let lot = Lot {
        id,
        left: Some(paid.clone()),
        paid: Some(paid),
        ucredits,
        left_ucredits: ucredits,
        price_micros: rates.price_micros,
        eur_usd_micros: rates.eur_usd_micros,
        bought_at: Some(ledger::timestamp(ctx.block.time_ms())),
        network_bp: epoch::params(ctx)?.network_bp,
    };
    LOTS.set(&mut ctx.state, &(*creator, id), &lot);
    Ok(())
}

/// Offers LUX to the vault, in place of what the seller offered before, which goes back to it. Zero takes it back.
///
/// # Errors
/// `render_credit` 6 for another denom, less than a LUX, no price, or nothing to take back; `sdk` 5 for missing funds,
/// 7 for a malformed address, 10 for a malformed coin.
pub fn ask_auction(ctx: &mut Context, msg: MsgAskAuction) -> Result<MsgAskAuctionResponse, Failure> {
    let seller = ctx.address(&msg.seller)?;
    let sell = parse_coin(msg.sell.as_ref(), "what is to be sold")?;
    if sell.denom.as_str() != LUX {
        return Err(refusals::bad_ask(format!("the vault buys ulux, not {}", sell.denom)).into());
    }
    let ask = ctx.attempt(|ctx| match sell.amount {
        0 => asks::take_back(ctx, &seller),
        amount => asks::place(ctx, &seller, amount, msg.min_price_micros),
    })?;
    Ok(MsgAskAuctionResponse { ask })
}
