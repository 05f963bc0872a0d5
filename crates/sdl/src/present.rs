//! What the command line shows of a deployment file.

use primitives::DecCoin;
use serde::Serialize;
use serde_json::{Value, json};

use crate::groups::{GroupSpec, ResourceUnit};
use crate::manifest::{Manifest, Service};
use crate::model::{Sdl, Version};

/// What a file asks for, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// `2.0` or `2.1`.
    pub version: &'static str,
    /// The manifest's hash in 64 hex digits.
    pub hash: String,
    /// One entry per placement.
    pub groups: Vec<GroupSummary>,
    /// Findings of the strict lint.
    pub warnings: Vec<String>,
}

/// What one placement asks for, all replicas together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupSummary {
    /// Name of the placement.
    pub name: String,
    /// Services in order of name.
    pub services: Vec<ServiceSummary>,
    /// Thousandths of a core.
    pub cpu_milli: u128,
    /// Bytes.
    pub memory: u128,
    /// Bytes, all volumes.
    pub storage: u128,
    /// Devices.
    pub gpu: u128,
    /// Ways in.
    pub endpoints: usize,
    /// The highest price of the whole group per block; `None` when it mixes denoms.
    pub price: Option<String>,
}

/// A service of a placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceSummary {
    /// Name.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// Replicas.
    pub count: u32,
}

impl Sdl {
    /// What the file asks for.
    pub fn summary(&self) -> Summary {
        let manifest = self.manifest();
        Summary {
            version: match self.version {
                Version::V2_0 => "2.0",
                Version::V2_1 => "2.1",
            },
            hash: hex_digits(&manifest.hash()),
            groups: self.groups().iter().map(|group| group_summary(group, &manifest)).collect(),
            warnings: self.lint().iter().map(ToString::to_string).collect(),
        }
    }

    /// The groups in the Go JSON shape: `spec` of each group as the chain's tools print it.
    pub fn groups_json(&self) -> Value {
        groups_json(&self.groups())
    }

    /// The manifest's hash in 64 hex digits.
    pub fn hash_hex(&self) -> String {
        hex_digits(&self.manifest().hash())
    }
}

impl Manifest {
    /// The manifest as indented JSON for people. Providers hash what they receive canonically, so either form works.
    pub fn pretty_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// Groups in the Go JSON shape.
pub fn groups_json(groups: &[GroupSpec]) -> Value {
    let group = |group: &GroupSpec| {
        json!({
            "name": group.name,
            "requirements": {
                "signed_by": {"all_of": group.signed_by.all_of, "any_of": group.signed_by.any_of},
                "attributes": group.attributes,
            },
            "resources": group.units.iter().map(unit_json).collect::<Vec<_>>(),
        })
    };
    Value::Array(groups.iter().map(group).collect())
}

fn unit_json(unit: &ResourceUnit) -> Value {
    json!({"resource": unit.resources, "count": unit.count, "price": price_json(&unit.price)})
}

fn price_json(price: &DecCoin) -> Value {
    json!({"denom": price.denom.as_str(), "amount": price.amount.to_string()})
}

fn group_summary(group: &GroupSpec, manifest: &Manifest) -> GroupSummary {
    let total = |amount: fn(&ResourceUnit) -> u128| {
        let products = group.units.iter().map(|unit| amount(unit).saturating_mul(u128::from(unit.count)));
        products.fold(0, u128::saturating_add)
    };
    let services = manifest.group(&group.name).map(|group| group.services.as_slice()).unwrap_or_default();
    GroupSummary {
        name: group.name.clone(),
        services: services.iter().map(service_summary).collect(),
        cpu_milli: total(|unit| u128::from(unit.resources.cpu.units.0)),
        memory: total(|unit| u128::from(unit.resources.memory.size.0)),
        storage: total(|unit| unit.resources.storage.iter().map(|volume| u128::from(volume.size.0)).sum()),
        gpu: total(|unit| u128::from(unit.resources.gpu.units.0)),
        endpoints: group.units.iter().map(|unit| unit.resources.endpoints.len()).sum(),
        price: group.price().map(|price| price.to_string()),
    }
}

fn service_summary(service: &Service) -> ServiceSummary {
    ServiceSummary { name: service.name.clone(), image: service.image.clone(), count: service.count }
}

fn hex_digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
