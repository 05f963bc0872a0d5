//! Parameters of fees.

use primitives::{Coins, Dec, Denom};
use serde::{Deserialize, Serialize};

use super::MODULE;
use super::gas::GasSchedule;
use super::state::{PARAMS, StoredGasPrice, StoredGasSchedule, StoredParams};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// Parameters of fees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// The least prices, each enough by itself, in order of denom. None at all: transactions are free.
    /// Default: 0.025utet, at which the fees that clients of Akash send by default are enough (spec/foundations.md 3f).
    pub gas_prices: Vec<GasPrice>,
    /// How much gas work is.
    pub gas: GasSchedule,
}

impl Params {
    /// What a fee pays per unit of gas in the first priced denom, in millionths of a base unit, rounded down: the order
    /// in which a mempool prefers transactions. Zero where transactions are free.
    pub fn priority(&self, fee: &Coins, gas_limit: u64) -> u128 {
        let paid = self.gas_prices.first().map_or(0, |first| fee.amount_of(&first.denom));
        paid.saturating_mul(1_000_000) / u128::from(gas_limit.max(1))
    }
}

/// The least price of a unit of gas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GasPrice {
    /// In which denom.
    pub denom: Denom,
    /// Base units for one unit of gas.
    pub price: Dec,
}

/// Parameters as genesis shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParamsText {
    /// The least prices.
    pub gas_prices: Vec<GasPriceText>,
    /// How much gas work is.
    pub gas: GasSchedule,
}

/// A price as genesis shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GasPriceText {
    /// In which denom.
    pub denom: String,
    /// Base units for one unit of gas, a decimal such as `0.025`.
    pub price: String,
}

impl Default for ParamsText {
    fn default() -> Self {
        let price = GasPriceText { denom: "utet".to_owned(), price: "0.025".to_owned() };
        Self { gas_prices: vec![price], gas: GasSchedule::default() }
    }
}

impl ParamsText {
    /// Reads the text.
    ///
    /// # Errors
    /// `sdk` 18 when a denom or price is malformed, or a denom comes twice or out of order.
    pub fn parse(&self) -> Result<Params, Failure> {
        let mut gas_prices: Vec<GasPrice> = Vec::new();
        for entry in &self.gas_prices {
            let refuse = |why: String| Rejection::invalid_request(format!("gas price in {}: {why}", entry.denom));
            let denom = Denom::new(&entry.denom).map_err(|error| refuse(error.to_string()))?;
            let price = entry.price.parse().map_err(|error: primitives::DecError| refuse(error.to_string()))?;
            if gas_prices.last().is_some_and(|last| last.denom >= denom) {
                return Err(refuse("denoms must be sorted without repetition".to_owned()).into());
            }
            gas_prices.push(GasPrice { denom, price });
        }
        Ok(Params { gas_prices, gas: self.gas })
    }
}

impl From<&Params> for ParamsText {
    fn from(params: &Params) -> Self {
        let text = |entry: &GasPrice| GasPriceText { denom: entry.denom.to_string(), price: short(entry.price) };
        Self { gas_prices: params.gas_prices.iter().map(text).collect(), gas: params.gas }
    }
}

/// A decimal without trailing zeros.
fn short(price: Dec) -> String {
    price.to_string().trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl From<&GasSchedule> for StoredGasSchedule {
    fn from(gas: &GasSchedule) -> Self {
        Self {
            per_tx: gas.per_tx,
            per_tx_byte: gas.per_tx_byte,
            per_signature: gas.per_signature,
            per_read: gas.per_read,
            per_read_byte: gas.per_read_byte,
            per_write: gas.per_write,
            per_written_byte: gas.per_written_byte,
        }
    }
}

impl From<StoredGasSchedule> for GasSchedule {
    fn from(stored: StoredGasSchedule) -> Self {
        Self {
            per_tx: stored.per_tx,
            per_tx_byte: stored.per_tx_byte,
            per_signature: stored.per_signature,
            per_read: stored.per_read,
            per_read_byte: stored.per_read_byte,
            per_write: stored.per_write,
            per_written_byte: stored.per_written_byte,
        }
    }
}

/// The parameters; the defaults before genesis.
///
/// # Errors
/// When the state fails.
pub fn params(ctx: &Context) -> Result<Params, Failure> {
    let Some(stored) = PARAMS.get(&ctx.state)? else {
        return ParamsText::default().parse();
    };
    let corrupt = |why: String| store::Error::Corrupt { module: MODULE.0, key: hex::encode(PARAMS.key()), why };
    let price = |entry: &StoredGasPrice| -> Result<GasPrice, store::Error> {
        let denom = Denom::new(&entry.denom).map_err(|error| corrupt(error.to_string()))?;
        let price = Dec::from_wire(&entry.price).map_err(|error| corrupt(error.to_string()))?;
        Ok(GasPrice { denom, price })
    };
    let gas_prices = stored.gas_prices.iter().map(price).collect::<Result<_, _>>()?;
    let gas = stored.gas.map(GasSchedule::from).ok_or_else(|| corrupt("no gas schedule".to_owned()))?;
    Ok(Params { gas_prices, gas })
}

/// Sets the parameters.
pub(super) fn set(ctx: &mut Context, params: &Params) {
    let price = |entry: &GasPrice| StoredGasPrice { denom: entry.denom.to_string(), price: entry.price.to_wire() };
    let stored = StoredParams {
        gas_prices: params.gas_prices.iter().map(price).collect(),
        gas: Some(StoredGasSchedule::from(&params.gas)),
    };
    PARAMS.set(&mut ctx.state, &stored);
}
