//! The pool against a naive model that knows only a list.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits =
    Limits { max_tx_bytes: 36, max_txs: 8, max_bytes: 150, max_per_sender: 4, recent_hashes: 5, ttl_blocks: 3 };

#[derive(Clone, Debug)]
enum Step {
    Insert { sender: u8, sequence: u64, gas: u64, priority: u128, size: usize, salt: u8 },
    Block { commit: Vec<prop::sample::Index>, blocks: u64 },
    Recheck { odd_priorities_fail: bool },
    Reap { max_bytes: u64, max_gas: u64, next: [u64; 4] },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4u8, 0..6u64, 0..20u64, 0..40u128, 0..40usize, 0..2u8).prop_map(
            |(sender, sequence, gas, priority, size, salt)| Step::Insert { sender, sequence, gas, priority, size, salt }
        ),
        1 => (prop::collection::vec(any::<prop::sample::Index>(), 0..4), 0..3u64)
            .prop_map(|(commit, blocks)| Step::Block { commit, blocks }),
        1 => any::<bool>().prop_map(|odd_priorities_fail| Step::Recheck { odd_priorities_fail }),
        3 => (0..200u64, prop_oneof![0..80u64, Just(u64::MAX)], prop::array::uniform4(0..4u64))
            .prop_map(|(max_bytes, max_gas, next)| Step::Reap { max_bytes, max_gas, next }),
    ]
}

fn raw(sender: u8, sequence: u64, priority: u128, size: usize, salt: u8) -> Bytes {
    let mut raw = vec![sender, sequence as u8, priority as u8, salt];
    raw.resize(size, 7);
    raw.into()
}

fn checked(sender: u8, sequence: u64, gas_wanted: u64, priority: u128) -> Checked {
    Checked { sender: Bytes::from(vec![sender]), sequence, expected: 0, gas_wanted, priority }
}

#[derive(Default)]
struct Model {
    waiting: Vec<Entry>,
    committed: Vec<TxHash>,
    arrivals: u64,
}

impl Model {
    fn worth(&self, entry: &Entry) -> u128 {
        let before = self.waiting.iter().filter(|e| e.sender == entry.sender && e.sequence < entry.sequence);
        before.map(|e| e.priority).chain([entry.priority]).min().unwrap()
    }

    fn insert(&mut self, bytes: Bytes, checked: Checked, height: u64) -> Result<(), &'static str> {
        let hash = tx_hash(&bytes);
        if bytes.is_empty() {
            return Err("empty");
        }
        if bytes.len() > LIMITS.max_tx_bytes {
            return Err("large");
        }
        if self.waiting.iter().any(|e| e.hash == hash) || self.committed.contains(&hash) {
            return Err("known");
        }
        let Checked { sender, sequence, gas_wanted: gas, priority, .. } = checked;
        let newcomer = Entry { hash, bytes, sender, sequence, gas, priority, height, arrival: self.arrivals };
        let mut after = Model { waiting: self.waiting.clone(), ..Model::default() };
        let rival = after.waiting.iter().position(|e| e.sender == newcomer.sender && e.sequence == sequence);
        match rival {
            Some(at) if 10 * priority <= 11 * after.waiting[at].priority => return Err("underpriced"),
            Some(at) => drop(after.waiting.remove(at)),
            None if after.waiting.iter().filter(|e| e.sender == newcomer.sender).count() >= LIMITS.max_per_sender => {
                return Err("sender full");
            }
            None => {}
        }
        let worth = after.worth(&newcomer);
        let size = |waiting: &[Entry]| waiting.iter().map(|e| e.bytes.len()).sum::<usize>();
        while after.waiting.len() >= LIMITS.max_txs || size(&after.waiting) + newcomer.bytes.len() > LIMITS.max_bytes {
            let tails = after.waiting.iter().enumerate().filter(|(_, e)| {
                !after.waiting.iter().any(|other| other.sender == e.sender && other.sequence > e.sequence)
            });
            let cheapest = tails.min_by_key(|(_, e)| (after.worth(e), Reverse(e.arrival)));
            match cheapest.map(|(at, e)| (at, after.worth(e))) {
                Some((at, tail_worth)) if tail_worth < worth => drop(after.waiting.remove(at)),
                _ => return Err("full"),
            }
        }
        self.waiting = after.waiting;
        self.waiting.push(newcomer);
        self.arrivals += 1;
        Ok(())
    }

    fn reap(&self, mut bytes: u64, mut gas: u64, next: [u64; 4]) -> Vec<Bytes> {
        let mut next: BTreeMap<Bytes, u64> =
            next.iter().enumerate().map(|(sender, n)| (Bytes::from(vec![sender as u8]), *n)).collect();
        let mut chosen = Vec::new();
        loop {
            let heads = self.waiting.iter().filter(|e| next.get(&e.sender) == Some(&e.sequence));
            let Some(best) = heads.max_by_key(|e| (e.priority, Reverse(e.arrival))) else {
                return chosen;
            };
            let size = 2 + best.bytes.len() as u64;
            if size > bytes || best.gas > gas {
                next.remove(&best.sender);
                continue;
            }
            bytes -= size;
            gas -= best.gas;
            chosen.push(best.bytes.clone());
            *next.get_mut(&best.sender).unwrap() += 1;
        }
    }

    fn commit(&mut self, hash: TxHash) {
        self.waiting.retain(|e| e.hash != hash);
        self.committed.retain(|known| *known != hash);
        self.committed.push(hash);
        if self.committed.len() > LIMITS.recent_hashes {
            self.committed.remove(0);
        }
    }
}

