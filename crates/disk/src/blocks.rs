//! Blocks by height, with what proves and follows them. Everything is opaque bytes of the node's making.

use std::ops::RangeInclusive;
use std::sync::Arc;

use store::backend::{Backend, Batch, ensure_format};
use store::{Direction, Key};

use crate::layout::{self, BLOCK, BLOCK_HASH, COMMIT, HEIGHT_BY_HASH, RESULTS, VALIDATORS};
use crate::{Error, Result};

/// A block and what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// Its height.
    pub height: u64,
    /// Its hash.
    pub hash: Vec<u8>,
    /// The block.
    pub block: Vec<u8>,
    /// The commit that this node saw for it.
    pub commit: Vec<u8>,
    /// The validator set whose signatures the commit holds.
    pub validators: Vec<u8>,
}

/// The chain of decided blocks: without gaps from [`Self::base`] to [`Self::tip`].
#[derive(Clone)]
pub struct BlockStore(Arc<dyn Backend>);

impl BlockStore {
    /// Opens the block store in the part [`CHAIN`](crate::parts::CHAIN).
    ///
    /// # Errors
    /// When the storage fails or holds another format.
    pub fn open(part: Arc<dyn Backend>) -> Result<Self> {
        ensure_format(&*part, layout::CHAIN_FORMAT)?;
        Ok(Self(part))
    }

    fn outermost(&self, direction: Direction) -> Result<Option<u64>> {
        let found = self.0.range(&[BLOCK_HASH], Some(&[BLOCK_HASH + 1]), direction, 1)?;
        let parsed = found.first().map(|(key, _)| {
            layout::parse_key(key).ok_or(Error::Corrupt { what: "the block store's range", height: 0 })
        });
        parsed.transpose()
    }

