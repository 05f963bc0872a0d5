//! Whether to bid on an order, and how much: a pure function of the order and of what this agent is and has free.

use std::fmt;

use primitives::DecCoin;
use proto::akash::deployment::v1beta4::GroupSpec as WireGroup;
use proto::tetra::capacity::v1::Device;
use sdl::placement::Signed;
use sdl::resources::{Attribute, EndpointKind, Resources};
use sdl::{GroupSpec, WireError, capability, placement};
use thiserror::Error;
use workload::Isolation;
use workload::spec::MAX_REPLICAS;

use crate::book::{Book, Needs, NoRoom};
use crate::price::{PriceError, Pricer};

/// What this agent is and has.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What the provider claims of itself on the chain.
    pub attributes: &'a [Attribute],
    /// What auditors signed of it.
    pub signed: &'a Signed,
    /// How containers are kept apart here, which takes memory of its own.
    pub isolation: Isolation,
    /// What CPU the machine has, as images name it.
    pub architecture: &'a str,
    /// Whether sizes of volumes on disk are enforced here.
    pub volumes: bool,
    /// Who has what.
    pub book: &'a Book,
    /// Prices.
    pub pricer: &'a Pricer,
}

/// What to do about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Bid this much per block, and set this aside.
    Bid {
        /// Per block, for the whole group.
        price: DecCoin,
        /// To be reserved.
        needs: Needs,
        /// With these devices.
        devices: Vec<Device>,
    },
    /// Leave it.
    NoBid(NoBid),
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bid { price, .. } => write!(f, "bid {price} per block"),
            Self::NoBid(reason) => write!(f, "no bid: {reason}"),
        }
    }
}

/// Why an order gets no bid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoBid {
    /// It cannot be read.
    #[error("the order is malformed: {0}")]
    Malformed(#[from] WireError),
    /// It asks for more than can be counted, or for nothing.
    #[error("the order is empty or asks for more than can be counted")]
    Uncountable,
    /// It wants a window of reclamation.
    #[error("the order wants notice before a lease is taken back, and this agent gives none")]
    Reclamation,
    /// The placement: attributes, and who signed them.
    #[error("{0}")]
    Placement(placement::Mismatch),
    /// A kind of hardware that the provider does not claim to have.
    #[error("{0}")]
    Capability(capability::Mismatch),
    /// GPUs that the provider claims to have.
    #[error("unit {0} wants a GPU, which this agent cannot pass into a container")]
    Gpu(u32),
    /// Another CPU.
    #[error("unit {unit} wants a CPU of {wanted}, and this machine's is {here}")]
    Architecture {
        /// The unit.
        unit: u32,
        /// What it wants.
        wanted: String,
        /// What is here.
        here: String,
    },
    /// A CPU attribute that this agent does not know.
    #[error("unit {unit} wants {what} with attribute {key:?}, which this agent does not know")]
    UnknownAttribute {
        /// The unit.
        unit: u32,
        /// CPU or memory.
        what: &'static str,
        /// The attribute.
        key: String,
    },
    /// Less memory than a container needs.
    #[error("unit {unit} has less than {least} MiB of memory, in which no container starts here")]
    Memory {
        /// The unit.
        unit: u32,
        /// The least, in MiB.
        least: u64,
    },
    /// A leased address.
    #[error("unit {0} wants a leased IP address, and this agent has none to lease")]
    LeasedIp(u32),
    /// Sizes that nothing would enforce.
    #[error("unit {unit}: the size of volume {volume:?} cannot be enforced here (loop devices do not work)")]
    Unenforceable {
        /// The unit.
        unit: u32,
        /// The volume.
        volume: String,
    },
    /// More replicas than a pod has addresses.
    #[error("the order wants {0} replicas, and one lease holds at most {MAX_REPLICAS} here")]
    Replicas(u64),
    /// The machine is full.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// No price.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// The ceiling is too low.
    #[error("price {price} is over the order's ceiling {ceiling} per block")]
    Ceiling {
        /// What it would cost here.
        price: DecCoin,
        /// The most that the order pays.
        ceiling: DecCoin,
    },
}

/// Decides on an order of this group; `reclamation` tells whether it wants a window.
pub fn decide(group: &WireGroup, reclamation: bool, terms: &Terms<'_>) -> Decision {
    match judge(group, reclamation, terms) {
        Ok((price, needs, devices)) => Decision::Bid { price, needs, devices },
        Err(reason) => Decision::NoBid(reason),
    }
}

fn judge(group: &WireGroup, reclamation: bool, terms: &Terms<'_>) -> Result<(DecCoin, Needs, Vec<Device>), NoBid> {
    let group = GroupSpec::try_from(group)?;
    if reclamation {
        return Err(NoBid::Reclamation);
    }
    // As the chain will check the bid.
    placement::check(&group, terms.attributes, terms.signed).map_err(NoBid::Placement)?;
    capability::check(&group, terms.attributes).map_err(NoBid::Capability)?;
    for unit in &group.units {
        can_serve(&unit.resources, terms)?;
    }
    let replicas = group.units.iter().map(|unit| u64::from(unit.count)).fold(0, u64::saturating_add);
    if replicas > u64::from(MAX_REPLICAS) {
        return Err(NoBid::Replicas(replicas));
    }
    let needs = Needs::of_group(&group).ok_or(NoBid::Uncountable)?;
    let devices = terms.book.pick(&needs)?;
    let ceiling = group.price().ok_or(NoBid::Uncountable)?;
    let price = terms.pricer.price(&group, &needs.split(&devices).ok_or(NoBid::Uncountable)?)?;
    if price.amount > ceiling.amount {
        return Err(NoBid::Ceiling { price, ceiling });
    }
    Ok((price, needs, devices))
}

fn can_serve(unit: &Resources, terms: &Terms<'_>) -> Result<(), NoBid> {
    let id = unit.id;
    if unit.gpu.units.0 > 0 && terms.book.devices().is_empty() {
        return Err(NoBid::Gpu(id));
    }
    for Attribute { key, value } in &unit.cpu.attributes {
        if key != "arch" {
            return Err(NoBid::UnknownAttribute { unit: id, what: "cpu", key: key.clone() });
        }
        if value != terms.architecture {
            let (wanted, here) = (value.clone(), terms.architecture.to_owned());
            return Err(NoBid::Architecture { unit: id, wanted, here });
        }
    }
    if let Some(Attribute { key, .. }) = unit.memory.attributes.first() {
        return Err(NoBid::UnknownAttribute { unit: id, what: "memory", key: key.clone() });
    }
    let least = terms.isolation.least_memory();
    if unit.memory.size.0 < least {
        return Err(NoBid::Memory { unit: id, least: least >> 20 });
    }
    if unit.endpoints.iter().any(|endpoint| endpoint.kind == EndpointKind::LeasedIp) {
        return Err(NoBid::LeasedIp(id));
    }
    for volume in &unit.storage {
        // Whoever configures the agent says of what class its disk is; all volumes but those in memory are on it.
        if volume.attribute("class") != Some("ram") && !terms.volumes {
            return Err(NoBid::Unenforceable { unit: id, volume: volume.name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
