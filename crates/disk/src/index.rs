//! Transactions by hash and by event.

use std::ops::RangeInclusive;
use std::sync::Arc;

use prost::Message;
use store::backend::{Backend, Batch, ensure_format, for_each};
use store::state::prefix_end;
use store::{Direction, Key, View};

use crate::layout::{self, EVENT, TX, TX_BY_HASH};
use crate::{Error, Result};

/// An indexed attribute of an event: `key` is `type.attribute`, as in `message.sender`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Event {
    /// Event type and attribute name, with a point between them.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The attribute's value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A transaction that was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedTx {
    /// The height of its block.
    pub height: u64,
    /// Its place in the block, from 0.
    pub index: u32,
    /// Its hash.
    pub hash: Vec<u8>,
    /// Its result: bytes of the node's making.
    pub result: Vec<u8>,
    /// The attributes that it is found by.
    pub events: Vec<Event>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct TxRecord {
    #[prost(bytes = "vec", tag = "1")]
    hash: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    result: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    events: Vec<Event>,
}

/// What to search for: transactions for which all of it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The heights to search.
    pub heights: RangeInclusive<u64>,
    /// The hash, if only that transaction can match.
    pub hash: Option<Vec<u8>>,
    /// Attributes that the transaction must all have.
    pub events: Vec<Event>,
}

impl Default for Query {
    /// All transactions.
    fn default() -> Self {
        Self { heights: 0..=u64::MAX, hash: None, events: Vec::new() }
    }
}

/// The order of what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The oldest first.
    #[default]
    Ascending,
    /// The newest first.
    Descending,
}

/// One page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many transactions match, on all pages.
    pub total: usize,
    /// The transactions of this page.
    pub txs: Vec<IndexedTx>,
}

/// Height and index in the block.
type Place = (u64, u32);

/// The transaction index, beside the blocks in the same part.
#[derive(Clone)]
pub struct TxIndex(Arc<dyn Backend>);

impl TxIndex {
    /// Opens the index in the part [`CHAIN`](crate::parts::CHAIN).
    ///
    /// # Errors
    /// When the storage fails or holds another format.
    pub fn open(part: Arc<dyn Backend>) -> Result<Self> {
        ensure_format(&*part, layout::CHAIN_FORMAT)?;
        Ok(Self(part))
    }

    /// Adds transactions to a batch, which is written with [`BlockStore::write`](crate::BlockStore::write). Indexing
    /// the same transactions again changes nothing. Where a hash comes again at a later place, the hash leads there.
    pub fn stage(&self, batch: &mut Batch, txs: &[IndexedTx]) {
        for tx in txs {
            let place = (tx.height, tx.index);
            batch.put(layout::key_with(TX_BY_HASH, &(), &tx.hash), place.to_bytes());
            let record = TxRecord { hash: tx.hash.clone(), result: tx.result.clone(), events: tx.events.clone() };
            batch.put(layout::key(TX, &place), record.encode_to_vec());
            for event in &tx.events {
                batch.put(posting(event, place), vec![1]);
            }
        }
    }

    /// The transaction with a hash.
    ///
    /// # Errors
    /// When the storage fails or a record is corrupt.
    pub fn get(&self, hash: &[u8]) -> Result<Option<IndexedTx>> {
        let view = self.0.snapshot()?;
        place_of(&*view, hash)?.map(|place| read(&*view, place)).transpose()
    }

    /// The transactions of a block, in order.
    ///
    /// # Errors
    /// When the storage fails or a record is corrupt.
    pub fn at(&self, height: u64) -> Result<Vec<IndexedTx>> {
        let query = Query { heights: height..=height, ..Query::default() };
        Ok(self.search(&query, Order::Ascending, 0, usize::MAX)?.txs)
    }

    /// Searches: counts all matches, and returns `limit` of them after the first `offset`. The work grows with the
    /// number of transactions that match the most frequent condition.
    ///
    /// # Errors
    /// When the storage fails or a record is corrupt.
    pub fn search(&self, query: &Query, order: Order, offset: usize, limit: usize) -> Result<Found> {
        let view = self.0.snapshot()?;
        let mut places = matches(&*view, query)?;
        if order == Order::Descending {
            places.reverse();
        }
        let total = places.len();
        let page = places.into_iter().skip(offset).take(limit);
        Ok(Found { total, txs: page.map(|place| read(&*view, place)).collect::<Result<_>>()? })
    }

