//! What is stored of epochs.

use ledger::{Context, Failure};
use primitives::Address;
use proto::tetra::render::v1::{Epoch, Params};
use store::{Amount, Item, Map};

use super::MODULE;

/// The open epoch.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct StoredOpen {
    /// Its number, from 1.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// When it began, milliseconds since 1970.
    #[prost(uint64, tag = "2")]
    pub begins_ms: u64,
    /// When it may be closed.
    #[prost(uint64, tag = "3")]
    pub ends_ms: u64,
    /// When epoch 1 began, from which the schedule counts.
    #[prost(uint64, tag = "4")]
    pub started_ms: u64,
}

/// What a closed epoch pays, until all of it is claimed. Amounts are 16 bytes big-endian.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredPool {
    /// LUX for approved work.
    #[prost(bytes = "vec", tag = "1")]
    pub work: Vec<u8>,
    /// Value of all approved work, millionths of a credit.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
    /// Value whose share was claimed.
    #[prost(bytes = "vec", tag = "3")]
    pub value_claimed: Vec<u8>,
    /// LUX for available nodes.
    #[prost(bytes = "vec", tag = "4")]
    pub availability: Vec<u8>,
    /// Points of all nodes.
    #[prost(bytes = "vec", tag = "5")]
    pub points: Vec<u8>,
    /// Points whose share was claimed.
    #[prost(bytes = "vec", tag = "6")]
    pub points_claimed: Vec<u8>,
}

/// Means of the nodes that were available in the last epoch that had any, weighted by time, in the units of
/// [`super::Beat`].
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct StoredMeans {
    /// Millionths of work units per hour.
    #[prost(uint64, tag = "1")]
    pub rate: u64,
    /// Millionths of a GiB.
    #[prost(uint64, tag = "2")]
    pub memory: u64,
    /// Millionths of an epoch.
    #[prost(uint64, tag = "3")]
    pub age: u64,
}

/// Something that is summed in the open epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Sum {
    /// Value of approved work that counts for a pool, millionths of a credit.
    Value = 1,
    /// That work, thousandths of a work unit.
    Work = 2,
    /// LUX burned of payments.
    LuxBurned = 3,
    /// LUX of payments that went to the network.
    LuxNetwork = 4,
    /// USD of payments that went to the vault.
    UsdVault = 5,
    /// USD of payments that went to the network.
    UsdNetwork = 6,
    /// What payments were worth when they were paid in, millionths of a credit.
    Spent = 7,
    /// LUX burned for work that counts for a pool.
    PoolLux = 8,
    /// USD that went to the vault for such work.
    PoolUsd = 9,
    /// Billed work, thousandths of a work unit.
    Billed = 10,
    /// What ready nodes could have rendered in the time that they gave signs of, likewise.
    Proved = 11,
    /// Points of available nodes.
    Points = 12,
    /// Milliseconds of available nodes.
    Idle = 13,
    /// Their rates × milliseconds.
    Rate = 14,
    /// Their memory × milliseconds.
    Memory = 15,
    /// Their ages × milliseconds.
    Age = 16,
    /// What the nodes of billed units could have rendered in the time that they had them, thousandths of a work unit.
    Able = 17,
    /// Value that was kept back, millionths of a credit.
    Kept = 18,
    /// Value kept back earlier that was released, likewise.
    Released = 19,
}

/// Something that is summed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Total {
    /// LUX minted by epochs.
    Minted = 1,
    /// LUX burned by payments and auctions.
    Burned = 2,
    /// LUX minted and reserved.
    Reserved = 3,
}

/// Parameters with the prices in force; absent only before genesis.
pub const PARAMS: Item<Params> = Item::new(MODULE, 1);
/// The open epoch; absent only before genesis, where whatever counts is of the first.
pub const OPEN: Item<StoredOpen> = Item::new(MODULE, 2);
/// Sums of the open epoch by [`Sum`]; none is zero.
pub const SUMS: Map<u8, Amount> = Map::new(MODULE, 3);
/// Sums since genesis by [`Total`]; none is zero.
pub const TOTALS: Map<u8, Amount> = Map::new(MODULE, 4);
/// Closed epochs by number.
pub const CLOSED: Map<u64, Epoch> = Map::new(MODULE, 5);
/// What closed epochs have yet to pay, by number.
pub const POOLS: Map<u64, StoredPool> = Map::new(MODULE, 6);
/// Value of approved work by owner and epoch, until it is claimed; none is zero.
pub const VALUES: Map<(Address, u64), Amount> = Map::new(MODULE, 7);
/// Points of available nodes by owner and epoch, until they are claimed; none is zero.
pub const POINTS: Map<(Address, u64), Amount> = Map::new(MODULE, 8);
/// Means by which points are given.
pub const MEANS: Item<StoredMeans> = Item::new(MODULE, 9);

