//! The first word of an answer: the best miner is asked, the next one beside it where it stays silent for a while, and another
//! where one fails. Who is first answers; whoever was still silent then rests for a time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::answer::Fault;
use super::route::Candidate;
use super::server::{Gateway, locked};

/// How many miners are asked at the same time.
const TOGETHER: usize = 2;

/// The first success of asking candidates in their order; none when all failed. Those that were not asked stay.
pub(super) async fn first<T, F>(
    gateway: &Gateway,
    hedge: Duration,
    candidates: &mut VecDeque<Candidate>,
    ask: impl Fn(Candidate) -> F,
) -> Option<(Candidate, T)>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut asked = Vec::new();
    let mut running = FuturesUnordered::new();
    let begin = |candidate: Candidate| {
        let (began, answer) = (Instant::now(), ask(candidate));
        async move { (candidate, answer.await, began.elapsed()) }
    };
    loop {
        if running.is_empty() {
            let next = candidates.pop_front()?;
            asked.push(next);
            running.push(begin(next));
        }
        let may_hedge = running.len() < TOGETHER && !candidates.is_empty();
        tokio::select! {
            Some((candidate, answer, took)) = running.next() => {
                asked.retain(|other| *other != candidate);
                match answer {
                    Ok(answer) => {
                        locked(&gateway.health).first_word(candidate.axon.hotkey, took);
                        for silent in asked {
                            locked(&gateway.health).failed(silent.axon.hotkey, Instant::now());
                        }
                        return Some((candidate, answer));
                    }
                    Err(fault) => gateway.failed(candidate, &fault),
                }
            }
            () = tokio::time::sleep(hedge), if may_hedge => {
                if let Some(next) = candidates.pop_front() {
                    asked.push(next);
                    running.push(begin(next));
                }
            }
        }
    }
}
