//! Block validators in genesis.

use primitives::validators::{ConsensusAddress, Validator, ValidatorSet, ValidatorSetError};
use serde::{Deserialize, Serialize};

use super::rotation::sets;
use super::state::{CURRENT, NEXT, put};
use crate::context::Context;
use crate::failure::{Failure, Rejection};

/// The part's genesis: a first set, or the two sets of a chain that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Genesis {
    /// The validators of a new chain, in any order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validators: Vec<Member>,
    /// The sets of a chain that was exported, in place of `validators`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sets: Option<Sets>,
}

/// A validator of a new chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// ed25519, 32 bytes in hex.
    pub public_key: String,
    /// Voting power, above zero.
    pub power: u64,
}

/// The sets of the first height and of the second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sets {
    /// Of the first height.
    pub current: SetText,
    /// Of the second height.
    pub next: SetText,
}

/// The validators of one height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetText {
    /// Who proposes in its first round: the public key in hex.
    pub proposer: String,
    /// In set order.
    pub validators: Vec<RankedMember>,
}

/// A validator with its place in the rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankedMember {
    /// ed25519, 32 bytes in hex.
    pub public_key: String,
    /// Voting power.
    pub power: u64,
    /// How long it has waited for its turn.
    pub priority: i64,
}

fn refuse(why: String) -> Failure {
    Rejection::invalid_request(format!("genesis validators: {why}")).into()
}

fn refuse_set(error: ValidatorSetError) -> Failure {
    refuse(error.to_string())
}

fn public_key(text: &str) -> Result<[u8; 32], Failure> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key).map_err(|error| refuse(format!("{text:?} is no public key: {error}")))?;
    Ok(key)
}

impl SetText {
    fn parse(&self) -> Result<ValidatorSet, Failure> {
        let proposer = ConsensusAddress::of(&public_key(&self.proposer)?);
        let mut validators = Vec::new();
        for member in &self.validators {
            let validator = Validator::new(public_key(&member.public_key)?, member.power);
            validators.push(Validator { priority: member.priority, ..validator });
        }
        ValidatorSet::from_stored(validators, proposer).map_err(refuse_set)
    }

    fn of(set: &ValidatorSet) -> Self {
        let member = |validator: &Validator| RankedMember {
            public_key: hex::encode(validator.public_key),
            power: validator.power,
            priority: validator.priority,
        };
        let proposer = set.get(&set.proposer()).map(|validator| hex::encode(validator.public_key));
        Self { proposer: proposer.unwrap_or_default(), validators: set.validators().iter().map(member).collect() }
    }
}

/// Reads genesis into the state. For a new chain the second height's set is the first's after one turn of the
/// rotation (CometBFT `MakeGenesisState`).
///
/// # Errors
/// `sdk` 18 when there is no validator, a key or a power is malformed, or both forms are given.
pub fn import(ctx: &mut Context, genesis: &Genesis) -> Result<(), Failure> {
    let (current, next) = match &genesis.sets {
        Some(_) if !genesis.validators.is_empty() => {
            return Err(refuse("give either `validators` or `sets`, not both".to_owned()));
        }
        Some(sets) => (sets.current.parse()?, sets.next.parse()?),
        None => {
            let member = |member: &Member| Ok((public_key(&member.public_key)?, member.power));
            let members = genesis.validators.iter().map(member).collect::<Result<Vec<_>, Failure>>()?;
            if members.iter().any(|(_, power)| *power == 0) {
                return Err(refuse("a power is zero; each validator needs one above zero".to_owned()));
            }
            let current = ValidatorSet::new(&members).map_err(refuse_set)?;
            let mut next = current.clone();
            next.increment_proposer_priority(1);
            (current, next)
        }
    };
    put(&mut ctx.state, &CURRENT, &current);
    put(&mut ctx.state, &NEXT, &next);
    Ok(())
}

/// The genesis that would make the present state, between blocks.
///
/// # Errors
/// When the state fails.
pub fn export(ctx: &Context) -> Result<Genesis, Failure> {
    let (current, next) = sets(ctx)?;
    let sets = Sets { current: SetText::of(&current), next: SetText::of(&next) };
    Ok(Genesis { validators: Vec::new(), sets: Some(sets) })
}
