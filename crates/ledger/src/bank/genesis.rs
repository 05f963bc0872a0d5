//! Money in genesis: the denoms of the chain, and who has how much at the start.

use primitives::{Coins, Denom};
use proto::cosmos::bank::v1beta1::{DenomUnit, Metadata};
use serde::{Deserialize, Serialize};

use super::MODULE;
use super::denoms::Policy;
use super::params::{Params, params};
use super::state::{BALANCES, DENOMS, PARAMS, SUPPLY, SendEnabled, StoredDenom, StoredParams, put, stored_denom};
use super::supply::{note, supply_of};
use crate::accounts;
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The part's genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// Parameters.
    pub params: Params,
    /// All denoms that can ever exist, in order.
    pub denoms: Vec<DenomEntry>,
    /// Who has what, in order of address bytes. The supply is the sum.
    pub balances: Vec<Balance>,
}

impl Default for Genesis {
    /// The four denoms of the profile `tetra`, and no money.
    fn default() -> Self {
        let denoms = vec![
            DenomEntry::new("nwit", "WIT", 9, Policy::Capped, "Witness: rewards and fees of subnets"),
            DenomEntry::new("ulux", "LUX", 6, Policy::BurnAndMint, "Lux: renders, burned for credits"),
            DenomEntry::new("utet", "TET", 6, Policy::Inflation, "Tetra: staking, gas and hired hardware"),
            DenomEntry::new("uusd", "USD", 6, Policy::None, "US dollar: stable payment for hired hardware"),
        ];
        Self { params: Params::default(), denoms, balances: Vec::new() }
    }
}

/// What an account has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// Bech32.
    pub address: String,
    /// Such as `5utet,7uusd`.
    pub coins: String,
}

/// A denom of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenomEntry {
    /// The base unit.
    pub denom: String,
    /// Why its supply may change.
    pub policy: Policy,
    /// Whether users may send it; as the parameter says when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_enabled: Option<bool>,
    /// How people see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<DenomDescription>,
}

/// How people see a denom; its base unit is the denom itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DenomDescription {
    /// A sentence.
    pub description: String,
    /// Its units from the base unit (exponent 0) up.
    pub units: Vec<Unit>,
    /// The unit that people see.
    pub display: String,
    /// The name, such as `Tetra`.
    pub name: String,
    /// The ticker, such as `TET`.
    pub symbol: String,
    /// A document about it, or empty.
    pub uri: String,
    /// SHA-256 of the document in hex, or empty.
    pub uri_hash: String,
}

/// A unit of a denom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Its name.
    pub denom: String,
    /// It is 10 to this power base units.
    pub exponent: u32,
    /// Other names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

impl DenomEntry {
    /// A denom with its ticker as display unit, `exponent` decimal places above the base unit.
    pub fn new(denom: &str, symbol: &str, exponent: u32, policy: Policy, description: &str) -> Self {
        let display = symbol.to_lowercase();
        let base = Unit { denom: denom.to_owned(), exponent: 0, aliases: Vec::new() };
        let metadata = DenomDescription {
            description: description.to_owned(),
            units: vec![base, Unit { denom: display.clone(), exponent, aliases: Vec::new() }],
            display,
            name: symbol.to_owned(),
            symbol: symbol.to_owned(),
            ..DenomDescription::default()
        };
        Self { denom: denom.to_owned(), policy, send_enabled: None, metadata: Some(metadata) }
    }

    fn check(&self) -> Result<Denom, Rejection> {
        let refuse = |why: &str| Rejection::invalid_request(format!("genesis denom {}: {why}", self.denom));
        let denom = Denom::new(&self.denom).map_err(|error| refuse(&error.to_string()))?;
        let Some(metadata) = &self.metadata else {
            return Ok(denom);
        };
        let starts_at_base = metadata.units.first().is_some_and(|u| u.denom == self.denom && u.exponent == 0);
        if !starts_at_base {
            return Err(refuse("its first unit must be the denom itself with exponent 0"));
        }
        if !metadata.units.is_sorted_by(|a, b| a.exponent < b.exponent) {
            return Err(refuse("its units must have rising exponents"));
        }
        if metadata.units.iter().all(|unit| unit.denom != metadata.display) {
            return Err(refuse("its display unit must be one of its units"));
        }
        Ok(denom)
    }

    fn to_stored(&self) -> StoredDenom {
        let send_enabled = match self.send_enabled {
            None => SendEnabled::Default,
            Some(true) => SendEnabled::Yes,
            Some(false) => SendEnabled::No,
        };
        let metadata = self.metadata.as_ref().map(|metadata| metadata.to_wire(&self.denom));
        StoredDenom { policy: self.policy.name().to_owned(), send_enabled: send_enabled.into(), metadata }
    }

