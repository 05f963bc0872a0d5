//! Names of things: who owns it, then what tells it from others of that owner.
//!
//! In keys the parts stand one after the other, so that all that belongs to one thing stands together. In text they are
//! separated by slashes; a host's key is hex.

use ledger::capacity::HostKey;
use ledger::{Context, Failure};
use primitives::{Address, Prefix};
use proto::tetra::render::v1 as wire;
use store::Key;

use crate::refusal;

/// A job: `creator/jseq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId {
    /// Who pays.
    pub creator: Address,
    /// Chosen by the client, never zero.
    pub jseq: u64,
}

/// A place of work: `creator/jseq/index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitId {
    /// The job.
    pub job: JobId,
    /// Position in the job's order of work, from 0.
    pub index: u32,
}

/// A node: `owner/host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId {
    /// The provider.
    pub owner: Address,
    /// Its host.
    pub host: HostKey,
}

/// One try at a unit: the unit, and the number of the assignment.
pub type TryId = (UnitId, u32);

impl JobId {
    /// The id of a message or query.
    ///
    /// # Errors
    /// `render_job` 2 when it is missing or its number is zero, `sdk` 7 when the creator is no address.
    pub fn from_wire(ctx: &Context, id: Option<&wire::JobId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| refusal::job::invalid("the job's id is missing"))?;
        if id.jseq == 0 {
            return Err(refusal::job::invalid("jseq must not be 0; use the current block height").into());
        }
        Ok(Self { creator: ctx.address(&id.creator)?, jseq: id.jseq })
    }

    /// The id for messages, events and answers.
    pub fn to_wire(&self, prefix: &Prefix) -> wire::JobId {
        wire::JobId { creator: prefix.text(&self.creator), jseq: self.jseq }
    }

    /// `creator/jseq`.
    pub fn text(&self, prefix: &Prefix) -> String {
        format!("{}/{}", prefix.text(&self.creator), self.jseq)
    }

    /// One of its units.
    pub fn unit(&self, index: u32) -> UnitId {
        UnitId { job: *self, index }
    }
}

impl UnitId {
    /// The id of a message or query.
    ///
    /// # Errors
    /// As [`JobId::from_wire`].
    pub fn from_wire(ctx: &Context, id: Option<&wire::UnitId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| refusal::job::invalid("the unit's id is missing"))?;
        let job = wire::JobId { creator: id.creator.clone(), jseq: id.jseq };
        Ok(JobId::from_wire(ctx, Some(&job))?.unit(id.index))
    }

    /// The id for messages, events and answers.
    pub fn to_wire(&self, prefix: &Prefix) -> wire::UnitId {
        wire::UnitId { creator: prefix.text(&self.job.creator), jseq: self.job.jseq, index: self.index }
    }

    /// `creator/jseq/index`.
    pub fn text(&self, prefix: &Prefix) -> String {
        format!("{}/{}", self.job.text(prefix), self.index)
    }
}

impl NodeId {
    /// The id of a message or query.
    ///
    /// # Errors
    /// `render_node` 2 when it is missing or its key has not 32 bytes, `sdk` 7 when the owner is no address.
    pub fn from_wire(ctx: &Context, id: Option<&wire::NodeId>) -> Result<Self, Failure> {
        let id = id.ok_or_else(|| refusal::node::invalid("the node's id is missing"))?;
        let host = id.host_key.as_slice().try_into();
        let host = host.map_err(|_| refusal::node::invalid("a host key has 32 bytes"))?;
        Ok(Self { owner: ctx.address(&id.owner)?, host })
    }

    /// The id for messages, events and answers.
    pub fn to_wire(&self, prefix: &Prefix) -> wire::NodeId {
        wire::NodeId { owner: prefix.text(&self.owner), host_key: self.host.to_vec() }
    }

    /// `owner/host`, which also names its hold on capacity.
    pub fn text(&self, prefix: &Prefix) -> String {
        format!("{}/{}", prefix.text(&self.owner), hex::encode(self.host))
    }

    /// Parses `owner/host`.
    pub fn parse(prefix: &Prefix, text: &str) -> Option<Self> {
        let (owner, host) = text.split_once('/')?;
        let host = hex::decode(host).ok()?.try_into().ok()?;
        Some(Self { owner: prefix.parse(owner).ok()?, host })
    }
}

macro_rules! parts_key {
    ($type:ident, $head:ident: $head_type:ty, $tail:ident: $tail_type:ty) => {
        impl Key for $type {
            fn write(&self, out: &mut Vec<u8>) {
                self.$head.write(out);
                self.$tail.write(out);
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(Self { $head: <$head_type>::read(bytes)?, $tail: <$tail_type>::read(bytes)? })
            }
        }
    };
}

parts_key!(JobId, creator: Address, jseq: u64);
parts_key!(UnitId, job: JobId, index: u32);
parts_key!(NodeId, owner: Address, host: HostKey);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_and_keys_are_inverse(owner: [u8; 20], host: [u8; 32], jseq: u64, index: u32, other: (u64, u32)) {
            let prefix = Prefix::new("tetra").unwrap();
            let node = NodeId { owner: Address::new(owner), host };
            prop_assert_eq!(NodeId::parse(&prefix, &node.text(&prefix)), Some(node));
            prop_assert_eq!(NodeId::read(&mut node.to_bytes().as_slice()), Some(node));
            let unit = JobId { creator: Address::new(owner), jseq }.unit(index);
            let other = JobId { creator: Address::new(owner), jseq: other.0 }.unit(other.1);
            prop_assert_eq!(UnitId::read(&mut unit.to_bytes().as_slice()), Some(unit));
            prop_assert_eq!(unit.to_bytes().cmp(&other.to_bytes()), unit.cmp(&other));
        }

        #[test]
        fn foreign_texts_never_panic(text: String) {
            let _ = NodeId::parse(&Prefix::new("tetra").unwrap(), &text);
        }
    }
}
