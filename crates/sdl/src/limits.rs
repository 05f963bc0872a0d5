//! What a deployment's groups may ask for, on the chain and before it (spec/akash.md 1.5).

use std::collections::BTreeSet;

use primitives::{Dec, Denom};
use proto::akash::deployment::v1beta4 as deployment;

use crate::groups::{GroupSpec, ResourceUnit};
use crate::resources::Attribute;
use crate::wire::WireError;

const MI: u64 = 1 << 20;
const TI: u64 = 1 << 40;

/// Thousandths of a core of one replica.
const CPU: Range = Range { what: "cpu", unit: "thousandths of a core", least: 10, most: 384_000 };
/// Devices of one replica.
const GPU: Range = Range { what: "gpu", unit: "devices", least: 0, most: 24 };
/// Bytes of one replica.
const MEMORY: Range = Range { what: "memory", unit: "bytes", least: MI, most: 2 * TI };
/// Bytes of one volume of one replica.
const STORAGE: Range = Range { what: "storage", unit: "bytes", least: 5 * MI, most: 32 * TI };
/// A group may ask for this many times the most of one replica.
const GROUP_FACTOR: u128 = 50;
/// The highest price of a unit per block, in base units of its denom.
const MAX_PRICE: u128 = 10_000_000;

struct Range {
    what: &'static str,
    unit: &'static str,
    least: u64,
    most: u64,
}

/// Why groups are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No groups.
    #[error("the deployment has no groups; deploy at least one service in one placement")]
    NoGroups,
    /// A group without a name.
    #[error("a group has no name; name every placement")]
    NoName,
    /// Two groups of one name.
    #[error("two groups are named {0:?}; give each a name of its own")]
    DuplicateGroup(String),
    /// Units with prices in different denoms.
    #[error("prices are given in {first} and {second}; use one denom in the whole deployment")]
    MixedDenoms {
        /// The denom of the first unit.
        first: Denom,
        /// The other one.
        second: Denom,
    },
    /// Something is wrong inside a group.
    #[error("group {group:?}: {problem}")]
    Group {
        /// The group's name.
        group: String,
        /// What is wrong.
        problem: GroupProblem,
    },
}

/// What is wrong inside a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupProblem {
    /// The message itself.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// No units.
    #[error("it has no units; deploy at least one service in it")]
    Empty,
    /// Unit id 0.
    #[error("a unit has id 0; number units from 1")]
    ZeroId,
    /// An id that is used twice.
    #[error("two units have id {0}; number each differently")]
    DuplicateId(u32),
    /// No replicas.
    #[error("unit {0} has count 0; ask for at least one replica")]
    ZeroCount(u32),
    /// A unit without volumes.
    #[error("unit {0} has no storage; every unit needs at least one volume")]
    NoStorage(u32),
    /// A quantity out of its range.
    #[error("unit {id}: {what} is {value} {unit}; allowed are {least} to {most}")]
    Unit {
        /// The unit.
        id: u32,
        /// Which resource.
        what: &'static str,
        /// What it is counted in.
        unit: &'static str,
        /// What was asked for.
        value: u64,
        /// The least that is allowed.
        least: u64,
        /// The most that is allowed.
        most: u64,
    },
    /// GPU models without a GPU.
    #[error("unit {0} names GPU models and asks for no GPU; set the units or remove the attributes")]
    AttributesWithoutGpu(u32),
    /// A price above the limit.
    #[error("unit {id}: the price {price} is above {MAX_PRICE} per block; lower it")]
    Price {
        /// The unit.
        id: u32,
        /// The price.
        price: Dec,
    },
    /// All replicas together.
    #[error("{what} of all replicas is {value} {unit}; allowed are {least} to {most}; split the deployment")]
    Total {
        /// Which resource.
        what: &'static str,
        /// What it is counted in.
        unit: &'static str,
        /// What was asked for.
        value: u128,
        /// The least that is allowed.
        least: u128,
        /// The most that is allowed.
        most: u128,
    },
    /// A key with characters that are not allowed.
    #[error("attribute key {0:?} is not valid; use 2 to 128 letters, digits, _ / . or -, a letter first")]
    AttributeKey(String),
    /// A key that is used twice.
    #[error("attribute key {0:?} is given twice; keep one")]
    DuplicateAttribute(String),
}

/// Checks the groups of a deployment message. The chain and clients share this rule.
///
/// # Errors
/// [`LimitError`] at the first violation, in order of groups and units.
pub fn validate_groups(messages: &[deployment::GroupSpec]) -> Result<(), LimitError> {
    let groups = messages
        .iter()
        .map(|message| {
            GroupSpec::try_from(message)
                .map_err(|error| LimitError::Group { group: message.name.clone(), problem: error.into() })
        })
        .collect::<Result<Vec<_>, _>>()?;
    validate_specs(&groups)
}

