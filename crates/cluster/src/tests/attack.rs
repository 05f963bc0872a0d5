//! The fake devices of April 2024 (spec/render_ionet.md B1.8), replayed: one machine claims thousands.
//!
//! The clock of the model is the chain's: the attacker's machine computes one proof of the class in 60 % of its deadline,
//! whatever it claims to be, so that of proofs computed in turn one is in time.

use proto::tetra::cluster::v1::{OfferState, QueryClassesRequest};

use super::support::{Net, broken, offer_id, owner, terms, why};
use crate::supply::queries;
use crate::supply::state::ROUND;

/// What the attacker claims. Of one machine, as in the issue.
const FAKES: u16 = 10_000;
const HONEST: u16 = 5;

#[test]
fn of_ten_thousand_devices_of_one_machine_none_counts_beyond_what_it_computes_in_time() {
    let mut net = Net::bare();
    net.checked = false;
    let one = || proto::tetra::cluster::v1::OfferTerms { devices: 1, ..terms(20_000) };
    for number in 1..=HONEST + FAKES {
        net.join(number);
        net.offer(number, one()).unwrap();
    }
    // The agents of the fakes give no other signs of life in this short time than their offers.
    net.alive = (1..=HONEST).collect();
    while ROUND.get(&net.ctx.state).unwrap().is_none() {
        net.pass(1);
    }
    // The honest commit at once; the machine of the attacker needs 6 of 10 seconds for each of its proofs, in turn.
    for number in 1..=HONEST {
        net.commit(number).unwrap();
    }
    net.pass(6);
    net.commit(HONEST + 1).unwrap();
    net.pass(6);
    let late = (HONEST + 2..=HONEST + FAKES).filter(|fake| net.commit(*fake).is_err()).count();
    assert_eq!(late, usize::from(FAKES) - 1);
    net.alive.insert(HONEST + 1);
    net.verdicts(&[]);
    net.pass(1);
    let ready = |from: u16, to: u16| (from..=to).filter(|number| net.state(*number) == OfferState::Ready).count();
    assert_eq!((ready(1, HONEST), ready(HONEST + 1, HONEST + FAKES)), (HONEST.into(), 1));
    let class = queries::classes(&net.ctx, QueryClassesRequest {}).unwrap().classes[0].clone();
    // What is claimed is never added to what is proved. The one that passed is a device: the attacker's machine.
    assert_eq!((class.proved, class.claimed), (u64::from(HONEST) + 1, u64::from(FAKES) - 1));
    let locked: u64 = (HONEST + 1..=HONEST + FAKES).map(|number| net.of(number).collateral).sum();
    assert_eq!(locked, 1_000_000 * u64::from(FAKES), "and each claim stands good with its collateral");
    assert_eq!(broken(&net.ctx), Vec::<String>::new());
}

#[test]
fn a_cloned_key_is_one_offer_and_belongs_to_who_registered_it() {
    let mut net = Net::new(3);
    // Another account with the same host key: the key names one host, which is another provider's.
    let id = offer_id(1).to_wire(&net.ctx.chain.prefix);
    let thief = net.ctx.text(&owner(2));
    let msg = proto::tetra::cluster::v1::MsgOfferDevices {
        owner: thief.clone(),
        host_key: id.host_key.clone(),
        terms: Some(terms(1)),
        source: proto::tetra::cluster::v1::Source::Provider.into(),
    };
    assert!(why(net.run(crate::supply::messages::offer_devices, msg)).contains("is another provider's"));
    let msg = proto::tetra::cluster::v1::MsgBeat { owner: thief, host_key: id.host_key, tier: 0 };
    assert!(why(net.run(crate::supply::messages::beat, msg)).contains("no devices of"));
}

#[test]
fn a_replayed_or_relayed_proof_is_found_wrong_because_its_seed_is_another() {
    // The digest of another host or another round is not what the verifiers compute from the seed of this one: what they say of it
    // is `wrong`. (That they find it wrong is tested where they compute: crate `proving`.)
    let mut net = Net::bare();
    for number in 1..=5 {
        net.join(number);
        net.offer(number, terms(20_000)).unwrap();
    }
    net.round(&[3]);
    assert_eq!(net.state(3), OfferState::Blocked);
    let honest = [1, 2, 4, 5].map(|number| net.state(number));
    assert_eq!(honest, [OfferState::Ready; 4]);
}
