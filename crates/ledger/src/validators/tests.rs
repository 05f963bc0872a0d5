use insta::assert_snapshot;
use primitives::validators::ValidatorSet;
use proptest::prelude::*;
use proto::tetra::validator::v1::{MsgChangeValidators, QueryValidatorsRequest, Validator};

use super::genesis::Member;
use super::*;
use crate::context::Context;
use crate::failure::Failure;
use crate::testing::{self, ALICE, AUTHORITY, advance, announced, refusal, stored};

fn key(number: u8) -> [u8; 32] {
    [number; 32]
}

fn genesis_of(powers: &[(u8, u64)]) -> Genesis {
    let member = |(number, power): &(u8, u64)| Member { public_key: hex::encode(key(*number)), power: *power };
    Genesis { validators: powers.iter().map(member).collect(), sets: None }
}

/// The chain before its first block.
fn context() -> Context {
    let mut ctx = testing::empty();
    genesis::import(&mut ctx, &genesis_of(&[(1, 10), (2, 5)])).unwrap();
    ctx
}

fn change(ctx: &mut Context, changes: &[(u8, u64)]) -> Result<(), Failure> {
    let change = |(number, power): &(u8, u64)| Validator { public_key: key(*number).to_vec(), power: *power };
    let authority = ctx.text(&AUTHORITY);
    let msg = MsgChangeValidators { authority, changes: changes.iter().map(change).collect() };
    messages::change_validators(ctx, msg).map(|_| ())
}

fn powers(set: &ValidatorSet) -> Vec<(u8, u64)> {
    let mut powers: Vec<_> = set.validators().iter().map(|v| (v.public_key[0], v.power)).collect();
    powers.sort_unstable();
    powers
}

#[test]
fn a_change_votes_two_heights_later() {
    let mut ctx = context();
    change(&mut ctx, &[(3, 7), (2, 0)]).unwrap();
    // Block 1 sent it; its own end leaves the set of height 2 as it was.
    assert_eq!(end_block(&mut ctx).unwrap(), [(key(2), 0), (key(3), 7)]);
    let (height_2, height_3) = sets(&ctx).unwrap();
    assert_eq!(powers(&height_2), [(1, 10), (2, 5)]);
    assert_eq!(powers(&height_3), [(1, 10), (3, 7)]);
    assert_snapshot!(announced(&ctx));
    advance(&mut ctx, 1);
    assert_eq!(end_block(&mut ctx).unwrap(), []);
    assert_eq!(powers(&sets(&ctx).unwrap().0), [(1, 10), (3, 7)]);
    assert!(ctx.events.is_empty());
}

#[test]
fn genesis_turns_the_rotation_once_between_the_first_two_heights() {
    let (first, second) = sets(&context()).unwrap();
    let mut turned = ValidatorSet::new(&[(key(1), 10), (key(2), 5)]).unwrap();
    assert_eq!(first, turned);
    turned.increment_proposer_priority(1);
    assert_eq!(second, turned);
}

proptest! {
    /// Every set is that of the height before with the changes of two heights before, turned once.
    #[test]
    fn sets_follow_from_each_other_as_in_cometbft(
        blocks in proptest::collection::vec(proptest::collection::btree_map(1u8..6, 0u64..20, 0..3), 1..30),
    ) {
        let mut ctx = context();
        let (_, mut next) = sets(&ctx).unwrap();
        for changes in blocks {
            let changes: Vec<(u8, u64)> = changes.into_iter().collect();
            let keyed: Vec<_> = changes.iter().map(|(number, power)| (key(*number), *power)).collect();
            let mut after = next.clone();
            let accepted = !keyed.is_empty() && after.update_with_changes(&keyed).is_ok();
            prop_assert_eq!(change(&mut ctx, &changes).is_ok(), accepted);
            after.increment_proposer_priority(1);
            end_block(&mut ctx).unwrap();
            prop_assert_eq!(sets(&ctx).unwrap(), (next, after.clone()));
            next = after;
            prop_assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new());
        }
    }
}

#[test]
fn several_messages_of_a_block_add_up() {
    let mut ctx = context();
    change(&mut ctx, &[(3, 7)]).unwrap();
    change(&mut ctx, &[(3, 8), (4, 1)]).unwrap();
    change(&mut ctx, &[(4, 0)]).unwrap();
    assert_eq!(end_block(&mut ctx).unwrap(), [(key(3), 8)]);
    assert_eq!(powers(&sets(&ctx).unwrap().1), [(1, 10), (2, 5), (3, 8)]);
    assert_eq!(stored(&ctx, MODULE).lines().count(), 2);
}

#[test]
fn impossible_changes_are_refused_and_leave_nothing_pending() {
    let mut ctx = context();
    let before = stored(&ctx, MODULE);
    for changes in [&[][..], &[(1, 0), (2, 0)], &[(9, 0)], &[(1, 3), (1, 4)], &[(3, u64::MAX)]] {
        assert_eq!(refusal(change(&mut ctx, changes)).code, 18, "{changes:?}");
    }
    let short = Validator { public_key: vec![1; 31], power: 1 };
    let msg = MsgChangeValidators { authority: ctx.text(&AUTHORITY), changes: vec![short] };
    assert_eq!(refusal(messages::change_validators(&mut ctx, msg)).code, 18);
    let msg = MsgChangeValidators { authority: ctx.text(&ALICE), changes: Vec::new() };
    assert_eq!(refusal(messages::change_validators(&mut ctx, msg)).code, 4);
    assert_eq!(stored(&ctx, MODULE), before);
}

#[test]
fn stored_keys_and_values() {
    let mut ctx = context();
    change(&mut ctx, &[(3, 7)]).unwrap();
    assert_snapshot!(stored(&ctx, MODULE));
}

#[test]
fn genesis_export_and_import_are_inverse() {
    let mut lived_in = context();
    change(&mut lived_in, &[(3, 7)]).unwrap();
    end_block(&mut lived_in).unwrap();
    let exported = genesis::export(&lived_in).unwrap();
    let text = serde_json::to_string_pretty(&exported).unwrap();
    assert_snapshot!(text);
    let mut again = testing::empty();
    genesis::import(&mut again, &serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(stored(&again, MODULE), stored(&lived_in, MODULE));
    assert_eq!(genesis::export(&again).unwrap(), exported);
}

#[test]
fn a_contradictory_genesis_is_refused() {
    let import = |genesis: &Genesis| refusal(genesis::import(&mut testing::empty(), genesis)).code;
    assert_eq!(import(&Genesis::default()), 18);
    assert_eq!(import(&genesis_of(&[(1, 0)])), 18);
    assert_eq!(import(&genesis_of(&[(1, 1), (1, 2)])), 18);
    let mut both = genesis::export(&context()).unwrap();
    both.validators = genesis_of(&[(1, 1)]).validators;
    assert_eq!(import(&both), 18);
    let short = Genesis { validators: vec![Member { public_key: "00".to_owned(), power: 1 }], sets: None };
    assert_eq!(import(&short), 18);
}

#[test]
fn the_query_shows_both_sets() {
    let answer = queries::validators(&context(), QueryValidatorsRequest {}).unwrap();
    let (current, next) = (answer.current.unwrap().validators, answer.next.unwrap().validators);
    assert_eq!(current[0].public_key, key(1));
    assert_eq!((current[0].priority, current[1].priority), (-5, 5));
    assert_eq!((next[0].priority, next[1].priority), (5, -5));
}

#[test]
fn a_missing_genesis_is_found() {
    assert_eq!(invariants::check(&testing::empty()).unwrap().len(), 2);
}
