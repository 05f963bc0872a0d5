//! Networks without faults.

use sim::{Network, secs};

#[test]
fn four_validators_agree_and_money_moves() {
    let mut net = Network::of(4).seed(1).start().unwrap();
    net.run_until_all_reach(10, secs(20)).unwrap();
    let report = net.finish().unwrap();
    println!("{report:?}");
    assert!(report.transfers > 10, "{report:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = |seed| {
        let mut net = Network::of(4).seed(seed).start().unwrap();
        net.run_until_all_reach(5, secs(20)).unwrap();
        net.finish().unwrap()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).trace, run(6).trace);
}

#[test]
fn one_validator_is_a_network() {
    let mut net = Network::of(1).start().unwrap();
    net.run_until_all_reach(5, secs(10)).unwrap();
    net.finish().unwrap();
}
