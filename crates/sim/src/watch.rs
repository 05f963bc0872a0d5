//! What must never happen, checked as it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::comet::{BlockRef, verify_commit};
use engine::driver::seeded::{Packet, Peer, Step, statement::statement};
use node::Chain;
use primitives::validators::ConsensusAddress;
use thiserror::Error;

/// A promise that was broken, or something that makes it impossible to go on.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Broken {
    /// Two blocks at one height.
    #[error("node {node} has block {has} at height {height}, where another node has {other}")]
    Fork {
        /// Who.
        node: Peer,
        /// Where.
        height: u64,
        /// Hash of its block.
        has: String,
        /// Hash of the other's.
        other: String,
    },
    /// Two states after one block.
    #[error("node {node} has state {has} after block {height}, where another node has {other}")]
    State {
        /// Who.
        node: Peer,
        /// Where.
        height: u64,
        /// Hash of its state.
        has: String,
        /// Hash of the other's.
        other: String,
    },
    /// An honest validator said two things about one step.
    #[error("honest node {node} signed two different {step:?}s at {height}/{round}: {first} and {second}")]
    SignedTwice {
        /// Who.
        node: Peer,
        /// Which message.
        step: Step,
        /// At which height.
        height: u64,
        /// In which round.
        round: u32,
        /// What it said first.
        first: String,
        /// What it said then.
        second: String,
    },
    /// A block that was committed is gone.
    #[error("node {node} had block {had}, and after a restart it has {has}")]
    Lost {
        /// Who.
        node: Peer,
        /// Its highest block before.
        had: u64,
        /// And after.
        has: u64,
    },
    /// A block whose time does not follow its parent's, or lies too far ahead.
    #[error("block {height} has a wrong time: {why}")]
    Time {
        /// Which block.
        height: u64,
        /// What is wrong.
        why: String,
    },
    /// A stored commit that proves nothing.
    #[error("node {node} has a commit of block {height} that does not verify: {why}")]
    Commit {
        /// Who.
        node: Peer,
        /// Which block.
        height: u64,
        /// What is wrong.
        why: String,
    },
    /// Money is not where it must be.
    #[error("on node {node}: {why}")]
    Money {
        /// Who.
        node: Peer,
        /// What is wrong.
        why: String,
    },
    /// A node stopped by itself.
    #[error("node {node} stopped: {why}")]
    Stopped {
        /// Who.
        node: Peer,
        /// Why.
        why: String,
    },
    /// No progress.
    #[error("after {seconds} s the nodes are at {heights:?}, not all at {wanted}")]
    Stuck {
        /// Simulated seconds that were waited.
        seconds: u64,
        /// Where the nodes are.
        heights: Vec<u64>,
        /// Where they must be.
        wanted: u64,
    },
    /// Progress where there must be none.
    #[error("there is block {height} without two thirds of the power")]
    Moved {
        /// The block.
        height: u64,
    },
    /// A scenario that cannot be played.
    #[error("the scenario cannot be played: {0}")]
    Scenario(String),
}

/// What is known of a block that some node has.
struct Seen {
    hash: [u8; 32],
    app_hash: [u8; 32],
}

/// What an honest validator said, by step.
type Said = BTreeMap<(Peer, u64, u32, Step), Option<BlockRef>>;

/// Sees every packet that leaves a node, and every block that a node has.
#[derive(Default)]
pub(crate) struct Watch {
    said: Said,
    blocks: BTreeMap<u64, Seen>,
    traitors: BTreeSet<Peer>,
}

impl Watch {
    /// From now on what this node says is not held against it.
    pub(crate) fn distrust(&mut self, node: Peer) {
        self.traitors.insert(node);
    }

    pub(crate) fn is_honest(&self, node: Peer) -> bool {
        !self.traitors.contains(&node)
    }

    /// The highest block that any node has.
    pub(crate) fn highest(&self) -> u64 {
        self.blocks.keys().next_back().copied().unwrap_or(0)
    }

