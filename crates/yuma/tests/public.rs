//! Numbers that the chain's own public tests expect (spec/bittensor.md 2.5).

#![allow(clippy::float_arithmetic, reason = "the expected numbers are decimal fractions")]

use yuma::{Bonds, Common, Epoch, Era, Fixed, Liquid, Neuron, Outcome, Rows, Rules, Subnet, Uid, Unweighted};

const KAPPA: u16 = 32_767;

fn neuron(stake: u64) -> Neuron {
    Neuron { stake, last_update: 90, registered: 1, permit: stake > 0, committed: None }
}

/// A subnet without weights and bonds, in which everybody with stake has a permit.
fn subnet(stakes: &[u64], emission: u64) -> Subnet {
    Subnet {
        now: 100,
        tempo: 10,
        last_step: Some(89),
        neurons: stakes.iter().copied().map(neuron).collect(),
        owner: None,
        weights: Rows::empty(stakes.len()).unwrap(),
        bonds: Rows::empty(stakes.len()).unwrap(),
        emission,
    }
}

fn rules(bonds_moving_average: u64, era: Era) -> Rules {
    let common = Common { kappa: KAPPA, activity_cutoff: 5000, most_validators: 8, bonds_moving_average };
    Rules { common, era }
}

fn classic() -> Era {
    Era::V2026 { stake_threshold: 0, bonds_penalty: u16::MAX, bonds: Bonds::Classic }
}

/// Plays an epoch with these weights; its bonds are those of the next.
fn play(rules: Rules, subnet: &mut Subnet, weights: &[Vec<(Uid, u16)>]) -> Outcome {
    let mut rows = weights.to_vec();
    rows.resize(subnet.neurons.len(), Vec::new());
    subnet.weights = Rows::sparse(&rows).unwrap();
    let outcome = Epoch::new(rules, subnet.clone()).unwrap().run();
    subnet.bonds = outcome.bonds.clone();
    outcome
}

fn column(outcome: &Outcome, miner: Uid) -> Vec<u16> {
    outcome.bonds.cells().column(miner).map(|(_, bond)| bond).collect()
}

#[test]
fn bonds_move_away_from_validators_that_stop() {
    for era in [classic(), Era::V2024] {
        let mut subnet = subnet(&[1, 2, 3, 4, 0, 0, 0, 0], 1_000_000_000);
        let rated = vec![(4, 16_383), (5, 32_767), (6, 49_149), (7, 65_535)];
        let mut weights = vec![rated; 4];
        let mut next =
            |weights: &[Vec<(Uid, u16)>], miner: Uid| column(&play(rules(900_000, era), &mut subnet, weights), miner);
        assert_eq!(next(&weights, 4), [16_383, 32_767, 49_151, 65_535]);
        weights[0] = vec![(0, 65_535)];
        assert_eq!(next(&weights, 4), [14_582, 32_767, 49_151, 65_535]);
        weights[1] = vec![(1, 65_535)];
        assert_eq!(next(&weights, 4), [12_603, 28_321, 49_151, 65_535]);
        weights[2] = vec![(2, 65_535)];
        assert_eq!(next(&weights, 7), [12_602, 28_320, 49_150, 65_535]);
        weights[2] = vec![(7, 65_535)];
        assert_eq!(next(&weights, 7), [10_951, 24_609, 49_150, 65_535]);
        assert_eq!(next(&weights, 7), [9_559, 21_482, 49_150, 65_535]);
        assert_eq!(next(&weights, 7), [8_376, 18_824, 49_150, 65_535]);
    }
}

#[test]
fn who_follows_the_leader_late_gets_less() {
    let liquid = Liquid { low: 6_553, high: 19_660, steepness: 1000, unweighted: Unweighted::Drop };
    let era = Era::V2026 { stake_threshold: 0, bonds_penalty: 0, bonds: Bonds::Yuma3 { liquid: Some(liquid) } };
    let mut subnet = subnet(&[8, 1, 1, 0, 0], 1_000_000_000);
    let (first, second) = (vec![(3, u16::MAX)], vec![(4, u16::MAX)]);
    // Who is where in each epoch: the miner that A, B and C weigh; the bonds of each in both miners; dividends.
    type Row<'a> = ([&'a Vec<(Uid, u16)>; 3], [(f64, f64); 3], [f64; 3]);
    let epochs: [Row<'_>; 6] = [
        ([&first, &first, &first], [(0.1013, 0.0), (0.1013, 0.0), (0.1013, 0.0)], [0.8, 0.1, 0.1]),
        ([&second, &first, &first], [(0.0908, 0.1013), (0.3697, 0.0), (0.3697, 0.0)], [1.0, 0.0, 0.0]),
        ([&second, &second, &first], [(0.0815, 0.1924), (0.3170, 0.1013), (0.5580, 0.0)], [0.9382, 0.0618, 0.0]),
        ([&second, &second, &second], [(0.0731, 0.2742), (0.2765, 0.1924), (0.4306, 0.1013)], [0.8819, 0.0773, 0.0407]),
        ([&second, &second, &second], [(0.0656, 0.3478), (0.2435, 0.2742), (0.3589, 0.1924)], [0.8564, 0.0844, 0.0592]),
        ([&second, &second, &second], [(0.0588, 0.4139), (0.2157, 0.3478), (0.3089, 0.2742)], [0.8418, 0.0884, 0.0697]),
    ];
    for (number, (weights, bonds, dividends)) in epochs.into_iter().enumerate() {
        // A validator that leaves a miner says so with a zero; one that says nothing would lose its bond at once.
        let with_zero = |row: &Vec<(Uid, u16)>| {
            let miner = row[0].0;
            vec![(3, if miner == 3 { u16::MAX } else { 0 }), (4, if miner == 4 { u16::MAX } else { 0 })]
        };
        let weights: Vec<_> = weights.into_iter().map(with_zero).collect();
        let outcome = play(rules(975_000, era), &mut subnet, &weights);
        for (uid, (one, two)) in (0..).zip(bonds) {
            let bond = |miner| f64::from(outcome.bonds.cells().get(uid, miner).unwrap_or(0)) / 65_535.0;
            let found = (bond(3), bond(4), outcome.dividends[usize::from(uid)].to_bits() as f64 / 4_294_967_296.0);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-3;
            let right = near(found.0, one) && near(found.1, two) && near(found.2, dividends[usize::from(uid)]);
            assert!(right, "epoch {number}, validator {uid}: {found:?}");
        }
    }
}

#[test]
fn those_who_rate_themselves_are_paid_by_stake() {
    let mut subnet = subnet(&[1; 10], 1_000_000_000);
    let weights: Vec<_> = (0..10).map(|uid| vec![(uid, u16::MAX)]).collect();
    for era in [classic(), Era::V2024] {
        let outcome = play(rules(900_000, era), &mut subnet, &weights);
        assert_eq!(outcome.validator_emission, [99_999_999; 10]);
        assert_eq!(outcome.server_emission, [0; 10]);
        for scores in [&outcome.consensus, &outcome.incentive, &outcome.dividends, &outcome.validator_trust] {
            assert_eq!(*scores, [Fixed::ZERO; 10]);
        }
    }
}
