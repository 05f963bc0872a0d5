//! Leases, and the money that they move.

use insta::assert_snapshot;
use ledger::Context;
use ledger::testing::{ALICE, FUNDS, PROVIDER, advance, announced, balance, forget};

use super::support::*;
use crate::ids::BidId;

/// A lease at 10.5 uusd per block, and a bid that was lost.
fn leased(ctx: &mut Context) -> BidId {
    let group = deploy(ctx, ALICE, 7).group(1);
    let id = bid(ctx, &group, 1, PROVIDER).unwrap();
    bid(ctx, &group, 1, RIVAL).unwrap();
    lease(ctx, &id).unwrap();
    id
}

/// What 20 % of take leave of a payment.
fn net(paid: u128) -> u128 {
    paid - paid * 20 / 100
}

#[test]
fn a_lease_takes_one_bid_and_gives_the_others_their_deposits_back() {
    let mut ctx = market();
    let group = deploy(&mut ctx, ALICE, 7).group(1);
    let id = bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    bid(&mut ctx, &group, 1, RIVAL).unwrap();
    forget(&mut ctx);
    lease(&mut ctx, &id).unwrap();
    assert_eq!(balance(&ctx, &RIVAL, "uusd"), FUNDS);
    assert_snapshot!(announced(&ctx) + &states(&ctx, &id.deployment()));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_provider_withdraws_what_the_lease_earned() {
    let mut ctx = market();
    let id = leased(&mut ctx);
    advance(&mut ctx, 3);
    withdraw(&mut ctx, &id).unwrap();
    // 31.5 earned, 31 paid out, the half stays for the next time.
    assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS - 500_000 + net(31));
    assert_snapshot!(announced(&ctx));
    advance(&mut ctx, 1);
    withdraw(&mut ctx, &id).unwrap();
    assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS - 500_000 + net(42));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_tenant_closes_a_lease_and_a_new_order_follows() {
    let mut ctx = market();
    let id = leased(&mut ctx);
    advance(&mut ctx, 2);
    close_lease(&mut ctx, &id).unwrap();
    assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS + net(21));
    assert_snapshot!(announced(&ctx) + &states(&ctx, &id.deployment()));
    assert_eq!(broken(&ctx), Vec::<String>::new());

    let again = bid(&mut ctx, &id.order.group, 2, RIVAL).unwrap();
    lease(&mut ctx, &again).unwrap();
    close_deployment(&mut ctx, &id.deployment()).unwrap();
    assert_eq!(balance(&ctx, &ALICE, "uusd"), FUNDS - 21);
    assert_snapshot!("the_second_lease_ends_with_the_deployment", states(&ctx, &id.deployment()));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_provider_leaves_and_the_group_waits_for_its_tenant() {
    let mut ctx = market();
    let id = leased(&mut ctx);
    advance(&mut ctx, 2);
    close_bid(&mut ctx, &id).unwrap();
    assert_snapshot!(announced(&ctx) + &states(&ctx, &id.deployment()));
    start_group(&mut ctx, &id.order.group).unwrap();
    assert_snapshot!("and_the_group_starts_again", states(&ctx, &id.deployment()));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_group_with_a_lease_pauses_and_closes() {
    for close in [false, true] {
        let mut ctx = market();
        let id = leased(&mut ctx);
        advance(&mut ctx, 2);
        let ended = if close { close_group } else { pause_group };
        ended(&mut ctx, &id.order.group).unwrap();
        assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS + net(21));
        assert_snapshot!(format!("a_leased_group_closes_{close}"), states(&ctx, &id.deployment()));
        assert_eq!(broken(&ctx), Vec::<String>::new());
    }
}

/// Funds last for 5,000,000 / 10.5 = 476,190 whole blocks.
const LASTS: u64 = 476_190;