fn kind(error: &PoolError) -> &'static str {
    match error {
        PoolError::AlreadyKnown => "known",
        PoolError::Empty => "empty",
        PoolError::TooLarge { .. } => "large",
        PoolError::SenderFull { .. } => "sender full",
        PoolError::Underpriced { .. } => "underpriced",
        PoolError::Full { .. } => "full",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn behaves_like_the_model(steps in prop::collection::vec(step(), 1..80)) {
        let mut pool = Pool::new(LIMITS);
        let mut model = Model::default();
        let mut height = 1;
        for step in steps {
            match step {
                Step::Insert { sender, sequence, gas, priority, size, salt } => {
                    let tx = raw(sender, sequence, priority, size, salt);
                    let before = pool.clone();
                    let ours = pool.insert(tx.clone(), checked(sender, sequence, gas, priority), height);
                    let theirs = model.insert(tx, checked(sender, sequence, gas, priority), height);
                    prop_assert_eq!(ours.as_ref().map(|_| ()).map_err(kind), theirs);
                    if ours.is_err() {
                        prop_assert!(before.in_sequence().eq(pool.in_sequence()), "a refusal changed the pool");
                        prop_assert_eq!(before.tails, pool.tails.clone());
                    }
                }
                Step::Block { commit, blocks } => {
                    height += blocks;
                    for index in commit {
                        let Some(entry) = (!model.waiting.is_empty()).then(|| index.get(&model.waiting).clone())
                            else { continue };
                        prop_assert_eq!(pool.remove_committed([entry.hash]), vec![entry.hash]);
                        model.commit(entry.hash);
                        prop_assert_eq!(pool.screen(&entry.bytes), Err(PoolError::AlreadyKnown));
                    }
                    pool.expire(height);
                    model.waiting.retain(|e| height - e.height <= LIMITS.ttl_blocks);
                }
                Step::Recheck { odd_priorities_fail } => {
                    let valid = |e: &Entry| !odd_priorities_fail || e.priority.is_multiple_of(2);
                    pool.recheck(valid);
                    model.waiting.retain(valid);
                }
                Step::Reap { max_bytes, max_gas, next } => {
                    let ours = pool.reap(max_bytes, max_gas, |sender| next[usize::from(sender[0])]);
                    prop_assert_eq!(&ours, &model.reap(max_bytes, max_gas, next));
                    let size: u64 = ours.iter().map(|tx| size_in_block(tx.len())).sum();
                    prop_assert!(size <= max_bytes);
                }
            }
            let arrived: Vec<TxHash> = pool.unconfirmed(usize::MAX).iter().map(|e| e.hash).collect();
            let expected: Vec<TxHash> = model.waiting.iter().map(|e| e.hash).collect();
            prop_assert_eq!(arrived, expected);
            prop_assert_eq!(pool.len(), model.waiting.len());
            prop_assert_eq!(pool.total_bytes(), model.waiting.iter().map(|e| e.bytes.len()).sum::<usize>());
            prop_assert!(pool.len() <= LIMITS.max_txs && pool.total_bytes() <= LIMITS.max_bytes);
            prop_assert_eq!(pool.tails.len(), pool.lanes.len());
        }
    }

    #[test]
    fn the_replacement_rule_is_exact(old in any::<u64>(), new in any::<u64>()) {
        let (old, new) = (u128::from(old), u128::from(new));
        prop_assert_eq!(outbids(new, old), 10 * new > 11 * old);
    }
}

