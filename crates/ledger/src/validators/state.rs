//! What is stored of block validators.

use primitives::validators::{ConsensusAddress, Validator, ValidatorSet};
use proto::tetra::validator::v1 as wire;
use store::{Error, Item, Map, State};

use super::MODULE;

/// The validators of one height with the proposer of its first round.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredSet {
    /// In set order, with their priorities.
    #[prost(message, optional, tag = "1")]
    pub set: Option<wire::ValidatorSet>,
    /// The address of the proposer, 20 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub proposer: Vec<u8>,
}

/// The set of the height after the block.
pub const CURRENT: Item<StoredSet> = Item::new(MODULE, 1);
/// The set of the height after that.
pub const NEXT: Item<StoredSet> = Item::new(MODULE, 2);
/// The new powers by public key that the block has collected; empty between blocks.
pub const PENDING: Map<[u8; 32], u64> = Map::new(MODULE, 3);

/// A set as queries show it.
pub(super) fn to_wire(set: &ValidatorSet) -> wire::ValidatorSet {
    let validator = |validator: &Validator| wire::StoredValidator {
        public_key: validator.public_key.to_vec(),
        power: validator.power,
        priority: validator.priority,
    };
    wire::ValidatorSet { validators: set.validators().iter().map(validator).collect() }
}

impl From<&ValidatorSet> for StoredSet {
    fn from(set: &ValidatorSet) -> Self {
        Self { set: Some(to_wire(set)), proposer: set.proposer().as_bytes().to_vec() }
    }
}

impl TryFrom<StoredSet> for ValidatorSet {
    type Error = String;

    fn try_from(stored: StoredSet) -> Result<Self, String> {
        let proposer = ConsensusAddress::from_slice(&stored.proposer);
        let proposer = proposer.ok_or("the proposer's address has not 20 bytes")?;
        let mut validators = Vec::new();
        for wire::StoredValidator { public_key, power, priority } in stored.set.unwrap_or_default().validators {
            let key = public_key.try_into().map_err(|_| "a validator's public key has not 32 bytes")?;
            validators.push(Validator { priority, ..Validator::new(key, power) });
        }
        Self::from_stored(validators, proposer).map_err(|error| error.to_string())
    }
}

pub(super) fn put(state: &mut State, item: &Item<StoredSet>, set: &ValidatorSet) {
    item.set(state, &StoredSet::from(set));
}

/// Reads a stored set; one that is missing is as broken as one that is malformed, for genesis sets both.
pub(super) fn get(state: &State, item: &Item<StoredSet>) -> Result<ValidatorSet, Error> {
    let corrupt = |why: String| Error::Corrupt { module: MODULE.0, key: hex::encode(item.key()), why };
    let stored = item.get(state)?.ok_or_else(|| corrupt("there is no validator set".to_owned()))?;
    stored.try_into().map_err(corrupt)
}