    fn from_stored(denom: String, stored: StoredDenom) -> Result<Self, Failure> {
        let policy = stored.policy.parse().map_err(|why| store::Error::Corrupt {
            module: MODULE.0,
            key: hex::encode(DENOMS.key(&denom)),
            why,
        })?;
        let send_enabled = match stored.send_enabled() {
            SendEnabled::Default => None,
            SendEnabled::Yes => Some(true),
            SendEnabled::No => Some(false),
        };
        Ok(Self { denom, policy, send_enabled, metadata: stored.metadata.map(DenomDescription::from_wire) })
    }
}

impl DenomDescription {
    fn to_wire(&self, base: &str) -> Metadata {
        let unit = |unit: &Unit| DenomUnit {
            denom: unit.denom.clone(),
            exponent: unit.exponent,
            aliases: unit.aliases.clone(),
        };
        Metadata {
            description: self.description.clone(),
            denom_units: self.units.iter().map(unit).collect(),
            base: base.to_owned(),
            display: self.display.clone(),
            name: self.name.clone(),
            symbol: self.symbol.clone(),
            uri: self.uri.clone(),
            uri_hash: self.uri_hash.clone(),
        }
    }

    fn from_wire(wire: Metadata) -> Self {
        let unit = |unit: DenomUnit| Unit { denom: unit.denom, exponent: unit.exponent, aliases: unit.aliases };
        Self {
            description: wire.description,
            units: wire.denom_units.into_iter().map(unit).collect(),
            display: wire.display,
            name: wire.name,
            symbol: wire.symbol,
            uri: wire.uri,
            uri_hash: wire.uri_hash,
        }
    }
}

/// Reads genesis into the state. The balances count as minted in `ctx.flow`, so that the check of raw money holds for
/// genesis too; nothing is announced.
///
/// # Errors
/// When a denom, address or amount is malformed, comes twice, or a denom is not registered.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    PARAMS.set(&mut ctx.state, &StoredParams::from(&genesis.params));
    for entry in &genesis.denoms {
        let name = entry.check()?.as_str().to_owned();
        if DENOMS.has(&ctx.state, &name)? {
            return Err(Rejection::invalid_request(format!("genesis names denom {name} twice; remove one")).into());
        }
        DENOMS.set(&mut ctx.state, &name, &entry.to_stored());
    }
    for balance in &genesis.balances {
        import_balance(ctx, balance)?;
    }
    Ok(())
}

fn import_balance(ctx: &mut Context, balance: &Balance) -> Result<(), Failure> {
    let refuse = |why: String| Rejection::invalid_request(format!("genesis balance of {}: {why}", balance.address));
    let address = ctx.address(&balance.address)?;
    let coins: Coins = balance.coins.parse().map_err(|error: primitives::CoinError| refuse(error.to_string()))?;
    if !BALANCES.first(&ctx.state, &address, 1)?.is_empty() {
        return Err(refuse("it stands there twice; sum both up in one".to_owned()).into());
    }
    for coin in coins.iter() {
        super::denoms::registered(ctx, &coin.denom)?;
        let supply = supply_of(ctx, &coin.denom)?.checked_add(coin.amount);
        let supply = supply.ok_or_else(|| Rejection::overflow("the supply"))?;
        note(&mut ctx.flow.minted, &coin)?;
        let name = coin.denom.as_str().to_owned();
        put(&mut ctx.state, &SUPPLY, &name, supply);
        put(&mut ctx.state, &BALANCES, &(address, name), coin.amount);
    }
    accounts::ensure(ctx, &address)?;
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let mut balances: Vec<(primitives::Address, Coins)> = Vec::new();
    for ((address, denom), amount) in BALANCES.all(&ctx.state)? {
        let coin = primitives::Coin { denom: stored_denom(&denom)?, amount: amount.0 };
        if balances.last().is_none_or(|(last, _)| *last != address) {
            balances.push((address, Coins::new()));
        }
        if let Some((_, coins)) = balances.last_mut() {
            coins.add(&coin).ok_or_else(|| Rejection::overflow("the balance"))?;
        }
    }
    let balances = balances
        .into_iter()
        .map(|(address, coins)| Balance { address: ctx.text(&address), coins: coins.to_string() })
        .collect();
    let denoms = DENOMS.all(&ctx.state)?.into_iter().map(|(denom, stored)| DenomEntry::from_stored(denom, stored));
    Ok(Genesis { params: params(ctx)?, denoms: denoms.collect::<Result<_, _>>()?, balances })
}
