use std::sync::Arc;

use proptest::prelude::*;
use store::{Empty, Module};

use super::*;
use crate::failure::QueryStatus;

const NUMBERS: Map<(u8, u64), u64> = Map::new(Module("m"), 3);
/// Points from a colour to numbers.
const BY_COLOUR: Map<(u8, u64), ()> = Map::new(Module("m"), 4);

fn filled(count: u64) -> State {
    let mut state = State::new(Arc::new(Empty));
    for n in 0..count {
        NUMBERS.set(&mut state, &(1, n), &(n * n));
        NUMBERS.set(&mut state, &(2, n), &0);
        BY_COLOUR.set(&mut state, &((n % 3) as u8, n), &());
    }
    state
}

fn list(state: &State, request: PageRequest) -> (Vec<u64>, PageResponse) {
    let paging = Paging::parse(Some(request)).unwrap();
    let (found, pagination) = paging.list(state, &NUMBERS, &1u8).unwrap();
    (found.into_iter().map(|((_, n), _)| n).collect(), pagination.unwrap())
}

fn expected(count: u64, reverse: bool) -> Vec<u64> {
    if reverse { (0..count).rev().collect() } else { (0..count).collect() }
}

proptest! {
    #[test]
    fn following_keys_gives_everything_once(count in 0u64..600, limit in 1u64..300, reverse: bool) {
        let state = filled(count);
        let mut seen = Vec::new();
        let mut key = Vec::new();
        loop {
            let (numbers, page) = list(&state, PageRequest { key, limit, reverse, ..PageRequest::default() });
            prop_assert!(numbers.len() as u64 <= limit);
            seen.extend(numbers);
            if page.next_key.is_empty() {
                break;
            }
            key = page.next_key;
        }
        prop_assert_eq!(seen, expected(count, reverse));
    }

    #[test]
    fn an_offset_skips_and_the_total_counts_all(count in 0u64..600, offset in 0u64..700, limit in 1u64..300, reverse: bool) {
        let state = filled(count);
        let request = PageRequest { offset, limit, reverse, count_total: true, ..PageRequest::default() };
        let (numbers, page) = list(&state, request);
        let wanted: Vec<u64> = expected(count, reverse).into_iter().skip(offset as usize).take(limit as usize).collect();
        prop_assert_eq!(numbers, wanted);
        prop_assert_eq!(page.total, count);
        prop_assert_eq!(page.next_key.is_empty(), offset + limit >= count);
    }

    #[test]
    fn a_filter_counts_what_it_lets_through(count in 0u64..600, limit in 1u64..100, divisor in 1u64..9) {
        let state = filled(count);
        let paging = Paging::parse(Some(PageRequest { limit, count_total: true, ..PageRequest::default() })).unwrap();
        let pick = |(_, n): (u8, u64), _| Ok((n % divisor == 0).then_some(n));
        let (numbers, page) = paging.pick(&state, &NUMBERS, &1u8, pick).unwrap();
        let wanted: Vec<u64> = (0..count).filter(|n| n % divisor == 0).collect();
        prop_assert_eq!(page.unwrap().total, wanted.len() as u64);
        prop_assert_eq!(numbers, wanted.into_iter().take(limit as usize).collect::<Vec<_>>());
    }

    #[test]
    fn foreign_keys_never_panic_and_stay_in_range(key: Vec<u8>, reverse: bool) {
        let state = filled(5);
        let (numbers, _) = list(&state, PageRequest { key, reverse, ..PageRequest::default() });
        prop_assert!(numbers.len() <= 5);
    }
}

#[test]
fn an_index_is_walked_to_what_it_points_to() {
    let state = filled(10);
    let paging = Paging::parse(None).unwrap();
    let look_up = |(_, n): (u8, u64), ()| Ok(NUMBERS.get(&state, &(1, n))?);
    let (squares, _) = paging.pick(&state, &BY_COLOUR, &2u8, look_up).unwrap();
    assert_eq!(squares, [4, 25, 64]);
}

#[test]
fn without_a_limit_a_page_has_a_hundred_entries_and_the_total() {
    let (numbers, page) = list(&filled(250), PageRequest::default());
    assert_eq!((numbers.len(), page.total), (100, 250));
    let (numbers, again) = list(&filled(250), PageRequest { key: page.next_key, ..PageRequest::default() });
    assert_eq!((numbers.first(), again.total), (Some(&100), 0));
}

#[test]
fn a_boundless_limit_is_cut_but_says_where_to_go_on() {
    let state = filled(MAX_LIMIT + 1);
    let (numbers, page) = list(&state, PageRequest { limit: u64::MAX, ..PageRequest::default() });
    assert_eq!(numbers.len() as u64, MAX_LIMIT);
    assert!(!page.next_key.is_empty());
}

#[test]
fn a_key_and_an_offset_exclude_each_other() {
    let request = PageRequest { key: vec![1], offset: 1, ..PageRequest::default() };
    assert_eq!(Paging::parse(Some(request)).unwrap_err().status, QueryStatus::InvalidArgument);
}
