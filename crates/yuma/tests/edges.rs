//! Where one block, or one rao, decides (spec/bittensor.md 2.2).

use yuma::{
    Bonds, Common, Dropped, Epoch, Era, Fixed, Liquid, Neuron, Outcome, Rows, Rules, Seen, Step, Subnet, Trace, Uid,
    Unweighted,
};

const FULL: u16 = u16::MAX;

/// One validator (uid 0) and two miners, in block 1000.
fn subnet() -> Subnet {
    let neuron = |stake| Neuron { stake, last_update: 900, registered: 1, permit: stake > 0, committed: None };
    Subnet {
        now: 1000,
        tempo: 100,
        last_step: None,
        neurons: vec![neuron(100), neuron(0), neuron(0)],
        owner: None,
        weights: Rows::sparse(&[vec![(1, FULL), (2, FULL)], vec![], vec![]]).unwrap(),
        bonds: Rows::sparse(&[vec![(1, FULL), (2, FULL)], vec![], vec![]]).unwrap(),
        emission: 1000,
    }
}

fn classic() -> Era {
    Era::V2026 { stake_threshold: 0, bonds_penalty: FULL, bonds: Bonds::Classic }
}

fn explain(era: Era, subnet: Subnet, uid: Uid) -> (Outcome, Trace) {
    let common = Common { kappa: 32_767, activity_cutoff: 50, most_validators: 64, bonds_moving_average: 900_000 };
    Epoch::new(Rules { common, era }, subnet).unwrap().explain(uid)
}

/// The cells that the validator gave in a step.
fn given(trace: &Trace, step: Step) -> Vec<Uid> {
    match trace.get(step) {
        Some(Seen::Cells { given, .. }) => given.iter().map(|(uid, _)| *uid).collect(),
        other => panic!("{step:?} shows {other:?}"),
    }
}

#[test]
fn activity_ends_after_the_cutoff() {
    for (last_update, active) in [(949, false), (950, true), (u64::MAX, true)] {
        let mut subnet = subnet();
        subnet.neurons[0].last_update = last_update;
        assert_eq!(explain(classic(), subnet, 0).0.active[0], active, "{last_update}");
    }
}

#[test]
fn weights_count_for_miners_that_were_there_before() {
    for (registered, counts) in [(899, true), (900, false), (901, false)] {
        let mut subnet = subnet();
        subnet.neurons[2].registered = registered;
        let (_, trace) = explain(classic(), subnet, 0);
        assert_eq!(given(&trace, Step::Weights), if counts { vec![1, 2] } else { vec![1] }, "{registered}");
        assert_eq!(trace.dropped.contains(&(0, 2, Dropped::Outdated)), !counts);
    }
}

#[test]
fn commits_count_from_the_block_of_registration_on() {
    for (committed, counts) in [(799, false), (800, true)] {
        let mut subnet = subnet();
        subnet.neurons[0].committed = Some(committed);
        subnet.neurons[2].registered = 800;
        let (_, trace) = explain(classic(), subnet.clone(), 0);
        assert_eq!(given(&trace, Step::Weights), if counts { vec![1, 2] } else { vec![1] }, "{committed}");
        assert_eq!(trace.dropped.contains(&(0, 2, Dropped::CommittedBefore)), !counts);
        // In 2024 nothing was committed.
        assert_eq!(given(&explain(Era::V2024, subnet, 0).1, Step::Weights), [1, 2]);
    }
}

#[test]
fn bonds_are_in_miners_that_were_there_at_the_last_epoch() {
    let kept = |era, last_step, registered| {
        let mut subnet = subnet();
        subnet.last_step = last_step;
        subnet.neurons[2].registered = registered;
        given(&explain(era, subnet, 0).1, Step::OldBonds).contains(&2)
    };
    assert!(kept(classic(), Some(700), 700) && !kept(classic(), Some(700), 701));
    // Without an epoch before, one tempo counts.
    assert!(kept(classic(), None, 899) && !kept(classic(), None, 900));
    // In 2024 the block of the weights counted.
    assert!(kept(Era::V2024, Some(700), 899) && !kept(Era::V2024, Some(700), 900));
}

