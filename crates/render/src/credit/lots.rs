//! A payment and the credits that are left of it.
//!
//! A lot is [`pricing::render::burn::Lock`] with what is stored of it: of every remainder of its divisions that rule says
//! where it goes, so that at every moment `paid = burned or vault + network + left`.

use pricing::render::CREDITS_PER_EURO;
use pricing::render::burn::{Lock, Split};
use primitives::math::mul_div_floor;
use proto::tetra::render::v1::Lot;
use store::Error;

use super::{LUX, MODULE, USD};

/// Millionths of a ten-thousandth's unit.
const PPM_PER_BP: u32 = 100;
const MICRO: u128 = 1_000_000;

/// A lot that was read from the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Whether it was paid in LUX; otherwise in USD.
    pub is_lux: bool,
    /// What was paid, the credits, what is spent.
    pub lock: Lock,
    price_micros: u64,
    eur_usd_micros: u64,
}

fn corrupt(lot: &Lot, why: &str) -> Error {
    Error::Corrupt { module: MODULE.0, key: format!("lot {}", lot.id), why: why.to_owned() }
}

impl Checked {
    /// Reads a lot.
    ///
    /// # Errors
    /// When its parts do not fit each other.
    pub fn parse(lot: &Lot) -> Result<Self, Error> {
        let paid = lot.paid.as_ref().ok_or_else(|| corrupt(lot, "it says not what was paid"))?;
        let left = lot.left.as_ref().ok_or_else(|| corrupt(lot, "it says not what is left"))?;
        let amount: u128 = paid.amount.parse().map_err(|_| corrupt(lot, "its payment is no amount"))?;
        let is_lux = paid.denom == LUX;
        if (!is_lux && paid.denom != USD) || left.denom != paid.denom {
            return Err(corrupt(lot, "it was paid in neither ulux nor uusd, or is left in another"));
        }
        if lot.price_micros == 0 || lot.eur_usd_micros == 0 || lot.ucredits == 0 {
            return Err(corrupt(lot, "it has no price or no credits"));
        }
        let spent = lot.ucredits.checked_sub(lot.left_ucredits);
        let lock = Lock::new(amount, lot.ucredits.into(), lot.network_bp.saturating_mul(PPM_PER_BP)).ok();
        let lock = lock.zip(spent).and_then(|(lock, spent)| lock.resume(spent.into()));
        let lock = lock.ok_or_else(|| corrupt(lot, "more of it is left than there was"))?;
        if lock.left() == 0 || left.amount != lock.refund().to_string() {
            return Err(corrupt(lot, "what is left of the payment is not what is left of the credits"));
        }
        Ok(Self { is_lux, lock, price_micros: lot.price_micros, eur_usd_micros: lot.eur_usd_micros })
    }

    /// What a part of the payment was worth when it was paid in, in millionths of a credit, rounded down: of what was used
    /// up so far, so that the roundings of many frames do not add up.
    pub fn worth(&self, split: Split) -> u128 {
        let amount = split.burned.saturating_add(split.network);
        let usd = mul_div_floor(amount, self.price_micros.into(), MICRO).unwrap_or(u128::MAX);
        mul_div_floor(usd, CREDITS_PER_EURO * MICRO, self.eur_usd_micros.into()).unwrap_or(u128::MAX)
    }
}
