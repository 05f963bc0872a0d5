//! The overlay: what a block or a query sees, with nested layers of writes.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use crate::{Module, Result, merge};

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key.
    Up,
    /// From the largest key.
    Down,
}

impl Direction {
    /// Whether one key comes before another.
    pub(crate) fn precedes(self, one: &[u8], other: &[u8]) -> bool {
        match self {
            Self::Up => one < other,
            Self::Down => one > other,
        }
    }
}

/// A key-value pair of raw bytes.
pub type Pair = (Vec<u8>, Vec<u8>);

/// A write: a key and its new value, or none where the key was removed.
pub(crate) type Write<'a> = (&'a [u8], Option<&'a [u8]>);

/// Committed state at one height.
pub trait Reader: Send + Sync {
    /// The value at a key.
    ///
    /// # Errors
    /// When the backend fails.
    fn get(&self, module: Module, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Up to `limit` pairs with `start <= key < end` (no end: to the last key), in the order of `direction`.
    ///
    /// # Errors
    /// When the backend fails.
    fn scan(
        &self,
        module: Module,
        start: &[u8],
        end: Option<&[u8]>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>>;
}

/// The state before genesis.
pub struct Empty;

impl Reader for Empty {
    fn get(&self, _: Module, _: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn scan(&self, _: Module, _: &[u8], _: Option<&[u8]>, _: Direction, _: usize) -> Result<Vec<Pair>> {
        Ok(Vec::new())
    }
}

/// What was written: per module and key the new value, or none where the key was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteSet(BTreeMap<Module, BTreeMap<Vec<u8>, Option<Vec<u8>>>>);

impl WriteSet {
    /// The new value of a key: `None` if it was not touched, `Some(None)` if it was removed.
    pub fn get(&self, module: Module, key: &[u8]) -> Option<Option<&[u8]>> {
        self.0.get(&module)?.get(key).map(Option::as_deref)
    }

    /// Records a write.
    pub fn insert(&mut self, module: Module, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.0.entry(module).or_default().insert(key, value);
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }

    /// All writes in order of module and key.
    pub fn iter(&self) -> impl Iterator<Item = (Module, &[u8], Option<&[u8]>)> {
        self.0
            .iter()
            .flat_map(|(module, writes)| writes.iter().map(|(key, value)| (*module, key.as_slice(), value.as_deref())))
    }

    /// The writes of one module in order of key.
    pub fn of(&self, module: Module) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let writes = self.0.get(&module).into_iter().flatten();
        writes.map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// The writes of one module with `start <= key < end`, in order of key.
    fn range(&self, module: Module, start: &[u8], end: Option<&[u8]>) -> impl DoubleEndedIterator<Item = Write<'_>> {
        let ordered = end.is_none_or(|end| start < end);
        let bounds = (Bound::Included(start), end.map_or(Bound::Unbounded, Bound::Excluded));
        let writes = self.0.get(&module).filter(|_| ordered).map(|writes| writes.range::<[u8], _>(bounds));
        writes.into_iter().flatten().map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    fn absorb(&mut self, upper: Self) {
        for (module, writes) in upper.0 {
            self.0.entry(module).or_default().extend(writes);
        }
    }
}

/// Work done on a state, for the gas meter: a function of the calls made, not of the backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Keys read, pairs scanned included.
    pub reads: u64,
    /// Bytes of keys and values read.
    pub read_bytes: u64,
    /// Keys written or removed.
    pub writes: u64,
    /// Bytes of keys and values written.
    pub written_bytes: u64,
}

/// Committed state under layers of writes. The lowest layer is the block's; a transaction forks a layer and
/// applies or discards it.
pub struct State {
    committed: Arc<dyn Reader>,
    layers: Vec<WriteSet>,
    work: Cell<Work>,
}

impl State {
    /// A state that shows what is committed, with one empty layer.
    pub fn new(committed: Arc<dyn Reader>) -> Self {
        Self { committed, layers: vec![WriteSet::default()], work: Cell::default() }
    }

    /// Starts a layer.
    pub fn fork(&mut self) {
        self.layers.push(WriteSet::default());
    }

    /// Merges the top layer into the one below it. The lowest layer stays.
    pub fn apply(&mut self) {
        if self.layers.len() > 1
            && let Some(upper) = self.layers.pop()
            && let Some(lower) = self.layers.last_mut()
        {
            lower.absorb(upper);
        }
    }

    /// Drops the top layer. The lowest layer stays.
    pub fn discard(&mut self) {
        if self.layers.len() > 1 {
            self.layers.pop();
        }
    }

    /// Everything written, all layers merged.
    pub fn into_writes(mut self) -> WriteSet {
        while self.layers.len() > 1 {
            self.apply();
        }
        self.layers.pop().unwrap_or_default()
    }

    /// The committed value of a key, below all layers.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn committed(&self, module: Module, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.committed.get(module, key)
    }

    /// The lowest layer: what applied transactions of the block wrote.
    pub fn block_writes(&self) -> Option<&WriteSet> {
        self.layers.first()
    }

    /// Work done so far.
    pub fn work(&self) -> Work {
        self.work.get()
    }

    fn count_read(&self, key: &[u8], value: Option<&[u8]>) {
        let mut work = self.work.get();
        work.reads += 1;
        work.read_bytes += (key.len() + value.map_or(0, <[u8]>::len)) as u64;
        self.work.set(work);
    }

    /// The value at a key, or none.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn get(&self, module: Module, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let written = self.layers.iter().rev().find_map(|layer| layer.get(module, key));
        let value = match written {
            Some(value) => value.map(<[u8]>::to_vec),
            None => self.committed.get(module, key)?,
        };
        self.count_read(key, value.as_deref());
        Ok(value)
    }

