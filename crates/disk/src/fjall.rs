//! The engine fjall: one keyspace per part, one journal for all.

use std::path::Path;
use std::sync::Arc;

use ::fjall::{Database, Iter, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot};
use store::backend::{Backend, Batch, View};
use store::state::Pair;
use store::{Direction, Error, Result};

/// Bytes of a part that are kept in memory before they go to a sorted table. A node has three parts, and each may have
/// two such pieces: with the engine's 64 MiB a busy node holds hundreds of megabytes that help nobody.
const MEMTABLE: u64 = 16 << 20;
/// Bytes of the journal after which the parts that hold it up are written out.
const JOURNALS: u64 = 128 << 20;

fn failed(error: ::fjall::Error) -> Error {
    Error::Backend(format!("fjall: {error}"))
}

/// A directory of fjall keyspaces.
pub struct Directory(Database);

impl Directory {
    /// Opens a directory, made if it is not there.
    ///
    /// # Errors
    /// Says why it cannot be opened; another process may be using it.
    pub fn open(path: &Path) -> std::result::Result<Self, String> {
        // One thread compacts: many nodes share small machines, and their batches are small.
        let database = Database::builder(path).worker_threads(1).max_journaling_size(JOURNALS).open();
        database.map(Self).map_err(|error| match error {
            ::fjall::Error::Locked => "another process is using it; stop that one first".to_owned(),
            other => other.to_string(),
        })
    }

    /// A part.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn part(&self, name: &str) -> Result<Part> {
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE);
        let keyspace = self.0.keyspace(name, options).map_err(failed)?;
        Ok(Part { database: self.0.clone(), keyspace })
    }
}

/// One keyspace.
pub struct Part {
    database: Database,
    keyspace: Keyspace,
}

/// A keyspace as it was.
struct Frozen {
    snapshot: Snapshot,
    keyspace: Keyspace,
}

fn collect(pairs: Iter, direction: Direction, limit: usize) -> Result<Vec<Pair>> {
    let read = |guard: ::fjall::Guard| {
        let (key, value) = guard.into_inner().map_err(failed)?;
        Ok((key.to_vec(), value.to_vec()))
    };
    match direction {
        Direction::Up => pairs.take(limit).map(read).collect(),
        Direction::Down => pairs.rev().take(limit).map(read).collect(),
    }
}

impl View for Frozen {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.snapshot.get(&self.keyspace, key).map_err(failed)?.map(|value| value.to_vec()))
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Pair>> {
        let pairs = match end {
            Some(end) if end <= start => return Ok(Vec::new()),
            Some(end) => self.snapshot.range(&self.keyspace, start..end),
            None => self.snapshot.range(&self.keyspace, start..),
        };
        collect(pairs, direction, limit)
    }
}

impl Part {
    fn frozen(&self) -> Frozen {
        Frozen { snapshot: self.database.snapshot(), keyspace: self.keyspace.clone() }
    }
}

impl View for Part {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.keyspace.get(key).map_err(failed)?.map(|value| value.to_vec()))
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Pair>> {
        self.frozen().range(start, end, direction, limit)
    }
}

impl Backend for Part {
    fn write(&self, batch: Batch) -> Result<()> {
        let mut writes = self.database.batch().durability(Some(PersistMode::SyncAll));
        for (key, value) in batch {
            match value {
                Some(value) => writes.insert(&self.keyspace, key, value),
                None => writes.remove(&self.keyspace, key),
            }
        }
        writes.commit().map_err(failed)
    }

    fn snapshot(&self) -> Result<Arc<dyn View>> {
        Ok(Arc::new(self.frozen()))
    }
}