#[test]
fn funds_that_run_out_end_everything_once_someone_notices() {
    type Notice = fn(&mut Context, &BidId);
    let notices: [(&str, Notice); 5] = [
        ("settled", |ctx, id| settle(ctx, &id.deployment()).unwrap()),
        ("withdrawn", |ctx, id| withdraw(ctx, id).unwrap()),
        ("lease closed", |ctx, id| close_lease(ctx, id).unwrap()),
        ("bid closed", |ctx, id| close_bid(ctx, id).unwrap()),
        ("deployment closed", |ctx, id| close_deployment(ctx, &id.deployment()).unwrap()),
    ];
    let mut ends = Vec::new();
    for (name, notice) in notices {
        let mut ctx = market();
        let id = leased(&mut ctx);
        advance(&mut ctx, LASTS + 5);
        notice(&mut ctx, &id);
        assert_eq!(balance(&ctx, &ALICE, "uusd"), FUNDS - 5_000_000, "{name}");
        assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS + net(5_000_000), "{name}");
        assert_eq!(broken(&ctx), Vec::<String>::new(), "{name}");
        ends.push(states(&ctx, &id.deployment()));
        if name == "withdrawn" {
            assert_snapshot!("funds_ran_out", announced(&ctx));
        }
    }
    assert!(ends.windows(2).all(|pair| pair[0] == pair[1]), "{ends:#?}");
    assert_snapshot!(ends[0]);
}

#[test]
fn funds_that_just_suffice_end_nothing() {
    let mut ctx = market();
    let id = leased(&mut ctx);
    advance(&mut ctx, LASTS);
    settle(&mut ctx, &id.deployment()).unwrap();
    assert!(states(&ctx, &id.deployment()).starts_with("deployment active"));
    advance(&mut ctx, 1);
    settle(&mut ctx, &id.deployment()).unwrap();
    assert!(states(&ctx, &id.deployment()).starts_with("deployment closed"));
}

#[test]
fn what_leases_refuse() {
    let mut ctx = market();
    let group = deploy(&mut ctx, ALICE, 7).group(1);
    let (id, lost) = (group.order(1).bid(PROVIDER), group.order(1).bid(RIVAL));
    let mut refusals = Refusals::default();
    refusals.note(lease(&mut ctx, &id));
    refusals.note(close_lease(&mut ctx, &group.order(2).bid(PROVIDER)));
    refusals.note(withdraw(&mut ctx, &id));
    refusals.note(start_reclaim(&mut ctx, &id));
    bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    bid(&mut ctx, &group, 1, RIVAL).unwrap();
    refusals.note(close_lease(&mut ctx, &id));
    lease(&mut ctx, &id).unwrap();
    refusals.note(lease(&mut ctx, &id));
    refusals.note(lease(&mut ctx, &lost));
    refusals.note(close_lease(&mut ctx, &lost));
    refusals.note(close_bid(&mut ctx, &lost));
    refusals.note(start_reclaim(&mut ctx, &id));
    close_lease(&mut ctx, &id).unwrap();
    refusals.note(withdraw(&mut ctx, &id));
    refusals.note(close_lease(&mut ctx, &id));
    refusals.note(start_reclaim(&mut ctx, &id));
    assert_snapshot!(refusals.0);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn funds_that_ran_out_unnoticed_take_no_lease() {
    let mut ctx = market();
    let id = deploy_groups(&mut ctx, ALICE, 7, &[1, 1], "5000000uusd");
    let first = bid(&mut ctx, &id.group(1), 1, PROVIDER).unwrap();
    let second = bid(&mut ctx, &id.group(2), 1, PROVIDER).unwrap();
    lease(&mut ctx, &first).unwrap();
    advance(&mut ctx, LASTS + 5);
    let mut refusals = Refusals::default();
    refusals.note(lease(&mut ctx, &second));
    // The refusal wrote nothing; whoever settles ends it all.
    assert!(states(&ctx, &id).starts_with("deployment active"));
    pause_group(&mut ctx, &id.group(2)).unwrap();
    assert_snapshot!(refusals.0 + &states(&ctx, &id));
    assert_eq!(broken(&ctx), Vec::<String>::new());
}