#[test]
fn replacement_pays_more_than_a_tenth() {
    let mut pool = Pool::new(LIMITS);
    pool.insert(raw(1, 5, 100, 10, 0), checked(1, 5, 1, 100), 1).unwrap();
    let refused = pool.insert(raw(1, 5, 110, 10, 0), checked(1, 5, 1, 110), 1).unwrap_err();
    assert_eq!(refused, PoolError::Underpriced { sequence: 5, offered: 110, standing: 100 });
    let inserted = pool.insert(raw(1, 5, 111, 10, 0), checked(1, 5, 1, 111), 1).unwrap();
    assert_eq!(inserted.left, [tx_hash(&raw(1, 5, 100, 10, 0))]);
    assert!(!outbids(u128::MAX, u128::MAX) && outbids(u128::MAX, u128::MAX / 2) && outbids(1, 0));
}

#[test]
fn a_dear_tail_does_not_shelter_cheap_transactions() {
    let mut pool = Pool::new(Limits { max_txs: 2, ..LIMITS });
    pool.insert(raw(1, 0, 1, 10, 0), checked(1, 0, 1, 1), 1).unwrap();
    pool.insert(raw(1, 1, 90, 10, 0), checked(1, 1, 1, 90), 1).unwrap();
    let inserted = pool.insert(raw(2, 0, 5, 10, 0), checked(2, 0, 1, 5), 1).unwrap();
    assert_eq!(inserted.left, [tx_hash(&raw(1, 1, 90, 10, 0))]);
    assert!(pool.contains(&tx_hash(&raw(1, 0, 1, 10, 0))), "evicting the head would have torn a gap");
}

#[test]
fn the_next_sequence_counts_what_waits_without_a_gap() {
    let mut pool = Pool::new(LIMITS);
    for sequence in [3, 4, 6] {
        pool.insert(raw(1, sequence, 1, 10, 0), checked(1, sequence, 1, 1), 1).unwrap();
    }
    assert_eq!(pool.next_sequence(&[1], 3), 5);
    assert_eq!(pool.next_sequence(&[1], 5), 5);
    assert_eq!(pool.next_sequence(&[1], 6), 7);
    assert_eq!(pool.next_sequence(&[2], 9), 9);
}

#[test]
fn the_size_in_a_block_counts_tag_and_length() {
    assert_eq!([0, 1, 127, 128, 16_383, 16_384].map(size_in_block), [2, 3, 129, 131, 16_386, 16_388]);
}

#[test]
fn the_last_sequence_ends_a_lane() {
    let mut pool = Pool::new(LIMITS);
    pool.insert(raw(1, 1, 1, 10, 0), checked(1, u64::MAX, 1, 1), 1).unwrap();
    assert_eq!(pool.reap(100, 100, |_| u64::MAX).len(), 1);
}
