//! Hardware behind bids and leases.

use insta::assert_snapshot;
use ledger::Context;
use ledger::capacity::{HoldKind, held};
use ledger::testing::{ALICE, BOB, FUNDS, PROVIDER, advance, announced, balance, forget};

use super::support::*;
use crate::auction::hold::MARKET;
use crate::deployment::messages::create_deployment;
use crate::ids::{BidId, DeploymentId};

/// Kind, milli-CPU, memory in GiB, storage in GiB and devices of each hold of a bid.
fn holds(ctx: &Context, id: &BidId) -> Vec<(HoldKind, u64, u64, u64, usize)> {
    let found = held(ctx, MARKET, &id.text(&ctx.chain.prefix)).unwrap();
    let show = |hold: proto::tetra::capacity::v1::Hold| {
        let taken = hold.resources.clone().unwrap();
        (hold.kind(), taken.cpu_milli, taken.memory / GI, taken.storage / GI, taken.devices.len())
    };
    found.into_iter().map(show).collect()
}

#[test]
fn a_bid_holds_softly_a_lease_firmly_and_both_let_go() {
    let mut ctx = market();
    register_host(&mut ctx, &PROVIDER, 1, 4_000, &[]);
    let group = deploy_groups(&mut ctx, ALICE, 7, &[3], "5000000uusd").group(1);
    forget(&mut ctx);
    let id = bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    // Three replicas; storage of class ram is memory.
    assert_eq!(holds(&ctx, &id), [(HoldKind::Soft, 3_000, 6, 3, 0)]);
    lease(&mut ctx, &id).unwrap();
    assert_eq!(holds(&ctx, &id), [(HoldKind::Firm, 3_000, 6, 3, 0)]);
    assert_eq!(broken(&ctx), Vec::<String>::new());
    close_lease(&mut ctx, &id).unwrap();
    assert_eq!(holds(&ctx, &id), []);
    assert_snapshot!(announced(&ctx));

    let again = bid(&mut ctx, &group, 2, PROVIDER).unwrap();
    close_bid(&mut ctx, &again).unwrap();
    assert_eq!(holds(&ctx, &again), []);
    let lost = bid(&mut ctx, &group, 2, RIVAL).unwrap();
    lease(&mut ctx, &lost).unwrap();
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_lost_bid_lets_go() {
    let mut ctx = market();
    register_host(&mut ctx, &PROVIDER, 1, 4_000, &[]);
    let group = deploy(&mut ctx, ALICE, 7).group(1);
    let lost = bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    let won = bid(&mut ctx, &group, 1, RIVAL).unwrap();
    lease(&mut ctx, &won).unwrap();
    assert_eq!(holds(&ctx, &lost), []);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn replicas_spread_over_hosts() {
    let mut ctx = market();
    register_host(&mut ctx, &PROVIDER, 1, 2_000, &[]);
    register_host(&mut ctx, &PROVIDER, 2, 2_000, &[]);
    let group = deploy_groups(&mut ctx, ALICE, 7, &[3], "5000000uusd").group(1);
    let id = bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    assert_eq!(holds(&ctx, &id).iter().map(|hold| hold.1).sum::<u64>(), 3_000);
    lease(&mut ctx, &id).unwrap();
    // One of two hosts shrinks: the lease ends as a whole, and the other host is free again.
    shrink_host(&mut ctx, &PROVIDER, 1, 0).unwrap();
    assert_eq!(holds(&ctx, &id), []);
    assert_snapshot!(states(&ctx, &group.deployment));
    assert_eq!(balance(&ctx, &PROVIDER, "uusd"), FUNDS);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn gpus_are_held_by_model() {
    let mut ctx = market();
    let owner = BOB;
    let gpu = "capabilities/gpu/vendor/nvidia/model/a100";
    register_provider(&mut ctx, &owner, &[("region", "eu-west"), (gpu, "true")]);
    let (a100, h100) = ("vendor/nvidia/model/a100/ram/80Gi", "vendor/nvidia/model/h100/ram/80Gi");
    register_host(&mut ctx, &owner, 1, 8_000, &[h100, a100]);
    let more = "        gpu:\n          units: 1\n          attributes:\n            vendor:\n              nvidia:\n                \
                - model: a100\n";
    let id = DeploymentId { owner: ALICE, dseq: 7 };
    let msg = msg_create(&ctx, &id, specs(&[1], "100", "uusd", more), "5000000uusd");
    run(&mut ctx, create_deployment, msg).unwrap();
    let first = bid(&mut ctx, &id.group(1), 1, owner).unwrap();
    let reference = first.text(&ctx.chain.prefix);
    let devices = held(&ctx, MARKET, &reference).unwrap()[0].resources.clone().unwrap().devices;
    assert_eq!(devices, ["gpu-1-1"]);
    lease(&mut ctx, &first).unwrap();

    let second = DeploymentId { owner: ALICE, dseq: 8 };
    let msg = msg_create(&ctx, &second, specs(&[1], "100", "uusd", more), "5000000uusd");
    run(&mut ctx, create_deployment, msg).unwrap();
    let mut refusals = Refusals::default();
    refusals.note(bid(&mut ctx, &second.group(1), 1, owner));
    assert_snapshot!(refusals.0, @"capacity 2: capacity gone: no host of the provider has room for this; take the next offer");
}

#[test]
fn of_two_leases_for_one_room_the_first_wins_and_the_second_can_try_again() {
    let mut ctx = market();
    register_host(&mut ctx, &PROVIDER, 1, 1_500, &[]);
    let first = deploy(&mut ctx, ALICE, 7).group(1);
    let second = deploy(&mut ctx, BOB, 7).group(1);
    let won = bid(&mut ctx, &first, 1, PROVIDER).unwrap();
    let late = bid(&mut ctx, &second, 1, PROVIDER).unwrap();
    lease(&mut ctx, &won).unwrap();
    let before = crate::genesis::export(&ctx).unwrap();
    let (tenant, provider) = (balance(&ctx, &BOB, "uusd"), balance(&ctx, &PROVIDER, "uusd"));
    let mut refusals = Refusals::default();
    refusals.note(lease(&mut ctx, &late));
    assert_snapshot!(refusals.0, @"capacity 2: capacity gone: another took what this offer stood on; take the next offer");
    assert_eq!(crate::genesis::export(&ctx).unwrap(), before);
    assert_eq!((balance(&ctx, &BOB, "uusd"), balance(&ctx, &PROVIDER, "uusd")), (tenant, provider));
    assert_eq!(broken(&ctx), Vec::<String>::new());

    // The tenant takes another provider's bid, or waits until the room is free again.
    close_lease(&mut ctx, &won).unwrap();
    lease(&mut ctx, &late).unwrap();
    assert_eq!(holds(&ctx, &late), [(HoldKind::Firm, 1_000, 2, 1, 0)]);
    close_deployment(&mut ctx, &second.deployment).unwrap();
    assert_eq!(balance(&ctx, &BOB, "uusd"), FUNDS);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn a_bid_outlives_any_number_of_blocks_as_long_as_it_is_open() {
    let mut ctx = market();
    register_host(&mut ctx, &PROVIDER, 1, 1_500, &[]);
    let group = deploy(&mut ctx, ALICE, 7).group(1);
    let id = bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    for _ in 0..3 {
        advance(&mut ctx, 1_000_000);
        ledger::capacity::end_block(&mut ctx).unwrap();
        route(&mut ctx).unwrap();
    }
    lease(&mut ctx, &id).unwrap();
    assert_eq!(holds(&ctx, &id), [(HoldKind::Firm, 1_000, 2, 1, 0)]);
}

#[test]
fn a_bid_from_before_the_first_host_takes_its_place_with_the_lease() {
    let mut ctx = market();
    let group = deploy(&mut ctx, ALICE, 7).group(1);
    let late = deploy(&mut ctx, ALICE, 8).group(1);
    let id = bid(&mut ctx, &group, 1, PROVIDER).unwrap();
    let none = bid(&mut ctx, &late, 1, PROVIDER).unwrap();
    register_host(&mut ctx, &PROVIDER, 1, 1_500, &[]);
    lease(&mut ctx, &id).unwrap();
    assert_eq!(holds(&ctx, &id), [(HoldKind::Firm, 1_000, 2, 1, 0)]);
    let mut refusals = Refusals::default();
    refusals.note(lease(&mut ctx, &none));
    assert!(refusals.0.starts_with("capacity 2: capacity gone"), "{}", refusals.0);
    assert_eq!(broken(&ctx), Vec::<String>::new());
}

#[test]
fn hardware_that_vanishes_closes_bids_and_ends_leases() {
    let mut ctx = market();
    register_host(&mut ctx, &PROVIDER, 1, 3_000, &[]);
    let leased = deploy(&mut ctx, ALICE, 7).group(1);
    let open = deploy(&mut ctx, BOB, 7).group(1);
    let id = bid(&mut ctx, &leased, 1, PROVIDER).unwrap();
    let offer = bid(&mut ctx, &open, 1, PROVIDER).unwrap();
    lease(&mut ctx, &id).unwrap();
    advance(&mut ctx, 2);
    shrink_host(&mut ctx, &PROVIDER, 1, 500).unwrap();
    assert_snapshot!(announced(&ctx) + &states(&ctx, &leased.deployment) + &states(&ctx, &open.deployment));
    assert_eq!((holds(&ctx, &id), holds(&ctx, &offer)), (vec![], vec![]));
    assert_eq!(broken(&ctx), Vec::<String>::new());
    let mut refusals = Refusals::default();
    refusals.note(lease(&mut ctx, &offer));
    assert!(refusals.0.starts_with("market 12"), "{}", refusals.0);
}