    /// Writes a value; `None` removes the key.
    pub fn write(&mut self, module: Module, key: Vec<u8>, value: Option<Vec<u8>>) {
        let work = self.work.get_mut();
        work.writes += 1;
        work.written_bytes += (key.len() + value.as_ref().map_or(0, Vec::len)) as u64;
        if let Some(top) = self.layers.last_mut() {
            top.insert(module, key, value);
        }
    }

    /// Up to `limit` pairs with `start <= key < end`, in the order of `direction`, layers included.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn scan(
        &self,
        module: Module,
        start: &[u8],
        end: Option<&[u8]>,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>> {
        let layers = self.layers.iter().map(|layer| layer.range(module, start, end));
        let mut written = merge::writes(layers, direction).peekable();
        let (mut start, mut end) = (start.to_vec(), end.map(<[u8]>::to_vec));
        let mut committed = VecDeque::new();
        let mut more = true;
        let mut pairs: Vec<Pair> = Vec::new();
        while pairs.len() < limit {
            if committed.is_empty() && more {
                let wanted = limit - pairs.len();
                committed = self.committed.scan(module, &start, end.as_deref(), direction, wanted)?.into();
                more = committed.len() == wanted;
                match (committed.back(), direction) {
                    (Some((last, _)), Direction::Up) => start = [last.as_slice(), &[0]].concat(),
                    (Some((last, _)), Direction::Down) => end = Some(last.clone()),
                    (None, _) => {}
                }
            }
            let below = committed.front().map(|(key, _)| key.as_slice());
            match written.next_if(|(key, _)| below.is_none_or(|below| !direction.precedes(below, key))) {
                Some((key, value)) => {
                    // A write hides what was committed at its key.
                    if below == Some(key) {
                        committed.pop_front();
                    }
                    pairs.extend(value.map(|value| (key.to_vec(), value.to_vec())));
                }
                None => match committed.pop_front() {
                    Some(pair) => pairs.push(pair),
                    None => break,
                },
            }
        }
        for (key, value) in &pairs {
            self.count_read(key, Some(value));
        }
        Ok(pairs)
    }
}

