//! What the engine asks of the node.
//!
//! The engine decides *that* a block is final; the host knows what a block *is*: it builds,
//! checks, executes and stores. The driver calls one method at a time and waits for it, so that a
//! host needs no locks against itself.
//!
//! ```text
//! tip, params                    once at the start, then params for every new height
//! propose → save_undecided       when it is our turn
//! validate → save_undecided      for every other candidate, live or synced
//! commit                         as soon as more than two thirds signed
//! finalize → prune_undecided     when the block interval has run: more signatures, evidence
//! decided, history_min           when a peer catches up from us
//! ```

use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use primitives::validators::{ConsensusAddress, ValidatorSet};

use crate::comet::{BlockRef, Certificate, Commit};

/// A failure of the node itself: a full disk, a damaged store, a broken invariant. Fatal: the
/// driver stops at once and returns it, so that the process can exit with its state intact.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {source}")]
pub struct HostError {
    /// What the node was doing.
    pub context: String,
    /// Why it failed.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl HostError {
    /// An error with what the node was doing when it came.
    pub fn new(context: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { context: context.into(), source: source.into() }
    }
}

/// How long the steps of a round may take. Each grows by its delta with every further round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Waiting for the proposal.
    pub propose: Duration,
    /// Growth of `propose` per round.
    pub propose_delta: Duration,
    /// Waiting for a clear majority of prevotes.
    pub prevote: Duration,
    /// Growth of `prevote` per round.
    pub prevote_delta: Duration,
    /// Waiting for a clear majority of precommits.
    pub precommit: Duration,
    /// Growth of `precommit` per round.
    pub precommit_delta: Duration,
}

impl Default for Timeouts {
    /// For local networks: one second for a proposal, half a second for votes.
    fn default() -> Self {
        let half = Duration::from_millis(500);
        Self {
            propose: Duration::from_secs(1),
            propose_delta: half,
            prevote: half,
            prevote_delta: half,
            precommit: half,
            precommit_delta: half,
        }
    }
}

/// The rules of one height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeightParams {
    /// Who votes. Changes made by block h take effect at h+2, as in CometBFT.
    pub validators: ValidatorSet,
    /// From one block to the next; `None` is as fast as possible.
    pub target_time: Option<Duration>,
    /// Of the rounds.
    pub timeouts: Timeouts,
}

/// Where a candidate came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Proposed now: the header time must not be far ahead of the local clock.
    Live,
    /// Decided long ago and fetched from a peer: the clock says nothing about it.
    Sync,
}

/// A block that somebody else made, to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Always the height after the tip.
    pub height: u64,
    /// Round in which it was proposed.
    pub round: u32,
    /// The encoded block, already known to decode canonically and to be of this height, by a
    /// member of the set and, if new and live, by the round's proposer.
    pub bytes: Bytes,
    /// Live or synced.
    pub source: Source,
}

/// What the host found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every rule holds. The host says what it understood the block to be; it must be
    /// [`BlockRef::of`] the candidate.
    Valid(BlockRef),
    /// A rule is broken: which one, for the log.
    Invalid(String),
}

/// A candidate that must survive a restart. Persistent format: [`UndecidedBlock::encode`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndecidedBlock {
    /// Height that it is for.
    pub height: u64,
    /// Round in which it was proposed (again).
    pub round: u32,
    /// Round in which it had gathered two thirds of prevotes, if it was proposed again.
    pub valid_round: Option<u32>,
    /// Who proposed it in `round`.
    pub proposer: ConsensusAddress,
    /// What is voted on.
    pub block: BlockRef,
    /// The encoded block.
    pub bytes: Bytes,
}

/// A decision, to be executed and stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedBlock {
    /// Height, the tip's plus one.
    pub height: u64,
    /// Round of the decision.
    pub round: u32,
    /// What was decided.
    pub block: BlockRef,
    /// The encoded block.
    pub bytes: Bytes,
    /// Who signed; more than two thirds of the power.
    pub certificate: Certificate,
}

/// A stored decision, as it is served to peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// The encoded block.
    pub bytes: Bytes,
    /// Who signed.
    pub certificate: Certificate,
}

/// One of the two messages of an equivocation, with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedStatement {
    /// What was signed for; `None` is a vote for no block.
    pub block: Option<BlockRef>,
    /// Over the canonical bytes.
    pub signature: [u8; 64],
}

/// Proof that a validator signed two conflicting messages for the same step. Signatures are
/// verified by the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Two different votes: CometBFT's `DuplicateVoteEvidence`.
    DoubleVote {
        /// Who did it.
        validator: ConsensusAddress,
        /// Which of the two votes of a round.
        kind: crate::comet::sign_bytes::VoteKind,
        /// Height of both.
        height: u64,
        /// Round of both.
        round: u32,
        /// The two votes.
        votes: [SignedStatement; 2],
    },
    /// Two different proposals. CometBFT has no evidence of this form.
    DoubleProposal {
        /// Who did it.
        validator: ConsensusAddress,
        /// Height of both.
        height: u64,
        /// Round of both.
        round: u32,
        /// The two proposals.
        proposals: [SignedStatement; 2],
    },
}

/// The node, as the engine sees it.
#[async_trait]
pub trait Host: Send {
    /// The last committed height; 0 before the first block.
    fn tip(&self) -> u64;

    /// The rules of `height`; asked for the tip (if above 0) and the height after it.
    fn params(&self, height: u64) -> Result<HeightParams, HostError>;

    /// Builds a block for `height`, the one after the tip. `proposer` is this node's validator;
    /// `last_commit` is the parent's, `None` at height 1 only.
    async fn propose(
        &mut self,
        height: u64,
        round: u32,
        proposer: ConsensusAddress,
        last_commit: Option<Commit>,
    ) -> Result<Bytes, HostError>;

    /// Checks every rule of a block but who decided it.
    async fn validate(&mut self, candidate: Candidate) -> Result<Verdict, HostError>;

    /// Stores a candidate. It must be durable before this returns: a vote for it may leave the
    /// machine right after. Storing the same (height, round, block) again replaces it.
    async fn save_undecided(&mut self, block: UndecidedBlock) -> Result<(), HostError>;

    /// All stored candidates of `height`.
    async fn undecided(&mut self, height: u64) -> Result<Vec<UndecidedBlock>, HostError>;

    /// Forgets all candidates up to and including `height`.
    async fn prune_undecided(&mut self, height: u64) -> Result<(), HostError>;

    /// Executes and stores a decision; durable before this returns. The tip is now its height.
    async fn commit(&mut self, decided: DecidedBlock) -> Result<(), HostError>;

    /// The same decision with all the signatures that came until the block interval had run, to
    /// replace the stored certificate, and with whatever misbehaviour was seen meanwhile.
    async fn finalize(&mut self, certificate: Certificate, misbehaviour: Vec<Misbehaviour>) -> Result<(), HostError>;

    /// Stored decisions from the start of `heights` on, without a gap; fewer than asked, down to
    /// none, if they are not (or no longer) there.
    async fn decided(&mut self, heights: RangeInclusive<u64>) -> Result<Vec<StoredBlock>, HostError>;

    /// The lowest height that [`Host::decided`] can serve; 0 before the first block.
    async fn history_min(&mut self) -> Result<u64, HostError>;
}
