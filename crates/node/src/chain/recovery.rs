//! Where a stored chain stands when it is opened, and what brings its state to its last block.

use app::App;
use disk::BlockStore;
use store::StateStore;

use super::{Chain, ChainError, Choice, Executed, Tip, results_hash};
use crate::records;

impl Chain {
    /// Executes every stored block after the state. One when a crash came between block and state; more when the state
    /// was restored from an older copy.
    pub(super) fn recover(&self) -> Result<(), ChainError> {
        let stored = self.blocks.tip()?.unwrap_or(0);
        loop {
            let tip = self.tip();
            if tip.height >= stored {
                return Ok(());
            }
            let height = tip.height + 1;
            tracing::info!(height, "executing a stored block whose state was not committed");
            let found = self.blocks.get(height)?.ok_or(ChainError::Missing { what: "block", height })?;
            let certificate = records::decode_certificate(&found.commit)?;
            let block = engine::comet::decode_block(&found.block)?;
            let differs = |what| ChainError::Differs { height, what };
            let choice = Choice::of(&block).ok_or(differs("proposer_address"))?;
            let expected = self.header_fields(&tip, choice).header()?;
            if let Some(field) = engine::comet::first_mismatch(&expected, &block.header) {
                return Err(differs(field));
            }
            if certificate.height != height || certificate.block != Self::block_ref(&block, &found.block)? {
                return Err(differs("certificate"));
            }
            let effects = self.execute(&block, certificate.block.hash())?;
            // The block itself is stored already: only what follows from it is written.
            let executed = Executed { block, size: found.block.len(), certificate, effects };
            self.settle(store::Batch::default(), executed)?;
        }
    }
}

pub(super) fn tip_of(app: &App, state: &StateStore, blocks: &BlockStore) -> Result<Tip, ChainError> {
    let reader = state.latest()?;
    let last = app::chain::last(&reader)?;
    let context = app.reading(&reader)?;
    let (validators, next_validators) = ledger::validators::sets(&context).map_err(|failure| match failure {
        ledger::Failure::Broken(error) => error,
        ledger::Failure::Rejected(why) => store::Error::Backend(why.to_string()),
    })?;
    let height = last.height;
    let (certificate, results) = if height == 0 {
        (None, Vec::new())
    } else {
        let commit = blocks.commit(height)?.ok_or(ChainError::Missing { what: "certificate", height })?;
        let results = blocks.results(height)?.ok_or(ChainError::Missing { what: "results", height })?;
        (Some(records::decode_certificate(&commit)?), records::decode_results(&results)?.0)
    };
    let time = u32::try_from(last.time.nanos).ok();
    let time = time.and_then(|nanos| engine::comet::Time::from_unix_timestamp(last.time.seconds, nanos).ok());
    Ok(Tip {
        height,
        certificate,
        time: time.ok_or(ChainError::Missing { what: "time", height })?,
        app_hash: state.app_hash(height)?,
        results_hash: results_hash(&results),
        validators,
        next_validators,
    })
}
