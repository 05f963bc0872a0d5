//! Amounts as people write and read them: `5tet` and `5 TET (5000000utet)`.

use ledger::bank::genesis::DenomEntry;
use primitives::{Coin, Coins, Denom};
use serde::Serialize;

use crate::context::Network;
use crate::error::{Class, CliError, Result};

/// The denoms of a network, with the units in which people count them.
#[derive(Clone, Debug)]
pub struct Denoms(Vec<Unit>);

/// An amount of base units, as programs read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// The base unit.
    pub denom: String,
    /// How many, in decimal digits: JSON numbers are too small.
    pub amount: String,
}

impl Amount {
    /// An amount as programs read it.
    pub fn of(coin: &Coin) -> Self {
        Self { denom: coin.denom.to_string(), amount: coin.amount.to_string() }
    }
}

/// Amounts as programs read them.
pub fn list(coins: &Coins) -> Vec<Amount> {
    coins.iter().map(|coin| Amount::of(&coin)).collect()
}

/// A name by which an amount can be given, and what one of it is in base units.
#[derive(Clone, Debug)]
struct Unit {
    /// Lower case, for `5TET` means `5tet`.
    name: String,
    base: Denom,
    exponent: u32,
    /// Set on the unit in which amounts of the denom are shown.
    ticker: Option<String>,
}

impl Denoms {
    /// Those that the network's genesis names.
    pub fn of(network: &Network) -> Self {
        Self::from_entries(&network.genesis.state.bank.denoms)
    }

    /// Those of a genesis document's list.
    pub fn from_entries(entries: &[DenomEntry]) -> Self {
        Self(entries.iter().flat_map(units).collect())
    }

    /// An amount of base units, as `12.345678 TET (12345678utet)`; as `7uabc` where the denom has no unit for people.
    pub fn show(&self, denom: &str, amount: u128) -> String {
        let exact = format!("{amount}{denom}");
        let unit = self.0.iter().find(|unit| unit.base.as_str() == denom && unit.ticker.is_some());
        let shown = unit.and_then(|unit| {
            let scale = 10u128.checked_pow(unit.exponent)?;
            let fraction = format!("{:0width$}", amount % scale, width = unit.exponent as usize);
            let fraction = if unit.exponent == 0 { "" } else { fraction.trim_end_matches('0') };
            let point = if fraction.is_empty() { "" } else { "." };
            Some(format!("{}{point}{fraction} {} ({exact})", amount / scale, unit.ticker.as_deref()?))
        });
        shown.unwrap_or(exact)
    }

    /// Several amounts, one a line; `nothing` when there are none.
    pub fn lines(&self, coins: &Coins) -> Vec<String> {
        if coins.is_empty() {
            return vec!["nothing".to_owned()];
        }
        coins.iter().map(|coin| self.show(coin.denom.as_str(), coin.amount)).collect()
    }

    /// Several amounts with commas between them.
    pub fn show_all(&self, coins: &Coins) -> String {
        self.lines(coins).join(", ")
    }

    /// An amount in base units (`5000000utet`) or in units for people (`5tet`, `1.5 USD`).
    ///
    /// # Errors
    /// When it is no amount, the network has no such unit, or it is not a whole number of base units.
    pub fn parse(&self, text: &str) -> Result<Coin> {
        let refuse = |why: String| CliError::new(Class::Usage, format!("{text:?} is no amount: {why}"));
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, name) = trimmed.split_at(split);
        let name = name.trim();
        let example = || refuse("a number and a unit are wanted".to_owned()).hint(self.known());
        if number.is_empty() || name.is_empty() {
            return Err(example());
        }
        let unit = self.0.iter().find(|unit| unit.name == name.to_lowercase());
        let unit = unit.ok_or_else(|| refuse(format!("this network has no unit {name:?}")).hint(self.known()))?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !plain(fraction) || number.ends_with('.') {
            return Err(example());
        }
        let significant = fraction.trim_end_matches('0');
        if significant.len() > unit.exponent as usize {
            let why = match unit.exponent {
                0 => format!("{name} is the smallest unit and has no decimals"),
                places => format!("{name} has {places} decimals at most"),
            };
            return Err(refuse(why).hint("leave out the decimals that are too small"));
        }
        let digits = format!("{whole}{significant:0<width$}", width = unit.exponent as usize);
        let amount = digits.parse().map_err(|_| refuse("it is larger than can be counted".to_owned()))?;
        Ok(Coin { denom: unit.base.clone(), amount })
    }

    /// What may be written.
    fn known(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|unit| unit.name.as_str()).collect();
        let people = self.0.iter().find(|unit| unit.ticker.is_some());
        let example = people.map(|unit| format!("write it as 5000000{} or 1.5{}; ", unit.base, unit.name));
        format!("{}units of this network: {}", example.unwrap_or_default(), names.join(", "))
    }
}

