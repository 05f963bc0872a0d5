//! Rounds of proofs: who counts, who does not, and what a lie costs.

use ledger::testing::ALICE;
use proto::tetra::cluster::v1::{Ask, MsgBeat, MsgCommitProof, MsgPauseDevices, OfferState, QueryClassesRequest};

use super::support::{Net, ask, offer_id, terms, why};
use crate::money;
use crate::supply::state::ROUND;
use crate::supply::{messages as supply, queries};

#[test]
fn what_is_claimed_counts_only_once_others_confirmed_it() {
    let mut net = Net::bare();
    for number in 1..=4 {
        net.join(number);
        net.offer(number, terms(20_000)).unwrap();
        assert_eq!(net.state(number), OfferState::Pending);
    }
    let classes = |net: &Net| queries::classes(&net.ctx, QueryClassesRequest {}).unwrap().classes[0].clone();
    assert_eq!((classes(&net).proved, classes(&net).claimed), (0, 8));
    assert!(why(net.quote(1, ask(1))).contains("0 of 1 devices"));
    net.round(&[]);
    assert_eq!((classes(&net).proved, classes(&net).claimed), (8, 0));
    assert!(net.quote(1, ask(1)).is_ok());
    // Who does not take part in the next round stops to count, and is counted again after the one that follows.
    net.alive.remove(&4);
    net.round(&[]);
    for _ in 0..12 {
        net.beat(4);
        net.pass(10);
    }
    assert_eq!(net.state(4), OfferState::Failed);
    assert_eq!((classes(&net).proved, classes(&net).claimed), (6, 2));
    net.alive.insert(4);
    net.round(&[]);
    assert_eq!(net.state(4), OfferState::Ready);
}

#[test]
fn a_wrong_product_costs_half_of_the_collateral_and_the_place() {
    let mut net = Net::bare();
    for number in 1..=5 {
        net.join(number);
        net.offer(number, terms(20_000)).unwrap();
    }
    let pool = net.usd(&money::pool());
    net.round(&[2]);
    assert_eq!(net.state(2), OfferState::Blocked);
    assert_eq!((net.of(2).collateral, net.of(2).slashed), (1_000_000, 1_000_000));
    // What it cost waits for an appeal.
    assert_eq!(net.usd(&money::pool()), pool);
    net.pass(100);
    assert_eq!((net.of(2).slashed, net.usd(&money::pool())), (0, pool + 1_000_000));
    assert!(why(net.appeal(2)).contains("no proof of it was found wrong lately"));
    assert!(net.of(2).reason.contains("the product is another"));
    assert!(why(net.offer(2, terms(20_000))).contains("is blocked"));
    assert!((1..=5).filter(|number| *number != 2).all(|number| net.state(number) == OfferState::Ready));
}

#[test]
fn late_doubled_and_old_commitments_are_refused() {
    let mut net = Net::new(3);
    let before = ROUND.get(&net.ctx.state).unwrap().unwrap().number;
    while ROUND.get(&net.ctx.state).unwrap().unwrap().number == before {
        net.pass(1);
    }
    net.commit(1).unwrap();
    assert!(why(net.commit(1)).contains("has its commitment already"));
    let id = offer_id(2).to_wire(&net.ctx.chain.prefix);
    let old = MsgCommitProof {
        owner: id.owner,
        host_key: id.host_key,
        round: before,
        digest: vec![2; 32],
        ..MsgCommitProof::default()
    };
    assert!(why(net.run(supply::commit_proof, old)).contains("this is round"));
    net.pass(11);
    assert!(why(net.commit(3)).contains("it took 11000 ms of chain time"));
}

#[test]
fn a_proof_counts_once_somebody_else_looked_at_it() {
    let mut net = Net::bare();
    net.join(1);
    net.offer(1, terms(20_000)).unwrap();
    net.round(&[]);
    net.pass(30);
    assert_eq!(net.state(1), OfferState::Failed);
    assert!(net.of(1).reason.contains("had nobody else to verify it"));
    // It does as soon as there is somebody else.
    let alone = ROUND.get(&net.ctx.state).unwrap().unwrap().number;
    net.join(2);
    net.offer(2, terms(20_000)).unwrap();
    assert_eq!(ROUND.get(&net.ctx.state).unwrap().unwrap().number, alone + 1);
    for supplier in [1, 2] {
        net.commit(supplier).unwrap();
    }
    net.verdicts(&[]);
    assert_eq!([1, 2].map(|supplier| net.state(supplier)), [OfferState::Ready; 2]);
}

#[test]
fn a_paused_offer_is_not_hired_and_its_price_follows_use() {
    let mut net = Net::new(2);
    let id = offer_id(1).to_wire(&net.ctx.chain.prefix);
    let (owner, host_key) = (id.owner, id.host_key);
    let pause = MsgPauseDevices { owner: owner.clone(), host_key: host_key.clone(), paused: true };
    net.run(supply::pause_devices, pause).unwrap();
    assert_eq!(net.state(1), OfferState::Paused);
    assert!(why(net.quote(1, ask(3))).contains("2 of 3 devices"));
    net.run(supply::pause_devices, MsgPauseDevices { owner, host_key, paused: false }).unwrap();
    // All is hired for an hour: the class gets dearer by the most.
    net.running(1, ask(4));
    let price = |net: &Net| queries::classes(&net.ctx, QueryClassesRequest {}).unwrap().classes[0].price;
    assert_eq!(price(&net), 20_000);
    net.pass(3_600);
    assert!((20_001..=21_000).contains(&price(&net)), "{}", price(&net));
    assert!(net.usd(&ALICE) > 0);
}

#[test]
fn a_connectivity_tier_that_there_is_not_is_refused() {
    let mut net = Net::new(1);
    let id = offer_id(1).to_wire(&net.ctx.chain.prefix);
    // It would be above every tier that is asked for.
    let beyond = MsgBeat { owner: id.owner, host_key: id.host_key, tier: 99 };
    assert!(why(net.run(supply::beat, beyond)).contains("99 is no connectivity tier"));
    assert_eq!(net.of(1).tier, 0);
    let refused = why(net.quote(1, Ask { tier: 99, ..ask(1) }));
    assert!(refused.contains("99 is no connectivity tier"), "{refused}");
}

#[test]
fn the_first_of_a_pool_do_not_wait_for_the_hour() {
    let mut net = Net::bare();
    let number = |net: &Net| ROUND.get(&net.ctx.state).unwrap().unwrap().number;
    net.join(1);
    net.offer(1, terms(20_000)).unwrap();
    net.pass(30);
    let empty = number(&net);
    assert!(ROUND.get(&net.ctx.state).unwrap().unwrap().closed, "the only one committed to nothing");
    for supplier in 2..=3 {
        net.join(supplier);
        net.offer(supplier, terms(20_000)).unwrap();
        assert_eq!(number(&net), empty + 1, "one round for all who come while it is open");
    }
    for supplier in 1..=3 {
        net.commit(supplier).unwrap();
    }
    net.verdicts(&[]);
    assert_eq!([1, 2, 3].map(|supplier| net.state(supplier)), [OfferState::Ready; 3]);
    // Whoever comes once there is a pool is proved with all others.
    net.join(4);
    net.offer(4, terms(20_000)).unwrap();
    assert_eq!(number(&net), empty + 1);
}
