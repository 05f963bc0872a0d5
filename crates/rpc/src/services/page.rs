//! Pages of lists that are no collection of the state: the key of a page is its offset.

use ledger::QueryError;
use proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};

/// Entries of a page where nobody says how many; the Cosmos SDK's number.
const LIMIT: u64 = 100;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) skip: usize,
    pub(super) limit: usize,
    reverse: bool,
    count: bool,
}

impl Page {
    /// # Errors
    /// When there is both a key and an offset, or the key is none that was given out.
    pub(super) fn parse(request: Option<PageRequest>) -> Result<Self, QueryError> {
        let request = request.unwrap_or_default();
        let wrong = || QueryError::invalid("pagination.key is none that this node gave out");
        let skip = match request.key.as_slice() {
            [] => request.offset,
            _ if request.offset > 0 => return Err(QueryError::invalid("only one of offset or key is expected")),
            key => u64::from_be_bytes(key.try_into().map_err(|_| wrong())?),
        };
        let limit = if request.limit == 0 { LIMIT } else { request.limit.min(LIMIT) };
        let small = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        // The Cosmos SDK counts where no page was asked for.
        let count = request.count_total || (request.key.is_empty() && request.limit == 0);
        Ok(Self { skip: small(skip), limit: small(limit), reverse: request.reverse, count })
    }

    /// The part, and what tells how to go on.
    pub(super) fn cut<T>(self, mut list: Vec<T>) -> (Vec<T>, Option<PageResponse>) {
        let total = list.len();
        if self.reverse {
            list.reverse();
        }
        let end = self.skip.saturating_add(self.limit);
        let next_key = if end < total { (end as u64).to_be_bytes().to_vec() } else { Vec::new() };
        let part = list.into_iter().skip(self.skip).take(self.limit).collect();
        (part, Some(PageResponse { next_key, total: if self.count { total as u64 } else { 0 } }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_walked_by_keys_and_by_offsets() {
        let list: Vec<u32> = (0..7).collect();
        let mut seen = Vec::new();
        let mut key = Vec::new();
        loop {
            let page = Page::parse(Some(PageRequest { key, limit: 3, ..PageRequest::default() })).unwrap();
            let (part, response) = page.cut(list.clone());
            seen.extend(part);
            key = response.unwrap().next_key;
            if key.is_empty() {
                break;
            }
        }
        assert_eq!(seen, list);
        let asked = PageRequest { offset: 5, limit: 9, reverse: true, count_total: true, ..PageRequest::default() };
        let (part, response) = Page::parse(Some(asked)).unwrap().cut(list.clone());
        assert_eq!((part, response.unwrap().total), (vec![1, 0], 7));
        assert_eq!(Page::parse(None).unwrap().cut(list).1.unwrap().total, 7);
        let both = PageRequest { key: vec![0; 8], offset: 1, ..PageRequest::default() };
        let short = PageRequest { key: vec![0; 3], ..PageRequest::default() };
        assert!(Page::parse(Some(both)).is_err() && Page::parse(Some(short)).is_err());
    }
}
