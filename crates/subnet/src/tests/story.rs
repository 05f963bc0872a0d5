//! A subnet from its creation to its end.

use ledger::testing::{ALICE, BOB, CAROL, PROVIDER};

use proto::tetra::subnet::v1::{MsgCreateSubnet, MsgRegisterNeuron, Params};

use super::support::*;
use crate::network::burn;
use crate::network::messages::{create_subnet, register_neuron};
use crate::params::{self, WIT};
use crate::refusal;

/// A subnet of Alice's with one validator of Bob's and two miners of Carol's, past its first epoch: permits are given.
fn running() -> (ledger::Context, u32, [[u8; 32]; 4]) {
    let mut ctx = market();
    let keys =
        [bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB), bind(&mut ctx, 3, &CAROL), bind(&mut ctx, 4, &CAROL)];
    let netuid = create(&mut ctx, &ALICE, &keys[0]);
    for (key, coldkey) in keys.iter().zip([ALICE, BOB, CAROL, CAROL]).skip(1) {
        register(&mut ctx, netuid, key, &coldkey).unwrap();
    }
    stake(&mut ctx, &keys[1], &BOB, 1_000 * WIT).unwrap();
    epoch(&mut ctx, netuid);
    (ctx, netuid, keys)
}

#[test]
fn emission_goes_to_owner_miner_and_validator() {
    let (mut ctx, netuid, keys) = running();
    // Nobody weighed anybody: all of it was recycled.
    assert_eq!(subnet(&ctx, netuid).pending, 0);
    assert!(neuron(&ctx, netuid, &keys[1]).unwrap().permit);
    assert!(!neuron(&ctx, netuid, &keys[2]).unwrap().permit, "who has no stake gets no permit");

    weigh(&mut ctx, netuid, &keys[1], &BOB, &[(2, 3), (3, 1)]).unwrap();
    let (owner, validator, first, second) =
        (wit(&ctx, &ALICE), staked(&ctx, &keys[1]), staked(&ctx, &keys[2]), staked(&ctx, &keys[3]));
    epoch(&mut ctx, netuid);
    // Ten blocks of a second at 7,200 a day.
    let emission = 10 * 7_200 * WIT / 86_400;
    let (owner, validator) = (wit(&ctx, &ALICE) - owner, staked(&ctx, &keys[1]) - validator);
    let (first, second) = (staked(&ctx, &keys[2]) - first, staked(&ctx, &keys[3]) - second);
    assert!(owner.abs_diff(emission * 18 / 100) < emission / 1_000, "{owner}");
    assert!(validator.abs_diff(emission * 41 / 100) < emission / 1_000, "{validator}");
    assert!((first + second).abs_diff(emission * 41 / 100) < emission / 1_000, "{first} {second}");
    assert!(first.abs_diff(3 * second) < first / 1_000, "{first} {second}");
    // What is not paid is dust, and was recycled.
    let paid = neuron(&ctx, netuid, &keys[2]).unwrap();
    assert_eq!((paid.server_emission, paid.validator_emission), (first, 0));
    assert!(paid.incentive > 49_000 && paid.incentive < 49_200, "{}", paid.incentive);
}

#[test]
fn an_empty_subnet_earns_nothing() {
    let mut ctx = market();
    let keys = [bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB)];
    let netuid = create(&mut ctx, &ALICE, &keys[0]);
    register(&mut ctx, netuid, &keys[1], &BOB).unwrap();
    stake(&mut ctx, &keys[1], &BOB, 1_000 * WIT).unwrap();
    pass(&mut ctx, 1);
    let (before, owner) = (issuance(&ctx), wit(&ctx, &ALICE));
    for _ in 0..3 {
        epoch(&mut ctx, netuid);
    }
    assert_eq!(issuance(&ctx), before, "it was minted, and recycled");
    assert_eq!((wit(&ctx, &ALICE), staked(&ctx, &keys[1])), (owner, 1_000 * WIT));
    // A validator that weighs itself is no miner either.
    weigh(&mut ctx, netuid, &keys[1], &BOB, &[(1, 1)]).unwrap();
    epoch(&mut ctx, netuid);
    assert_eq!((issuance(&ctx), staked(&ctx, &keys[1])), (before, 1_000 * WIT));
}

