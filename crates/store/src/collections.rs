//! Typed collections. A module declares its collections in one place (`state.rs`); the declaration is the key
//! layout, and the key layout is a public API (proofs name keys).
//!
//! ```
//! use primitives::Address;
//! use store::{Item, Map, Module};
//!
//! const MODULE: Module = Module("accounts");
//! /// How often each account sent a transaction.
//! const SEQUENCES: Map<Address, u64> = Map::new(MODULE, 1);
//! /// The number of the next account.
//! const NEXT: Item<u64> = Item::new(MODULE, 2);
//! ```

use std::marker::PhantomData;

use crate::codec::{Key, Value};
use crate::state::{Direction, State, prefix_end};
use crate::{Error, Module, Result};

/// An ordered map under one tag byte of a module.
pub struct Map<K, V> {
    module: Module,
    tag: u8,
    types: PhantomData<fn() -> (K, V)>,
}

/// Which entries of a map to return.
#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    /// Where to begin: the `next` of an earlier page.
    pub from: Option<Vec<u8>>,
    /// How many entries at most.
    pub limit: usize,
    /// From the last key instead of the first.
    pub reverse: bool,
}

/// Some entries of a map.
#[derive(Clone, Debug)]
pub struct Page<K, V> {
    /// The entries in order.
    pub entries: Vec<(K, V)>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Vec<u8>>,
}

impl<K: Key, V: Value> Map<K, V> {
    /// Declares a map. Tags must be unique within the module.
    pub const fn new(module: Module, tag: u8) -> Self {
        Self { module, tag, types: PhantomData }
    }

    /// What every key of it begins with.
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// The module that the map belongs to.
    pub const fn module(&self) -> Module {
        self.module
    }

    /// The full key of an entry within its module.
    pub fn key(&self, key: &K) -> Vec<u8> {
        self.prefix(key)
    }

    fn prefix<P: Key>(&self, part: &P) -> Vec<u8> {
        let mut bytes = vec![self.tag];
        part.write(&mut bytes);
        bytes
    }

    fn corrupt(&self, key: &[u8], why: String) -> Error {
        let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Error::Corrupt { module: self.module.0, key, why }
    }

    fn decode(&self, key: &[u8], value: &[u8]) -> Result<V> {
        V::from_stored(value).map_err(|why| self.corrupt(key, why))
    }

    fn decode_pair(&self, key: &[u8], value: &[u8]) -> Result<(K, V)> {
        let mut rest = key.get(1..).unwrap_or_default();
        let parsed = K::read(&mut rest).filter(|_| rest.is_empty());
        let parsed = parsed.ok_or_else(|| self.corrupt(key, "the key does not decode".to_owned()))?;
        Ok((parsed, self.decode(key, value)?))
    }

    /// The value of an entry.
    ///
    /// # Errors
    /// When the backend fails or the stored bytes are corrupt.
    pub fn get(&self, state: &State, key: &K) -> Result<Option<V>> {
        let key = self.key(key);
        let stored = state.get(self.module, &key)?;
        stored.map(|bytes| self.decode(&key, &bytes)).transpose()
    }

