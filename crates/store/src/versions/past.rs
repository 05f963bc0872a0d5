//! Readers of the newest state and of an earlier one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::open::damaged;
use crate::backend::{View, for_each};
use crate::codec::Key;
use crate::layout;
use crate::state::{Direction, Pair, Reader, prefix_end};
use crate::{Module, Result};

/// The newest state of a snapshot.
pub(super) struct Latest(pub(super) Arc<dyn View>);

impl Reader for Latest {
    fn get(&self, module: Module, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.0.get(&layout::latest(module, key))
    }

    fn scan(
        &self,
        module: Module,
        start: &[u8],
        end: Option<&[u8]>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>> {
        scan_latest(&*self.0, module, start, end, direction, limit)
    }
}

fn scan_latest(
    view: &dyn View,
    module: Module,
    start: &[u8],
    end: Option<&[u8]>,
    direction: Direction,
    limit: usize,
) -> Result<Vec<Pair>> {
    let prefix = layout::latest_prefix(module);
    let end = end.map_or_else(|| prefix_end(&prefix), |end| Some(layout::latest(module, end)));
    let pairs = view.range(&layout::latest(module, start), end.as_deref(), direction, limit)?;
    Ok(pairs.into_iter().map(|(key, value)| (key.get(prefix.len()..).unwrap_or_default().to_vec(), value)).collect())
}

/// The state of a snapshot after an earlier height: for each key what the first later change replaced, or else its
/// newest value.
pub(super) struct Past {
    pub(super) view: Arc<dyn View>,
    pub(super) height: u64,
}

/// A part of a module's keys; no end: to the last key.
#[derive(Clone)]
struct Span {
    start: Vec<u8>,
    end: Option<Vec<u8>>,
}

impl Span {
    /// Splits off the part that the pairs, read in `direction`, cover when they end before the span does.
    fn split_after(&mut self, last: &[u8], direction: Direction) -> Self {
        let mut covered = self.clone();
        match direction {
            Direction::Up => {
                let next = [last, &[0]].concat();
                covered.end = Some(next.clone());
                self.start = next;
            }
            Direction::Down => {
                covered.start = last.to_vec();
                self.end = Some(last.to_vec());
            }
        }
        covered
    }
}

impl Past {
    /// All pairs of a span at the height, given the newest ones.
    fn rewind(&self, module: Module, span: &Span, newest: Vec<Pair>) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
        let mut pairs: BTreeMap<Vec<u8>, Vec<u8>> = newest.into_iter().collect();
        let mut last_seen = None;
        let start = layout::history_prefix(module, &span.start);
        let end = match &span.end {
            Some(end) => Some(layout::history_prefix(module, end)),
            None => layout::history_end(module),
        };
        for_each(&*self.view, &start, end.as_deref(), |entry, value| {
            let parsed = layout::parse_history(module, &entry).zip(layout::parse_previous(&value));
            let ((key, height), old) = parsed.ok_or_else(|| damaged("an entry of the history"))?;
            // Entries of a key come by height: the first later one tells.
            if height > self.height && last_seen.as_ref() != Some(&key) {
                match old {
                    Some(value) => pairs.insert(key.clone(), value),
                    None => pairs.remove(&key),
                };
                last_seen = Some(key);
            }
            Ok(())
        })?;
        Ok(pairs)
    }
}

impl Reader for Past {
    fn get(&self, module: Module, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let prefix = layout::history_prefix(module, key);
        let mut later = prefix.clone();
        self.height.saturating_add(1).write(&mut later);
        let replaced = self.view.range(&later, prefix_end(&prefix).as_deref(), Direction::Up, 1)?;
        match replaced.first() {
            Some((_, value)) => layout::parse_previous(value).ok_or_else(|| damaged("an entry of the history")),
            None => self.view.get(&layout::latest(module, key)),
        }
    }

    fn scan(
        &self,
        module: Module,
        start: &[u8],
        end: Option<&[u8]>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>> {
        let piece = limit.clamp(64, 4096);
        let mut found = Vec::new();
        let mut span = Span { start: start.to_vec(), end: end.map(<[u8]>::to_vec) };
        while found.len() < limit {
            let newest = scan_latest(&*self.view, module, &span.start, span.end.as_deref(), direction, piece)?;
            let last = newest.last().filter(|_| newest.len() == piece).map(|(key, _)| key.clone());
            let covered = match &last {
                Some(last) => span.split_after(last, direction),
                None => span.clone(),
            };
            let pairs = self.rewind(module, &covered, newest)?;
            let room = limit - found.len();
            match direction {
                Direction::Up => found.extend(pairs.into_iter().take(room)),
                Direction::Down => found.extend(pairs.into_iter().rev().take(room)),
            }
            if last.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
