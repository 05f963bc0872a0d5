//! Directories, engines and parts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use store::{Backend, Memory};

use crate::{Error, Result, fjall, redb};

/// The names of the parts that this workspace uses.
pub mod parts {
    /// The machine's state.
    pub const STATE: &str = "state";
    /// Blocks and transactions.
    pub const CHAIN: &str = "chain";
    /// Proposals before their decision.
    pub const UNDECIDED: &str = "undecided";
}

/// Which storage engine keeps a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// fjall 3, a log-structured merge tree: about twice as fast at writing history.
    #[default]
    Fjall,
    /// redb 4, a copy-on-write B-tree: one file, faster reads.
    Redb,
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fjall => "fjall",
            Self::Redb => "redb",
        })
    }
}

impl FromStr for Engine {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "fjall" => Ok(Self::Fjall),
            "redb" => Ok(Self::Redb),
            other => Err(Error::UnknownEngine(other.to_owned())),
        }
    }
}

impl Engine {
    /// What an engine's directory contains, and no other one's.
    fn path(self, directory: &Path) -> PathBuf {
        directory.join(match self {
            Self::Fjall => "fjall",
            Self::Redb => "tetra.redb",
        })
    }

    fn other(self) -> Self {
        match self {
            Self::Fjall => Self::Redb,
            Self::Redb => Self::Fjall,
        }
    }
}

/// A directory of named parts, used by one process at a time.
pub struct Database(Kind);

enum Kind {
    Fjall(fjall::Directory),
    Redb(redb::File),
    Memory(Mutex<BTreeMap<String, Arc<Memory>>>),
    Given(Box<OpenPart>),
}

/// Gives a part by its name, the same one every time.
type OpenPart = dyn Fn(&str) -> Arc<dyn Backend> + Send + Sync;

impl Database {
    /// Opens a directory, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Directory`] when it cannot be opened, is in use by another process, or belongs to the other engine.
    pub fn open(directory: &Path, engine: Engine) -> Result<Self> {
        let failed = |why: String| Error::Directory { path: directory.to_owned(), why };
        std::fs::create_dir_all(directory).map_err(|error| failed(error.to_string()))?;
        if engine.other().path(directory).exists() {
            return Err(failed(format!(
                "it was written with engine {}, not {engine}; choose that engine, or another directory",
                engine.other()
            )));
        }
        let path = engine.path(directory);
        let kind = match engine {
            Engine::Fjall => fjall::Directory::open(&path).map(Kind::Fjall),
            Engine::Redb => redb::File::open(&path).map(Kind::Redb),
        };
        kind.map(Self).map_err(failed)
    }

    /// A database in memory, gone when it and its parts are dropped.
    pub fn memory() -> Self {
        Self(Kind::Memory(Mutex::default()))
    }

    /// A database whose parts somebody else keeps, such as the disk of a simulated machine. `open` gives a part by its
    /// name, the same one every time.
    pub fn given(open: impl Fn(&str) -> Arc<dyn Backend> + Send + Sync + 'static) -> Self {
        Self(Kind::Given(Box::new(open)))
    }

    /// A part, made if it is not there. Parts share nothing but the directory.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn part(&self, name: &str) -> Result<Arc<dyn Backend>> {
        Ok(match &self.0 {
            Kind::Fjall(directory) => Arc::new(directory.part(name)?),
            Kind::Redb(file) => Arc::new(file.part(name)?),
            Kind::Memory(parts) => {
                let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(parts.entry(name.to_owned()).or_default()) as Arc<dyn Backend>
            }
            Kind::Given(open) => open(name),
        })
    }
}
