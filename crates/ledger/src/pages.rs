//! Pages of query answers, `cosmos.base.query.v1beta1`: one walk serves lists, filtered lists and secondary indexes.

use proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use store::{Key, Map, PageQuery, State, Value};

use crate::failure::QueryError;

/// Entries on a page when the request names no limit, as in the Cosmos SDK.
pub const DEFAULT_LIMIT: u64 = 100;

/// The most entries on one page. A larger limit gets this many and a `next_key`, so that nothing is lost.
pub const MAX_LIMIT: u64 = 10_000;

/// Entries read from the state at a time.
const PIECE: usize = 256;

/// A checked page request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    from: Option<Vec<u8>>,
    skip: u64,
    limit: usize,
    count_total: bool,
    reverse: bool,
}

/// What a walk found: the items of the page, and the `pagination` field of the answer.
pub type Found<T> = (Vec<T>, Option<PageResponse>);

impl Paging {
    /// Checks a request as the Cosmos SDK does (`types/query/pagination.go`): `key` and `offset` exclude each other;
    /// without a limit the page has [`DEFAULT_LIMIT`] entries and the total is counted; with a key it never is.
    ///
    /// # Errors
    /// `InvalidArgument` when both a key and an offset are given.
    pub fn parse(request: Option<PageRequest>) -> Result<Self, QueryError> {
        let request = request.unwrap_or_default();
        let from = (!request.key.is_empty()).then_some(request.key);
        if from.is_some() && request.offset > 0 {
            return Err(QueryError::invalid("invalid request, either offset or key is expected, got both"));
        }
        let unlimited = request.limit == 0;
        let limit = if unlimited { DEFAULT_LIMIT } else { request.limit.min(MAX_LIMIT) };
        Ok(Self {
            skip: request.offset,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            count_total: from.is_none() && (request.count_total || unlimited),
            reverse: request.reverse,
            from,
        })
    }

    /// Whether the request begins at the `next_key` of an earlier answer.
    pub fn has_key(&self) -> bool {
        self.from.is_some()
    }

    /// Whether the request skips entries by an offset.
    pub fn has_offset(&self) -> bool {
        self.skip > 0
    }

    /// The page of the entries of `map` whose key begins with `part`.
    ///
    /// # Errors
    /// `Internal` when the state fails.
    pub fn list<K: Key, V: Value, P: Key>(
        &self,
        state: &State,
        map: &Map<K, V>,
        part: &P,
    ) -> Result<Found<(K, V)>, QueryError> {
        self.pick(state, map, part, |key, value| Ok(Some((key, value))))
    }

    /// The page of what `pick` makes of the entries of `map` whose key begins with `part`; where it gives `None`
    /// the entry does not count. A secondary index is walked by picking what its entries point to.
    ///
    /// # Errors
    /// `Internal` when the state fails; whatever `pick` fails with.
    pub fn pick<K: Key, V: Value, P: Key, T>(
        &self,
        state: &State,
        map: &Map<K, V>,
        part: &P,
        mut pick: impl FnMut(K, V) -> Result<Option<T>, QueryError>,
    ) -> Result<Found<T>, QueryError> {
        let mut items = Vec::new();
        let mut total = 0;
        let mut next_key = None;
        let mut piece = PageQuery { from: self.from.clone(), limit: PIECE, reverse: self.reverse };
        'walk: loop {
            let page = map.page(state, part, &piece)?;
            for (key, value) in page.entries {
                let place = key.to_bytes();
                let Some(item) = pick(key, value)? else { continue };
                total += 1;
                if total <= self.skip {
                    continue;
                }
                if items.len() < self.limit {
                    items.push(item);
                    continue;
                }
                next_key.get_or_insert(place);
                if !self.count_total {
                    break 'walk;
                }
            }
            match page.next {
                Some(next) => piece.from = Some(next),
                None => break,
            }
        }
        let total = if self.count_total { total } else { 0 };
        Ok((items, Some(PageResponse { next_key: next_key.unwrap_or_default(), total })))
    }
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