#[test]
fn thresholds_spare_the_owner() {
    let stakes = |owner, threshold| {
        let mut subnet = subnet();
        subnet.owner = owner;
        let era = Era::V2026 { stake_threshold: threshold, bonds_penalty: FULL, bonds: Bonds::Classic };
        explain(era, subnet, 0).0.stake[0]
    };
    assert_eq!((stakes(None, 100), stakes(None, 101), stakes(Some(0), 101)), (Fixed::ONE, Fixed::ZERO, Fixed::ONE));
}

#[test]
fn owners_may_rate_themselves_since_2026() {
    let mut subnet = subnet();
    (subnet.owner, subnet.neurons[1].stake) = (Some(1), 100);
    subnet.weights = Rows::sparse(&[vec![(0, FULL), (2, FULL)], vec![(1, FULL)], vec![]]).unwrap();
    let (outcome, trace) = explain(classic(), subnet.clone(), 1);
    // The owner had no permit, and has one all the same.
    assert_eq!((trace.get(Step::Permit), given(&trace, Step::Weights)), (Some(&Seen::Flag(true)), vec![1]));
    assert!(outcome.permits[1]);
    let (_, trace) = explain(Era::V2024, subnet.clone(), 1);
    assert_eq!((trace.get(Step::Permit), given(&trace, Step::Weights)), (Some(&Seen::Flag(false)), vec![]));
    assert!(explain(classic(), subnet, 0).1.dropped.contains(&(0, 0, Dropped::Oneself)));
}

fn liquid(unweighted: Unweighted) -> Era {
    let liquid = Liquid { low: 6_553, high: 58_982, steepness: 1000, unweighted };
    Era::V2026 { stake_threshold: 0, bonds_penalty: FULL, bonds: Bonds::Yuma3 { liquid: Some(liquid) } }
}

/// A weight of zero lets a bond decay, and one that was not set ends it, unless the rules say that it decays, too.
#[test]
fn liquid_alpha_tells_zero_from_nothing() {
    let bond = |row: Vec<(Uid, u16)>, unweighted| {
        let mut subnet = subnet();
        subnet.neurons[0].last_update = 1000;
        subnet.weights = Rows::sparse(&[row, vec![], vec![]]).unwrap();
        let bonds = explain(liquid(unweighted), subnet, 0).0.bonds;
        bonds.cells().get(0, 2)
    };
    let (zero, nothing) = (vec![(1, FULL), (2, 0)], vec![(1, FULL)]);
    let decayed = bond(zero.clone(), Unweighted::Drop);
    assert!(decayed.is_some_and(|bond| (1..FULL).contains(&bond)));
    assert_eq!(bond(nothing.clone(), Unweighted::Drop), None);
    assert_eq!(bond(zero, Unweighted::Decay), decayed);
    assert_eq!(bond(nothing, Unweighted::Decay), decayed);
}

/// Where bond and weight are equal, the distance is that of the weight from consensus, not the one between them.
#[test]
fn a_bond_that_has_arrived_follows_consensus() {
    let mut subnet = subnet();
    // Two validators: the weaker one is alone with its view of miner 2.
    let second = Neuron { stake: 50, permit: true, ..subnet.neurons[0] };
    subnet.neurons.push(second);
    subnet.neurons.iter_mut().for_each(|neuron| neuron.last_update = 1000);
    subnet.weights = Rows::sparse(&[vec![(1, FULL)], vec![], vec![], vec![(2, FULL)]]).unwrap();
    subnet.bonds = Rows::sparse(&[vec![(1, FULL)], vec![], vec![], vec![(2, FULL)]]).unwrap();
    // Without a penalty bonds are formed of weights as set.
    let Era::V2026 { bonds, .. } = liquid(Unweighted::Drop) else {
        panic!("liquid alpha is of 2026");
    };
    let era = Era::V2026 { stake_threshold: 0, bonds_penalty: 0, bonds };
    let (_, trace) = explain(era, subnet, 3);
    // A distance of one: nearly the fastest rate.
    let rate = trace.rates.iter().find(|(from, to, _)| (*from, *to) == (3, 2)).map(|(_, _, rate)| *rate);
    assert!(rate.is_some_and(|rate| rate > Fixed::ratio(89, 100)), "{rate:?}");
}
