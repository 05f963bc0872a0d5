use proptest::prelude::*;

use super::*;

fn key(seed: u8) -> [u8; 32] {
    [seed; 32]
}

fn named(name: &str, power: u64) -> Validator {
    let mut address = [0; 20];
    address[..name.len()].copy_from_slice(name.as_bytes());
    Validator { address: ConsensusAddress(address), public_key: [0; 32], power, priority: 0 }
}

/// CometBFT `TestProposerSelection1`: the sequence of 99 proposers of powers 1000, 300, 330.
#[test]
fn proposers_follow_the_published_sequence() {
    let mut members = vec![named("foo", 1000), named("baz", 330), named("bar", 300)];
    members.sort_by(Validator::set_order);
    let mut set = ValidatorSet::from_stored(members, named("foo", 0).address).unwrap();
    set.increment_proposer_priority(1);
    let mut proposers = Vec::new();
    for _ in 0..99 {
        let name = set.proposer().0[..3].to_vec();
        proposers.push(String::from_utf8(name).unwrap());
        set.increment_proposer_priority(1);
    }
    assert_eq!(
        proposers.join(" "),
        "foo baz foo bar foo foo baz foo bar foo foo baz foo foo bar foo baz foo foo bar \
         foo foo baz foo bar foo foo baz foo bar foo foo baz foo foo bar foo baz foo foo bar \
         foo baz foo foo bar foo baz foo foo bar foo baz foo foo foo baz bar foo foo foo baz \
         foo bar foo foo baz foo bar foo foo baz foo bar foo foo baz foo bar foo foo baz foo \
         foo bar foo baz foo foo bar foo baz foo foo bar foo baz foo foo"
    );
}

#[test]
fn an_address_is_the_start_of_the_keys_hash() {
    // SHA-256 of 32 zero bytes is 66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925.
    let address = ConsensusAddress::of(&[0; 32]);
    assert_eq!(address.to_string(), "66687AADF862BD776C8FC18B8E9F8E2008971485");
}

#[test]
fn equal_powers_take_turns_in_the_order_of_addresses() {
    let mut set = ValidatorSet::new(&[(key(1), 5), (key(2), 5), (key(3), 5)]).unwrap();
    let order: Vec<_> = set.validators().iter().map(|v| v.address).collect();
    for turn in 0..9 {
        assert_eq!(set.proposer(), order[turn % 3]);
        set.increment_proposer_priority(1);
    }
}

/// Two of power 10 at priorities -10 and 10 (after one turn), then one of power 80 joins: it
/// starts at -(100 + 12), the window of 200 is not exceeded, and the average -37.3 rounds to -38.
#[test]
fn a_newcomer_starts_behind() {
    let mut set = ValidatorSet::new(&[(key(1), 10), (key(2), 10)]).unwrap();
    let first = set.proposer();
    assert_eq!(set.get(&first).unwrap().priority, -10);
    set.update_with_changes(&[(key(3), 80)]).unwrap();
    let newcomer = ConsensusAddress::of(&key(3));
    assert_eq!(set.validators()[0].address, newcomer);
    assert_eq!(set.get(&newcomer).unwrap().priority, -112 + 38);
    assert_eq!(set.get(&first).unwrap().priority, -10 + 38);
}

#[test]
fn changes_that_make_no_sense_are_refused_and_change_nothing() {
    let mut set = ValidatorSet::new(&[(key(1), 10), (key(2), 10)]).unwrap();
    let before = set.clone();
    let unknown = ConsensusAddress::of(&key(9));
    let twice = ConsensusAddress::of(&key(3));
    for (changes, error) in [
        (vec![(key(9), 0)], ValidatorSetError::Unknown(unknown)),
        (vec![(key(3), 1), (key(3), 2)], ValidatorSetError::Duplicate(twice)),
        (vec![(key(1), 0), (key(2), 0)], ValidatorSetError::Empty),
        (vec![(key(3), MAX_TOTAL_POWER)], ValidatorSetError::TooMuchPower),
        (vec![(key(3), u64::MAX), (key(4), u64::MAX)], ValidatorSetError::TooMuchPower),
    ] {
        assert_eq!(set.update_with_changes(&changes), Err(error));
        assert_eq!(set, before);
    }
    assert_eq!(ValidatorSet::new(&[]), Err(ValidatorSetError::Empty));
}

