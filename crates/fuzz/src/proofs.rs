//! What nodes tell light clients about the state.

use std::sync::LazyLock;

use ics23::CommitmentProof;
use prost_of_ics23::Message;
use store::{Direction, Hash, Module, StateProof};

use crate::chain::Chain;

const HEIGHT: u64 = 6;
const MODULES: [Module; 2] = [ledger::bank::MODULE, ledger::escrow::MODULE];
/// Keys of each module that claims are about.
const KEYS: usize = 4;

/// A claim about a key: its module, the key, the value that it has or that it has none.
type Fact = (Module, Vec<u8>, Option<Vec<u8>>);

/// A state and what is true in it.
struct Truth {
    app_hash: Hash,
    facts: Vec<Fact>,
}

static TRUTH: LazyLock<Truth> = LazyLock::new(|| {
    let chain = Chain::at(HEIGHT);
    Truth { app_hash: chain.store().app_hash(HEIGHT).unwrap(), facts: facts(&chain) }
});

fn facts(chain: &Chain) -> Vec<Fact> {
    let mut facts = Vec::new();
    for module in MODULES {
        let pairs = chain.reader().scan(module, &[], None, Direction::Up, KEYS).unwrap();
        facts.extend(pairs.into_iter().map(|(key, value)| (module, key, Some(value))));
        facts.push((module, b"no such key".to_vec(), None));
    }
    facts
}

/// A claim and its proof: which fact, which lie about it (none, that it is absent, another value), the root of the
/// module, the length of the first step (2 bytes), both steps.
pub(crate) fn proof(bytes: &[u8]) {
    let Some((claim, truth)) = read(bytes) else { return };
    if claim.verify(&TRUTH.app_hash) {
        assert_eq!(claim.value, truth, "something false about {} is proved", hex::encode(&claim.key));
    }
}

fn read(bytes: &[u8]) -> Option<(StateProof, Option<Vec<u8>>)> {
    let ([fact, lie], rest) = bytes.split_first_chunk()?;
    let (root, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (key_step, root_step) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let (module, key, truth) = TRUTH.facts[usize::from(*fact) % TRUTH.facts.len()].clone();
    let value = match lie % 3 {
        0 => truth.clone(),
        1 => None,
        _ => Some(truth.clone().map_or(vec![1], |value| [value, vec![1]].concat())),
    };
    let claim = StateProof {
        module: module.0.to_owned(),
        key,
        value,
        root: *root,
        key_step: CommitmentProof::decode(key_step).ok()?,
        root_step: CommitmentProof::decode(root_step).ok()?,
    };
    Some((claim, truth))
}

/// Every true claim with its proof, and each lie with the proof of the truth.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let chain = Chain::at(HEIGHT);
    let mut seeds = Vec::new();
    for (number, (module, key, _)) in (0..).zip(facts(&chain)) {
        let proof = chain.store().prove(module, &key, HEIGHT).unwrap();
        let [key_step, root_step] = proof.ops().map(|op| op.data);
        let length = u16::try_from(key_step.len()).unwrap().to_be_bytes();
        seeds.extend((0..3).map(|lie| [&[number, lie][..], &proof.root, &length, &key_step, &root_step].concat()));
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_prove_the_truth_and_no_lie() {
        let proved: Vec<bool> =
            seeds().iter().map(|seed| read(seed).is_some_and(|(claim, _)| claim.verify(&TRUTH.app_hash))).collect();
        assert_eq!(proved.len(), 3 * TRUTH.facts.len());
        for of_a_fact in proved.chunks(3).zip(&TRUTH.facts) {
            let absent = of_a_fact.1.2.is_none();
            assert_eq!(of_a_fact.0, [true, absent, false], "{:?}", of_a_fact.1);
        }
    }
}
