//! The answer to each request of the engine. No clock, no network, no tasks: a driver routes the
//! requests here one at a time and sends what comes back.

mod incoming;

use std::ops::RangeInclusive;

use arc_malachitebft_app_channel::app::engine::host::{HeightParams, Next};
use arc_malachitebft_app_channel::app::types::core::{CommitCertificate, Round, Validity};
use arc_malachitebft_app_channel::app::types::streaming::StreamMessage;
use arc_malachitebft_app_channel::app::types::sync::RawDecidedValue;
use arc_malachitebft_app_channel::app::types::{LocallyProposedValue, MisbehaviorEvidence, ProposedValue};
use primitives::validators::ConsensusAddress;
use tracing::{debug, error, info, warn};

use super::candidates::{Candidates, Early, proposed_value};
use super::{EngineError, misbehaviour};
use crate::comet::{BlockRef, Certificate, Commit, decode_block};
use crate::config::{MAX_BLOCK_BYTES, SYNC_BATCH};
use crate::context::{Address, Ctx, Height, Part, PartInit, ValidatorSet, linear_timeouts};
use crate::host::{DecidedBlock, Host, UndecidedBlock};
use crate::signing::{ChainSigner, ChainVerifier};
use crate::streams::{Streams, cut};

type Parts = Vec<StreamMessage<Part>>;

/// This node as a validator.
pub(super) struct Me {
    pub(super) address: ConsensusAddress,
    pub(super) signer: ChainSigner,
}

/// All that a driver knows between two requests.
pub(super) struct Handler<'h, H> {
    host: &'h mut H,
    verifier: ChainVerifier,
    /// `None` on a node that does not vote.
    me: Option<Me>,
    height: u64,
    round: u32,
    params: HeightParams<Ctx>,
    /// The commit of the parent, for the block that we may propose.
    last_commit: Option<Commit>,
    candidates: Candidates,
    early: Early,
    streams: Streams,
    /// Tells apart the streams that we publish; starts at random, so that none is reused after a
    /// restart.
    nonce: u64,
    /// A decision whose block is not here: the height must be run again.
    block_is_missing: bool,
}

impl<'h, H: Host> Handler<'h, H> {
    /// At the height after the host's tip.
    pub(super) async fn new(
        host: &'h mut H,
        verifier: ChainVerifier,
        me: Option<Me>,
        nonce: u64,
    ) -> Result<Self, EngineError> {
        let tip = host.tip();
        let last_commit = match tip {
            0 => None,
            _ => {
                let stored = host.decided(tip..=tip).await?;
                let last = stored
                    .first()
                    .ok_or_else(|| EngineError::Contract(format!("decided block {tip}, the tip, is missing")))?;
                Some(last.certificate.to_commit(&host.params(tip)?.validators)?)
            }
        };
        host.prune_undecided(tip).await?;
        let height = tip + 1;
        let params = height_params(host, height)?;
        let candidates = Candidates::new(host.undecided(height).await?);
        Ok(Self {
            host,
            verifier,
            me,
            height,
            round: 0,
            params,
            last_commit,
            candidates,
            early: Early::default(),
            streams: Streams::default(),
            nonce,
            block_is_missing: false,
        })
    }

    /// Where to start.
    pub(super) fn consensus_ready(&self) -> (Height, HeightParams<Ctx>) {
        info!(height = self.height, "consensus starts");
        (Height(self.height), self.params.clone())
    }

    /// The candidates that are already here for this round.
    pub(super) async fn started_round(
        &mut self,
        height: Height,
        round: Round,
        proposer: Address,
    ) -> Result<Vec<ProposedValue<Ctx>>, EngineError> {
        debug!(%height, %round, %proposer, "round starts");
        self.round = round.as_u32().unwrap_or(0);
        for arrived in self.early.take(self.height) {
            self.consider(arrived).await?;
        }
        let valid = |block| proposed_value(block, Validity::Valid);
        Ok(self.candidates.of_round(self.round).map(valid).collect())
    }

    /// Our own proposal: what we said before, if we are asked again.
    pub(super) async fn get_value(
        &mut self,
        height: Height,
        round: Round,
    ) -> Result<(LocallyProposedValue<Ctx>, Parts), EngineError> {
        let number = round.as_u32().unwrap_or(0);
        let me = self.me.as_ref().ok_or_else(not_a_validator)?.address;
        let block = match self.candidates.proposed(number, me) {
            Some(block) => block.clone(),
            None => self.build(number, me).await?,
        };
        let parts = self.publish(&block)?;
        Ok((LocallyProposedValue::new(height, round, block.block), parts))
    }

    async fn build(&mut self, round: u32, me: ConsensusAddress) -> Result<UndecidedBlock, EngineError> {
        let last_commit = self.last_commit.clone();
        let bytes = self.host.propose(self.height, round, me, last_commit).await?;
        let header = decode_block(&bytes)?.header;
        if bytes.len() > MAX_BLOCK_BYTES {
            let reason = format!("proposed a block of {} bytes", bytes.len());
            return Err(EngineError::Contract(reason));
        }
        let block = UndecidedBlock {
            height: self.height,
            round,
            valid_round: None,
            proposer: me,
            block: BlockRef::of(&header, &bytes)?,
            bytes,
        };
        self.store(block.clone()).await?;
        Ok(block)
    }

