//! Whose turn it is: so many at a time; of those who wait the highest stake first, then who came first. When the queue is
//! full, the least of all is refused, be it the newcomer or one that waits.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// Stake, highest first; then who came first.
type Rank = (Reverse<u128>, u64);

#[derive(Debug)]
struct State {
    free: usize,
    next: u64,
    waiting: BTreeMap<Rank, oneshot::Sender<Turn>>,
}

/// The gate.
#[derive(Clone, Debug)]
pub struct Gate {
    state: Arc<Mutex<State>>,
    queue: usize,
}

/// A turn; dropping it lets the next one through.
#[derive(Debug)]
pub struct Turn {
    gate: Option<Gate>,
}

/// There was no room in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Gate {
    /// A gate for so many at a time, with so many that wait.
    pub fn new(concurrency: usize, queue: usize) -> Self {
        let state = State { free: concurrency.max(1), next: 0, waiting: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)), queue }
    }

    /// Waits for a turn. Dropping the wait leaves the queue.
    ///
    /// # Errors
    /// [`Full`] when the queue is, and nobody in it has less stake; or when one with more came later.
    pub async fn enter(&self, stake: u128) -> Result<Turn, Full> {
        let turn = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn { gate: Some(self.clone()) });
            }
            let (sender, turn) = oneshot::channel();
            state.waiting.retain(|_, waiting| !waiting.is_closed());
            let rank = (Reverse(stake), state.next);
            state.next += 1;
            state.waiting.insert(rank, sender);
            if state.waiting.len() > self.queue {
                // Its receiver learns that it was refused by the sender's end.
                state.waiting.pop_last();
            }
            turn
        };
        turn.await.map_err(|_| Full)
    }

    fn release(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, next)) = state.waiting.pop_first() {
            match next.send(Turn { gate: Some(self.clone()) }) {
                Ok(()) => return,
                // It left the queue. Its turn comes back, and must not be released under the lock.
                Err(mut turn) => turn.gate = None,
            }
        }
        state.free += 1;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn more_stake_goes_first_and_the_least_is_refused() {
        let gate = Gate::new(1, 2);
        let first = gate.enter(0).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waits = Vec::new();
        for stake in [5, 9, 1, 7] {
            let (gate, order) = (gate.clone(), order.clone());
            waits.push(tokio::spawn(async move {
                let turn = gate.enter(stake).await;
                order.lock().unwrap().push((stake, turn.is_ok()));
            }));
            settle().await;
        }
        assert_eq!(*order.lock().unwrap(), [(1, false), (5, false)]);
        drop(first);
        for wait in waits {
            wait.await.unwrap();
        }
        assert_eq!(order.lock().unwrap()[2..], [(9, true), (7, true)]);
    }

    #[tokio::test]
    async fn who_leaves_the_queue_takes_no_turn() {
        let gate = Gate::new(1, 8);
        let first = gate.enter(0).await.unwrap();
        let leaving = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter(100).await.map(drop) }
        });
        settle().await;
        leaving.abort();
        assert!(leaving.await.unwrap_err().is_cancelled());
        drop(first);
        let again = gate.enter(0).await.unwrap();
        drop(again);
        assert_eq!(gate.state.lock().unwrap().free, 1);
    }
}
