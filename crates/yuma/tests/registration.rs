//! Prices of neurons and subnets against figures computed by the chain's code, and one seen on the chain.

#![allow(clippy::disallowed_methods, reason = "the test reads a file")]

mod common;

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU64};

use serde_json::Value;
use yuma::burn::{Bounds, adjusted, decay_factor, decayed};
use yuma::lock::{Last, cost};

fn figures(name: &str) -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/registration.json");
    let all: BTreeMap<String, Vec<Value>> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!all[name].is_empty());
    all[name].clone()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{value} has no {name}"))
}

#[test]
fn adjustments_of_2024() {
    for v in figures("adjust_burn_or_difficulty_v2024") {
        let target = NonZeroU16::new(number(&v, "target").try_into().unwrap()).unwrap();
        let bounds = Bounds { min: number(&v, "min"), max: number(&v, "max") };
        let registrations = number(&v, "registrations").try_into().unwrap();
        let next = adjusted(number(&v, "current"), registrations, target, number(&v, "alpha_u64"), bounds);
        assert_eq!(next, number(&v, "next"), "{v}");
    }
}

#[test]
fn decay_of_2026() {
    let half_life = |value: u64| NonZeroU16::new(value.try_into().unwrap()).unwrap();
    for v in figures("decay_factor_q32") {
        let (blocks, factor) = (v[0].as_u64().unwrap(), v[1].as_u64().unwrap());
        assert_eq!(u64::from(decay_factor(half_life(blocks))), factor, "{v}");
    }
    let (mut block, mut burn, factor) = (0, 1_000_000_000, decay_factor(half_life(360)));
    let bounds = Bounds { min: 500_000, max: 100_000_000_000 };
    for v in figures("burn_decay_path_from_1tao_half_life_360") {
        while block < v[0].as_u64().unwrap() {
            burn = decayed(burn, factor, bounds);
            block += 1;
        }
        assert_eq!(burn, v[1].as_u64().unwrap(), "block {block}");
    }
}

#[test]
fn prices_of_subnets() {
    const TAO: u64 = 1_000_000_000;
    for v in figures("lock_cost") {
        let last = v["last_rao"].as_u64().unwrap_or_else(|| number(&v, "last_tao") * TAO);
        let last = Last { cost: last, block: number(&v, "last_block") };
        let interval = NonZeroU64::new(number(&v, "interval")).unwrap();
        let price = cost(last, number(&v, "block"), number(&v, "min_tao") * TAO, interval);
        assert_eq!(price, number(&v, "cost_rao"), "{v}");
    }
}

/// The file of this tree holds what the larger one next to the project holds.
#[test]
fn figures_are_those_of_the_larger_file() {
    let path = common::shared("bittensor_misc.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        common::skipped(&format!("no {}, only the figures of the tree", path.display()));
        return;
    };
    let all: Value = serde_json::from_str(&text).unwrap();
    for name in
        ["adjust_burn_or_difficulty_v2024", "decay_factor_q32", "burn_decay_path_from_1tao_half_life_360", "lock_cost"]
    {
        assert_eq!(Value::from(figures(name)), all[name], "{name}");
    }
}
