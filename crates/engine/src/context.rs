//! The types over which Malachite decides.

use std::fmt;
use std::sync::Arc;

use arc_malachitebft_app_channel::app::types::core;
use arc_malachitebft_signing_ed25519::{Ed25519, PublicKey};
use bytes::Bytes;
use core::{LinearTimeouts, NilOrVal, Round, SignedExtension, VoteType};
use primitives::validators::{ConsensusAddress, ValidatorSet as PowerTable};

use crate::comet::{BlockRef, CometError};
use crate::host;

/// A validator's address, as Malachite wants to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(pub(crate) ConsensusAddress);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::Address for Address {}

/// A block height, as Malachite wants to see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Height(pub(crate) u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl core::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

impl core::Value for BlockRef {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

/// A piece of a block on its way from the proposer to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Which proposal the stream carries.
    Init(PartInit),
    /// The next bytes of the block.
    Data(Bytes),
    /// The proposer's signature over the Init and the hash of the block.
    Fin([u8; 64]),
}

/// Which proposal a stream of parts carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartInit {
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) valid_round: Option<u32>,
    pub(crate) proposer: ConsensusAddress,
}

impl core::ProposalPart<Ctx> for Part {
    fn is_first(&self) -> bool {
        matches!(self, Self::Init(_))
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::Fin(_))
    }
}

/// "I propose this block."
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) height: Height,
    pub(crate) round: Round,
    pub(crate) value: BlockRef,
    pub(crate) pol_round: Round,
    pub(crate) address: Address,
}

impl core::Proposal<Ctx> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockRef {
        &self.value
    }

    fn take_value(self) -> BlockRef {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.pol_round
    }

    fn validator_address(&self) -> &Address {
        &self.address
    }
}

/// A prevote or precommit.
#[derive(Clone, Debug)]
pub(crate) struct Vote {
    pub(crate) kind: VoteType,
    pub(crate) height: Height,
    pub(crate) round: Round,
    pub(crate) value: NilOrVal<BlockRef>,
    pub(crate) address: Address,
    /// Never set on this chain (the policy is `Disabled`); here because the trait has a place
    /// for it.
    pub(crate) extension: Option<SignedExtension<Ctx>>,
}

impl Vote {
    /// Everything but the extension: replay of the write-ahead log compares votes that it derives
    /// anew with recorded ones.
    fn identity(&self) -> (VoteType, Height, Round, NilOrVal<BlockRef>, Address) {
        (self.kind, self.height, self.round, self.value, self.address)
    }
}

impl PartialEq for Vote {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Vote {}

impl core::Vote<Ctx> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<BlockRef> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<BlockRef> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Address {
        &self.address
    }

    fn extension(&self) -> Option<&SignedExtension<Ctx>> {
        self.extension.as_ref()
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Ctx>> {
        self.extension.take()
    }

    fn extend(self, extension: SignedExtension<Ctx>) -> Self {
        Self { extension: Some(extension), ..self }
    }
}

/// One member of a set, its key decoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validator {
    address: Address,
    key: PublicKey,
    power: u64,
}

impl core::Validator<Ctx> for Validator {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// The set of one height. It carries the proposer priorities, because Malachite's choice of the
/// proposer is a function of (set, height, round) alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValidatorSet {
    table: Arc<PowerTable>,
    /// In the order of `table`; at least one, as there.
    members: Arc<Vec<Validator>>,
}

impl ValidatorSet {
    /// Decodes the keys of `table`.
    pub(crate) fn new(table: PowerTable) -> Result<Self, CometError> {
        let member = |v: &primitives::validators::Validator| {
            let key = PublicKey::from_bytes(v.public_key).map_err(|e| CometError::malformed("validator key", e))?;
            Ok(Validator { address: Address(v.address), key, power: v.power })
        };
        let members = table.validators().iter().map(member).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { table: Arc::new(table), members: Arc::new(members) })
    }

    /// The set with its priorities.
    pub(crate) fn table(&self) -> &PowerTable {
        &self.table
    }

    /// The key of a member.
    pub(crate) fn key_of(&self, address: &ConsensusAddress) -> Option<&PublicKey> {
        self.members.iter().find(|v| v.address.0 == *address).map(|v| &v.key)
    }
}

impl core::ValidatorSet<Ctx> for ValidatorSet {
    fn count(&self) -> usize {
        self.members.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.table.total_power()
    }

    fn get_by_address(&self, address: &Address) -> Option<&Validator> {
        self.members.iter().find(|v| v.address == *address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.members.get(index)
    }
}

/// The choice of all these types.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ctx;

impl core::Context for Ctx {
    type Address = Address;
    type Height = Height;
    type ProposalPart = Part;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = ValidatorSet;
    type Timeouts = LinearTimeouts;
    type Value = BlockRef;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(&self, set: &'a ValidatorSet, _height: Height, round: Round) -> &'a Validator {
        let proposer = set.table.proposer_for_round(round.as_u32().unwrap_or(0));
        let chosen = set.members.iter().find(|v| v.address.0 == proposer);
        // A proposer is always a member of its own set, and a set is never empty.
        chosen.unwrap_or(&set.members[0])
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        value: BlockRef,
        pol_round: Round,
        address: Address,
    ) -> Proposal {
        Proposal { height, round, value, pol_round, address }
    }

    fn new_prevote(&self, height: Height, round: Round, value: NilOrVal<BlockRef>, address: Address) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, value, address, extension: None }
    }

    fn new_precommit(&self, height: Height, round: Round, value: NilOrVal<BlockRef>, address: Address) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, value, address, extension: None }
    }
}

/// The host's timeouts in Malachite's form. Votes are sent again when a whole round should have
/// passed.
pub(crate) fn linear_timeouts(timeouts: &host::Timeouts) -> LinearTimeouts {
    LinearTimeouts {
        propose: timeouts.propose,
        propose_delta: timeouts.propose_delta,
        prevote: timeouts.prevote,
        prevote_delta: timeouts.prevote_delta,
        precommit: timeouts.precommit,
        precommit_delta: timeouts.precommit_delta,
        rebroadcast: timeouts.propose.saturating_add(timeouts.prevote).saturating_add(timeouts.precommit),
        ..LinearTimeouts::default()
    }
}
