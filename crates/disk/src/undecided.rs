//! Proposals before their decision. The engine replays its log after a crash and asks for values that it had seen, so a
//! proposal is durable before the engine hears of it.

use std::sync::Arc;

use store::backend::{Backend, Batch, ensure_format, for_each};
use store::state::prefix_end;

use crate::layout::{self, PROPOSAL};
use crate::{Error, Result};

/// A proposal of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The height that it is for.
    pub height: u64,
    /// The round.
    pub round: u32,
    /// What names the value.
    pub value_id: Vec<u8>,
    /// The proposal: bytes of the node's making.
    pub record: Vec<u8>,
}

/// Proposals by height, round and value.
#[derive(Clone)]
pub struct UndecidedStore(Arc<dyn Backend>);

impl UndecidedStore {
    /// Opens the store in the part [`UNDECIDED`](crate::parts::UNDECIDED).
    ///
    /// # Errors
    /// When the storage fails or holds another format.
    pub fn open(part: Arc<dyn Backend>) -> Result<Self> {
        ensure_format(&*part, layout::UNDECIDED_FORMAT)?;
        Ok(Self(part))
    }

    /// Stores a proposal, replacing an earlier record of the same height, round and value; durable when this returns.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn put(&self, proposal: &Proposal) -> Result<()> {
        let key = layout::key_with(PROPOSAL, &(proposal.height, proposal.round), &proposal.value_id);
        let mut batch = Batch::default();
        batch.put(key, proposal.record.clone());
        Ok(self.0.write(batch)?)
    }

    /// The record of a proposal.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn get(&self, height: u64, round: u32, value_id: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(&layout::key_with(PROPOSAL, &(height, round), value_id))?)
    }

    /// All proposals of a height, in order of round and value.
    ///
    /// # Errors
    /// When the storage fails or a key is corrupt.
    pub fn at(&self, height: u64) -> Result<Vec<Proposal>> {
        let prefix = layout::key(PROPOSAL, &height);
        let mut proposals = Vec::new();
        for_each(&*self.0, &prefix, prefix_end(&prefix).as_deref(), |key, record| {
            let rest = key.get(prefix.len()..).and_then(|rest| rest.split_at_checked(4));
            let parsed = rest.and_then(|(round, value_id)| Some((layout::parse(round)?, value_id.to_vec())));
            let (round, value_id) = parsed.ok_or(Error::Corrupt { what: "a proposal", height })?;
            proposals.push(Proposal { height, round, value_id, record });
            Ok::<_, Error>(())
        })?;
        Ok(proposals)
    }

    /// Removes all proposals up to and including a height.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn prune(&self, height: u64) -> Result<()> {
        let end = layout::key(PROPOSAL, &height);
        let mut batch = Batch::default();
        for_each(&*self.0, &[PROPOSAL], prefix_end(&end).as_deref(), |key, _| {
            batch.remove(key);
            Ok::<_, Error>(())
        })?;
        if batch.is_empty() { Ok(()) } else { Ok(self.0.write(batch)?) }
    }
}
