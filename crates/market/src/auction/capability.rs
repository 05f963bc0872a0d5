//! Whether a provider has the kind of hardware that a group asks for (spec/akash.md 1.7, "Capability match").
//!
//! Providers write capabilities as attributes: `capabilities/storage/1/class=beta3` and
//! `capabilities/storage/1/persistent=true` are one kind of storage; `capabilities/gpu/vendor/nvidia/model/a100=true`
//! is a GPU.

use std::collections::BTreeMap;

use proto::akash::base::attributes::v1::Attribute as ProviderAttribute;
use sdl::GroupSpec;
use sdl::resources::{Attribute, Resources};

use super::placement::glob;

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
pub fn check(group: &GroupSpec, provider: &[ProviderAttribute]) -> Result<(), Mismatch> {
    let storage = storage_kinds(provider);
    group.units.iter().try_for_each(|unit| check_unit(&unit.resources, &storage, provider))
}

/// Pairs of key and value by number of the kind.
type StorageKinds<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a str)>>;

fn storage_kinds(provider: &[ProviderAttribute]) -> StorageKinds<'_> {
    let mut kinds = StorageKinds::new();
    for ProviderAttribute { key, value } in provider {
        if let Some((number, key)) = key.strip_prefix(STORAGE).and_then(|rest| rest.split_once('/')) {
            kinds.entry(number).or_default().push((key, value));
        }
    }
    kinds
}

fn check_unit(unit: &Resources, kinds: &StorageKinds<'_>, provider: &[ProviderAttribute]) -> Result<(), Mismatch> {
    for volume in unit.storage.iter().filter(|volume| !volume.attributes.is_empty()) {
        let has_all = |kind: &Vec<(&str, &str)>| volume.attributes.iter().all(|wanted| has(kind, wanted));
        if !kinds.values().any(has_all) {
            return Err(Mismatch::Storage { unit: unit.id, volume: volume.name.clone() });
        }
    }
    let models = &unit.gpu.attributes;
    if unit.gpu.units.0 > 0 && !models.is_empty() {
        let gpus: Vec<(&str, &str)> = provider
            .iter()
            .filter_map(|ProviderAttribute { key, value }| Some((key.strip_prefix(GPU)?, value.as_str())))
            .collect();
        if !models.iter().any(|model| has(&gpus, model)) {
            return Err(Mismatch::Gpu { unit: unit.id });
        }
    }
    Ok(())
}

fn has(found: &[(&str, &str)], wanted: &Attribute) -> bool {
    found.iter().any(|(key, value)| *value == wanted.value && glob(&wanted.key, key))
}
