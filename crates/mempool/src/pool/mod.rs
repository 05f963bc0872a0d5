//! The pool itself: which transactions wait, in which order they go, and which must leave when it is full.
//!
//! Every sender has a lane, ordered by sequence. A transaction can only be included after those before it in its
//! lane, so it is **worth** the lowest priority among them and itself. From this follow both ends of the order:
//!
//! - proposals take, again and again, the best-paying head among the lanes ([`Pool::reap`]);
//! - a full pool gives up the transaction that is worth least, which is always the tail of a lane, so that an
//!   eviction never tears a gap into one.
//!
//! Equal priorities go by arrival, first come first served. The pool has no clock, no randomness and no I/O: the
//! same calls give the same pool.

mod entry;
mod reap;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;

pub use entry::{Entry, Inserted, Limits, PoolError};
pub use reap::size_in_block;

use crate::recent::Recent;
use crate::{Checked, TxHash, tx_hash};

type Sender = Bytes;
type Lane = BTreeMap<u64, Entry>;
/// What the tail of a lane is worth, then the latest arrival first: the smallest leaves first.
type TailRank = (u128, Reverse<u64>, Sender);

/// The waiting transactions of a node.
#[derive(Clone, Debug)]
pub struct Pool {
    limits: Limits,
    lanes: BTreeMap<Sender, Lane>,
    place_of: HashMap<TxHash, (Sender, u64)>,
    tails: BTreeSet<TailRank>,
    committed: Recent,
    bytes: usize,
    arrivals: u64,
}

impl Pool {
    /// An empty pool.
    pub fn new(limits: Limits) -> Self {
        Self {
            committed: Recent::new(limits.recent_hashes),
            limits,
            lanes: BTreeMap::new(),
            place_of: HashMap::new(),
            tails: BTreeSet::new(),
            bytes: 0,
            arrivals: 0,
        }
    }

    /// The limits that this pool keeps.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How many transactions wait.
    pub fn len(&self) -> usize {
        self.place_of.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.place_of.is_empty()
    }

    /// Sum of the raw sizes of all waiting transactions, in bytes.
    pub fn total_bytes(&self) -> usize {
        self.bytes
    }

    /// Whether this transaction waits now (committed ones do not).
    pub fn contains(&self, hash: &TxHash) -> bool {
        self.place_of.contains_key(hash)
    }

    /// The waiting transaction with this hash.
    pub fn get(&self, hash: &TxHash) -> Option<&Entry> {
        let (sender, sequence) = self.place_of.get(hash)?;
        self.lanes.get(sender)?.get(sequence)
    }

    /// What can be said before the expensive check: the hash, unless the size is wrong or the transaction is
    /// known (waiting, or committed of late).
    pub fn screen(&self, raw: &[u8]) -> Result<TxHash, PoolError> {
        if raw.is_empty() {
            return Err(PoolError::Empty);
        }
        let limit = self.limits.max_tx_bytes.min(self.limits.max_bytes);
        if raw.len() > limit {
            return Err(PoolError::TooLarge { size: raw.len(), limit });
        }
        let hash = tx_hash(raw);
        if self.contains(&hash) || self.committed.contains(&hash) {
            return Err(PoolError::AlreadyKnown);
        }
        Ok(hash)
    }

    /// Adds a checked transaction that arrived after block `height`. On an error the pool is unchanged.
    pub fn insert(&mut self, raw: Bytes, checked: Checked, height: u64) -> Result<Inserted, PoolError> {
        let hash = self.screen(&raw)?;
        let Checked { sender, sequence, gas_wanted: gas, priority, .. } = checked;
        let newcomer = Entry { hash, bytes: raw, sender, sequence, gas, priority, height, arrival: self.arrivals };

        let replaced = self.take_outbid(&newcomer)?;
        let evicted = match self.make_room(&newcomer) {
            Ok(evicted) => evicted,
            Err(full) => {
                replaced.into_iter().for_each(|old| self.place(old));
                return Err(full);
            }
        };
        self.arrivals += 1;
        self.place(newcomer);
        let left = replaced.into_iter().chain(evicted).map(|entry| entry.hash).collect();
        Ok(Inserted { hash, left })
    }

    /// Removes the transactions of a committed block, remembers all their hashes so that none is accepted again,
    /// and returns those that were waiting here.
    pub fn remove_committed(&mut self, hashes: impl IntoIterator<Item = TxHash>) -> Vec<TxHash> {
        let mut removed = Vec::new();
        for hash in hashes {
            self.committed.insert(hash);
            if self.remove(&hash).is_some() {
                removed.push(hash);
            }
        }
        removed
    }

    /// Removes one transaction; it may come again.
    pub fn remove(&mut self, hash: &TxHash) -> Option<Entry> {
        let (sender, sequence) = self.place_of.remove(hash)?;
        self.unrank(&sender);
        let lane = self.lanes.get_mut(&sender)?;
        let entry = lane.remove(&sequence)?;
        if lane.is_empty() {
            self.lanes.remove(&sender);
        }
        self.rank(&sender);
        self.bytes -= entry.bytes.len();
        Some(entry)
    }

    /// Removes what has waited more than `ttl_blocks` blocks at `height`.
    pub fn expire(&mut self, height: u64) -> Vec<TxHash> {
        let ttl = self.limits.ttl_blocks;
        self.recheck(|entry| height.saturating_sub(entry.height) <= ttl)
    }

