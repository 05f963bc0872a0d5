//! Execution of a block: its transactions in order, then its end, into effects.

use std::sync::Arc;

use ledger::{BlockInfo, Context, Event, Failure, capacity, escrow, validators};
use primitives::Height;
use primitives::validators::ValidatorSet;
use proto::Timestamp;
use store::{Reader, State, WriteSet};
use thiserror::Error;

use crate::money::{self, Imbalance};
use crate::pipeline::{Mode, TxResult};
use crate::routing::route_outcomes;
use crate::tx::Verdicts;
use crate::{App, chain, seed};

/// A decided block, as the machine sees it.
#[derive(Clone, Debug)]
pub struct BlockInput {
    /// Its height, one above the last.
    pub height: Height,
    /// Its header time.
    pub time: Timestamp,
    /// Its hash.
    pub hash: [u8; 32],
    /// Its transactions, in order.
    pub txs: Vec<Vec<u8>>,
    /// Answers to its signature checks; missing ones are verified in line.
    pub verdicts: Verdicts,
}

/// What a block does.
#[derive(Clone, Debug)]
pub struct Effects {
    /// What became of each transaction.
    pub results: Vec<TxResult>,
    /// What the beginning and the end of the block announced.
    pub events: Vec<Event>,
    /// What was written; to be committed as one.
    pub writes: WriteSet,
    /// The validators of the height after the next one.
    pub validators_after_next: ValidatorSet,
}

/// Why the node must stop. No transaction's error handling sees this.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Halt {
    /// Value appeared or vanished: balances moved by something else than what was minted and burned.
    #[error("halt at height {height}: money is not conserved: {imbalance}")]
    Money {
        /// The block.
        height: Height,
        /// Where.
        imbalance: Box<Imbalance>,
    },
    /// The beginning or end of the block, which cannot fail, was refused by a rule.
    #[error("halt at height {height}: what every block does failed: {why}")]
    EdgeOfBlock {
        /// The block.
        height: Height,
        /// The refusal.
        why: String,
    },
    /// A block that is not the next one.
    #[error("halt: block {got} was handed in where {expected} comes next")]
    Order {
        /// The next height.
        expected: Height,
        /// The height that came.
        got: Height,
    },
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] store::Error),
}

impl App {
    /// A context for reading the state that `reader` shows, at its last block.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn reading(&self, reader: &Arc<dyn Reader>) -> store::Result<Context> {
        Ok(Context::new(State::new(reader.clone()), chain::last(reader)?, self.chain.clone()))
    }

    /// A context for the block after the last one. Its time is the last block's until a header says otherwise.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn next(&self, reader: &Arc<dyn Reader>) -> store::Result<Context> {
        let mut context = self.reading(reader)?;
        context.block.height += 1;
        Ok(context)
    }

    /// Executes a block on the committed state. Nothing is committed: the caller does that with the writes.
    ///
    /// # Errors
    /// [`Halt`], on which the node must stop.
    pub fn execute(&self, reader: &Arc<dyn Reader>, block: &BlockInput) -> Result<Effects, Halt> {
        let last = chain::last(reader)?;
        if block.height != last.height + 1 {
            return Err(Halt::Order { expected: last.height + 1, got: block.height });
        }
        let info = BlockInfo { height: block.height, time: block.time, seed: last.seed };
        let mut context = Context::new(State::new(reader.clone()), info, self.chain.clone());
        let edge = |failure| match failure {
            Failure::Broken(error) => Halt::State(error),
            Failure::Rejected(why) => Halt::EdgeOfBlock { height: block.height, why: why.to_string() },
        };

        begin(&mut context).map_err(edge)?;
        let mut announced = std::mem::take(&mut context.events);
        let mut results = Vec::with_capacity(block.txs.len());
        for tx in &block.txs {
            results.push(self.run(&mut context, tx, &block.verdicts, Mode::Execute)?);
        }
        context.events.clear();
        let validators_after_next = end(&mut context).map_err(edge)?;
        let next_seed = seed::next(&context.block.seed, &block.hash);
        chain::set_last(&mut context.state, block.height, block.time, next_seed);

        let Context { state, events, flow, .. } = context;
        announced.extend(events);
        let writes = state.into_writes();
        if let Some(imbalance) = money::check(reader.as_ref(), &writes, &flow)? {
            return Err(Halt::Money { height: block.height, imbalance: Box::new(imbalance) });
        }
        Ok(Effects { results, events: announced, writes, validators_after_next })
    }

    /// Every broken promise of every module at the state that `reader` shows; none when all is well.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn broken_promises(&self, reader: &Arc<dyn Reader>) -> store::Result<Vec<String>> {
        let context = self.reading(reader)?;
        let mut broken = ledger::accounts::invariants::check(&context)?;
        broken.extend(ledger::bank::invariants::check(&context)?);
        broken.extend(ledger::fees::invariants::check(&context)?);
        broken.extend(ledger::take::invariants::check(&context)?);
        broken.extend(ledger::provider::invariants::check(&context)?);
        broken.extend(ledger::audit::invariants::check(&context)?);
        broken.extend(ledger::cert::invariants::check(&context)?);
        broken.extend(ledger::validators::invariants::check(&context)?);
        broken.extend(ledger::escrow::invariants::check(&context)?);
        broken.extend(ledger::capacity::invariants::check(&context)?);
        broken.extend(ledger::oracle::invariants::check(&context)?);
        broken.extend(market::invariants::check(&context)?);
        broken.extend(render::invariants::check(&context)?);
        broken.extend(subnet::invariants::check(&context)?);
        broken.extend(cluster::invariants::check(&context)?);
        Ok(broken)
    }
}

/// What happens before transactions, and what follows from it: work for a render node ends what was lent of its window.
fn begin(context: &mut Context) -> Result<(), Failure> {
    render::begin_block(context)?;
    subnet::begin_block(context)?;
    cluster::begin_block(context)?;
    escrow::begin_block(context)?;
    route_outcomes(context)
}

fn end(context: &mut Context) -> Result<ValidatorSet, Failure> {
    capacity::end_block(context)?;
    route_outcomes(context)?;
    render::end_block(context)?;
    cluster::end_block(context)?;
    route_outcomes(context)?;
    validators::end_block(context)?;
    let (_, after_next) = validators::sets(context)?;
    Ok(after_next)
}