/// All names of a denom: its base unit, its units with their other names.
fn units(entry: &DenomEntry) -> Vec<Unit> {
    let Ok(base) = Denom::new(&entry.denom) else {
        return Vec::new();
    };
    let unit = |name: &str, exponent, ticker| Unit { name: name.to_lowercase(), base: base.clone(), exponent, ticker };
    let mut all = vec![unit(&entry.denom, 0, None)];
    let Some(metadata) = &entry.metadata else {
        return all;
    };
    for described in metadata.units.iter().filter(|described| described.exponent > 0) {
        let ticker = if metadata.symbol.is_empty() { &metadata.display } else { &metadata.symbol };
        let ticker = (described.denom == metadata.display).then(|| ticker.clone());
        all.push(unit(&described.denom, described.exponent, ticker));
        all.extend(described.aliases.iter().map(|alias| unit(alias, described.exponent, None)));
    }
    all
}

#[cfg(test)]
mod tests {
    use ledger::bank::genesis::Genesis;

    use super::*;

    fn denoms() -> Denoms {
        Denoms::from_entries(&Genesis::default().denoms)
    }

    #[test]
    fn amounts_are_shown_for_people_and_exactly() {
        let shown = |denom, amount| denoms().show(denom, amount);
        assert_eq!(shown("utet", 12_345_678), "12.345678 TET (12345678utet)");
        assert_eq!(shown("utet", 5_000_000), "5 TET (5000000utet)");
        assert_eq!(shown("uusd", 0), "0 USD (0uusd)");
        assert_eq!(shown("nwit", 1), "0.000000001 WIT (1nwit)");
        assert_eq!(shown("uother", 7), "7uother");
        assert_eq!(denoms().show_all(&Coins::new()), "nothing");
    }

    #[test]
    fn amounts_are_read_in_base_units_and_in_units_for_people() {
        let same = ["5000000utet", "5tet", "5 TET", "5.0tet", "5.000000000tet", " 05.00 Tet "];
        for text in same {
            assert_eq!(denoms().parse(text).unwrap().to_string(), "5000000utet", "{text}");
        }
        assert_eq!(denoms().parse("1.5usd").unwrap().to_string(), "1500000uusd");
        assert_eq!(denoms().parse("0.000000001wit").unwrap().to_string(), "1nwit");
        let most = u128::MAX;
        assert_eq!(denoms().parse(&format!("{most}utet")).unwrap().amount, most);
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for amount in [0, 1, 10, 999_999, 1_000_000, 1_000_001, u128::MAX] {
            let shown = denoms().show("utet", amount);
            let people = shown.split(" (").next().unwrap();
            assert_eq!(denoms().parse(people).unwrap().amount, amount, "{shown}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_with_the_reason() {
        let refused = |text: &str| denoms().parse(text).unwrap_err();
        for text in ["", "5", "tet", "-5tet", "1.tet", ".5tet", "1.2.3tet", "1e3tet"] {
            assert_eq!(refused(text).class(), Class::Usage, "{text}");
        }
        insta::assert_snapshot!(refused("0.0000001tet"), @r#"
        error: "0.0000001tet" is no amount: tet has 6 decimals at most
          hint: leave out the decimals that are too small
        "#);
        insta::assert_snapshot!(refused("5doge"), @r#"
        error: "5doge" is no amount: this network has no unit "doge"
          hint: write it as 5000000nwit or 1.5wit; units of this network: nwit, wit, ulux, lux, utet, tet, uusd, usd
        "#);
        let much = refused(&format!("{}tet", u128::MAX));
        assert!(much.to_string().contains("larger than can be counted"), "{much}");
        assert!(refused("1.5utet").to_string().contains("no decimals"));
    }
}