/// Checks typed groups by the same rule.
///
/// # Errors
/// As [`validate_groups`].
pub fn validate_specs(groups: &[GroupSpec]) -> Result<(), LimitError> {
    if groups.is_empty() {
        return Err(LimitError::NoGroups);
    }
    let mut names = BTreeSet::new();
    for group in groups {
        if group.name.is_empty() {
            return Err(LimitError::NoName);
        }
        if !names.insert(&group.name) {
            return Err(LimitError::DuplicateGroup(group.name.clone()));
        }
        validate_group(group).map_err(|problem| LimitError::Group { group: group.name.clone(), problem })?;
    }
    one_denom(groups)
}

fn one_denom(groups: &[GroupSpec]) -> Result<(), LimitError> {
    let mut denoms = groups.iter().flat_map(|group| &group.units).map(|unit| &unit.price.denom);
    let Some(first) = denoms.next() else {
        return Ok(());
    };
    match denoms.find(|denom| *denom != first) {
        None => Ok(()),
        Some(second) => Err(LimitError::MixedDenoms { first: first.clone(), second: second.clone() }),
    }
}

fn validate_group(group: &GroupSpec) -> Result<(), GroupProblem> {
    if group.units.is_empty() {
        return Err(GroupProblem::Empty);
    }
    validate_attributes(&group.attributes)?;
    let mut ids = BTreeSet::new();
    for unit in &group.units {
        let id = unit.resources.id;
        if id == 0 {
            return Err(GroupProblem::ZeroId);
        }
        if !ids.insert(id) {
            return Err(GroupProblem::DuplicateId(id));
        }
        validate_unit(unit)?;
    }
    totals(&group.units)
}

fn validate_unit(unit: &ResourceUnit) -> Result<(), GroupProblem> {
    let resources = &unit.resources;
    let id = resources.id;
    if unit.count == 0 {
        return Err(GroupProblem::ZeroCount(id));
    }
    CPU.check(id, resources.cpu.units.0)?;
    GPU.check(id, resources.gpu.units.0)?;
    MEMORY.check(id, resources.memory.size.0)?;
    if resources.gpu.units.0 == 0 && !resources.gpu.attributes.is_empty() {
        return Err(GroupProblem::AttributesWithoutGpu(id));
    }
    if resources.storage.is_empty() {
        return Err(GroupProblem::NoStorage(id));
    }
    for volume in &resources.storage {
        STORAGE.check(id, volume.size.0)?;
        validate_attributes(&volume.attributes)?;
    }
    for attributes in [&resources.cpu.attributes, &resources.gpu.attributes, &resources.memory.attributes] {
        validate_attributes(attributes)?;
    }
    if Dec::from_integer(MAX_PRICE).is_some_and(|most| unit.price.amount > most) {
        return Err(GroupProblem::Price { id, price: unit.price.amount });
    }
    Ok(())
}

impl Range {
    fn check(&self, id: u32, value: u64) -> Result<(), GroupProblem> {
        let Self { what, unit, least, most } = *self;
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(GroupProblem::Unit { id, what, unit, value, least, most })
    }

    /// Products of a 64-bit and a 32-bit number, at most 2^31 of them, stay far below 128 bits.
    fn check_total(&self, least: u128, parts: impl Iterator<Item = (u64, u32)>) -> Result<(), GroupProblem> {
        let value = parts.map(|(amount, count)| u128::from(amount) * u128::from(count)).fold(0, u128::saturating_add);
        let most = u128::from(self.most) * GROUP_FACTOR;
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(GroupProblem::Total { what: self.what, unit: self.unit, value, least, most })
    }
}

fn totals(units: &[ResourceUnit]) -> Result<(), GroupProblem> {
    CPU.check_total(1, units.iter().map(|unit| (unit.resources.cpu.units.0, unit.count)))?;
    GPU.check_total(0, units.iter().map(|unit| (unit.resources.gpu.units.0, unit.count)))?;
    MEMORY.check_total(1, units.iter().map(|unit| (unit.resources.memory.size.0, unit.count)))?;
    let volumes = units.iter().map(|unit| unit.resources.storage.len()).max().unwrap_or(0);
    for index in 0..volumes {
        let sizes = units.iter().filter_map(|unit| Some((unit.resources.storage.get(index)?.size.0, unit.count)));
        STORAGE.check_total(0, sizes)?;
    }
    Ok(())
}

fn validate_attributes(attributes: &[Attribute]) -> Result<(), GroupProblem> {
    let mut keys = BTreeSet::new();
    for Attribute { key, .. } in attributes {
        if !is_attribute_key(key) {
            return Err(GroupProblem::AttributeKey(key.clone()));
        }
        if !keys.insert(key) {
            return Err(GroupProblem::DuplicateAttribute(key.clone()));
        }
    }
    Ok(())
}

/// `^([a-zA-Z][\w\/\.\-]{1,126}[\w\*]?)$`
fn is_attribute_key(key: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let Some((first, rest)) = key.as_bytes().split_first() else {
        return false;
    };
    let body_allowed =
        |body: &[u8]| (1..=126).contains(&body.len()) && body.iter().all(|byte| word(*byte) || b"/.-".contains(byte));
    let with_last = rest.split_last().is_some_and(|(last, body)| (word(*last) || *last == b'*') && body_allowed(body));
    first.is_ascii_alphabetic() && (body_allowed(rest) || with_last)
}