    /// Whether there is an entry.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn has(&self, state: &State, key: &K) -> Result<bool> {
        Ok(state.get(self.module, &self.key(key))?.is_some())
    }

    /// Sets an entry.
    pub fn set(&self, state: &mut State, key: &K, value: &V) {
        state.write(self.module, self.key(key), Some(value.to_stored()));
    }

    /// Removes an entry, if there is one.
    pub fn remove(&self, state: &mut State, key: &K) {
        state.write(self.module, self.key(key), None);
    }

    /// All entries whose key begins with `part`, in order.
    ///
    /// # Errors
    /// When the backend fails or stored bytes are corrupt.
    pub fn under<P: Key>(&self, state: &State, part: &P) -> Result<Vec<(K, V)>> {
        let query = PageQuery { limit: usize::MAX, ..PageQuery::default() };
        Ok(self.page(state, part, &query)?.entries)
    }

    /// All entries in order.
    ///
    /// # Errors
    /// When the backend fails or stored bytes are corrupt.
    pub fn all(&self, state: &State) -> Result<Vec<(K, V)>> {
        self.under(state, &())
    }

    /// Up to `limit` entries, the first ones, whose key begins with `part`.
    ///
    /// # Errors
    /// When the backend fails or stored bytes are corrupt.
    pub fn first<P: Key>(&self, state: &State, part: &P, limit: usize) -> Result<Vec<(K, V)>> {
        Ok(self.page(state, part, &PageQuery { limit, ..PageQuery::default() })?.entries)
    }

    /// One page of the entries whose key begins with `part`. A `from` outside of them gives an empty page.
    ///
    /// # Errors
    /// When the backend fails or stored bytes are corrupt.
    pub fn page<P: Key>(&self, state: &State, part: &P, query: &PageQuery) -> Result<Page<K, V>> {
        let prefix = self.prefix(part);
        let mut start = prefix.clone();
        let mut end = prefix_end(&prefix);
        let direction = if query.reverse { Direction::Down } else { Direction::Up };
        if let Some(from) = &query.from {
            let mut from_key = vec![self.tag];
            from_key.extend_from_slice(from);
            match direction {
                Direction::Up => start = start.max(from_key),
                Direction::Down => {
                    // The first key of the page is included, so the bound is the key just above it.
                    from_key.push(0);
                    end = Some(end.map_or(from_key.clone(), |end| end.min(from_key)));
                }
            }
        }
        let mut pairs = match &end {
            Some(end) if *end <= start => Vec::new(),
            _ => state.scan(self.module, &start, end.as_deref(), direction, query.limit.saturating_add(1))?,
        };
        let next = (pairs.len() > query.limit).then(|| pairs.pop()).flatten();
        let next = next.map(|(key, _)| key.get(1..).unwrap_or_default().to_vec());
        let entries = pairs.iter().map(|(key, value)| self.decode_pair(key, value)).collect::<Result<_>>()?;
        Ok(Page { entries, next })
    }
}

/// A single value under one tag byte of a module.
pub struct Item<V>(Map<(), V>);

impl<V: Value> Item<V> {
    /// Declares an item. Tags must be unique within the module.
    pub const fn new(module: Module, tag: u8) -> Self {
        Self(Map::new(module, tag))
    }

    /// The full key within its module.
    pub fn key(&self) -> Vec<u8> {
        self.0.key(&())
    }

    /// The value, if it was set.
    ///
    /// # Errors
    /// When the backend fails or the stored bytes are corrupt.
    pub fn get(&self, state: &State) -> Result<Option<V>> {
        self.0.get(state, &())
    }

    /// Sets the value.
    pub fn set(&self, state: &mut State, value: &V) {
        self.0.set(state, &(), value);
    }

    /// Removes the value.
    pub fn remove(&self, state: &mut State) {
        self.0.remove(state, &());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Empty;
    use std::sync::Arc;

    const M: Module = Module("m");
    const COUNTS: Map<(String, u64), u64> = Map::new(M, 7);
    const OTHER: Map<u64, u64> = Map::new(M, 8);

    fn filled() -> State {
        let mut state = State::new(Arc::new(Empty));
        for name in ["a", "b"] {
            for n in 0..5 {
                COUNTS.set(&mut state, &(name.to_owned(), n), &(n * 10));
            }
        }
        OTHER.set(&mut state, &1, &1);
        state
    }

    #[test]
    fn pages_cover_everything_once_in_both_directions() {
        let state = filled();
        for reverse in [false, true] {
            let mut seen = Vec::new();
            let mut from = None;
            loop {
                let query = PageQuery { from: from.clone(), limit: 2, reverse };
                let page = COUNTS.page(&state, &"b".to_owned(), &query).unwrap();
                seen.extend(page.entries.into_iter().map(|((_, n), _)| n));
                match page.next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
            let expected: Vec<u64> = if reverse { (0..5).rev().collect() } else { (0..5).collect() };
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn a_map_sees_only_its_own_tag() {
        let state = filled();
        assert_eq!(COUNTS.all(&state).unwrap().len(), 10);
        assert_eq!(OTHER.all(&state).unwrap(), vec![(1, 1)]);
    }

    #[test]
    fn corrupt_bytes_are_an_error_not_a_panic() {
        let mut state = filled();
        state.write(M, OTHER.key(&2), Some(vec![0xff]));
        assert!(matches!(OTHER.get(&state, &2), Err(Error::Corrupt { .. })));
    }
}
