//! Groups to and from the messages of `akash.deployment.v1beta4` (spec/akash.md 1.2, appendix A.1, A.2).

use primitives::{CoinError, DecCoin};
use proto::akash::base::attributes::v1 as attributes;
use proto::akash::base::resources::v1beta4 as resources;
use proto::akash::deployment::v1::DeploymentReclamation;
use proto::akash::deployment::v1beta4 as deployment;
use proto::cosmos::base::v1beta1 as cosmos;

use crate::groups::{GroupSpec, ResourceUnit};
use crate::model::{Sdl, SignedBy};
use crate::resources::{Attribute, Cpu, Endpoint, EndpointKind, Gpu, Memory, Quantity, Resources, Storage};

/// A message that is no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A part that every unit must have is absent.
    #[error("{0} is missing; every unit needs resource, cpu, memory, storage, gpu and price")]
    Missing(&'static str),
    /// A quantity that is not ASCII digits, or beyond 64 bits.
    #[error("the amount of {0} is not a whole number of at most 64 bits in ASCII digits")]
    Quantity(&'static str),
    /// A number that is no endpoint kind.
    #[error("{0} is not an endpoint kind; use SHARED_HTTP, RANDOM_PORT or LEASED_IP")]
    EndpointKind(i32),
    /// A malformed price.
    #[error("price: {0}")]
    Price(#[from] CoinError),
}

impl Sdl {
    /// The groups as `MsgCreateDeployment` carries them.
    pub fn group_messages(&self) -> Vec<deployment::GroupSpec> {
        self.groups().iter().map(Into::into).collect()
    }

    /// The wish about reclamation as `MsgCreateDeployment` carries it.
    pub fn reclamation_message(&self) -> Option<DeploymentReclamation> {
        // Parsing limits the window to 2^63 - 1 nanoseconds, about 9.2 × 10^9 seconds.
        let window = self.reclamation?.min_window;
        let seconds = i64::try_from(window.as_secs()).ok()?;
        let nanos = i32::try_from(window.subsec_nanos()).ok()?;
        Some(DeploymentReclamation { min_window: Some(proto::Duration { seconds, nanos }) })
    }
}

impl From<&GroupSpec> for deployment::GroupSpec {
    fn from(group: &GroupSpec) -> Self {
        let signed_by =
            attributes::SignedBy { all_of: group.signed_by.all_of.clone(), any_of: group.signed_by.any_of.clone() };
        Self {
            name: group.name.clone(),
            requirements: Some(attributes::PlacementRequirements {
                signed_by: Some(signed_by),
                attributes: attributes_out(&group.attributes),
            }),
            resources: group.units.iter().map(unit_out).collect(),
        }
    }
}

impl TryFrom<&deployment::GroupSpec> for GroupSpec {
    type Error = WireError;

    fn try_from(message: &deployment::GroupSpec) -> Result<Self, WireError> {
        let requirements = message.requirements.clone().unwrap_or_default();
        let signed_by = requirements.signed_by.unwrap_or_default();
        Ok(Self {
            name: message.name.clone(),
            attributes: attributes_in(&requirements.attributes),
            signed_by: SignedBy { all_of: signed_by.all_of, any_of: signed_by.any_of },
            units: message.resources.iter().map(unit_in).collect::<Result<_, _>>()?,
        })
    }
}

fn unit_out(unit: &ResourceUnit) -> deployment::ResourceUnit {
    deployment::ResourceUnit {
        resource: Some((&unit.resources).into()),
        count: unit.count,
        price: Some(cosmos::DecCoin {
            denom: unit.price.denom.as_str().to_owned(),
            amount: unit.price.amount.to_wire(),
        }),
    }
}

fn unit_in(message: &deployment::ResourceUnit) -> Result<ResourceUnit, WireError> {
    let price = message.price.as_ref().ok_or(WireError::Missing("price"))?;
    Ok(ResourceUnit {
        resources: message.resource.as_ref().ok_or(WireError::Missing("resource"))?.try_into()?,
        count: message.count,
        price: DecCoin::from_wire(&price.denom, &price.amount)?,
    })
}

impl From<&Resources> for resources::Resources {
    fn from(unit: &Resources) -> Self {
        let storage = unit.storage.iter().map(|volume| resources::Storage {
            name: volume.name.clone(),
            quantity: quantity_out(volume.size),
            attributes: attributes_out(&volume.attributes),
        });
        let endpoints = unit.endpoints.iter().map(|endpoint| resources::Endpoint {
            kind: endpoint.kind.number(),
            sequence_number: endpoint.sequence_number,
        });
        Self {
            id: unit.id,
            cpu: Some(resources::Cpu {
                units: quantity_out(unit.cpu.units),
                attributes: attributes_out(&unit.cpu.attributes),
            }),
            memory: Some(resources::Memory {
                quantity: quantity_out(unit.memory.size),
                attributes: attributes_out(&unit.memory.attributes),
            }),
            storage: storage.collect(),
            gpu: Some(resources::Gpu {
                units: quantity_out(unit.gpu.units),
                attributes: attributes_out(&unit.gpu.attributes),
            }),
            endpoints: endpoints.collect(),
        }
    }
}

impl TryFrom<&resources::Resources> for Resources {
    type Error = WireError;

    fn try_from(message: &resources::Resources) -> Result<Self, WireError> {
        let cpu = message.cpu.as_ref().ok_or(WireError::Missing("cpu"))?;
        let memory = message.memory.as_ref().ok_or(WireError::Missing("memory"))?;
        let gpu = message.gpu.as_ref().ok_or(WireError::Missing("gpu"))?;
        Ok(Self {
            id: message.id,
            cpu: Cpu { units: quantity_in("cpu", cpu.units.as_ref())?, attributes: attributes_in(&cpu.attributes) },
            memory: Memory {
                size: quantity_in("memory", memory.quantity.as_ref())?,
                attributes: attributes_in(&memory.attributes),
            },
            storage: message.storage.iter().map(volume_in).collect::<Result<_, _>>()?,
            gpu: Gpu { units: quantity_in("gpu", gpu.units.as_ref())?, attributes: attributes_in(&gpu.attributes) },
            endpoints: message.endpoints.iter().map(endpoint_in).collect::<Result<_, _>>()?,
        })
    }
}

fn volume_in(message: &resources::Storage) -> Result<Storage, WireError> {
    Ok(Storage {
        name: message.name.clone(),
        size: quantity_in("storage", message.quantity.as_ref())?,
        attributes: attributes_in(&message.attributes),
    })
}

fn endpoint_in(message: &resources::Endpoint) -> Result<Endpoint, WireError> {
    let kind = EndpointKind::from_number(message.kind).ok_or(WireError::EndpointKind(message.kind))?;
    Ok(Endpoint { kind, sequence_number: message.sequence_number })
}

/// Amounts travel as the ASCII digits of the integer.
fn quantity_out(quantity: Quantity) -> Option<resources::ResourceValue> {
    Some(resources::ResourceValue { val: quantity.0.to_string().into_bytes() })
}

fn quantity_in(what: &'static str, message: Option<&resources::ResourceValue>) -> Result<Quantity, WireError> {
    let digits: &[u8] = message.ok_or(WireError::Quantity(what))?.val.as_ref();
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| plain);
    text.and_then(|text| text.parse().ok()).map(Quantity).ok_or(WireError::Quantity(what))
}

fn attributes_out(attributes: &[Attribute]) -> Vec<attributes::Attribute> {
    let message =
        |attribute: &Attribute| attributes::Attribute { key: attribute.key.clone(), value: attribute.value.clone() };
    attributes.iter().map(message).collect()
}

fn attributes_in(messages: &[attributes::Attribute]) -> Vec<Attribute> {
    messages.iter().map(|message| Attribute::new(&message.key, &message.value)).collect()
}
