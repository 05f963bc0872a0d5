//! The blocks that might become the next one.

use arc_malachitebft_app_channel::app::types::PeerId;
use arc_malachitebft_app_channel::app::types::ProposedValue;
use arc_malachitebft_app_channel::app::types::core::{Round, Validity};

use crate::comet::BlockRef;
use crate::context::{Address, Ctx, Height};
use crate::host::UndecidedBlock;
use crate::streams::Arrived;

/// Blocks stored for one round. An honest proposer makes one; with more, a third of the power
/// has equivocated or the network will tell us the decided one again through sync.
const PER_ROUND: usize = 4;

/// Early streams kept per publisher, and in all.
const EARLY_PER_PUBLISHER: usize = 2;
const EARLY_IN_ALL: usize = 16;

/// The valid candidates of the current height: a mirror of the host's store.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    blocks: Vec<UndecidedBlock>,
}

impl Candidates {
    pub(super) fn new(blocks: Vec<UndecidedBlock>) -> Self {
        Self { blocks }
    }

    /// Any candidate with this content, of whatever round.
    pub(super) fn with_content(&self, block: &BlockRef) -> Option<&UndecidedBlock> {
        self.blocks.iter().find(|b| b.block == *block)
    }

    /// What `proposer` newly proposed in `round`.
    pub(super) fn proposed(
        &self,
        round: u32,
        proposer: primitives::validators::ConsensusAddress,
    ) -> Option<&UndecidedBlock> {
        let of_round = |b: &&UndecidedBlock| b.round == round && b.valid_round.is_none();
        self.blocks.iter().filter(of_round).find(|b| b.proposer == proposer)
    }

    pub(super) fn of_round(&self, round: u32) -> impl Iterator<Item = &UndecidedBlock> {
        self.blocks.iter().filter(move |b| b.round == round)
    }

    /// Whether another block of `round` may still be stored.
    pub(super) fn has_room(&self, round: u32) -> bool {
        self.of_round(round).count() < PER_ROUND
    }

    pub(super) fn insert(&mut self, block: UndecidedBlock) {
        self.blocks.retain(|b| (b.round, b.block) != (block.round, block.block));
        self.blocks.push(block);
    }
}

/// What the engine hears about a candidate.
pub(super) fn proposed_value(block: &UndecidedBlock, validity: Validity) -> ProposedValue<Ctx> {
    ProposedValue {
        height: Height(block.height),
        round: Round::new(block.round),
        valid_round: Round::from(block.valid_round),
        proposer: Address(block.proposer),
        value: block.block,
        validity,
    }
}

/// Whole streams for heights whose validators are not known yet: kept unverified, in memory.
#[derive(Debug, Default)]
pub(super) struct Early {
    arrived: Vec<(PeerId, Arrived)>,
}

impl Early {
    pub(super) fn insert(&mut self, publisher: PeerId, arrived: Arrived) {
        self.arrived.push((publisher, arrived));
        let mine = self.arrived.iter().filter(|(p, _)| *p == publisher).count();
        if mine > EARLY_PER_PUBLISHER {
            let oldest = self.arrived.iter().position(|(p, _)| *p == publisher);
            oldest.map(|at| self.arrived.remove(at));
        } else if self.arrived.len() > EARLY_IN_ALL {
            self.arrived.remove(0);
        }
    }

    /// Takes out what has become current, and forgets what is past.
    pub(super) fn take(&mut self, height: u64) -> Vec<Arrived> {
        self.arrived.retain(|(_, a)| a.init.height >= height);
        let is_due = |(_, a): &mut (PeerId, Arrived)| a.init.height == height;
        self.arrived.extract_if(.., is_due).map(|(_, arrived)| arrived).collect()
    }
}
