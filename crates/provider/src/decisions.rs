//! What the agent decided lately, for its owner and for tenants who wonder why no bid came.

use std::collections::VecDeque;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::lease::OrderName;

const MOST: usize = 64;

/// The last decisions, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Decisions(VecDeque<Entry>);

#[derive(Debug)]
struct Entry {
    at: OffsetDateTime,
    order: OrderName,
    text: String,
}

impl Decisions {
    /// Notes a decision; false when it is what was decided on this order the last time.
    pub(crate) fn note(&mut self, order: &OrderName, text: String) -> bool {
        let last = self.0.iter().rev().find(|entry| entry.order == *order);
        if last.is_some_and(|entry| entry.text == text) {
            return false;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Entry { at: OffsetDateTime::now_utc(), order: order.clone(), text });
        true
    }

    pub(crate) fn show(&self) -> Value {
        let entry = |entry: &Entry| {
            let at = entry.at.format(&Rfc3339).unwrap_or_default();
            json!({ "at": at, "order": entry.order.to_string(), "decision": entry.text })
        };
        self.0.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_and_none_twice_in_a_row() {
        let order = |dseq| OrderName { owner: "a".into(), dseq, gseq: 1, oseq: 1 };
        let mut decisions = Decisions::default();
        assert!(decisions.note(&order(0), "no bid: full".into()));
        assert!(!decisions.note(&order(0), "no bid: full".into()));
        assert!(decisions.note(&order(0), "bid".into()));
        for dseq in 1..=MOST as u64 {
            assert!(decisions.note(&order(dseq), "bid".into()));
        }
        let shown = decisions.show();
        let shown = shown.as_array().unwrap();
        assert_eq!((shown.len(), shown[0]["order"].as_str()), (MOST, Some("a/1/1/1")));
    }
}
