//! Weights: limits, commitments, and uids that change hands.

use ledger::testing::{ALICE, BOB, PROVIDER};

use super::support::*;
use crate::params::WIT;
use crate::weight::state::{WEIGHTS, commitments};

/// A subnet with a validator of Bob's as uid 1 and a miner of Alice's as uid 2, past its first epoch.
fn running(commit_reveal: bool) -> (ledger::Context, u32, [[u8; 32]; 3]) {
    let mut ctx = market();
    let keys = [bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB), bind(&mut ctx, 3, &ALICE)];
    let netuid = create(&mut ctx, &ALICE, &keys[0]);
    register(&mut ctx, netuid, &keys[1], &BOB).unwrap();
    register(&mut ctx, netuid, &keys[2], &ALICE).unwrap();
    stake(&mut ctx, &keys[1], &BOB, 100 * WIT).unwrap();
    epoch(&mut ctx, netuid);
    rules(&mut ctx, netuid, |rules| rules.commit_reveal = commit_reveal);
    (ctx, netuid, keys)
}

#[test]
fn weights_come_no_more_often_than_the_limit() {
    let (mut ctx, netuid, keys) = running(false);
    rules(&mut ctx, netuid, |rules| rules.weights_rate_limit = 7);
    weigh(&mut ctx, netuid, &keys[1], &BOB, &[(2, 1)]).unwrap();
    let next = ctx.block.height + 7;
    let refused = why(weigh(&mut ctx, netuid, &keys[1], &BOB, &[(2, 2)]));
    assert_eq!(refused, format!("subnet_weight 5: weights may be set again at height {next}"));
    pass(&mut ctx, 7);
    weigh(&mut ctx, netuid, &keys[1], &BOB, &[(0, 2), (2, 1)]).unwrap();
    let row = WEIGHTS.get(&ctx.state, &(netuid, 1)).unwrap().unwrap();
    assert_eq!((row.uids, row.values), (vec![0, 2], vec![65_535, 32_768]));
    assert!(why(weigh(&mut ctx, netuid, &keys[2], &ALICE, &[(0, 1)])).starts_with("subnet_weight 6"));
    assert!(why(weigh(&mut ctx, 9, &keys[2], &ALICE, &[(0, 1)])).starts_with("subnet 3"));
}

#[test]
fn a_commitment_is_revealed_in_its_epoch_and_in_no_other() {
    let (mut ctx, netuid, keys) = running(true);
    let row = [(2, 1)];
    let refused = why(weigh(&mut ctx, netuid, &keys[1], &BOB, &row));
    assert_eq!(refused, "subnet_weight 7: subnet 1 has commit-reveal on: commit to weights, and reveal them later");
    commit(&mut ctx, netuid, &keys[1], &BOB, &row).unwrap();
    let committed = ctx.block.height;
    let epochs = subnet(&ctx, netuid).epochs;
    let early = why(reveal(&mut ctx, netuid, &keys[1], &BOB, &row));
    assert_eq!(
        early,
        format!(
            "subnet_weight 8: commitment refused: it is revealed in epoch {}; the subnet is in {epochs}",
            epochs + 1
        )
    );
    epoch(&mut ctx, netuid);
    assert!(
        why(reveal(&mut ctx, netuid, &keys[1], &BOB, &[(2, 2)])).contains("nothing that is open hides these weights")
    );
    reveal(&mut ctx, netuid, &keys[1], &BOB, &row).unwrap();
    assert_eq!(neuron(&ctx, netuid, &keys[1]).unwrap().updated_height, committed);
    assert!(commitments(&ctx, netuid, 1).unwrap().is_empty());
    let earned = staked(&ctx, &keys[2]);
    epoch(&mut ctx, netuid);
    assert!(staked(&ctx, &keys[2]) > earned);

    // A validator that dies between commitment and reveal loses that one, and can commit again.
    commit(&mut ctx, netuid, &keys[1], &BOB, &row).unwrap();
    epoch(&mut ctx, netuid);
    epoch(&mut ctx, netuid);
    assert!(commitments(&ctx, netuid, 1).unwrap().is_empty());
    assert!(why(reveal(&mut ctx, netuid, &keys[1], &BOB, &row)).starts_with("subnet_weight 8"));
    commit(&mut ctx, netuid, &keys[1], &BOB, &row).unwrap();
}

#[test]
fn whoever_takes_over_a_uid_gets_nothing_that_was_meant_for_the_one_before() {
    for commit_reveal in [false, true] {
        let (mut ctx, netuid, keys) = running(commit_reveal);
        rules(&mut ctx, netuid, |rules| (rules.max_neurons, rules.immunity) = (3, 0));
        // Weights for the miner at uid 2, in force or under way, when it is replaced.
        if commit_reveal {
            commit(&mut ctx, netuid, &keys[1], &BOB, &[(2, 1)]).unwrap();
        } else {
            weigh(&mut ctx, netuid, &keys[1], &BOB, &[(2, 1)]).unwrap();
        }
        pass(&mut ctx, 1);
        replace_miner(&mut ctx, netuid);
        let sniper = neuron(&ctx, netuid, &id(50)).unwrap();
        assert_eq!(sniper.uid, 2);
        if commit_reveal {
            epoch(&mut ctx, netuid);
            reveal(&mut ctx, netuid, &keys[1], &BOB, &[(2, 1)]).unwrap();
        }
        epoch(&mut ctx, netuid);
        assert_eq!((staked(&ctx, &id(50)), staked(&ctx, &id(3))), (0, 0), "commit-reveal {commit_reveal}");
    }
}

/// Under the rules of 2024 somebody always makes room; the miner has the lowest score, and the latest uid of equals.
fn replace_miner(ctx: &mut ledger::Context, netuid: u32) {
    let before = subnet(ctx, netuid).rules.unwrap().rule_set;
    rules(ctx, netuid, |rules| rules.set_rule_set(proto::tetra::subnet::v1::RuleSet::RuleSet2024));
    let key = bind(ctx, 50, &PROVIDER);
    assert_eq!(register(ctx, netuid, &key, &PROVIDER).unwrap(), 2);
    rules(ctx, netuid, |rules| rules.rule_set = before);
}

#[test]
fn root_seats_go_to_more_stake() {
    let mut ctx = market();
    let params = crate::params::params(&ctx).unwrap();
    set_params(&mut ctx, proto::tetra::subnet::v1::Params { root_size: 1, ..params }).unwrap();
    let keys = [bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB)];
    let netuid = create(&mut ctx, &ALICE, &keys[0]);
    assert_eq!(
        why(weigh(&mut ctx, 0, &keys[0], &ALICE, &[(netuid, 1)])),
        "subnet_weight 3: the hotkey has 0nwit at stake; who weighs needs 1nwit"
    );
    stake(&mut ctx, &keys[0], &ALICE, 10 * WIT).unwrap();
    stake(&mut ctx, &keys[1], &BOB, 10 * WIT).unwrap();
    weigh(&mut ctx, 0, &keys[0], &ALICE, &[(netuid, 1)]).unwrap();
    assert!(why(weigh(&mut ctx, 0, &keys[1], &BOB, &[(netuid, 1)])).starts_with("subnet_weight 9"));
    stake(&mut ctx, &keys[1], &BOB, 10 * WIT).unwrap();
    weigh(&mut ctx, 0, &keys[1], &BOB, &[(netuid, 1)]).unwrap();
    assert!(why(weigh(&mut ctx, 0, &keys[1], &BOB, &[(5, 1)])).contains("there is no subnet 5"));
}
