//! Hotkeys: who may bind them, and what each of their accounts may do.

use ledger::testing::{ALICE, BOB, CAROL};
use proto::tetra::subnet::v1::{MsgBindHotkey, MsgServe, MsgSetTake, MsgSwapHotkey, MsgUnstake};

use super::support::*;
use crate::key::binding::{bind_bytes, swap_bytes};
use crate::key::messages::{bind_hotkey, set_take, swap_hotkey, unstake};
use crate::network::messages::serve;
use crate::params::WIT;

#[test]
fn a_hotkey_is_bound_by_its_own_word_once() {
    let mut ctx = market();
    let (alice, bob, hotkey) = (ctx.text(&ALICE), ctx.text(&BOB), id(1).to_vec());
    let signature = signed(1, &bind_bytes(&ctx.chain.id, &ALICE, &BOB, 1));
    let msg = MsgBindHotkey { coldkey: alice.clone(), hotkey, operator: bob.clone(), signature };
    // For another coldkey, another operator, by another key.
    let others = [
        MsgBindHotkey { coldkey: bob.clone(), ..msg.clone() },
        MsgBindHotkey { operator: alice.clone(), ..msg.clone() },
        MsgBindHotkey { hotkey: id(2).to_vec(), ..msg.clone() },
        MsgBindHotkey { signature: vec![1; 64], ..msg.clone() },
        MsgBindHotkey { signature: Vec::new(), ..msg.clone() },
    ];
    for other in others {
        let refused = why(ctx.attempt(|ctx| bind_hotkey(ctx, other)));
        assert!(refused.starts_with("subnet_key 5: the hotkey's signature does not fit"), "{refused}");
    }
    ctx.attempt(|ctx| bind_hotkey(ctx, msg.clone())).unwrap();
    // The same word does not count twice, and a stranger cannot take it over with a word of the hotkey's own.
    assert!(why(ctx.attempt(|ctx| bind_hotkey(ctx, msg.clone()))).contains("as sequence 2"));
    let signature = signed(1, &bind_bytes(&ctx.chain.id, &CAROL, &CAROL, 2));
    let carol = ctx.text(&CAROL);
    let taken = MsgBindHotkey { coldkey: carol.clone(), operator: carol, signature, ..msg };
    let refused = why(ctx.attempt(|ctx| bind_hotkey(ctx, taken)));
    assert!(refused.starts_with("subnet_key 4: the coldkey of hotkey"), "{refused}");
}

