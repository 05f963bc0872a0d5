//! Hashes seen of late, bounded.

use std::collections::{BTreeMap, HashMap};

use crate::TxHash;

/// A bounded set of hashes that forgets the least recently inserted first.
#[derive(Clone, Debug)]
pub struct Recent {
    capacity: usize,
    clock: u64,
    stamp_of: HashMap<TxHash, u64>,
    by_stamp: BTreeMap<u64, TxHash>,
}

impl Recent {
    /// An empty set that remembers at most `capacity` hashes.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, clock: 0, stamp_of: HashMap::new(), by_stamp: BTreeMap::new() }
    }

    /// Remembers `hash`, or makes it the newest if it is known.
    pub fn insert(&mut self, hash: TxHash) {
        self.clock += 1;
        if let Some(old) = self.stamp_of.insert(hash, self.clock) {
            self.by_stamp.remove(&old);
        }
        self.by_stamp.insert(self.clock, hash);
        while self.by_stamp.len() > self.capacity {
            if let Some((_, oldest)) = self.by_stamp.pop_first() {
                self.stamp_of.remove(&oldest);
            }
        }
    }

    /// Whether `hash` is remembered.
    pub fn contains(&self, hash: &TxHash) -> bool {
        self.stamp_of.contains_key(hash)
    }

    /// How many hashes are remembered.
    pub fn len(&self) -> usize {
        self.by_stamp.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.by_stamp.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest_and_refreshes_the_known() {
        let mut recent = Recent::new(2);
        recent.insert([1; 32]);
        recent.insert([2; 32]);
        recent.insert([1; 32]);
        recent.insert([3; 32]);
        assert!(recent.contains(&[1; 32]) && recent.contains(&[3; 32]));
        assert!(!recent.contains(&[2; 32]));
        assert_eq!(recent.len(), 2);
    }

    #[test]
    fn a_capacity_of_zero_remembers_nothing() {
        let mut recent = Recent::new(0);
        recent.insert([1; 32]);
        assert!(recent.is_empty());
    }
}
