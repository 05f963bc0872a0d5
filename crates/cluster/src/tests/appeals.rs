//! One appeal against a wrong proof, and what it costs.

use proto::tetra::cluster::v1::{MsgWithdrawDevices, OfferState, VerdictKind};

use super::support::{Net, comes_back, offer_id, owner, terms, why};
use crate::money;
use crate::supply::messages as supply;

/// Nine suppliers, of whom the second was found wrong.
fn condemned() -> Net {
    condemned_after(0)
}

fn condemned_after(blocks: u64) -> Net {
    let mut net = Net::bare();
    net.pass(blocks);
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

/// A sign of life in the very block in which the time for an appeal ends does not keep it open.
#[test]
fn the_time_for_an_appeal_ends_however_its_agent_beats() {
    // Agents beat every tenth block: in one of these cases in that block.
    for shift in 0..10 {
        let mut net = condemned_after(shift);
        let pool = net.usd(&money::pool());
        net.pass(62);
        assert_eq!((net.of(2).slashed, net.usd(&money::pool())), (0, pool + 1_000_000), "{shift}");
        assert!(why(net.appeal(2)).contains("no proof of it was found wrong lately"));
    }
}

#[test]
fn genesis_keeps_appeals_open_and_not() {
    let mut net = condemned();
    comes_back(&net);
    net.appeal(2).unwrap();
    comes_back(&net);
}
