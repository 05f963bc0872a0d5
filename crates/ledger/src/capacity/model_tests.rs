//! Random lives of hosts and holds against a model that makes every sum anew and shares no code with the ledger.

mod follows;
mod model;
mod steps;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::tests::support::{chain, host_key};
use super::{MODULE, genesis, invariants, release, state};
use crate::failure::Failure;
use crate::testing::{forget, stored};
use model::Model;
use steps::{HOSTS, MARKETS, REFERENCES, owner, run, step};

/// Each kind of step succeeds in some run: a model that only sees refusals proves nothing.
#[test]
fn every_kind_of_step_is_reached() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut reached: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..24 {
        let steps = proptest::collection::vec(step(), 80).new_tree(&mut runner).unwrap().current();
        let mut ctx = chain();
        for step in &steps {
            let before = Model::read(&ctx);
            forget(&mut ctx);
            let result = run(&mut ctx, step);
            for name in step.names(&before, &Model::read(&ctx), result.as_ref().ok()) {
                *reached.entry(name).or_default() += 1;
            }
        }
    }
    let missing: Vec<&&str> = steps::NAMES.iter().filter(|name| !reached.contains_key(**name)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?} of {reached:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_sold_twice_and_nothing_is_lost_in_silence(steps in proptest::collection::vec(step(), 1..80)) {
        let mut ctx = chain();
        let mut model = Model::default();
        for step in &steps {
            forget(&mut ctx);
            let before = stored(&ctx, MODULE);
            match run(&mut ctx, step) {
                Ok(done) => model.follow(&ctx, step, &done),
                Err(Failure::Rejected(refused)) => {
                    prop_assert_eq!(&stored(&ctx, MODULE), &before, "{:?} was refused", step);
                    prop_assert!(ctx.events.is_empty() && ctx.outcomes.is_empty());
                    model.expect_refusal(step, &refused);
                }
                Err(Failure::Broken(error)) => prop_assert!(false, "{:?}: {}", step, error),
            }
            model.compare(&ctx);
            prop_assert_eq!(invariants::check(&ctx).unwrap(), Vec::<String>::new(), "{:?}", step);
        }
        let mut again = chain();
        genesis::import(&mut again, &genesis::export(&ctx).unwrap()).unwrap();
        prop_assert_eq!(stored(&again, MODULE), stored(&ctx, MODULE));

        for market in MARKETS {
            for reference in REFERENCES {
                release(&mut ctx, market, reference).unwrap();
            }
        }
        for host in HOSTS {
            if let Some(found) = state::HOSTS.get(&ctx.state, &host_key(host)).unwrap() {
                let of = [true, false].into_iter().find(|first| owner(*first).as_bytes() == found.owner.as_slice());
                super::tests::support::retire(&mut ctx, &owner(of.unwrap()), host).unwrap();
            }
        }
        // Only the numbers that must never come twice are left.
        let left = Model::read(&ctx);
        prop_assert_eq!((left.hosts.len(), left.holds.len(), left.lost.len()), (0, 0, 0));
        follows::assert_indices(&ctx);
    }
}
