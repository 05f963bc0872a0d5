//! The backend that keeps everything in memory: for tests, simulators and throw-away networks.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use crate::Result;
use crate::backend::{Backend, Batch, View};
use crate::state::{Direction, Pair};

/// A backend in memory. A snapshot shares the map until the next write, which then copies it.
#[derive(Debug, Default)]
pub struct Memory(RwLock<Arc<Frozen>>);

/// A snapshot of a [`Memory`].
#[derive(Clone, Debug, Default)]
struct Frozen(BTreeMap<Vec<u8>, Vec<u8>>);

impl View for Frozen {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(key).cloned())
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Pair>> {
        if end.is_some_and(|end| end <= start) {
            return Ok(Vec::new());
        }
        let bounds = (Bound::Included(start), end.map_or(Bound::Unbounded, Bound::Excluded));
        let pairs = self.0.range::<[u8], _>(bounds).map(|(key, value)| (key.clone(), value.clone()));
        Ok(match direction {
            Direction::Up => pairs.take(limit).collect(),
            Direction::Down => pairs.rev().take(limit).collect(),
        })
    }
}

impl Memory {
    /// An empty space.
    pub fn new() -> Self {
        Self::default()
    }

    fn frozen(&self) -> Arc<Frozen> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl View for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.frozen().get(key)
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Pair>> {
        self.frozen().range(start, end, direction, limit)
    }
}

impl Backend for Memory {
    fn write(&self, batch: Batch) -> Result<()> {
        let mut shared = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let map = &mut Arc::make_mut(&mut shared).0;
        for (key, value) in batch {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Arc<dyn View>> {
        Ok(self.frozen())
    }
}
