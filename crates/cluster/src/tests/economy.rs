//! What suppliers earn by being there, what a hire costs beside the hire, and io.net's table of fees.

use ledger::bank::Policy;
use ledger::testing::{self, ALICE, balance};
use proto::tetra::cluster::v1::{Params, Rewards};

use super::support::{Net, ask, comes_back, owner, terms, why};
use crate::money;
use crate::params::params;
use crate::supply::state::{PARAMS, REWARDS};

/// io.net's schedule by the hour (spec/render_ionet.md B2.6).
fn io_net() -> Rewards {
    Rewards {
        denom: "uio".to_owned(),
        base: "500000000000000".to_owned(),
        yearly: 80_000,
        per_year: 8_760,
        fall: 13_886_952_396,
        periods: 175_319,
        most: "300000000000000".to_owned(),
    }
}

fn with(change: impl FnOnce(&mut Params)) -> Net {
    let mut net = Net::bare();
    testing::register_denom(&mut net.ctx, "uio", Policy::Disinflation);
    let mut wanted = params(&net.ctx).unwrap();
    change(&mut wanted);
    crate::params::check(&wanted).unwrap();
    PARAMS.set(&mut net.ctx.state, &wanted);
    for number in 1..=4 {
        net.join(number);
        net.offer(number, terms(20_000)).unwrap();
    }
    net
}

#[test]
fn the_hourly_schedule_is_shared_among_devices_that_are_proved_and_free() {
    let mut net = with(|params| {
        (params.rewards, params.round_ms) = (Some(io_net()), 3_600_000);
    });
    net.round(&[]);
    // The first round closes within the first hour: nothing was emitted yet.
    assert_eq!(balance(&net.ctx, &owner(1), "uio"), 0);
    // One has nothing free in the second round, and one does not prove itself.
    net.running(1, proto::tetra::cluster::v1::Ask { pack: true, duration_ms: 3 * 3_600_000, ..ask(2) });
    let busy = (1..=4).find(|number| net.of(*number).hired == 2).unwrap();
    let absent = (1..=4).find(|number| *number != busy).unwrap();
    net.alive.remove(&absent);
    net.round(&[]);
    net.pass(30);
    let of = |number: u16| balance(&net.ctx, &owner(number), "uio");
    assert_eq!((of(busy), of(absent)), (0, 0));
    // The first hour of the schedule is 4,566.21 tokens, for two suppliers of two devices each.
    let others: Vec<u16> = (1..=4).filter(|number| *number != busy && *number != absent).collect();
    assert_eq!(others.iter().map(|number| of(*number)).collect::<Vec<_>>(), [2_283_105_022, 2_283_105_022]);
    comes_back(&net);
    let state = REWARDS.get(&net.ctx.state).unwrap().unwrap();
    assert_eq!((state.passed, state.minted.as_str(), state.pool.as_str()), (1, "4566210044", "0"));
}

#[test]
fn rewards_need_a_denom_of_their_policy() {
    let net = with(|_| {});
    let refused = |denom: &str| {
        let rewards = Rewards { denom: denom.to_owned(), ..io_net() };
        why(crate::supply::rewards::check_denom(&net.ctx, &rewards))
    };
    assert!(refused("uusd").contains("uusd is minted by policy none, and disinflation is wanted"));
    assert!(refused("unknown").contains("the chain knows no unknown"));
    crate::supply::rewards::check_denom(&net.ctx, &io_net()).unwrap();
}

#[test]
fn the_bonus_for_being_hired_is_part_of_the_fee_and_never_more() {
    for (bonus, part) in [(0, 0), (5_000, 50), (10_000, 100)] {
        let mut net = with(|params| params.hired_bonus_bp = bonus);
        net.round(&[]);
        let before: u128 = (1..=4).map(|number| net.usd(&owner(number))).sum();
        let pool = net.usd(&money::pool());
        let quote = net.quote(1, ask(2)).unwrap();
        assert_eq!(quote.fee, 100);
        net.create(1, quote.total).unwrap();
        net.join_all(1);
        net.reach_all(1);
        let after: u128 = (1..=4).map(|number| net.usd(&owner(number))).sum();
        assert_eq!(after - before, part);
        assert_eq!(net.usd(&money::pool()), pool + 100 - part);
    }
}

/// B2.5: 2 % on each side in USD beside 0.25 % of the reservation: who rents for 100 pays 102.25. The supplier's side is the network's
/// take, whose rates are whole percents on the wire: 2 %, without the quarter that io.net has suppliers pay too.
#[test]
fn io_nets_fees_are_another_table() {
    let mut net = with(|params| {
        params.reservation_bp = 225;
        for class in &mut params.classes {
            (class.start_price, class.max_price, class.min_price) = (50_000_000, 50_000_000, 50_000_000);
        }
    });
    testing::set_take(&mut net.ctx, "uusd", 2);
    net.round(&[]);
    let (alice, before) = (net.usd(&ALICE), (1..=4).map(|number| net.usd(&owner(number))).sum::<u128>());
    net.running(1, ask(2));
    net.pass(3_600);
    assert_eq!(alice - net.usd(&ALICE), 102_250_000);
    let after = (1..=4).map(|number| net.usd(&owner(number))).sum::<u128>();
    assert_eq!(after - before, 98_000_000);
}
