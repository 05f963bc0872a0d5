//! What holds for every subnet, whatever validators say.

use proptest::prelude::*;
use yuma::{
    Bonds, Common, Epoch, Era, Fixed, Liquid, Matrix, Neuron, Outcome, Rows, Rules, Seen, Step, Subnet, Uid,
    Unweighted, Watch,
};

/// Rows in which each cell may be missing, zero, or anything.
fn rows(neurons: usize) -> impl Strategy<Value = Vec<Vec<(Uid, u16)>>> {
    // One number for a cell: a choice of strategies for each would take most of the time.
    let cell = |(uid, number): (Uid, u32)| match (number >> 16) % 9 {
        0..3 => None,
        3 => Some((uid, 0)),
        4 => Some((uid, u16::MAX)),
        _ => Some((uid, (number & 0xffff) as u16)),
    };
    let row = move |row: &[u32]| (0..).zip(row.iter().copied()).filter_map(cell).collect();
    proptest::collection::vec(any::<u32>(), neurons * neurons)
        .prop_map(move |cells| (0..neurons).map(|at| row(&cells[at * neurons..(at + 1) * neurons])).collect())
}

fn block() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0u64..1000, 1 => any::<u64>()]
}

fn neuron() -> impl Strategy<Value = Neuron> {
    let stake = prop_oneof![1 => Just(0), 2 => 1u64..5, 4 => 0u64..10u64.pow(16), 1 => any::<u64>()];
    let committed = proptest::option::weighted(0.2, block());
    (stake, block(), block(), proptest::bool::weighted(0.8), committed).prop_map(
        |(stake, last_update, registered, permit, committed)| {
            // Most neurons are older than the weights of most others.
            Neuron { stake, last_update, registered: registered / 4, permit, committed }
        },
    )
}

fn subnets(most: usize) -> impl Strategy<Value = Subnet> {
    (0..most).prop_flat_map(|neurons| {
        let owner = proptest::option::of(0..Uid::try_from(neurons.max(1)).unwrap());
        let numbers = (block(), 0u64..400, proptest::option::of(block()), any::<u64>());
        (numbers, proptest::collection::vec(neuron(), neurons), owner, rows(neurons), rows(neurons)).prop_map(
            move |((now, tempo, last_step, emission), neurons, owner, weights, bonds)| Subnet {
                now,
                tempo,
                last_step,
                owner: owner.filter(|_| !neurons.is_empty()),
                neurons,
                weights: Rows::sparse(&weights).unwrap(),
                bonds: Rows::sparse(&bonds).unwrap(),
                emission,
            },
        )
    })
}

fn eras() -> impl Strategy<Value = Era> {
    let unweighted = prop_oneof![Just(Unweighted::Drop), Just(Unweighted::Decay)];
    let liquid = (any::<u16>(), any::<u16>(), any::<i16>(), unweighted)
        .prop_map(|(a, b, steepness, unweighted)| Liquid { low: a.min(b), high: a.max(b), steepness, unweighted });
    let bonds = prop_oneof![
        Just(Bonds::Classic),
        Just(Bonds::Yuma3 { liquid: None }),
        liquid.prop_map(|liquid| Bonds::Yuma3 { liquid: Some(liquid) }),
    ];
    let penalty = prop_oneof![Just(0), Just(u16::MAX), any::<u16>()];
    let new = (prop_oneof![Just(0), 0u64..10u64.pow(16)], penalty, bonds)
        .prop_map(|(stake_threshold, bonds_penalty, bonds)| Era::V2026 { stake_threshold, bonds_penalty, bonds });
    prop_oneof![1 => Just(Era::V2024), 3 => new]
}

fn rules() -> impl Strategy<Value = Rules> {
    let kappa = prop_oneof![Just(0), Just(u16::MAX), Just(32_767), any::<u16>()];
    (kappa, prop_oneof![Just(5000), 0u64..900], 0u16..20, 0u64..=1_000_000, eras()).prop_map(
        |(kappa, activity_cutoff, most_validators, bonds_moving_average, era)| Rules {
            common: Common { kappa, activity_cutoff, most_validators, bonds_moving_average },
            era,
        },
    )
}

