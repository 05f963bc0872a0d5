//! Queries and simulation, the same for every transport.

use std::sync::Arc;

use ledger::{Failure, QueryError, QueryStatus};
use store::Reader;

use crate::App;
use crate::older::untranslated;
use crate::pipeline::{Admission, Mode, TxResult};
use crate::tx::{SignedTx, Verdicts};

impl App {
    /// Answers the gRPC method at `path` from the state that `reader` shows.
    ///
    /// # Errors
    /// A gRPC status with the reason; `Unimplemented` for a path that no module answers.
    pub fn query(&self, reader: &Arc<dyn Reader>, path: &str, request: &[u8]) -> Result<Vec<u8>, QueryError> {
        let Some(old) = self.old_query(path)? else { return self.present(reader, path, request) };
        let asked = old.ask(request).map_err(|error| untranslated(path, &error))?;
        let found = self.present(reader, old.successor(), &asked)?;
        old.answer(request, &found).map_err(|error| untranslated(path, &error))
    }

    fn present(&self, reader: &Arc<dyn Reader>, path: &str, request: &[u8]) -> Result<Vec<u8>, QueryError> {
        let route = self.queries.get(path).ok_or_else(|| QueryError {
            status: QueryStatus::Unimplemented,
            message: format!("unknown query path {path}: this chain answers no such query"),
        })?;
        (route.answer)(&self.reading(reader)?, request)
    }

    /// Runs a transaction as if it stood in the next block, without signatures and fee, and forgets what it did.
    ///
    /// # Errors
    /// When the state cannot be read. A transaction that fails is a result.
    pub fn simulate(&self, reader: &Arc<dyn Reader>, tx: &[u8]) -> store::Result<TxResult> {
        let mut context = self.next(reader)?;
        self.run(&mut context, tx, &Verdicts::default(), Mode::Simulate)
    }

    /// Checks a transaction for the mempool against the committed state.
    ///
    /// # Errors
    /// The rule that it breaks. Sequences ahead of the account's are left to the mempool, which knows what waits.
    pub fn check(&self, reader: &Arc<dyn Reader>, tx: &SignedTx, verdicts: &Verdicts) -> Result<Admission, Failure> {
        let mut context = self.next(reader)?;
        self.admit(&mut context, tx, verdicts, Mode::Admit)
    }
}
