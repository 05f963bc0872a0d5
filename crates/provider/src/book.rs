//! The reservation book of this machine: what is offered, what is promised, and to whom.
//!
//! It is computed from the chain's holds on this host and the agent's own bids that the chain does not show yet, and it
//! is stricter than the chain: there soft holds may overlap, here an open bid is room that is gone, so that every bid
//! that is taken can be served.

use std::collections::{BTreeMap, BTreeSet};

use ledger::capacity::placement::{Room, place};
use ledger::capacity::{Claim, Request};
use proto::tetra::capacity::v1 as wire;
use proto::tetra::capacity::v1::Device;
use sdl::GroupSpec;
use sdl::resources::{EndpointKind, Resources, Storage};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::devices::request as gpu_request;

/// An amount of what is sold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub storage: u64,
    /// Ports of the provider's range.
    pub ports: u64,
    /// Whole devices.
    pub gpus: u64,
}

/// What an order takes that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoRoom {
    /// Too little of something.
    #[error("insufficient capacity for reservation: {wanted} {what} wanted, {free} of {total} free")]
    Amount {
        /// Of what.
        what: &'static str,
        /// How much is wanted.
        wanted: u64,
        /// How much is free.
        free: u64,
        /// How much there is.
        total: u64,
    },
    /// Not the devices that are wanted, or not together.
    #[error(
        "insufficient capacity for reservation: {wanted} GPUs wanted ({models}), and the {suiting} of {total} that \
         suit and are free do not serve them"
    )]
    Devices {
        /// How many are wanted.
        wanted: u64,
        /// The models that would do.
        models: String,
        /// Free devices of one of them.
        suiting: u64,
        /// All devices.
        total: u64,
    },
}

/// What a group takes with all of its replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// In all.
    pub amount: Amount,
    /// Of one replica of each unit, as the chain counts it, and how many replicas there are.
    units: Vec<(Request, u32)>,
}

impl Needs {
    /// What a group takes; `None` beyond 64 bits.
    pub fn of_group(group: &GroupSpec) -> Option<Self> {
        let mut needs = Self::default();
        for unit in &group.units {
            let (resources, count) = (request(&unit.resources)?, u64::from(unit.count));
            let endpoints = &unit.resources.endpoints;
            let ports = endpoints.iter().filter(|endpoint| endpoint.kind == EndpointKind::RandomPort);
            needs.amount = needs.amount.checked_add(Amount {
                cpu_milli: resources.cpu_milli.checked_mul(count)?,
                memory: resources.memory.checked_mul(count)?,
                storage: resources.storage.checked_mul(count)?,
                // Replicas stand behind one port.
                ports: ports.count() as u64,
                gpus: unit.resources.gpu.units.0.checked_mul(count)?,
            })?;
            needs.units.push((resources, unit.count));
        }
        Some(needs)
    }

    /// What one replica of each unit wants of devices, for all replicas one after another.
    fn gpus(&self) -> Vec<ledger::capacity::GpuRequest> {
        let replicas = self.units.iter().flat_map(|(unit, count)| std::iter::repeat_n(unit, *count as usize));
        replicas.flat_map(|unit| unit.gpus.iter().cloned()).collect()
    }

    /// Splits devices that were found for these needs: those of all replicas of each unit.
    pub fn split(&self, devices: &[Device]) -> Option<Vec<Vec<Device>>> {
        let free: Vec<&Device> = devices.iter().collect();
        let mut given = ledger::capacity::devices::split(&self.gpus(), &free)?.into_iter();
        let units = self.units.iter().map(|(unit, count)| {
            let ids = given.by_ref().take(unit.gpus.len() * *count as usize).flatten();
            ids.filter_map(|id| devices.iter().find(|device| device.id == id).cloned()).collect()
        });
        Some(units.collect())
    }
}