#[test]
fn registering_costs_what_it_says_and_no_more_than_the_limit() {
    let (mut ctx, netuid, _) = running();
    let key = bind(&mut ctx, 9, &PROVIDER);
    let (before, supply) = (wit(&ctx, &PROVIDER), issuance(&ctx));
    let cost = burn::at(&subnet(&ctx, netuid), ctx.block.height);
    let coldkey = ctx.text(&PROVIDER);
    let msg = |max_burn| MsgRegisterNeuron { coldkey: coldkey.clone(), netuid, hotkey: key.to_vec(), max_burn };
    let refused = ctx.attempt(|ctx| register_neuron(ctx, msg(cost - 1)));
    assert_eq!(refused.unwrap_err(), refusal::network::too_dear("registering", cost, cost - 1).into());
    assert_eq!(wit(&ctx, &PROVIDER), before);
    let answer = ctx.attempt(|ctx| register_neuron(ctx, msg(cost))).unwrap();
    assert_eq!((answer.uid, answer.burned), (4, cost));
    assert_eq!((before - wit(&ctx, &PROVIDER), supply - issuance(&ctx)), (cost, cost));
    let next = burn::at(&subnet(&ctx, netuid), ctx.block.height);
    assert_eq!(next, cost * 126 / 100);
    assert_eq!(why(register(&mut ctx, netuid, &key, &PROVIDER)), "subnet 8: the hotkey is uid 4 of subnet 1 already");
}

#[test]
fn a_full_subnet_replaces_who_earns_least_and_its_stake_stays() {
    let (mut ctx, netuid, keys) = running();
    rules(&mut ctx, netuid, |rules| (rules.max_neurons, rules.immunity) = (14, 5));
    for number in 10..20 {
        let key = bind(&mut ctx, number, &PROVIDER);
        register(&mut ctx, netuid, &key, &PROVIDER).unwrap();
    }
    stake(&mut ctx, &keys[3], &CAROL, 5 * WIT).unwrap();
    weigh(&mut ctx, netuid, &keys[1], &BOB, &[(2, 1)]).unwrap();
    epoch(&mut ctx, netuid);
    // Uid 3 earns nothing and is the oldest of those.
    let key = bind(&mut ctx, 30, &PROVIDER);
    assert_eq!(register(&mut ctx, netuid, &key, &PROVIDER).unwrap(), 3);
    assert_eq!(neuron(&ctx, netuid, &keys[3]), None);
    assert_eq!(staked(&ctx, &keys[3]), 5 * WIT);
    // Back only by paying again.
    let before = wit(&ctx, &CAROL);
    assert!(register(&mut ctx, netuid, &keys[3], &CAROL).is_ok());
    assert!(wit(&ctx, &CAROL) < before);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn the_weakest_subnet_makes_room_and_its_lock_comes_back() {
    let mut ctx = market();
    let params = params::params(&ctx).unwrap();
    set_params(&mut ctx, Params { subnet_limit: 2, ..params }).unwrap();
    let keys = [bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB), bind(&mut ctx, 3, &CAROL)];
    let before = wit(&ctx, &ALICE);
    assert_eq!(create(&mut ctx, &ALICE, &keys[0]), 1);
    let locked = subnet(&ctx, 1).locked;
    assert_eq!((locked, before - wit(&ctx, &ALICE)), (100 * WIT, locked));
    pass(&mut ctx, 1);
    assert_eq!(create(&mut ctx, &BOB, &keys[1]), 2);
    // Twice as dear, less what a block takes off it.
    assert_eq!(subnet(&ctx, 2).locked, 200 * WIT - 100 * WIT / params.lock_interval);
    let (owner, hotkey) = (ctx.text(&CAROL), keys[2].to_vec());
    let third = MsgCreateSubnet { owner, hotkey, name: "third".to_owned(), max_lock: u64::MAX };
    let refused = why(ctx.attempt(|ctx| create_subnet(ctx, third)));
    assert_eq!(refused, "subnet 7: there is no room: there are 2 subnets, and all of them are too young to be pruned");
    pass(&mut ctx, 12);
    // Equal shares: the oldest goes.
    assert_eq!(create(&mut ctx, &CAROL, &keys[2]), 1);
    assert_eq!(subnet(&ctx, 1).owner, ctx.text(&CAROL));
    assert_eq!(wit(&ctx, &ALICE), before);
    pass(&mut ctx, 12);
}
