//! Hours of the day in which a node takes no units, and when its state changes next.

use proto::tetra::render::v1::{Node, NodeState, SleepHours};

use crate::time::some_ms;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The most spans that a node may name.
pub const MOST_SPANS: usize = 8;

/// Checks hours: 0 to 23, and no span that is empty or all day.
///
/// # Errors
/// Says what is wrong.
pub fn check(sleep: &[SleepHours]) -> Result<(), String> {
    if sleep.len() > MOST_SPANS {
        return Err(format!("{} spans of sleep; at most {MOST_SPANS}", sleep.len()));
    }
    match sleep.iter().find(|span| span.from > 23 || span.to > 23 || span.from == span.to) {
        Some(span) => {
            Err(format!("sleep from {} to {}: two different hours of 0 to 23 are wanted", span.from, span.to))
        }
        None => Ok(()),
    }
}

fn ms_of(hour: u32) -> u64 {
    u64::from(hour) * HOUR_MS
}

/// Whether a time in milliseconds lies in one of the spans, which begin at `from` and end just before `to`.
pub fn is_asleep(sleep: &[SleepHours], at_ms: u64) -> bool {
    let clock = at_ms % DAY_MS;
    sleep.iter().any(|span| {
        let (from, to) = (ms_of(span.from), ms_of(span.to));
        if from < to { (from..to).contains(&clock) } else { clock >= from || clock < to }
    })
}

/// The first time after `at_ms` at which a span begins or ends; none without spans.
pub fn next_edge(sleep: &[SleepHours], at_ms: u64) -> Option<u64> {
    let (day, clock) = (at_ms - at_ms % DAY_MS, at_ms % DAY_MS);
    let edges = sleep.iter().flat_map(|span| [ms_of(span.from), ms_of(span.to)]);
    edges.map(|edge| if edge > clock { day.saturating_add(edge) } else { (day + DAY_MS).saturating_add(edge) }).min()
}

/// When silence or the next edge of sleep changes the state of a node, counted from when it was seen last; zero when
/// nothing does.
pub(super) fn next_change(node: &Node) -> u64 {
    if !matches!(node.state(), NodeState::Ready | NodeState::Asleep) {
        return 0;
    }
    let silent = node.silent_at_ms;
    let edge = next_edge(&node.sleep, node.checked_ms.max(some_ms(node.seen.as_ref()).unwrap_or(0)));
    edge.map_or(silent, |edge| edge.min(silent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans() -> impl Strategy<Value = Vec<SleepHours>> {
        let span = (0u32..24, 1u32..24).prop_map(|(from, length)| SleepHours { from, to: (from + length) % 24 });
        proptest::collection::vec(span, 0..4)
    }

    #[test]
    fn spans_wrap_over_midnight() {
        let night = [SleepHours { from: 22, to: 6 }];
        assert!(is_asleep(&night, 23 * HOUR_MS) && is_asleep(&night, 5 * HOUR_MS + 1));
        assert!(!is_asleep(&night, 6 * HOUR_MS) && !is_asleep(&night, 22 * HOUR_MS - 1));
        assert_eq!(next_edge(&night, 23 * HOUR_MS), Some(30 * HOUR_MS));
        assert_eq!(next_edge(&[], 5), None);
    }

    proptest! {
        /// Between two edges nothing changes.
        #[test]
        fn edges_are_where_it_changes(spans in spans(), at in 0u64..3 * DAY_MS, share in 0u64..1000) {
            check(&spans).unwrap();
            if let Some(edge) = next_edge(&spans, at) {
                prop_assert!(edge > at && edge <= at + DAY_MS);
                let between = at + (edge - 1 - at) * share / 1000;
                prop_assert_eq!(is_asleep(&spans, at), is_asleep(&spans, between));
            } else {
                prop_assert!(!is_asleep(&spans, at));
            }
        }
    }
}
