//! Epochs in genesis. What they owe stands in the bank's genesis, on the module accounts.

mod records;

use ledger::{Context, Failure, Rejection};
use primitives::Address;
use serde::{Deserialize, Serialize};
use store::{Amount, Map};

use super::params::{self, check};
use super::state::{
    CLOSED, MEANS, OPEN, PARAMS, POINTS, POOLS, Part, Pool, SUMS, StoredMeans, StoredOpen, StoredPool, TOTALS, VALUES,
    pool,
};

pub use records::{EpochEntry, ParamsEntry, TierEntry};

/// The part's genesis. A new chain opens its first epoch at its genesis time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// The parameters and prices in force.
    pub params: ParamsEntry,
    /// The open epoch of a chain that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenEntry>,
    /// Sums of the open epoch: what (`state::Sum`) and how much.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sums: Vec<SumEntry>,
    /// Sums since the first genesis: what (`state::Total`) and how much.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub totals: Vec<SumEntry>,
    /// Closed epochs, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<EpochEntry>,
    /// What closed epochs have yet to pay, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<PoolEntry>,
    /// Value of approved work that is not claimed, in order of address bytes and epoch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<WeightEntry>,
    /// Points that are not claimed, in order of address bytes and epoch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<WeightEntry>,
    /// Means by which points are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<MeansEntry>,
}

/// The open epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenEntry {
    /// Its number.
    pub number: u64,
    /// Milliseconds since 1970.
    pub begins_ms: u64,
    /// Milliseconds since 1970.
    pub ends_ms: u64,
    /// When epoch 1 began.
    pub started_ms: u64,
}

/// A sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumEntry {
    /// What is summed.
    pub what: u8,
    /// Decimal.
    pub amount: String,
}

/// What an epoch has yet to pay; decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolEntry {
    /// The epoch.
    pub epoch: u64,
    /// LUX for work, base units.
    pub work: String,
    /// Value of all work.
    pub value: String,
    /// Value whose share was claimed.
    pub value_claimed: String,
    /// LUX for availability, base units.
    pub availability: String,
    /// All points.
    pub points: String,
    /// Points whose share was claimed.
    pub points_claimed: String,
}

/// What an owner may claim a share by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightEntry {
    /// Bech32.
    pub owner: String,
    /// The epoch.
    pub epoch: u64,
    /// Decimal.
    pub amount: String,
}

/// Means of available nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeansEntry {
    /// Millionths of work units per hour.
    pub rate: u64,
    /// Millionths of a GiB.
    pub memory: u64,
    /// Millionths of an epoch.
    pub age: u64,
}

fn refuse(why: impl std::fmt::Display) -> Failure {
    Rejection::invalid_request(format!("genesis of epochs: {why}")).into()
}

fn number(text: &str) -> Result<u128, Failure> {
    text.parse().map_err(|_| refuse(format!("{text:?} is no amount")))
}

fn import_sums(ctx: &mut Context, map: &Map<u8, Amount>, entries: &[SumEntry], most: u8) -> Result<(), Failure> {
    for entry in entries {
        let amount = number(&entry.amount)?;
        if amount == 0 || !(1..=most).contains(&entry.what) || map.has(&ctx.state, &entry.what)? {
            return Err(refuse(format!("sum {} is zero, unknown or stands there twice", entry.what)));
        }
        map.set(&mut ctx.state, &entry.what, &Amount(amount));
    }
    Ok(())
}

fn import_weights(
    ctx: &mut Context,
    map: &Map<(Address, u64), Amount>,
    entries: &[WeightEntry],
    open: u64,
) -> Result<(), Failure> {
    for entry in entries {
        let key = (ctx.address(&entry.owner)?, entry.epoch);
        let amount = number(&entry.amount)?;
        if amount == 0 || !(1..=open).contains(&entry.epoch) || map.has(&ctx.state, &key)? {
            let why = format!("what {} has in epoch {} is zero, early or stands there twice", entry.owner, entry.epoch);
            return Err(refuse(why));
        }
        map.set(&mut ctx.state, &key, &Amount(amount));
    }
    Ok(())
}

