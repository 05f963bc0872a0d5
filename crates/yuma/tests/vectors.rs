//! Epochs computed by the chain's own code of 2024 and 2026, equal to the last bit.
//!
//! Some vectors are in this tree. All that are public lie next to the project at `../shared/data/yuma`;
//! `TETRA_YUMA_VECTORS` names another folder of them.

#![allow(clippy::disallowed_methods, reason = "the test is told where its files are")]

mod common;

use std::path::PathBuf;

use common::{Expected, Vector};
use yuma::{Epoch, Fixed, Outcome};

/// What differs between an epoch and what is expected of it.
fn differences(epoch: &Epoch, outcome: &Outcome, expected: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    let stored = |numbers: &[Fixed]| numbers.iter().map(|number| number.to_u16()).collect::<Vec<_>>();
    let trust = outcome.trust.as_deref().map(stored);
    let combined: Vec<u64> = outcome.emission_share.iter().map(|share| share.of(epoch.subnet().emission)).collect();
    let incentive = stored(&outcome.incentive);
    let is_2024 = outcome.trust.is_some();
    let scores = is_2024.then(|| outcome.pruning_scores.clone());
    let mut check = |what: &str, same: bool| {
        if !same {
            wrong.push(what.to_owned());
        }
    };
    check("active", outcome.active == expected.active);
    check("consensus", stored(&outcome.consensus) == expected.consensus);
    check("incentive", incentive == expected.incentive);
    check("dividends", stored(&outcome.dividends) == expected.dividends);
    check("validator_trust", stored(&outcome.validator_trust) == expected.validator_trust);
    check("rank", is_2024.then_some(&incentive) == expected.rank.as_ref());
    check("trust", trust == expected.trust);
    check("pruning_scores", scores == expected.pruning_scores);
    check("stake_weight", expected.stake_weight.as_ref().is_none_or(|stake| *stake == stored(&outcome.stake)));
    check("emission", combined == expected.emission);
    check("server_emission", outcome.server_emission == expected.server_emission);
    check("validator_emission", outcome.validator_emission == expected.validator_emission);
    check("validator_permit", outcome.permits == expected.validator_permit);
    check("bonds", outcome.bonds.cells().to_lists() == expected.bonds);
    let all = |name: &str| match name {
        "stake_norm" => outcome.stake.clone(),
        "active_stake" => outcome.active_stake.clone(),
        "consensus" => outcome.consensus.clone(),
        "validator_trust" => outcome.validator_trust.clone(),
        "incentive" => outcome.incentive.clone(),
        "dividends" => outcome.dividends.clone(),
        "trust" => outcome.trust.clone().unwrap_or_default(),
        other => panic!("nothing is called {other}"),
    };
    for (name, bits) in &expected.i32f32_bits {
        let ours: Vec<i64> = all(name).into_iter().map(Fixed::to_bits).collect();
        check(&format!("bits of {name}"), ours == *bits);
    }
    wrong
}

/// Plays all epochs of a vector. The state goes from one to the next as computed, not as expected.
fn play(vector: &Vector) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut state = vector.begin();
    for (number, expected) in vector.epochs.iter().enumerate() {
        let epoch = vector.epoch(&state);
        assert_eq!((state.block, &state.last_update), (expected.block, &expected.last_update));
        let outcome = epoch.run();
        let found = differences(&epoch, &outcome, expected);
        if !found.is_empty() {
            wrong.push(format!("epoch {number}: {}", found.join(", ")));
        }
        state = vector.next(state, outcome.permits, outcome.bonds);
    }
    wrong
}

#[test]
fn vectors() {
    let wanted = std::env::var_os("TETRA_YUMA_VECTORS").map(PathBuf::from);
    let large = wanted.clone().unwrap_or_else(|| common::shared("yuma"));
    let mut all = common::read(&common::small());
    if large.is_dir() {
        let found = common::read(&large);
        assert!(!found.is_empty(), "there are no vectors in {}", large.display());
        all.extend(found);
    } else {
        assert!(wanted.is_none(), "TETRA_YUMA_VECTORS names no folder: {}", large.display());
        common::skipped(&format!("no vectors at {}, only the {} of the tree", large.display(), all.len()));
    }
    let (mut wrong, mut epochs) = (Vec::new(), 0);
    for (name, vector) in &all {
        epochs += vector.epochs.len();
        wrong.extend(play(vector).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(wrong.is_empty(), "{} epochs of {} differ:\n{}", wrong.len(), epochs, wrong.join("\n"));
    eprintln!("{} vectors with {epochs} epochs agree", all.len());
}
