//! Choosing the transactions of a proposal.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::btree_map::Range;

use bytes::Bytes;

use super::{Entry, Pool};

/// A lane's next transaction; the greatest goes first.
struct Head<'a> {
    entry: &'a Entry,
    rest: Range<'a, u64, Entry>,
}

impl Head<'_> {
    fn rank(&self) -> (u128, Reverse<u64>) {
        (self.entry.priority, Reverse(self.entry.arrival))
    }

    /// The head after this one, unless the lane ends or has a gap.
    fn advance(mut self) -> Option<Self> {
        let (sequence, entry) = self.rest.next()?;
        (self.entry.sequence.checked_add(1) == Some(*sequence)).then_some(Self { entry, rest: self.rest })
    }
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Head<'_> {}

impl Pool {
    /// The transactions of a proposal: the highest priority first between senders, and within a sender ascending
    /// sequences without a gap from `next_sequence(sender)` on.
    ///
    /// `max_bytes` bounds the sum of [`size_in_block`]; `max_gas` the sum of the gas wanted (`u64::MAX`: no bound).
    /// A transaction that does not fit is skipped together with those after it in its lane, and smaller ones of
    /// other senders may still go.
    pub fn reap(&self, max_bytes: u64, max_gas: u64, next_sequence: impl Fn(&[u8]) -> u64) -> Vec<Bytes> {
        let mut heads: BinaryHeap<Head<'_>> = self
            .lanes
            .iter()
            .filter_map(|(sender, lane)| {
                let next = next_sequence(sender);
                let mut rest = lane.range(next..);
                let (sequence, entry) = rest.next()?;
                (*sequence == next).then_some(Head { entry, rest })
            })
            .collect();

        let (mut bytes_left, mut gas_left) = (max_bytes, max_gas);
        let mut chosen = Vec::new();
        while let Some(head) = heads.pop() {
            let size = size_in_block(head.entry.bytes.len());
            let (Some(bytes), Some(gas)) = (bytes_left.checked_sub(size), gas_left.checked_sub(head.entry.gas)) else {
                continue;
            };
            (bytes_left, gas_left) = (bytes, gas);
            chosen.push(head.entry.bytes.clone());
            heads.extend(head.advance());
        }
        chosen
    }
}

/// Bytes that a transaction of `raw` bytes takes in a block's protobuf `Data`: tag, length, bytes.
pub fn size_in_block(raw: usize) -> u64 {
    let length_bytes = (usize::BITS - raw.leading_zeros()).div_ceil(7).max(1);
    1 + u64::from(length_bytes) + raw as u64
}