    /// The first height that is kept; none while there is no block.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn base(&self) -> Result<Option<u64>> {
        self.outermost(Direction::Up)
    }

    /// The last height; none while there is no block.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn tip(&self) -> Result<Option<u64>> {
        self.outermost(Direction::Down)
    }

    /// Adds a block to a batch. It must follow the tip; the first one may have any height, and the tip may be written
    /// once more (recovery).
    ///
    /// # Errors
    /// [`Error::OutOfOrder`]; a failure of the storage.
    pub fn stage_block(&self, batch: &mut Batch, block: &StoredBlock) -> Result<()> {
        let height = block.height;
        if let Some(tip) = self.tip()? {
            if height != tip && height != tip.saturating_add(1) {
                return Err(Error::OutOfOrder { expected: tip.saturating_add(1), given: height });
            }
            if height == tip
                && let Some(old) = self.hash(height)?
            {
                batch.remove(layout::key_with(HEIGHT_BY_HASH, &(), &old));
            }
        }
        batch.put(layout::key(BLOCK_HASH, &height), block.hash.clone());
        batch.put(layout::key(BLOCK, &height), block.block.clone());
        batch.put(layout::key(COMMIT, &height), block.commit.clone());
        batch.put(layout::key(VALIDATORS, &height), block.validators.clone());
        batch.put(layout::key_with(HEIGHT_BY_HASH, &(), &block.hash), height.to_bytes());
        Ok(())
    }

    /// Adds the results of a block's execution to a batch.
    pub fn stage_results(&self, batch: &mut Batch, height: u64, results: Vec<u8>) {
        batch.put(layout::key(RESULTS, &height), results);
    }

    /// Writes a batch of staged blocks, results and transactions, durably.
    ///
    /// # Errors
    /// When the storage fails; nothing was written then.
    pub fn write(&self, batch: Batch) -> Result<()> {
        Ok(self.0.write(batch)?)
    }

    /// Stores a block, durably: stages and writes it.
    ///
    /// # Errors
    /// As [`Self::stage_block`] and [`Self::write`].
    pub fn save(&self, block: &StoredBlock) -> Result<()> {
        let mut batch = Batch::default();
        self.stage_block(&mut batch, block)?;
        self.write(batch)
    }

    /// Replaces the commit of a stored block, durably.
    ///
    /// # Errors
    /// [`Error::NoBlock`]; a failure of the storage.
    pub fn save_commit(&self, height: u64, commit: Vec<u8>) -> Result<()> {
        self.hash(height)?.ok_or(Error::NoBlock(height))?;
        let mut batch = Batch::default();
        batch.put(layout::key(COMMIT, &height), commit);
        self.write(batch)
    }

    /// Stores the results of a stored block, durably.
    ///
    /// # Errors
    /// [`Error::NoBlock`]; a failure of the storage.
    pub fn save_results(&self, height: u64, results: Vec<u8>) -> Result<()> {
        self.hash(height)?.ok_or(Error::NoBlock(height))?;
        let mut batch = Batch::default();
        self.stage_results(&mut batch, height, results);
        self.write(batch)
    }

    fn record(&self, table: u8, height: u64) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(&layout::key(table, &height))?)
    }

    /// The hash of a block.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn hash(&self, height: u64) -> Result<Option<Vec<u8>>> {
        self.record(BLOCK_HASH, height)
    }

    /// A block's bytes.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn block(&self, height: u64) -> Result<Option<Vec<u8>>> {
        self.record(BLOCK, height)
    }

    /// The commit seen for a block.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn commit(&self, height: u64) -> Result<Option<Vec<u8>>> {
        self.record(COMMIT, height)
    }

    /// The validator set of a block.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn validators(&self, height: u64) -> Result<Option<Vec<u8>>> {
        self.record(VALIDATORS, height)
    }

    /// The results of a block; none while they are not stored.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn results(&self, height: u64) -> Result<Option<Vec<u8>>> {
        self.record(RESULTS, height)
    }

    /// The height of the block with a hash.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn height_of(&self, hash: &[u8]) -> Result<Option<u64>> {
        let stored = self.0.get(&layout::key_with(HEIGHT_BY_HASH, &(), hash))?;
        let corrupt = Error::Corrupt { what: "the height of a block hash", height: 0 };
        stored.map(|bytes| layout::parse(&bytes).ok_or(corrupt)).transpose()
    }

    /// A block with what proves it.
    ///
    /// # Errors
    /// When the storage fails or a part of the block is missing.
    pub fn get(&self, height: u64) -> Result<Option<StoredBlock>> {
        // A snapshot, so that a block that is pruned meanwhile is found whole or not at all.
        let view = self.0.snapshot()?;
        let Some(hash) = view.get(&layout::key(BLOCK_HASH, &height))? else {
            return Ok(None);
        };
        let part = |table, what| view.get(&layout::key(table, &height))?.ok_or(Error::Corrupt { what, height });
        Ok(Some(StoredBlock {
            height,
            hash,
            block: part(BLOCK, "the block")?,
            commit: part(COMMIT, "the commit")?,
            validators: part(VALIDATORS, "the validator set")?,
        }))
    }

    /// The blocks of a range of heights that are kept, in order, `limit` at most.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn blocks(&self, heights: RangeInclusive<u64>, limit: usize) -> Result<Vec<StoredBlock>> {
        let (Some(base), Some(tip)) = (self.base()?, self.tip()?) else {
            return Ok(Vec::new());
        };
        let kept = base.max(*heights.start())..=tip.min(*heights.end());
        let found = kept.take(limit).map(|height| self.get(height));
        found.filter_map(Result::transpose).collect()
    }

    /// Adds to a batch the removal of the blocks below `height`, `limit` of them at most; the tip always stays. Gives
    /// the new base.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn stage_prune(&self, batch: &mut Batch, height: u64, limit: u64) -> Result<Option<u64>> {
        let (Some(base), Some(tip)) = (self.base()?, self.tip()?) else {
            return Ok(None);
        };
        let end = height.min(tip).min(base.saturating_add(limit)).max(base);
        for gone in base..end {
            if let Some(hash) = self.hash(gone)? {
                batch.remove(layout::key_with(HEIGHT_BY_HASH, &(), &hash));
            }
            for table in [BLOCK_HASH, BLOCK, COMMIT, VALIDATORS, RESULTS] {
                batch.remove(layout::key(table, &gone));
            }
        }
        Ok(Some(end))
    }
}