/// One replica, as the market holds it; `None` beyond 64 bits.
fn request(unit: &Resources) -> Option<Request> {
    let in_memory = |volume: &&Storage| volume.attribute("class") == Some("ram");
    let bytes = |sum: u64, volume: &Storage| sum.checked_add(volume.size.0);
    Some(Request {
        cpu_milli: unit.cpu.units.0,
        memory: unit.storage.iter().filter(in_memory).try_fold(unit.memory.size.0, bytes)?,
        storage: unit.storage.iter().filter(|volume| !in_memory(volume)).try_fold(0, bytes)?,
        gpus: gpu_request(&unit.gpu).into_iter().collect(),
    })
}

impl Amount {
    fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            cpu_milli: self.cpu_milli.checked_add(other.cpu_milli)?,
            memory: self.memory.checked_add(other.memory)?,
            storage: self.storage.checked_add(other.storage)?,
            ports: self.ports.checked_add(other.ports)?,
            gpus: self.gpus.checked_add(other.gpus)?,
        })
    }

    fn saturating_add(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.saturating_add(other.cpu_milli),
            memory: self.memory.saturating_add(other.memory),
            storage: self.storage.saturating_add(other.storage),
            ports: self.ports.saturating_add(other.ports),
            gpus: self.gpus.saturating_add(other.gpus),
        }
    }

    fn saturating_sub(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.saturating_sub(other.cpu_milli),
            memory: self.memory.saturating_sub(other.memory),
            storage: self.storage.saturating_sub(other.storage),
            ports: self.ports.saturating_sub(other.ports),
            gpus: self.gpus.saturating_sub(other.gpus),
        }
    }

    fn named(self) -> [(&'static str, u64); 5] {
        [
            ("thousandths of a core", self.cpu_milli),
            ("bytes of memory", self.memory),
            ("bytes of disk", self.storage),
            ("ports", self.ports),
            ("GPUs", self.gpus),
        ]
    }
}

/// What one holder has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Share {
    amount: Amount,
    /// Ids of devices.
    devices: BTreeSet<String>,
}

/// Who has what.
#[derive(Clone, Debug, Default)]
pub struct Book {
    capacity: Amount,
    /// Those of the machine that are sold.
    devices: Vec<Device>,
    /// By the holder's name on the chain, such as a bid id.
    taken: BTreeMap<String, Share>,
}

impl Book {
    /// An empty book of a machine; how many GPUs there are the devices tell.
    pub fn new(capacity: Amount, devices: Vec<Device>) -> Self {
        Self { capacity: Amount { gpus: devices.len() as u64, ..capacity }, devices, taken: BTreeMap::new() }
    }

    /// What there is, overcommit included.
    pub fn capacity(&self) -> Amount {
        self.capacity
    }

    /// The devices that are sold.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The devices of these ids.
    pub fn devices_of(&self, ids: &[String]) -> Vec<Device> {
        self.devices.iter().filter(|device| ids.contains(&device.id)).cloned().collect()
    }

    /// Who has a device.
    pub fn holder_of(&self, id: &str) -> Option<&str> {
        self.taken.iter().find(|(_, share)| share.devices.contains(id)).map(|(holder, _)| holder.as_str())
    }

    /// What is promised.
    pub fn taken(&self) -> Amount {
        self.taken.values().fold(Amount::default(), |sum, share| sum.saturating_add(share.amount))
    }

    /// What is free.
    pub fn free(&self) -> Amount {
        self.capacity.saturating_sub(self.taken())
    }