    /// Removes every transaction for which `still_valid` says no; asked in ascending sequence per sender.
    pub fn recheck(&mut self, mut still_valid: impl FnMut(&Entry) -> bool) -> Vec<TxHash> {
        let stale: Vec<TxHash> =
            self.in_sequence().filter(|entry| !still_valid(entry)).map(|entry| entry.hash).collect();
        for hash in &stale {
            self.remove(hash);
        }
        stale
    }

    /// All waiting transactions, sender by sender, ascending in sequence: an order in which each can be checked
    /// after those it depends on.
    pub fn in_sequence(&self) -> impl Iterator<Item = &Entry> {
        self.lanes.values().flat_map(BTreeMap::values)
    }

    /// At most `limit` waiting transactions in the order of their arrival.
    pub fn unconfirmed(&self, limit: usize) -> Vec<&Entry> {
        let mut all: Vec<&Entry> = self.in_sequence().collect();
        all.sort_unstable_by_key(|entry| entry.arrival);
        all.truncate(limit);
        all
    }

    /// The first sequence from `committed` on that no waiting transaction of `sender` spends: what a wallet should
    /// sign next.
    pub fn next_sequence(&self, sender: &[u8], committed: u64) -> u64 {
        let Some(lane) = self.lanes.get(sender) else {
            return committed;
        };
        let mut next = committed;
        for sequence in lane.range(committed..).map(|(sequence, _)| *sequence) {
            if sequence != next {
                break;
            }
            next = next.saturating_add(1);
        }
        next
    }

    /// Takes out the transaction that `newcomer` replaces, if it pays enough more; otherwise makes sure that its
    /// lane has a place.
    fn take_outbid(&mut self, newcomer: &Entry) -> Result<Option<Entry>, PoolError> {
        let Some(lane) = self.lanes.get(&newcomer.sender) else {
            return Ok(None);
        };
        if let Some(old) = lane.get(&newcomer.sequence) {
            if !outbids(newcomer.priority, old.priority) {
                return Err(PoolError::Underpriced {
                    sequence: old.sequence,
                    offered: newcomer.priority,
                    standing: old.priority,
                });
            }
            let hash = old.hash;
            return Ok(self.remove(&hash));
        }
        if lane.len() >= self.limits.max_per_sender {
            return Err(PoolError::SenderFull { limit: self.limits.max_per_sender });
        }
        Ok(None)
    }

    /// Evicts tails worth less than `newcomer` until it fits; all or nothing.
    fn make_room(&mut self, newcomer: &Entry) -> Result<Vec<Entry>, PoolError> {
        let worth = self.worth_of(newcomer);
        let mut evicted = Vec::new();
        while !self.fits(newcomer.bytes.len()) {
            match self.cheapest_tail() {
                Some((tail_worth, tail)) if tail_worth < worth => evicted.extend(self.remove(&tail)),
                _ => {
                    evicted.into_iter().for_each(|entry| self.place(entry));
                    return Err(PoolError::Full {
                        txs: self.len(),
                        bytes: self.bytes,
                        lowest: self.cheapest_tail().map_or(0, |(worth, _)| worth),
                    });
                }
            }
        }
        Ok(evicted)
    }

    fn fits(&self, size: usize) -> bool {
        self.len() < self.limits.max_txs && size <= self.limits.max_bytes - self.bytes
    }

    /// The lowest priority among `entry` and those that must go before it.
    fn worth_of(&self, entry: &Entry) -> u128 {
        let before = self.lanes.get(&entry.sender).into_iter().flat_map(|lane| lane.range(..entry.sequence));
        before.map(|(_, earlier)| earlier.priority).fold(entry.priority, u128::min)
    }

    fn cheapest_tail(&self) -> Option<(u128, TxHash)> {
        let (worth, _, sender) = self.tails.first()?;
        let (_, tail) = self.lanes.get(sender)?.last_key_value()?;
        Some((*worth, tail.hash))
    }

    fn place(&mut self, entry: Entry) {
        let sender = entry.sender.clone();
        self.unrank(&sender);
        self.bytes += entry.bytes.len();
        self.place_of.insert(entry.hash, (sender.clone(), entry.sequence));
        self.lanes.entry(sender.clone()).or_default().insert(entry.sequence, entry);
        self.rank(&sender);
    }

    fn rank(&mut self, sender: &Sender) {
        self.tails.extend(self.tail_rank(sender));
    }

    fn unrank(&mut self, sender: &Sender) {
        if let Some(rank) = self.tail_rank(sender) {
            self.tails.remove(&rank);
        }
    }

    fn tail_rank(&self, sender: &Sender) -> Option<TailRank> {
        let lane = self.lanes.get(sender)?;
        let (_, tail) = lane.last_key_value()?;
        let worth = lane.values().map(|entry| entry.priority).min()?;
        Some((worth, Reverse(tail.arrival), sender.clone()))
    }
}

/// More than 10 % higher, exactly: `10 * (new - old) > old` over the integers.
fn outbids(new: u128, old: u128) -> bool {
    new.checked_sub(old).is_some_and(|more| more > old / 10)
}

#[cfg(test)]
mod tests;
