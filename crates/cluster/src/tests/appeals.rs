//! One appeal against a wrong proof, and what it costs.

use proto::tetra::cluster::v1::{MsgWithdrawDevices, OfferState, VerdictKind};

use super::support::{Net, offer_id, owner, terms, why};
use crate::money;
use crate::supply::messages as supply;

/// Nine suppliers, of whom the second was found wrong.
fn condemned() -> Net {
    let mut net = Net::bare();
    for number in 1..=9 {
        net.join(number);
        net.offer(number, terms(20_000)).unwrap();
    }
    net.round(&[2]);
    assert_eq!(net.state(2), OfferState::Blocked);
    net
}

#[test]
fn a_granted_appeal_gives_everything_back() {
    let mut net = condemned();
    let before = net.usd(&owner(2));
    assert!(why(net.appeal(3)).contains("no proof of it was found wrong lately"));
    net.appeal(2).unwrap();
    assert_eq!(net.usd(&owner(2)), before - 1_000_000, "a deposit");
    assert!(why(net.appeal(2)).contains("it has appealed already"));
    let id = offer_id(2).to_wire(&net.ctx.chain.prefix);
    let withdraw = MsgWithdrawDevices { owner: id.owner, host_key: id.host_key };
    assert!(why(net.run(supply::withdraw_devices, withdraw)).contains("its appeal is open"));
    net.appeal_round(VerdictKind::Right);
    let offer = net.of(2);
    assert_eq!((offer.collateral, offer.slashed, offer.blocked), (2_000_000, 0, false));
    assert_eq!(net.usd(&owner(2)), before);
    assert!(offer.reason.contains("granted"));
    // Its next proof counts.
    net.round(&[]);
    assert_eq!(net.state(2), OfferState::Ready);
}

#[test]
fn a_lost_appeal_costs_the_deposit_too_and_there_is_no_second() {
    for kind in [VerdictKind::Wrong, VerdictKind::Silent] {
        let mut net = condemned();
        let pool = net.usd(&money::pool());
        net.appeal(2).unwrap();
        net.appeal_round(kind);
        assert_eq!(net.state(2), OfferState::Blocked);
        assert_eq!(net.usd(&money::pool()), pool + 2_000_000);
        assert!(why(net.appeal(2)).contains("no proof of it was found wrong lately"));
    }
}

#[test]
fn an_appeal_that_nobody_hears_is_lost_when_its_round_closes() {
    let mut net = condemned();
    net.appeal(2).unwrap();
    net.round(&[]);
    assert_eq!(net.of(2).slashed, 1_000_000);
    net.pass(30);
    assert_eq!((net.of(2).slashed, net.state(2)), (0, OfferState::Blocked));
    assert!(net.of(2).reason.contains("lost"));
}

#[test]
fn genesis_keeps_appeals() {
    let mut net = condemned();
    net.appeal(2).unwrap();
    let exported = crate::genesis::export(&net.ctx).unwrap();
    assert_eq!(exported.0.appeals.len(), 1);
    assert!(exported.0.appeals[0].opened_ms > 0);
}
