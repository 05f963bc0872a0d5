//! The vault's auction at the end of an epoch: LUX of holders, at one price for all, burned.
//!
//! The rule is [`pricing::render::auction`]. At most [`MOST_ASKS`] asks are looked at, the cheapest first, of equal prices
//! the oldest; the others wait for the next epoch. Nothing is ever minted to be burned.

use ledger::oracle::Quote;
use ledger::{Context, Failure, Rejection, bank};
use pricing::render::auction;
use primitives::{Address, Dec};
use proto::tetra::render::v1::Ask;

use super::state::{ASKS, BY_PRICE};
use super::{LUX, USD, asks, asks_account, coin, coins, events, shown, vault_account};

/// How many asks are looked at in one epoch.
pub const MOST_ASKS: usize = 256;
/// Why its burns are announced.
const REASON: &str = "render_vault";
/// Atoms of a [`Dec`] in a millionth.
const PER_MICRO: u128 = 1_000_000_000_000;

/// What an auction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bought {
    /// LUX bought and burned, in base units.
    pub lux: u128,
    /// USD paid for it, in base units.
    pub usd: u128,
    /// USD per LUX, millionths; 0 when nothing was bought.
    pub price_micros: u64,
}

fn dec(micros: u64) -> Dec {
    Dec::from_atoms(u128::from(micros) * PER_MICRO)
}

/// The asks that an auction looks at, in their order.
fn candidates(ctx: &Context, most_micros: u64) -> Result<Vec<(Address, Ask, u128)>, Failure> {
    let mut found = Vec::new();
    for ((price, _, seller), ()) in BY_PRICE.first(&ctx.state, &(), MOST_ASKS)? {
        if price > most_micros {
            break;
        }
        let Some(ask) = ASKS.get(&ctx.state, &seller)? else { continue };
        let amount = asks::amount(&ask)?;
        found.push((seller, ask, amount));
    }
    Ok(found)
}

/// Spends the vault on the asks at or below the lower of the oracle's prices. What rounding and missing asks leave stays
/// in the vault. A rest of an ask that is too small to be offered goes back to its seller.
///
/// # Errors
/// When the state fails.
pub fn clear(ctx: &mut Context, epoch: u64, price: &Quote) -> Result<Bought, Failure> {
    let usd = coin(USD, 0)?.denom;
    let budget = bank::balance(ctx, &vault_account(), &usd)?;
    let ceiling = price.lower();
    if budget == 0 {
        return Ok(Bought::default());
    }
    let candidates = candidates(ctx, ceiling)?;
    let offers: Vec<auction::Ask> =
        candidates.iter().map(|(_, ask, lux)| auction::Ask { lux: *lux, price: dec(ask.min_price_micros) }).collect();
    let cleared = auction::clear(budget, dec(ceiling), &offers);
    let cleared = cleared.map_err(|error| Rejection::invalid_request(error.to_string()))?;
    if cleared.bought == 0 {
        return Ok(Bought::default());
    }
    bank::burn(ctx, REASON, &asks_account(), &coin(LUX, cleared.bought)?)?;
    for ((seller, mut ask, amount), fill) in candidates.into_iter().zip(&cleared.fills) {
        if fill.lux == 0 {
            continue;
        }
        bank::send(ctx, &vault_account(), &seller, &coins(USD, fill.usd)?)?;
        let rest = amount.saturating_sub(fill.lux);
        asks::remove(ctx, &seller, &ask);
        if rest >= asks::LEAST {
            ask.sell = Some(shown(LUX, rest));
            asks::store(ctx, &seller, &ask);
        } else {
            bank::send(ctx, &asks_account(), &seller, &coins(LUX, rest)?)?;
        }
    }
    // The price is one of the asks', which are whole millionths.
    let price_micros = u64::try_from(cleared.price.atoms() / PER_MICRO).unwrap_or(u64::MAX);
    let bought = Bought { lux: cleared.bought, usd: cleared.paid, price_micros };
    events::auctioned(ctx, epoch, &bought);
    Ok(bought)
}
