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
        /// Its attributes, `class=beta3, persistent=true`.
        kind: String,
    },
    /// None of the GPU models.
    Gpu {
        /// The unit.
        unit: u32,
        /// The models of which one would do.
        models: Vec<String>,
    },
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Storage { unit, volume, kind } => {
                write!(f, "unit {unit}: volume {volume:?} is of a kind that the provider does not have ({kind})")
            }
            Self::Gpu { unit, models } => {
                write!(f, "unit {unit}: the provider has none of the GPUs that it wants ({})", models.join(", "))
            }
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
        let kind = volume.attributes.iter().map(|Attribute { key, value }| format!("{key}={value}"));
        let kind = kind.collect::<Vec<_>>().join(", ");
        return Err(Mismatch::Storage { unit: unit.id, volume: volume.name.clone(), kind });
    }
    let wanted = &unit.gpu.attributes;
    if unit.gpu.units.0 > 0 && !wanted.is_empty() {
        let gpus: Vec<(&str, &str)> = provider
            .iter()
            .filter_map(|Attribute { key, value }| Some((key.strip_prefix(GPU)?, value.as_str())))
            .collect();
        if !wanted.iter().any(|model| has(&gpus, model)) {
            let models = wanted.iter().map(|model| model.key.clone()).collect();
            return Err(Mismatch::Gpu { unit: unit.id, models });
        }
    }
    Ok(())
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
        let has_storage = |class: &str, persistent: &str| {
            let attributes = vec![Attribute::new("class", class), Attribute::new("persistent", persistent)];
            is_served(&Storage { name: "data".into(), size: Quantity(1), attributes }, &storage_kinds(&provider))
        };
        assert!(has_storage("default", "true"));
        assert!(has_storage("ram", "false"));
        assert!(!has_storage("ram", "true"));
        assert!(!has_storage("beta3", "true"));
    }

    const GPUS: &str = r#"
version: "2.0"
services:
  web: { image: a, expose: [{ port: 80, to: [{ global: true }] }] }
profiles:
  compute:
    web:
      resources:
        cpu: { units: 1 }
        memory: { size: 1Gi }
        storage: [{ size: 1Gi }, { name: data, size: 1Gi, attributes: { persistent: true, class: beta3 } }]
        gpu: { units: 1, attributes: { vendor: { nvidia: MODELS } } }
  placement:
    here: { pricing: { web: { denom: uusd, amount: 10 } } }
deployment:
  web: { here: { profile: web, count: 1 } }
"#;

    /// What a group that wants these models and a volume of class beta3 says of a provider with these attributes.
    fn say(models: &str, provider: &[&str]) -> String {
        let file = GPUS
            .replace("MODELS", models)
            .replace("image: a,", "image: a, params: { storage: { data: { mount: /d } } },");
        let group = crate::Sdl::parse(&file).unwrap().groups().remove(0);
        let provider = provider.iter().map(|text| text.split_once('=').unwrap());
        let provider: Vec<Attribute> = provider.map(|(key, value)| Attribute::new(key, value)).collect();
        check(&group, &provider).map_or_else(|mismatch| mismatch.to_string(), |()| "fits".to_owned())
    }

    #[test]
    fn gpus_and_classes_are_matched_by_capabilities_and_named_in_refusals() {
        let nvme = ["capabilities/storage/1/class=beta3", "capabilities/storage/1/persistent=true"];
        let with = |gpus: &[&'static str]| [nvme.as_slice(), gpus].concat();
        let a100 = with(&[
            "capabilities/gpu/vendor/nvidia/model/a100=true",
            "capabilities/gpu/vendor/nvidia/model/a100/ram/80Gi=true",
            "capabilities/gpu/vendor/nvidia/model/a100/ram/80Gi/interface/sxm=true",
        ]);
        let any = "null";
        let said = [
            say(any, &a100),
            say("[{ model: a100 }]", &a100),
            say("[{ model: h100 }, { model: a100, ram: 80Gi }]", &a100),
            say("[{ model: a100, ram: 80Gi, interface: sxm }]", &a100),
            say("[{ model: a100, ram: 80Gi, interface: pcie }]", &a100),
            say("[{ model: a100, ram: 40Gi }, { model: h100 }]", &a100),
            say(any, &with(&[])),
            say(any, &with(&["capabilities/gpu/vendor/nvidia/model/a100=false"])),
            say(any, &["capabilities/storage/1/class=beta2", "capabilities/storage/1/persistent=true"]),
            say(any, &["capabilities/storage/1/class=beta3", "capabilities/storage/2/persistent=true"]),
        ];
        insta::assert_snapshot!(said.join(
            "
"
        ));
    }
}