/// What is owed of a pool, read from the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// LUX for work, value of all work, value claimed.
    pub work: Part,
    /// LUX for availability, all points, points claimed.
    pub availability: Part,
}

/// One of the two things that a pool pays for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// LUX in all, base units.
    pub amount: u128,
    /// All weights.
    pub weight: u128,
    /// Weights whose share was claimed.
    pub claimed: u128,
}

impl From<&Pool> for StoredPool {
    fn from(pool: &Pool) -> Self {
        let bytes = |amount: u128| amount.to_be_bytes().to_vec();
        Self {
            work: bytes(pool.work.amount),
            value: bytes(pool.work.weight),
            value_claimed: bytes(pool.work.claimed),
            availability: bytes(pool.availability.amount),
            points: bytes(pool.availability.weight),
            points_claimed: bytes(pool.availability.claimed),
        }
    }
}

impl TryFrom<StoredPool> for Pool {
    type Error = String;

    fn try_from(stored: StoredPool) -> Result<Self, String> {
        let number = |bytes: Vec<u8>| {
            let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| "an amount has not 16 bytes")?;
            Ok::<u128, String>(u128::from_be_bytes(bytes))
        };
        let part = |amount, weight, claimed| {
            let part = Part { amount: number(amount)?, weight: number(weight)?, claimed: number(claimed)? };
            let fits = part.claimed <= part.weight && (part.weight > 0 || part.amount == 0);
            if fits { Ok(part) } else { Err("more is claimed than there is".to_owned()) }
        };
        Ok(Self {
            work: part(stored.work, stored.value, stored.value_claimed)?,
            availability: part(stored.availability, stored.points, stored.points_claimed)?,
        })
    }
}

pub(crate) fn pool(ctx: &Context, number: u64) -> Result<Option<Pool>, store::Error> {
    let Some(stored) = POOLS.get(&ctx.state, &number)? else { return Ok(None) };
    let corrupt = |why| store::Error::Corrupt { module: MODULE.0, key: hex::encode(POOLS.key(&number)), why };
    Pool::try_from(stored).map(Some).map_err(corrupt)
}

pub(crate) fn open(ctx: &Context) -> Result<StoredOpen, store::Error> {
    Ok(OPEN.get(&ctx.state)?.unwrap_or(StoredOpen { number: 1, ..StoredOpen::default() }))
}

pub(super) fn sum(ctx: &Context, what: Sum) -> Result<u128, store::Error> {
    Ok(SUMS.get(&ctx.state, &(what as u8))?.unwrap_or_default().0)
}

/// Adds to a sum of the open epoch. Nothing real comes near 128 bits; there it stays.
pub(super) fn add(ctx: &mut Context, what: Sum, more: u128) -> Result<(), Failure> {
    grow(ctx, &SUMS, &(what as u8), more)
}

pub(super) fn total(ctx: &Context, what: Total) -> Result<u128, store::Error> {
    Ok(TOTALS.get(&ctx.state, &(what as u8))?.unwrap_or_default().0)
}

pub(super) fn add_total(ctx: &mut Context, what: Total, more: u128) -> Result<(), Failure> {
    grow(ctx, &TOTALS, &(what as u8), more)
}

pub(super) fn grow<K: store::Key>(ctx: &mut Context, map: &Map<K, Amount>, key: &K, more: u128) -> Result<(), Failure> {
    if more > 0 {
        let sum = map.get(&ctx.state, key)?.unwrap_or_default().0.saturating_add(more);
        map.set(&mut ctx.state, key, &Amount(sum));
    }
    Ok(())
}
