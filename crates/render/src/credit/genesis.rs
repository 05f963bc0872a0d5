//! Credits in genesis. What backs them stands in the bank's genesis, on the module accounts.

use std::collections::BTreeMap;

use ledger::{Context, Failure, Rejection, timestamp};
use proto::tetra::render::v1::{Ask, Lot};
use serde::{Deserialize, Serialize};

use super::lots::Checked;
use super::spending::put;
use super::state::{ASKS, BALANCES, LOTS, NEXT_ASK, NEXT_LOT};
use super::{LUX, asks, shown};

/// The part's genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// What is set aside, in order of address bytes; only of those who have any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<SetAsideEntry>,
    /// What was paid for credits that are left, in order of address bytes and id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotEntry>,
    /// The next id of a lot; left out while there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_lot: Option<u64>,
    /// Offers to the vault, in order of address bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<AskEntry>,
    /// The next id of an ask; left out while there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_ask: Option<u64>,
}

/// Credits that are set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAsideEntry {
    /// Bech32.
    pub owner: String,
    /// Millionths of a credit.
    pub ucredits: u64,
}

/// A payment that is not used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LotEntry {
    /// Bech32.
    pub owner: String,
    /// Its id.
    pub id: u64,
    /// `ulux` or `uusd`.
    pub denom: String,
    /// What was paid, base units in decimal.
    pub paid: String,
    /// What of it is left.
    pub left: String,
    /// Credits that it bought, millionths.
    pub ucredits: u64,
    /// Credits that are left.
    pub left_ucredits: u64,
    /// USD for a unit of what was paid, millionths.
    pub price_micros: u64,
    /// USD for a euro, millionths.
    pub eur_usd_micros: u64,
    /// Milliseconds since 1970.
    pub bought_ms: u64,
    /// The network's share, ten-thousandths.
    pub network_bp: u32,
}

/// An offer to the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskEntry {
    /// Bech32.
    pub seller: String,
    /// Its id.
    pub id: u64,
    /// LUX, base units in decimal.
    pub amount: String,
    /// USD per LUX, millionths.
    pub min_price_micros: u64,
}

fn refuse(why: impl std::fmt::Display) -> Failure {
    Rejection::invalid_request(format!("genesis of credits: {why}")).into()
}

/// Reads genesis into the state.
///
/// # Errors
/// `sdk` 18 when entries contradict each other or are out of bounds, `sdk` 7 for a malformed address.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    let mut sums: BTreeMap<primitives::Address, u64> = BTreeMap::new();
    for entry in &genesis.lots {
        let owner = ctx.address(&entry.owner)?;
        let lot = Lot {
            id: entry.id,
            paid: Some(proto::cosmos::base::v1beta1::Coin { denom: entry.denom.clone(), amount: entry.paid.clone() }),
            ucredits: entry.ucredits,
            left: Some(proto::cosmos::base::v1beta1::Coin { denom: entry.denom.clone(), amount: entry.left.clone() }),
            left_ucredits: entry.left_ucredits,
            price_micros: entry.price_micros,
            eur_usd_micros: entry.eur_usd_micros,
            bought_at: Some(timestamp(entry.bought_ms)),
            network_bp: entry.network_bp,
        };
        Checked::parse(&lot).map_err(refuse)?;
        let key = (owner, entry.id);
        if LOTS.has(&ctx.state, &key)? || genesis.next_lot.is_none_or(|next| entry.id >= next) {
            return Err(refuse(format!("lot {} stands there twice or is not below next_lot", entry.id)));
        }
        LOTS.set(&mut ctx.state, &key, &lot);
        let sum = sums.entry(owner).or_default();
        *sum = sum.checked_add(entry.left_ucredits).ok_or_else(|| Rejection::overflow("the sum of credits"))?;
    }
    let mut aside = BTreeMap::new();
    for entry in &genesis.set_aside {
        let owner = ctx.address(&entry.owner)?;
        let has = sums.get(&owner).copied().unwrap_or(0);
        if entry.ucredits == 0 || entry.ucredits > has || aside.insert(owner, entry.ucredits).is_some() {
            return Err(refuse(format!("{} cannot have {} set aside of {has}", entry.owner, entry.ucredits)));
        }
    }
    for (owner, sum) in sums {
        let locked_ucredits = aside.get(&owner).copied().unwrap_or(0);
        let free_ucredits = sum.saturating_sub(locked_ucredits);
        put(ctx, &owner, &proto::tetra::render::v1::Credits { free_ucredits, locked_ucredits, ..Default::default() });
    }
    for entry in &genesis.asks {
        let seller = ctx.address(&entry.seller)?;
        let amount: u128 = entry.amount.parse().map_err(|_| refuse(format!("{:?} is no amount", entry.amount)))?;
        let bounds = amount >= asks::LEAST && (1..=asks::HIGHEST).contains(&entry.min_price_micros);
        let fits = bounds && genesis.next_ask.is_some_and(|next| entry.id < next);
        if !fits || ASKS.has(&ctx.state, &seller)? {
            return Err(refuse(format!("ask {} is out of bounds, or its seller has two", entry.id)));
        }
        let (id, min_price_micros) = (entry.id, entry.min_price_micros);
        let ask = Ask { id, seller: ctx.text(&seller), sell: Some(shown(LUX, amount)), min_price_micros };
        asks::store(ctx, &seller, &ask);
    }
    for (counter, value) in [(&NEXT_LOT, genesis.next_lot), (&NEXT_ASK, genesis.next_ask)] {
        if let Some(value) = value {
            counter.set(&mut ctx.state, &value);
        }
    }
    Ok(())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let mut genesis =
        Genesis { next_lot: NEXT_LOT.get(&ctx.state)?, next_ask: NEXT_ASK.get(&ctx.state)?, ..Genesis::default() };
    for (owner, has) in BALANCES.all(&ctx.state)? {
        if has.locked_ucredits > 0 {
            genesis.set_aside.push(SetAsideEntry { owner: ctx.text(&owner), ucredits: has.locked_ucredits });
        }
    }
    for ((owner, id), lot) in LOTS.all(&ctx.state)? {
        let (paid, left) = (lot.paid.unwrap_or_default(), lot.left.unwrap_or_default());
        let bought_at = lot.bought_at.unwrap_or_default();
        let bought_ms = bought_at.seconds.saturating_mul(1000).saturating_add(i64::from(bought_at.nanos) / 1_000_000);
        genesis.lots.push(LotEntry {
            owner: ctx.text(&owner),
            id,
            denom: paid.denom,
            paid: paid.amount,
            left: left.amount,
            ucredits: lot.ucredits,
            left_ucredits: lot.left_ucredits,
            price_micros: lot.price_micros,
            eur_usd_micros: lot.eur_usd_micros,
            bought_ms: u64::try_from(bought_ms).unwrap_or(0),
            network_bp: lot.network_bp,
        });
    }
    for (seller, ask) in ASKS.all(&ctx.state)? {
        let amount = asks::amount(&ask)?.to_string();
        let (id, min_price_micros) = (ask.id, ask.min_price_micros);
        genesis.asks.push(AskEntry { seller: ctx.text(&seller), id, amount, min_price_micros });
    }
    Ok(genesis)
}