    /// A packet leaves a node.
    pub(crate) fn said(&mut self, node: Peer, own: &ConsensusAddress, packet: &Packet) -> Result<(), Broken> {
        let Some(said) = statement(packet).filter(|said| said.validator == *own && self.is_honest(node)) else {
            return Ok(());
        };
        let before = self.said.entry((node, said.height, said.round, said.step)).or_insert(said.block);
        if *before == said.block {
            return Ok(());
        }
        let text = |block: &Option<BlockRef>| block.map_or("no block".to_owned(), |block| block.to_string());
        Err(Broken::SignedTwice {
            node,
            step: said.step,
            height: said.height,
            round: said.round,
            first: text(before),
            second: text(&said.block),
        })
    }

    /// A node has a new block; whether nobody had it before.
    pub(crate) fn committed(
        &mut self,
        node: Peer,
        chain: &Chain,
        height: u64,
        latest: Duration,
    ) -> Result<bool, Broken> {
        let unreadable = |why: String| Broken::Stopped { node, why };
        let (block, _) = chain.block(height).map_err(|error| unreadable(error.to_string()))?;
        let certificate = chain.certificate(height).map_err(|error| unreadable(error.to_string()))?;
        let app_hash = chain.state().app_hash(height).map_err(|error| unreadable(error.to_string()))?;
        let hash = certificate.block.hash();
        if let Some(seen) = self.blocks.get(&height) {
            let (has, other) = (hex::encode_upper(hash), hex::encode_upper(seen.hash));
            if hash != seen.hash {
                return Err(Broken::Fork { node, height, has, other });
            }
            if app_hash != seen.app_hash {
                let (has, other) = (hex::encode_upper(app_hash), hex::encode_upper(seen.app_hash));
                return Err(Broken::State { node, height, has, other });
            }
            return Ok(false);
        }
        let since_1970 = block.header.time.duration_since(engine::comet::Time::unix_epoch());
        if since_1970.is_ok_and(|time| time > latest) {
            return Err(Broken::Time { height, why: format!("{} is too far ahead", block.header.time) });
        }
        if height > 1 {
            let (parent, _) = chain.block(height - 1).map_err(|error| unreadable(error.to_string()))?;
            if block.header.time <= parent.header.time {
                return Err(Broken::Time { height, why: "it is not later than its parent's".to_owned() });
            }
        }
        self.blocks.insert(height, Seen { hash, app_hash });
        Ok(true)
    }

    /// Every block of a node is the one that everybody has, and its commit proves it.
    pub(crate) fn check_chain(&self, node: Peer, chain: &Chain) -> Result<(), Broken> {
        for height in 1..=chain.tip().height {
            let unproven = |why: String| Broken::Commit { node, height, why };
            let certificate = chain.certificate(height).map_err(|error| unproven(error.to_string()))?;
            let (block, size) = chain.block(height).map_err(|error| unproven(error.to_string()))?;
            let bytes = engine::comet::encode_block(&block);
            let named = Chain::block_ref(&block, &bytes).map_err(|error| unproven(error.to_string()))?;
            if named != certificate.block || size != bytes.len() {
                return Err(unproven("it is for another block".to_owned()));
            }
            let voters = chain.validators(height).map_err(|error| unproven(error.to_string()))?;
            let commit = certificate.to_commit(&voters).map_err(|error| unproven(error.to_string()))?;
            let verified = verify_commit(chain.id(), &voters, height, &named, &commit);
            verified.map_err(|error| unproven(error.to_string()))?;
            let other = self.blocks.get(&height).map(|seen| seen.hash);
            if other != Some(named.hash()) {
                let other = other.map(hex::encode_upper).unwrap_or_default();
                return Err(Broken::Fork { node, height, has: hex::encode_upper(named.hash()), other });
            }
        }
        Ok(())
    }
}