#[test]
fn a_stored_set_comes_back_only_as_it_was() {
    let set = ValidatorSet::new(&[(key(1), 10), (key(2), 30)]).unwrap();
    let again = ValidatorSet::from_stored(set.validators().to_vec(), set.proposer());
    assert_eq!(again.as_ref(), Ok(&set));
    let mut wrong = set.validators().to_vec();
    wrong.reverse();
    let refused = ValidatorSet::from_stored(wrong, set.proposer());
    assert_eq!(refused, Err(ValidatorSetError::Malformed("wrong order")));
    let stranger = ValidatorSet::from_stored(set.validators().to_vec(), ConsensusAddress([0; 20]));
    assert_eq!(stranger, Err(ValidatorSetError::Malformed("proposer is not a member")));
}

fn powers() -> impl Strategy<Value = Vec<([u8; 32], u64)>> {
    prop::collection::vec(1u64..40, 1..9)
        .prop_map(|powers| powers.into_iter().enumerate().map(|(i, power)| (key(i as u8 + 1), power)).collect())
}

proptest! {
    #[test]
    fn everybody_proposes_by_its_power(members in powers()) {
        let mut set = ValidatorSet::new(&members).unwrap();
        let mut turns = std::collections::BTreeMap::new();
        for _ in 0..set.total_power() {
            *turns.entry(set.proposer()).or_insert(0u64) += 1;
            set.increment_proposer_priority(1);
        }
        for v in set.validators() {
            prop_assert_eq!(turns.get(&v.address).copied().unwrap_or(0), v.power);
        }
    }

    #[test]
    fn priorities_stay_inside_the_window(
        members in powers(),
        changes in prop::collection::vec((1u8..12, 0u64..1 << 40), 0..30),
    ) {
        let mut set = ValidatorSet::new(&members).unwrap();
        for (seed, power) in changes {
            let _ = set.update_with_changes(&[(key(seed), power)]);
            set.increment_proposer_priority(1);
            let window = 2 * set.total_power() as i128;
            let priorities = || set.validators().iter().map(|v| v.priority as i128);
            let spread = priorities().max().unwrap() - priorities().min().unwrap();
            prop_assert!(spread <= 2 * window);
            prop_assert!(priorities().sum::<i128>().abs() <= set.len() as i128);
            prop_assert!(set.get(&set.proposer()).is_some());
            prop_assert!(set.validators().is_sorted_by(|a, b| a.set_order(b) == Ordering::Less));
        }
    }

    #[test]
    fn later_rounds_are_later_turns(members in powers(), round in 0u32..50) {
        let set = ValidatorSet::new(&members).unwrap();
        let mut turned = set.clone();
        turned.increment_proposer_priority(round);
        prop_assert_eq!(set.proposer_for_round(round), turned.proposer());
        prop_assert_eq!(set.proposer_for_round(round + ROUND_CYCLE), turned.proposer());
    }

    #[test]
    fn extreme_powers_never_overflow(
        members in prop::collection::vec((any::<u8>(), any::<u64>()), 0..6),
        changes in prop::collection::vec((any::<u8>(), any::<u64>()), 0..6),
    ) {
        let members: Vec<_> = members.into_iter().map(|(s, p)| (key(s), p >> 5)).collect();
        let changes: Vec<_> = changes.into_iter().map(|(s, p)| (key(s), p >> (p % 7))).collect();
        if let Ok(mut set) = ValidatorSet::new(&members) {
            let _ = set.update_with_changes(&changes);
            set.increment_proposer_priority(3);
            prop_assert!(set.total_power() <= MAX_TOTAL_POWER);
        }
    }
}