fn run(rules: Rules, subnet: &Subnet) -> Outcome {
    Epoch::new(rules, subnet.clone()).unwrap().run()
}

fn sum(numbers: &[Fixed]) -> Fixed {
    numbers.iter().copied().sum()
}

/// Which uid each neuron gets when it moves to another place: the inverse is the order of places.
fn moved<T: Copy>(values: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|from| values[*from]).collect()
}

fn moved_rows(rows: &Rows, order: &[usize], place: &[Uid]) -> Rows {
    let lists = rows.cells().to_lists();
    let row = |from: &usize| lists[*from].iter().map(|(uid, value)| (place[usize::from(*uid)], *value)).collect();
    Rows::sparse(&order.iter().map(row).collect::<Vec<_>>()).unwrap()
}

proptest! {
    #[test]
    fn what_is_paid_is_the_emission_but_for_dust(rules in rules(), subnet in subnets(10)) {
        let outcome = run(rules, &subnet);
        let paid = outcome.server_emission.iter().chain(&outcome.validator_emission);
        let paid: u128 = paid.map(|amount| u128::from(*amount)).sum();
        prop_assert_eq!(paid + u128::from(outcome.dust), u128::from(subnet.emission));
        if sum(&outcome.emission_share) > Fixed::ZERO {
            // Each share loses less than 2^-32, and each amount less than one.
            let neurons = u128::try_from(subnet.neurons.len()).unwrap();
            prop_assert!(u128::from(outcome.dust) <= ((u128::from(subnet.emission) * 2 * neurons) >> 32) + 2 * neurons);
        }
    }

    #[test]
    fn shares_are_shares(rules in rules(), subnet in subnets(10)) {
        let outcome = run(rules, &subnet);
        let all = [&outcome.stake, &outcome.active_stake, &outcome.incentive, &outcome.dividends, &outcome.emission_share];
        for shares in all {
            prop_assert!(shares.iter().all(|share| *share >= Fixed::ZERO));
            prop_assert!(sum(shares) <= Fixed::ONE);
        }
        let up_to_one = |numbers: &[Fixed]| numbers.iter().all(|n| (Fixed::ZERO..=Fixed::ONE).contains(n));
        prop_assert!(up_to_one(&outcome.consensus) && up_to_one(&outcome.validator_trust));
        prop_assert!(outcome.trust.is_none_or(|trust| up_to_one(&trust)));
    }

    #[test]
    fn who_has_no_voice_earns_no_dividends(rules in rules(), subnet in subnets(10)) {
        let outcome = run(rules, &subnet);
        let yuma3 = matches!(rules.era, Era::V2026 { bonds: Bonds::Yuma3 { .. }, .. });
        for (uid, stake) in outcome.active_stake.iter().enumerate() {
            // Classic bonds of before pay on.
            if yuma3 && *stake == Fixed::ZERO {
                prop_assert_eq!(outcome.dividends[uid], Fixed::ZERO);
            }
        }
        // Who is not permitted keeps no bonds.
        for (uid, row) in outcome.bonds.cells().to_lists().into_iter().enumerate() {
            if subnet.neurons[uid].permit && !outcome.permits[uid] {
                prop_assert_eq!(row, vec![]);
            }
        }
    }

    /// Uids decide nothing but who gets a permit among equal stakes.
    #[test]
    fn uids_are_only_names(rules in rules(), subnet in subnets(10), keys in proptest::collection::vec(any::<u32>(), 10)) {
        let neurons = subnet.neurons.len();
        let before = run(rules, &subnet);
        let mut stakes = before.stake.clone();
        stakes.sort_unstable();
        let ties = stakes.windows(2).any(|pair| pair[0] == pair[1]);
        prop_assume!(!ties || usize::from(rules.common.most_validators) >= neurons);
        let mut order: Vec<usize> = (0..neurons).collect();
        order.sort_by_key(|uid| keys[*uid]);
        let mut place = vec![0; neurons];
        for (to, from) in (0..).zip(&order) {
            place[*from] = to;
        }
        let other = Subnet {
            neurons: moved(&subnet.neurons, &order),
            owner: subnet.owner.map(|owner| place[usize::from(owner)]),
            weights: moved_rows(&subnet.weights, &order, &place),
            bonds: moved_rows(&subnet.bonds, &order, &place),
            ..subnet
        };
        let after = run(rules, &other);
        let expected = Outcome {
            active: moved(&before.active, &order),
            permits: moved(&before.permits, &order),
            stake: moved(&before.stake, &order),
            active_stake: moved(&before.active_stake, &order),
            consensus: moved(&before.consensus, &order),
            validator_trust: moved(&before.validator_trust, &order),
            trust: before.trust.map(|trust| moved(&trust, &order)),
            incentive: moved(&before.incentive, &order),
            dividends: moved(&before.dividends, &order),
            emission_share: moved(&before.emission_share, &order),
            server_emission: moved(&before.server_emission, &order),
            validator_emission: moved(&before.validator_emission, &order),
            pruning_scores: moved(&before.pruning_scores, &order),
            bonds: moved_rows(&before.bonds, &order, &place),
            dust: before.dust,
        };
        prop_assert_eq!(after, expected);
    }

    #[test]
    fn consensus_falls_as_kappa_rises(rules in rules(), subnet in subnets(10), other in any::<u16>()) {
        let mut stricter = rules;
        stricter.common.kappa = rules.common.kappa.max(other);
        let (loose, strict) = (run(rules, &subnet), run(stricter, &subnet));
        prop_assert!(loose.consensus.iter().zip(&strict.consensus).all(|(loose, strict)| strict <= loose));
    }

    #[test]
    fn dense_weights_give_what_sparse_ones_give(rules in rules(), mut subnet in subnets(8)) {
        let lists = subnet.weights.cells().to_lists();
        let mut dense = vec![vec![0; lists.len()]; lists.len()];
        let mut sparse = lists.clone();
        for (row, cells) in lists.iter().enumerate() {
            cells.iter().for_each(|(uid, value)| dense[row][usize::from(*uid)] = *value);
            sparse[row].retain(|(_, value)| *value > 0);
        }
        subnet.weights = Rows::dense(&dense).unwrap();
        let of_dense = run(rules, &subnet);
        subnet.weights = Rows::sparse(&sparse).unwrap();
        prop_assert_eq!(&of_dense, &run(rules, &subnet));
        // A zero that was set matters to liquid alpha alone.
        if !matches!(rules.era, Era::V2026 { bonds: Bonds::Yuma3 { liquid: Some(_) }, .. }) {
            subnet.weights = Rows::sparse(&lists).unwrap();
            prop_assert_eq!(of_dense, run(rules, &subnet));
        }
    }

    #[test]
    fn what_is_explained_is_what_happened(rules in rules(), subnet in subnets(8)) {
        let neurons = subnet.neurons.len();
        let epoch = Epoch::new(rules, subnet).unwrap();
        let outcome = epoch.run();
        for (uid, at) in (0..).zip(0..neurons) {
            let (again, trace) = epoch.explain(uid);
            prop_assert_eq!(&again, &outcome);
            let mut expected = vec![
                (Step::Active, Seen::Flag(outcome.active[at])),
                (Step::NextPermit, Seen::Flag(outcome.permits[at])),
                (Step::Stake, Seen::Number(outcome.stake[at])),
                (Step::ActiveStake, Seen::Number(outcome.active_stake[at])),
                (Step::Consensus, Seen::Number(outcome.consensus[at])),
                (Step::ValidatorTrust, Seen::Number(outcome.validator_trust[at])),
                (Step::Incentive, Seen::Number(outcome.incentive[at])),
                (Step::Dividends, Seen::Number(outcome.dividends[at])),
                (Step::EmissionShare, Seen::Number(outcome.emission_share[at])),
                (Step::ServerEmission, Seen::Amount(outcome.server_emission[at])),
                (Step::ValidatorEmission, Seen::Amount(outcome.validator_emission[at])),
            ];
            expected.extend(outcome.trust.as_ref().map(|trust| (Step::Trust, Seen::Number(trust[at]))));
            for (step, seen) in expected {
                prop_assert_eq!(trace.get(step), Some(&seen), "{:?}", step);
            }
            let given = outcome.bonds.cells().row_cells(at).collect();
            let received = outcome.bonds.cells().column(uid).collect();
            prop_assert_eq!(trace.get(Step::StoredBonds), Some(&Seen::Stored { given, received }));
            // A weight of the input counts, or it is said why not.
            let cells = epoch.subnet().weights.cells();
            let Some(Seen::Cells { given, .. }) = trace.get(Step::Weights) else {
                return Err(TestCaseError::fail("no weights"));
            };
            for (to, _) in cells.row_cells(at) {
                let counted = given.iter().any(|(uid, _)| *uid == to);
                let told = trace.dropped.iter().any(|(from, of, why)| {
                    (*from, *of) == (uid, to) && ![yuma::Dropped::NoConsensus, yuma::Dropped::BondOfFormer].contains(why)
                });
                prop_assert!(counted != told);
            }
        }
    }

    /// Where liquid alpha lets bonds decay, those with a weight are as before, and those without become smaller.
    #[test]
    fn bonds_without_a_weight_decay_or_go(rules in rules(), subnet in subnets(8)) {
        let Era::V2026 { stake_threshold, bonds_penalty, bonds: Bonds::Yuma3 { liquid: Some(liquid) } } = rules.era else {
            return Ok(());
        };
        let all = |unweighted| {
            let bonds = Bonds::Yuma3 { liquid: Some(Liquid { unweighted, ..liquid }) };
            let era = Era::V2026 { stake_threshold, bonds_penalty, bonds };
            let mut averages = Averages::default();
            let epoch = Epoch::new(Rules { common: rules.common, era }, subnet.clone()).unwrap();
            let outcome = epoch.run_watched(&mut averages);
            (outcome, averages)
        };
        let ((outcome, dropped), (_, decayed)) = (all(Unweighted::Drop), all(Unweighted::Decay));
        let agreed = outcome.consensus.iter().any(|consensus| *consensus > Fixed::ZERO);
        let (Some(dropped), Some(decayed), Some(old)) = (dropped.new, decayed.new, decayed.old) else {
            return Err(TestCaseError::fail("no bonds"));
        };
        for (row, cells) in decayed.to_lists().into_iter().enumerate() {
            for (uid, bond) in cells {
                let from = Uid::try_from(row).unwrap();
                match dropped.get(from, uid) {
                    Some(same) => prop_assert_eq!(same, bond),
                    None => prop_assert!(agreed && Some(bond) <= old.get(from, uid)),
                }
            }
        }
    }
}

/// Bonds before and after they moved.
#[derive(Default)]
struct Averages {
    old: Option<Matrix>,
    new: Option<Matrix>,
}

impl Watch for Averages {
    fn matrix(&mut self, step: Step, values: &Matrix) {
        match step {
            Step::OldBonds => self.old = Some(values.clone()),
            Step::BondAverage => self.new = Some(values.clone()),
            _ => {}
        }
    }
}

#[test]
fn an_empty_subnet_pays_nothing() {
    let subnet = Subnet {
        now: 1,
        tempo: 0,
        last_step: None,
        neurons: Vec::new(),
        owner: None,
        weights: Rows::empty(0).unwrap(),
        bonds: Rows::empty(0).unwrap(),
        emission: 7,
    };
    let common = Common { kappa: 32_767, activity_cutoff: 0, most_validators: 64, bonds_moving_average: 900_000 };
    for era in [Era::V2024, Era::V2026 { stake_threshold: 0, bonds_penalty: 0, bonds: Bonds::Classic }] {
        let outcome = run(Rules { common, era }, &subnet);
        assert_eq!((outcome.dust, outcome.stake, outcome.bonds.neurons()), (7, vec![], 0));
    }
}
