//! A node's folder.
//!
//! ```text
//! genesis.json        the document that the chain begins with
//! node.json           addresses, peers, time-outs
//! validator_key.json  the key that votes (CometBFT's priv_validator_key.json)
//! node_key.json       the key by which peers know the node
//! data/               storage of state and blocks
//! consensus.wal       the engine's log of the current height
//! mempool.journal     waiting transactions
//! halt.json           why the node stopped itself, if it did
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use app::Genesis;
use app::genesis::GenesisError;
use engine::{NodeKey, ValidatorKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::NodeConfig;

/// A node's folder.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

/// Why a folder is not a node's.
#[derive(Debug, Error)]
pub enum HomeError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is no JSON of the right shape.
    #[error("{path} does not parse: {source}")]
    Malformed {
        /// Where.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The genesis document breaks a rule.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A key file cannot be used.
    #[error(transparent)]
    Key(#[from] engine::keys::KeyError),
}

/// Why the node stopped itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltMark {
    /// The block that was executed.
    pub height: u64,
    /// What was found.
    pub why: String,
}

impl Home {
    /// The node's folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The storage's folder.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// The engine's log.
    pub fn wal(&self) -> PathBuf {
        self.0.join("consensus.wal")
    }

    /// The mempool's journal.
    pub fn journal(&self) -> PathBuf {
        self.0.join("mempool.journal")
    }

    fn halt_path(&self) -> PathBuf {
        self.0.join("halt.json")
    }

    /// Writes everything that a new node needs.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn init(
        &self,
        genesis: &Genesis,
        config: &NodeConfig,
        validator: &ValidatorKey,
        node: &NodeKey,
    ) -> Result<(), HomeError> {
        fs::create_dir_all(self.data()).map_err(|source| HomeError::Io { path: self.data(), source })?;
        self.write("genesis.json", genesis)?;
        self.write("node.json", config)?;
        validator.save(&self.0.join("validator_key.json"))?;
        node.save(&self.0.join("node_key.json"))?;
        Ok(())
    }

    /// Writes the configuration alone: keys, genesis and chain stay.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, config: &NodeConfig) -> Result<(), HomeError> {
        self.write("node.json", config)
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), HomeError> {
        let path = self.0.join(name);
        let text = serde_json::to_string_pretty(value);
        let text = text.map_err(|source| HomeError::Malformed { path: path.clone(), source })?;
        fs::write(&path, text + "\n").map_err(|source| HomeError::Io { path, source })
    }

    fn read(&self, name: &str) -> Result<String, HomeError> {
        let path = self.0.join(name);
        fs::read_to_string(&path).map_err(|source| HomeError::Io { path, source })
    }

    /// The genesis document.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn genesis(&self) -> Result<Genesis, HomeError> {
        Ok(Genesis::parse(&self.read("genesis.json")?)?)
    }

    /// The configuration.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn config(&self) -> Result<NodeConfig, HomeError> {
        let path = self.0.join("node.json");
        serde_json::from_str(&self.read("node.json")?).map_err(|source| HomeError::Malformed { path, source })
    }

    /// The key that votes.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn validator_key(&self) -> Result<ValidatorKey, HomeError> {
        Ok(ValidatorKey::load(&self.0.join("validator_key.json"))?)
    }

    /// The key by which peers know the node.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn node_key(&self) -> Result<NodeKey, HomeError> {
        Ok(NodeKey::load(&self.0.join("node_key.json"))?)
    }

    /// Why the node stopped itself; none when it did not.
    ///
    /// # Errors
    /// When the mark is there but cannot be read.
    pub fn halted(&self) -> Result<Option<HaltMark>, HomeError> {
        let path = self.halt_path();
        if !path.exists() {
            return Ok(None);
        }
        let mark = serde_json::from_str(&self.read("halt.json")?);
        mark.map(Some).map_err(|source| HomeError::Malformed { path, source })
    }

    /// Marks that the node stopped itself, so that it does not start again before it was looked at.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub fn mark_halt(&self, mark: &HaltMark) -> Result<(), HomeError> {
        self.write("halt.json", mark)
    }

    /// Removes the mark.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn clear_halt(&self) -> Result<(), HomeError> {
        let path = self.halt_path();
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(HomeError::Io { path, source }),
            _ => Ok(()),
        }
    }
}
