//! Bids.

use insta::assert_snapshot;
use ledger::Context;
use ledger::testing::{ALICE, AUTHORITY, BOB, FUNDS, PROVIDER, advance, announced, balance, forget};
use proto::Duration;
use proto::akash::deployment::v1::DeploymentReclamation;
use proto::akash::market::v1beta5::{MsgCloseBid, MsgCreateBid, MsgUpdateParams, ResourceOffer};

use super::support::*;
use crate::auction::Params;
use crate::auction::messages::{bids, update_params};
use crate::deployment::messages::create_deployment;
use crate::ids::DeploymentId;

fn window(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

#[test]
fn a_bid_is_announced_closed_and_its_deposit_comes_back() {
    let mut ctx = market();
    let group = deploy(&mut ctx, ALICE, 7).group(1);
    forget(&mut ctx);
    let id = bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS - 500_000);
    close_bid(&mut ctx, &id).unwrap();
    assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS);
    assert_snapshot!(announced(&ctx) + &states(&ctx, &group.deployment));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn an_order_that_ends_gives_back_every_deposit() {
    let mut ctx = market();
    let group = deploy(&mut ctx, ALICE, 7).group(1);
    bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    bid(&mut ctx, &group, 1, RIVAL).unwrap();
    pause_group(&mut ctx, &group).unwrap();
    assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS);
    assert_eq!(balance(&ctx, &RIVAL, "uusd"), FUNDS);
    assert_snapshot!(states(&ctx, &group.deployment));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn bids_that_are_refused() {
    let mut ctx = market();
    let group = deploy(&mut ctx, ALICE, 7).group(1);
    let taken = deploy(&mut ctx, ALICE, 8).group(1);
    let active = bid(&mut ctx, &taken, 1, PROVIDER).unwrap();
    lease(&mut ctx, &active).unwrap();
    let over = deploy(&mut ctx, ALICE, 9).group(1);
    pause_group(&mut ctx, &over).unwrap();
    register_provider(&mut ctx, &BOB, &[("region", "us-east")]);

    let mut refusals = Refusals::default();
    let good = msg_bid(&ctx, &group.order(1).bid(PROVIDER), "10.5");
    let mut refuse = |change: &dyn Fn(&Context, &mut MsgCreateBid)| {
        let mut msg = good.clone();
        change(&ctx, &mut msg);
        refusals.note(run(&mut ctx, bids::create_bid, msg));
    };
    refuse(&|_, m| m.id = None);
    refuse(&|_, m| m.id.as_mut().unwrap().bseq = 1);
    refuse(&|ctx, m| m.id.as_mut().unwrap().provider = ctx.text(&ALICE));
    refuse(&|_, m| m.id.as_mut().unwrap().provider = "x".to_owned());
    refuse(&|_, m| m.id.as_mut().unwrap().oseq = 2);
    refuse(&|_, m| m.id.as_mut().unwrap().dseq = 8);
    refuse(&|_, m| m.id.as_mut().unwrap().dseq = 9);
    refuse(&|ctx, m| m.id.as_mut().unwrap().provider = ctx.text(&AUTHORITY));
    refuse(&|ctx, m| m.id.as_mut().unwrap().provider = ctx.text(&BOB));
    refuse(&|_, m| m.deposit = None);
    refuse(&|_, m| m.deposit = deposit("499999uusd"));
    refuse(&|_, m| m.deposit = deposit("500000ulux"));
    refuse(&|_, m| m.deposit = deposit("999999999999999999uusd"));
    refuse(&|_, m| m.price = None);
    refuse(&|_, m| m.price = price("0", "uusd"));
    refuse(&|_, m| m.price = price("1", "utet"));
    refuse(&|_, m| m.price = price("100.000000000000000001", "uusd"));
    refuse(&|_, m| m.price.as_mut().unwrap().amount = "-1".to_owned());
    refuse(&|_, m| m.resources_offer = vec![ResourceOffer { resources: None, count: 1, prices: None }]);
    refuse(&|_, m| m.reclamation_window = window(3_599));
    refuse(&|_, m| m.reclamation_window = window(2_592_001));
    refuse(&|_, m| m.reclamation_window = window(-1));
    assert_snapshot!(refusals.0);

    run(&mut ctx, bids::create_bid, good.clone()).unwrap();
    let mut refusals = Refusals::default();
    refusals.note(run(&mut ctx, bids::create_bid, good.clone()));
    let id = group.order(1).bid(PROVIDER);
    refusals.note(close_bid(&mut ctx, &group.order(1).bid(RIVAL)));
    let reason = |reason| MsgCloseBid { id: good.id.clone(), reason };
    refusals.note(run(&mut ctx, bids::close_bid, reason(0)));
    refusals.note(run(&mut ctx, bids::close_bid, reason(10_004)));
    refusals.note(run(&mut ctx, bids::close_bid, reason(20_000)));
    close_bid(&mut ctx, &id).unwrap();
    refusals.note(close_bid(&mut ctx, &id));
    refusals.note(bid(&mut ctx, &group, 1, PROVIDER));
    close_lease(&mut ctx, &active).unwrap();
    refusals.note(close_bid(&mut ctx, &active));
    assert_snapshot!("after_the_first_bid", refusals.0);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn an_order_has_at_most_one_bid_more_than_the_parameter_says() {
    let mut ctx = market();
    let params = Params { order_max_bids: 1, ..Params::default() };
    let msg = MsgUpdateParams { authority: ctx.text(&AUTHORITY), params: Some(params.to_wire()) };
    run(&mut ctx, update_params, msg).unwrap();
    register_provider(&mut ctx, &BOB, &[("region", "eu-west")]);
    let group = deploy(&mut ctx, ALICE, 7).group(1);
    bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    bid(&mut ctx, &group, 1, RIVAL).unwrap();
    let mut refusals = Refusals::default();
    refusals.note(bid(&mut ctx, &group, 1, BOB));
    assert_snapshot!(refusals.0, @"market 31: unable to create bid: too many existing bids (2)");
}

#[test]
fn parameters_out_of_bounds_are_refused() {
    let mut ctx = market();
    let authority = ctx.text(&AUTHORITY);
    let mut refusals = Refusals::default();
    let good = Params::default().to_wire();
    let mut refuse = |change: fn(&mut proto::akash::market::v1beta5::Params)| {
        let mut params = good.clone();
        change(&mut params);
        let msg = MsgUpdateParams { authority: authority.clone(), params: Some(params) };
        refusals.note(run(&mut ctx, update_params, msg));
    };
    refuse(|p| p.order_max_bids = 0);
    refuse(|p| p.order_max_bids = 501);
    refuse(|p| p.bid_min_deposits.clear());
    refuse(|p| p.bid_min_deposit.as_mut().unwrap().amount = "1".to_owned());
    refuse(|p| p.min_reclamation_window = window(0));
    refuse(|p| p.max_reclamation_window = None);
    refuse(|p| p.max_reclamation_window = window(1));
    assert_snapshot!(refusals.0);
}

#[test]
fn an_order_that_wants_reclamation_gets_it() {
    let mut ctx = market();
    let id = DeploymentId { owner: ALICE, dseq: 7 };
    let mut msg = msg_create(&ctx, &id, groups(&[1], "100", "uusd"), "5000000uusd");
    msg.reclamation = Some(DeploymentReclamation { min_window: window(7_200) });
    run(&mut ctx, create_deployment, msg).unwrap();
    let bid_id = id.group(1).order(1).bid(PROVIDER);
    let mut msg = msg_bid(&ctx, &bid_id, "10");
    let mut refusals = Refusals::default();
    refusals.note(run(&mut ctx, bids::create_bid, msg.clone()));
    msg.reclamation_window = window(7_199);
    refusals.note(run(&mut ctx, bids::create_bid, msg.clone()));
    msg.reclamation_window = window(7_200);
    run(&mut ctx, bids::create_bid, msg).unwrap();
    refusals.note(start_reclaim(&mut ctx, &bid_id));
    lease(&mut ctx, &bid_id).unwrap();
    refusals.note(close_bid(&mut ctx, &bid_id));
    forget(&mut ctx);
    start_reclaim(&mut ctx, &bid_id).unwrap();
    refusals.note(start_reclaim(&mut ctx, &bid_id));
    let said = announced(&ctx);
    advance(&mut ctx, 1_199);
    refusals.note(close_bid(&mut ctx, &bid_id));
    assert_eq!(broken(&ctx), Vec::<String>::new());
    advance(&mut ctx, 1);
    close_bid(&mut ctx, &bid_id).unwrap();
    assert_snapshot!(refusals.0 + &said + &states(&ctx, &id));
    assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS + 12_000 * 80 / 100);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}
