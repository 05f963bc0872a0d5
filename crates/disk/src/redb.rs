//! The engine redb: one table per part, one file for all.

use std::path::Path;
use std::sync::Arc;

use ::redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, TableDefinition};
use store::backend::{Backend, Batch, View};
use store::state::Pair;
use store::{Direction, Error, Result};

type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

fn failed(error: impl Into<::redb::Error>) -> Error {
    Error::Backend(format!("redb: {}", error.into()))
}

/// A file of redb tables.
pub struct File(Arc<Database>);

impl File {
    /// Opens a file, made if it is not there.
    ///
    /// # Errors
    /// Says why it cannot be opened; another process may be using it.
    pub fn open(path: &Path) -> std::result::Result<Self, String> {
        Database::create(path).map(|database| Self(Arc::new(database))).map_err(|error| match error {
            ::redb::DatabaseError::DatabaseAlreadyOpen => "another process is using it; stop that one first".to_owned(),
            other => other.to_string(),
        })
    }

    /// A part.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn part(&self, name: &str) -> Result<Part> {
        let part = Part { database: Arc::clone(&self.0), name: name.to_owned() };
        let transaction = part.database.begin_write().map_err(failed)?;
        transaction.open_table(part.table()).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(part)
    }
}

/// One table.
pub struct Part {
    database: Arc<Database>,
    name: String,
}

/// A table as it was.
struct Frozen(Table);

impl Part {
    fn table(&self) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
        TableDefinition::new(&self.name)
    }

    fn frozen(&self) -> Result<Frozen> {
        let transaction = self.database.begin_read().map_err(failed)?;
        transaction.open_table(self.table()).map(Frozen).map_err(failed)
    }
}

impl View for Frozen {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(key).map_err(failed)?.map(|value| value.value().to_vec()))
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Pair>> {
        let pairs = match end {
            Some(end) if end <= start => return Ok(Vec::new()),
            Some(end) => self.0.range(start..end),
            None => self.0.range(start..),
        };
        let pairs = pairs.map_err(failed)?.map(|pair| {
            let (key, value) = pair.map_err(failed)?;
            Ok((key.value().to_vec(), value.value().to_vec()))
        });
        match direction {
            Direction::Up => pairs.take(limit).collect(),
            Direction::Down => pairs.rev().take(limit).collect(),
        }
    }
}

impl View for Part {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.frozen()?.get(key)
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>, direction: Direction, limit: usize) -> Result<Vec<Pair>> {
        self.frozen()?.range(start, end, direction, limit)
    }
}

impl Backend for Part {
    fn write(&self, batch: Batch) -> Result<()> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::Immediate).map_err(failed)?;
        {
            let mut table = transaction.open_table(self.table()).map_err(failed)?;
            for (key, value) in batch {
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice()),
                    None => table.remove(key.as_slice()),
                }
                .map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    fn snapshot(&self) -> Result<Arc<dyn View>> {
        Ok(Arc::new(self.frozen()?))
    }
}