/// Reads genesis into the state.
///
/// # Errors
/// `render_epoch` 2 when a parameter is out of bounds, `sdk` 18 when entries contradict each other, `sdk` 7 for a
/// malformed address.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    let wire = genesis.params.to_wire()?;
    check(ctx, &wire)?;
    params::set_params(ctx, &wire);
    let now = ctx.block.time_ms();
    let open = match &genesis.open {
        Some(OpenEntry { number, begins_ms, ends_ms, started_ms }) => {
            let (number, begins_ms, ends_ms, started_ms) = (*number, *begins_ms, *ends_ms, *started_ms);
            if number == 0 || started_ms > begins_ms || begins_ms >= ends_ms {
                return Err(refuse("the open epoch has no number, or ends before it begins"));
            }
            StoredOpen { number, begins_ms, ends_ms, started_ms }
        }
        None => {
            let ends_ms = now.saturating_add(wire.epoch_ms);
            StoredOpen { number: 1, begins_ms: now, ends_ms, started_ms: now }
        }
    };
    OPEN.set(&mut ctx.state, &open);
    import_sums(ctx, &SUMS, &genesis.sums, 19)?;
    import_sums(ctx, &TOTALS, &genesis.totals, 3)?;
    for entry in &genesis.closed {
        if entry.number == 0 || entry.number >= open.number || CLOSED.has(&ctx.state, &entry.number)? {
            return Err(refuse(format!("epoch {} is not before the open one, or stands there twice", entry.number)));
        }
        CLOSED.set(&mut ctx.state, &entry.number, &entry.to_wire()?);
    }
    for entry in &genesis.pools {
        let part = |amount: &str, weight: &str, claimed: &str| -> Result<Part, Failure> {
            Ok(Part { amount: number(amount)?, weight: number(weight)?, claimed: number(claimed)? })
        };
        let pool = Pool {
            work: part(&entry.work, &entry.value, &entry.value_claimed)?,
            availability: part(&entry.availability, &entry.points, &entry.points_claimed)?,
        };
        let stored = StoredPool::from(&pool);
        Pool::try_from(stored.clone()).map_err(refuse)?;
        if !CLOSED.has(&ctx.state, &entry.epoch)? || POOLS.has(&ctx.state, &entry.epoch)? {
            return Err(refuse(format!("the pool of epoch {} is of none, or stands there twice", entry.epoch)));
        }
        POOLS.set(&mut ctx.state, &entry.epoch, &stored);
    }
    import_weights(ctx, &VALUES, &genesis.values, open.number)?;
    import_weights(ctx, &POINTS, &genesis.points, open.number)?;
    if let Some(MeansEntry { rate, memory, age }) = genesis.means {
        MEANS.set(&mut ctx.state, &StoredMeans { rate, memory, age });
    }
    Ok(())
}

fn export_sums(ctx: &Context, map: &Map<u8, Amount>) -> Result<Vec<SumEntry>, Failure> {
    let all = map.all(&ctx.state)?;
    Ok(all.into_iter().map(|(what, amount)| SumEntry { what, amount: amount.0.to_string() }).collect())
}

fn export_weights(ctx: &Context, map: &Map<(Address, u64), Amount>) -> Result<Vec<WeightEntry>, Failure> {
    let entry = |((owner, epoch), amount): ((Address, u64), Amount)| WeightEntry {
        owner: ctx.text(&owner),
        epoch,
        amount: amount.0.to_string(),
    };
    Ok(map.all(&ctx.state)?.into_iter().map(entry).collect())
}

/// The genesis that would make the present state.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let open = OPEN.get(&ctx.state)?.map(|StoredOpen { number, begins_ms, ends_ms, started_ms }| OpenEntry {
        number,
        begins_ms,
        ends_ms,
        started_ms,
    });
    let mut pools = Vec::new();
    for (epoch, _) in POOLS.all(&ctx.state)? {
        let Some(Pool { work, availability }) = pool(ctx, epoch)? else { continue };
        pools.push(PoolEntry {
            epoch,
            work: work.amount.to_string(),
            value: work.weight.to_string(),
            value_claimed: work.claimed.to_string(),
            availability: availability.amount.to_string(),
            points: availability.weight.to_string(),
            points_claimed: availability.claimed.to_string(),
        });
    }
    let means = MEANS.get(&ctx.state)?.map(|StoredMeans { rate, memory, age }| MeansEntry { rate, memory, age });
    Ok(Genesis {
        params: ParamsEntry::of(&PARAMS.get(&ctx.state)?.unwrap_or_else(params::default)),
        open,
        sums: export_sums(ctx, &SUMS)?,
        totals: export_sums(ctx, &TOTALS)?,
        closed: CLOSED.all(&ctx.state)?.into_iter().map(|(_, epoch)| EpochEntry::of(&epoch)).collect(),
        pools,
        values: export_weights(ctx, &VALUES)?,
        points: export_weights(ctx, &POINTS)?,
        means,
    })
}