    /// A block that we propose again, because two thirds found it acceptable in an earlier round.
    pub(super) async fn restream(
        &mut self,
        round: Round,
        valid_round: Round,
        block: &BlockRef,
    ) -> Result<Parts, EngineError> {
        let me = self.me.as_ref().ok_or_else(not_a_validator)?.address;
        let Some(known) = self.candidates.with_content(block) else {
            warn!(%block, "asked to propose again a block that is not here");
            return Ok(Parts::new());
        };
        let again = UndecidedBlock {
            round: round.as_u32().unwrap_or(0),
            valid_round: valid_round.as_u32(),
            proposer: me,
            ..known.clone()
        };
        self.store(again.clone()).await?;
        self.publish(&again)
    }

    fn publish(&mut self, block: &UndecidedBlock) -> Result<Parts, EngineError> {
        let init = PartInit {
            height: block.height,
            round: block.round,
            valid_round: block.valid_round,
            proposer: block.proposer,
        };
        let me = self.me.as_ref().ok_or_else(not_a_validator)?;
        self.nonce = self.nonce.wrapping_add(1);
        let signature = me.signer.sign_parts(&init, &block.bytes);
        Ok(cut(init, &block.bytes, signature, self.nonce))
    }

    /// A decision, to be executed at once.
    pub(super) async fn decided(&mut self, certificate: &CommitCertificate<Ctx>) -> Result<(), EngineError> {
        let certificate = Certificate::try_from(certificate)?;
        let Some(block) = self.candidates.with_content(&certificate.block) else {
            error!(height = certificate.height, block = %certificate.block,
                "decided block is not here; the height is run again and the block fetched");
            self.block_is_missing = true;
            return Ok(());
        };
        let decided = DecidedBlock {
            height: certificate.height,
            round: certificate.round,
            block: certificate.block,
            bytes: block.bytes.clone(),
            certificate,
        };
        self.host.commit(decided).await?;
        if self.host.tip() != self.height {
            let (tip, height) = (self.host.tip(), self.height);
            return Err(EngineError::Contract(format!("tip is {tip} after commit of {height}")));
        }
        Ok(())
    }

    /// The same decision when the block interval has run: on to the next height.
    pub(super) async fn finalized(
        &mut self,
        certificate: &CommitCertificate<Ctx>,
        evidence: MisbehaviorEvidence<Ctx>,
    ) -> Result<Next<Ctx>, EngineError> {
        if std::mem::take(&mut self.block_is_missing) {
            return Ok(Next::Restart(Height(self.height), self.params.clone()));
        }
        let certificate = Certificate::try_from(certificate)?;
        self.last_commit = Some(certificate.to_commit(self.set().table())?);
        debug!(height = self.height, signatures = certificate.signatures.len(), "finalized");
        self.host.finalize(certificate, misbehaviour::reported(evidence)).await?;
        self.host.prune_undecided(self.height).await?;

        self.height += 1;
        self.round = 0;
        self.params = height_params(self.host, self.height)?;
        self.candidates = Candidates::new(self.host.undecided(self.height).await?);
        self.streams.prune(self.height);
        Ok(Next::Start(Height(self.height), self.params.clone()))
    }

    /// Decided blocks for a peer: as many as fit one response.
    pub(super) async fn decided_values(
        &mut self,
        range: RangeInclusive<Height>,
    ) -> Result<Vec<RawDecidedValue<Ctx>>, EngineError> {
        let from = range.start().0.max(1);
        let to = range.end().0.min(self.host.tip()).min(from.saturating_add(SYNC_BATCH as u64 - 1));
        if from > to {
            return Ok(Vec::new());
        }
        let blocks = self.host.decided(from..=to).await?;
        let value = |block: crate::host::StoredBlock| RawDecidedValue::new(block.bytes, (&block.certificate).into());
        Ok(blocks.into_iter().map(value).collect())
    }

    /// The lowest height that peers can get from us.
    pub(super) async fn history_min(&mut self) -> Result<Height, EngineError> {
        Ok(Height(self.host.history_min().await?))
    }

    fn set(&self) -> &ValidatorSet {
        &self.params.validator_set
    }

    /// Durable first, known second.
    async fn store(&mut self, block: UndecidedBlock) -> Result<(), EngineError> {
        self.host.save_undecided(block.clone()).await?;
        self.candidates.insert(block);
        Ok(())
    }
}

fn height_params<H: Host>(host: &H, height: u64) -> Result<HeightParams<Ctx>, EngineError> {
    let params = host.params(height)?;
    let validators = ValidatorSet::new(params.validators)?;
    Ok(HeightParams::new(validators, linear_timeouts(&params.timeouts), params.target_time))
}

fn not_a_validator() -> EngineError {
    EngineError::Contract("asked to propose without a validator key".to_owned())
}

#[cfg(test)]
#[path = "handler_tests.rs"]
mod tests;
