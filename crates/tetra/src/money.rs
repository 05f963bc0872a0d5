//! Amounts for people: display units from the genesis metadata, rates per block as rates per hour and month.

use pricing::scale::MONTH_MS;
use primitives::{Coin, Coins, Dec, DecCoin, Denom};
use serde::{Deserialize, Serialize};

use crate::error::{Class, Classify, CliError, Result};

const HOUR_MS: u64 = 3_600_000;

/// How the denoms of a network are shown.
#[derive(Clone, Debug, Default)]
pub struct Units(Vec<DisplayUnit>);

#[derive(Clone, Debug)]
struct DisplayUnit {
    denom: String,
    symbol: String,
    name: String,
    exponent: u32,
}

/// A price per block, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// The denom.
    pub denom: String,
    /// Base units per block.
    pub per_block: String,
    /// Base units per hour at the network's block interval, rounded down to 18 places.
    pub per_hour: String,
    /// Base units per average month, rounded down to 18 places.
    pub per_month: String,
}

impl Units {
    /// From the denoms of a genesis document.
    pub fn of(genesis: &app::Genesis) -> Self {
        let unit = |entry: &ledger::bank::genesis::DenomEntry| {
            let metadata = entry.metadata.as_ref()?;
            let display = metadata.units.iter().find(|unit| unit.denom == metadata.display)?;
            Some(DisplayUnit {
                denom: entry.denom.clone(),
                symbol: metadata.symbol.clone(),
                name: metadata.display.clone(),
                exponent: display.exponent,
            })
        };
        Self(genesis.state.bank.denoms.iter().filter_map(unit).collect())
    }

    fn find(&self, denom: &str) -> Option<&DisplayUnit> {
        self.0.iter().find(|unit| unit.denom == denom)
    }

    /// Whole base units, such as `12.345678 TET (12345678utet)`.
    pub fn coin(&self, coin: &Coin) -> String {
        let base = format!("{}{}", coin.amount, coin.denom);
        match self.find(coin.denom.as_str()) {
            Some(unit) => format!("{} {} ({base})", shifted(coin.amount, unit.exponent), unit.symbol),
            None => base,
        }
    }

    /// Several coins, or `nothing`.
    pub fn coins(&self, coins: &Coins) -> String {
        if coins.is_empty() {
            return "nothing".to_owned();
        }
        coins.iter().map(|coin| self.coin(&coin)).collect::<Vec<_>>().join(", ")
    }

    /// A decimal amount in display units with their six first places, such as `0.012345 TET`.
    pub fn dec(&self, denom: &str, amount: Dec) -> String {
        match self.find(denom) {
            Some(unit) => {
                let shown = Dec::from_atoms(amount.atoms() / 10u128.pow(unit.exponent.min(38)));
                format!("{} {}", short(shown), unit.symbol)
            }
            None => format!("{}{denom}", short(amount)),
        }
    }

    /// Parses `5tet`, `0.5 TET` or `5000000utet`.
    ///
    /// # Errors
    /// When the text is no amount, has more places than the unit, or names no known unit.
    pub fn parse(&self, text: &str) -> Result<Coin> {
        let bad = |why: String| {
            let known: Vec<String> = self.0.iter().map(|unit| format!("1{} or 1{}", unit.name, unit.denom)).collect();
            CliError::new(Class::Usage, format!("{text:?} is no amount: {why}"))
                .hint(format!("write for example {}", known.join(", ")))
        };
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(|| bad("no unit".to_owned()))?;
        let (number, name) = text.split_at(split);
        let name = name.trim();
        let display = self.0.iter().find(|unit| unit.name.eq_ignore_ascii_case(name) && unit.denom != name);
        let Some(unit) = display else {
            let denom = Denom::new(name).map_err(|error| bad(error.to_string()))?;
            if !self.0.is_empty() && self.find(name).is_none() {
                return Err(bad(format!("{name:?} is no unit of this network")));
            }
            let amount = number.parse().map_err(|_| bad("base units are whole numbers".to_owned()))?;
            return Ok(Coin { denom, amount });
        };
        let value: Dec = number.parse().map_err(|error| bad(format!("{error}")))?;
        let scale = 10u128.checked_pow(unit.exponent).ok_or_else(|| bad("its unit is too large".to_owned()))?;
        let base = value.checked_mul_int(scale).ok_or_else(|| bad("it is too large".to_owned()))?;
        if !base.fraction().is_zero() {
            return Err(bad(format!("{} has {} places", unit.symbol, unit.exponent)));
        }
        Ok(Coin { denom: Denom::new(&unit.denom).class(Class::Internal)?, amount: base.floor() })
    }
}

/// `amount / 10^exponent` without needless zeros.
pub fn shifted(amount: u128, exponent: u32) -> String {
    let digits = format!("{amount:0>width$}", width = exponent as usize + 1);
    let (whole, places) = digits.split_at(digits.len() - exponent as usize);
    match places.trim_end_matches('0') {
        "" => whole.to_owned(),
        places => format!("{whole}.{places}"),
    }
}

