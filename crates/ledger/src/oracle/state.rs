//! What is stored of prices.

use primitives::Address;
use proto::tetra::oracle::v1::Params;
use store::{Error, Item, Map};

use super::MODULE;
use super::window::{Average, Bucket};

/// A feeder's last word about a pair.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct StoredObservation {
    /// Millionths of the second coin per whole unit of the first.
    #[prost(uint64, tag = "1")]
    pub micros: u64,
    /// Header time of the post, milliseconds since 1970.
    #[prost(uint64, tag = "2")]
    pub posted_ms: u64,
}

/// [`Average`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredAverage {
    /// Up to when time was counted, milliseconds since 1970.
    #[prost(uint64, tag = "1")]
    pub settled_ms: u64,
    /// In order of time.
    #[prost(message, repeated, tag = "2")]
    pub buckets: Vec<StoredBucket>,
}

/// [`Bucket`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredBucket {
    /// Number of the bucket since 1970.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// Milliseconds of it in which there was a median.
    #[prost(uint64, tag = "2")]
    pub weight_ms: u64,
    /// Sum of median × milliseconds, 16 bytes big-endian.
    #[prost(bytes = "vec", tag = "3")]
    pub sum: Vec<u8>,
}

/// Parameters; absent only before genesis.
pub const PARAMS: Item<Params> = Item::new(MODULE, 1);
/// Last words by pair and feeder; only of present feeders.
pub const OBSERVED: Map<(String, Address), StoredObservation> = Map::new(MODULE, 2);
/// Averages by pair; absent until somebody posts the pair.
pub const AVERAGES: Map<String, StoredAverage> = Map::new(MODULE, 3);

impl From<&Average> for StoredAverage {
    fn from(average: &Average) -> Self {
        let bucket = |bucket: &Bucket| StoredBucket {
            index: bucket.index,
            weight_ms: bucket.weight_ms,
            sum: bucket.sum.to_be_bytes().to_vec(),
        };
        Self { settled_ms: average.settled_ms, buckets: average.buckets.iter().map(bucket).collect() }
    }
}

impl TryFrom<StoredAverage> for Average {
    type Error = String;

    fn try_from(stored: StoredAverage) -> Result<Self, String> {
        let mut buckets = Vec::new();
        for bucket in stored.buckets {
            let sum: [u8; 16] = bucket.sum.try_into().map_err(|_| "a bucket's sum has not 16 bytes")?;
            let (index, weight_ms) = (bucket.index, bucket.weight_ms);
            buckets.push(Bucket { index, weight_ms, sum: u128::from_be_bytes(sum) });
        }
        Ok(Self { settled_ms: stored.settled_ms, buckets })
    }
}

pub(super) fn average(ctx: &crate::Context, pair: &str) -> Result<Option<Average>, Error> {
    let key = pair.to_owned();
    let Some(stored) = AVERAGES.get(&ctx.state, &key)? else { return Ok(None) };
    let corrupt = |why| Error::Corrupt { module: MODULE.0, key: hex::encode(AVERAGES.key(&key)), why };
    Average::try_from(stored).map(Some).map_err(corrupt)
}

pub(super) fn put_average(ctx: &mut crate::Context, pair: &str, average: &Average) {
    AVERAGES.set(&mut ctx.state, &pair.to_owned(), &StoredAverage::from(average));
}