    /// Every holder and what it has.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Amount)> {
        self.taken.iter().map(|(holder, share)| (holder.as_str(), share.amount))
    }

    /// What is free for a holder beside all others.
    fn beside(&self, holder: &str) -> (Amount, Vec<&Device>) {
        let others = || self.taken.iter().filter(|(name, _)| *name != holder).map(|(_, share)| share);
        let taken = others().fold(Amount::default(), |sum, share| sum.saturating_add(share.amount));
        let is_free = |device: &&Device| !others().any(|share| share.devices.contains(&device.id));
        (self.capacity.saturating_sub(taken), self.devices.iter().filter(is_free).collect())
    }

    fn fits(&self, amount: Amount, free: Amount) -> Result<(), NoRoom> {
        let rows = amount.named().into_iter().zip(free.named()).zip(self.capacity.named());
        for (((what, wanted), (_, free)), (_, total)) in rows {
            if wanted > free {
                return Err(NoRoom::Amount { what, wanted, free, total });
            }
        }
        Ok(())
    }

    /// The devices that a new holder of these needs would get: those that the chain gives it when nobody else holds
    /// anything than this book says.
    ///
    /// # Errors
    /// [`NoRoom`] with the first thing that does not fit.
    pub fn pick(&self, needs: &Needs) -> Result<Vec<Device>, NoRoom> {
        let (free, devices) = self.beside("");
        self.fits(needs.amount, free)?;
        let requests = needs.gpus();
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let ids = devices.iter().map(|device| device.id.clone()).collect();
        // Amounts were looked at above, with what of them the chain does not know.
        let all = wire::Resources { cpu_milli: u64::MAX, memory: u64::MAX, storage: u64::MAX, devices: ids };
        let room = Room { key: [0; 32], free: all, devices: self.devices.clone() };
        let claim = Claim { market: "", reference: String::new(), units: needs.units.clone() };
        let placed = place(&claim, vec![room]).and_then(|placed| placed.into_values().next());
        let suits =
            |device: &&Device| requests.iter().any(|one| ledger::capacity::gpu::accepted(&one.accepts, &device.model));
        placed.map(|taken| self.devices_of(&taken.devices)).ok_or_else(|| {
            let models: BTreeSet<&str> =
                requests.iter().flat_map(|one| one.accepts.iter().map(String::as_str)).collect();
            NoRoom::Devices {
                wanted: needs.amount.gpus,
                models: models.into_iter().collect::<Vec<_>>().join(", "),
                suiting: devices.iter().copied().filter(suits).count() as u64,
                total: self.capacity.gpus,
            }
        })
    }

    /// Promises `amount` and devices to a holder, if they are free beside all others; what the holder had before is
    /// replaced.
    ///
    /// # Errors
    /// [`NoRoom`] with the first thing that does not fit; the book stays as it was.
    pub fn reserve(&mut self, holder: &str, amount: Amount, devices: &[Device]) -> Result<(), NoRoom> {
        let (free, left) = self.beside(holder);
        self.fits(amount, free)?;
        let is_free = |device: &&Device| left.iter().any(|one| one.id == device.id);
        if !devices.iter().all(|device| is_free(&device)) {
            let models: BTreeSet<&str> = devices.iter().map(|device| device.model.as_str()).collect();
            return Err(NoRoom::Devices {
                wanted: devices.len() as u64,
                models: models.into_iter().collect::<Vec<_>>().join(", "),
                suiting: devices.iter().filter(is_free).count() as u64,
                total: self.capacity.gpus,
            });
        }
        let devices = devices.iter().map(|device| device.id.clone()).collect();
        self.taken.insert(holder.to_owned(), Share { amount, devices });
        Ok(())
    }

    /// Notes what a holder has by the chain's word, whether it fits or not; its devices stay those that are known.
    pub fn note(&mut self, holder: &str, amount: Amount) {
        self.taken.entry(holder.to_owned()).or_default().amount = amount;
    }

    /// As [`Self::note`], with the devices that the chain names.
    pub fn note_devices(&mut self, holder: &str, amount: Amount, devices: &[String]) {
        let devices = devices.iter().cloned().collect();
        self.taken.insert(holder.to_owned(), Share { amount, devices });
    }

    /// Gives back what a holder had; none is no error.
    pub fn release(&mut self, holder: &str) {
        self.taken.remove(holder);
    }

    /// Forgets every holder that is not in `known`.
    pub fn keep(&mut self, known: impl Fn(&str) -> bool) {
        self.taken.retain(|holder, _| known(holder));
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
