//! Whether a provider has the kind of hardware that a group asks for (spec/akash.md 1.7, "Capability match").
//!
//! Providers write capabilities as attributes: `capabilities/storage/1/class=beta3` and
//! `capabilities/storage/1/persistent=true` are one kind of storage; `capabilities/gpu/vendor/nvidia/model/a100=true`
//! is a GPU.

use std::collections::BTreeMap;

use crate::groups::GroupSpec;
use crate::placement::glob;
use crate::resources::{Attribute, Resources, Storage};

const STORAGE: &str = "capabilities/storage/";
const GPU: &str = "capabilities/gpu/";

/// What of a unit the provider lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// No kind of storage with all attributes of this volume.
    Storage {
        /// The unit.
        unit: u32,
        /// The volume.
        volume: String,
    },
    /// None of the GPU models.
    Gpu {
        /// The unit.
        unit: u32,
    },
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Storage { unit, volume } => {
                write!(f, "unit {unit}: the provider has no storage of the kind of volume {volume:?}")
            }
            Self::Gpu { unit } => write!(f, "unit {unit}: the provider has none of the GPU models"),
        }
    }
}

/// Whether every volume with attributes has a kind of storage that has them all, and every GPU request with models
/// has a GPU of one of them.
///
/// # Errors
/// The first request that is not met.
pub fn check(group: &GroupSpec, provider: &[Attribute]) -> Result<(), Mismatch> {
    let storage = storage_kinds(provider);
    group.units.iter().try_for_each(|unit| check_unit(&unit.resources, &storage, provider))
}

/// Pairs of key and value by number of the kind.
type StorageKinds<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a str)>>;

fn storage_kinds(provider: &[Attribute]) -> StorageKinds<'_> {
    let mut kinds = StorageKinds::new();
    for Attribute { key, value } in provider {
        if let Some((number, key)) = key.strip_prefix(STORAGE).and_then(|rest| rest.split_once('/')) {
            kinds.entry(number).or_default().push((key, value));
        }
    }
    kinds
}

fn check_unit(unit: &Resources, kinds: &StorageKinds<'_>, provider: &[Attribute]) -> Result<(), Mismatch> {
    if let Some(volume) = unit.storage.iter().find(|volume| !is_served(volume, kinds)) {
        return Err(Mismatch::Storage { unit: unit.id, volume: volume.name.clone() });
    }
    let models = &unit.gpu.attributes;
    if unit.gpu.units.0 > 0 && !models.is_empty() {
        let gpus: Vec<(&str, &str)> = provider
            .iter()
            .filter_map(|Attribute { key, value }| Some((key.strip_prefix(GPU)?, value.as_str())))
            .collect();
        if !models.iter().any(|model| has(&gpus, model)) {
            return Err(Mismatch::Gpu { unit: unit.id });
        }
    }
    Ok(())
}

/// Whether one of the provider's kinds of storage has all attributes of a volume.
pub fn has_storage(volume: &Storage, provider: &[Attribute]) -> bool {
    is_served(volume, &storage_kinds(provider))
}

fn is_served(volume: &Storage, kinds: &StorageKinds<'_>) -> bool {
    let has_all = |kind: &Vec<(&str, &str)>| volume.attributes.iter().all(|wanted| has(kind, wanted));
    volume.attributes.is_empty() || kinds.values().any(has_all)
}

fn has(found: &[(&str, &str)], wanted: &Attribute) -> bool {
    found.iter().any(|(key, value)| *value == wanted.value && glob(&wanted.key, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Quantity;

    #[test]
    fn a_volume_needs_all_of_its_attributes_in_one_kind() {
        let provider = [
            Attribute::new("capabilities/storage/1/class", "default"),
            Attribute::new("capabilities/storage/1/persistent", "true"),
            Attribute::new("capabilities/storage/2/class", "ram"),
            Attribute::new("capabilities/storage/2/persistent", "false"),
        ];
        let volume = |class: &str, persistent: &str| Storage {
            name: "data".into(),
            size: Quantity(1),
            attributes: vec![Attribute::new("class", class), Attribute::new("persistent", persistent)],
        };
        assert!(has_storage(&volume("default", "true"), &provider));
        assert!(has_storage(&volume("ram", "false"), &provider));
        assert!(!has_storage(&volume("ram", "true"), &provider));
        assert!(!has_storage(&volume("beta3", "true"), &provider));
    }
}
