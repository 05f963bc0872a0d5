//! The random scenarios of 200 seeds: lossy, slow and reordering links, cuts, deaths at durable writes, wrong clocks,
//! one byzantine validator of four. `cargo xtask chaos` plays any number of them.

use sim::chaos;

/// Plays 25 seeds, the first of them twice.
fn play(from: u64) {
    for seed in from..from + 25 {
        let again = format!("again: cargo xtask chaos --seed {seed} --trace");
        let report = chaos::run(seed, 0, false).unwrap_or_else(|broken| panic!("seed {seed}: {broken}\n{again}"));
        if seed < from + 5 {
            let second = chaos::run(seed, 0, false).unwrap_or_else(|broken| panic!("seed {seed}: {broken}\n{again}"));
            assert_eq!(report, second, "two runs of seed {seed} differ\n{again}");
        }
    }
}

macro_rules! seeds {
    ($($name:ident: $from:literal),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                play($from);
            }
        )*
    };
}

seeds! {
    seeds_0_to_24: 0,
    seeds_25_to_49: 25,
    seeds_50_to_74: 50,
    seeds_75_to_99: 75,
    seeds_100_to_124: 100,
    seeds_125_to_149: 125,
    seeds_150_to_174: 150,
    seeds_175_to_199: 175,
}