    /// Adds to a batch the removal of the transactions below `height`, those of `limit` transactions at most. Gives
    /// whether there are more.
    ///
    /// # Errors
    /// When the storage fails or a record is corrupt.
    pub fn stage_prune(&self, batch: &mut Batch, height: u64, limit: usize) -> Result<bool> {
        let end = layout::key(TX, &height);
        let pairs = self.0.range(&[TX], Some(&end), Direction::Up, limit.saturating_add(1))?;
        for (key, _) in pairs.iter().take(limit) {
            let place = parse_place(key.get(1..).unwrap_or_default())?;
            let tx = read(&*self.0, place)?;
            for event in &tx.events {
                batch.remove(posting(event, place));
            }
            // The hash may lead to a later place by now.
            if place_of(&*self.0, &tx.hash)? == Some(place) {
                batch.remove(layout::key_with(TX_BY_HASH, &(), &tx.hash));
            }
            batch.remove(key.clone());
        }
        Ok(pairs.len() > limit)
    }
}

fn posting(event: &Event, place: Place) -> Vec<u8> {
    layout::key(EVENT, &((event.key.clone(), event.value.clone()), place))
}

fn parse_place(bytes: &[u8]) -> Result<Place> {
    layout::parse(bytes).ok_or(Error::Corrupt { what: "the place of a transaction", height: 0 })
}

fn place_of(view: &dyn View, hash: &[u8]) -> Result<Option<Place>> {
    let stored = view.get(&layout::key_with(TX_BY_HASH, &(), hash))?;
    stored.map(|bytes| parse_place(&bytes)).transpose()
}

fn read(view: &dyn View, place: Place) -> Result<IndexedTx> {
    let (height, index) = place;
    let stored = view.get(&layout::key(TX, &place))?;
    let record = stored.and_then(|bytes| TxRecord::decode(bytes.as_slice()).ok());
    let record = record.ok_or(Error::Corrupt { what: "a transaction", height })?;
    Ok(IndexedTx { height, index, hash: record.hash, result: record.result, events: record.events })
}

/// The places of all transactions that match, in order.
fn matches(view: &dyn View, query: &Query) -> Result<Vec<Place>> {
    if query.heights.is_empty() {
        return Ok(Vec::new());
    }
    let mut matching = match &query.hash {
        Some(hash) => {
            let place = place_of(view, hash)?;
            Some(place.into_iter().filter(|(height, _)| query.heights.contains(height)).collect())
        }
        None => None,
    };
    for event in &query.events {
        let prefix = layout::key(EVENT, &(event.key.clone(), event.value.clone()));
        let having = places_under(view, prefix, &query.heights)?;
        matching = Some(match matching {
            Some(places) => intersection(places, &having),
            None => having,
        });
    }
    match matching {
        Some(places) => Ok(places),
        None => places_under(view, vec![TX], &query.heights),
    }
}

/// The places, in order, that follow a prefix.
fn places_under(view: &dyn View, prefix: Vec<u8>, heights: &RangeInclusive<u64>) -> Result<Vec<Place>> {
    let bound = |height: u64| [prefix.as_slice(), &height.to_bytes()].concat();
    let start = bound(*heights.start());
    let end = match heights.end().checked_add(1) {
        Some(after) => Some(bound(after)),
        None => prefix_end(&prefix),
    };
    let mut places = Vec::new();
    for_each(view, &start, end.as_deref(), |key, _| {
        places.push(parse_place(key.get(prefix.len()..).unwrap_or_default())?);
        Ok::<_, Error>(())
    })?;
    Ok(places)
}

/// What two sorted lists share.
fn intersection(left: Vec<Place>, right: &[Place]) -> Vec<Place> {
    left.into_iter().filter(|place| right.binary_search(place).is_ok()).collect()
}