#[test]
fn the_operator_serves_and_weighs_and_touches_no_money() {
    let mut ctx = market();
    let (alice, bob, key) = (ctx.text(&ALICE), ctx.text(&BOB), id(1));
    let signature = signed(1, &bind_bytes(&ctx.chain.id, &ALICE, &BOB, 1));
    let msg = MsgBindHotkey { coldkey: alice.clone(), hotkey: key.to_vec(), operator: bob.clone(), signature };
    ctx.attempt(|ctx| bind_hotkey(ctx, msg)).unwrap();
    let netuid = create(&mut ctx, &ALICE, &key);
    stake(&mut ctx, &key, &ALICE, 10 * WIT).unwrap();

    let msg = |operator: &str, endpoint: &str| MsgServe {
        operator: operator.to_owned(),
        netuid,
        hotkey: key.to_vec(),
        endpoint: endpoint.to_owned(),
        protocol: 2,
    };
    let refused = why(ctx.attempt(|ctx| serve(ctx, msg(&alice, "http://10.0.0.1:9"))));
    assert!(refused.starts_with("subnet_key 4: the operator of hotkey"), "{refused}");
    let refused = why(ctx.attempt(|ctx| serve(ctx, msg(&bob, "ftp://10.0.0.1"))));
    assert!(refused.contains("is no http(s) address"), "{refused}");
    ctx.attempt(|ctx| serve(ctx, msg(&bob, "http://10.0.0.1:9"))).unwrap();
    assert_eq!(neuron(&ctx, netuid, &key).unwrap().endpoint, "http://10.0.0.1:9");

    // Unstaking is by whoever staked, the take by the coldkey.
    let refused =
        why(ctx.attempt(|ctx| unstake(ctx, MsgUnstake { coldkey: bob.clone(), hotkey: key.to_vec(), amount: 0 })));
    assert!(refused.starts_with("subnet_key 7: 0nwit are staked"), "{refused}");
    let refused = why(ctx.attempt(|ctx| set_take(ctx, MsgSetTake { coldkey: bob, hotkey: key.to_vec(), take: 1 })));
    assert!(refused.starts_with("subnet_key 4"), "{refused}");
    let answer =
        ctx.attempt(|ctx| unstake(ctx, MsgUnstake { coldkey: alice, hotkey: key.to_vec(), amount: 0 })).unwrap();
    assert_eq!((answer.amount, staked(&ctx, &key)), (10 * WIT, 0));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_take_falls_at_once_and_rises_seldom() {
    let mut ctx = market();
    let key = bind(&mut ctx, 1, &ALICE);
    let coldkey = ctx.text(&ALICE);
    let take = |ctx: &mut ledger::Context, take| {
        let msg = MsgSetTake { coldkey: coldkey.clone(), hotkey: key.to_vec(), take };
        ctx.attempt(|ctx| set_take(ctx, msg))
    };
    take(&mut ctx, 100).unwrap();
    take(&mut ctx, 200).unwrap();
    assert_eq!(why(take(&mut ctx, 300)), "subnet_key 6: raising the take is possible again at height 51");
    take(&mut ctx, 150).unwrap();
    pass(&mut ctx, 50);
    take(&mut ctx, 300).unwrap();
    assert!(why(take(&mut ctx, 60_000)).contains("it may take 11796 of 65535 at most"));
}

#[test]
fn nominators_share_dividends_after_the_take() {
    let mut ctx = market();
    let (owner, validator, miner) = (bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB), bind(&mut ctx, 3, &ALICE));
    let netuid = create(&mut ctx, &ALICE, &owner);
    register(&mut ctx, netuid, &validator, &BOB).unwrap();
    register(&mut ctx, netuid, &miner, &ALICE).unwrap();
    stake(&mut ctx, &validator, &BOB, 100 * WIT).unwrap();
    stake(&mut ctx, &validator, &CAROL, 300 * WIT).unwrap();
    epoch(&mut ctx, netuid);
    weigh(&mut ctx, netuid, &validator, &BOB, &[(2, 1)]).unwrap();
    epoch(&mut ctx, netuid);
    let paid = neuron(&ctx, netuid, &validator).unwrap().validator_emission;
    let worth = |ctx: &ledger::Context, who| {
        let request = proto::tetra::subnet::v1::QueryStakesRequest { coldkey: ctx.text(who), ..Default::default() };
        crate::key::queries::stakes(ctx, request).unwrap().stakes[0].amount
    };
    let (bob, carol) = (worth(&ctx, &BOB) - 100 * WIT, worth(&ctx, &CAROL) - 300 * WIT);
    let take = paid * 11_796 / 65_535;
    let rest = paid - take;
    assert!(carol.abs_diff(rest * 3 / 4) <= 2, "{carol} of {rest}");
    assert!(bob.abs_diff(take + rest / 4) <= 2, "{bob}: {take} and a quarter of {rest}");
}

#[test]
fn a_swap_moves_everything_and_costs() {
    let mut ctx = market();
    let (old, validator) = (bind(&mut ctx, 1, &ALICE), bind(&mut ctx, 2, &BOB));
    let netuid = create(&mut ctx, &ALICE, &old);
    register(&mut ctx, netuid, &validator, &BOB).unwrap();
    stake(&mut ctx, &old, &ALICE, 10 * WIT).unwrap();
    stake(&mut ctx, &old, &CAROL, 20 * WIT).unwrap();
    weigh(&mut ctx, 0, &old, &ALICE, &[(netuid, 1)]).unwrap();
    let (alice, before) = (ctx.text(&ALICE), wit(&ctx, &ALICE));
    let new = id(9);
    let signature = signed(9, &swap_bytes(&ctx.chain.id, &ALICE, &old, 1));
    let msg = MsgSwapHotkey { coldkey: alice, from: old.to_vec(), to: new.to_vec(), signature };
    ctx.attempt(|ctx| swap_hotkey(ctx, msg.clone())).unwrap();
    assert_eq!(before - wit(&ctx, &ALICE), WIT);
    assert_eq!((staked(&ctx, &old), staked(&ctx, &new)), (0, 30 * WIT));
    assert_eq!((neuron(&ctx, netuid, &old), neuron(&ctx, netuid, &new).map(|neuron| neuron.uid)), (None, Some(0)));
    assert_eq!(subnet(&ctx, netuid).owner_hotkey, new);
    assert!(crate::weight::state::SEATS.has(&ctx.state, &new).unwrap());
    assert_eq!(broken(&ctx), Vec::<String>::new());
    assert!(why(ctx.attempt(|ctx| swap_hotkey(ctx, msg))).starts_with("subnet_key 3"));
    pass(&mut ctx, 25);
}