/// At most six places, and at least the first three digits of a small amount; rounded down.
fn short(amount: Dec) -> String {
    let text = amount.to_string();
    let Some((whole, places)) = text.split_once('.') else { return text };
    let zeros = places.len() - places.trim_start_matches('0').len();
    let keep = if whole == "0" { (zeros + 3).max(6) } else { 6 };
    let places = places.get(..keep.min(places.len())).unwrap_or(places).trim_end_matches('0');
    if places.is_empty() { whole.to_owned() } else { format!("{whole}.{places}") }
}

/// What a rate per block comes to in a time; none when it cannot be counted.
pub fn over(per_block: Dec, millis: u64, block_interval_ms: u64) -> Option<Dec> {
    per_block.mul_ratio_floor(u128::from(millis), u128::from(block_interval_ms))
}

impl Rate {
    /// From a price per block.
    ///
    /// # Errors
    /// When it is too large to be counted.
    pub fn new(price: &DecCoin, block_interval_ms: u64) -> Result<Self> {
        let over = |millis| {
            let large = || CliError::new(Class::Usage, format!("the price {price} is too large to be counted"));
            over(price.amount, millis, block_interval_ms).map(|amount| amount.to_string()).ok_or_else(large)
        };
        Ok(Self {
            denom: price.denom.to_string(),
            per_block: price.amount.to_string(),
            per_hour: over(HOUR_MS)?,
            per_month: over(MONTH_MS)?,
        })
    }

    /// Such as `0.036 TET`.
    pub fn hour_text(&self, units: &Units) -> String {
        self.text(units, &self.per_hour)
    }

    /// Such as `26.29746 TET`.
    pub fn month_text(&self, units: &Units) -> String {
        self.text(units, &self.per_month)
    }

    /// Such as `5.25utet`.
    pub fn block_text(&self) -> String {
        format!("{}{}", self.per_block.parse().map(short).unwrap_or_default(), self.denom)
    }

    fn text(&self, units: &Units, amount: &str) -> String {
        units.dec(&self.denom, amount.parse().unwrap_or_default())
    }
}

/// How many hours funds last at a rate per block, cut to a tenth; none when nothing flows.
pub fn runway_hours(funds: Dec, per_block: Dec, block_interval_ms: u64) -> Option<String> {
    if per_block.is_zero() {
        return None;
    }
    // Tenths of hours, so that no division rounds twice.
    let blocks = funds.div_floor(per_block)?.floor();
    let tenths = blocks.checked_mul(u128::from(block_interval_ms))? / (u128::from(HOUR_MS) / 10);
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units() -> Units {
        let unit = |denom: &str, symbol: &str, exponent| DisplayUnit {
            denom: denom.to_owned(),
            symbol: symbol.to_owned(),
            name: symbol.to_lowercase(),
            exponent,
        };
        Units(vec![unit("utet", "TET", 6), unit("uusd", "USD", 6), unit("nwit", "WIT", 9)])
    }

    fn coin(text: &str) -> Coin {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_are_shown_in_the_unit_that_people_see_and_in_base_units() {
        let shown = |text| units().coin(&coin(text));
        assert_eq!(shown("12345678utet"), "12.345678 TET (12345678utet)");
        assert_eq!(shown("5000000utet"), "5 TET (5000000utet)");
        assert_eq!(shown("1nwit"), "0.000000001 WIT (1nwit)");
        assert_eq!(shown("0utet"), "0 TET (0utet)");
        assert_eq!(shown("7uakt"), "7uakt");
    }

    #[test]
    fn amounts_are_read_exactly() {
        let read = |text| units().parse(text).map(|coin| coin.to_string()).map_err(|error| error.to_string());
        assert_eq!(read("5tet").unwrap(), "5000000utet");
        assert_eq!(read("0.5 TET").unwrap(), "500000utet");
        assert_eq!(read("17utet").unwrap(), "17utet");
        assert!(read("0.0000001tet").unwrap_err().contains("TET has 6 places"));
        assert!(read("1.5utet").unwrap_err().contains("whole numbers"));
        assert!(read("5doge").unwrap_err().contains("no unit of this network"));
        assert!(read("5").unwrap_err().contains("no unit"));
    }

    #[test]
    fn a_rate_depends_on_the_block_interval() {
        let price = DecCoin { denom: Denom::new("utet").unwrap(), amount: "2.5".parse().unwrap() };
        let rate = Rate::new(&price, 500).unwrap();
        assert_eq!(rate.hour_text(&units()), "0.018 TET");
        assert_eq!(rate.month_text(&units()), "13.14873 TET");
        assert_eq!(Rate::new(&price, 6_000).unwrap().hour_text(&units()), "0.0015 TET");
        assert_eq!(rate.block_text(), "2.5utet");
    }

    #[test]
    fn runway_is_cut_never_rounded_up() {
        let hours = |funds: &str, rate: &str| runway_hours(funds.parse().unwrap(), rate.parse().unwrap(), 500);
        assert_eq!(hours("7200", "1").unwrap(), "1.0");
        assert_eq!(hours("7199", "1").unwrap(), "0.9");
        assert_eq!(hours("1", "0"), None);
    }
}
