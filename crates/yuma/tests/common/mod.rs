//! Vectors as files, and epochs made of them. The format is told in the README beside the vectors.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::disallowed_methods, reason = "tests read files")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use yuma::{Bonds, Common, Epoch, Era, Liquid, Neuron, Rows, Rules, Subnet, Uid, Unweighted};

/// A file.
#[derive(Deserialize)]
pub(crate) struct Vector {
    pub(crate) variant: String,
    pub(crate) input: Input,
    pub(crate) epochs: Vec<Expected>,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Input {
    pub(crate) n: usize,
    block: u64,
    tempo: u64,
    activity_cutoff: u64,
    kappa: u16,
    max_validators: u16,
    bonds_moving_average: u64,
    #[serde(default)]
    bonds_penalty: u16,
    liquid_alpha: bool,
    yuma3: bool,
    alpha_low: u16,
    alpha_high: u16,
    alpha_sigmoid_steepness: i16,
    #[serde(default)]
    stake_threshold: u64,
    owner_uid: Option<Uid>,
    last_mechanism_step_block: u64,
    stake: Vec<u64>,
    last_update: Vec<u64>,
    block_at_registration: Vec<u64>,
    validator_permit: Vec<bool>,
    pub(crate) weights: Vec<Vec<(Uid, u16)>>,
    bonds: Vec<Vec<(Uid, u16)>>,
    emission: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) block: u64,
    pub(crate) last_update: Vec<u64>,
    pub(crate) active: Vec<bool>,
    pub(crate) consensus: Vec<u16>,
    pub(crate) incentive: Vec<u16>,
    pub(crate) dividends: Vec<u16>,
    pub(crate) validator_trust: Vec<u16>,
    pub(crate) rank: Option<Vec<u16>>,
    pub(crate) trust: Option<Vec<u16>>,
    pub(crate) pruning_scores: Option<Vec<u16>>,
    pub(crate) stake_weight: Option<Vec<u16>>,
    pub(crate) emission: Vec<u64>,
    pub(crate) server_emission: Vec<u64>,
    pub(crate) validator_emission: Vec<u64>,
    pub(crate) validator_permit: Vec<bool>,
    pub(crate) bonds: Vec<Vec<(Uid, u16)>>,
    pub(crate) i32f32_bits: BTreeMap<String, Vec<i64>>,
}

/// What changes from epoch to epoch.
pub(crate) struct State {
    pub(crate) block: u64,
    pub(crate) last_update: Vec<u64>,
    pub(crate) permits: Vec<bool>,
    pub(crate) bonds: Rows,
    last_step: u64,
}

impl Vector {
    /// The state before the first epoch.
    pub(crate) fn begin(&self) -> State {
        let input = &self.input;
        State {
            block: input.block,
            last_update: input.last_update.clone(),
            permits: input.validator_permit.clone(),
            bonds: Rows::sparse(&input.bonds).unwrap(),
            last_step: input.last_mechanism_step_block,
        }
    }

    /// What the next epoch is computed from.
    pub(crate) fn epoch(&self, state: &State) -> Epoch {
        let input = &self.input;
        let neuron = |uid: usize| Neuron {
            stake: input.stake[uid],
            last_update: state.last_update[uid],
            registered: input.block_at_registration[uid],
            permit: state.permits[uid],
            committed: None,
        };
        let subnet = Subnet {
            now: state.block,
            tempo: input.tempo,
            last_step: Some(state.last_step).filter(|block| *block > 0),
            neurons: (0..input.n).map(neuron).collect(),
            owner: input.owner_uid,
            weights: Rows::sparse(&input.weights).unwrap(),
            bonds: state.bonds.clone(),
            emission: input.emission,
        };
        Epoch::new(self.rules(), subnet).unwrap()
    }

    fn rules(&self) -> Rules {
        let input = &self.input;
        let common = Common {
            kappa: input.kappa,
            activity_cutoff: input.activity_cutoff,
            most_validators: input.max_validators,
            bonds_moving_average: input.bonds_moving_average,
        };
        let liquid = Liquid {
            low: input.alpha_low,
            high: input.alpha_high,
            steepness: input.alpha_sigmoid_steepness,
            unweighted: Unweighted::Drop,
        };
        let bonds =
            if input.yuma3 { Bonds::Yuma3 { liquid: input.liquid_alpha.then_some(liquid) } } else { Bonds::Classic };
        let (stake_threshold, bonds_penalty) = (input.stake_threshold, input.bonds_penalty);
        let era = match self.variant.as_str() {
            "v2024" => Era::V2024,
            "v2026" => Era::V2026 { stake_threshold, bonds_penalty, bonds },
            other => panic!("no rules are called {other}"),
        };
        Rules { common, era }
    }

    /// The state after an epoch: 361 blocks later, weights set anew by those who set any lately.
    pub(crate) fn next(&self, state: State, permits: Vec<bool>, bonds: Rows) -> State {
        let block = state.block + 361;
        let set = |(uid, last): (usize, &u64)| {
            if !self.input.weights[uid].is_empty() && *last > 1000 { last + 361 } else { *last }
        };
        State {
            block,
            last_update: state.last_update.iter().enumerate().map(set).collect(),
            permits,
            bonds,
            last_step: if state.last_step == 0 { 0 } else { block - 361 },
        }
    }
}

/// The vectors of this tree.
pub(crate) fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors")
}

/// Something that lies next to the project.
pub(crate) fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name)
}

/// All vectors of a folder by the names of their files.
pub(crate) fn read(folder: &Path) -> Vec<(String, Vector)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "json") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((name.clone(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}

/// Says past the test harness, which would swallow it, what does not run.
pub(crate) fn skipped(what: &str) {
    std::io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes()).unwrap();
}
