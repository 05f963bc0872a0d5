//! What is stored to survive a restart in the middle of a height. Persistent formats.

use arc_malachitebft_app_channel::app::types::ProposedValue;
use arc_malachitebft_app_channel::app::types::core::Validity;
use prost::Message;

use super::basic::{address, block_ref, height, round, some_round};
use super::{CodecError, WireForm, wire};
use crate::context::{Ctx, PartInit};
use crate::host::UndecidedBlock;

impl WireForm for ProposedValue<Ctx> {
    type Wire = wire::ProposedValue;

    fn to_wire(&self) -> Result<wire::ProposedValue, CodecError> {
        Ok(wire::ProposedValue {
            height: self.height.0,
            round: self.round.as_u32(),
            valid_round: self.valid_round.as_u32(),
            proposer: self.proposer.0.0.to_vec(),
            block: Some((&self.value).into()),
            valid: self.validity.to_bool(),
        })
    }

    fn from_wire(wire: wire::ProposedValue) -> Result<Self, CodecError> {
        Ok(Self {
            height: height(wire.height)?,
            round: some_round(wire.round)?,
            valid_round: round(wire.valid_round)?,
            proposer: address(&wire.proposer)?,
            value: block_ref(wire.block)?,
            validity: Validity::from_bool(wire.valid),
        })
    }
}

impl UndecidedBlock {
    /// The stored form (persistent).
    pub fn encode(&self) -> Vec<u8> {
        let init =
            PartInit { height: self.height, round: self.round, valid_round: self.valid_round, proposer: self.proposer };
        let wire = wire::UndecidedBlock {
            init: Some((&init).into()),
            block: Some((&self.block).into()),
            bytes: self.bytes.clone(),
        };
        wire.encode_to_vec()
    }

    /// From the stored form.
    ///
    /// # Errors
    /// Bytes that [`UndecidedBlock::encode`] did not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let wire = wire::UndecidedBlock::decode(bytes).map_err(|e| CodecError::new("undecided block", e))?;
        let init: PartInit = wire.init.ok_or(CodecError::missing("undecided block's place"))?.try_into()?;
        Ok(Self {
            height: init.height,
            round: init.round,
            valid_round: init.valid_round,
            proposer: init.proposer,
            block: block_ref(wire.block)?,
            bytes: wire.bytes,
        })
    }
}
