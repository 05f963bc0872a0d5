//! Cut networks, wrong clocks, sleepers, byzantine validators.

use sim::{Broken, Links, Network, millis, secs};

#[test]
fn halves_stand_still_and_go_on_when_they_meet() {
    for seed in 0..5 {
        let mut net = Network::of(4).seed(seed).start().unwrap();
        net.run_until_all_reach(3, secs(20)).unwrap();
        net.split(&[&[0, 1], &[2, 3]]);
        // What was decided before the cut may still arrive at those who decided it.
        net.run_for(secs(2)).unwrap();
        net.stands_still_for(secs(60)).unwrap();
        net.heal();
        net.run_until_all_reach(net.highest() + 1, secs(60)).unwrap();
        net.run_until_all_reach(net.highest() + 3, secs(20)).unwrap();
        net.finish().unwrap();
    }
}

#[test]
fn three_of_four_go_on_and_the_fourth_catches_up() {
    for seed in 0..5 {
        let mut net = Network::of(4).seed(seed).start().unwrap();
        net.run_until_all_reach(3, secs(20)).unwrap();
        net.split(&[&[0, 1, 2], &[3]]);
        let alone = net.height(3);
        net.run_for(secs(40)).unwrap();
        assert!(net.height(3) <= alone + 1, "the one that was alone went on");
        let majority = net.highest();
        assert!(majority >= alone + 15, "{majority} blocks, {alone} before the cut");
        net.heal();
        net.run_until_all_reach(majority + 1, secs(15)).unwrap();
        net.finish().unwrap();
    }
}

#[test]
fn a_link_that_works_one_way_only_stops_nobody() {
    let mut net = Network::of(4).seed(4).start().unwrap();
    net.cut(0, 1);
    net.cut(2, 3);
    net.run_until_all_reach(10, secs(90)).unwrap();
    net.finish().unwrap();
}

#[test]
fn links_that_come_and_go_break_nothing() {
    let mut net = Network::of(4).seed(9).links(Links::wild()).start().unwrap();
    for round in 0..20 {
        let (one, other) = (round % 4, (round + 1 + round / 4) % 4);
        net.cut(one, other);
        net.cut(other, one);
        net.run_for(millis(1_500)).unwrap();
        net.heal();
        net.run_for(millis(500)).unwrap();
    }
    net.quiet();
    net.run_until_all_reach(net.highest() + 3, secs(60)).unwrap();
    net.finish().unwrap();
}

#[test]
fn lossy_slow_links_slow_the_chain_down_and_no_more() {
    let mut net = Network::of(4).seed(2).links(Links { lost: 50, ..Links::wild() }).start().unwrap();
    net.run_until_all_reach(10, secs(180)).unwrap();
    net.finish().unwrap();
}

#[test]
fn a_clock_ten_seconds_wrong_stops_nobody() {
    for skew in [-10_000, 10_000] {
        let mut net = Network::of(4).seed(6).skewed(2, skew).start().unwrap();
        net.run_until_all_reach(10, secs(60)).unwrap();
        // It jumps to the right time, and further.
        net.skew(2, -skew).unwrap();
        net.run_until_all_reach(20, secs(60)).unwrap();
        net.finish().unwrap();
    }
}

#[test]
fn a_node_that_slept_for_a_hundred_blocks_catches_up() {
    let mut net = Network::of(4).seed(8).start().unwrap();
    net.run_until_all_reach(2, secs(20)).unwrap();
    net.split(&[&[0, 1, 2], &[3]]);
    net.run_until_height(100, secs(400)).unwrap();
    net.heal();
    net.run_until_all_reach(101, secs(30)).unwrap();
    net.finish().unwrap();
}

#[test]
fn one_liar_of_four_can_neither_fork_nor_stop_the_chain() {
    for seed in 0..10 {
        let mut net = Network::of(4).seed(seed).byzantine((seed % 4) as u16).start().unwrap();
        net.run_until_all_reach(12, secs(120)).unwrap();
        net.finish().unwrap();
    }
}

#[test]
fn a_liar_with_more_than_a_third_is_more_than_any_network_bears_and_it_shows() {
    // Nothing is promised here but that the checks of this suite see what happens.
    let fork = |seed| {
        let mut net = Network::of(4).seed(seed).power(0, 40).byzantine(0).start()?;
        // It says one thing to nodes 1 and 3 and another to node 2, who cannot compare.
        for (one, other) in [(1, 2), (3, 2), (2, 1), (2, 3)] {
            net.cut(one, other);
        }
        net.run_until_height(10, secs(60))
    };
    let outcomes: Vec<_> = (0..10).map(fork).collect();
    let is_fork = |outcome: &Result<(), Broken>| matches!(outcome, Err(Broken::Fork { .. }));
    assert!(outcomes.iter().any(is_fork), "no fork in ten networks: {outcomes:?}");
}
