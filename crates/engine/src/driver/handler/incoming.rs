//! Blocks that others made: put together, checked, stored.

use arc_malachitebft_app_channel::app::engine::host::SyncedValueOutcome;
use arc_malachitebft_app_channel::app::types::core::{Round, Validity};
use arc_malachitebft_app_channel::app::types::streaming::StreamMessage;
use arc_malachitebft_app_channel::app::types::{PeerId, ProposedValue};
use bytes::Bytes;
use primitives::validators::ConsensusAddress;
use tracing::{debug, warn};

use super::super::EngineError;
use super::super::candidates::proposed_value;
use super::Handler;
use crate::comet::{BlockRef, decode_block};
use crate::config::MAX_BLOCK_BYTES;
use crate::context::{Ctx, Height, Part};
use crate::host::{Candidate, Host, Source, UndecidedBlock, Verdict};
use crate::streams::Arrived;

/// Proposals for rounds further ahead than this are dropped.
const ROUNDS_AHEAD: u32 = 16;

impl<H: Host> Handler<'_, H> {
    /// A piece of somebody's proposal; the proposal, if it is the last one.
    pub(in crate::driver) async fn received_part(
        &mut self,
        publisher: PeerId,
        part: StreamMessage<Part>,
    ) -> Result<Option<ProposedValue<Ctx>>, EngineError> {
        match self.streams.insert(publisher, self.height, part) {
            Some(arrived) if arrived.init.height == self.height => self.consider(arrived).await,
            Some(arrived) => {
                self.early.insert(publisher, arrived);
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Checks a whole proposal for the current height, and stores it if it is valid.
    pub(super) async fn consider(&mut self, arrived: Arrived) -> Result<Option<ProposedValue<Ctx>>, EngineError> {
        let (init, bytes) = (arrived.init, &arrived.bytes);
        let refuse = |reason: &str| {
            warn!(height = init.height, round = init.round, reason, "proposal refused");
            Ok(None)
        };
        if init.round > self.round.saturating_add(ROUNDS_AHEAD) {
            return refuse("its round is too far ahead");
        }
        if init.proposer != self.set().table().proposer_for_round(init.round) {
            return refuse("not by the round's proposer");
        }
        let key = self.set().key_of(&init.proposer);
        let is_signed = |key| self.verifier.parts_are_signed(&init, bytes, &arrived.signature, key);
        if !key.is_some_and(is_signed) {
            return refuse("not signed by its proposer");
        }
        let (block, author) = match read(bytes, init.height) {
            Ok(read) => read,
            Err(reason) => return refuse(&reason),
        };
        if init.valid_round.is_none() && author != init.proposer {
            return refuse("header names another proposer");
        }
        let candidate = UndecidedBlock {
            height: init.height,
            round: init.round,
            valid_round: init.valid_round,
            proposer: init.proposer,
            block,
            bytes: arrived.bytes,
        };
        let validity = self.judge(&candidate, author, Source::Live).await?;
        if validity.is_valid() {
            if !self.candidates.has_room(candidate.round) {
                return refuse("its proposer has signed too many");
            }
            self.store(candidate.clone()).await?;
        }
        Ok(Some(proposed_value(&candidate, validity)))
    }

    /// Whether a block is valid; not asked again for content that was found valid before.
    async fn judge(
        &mut self,
        block: &UndecidedBlock,
        author: ConsensusAddress,
        source: Source,
    ) -> Result<Validity, EngineError> {
        if self.candidates.with_content(&block.block).is_some() {
            return Ok(Validity::Valid);
        }
        let refuse = |reason: &str| {
            warn!(height = block.height, round = block.round, block = %block.block, reason,
                "block is invalid");
            Ok(Validity::Invalid)
        };
        if self.set().table().get(&author).is_none() {
            return refuse("made by somebody who is not a validator");
        }
        if block.bytes.len() > MAX_BLOCK_BYTES {
            return refuse("larger than a block may be");
        }
        let candidate = Candidate { height: block.height, round: block.round, bytes: block.bytes.clone(), source };
        match self.host.validate(candidate).await? {
            Verdict::Valid(found) if found == block.block => Ok(Validity::Valid),
            Verdict::Valid(found) => Err(EngineError::Contract(format!("validated block {} as {found}", block.block))),
            Verdict::Invalid(reason) => refuse(&reason),
        }
    }

    /// A decided block from a peer.
    pub(in crate::driver) async fn synced(
        &mut self,
        height: Height,
        round: Round,
        bytes: Bytes,
    ) -> Result<SyncedValueOutcome<Ctx>, EngineError> {
        let Some(round) = round.as_u32() else {
            return Ok(SyncedValueOutcome::PeerFault);
        };
        if height.0 != self.height {
            debug!(%height, expected = self.height, "synced block is for another height");
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        let (block, author) = match read(&bytes, height.0) {
            Ok(read) => read,
            Err(reason) => {
                warn!(%height, reason, "synced block refused");
                return Ok(SyncedValueOutcome::PeerFault);
            }
        };
        // The engine names a proposer, too, but not always the right one after set changes.
        let candidate = UndecidedBlock { height: height.0, round, valid_round: None, proposer: author, block, bytes };
        let validity = self.judge(&candidate, author, Source::Sync).await?;
        if !validity.is_valid() {
            return Ok(SyncedValueOutcome::PeerFault);
        }
        self.store(candidate.clone()).await?;
        Ok(SyncedValueOutcome::Verdict(proposed_value(&candidate, validity)))
    }
}

/// What a block is and who made it, if it is one of `height`.
fn read(bytes: &[u8], height: u64) -> Result<(BlockRef, ConsensusAddress), String> {
    let header = decode_block(bytes).map_err(|e| e.to_string())?.header;
    if header.height.value() != height {
        return Err(format!("header has height {}", header.height));
    }
    let author: [u8; 20] = header
        .proposer_address
        .as_bytes()
        .try_into()
        .map_err(|_| "proposer address is not 20 bytes long".to_owned())?;
    let block = BlockRef::of(&header, bytes).map_err(|e| e.to_string())?;
    Ok((block, ConsensusAddress(author)))
}