/// The smallest key greater than every key with this prefix; none when there is no such key.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let (byte, head) = prefix.get(..=last)?.split_last()?;
    Some([head, &[byte + 1]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const M: Module = Module("m");

    struct Fixed(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Reader for Fixed {
        fn get(&self, _: Module, key: &[u8]) -> Result<Option<Vec<u8>>> {
            Ok(self.0.get(key).cloned())
        }

        fn scan(
            &self,
            _: Module,
            start: &[u8],
            end: Option<&[u8]>,
            direction: Direction,
            limit: usize,
        ) -> Result<Vec<Pair>> {
            let all = self.0.iter().filter(|(k, _)| k.as_slice() >= start && end.is_none_or(|e| k.as_slice() < e));
            let mut pairs: Vec<Pair> = all.map(|(k, v)| (k.clone(), v.clone())).collect();
            if direction == Direction::Down {
                pairs.reverse();
            }
            pairs.truncate(limit);
            Ok(pairs)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Write(u8, Option<u8>),
        Fork,
        Apply,
        Discard,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0u8..8, proptest::option::of(1u8..)).prop_map(|(k, v)| Step::Write(k, v)),
            1 => Just(Step::Fork),
            1 => Just(Step::Apply),
            1 => Just(Step::Discard),
        ];
        proptest::collection::vec(step, 0..40)
    }

    proptest! {
        /// The overlay against a stack of whole maps.
        #[test]
        fn layers_behave_like_copies(
            base in proptest::collection::btree_map(0u8..8, 1u8.., 0..8),
            steps in steps(),
            limit in 0usize..10,
            (from, to) in (0u8..9, proptest::option::of(0u8..9)),
        ) {
            let base: BTreeMap<Vec<u8>, Vec<u8>> = base.into_iter().map(|(k, v)| (vec![k], vec![v])).collect();
            let mut state = State::new(Arc::new(Fixed(base.clone())));
            let mut model = vec![base];
            for step in steps {
                match step {
                    Step::Write(key, value) => {
                        state.write(M, vec![key], value.map(|v| vec![v]));
                        let top = model.last_mut().unwrap();
                        match value {
                            Some(v) => top.insert(vec![key], vec![v]),
                            None => top.remove(&vec![key]),
                        };
                    }
                    Step::Fork => {
                        state.fork();
                        model.push(model.last().unwrap().clone());
                    }
                    Step::Apply => {
                        state.apply();
                        if model.len() > 1 {
                            let top = model.pop().unwrap();
                            *model.last_mut().unwrap() = top;
                        }
                    }
                    Step::Discard => {
                        state.discard();
                        if model.len() > 1 {
                            model.pop();
                        }
                    }
                }
                let top = model.last().unwrap();
                for key in 0u8..8 {
                    prop_assert_eq!(state.get(M, &[key]).unwrap(), top.get(&vec![key]).cloned());
                }
                let up: Vec<Pair> = top.clone().into_iter().take(limit).collect();
                prop_assert_eq!(state.scan(M, &[], None, Direction::Up, limit).unwrap(), up);
                let down: Vec<Pair> = top.clone().into_iter().rev().take(limit).collect();
                prop_assert_eq!(state.scan(M, &[], None, Direction::Down, limit).unwrap(), down);
                let within = top.iter().filter(|(key, _)| key[0] >= from && to.is_none_or(|to| key[0] < to));
                let span: Vec<Pair> = within.map(|(key, value)| (key.clone(), value.clone())).take(limit).collect();
                let to = to.map(|to| [to]);
                let to = to.as_ref().map(|to| to.as_slice());
                prop_assert_eq!(state.scan(M, &[from], to, Direction::Up, limit).unwrap(), span);
            }
        }
    }

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(prefix_end(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(prefix_end(&[1, 0xff]), Some(vec![2]));
        assert_eq!(prefix_end(&[0xff, 0xff]), None);
    }
}
