//! Which hosts serve a claim: a deterministic best fit.
//!
//! Replicas are placed one by one: first those that fewest devices suit, then those with the most devices, memory and
//! CPU. Each goes to the host that it leaves with the least: fewest free devices, then least memory, CPU and storage,
//! then the smallest key. There it gets the devices that the fewest requests of the claim accept (`devices.rs`).
//! A claim is placed as a whole or not at all.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proto::tetra::capacity::v1::{Device, Resources};

use super::resources::{self, Claim, GpuRequest, Request};
use super::state::HostKey;
use super::{devices, gpu};

/// The most replicas that one claim may have.
pub const MAX_REPLICAS: u64 = 1024;

/// What a host has left.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    /// Which host.
    pub key: HostKey,
    /// What is free; its devices are the free ones.
    pub free: Resources,
    /// Models of all devices of the host, those to be given first in front.
    pub devices: Vec<Device>,
}

impl Room {
    fn free_devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().filter(|device| self.free.devices.contains(&device.id))
    }
}

/// What a claim takes of each host; `None` when it does not fit.
pub fn place(claim: &Claim<'_>, mut rooms: Vec<Room>) -> Option<BTreeMap<HostKey, Resources>> {
    let total: u64 = claim.units.iter().map(|(_, count)| u64::from(*count)).sum();
    if total > MAX_REPLICAS {
        return None;
    }
    for room in &mut rooms {
        room.devices.sort_by_cached_key(|device| contenders(claim, device));
    }
    let mut units: Vec<&(Request, u32)> = claim.units.iter().collect();
    units.sort_by_cached_key(|(request, _)| {
        let devices: u64 = request.gpus.iter().map(|gpu| u64::from(gpu.count)).sum();
        (choice(request, &rooms), Reverse((devices, request.memory, request.cpu_milli)))
    });

    let mut placed: BTreeMap<HostKey, Resources> = BTreeMap::new();
    let replicas = units.into_iter().flat_map(|(request, count)| std::iter::repeat_n(request, *count as usize));
    for replica in replicas {
        let options = rooms.iter().enumerate().filter_map(|(place, room)| {
            let taken = take(replica, room)?;
            let left = resources::subtract(&room.free, &taken);
            let order = (left.devices.len(), left.memory, left.cpu_milli, left.storage, room.key);
            Some((order, place, taken, left))
        });
        let (_, place, taken, left) = options.min_by_key(|(order, ..)| *order)?;
        let room = rooms.get_mut(place)?;
        room.free = left;
        let sum = placed.entry(room.key).or_default();
        *sum = resources::add(sum, &taken)?;
    }
    Some(placed)
}

/// How many requests of the claim accept a device.
fn contenders(claim: &Claim<'_>, device: &Device) -> usize {
    let requests = claim.units.iter().flat_map(|(request, _)| &request.gpus);
    requests.filter(|request| gpu::accepted(&request.accepts, &device.model)).count()
}

/// How many free devices suit the pickiest of a replica's requests; a replica without requests is never short.
fn choice(request: &Request, rooms: &[Room]) -> usize {
    let suiting = |request: &GpuRequest| {
        let devices = rooms.iter().flat_map(Room::free_devices);
        devices.filter(|device| gpu::accepted(&request.accepts, &device.model)).count()
    };
    request.gpus.iter().map(suiting).min().unwrap_or(usize::MAX)
}

/// What a replica would take of a room, with concrete devices; `None` when it does not fit.
fn take(request: &Request, room: &Room) -> Option<Resources> {
    let amounts = Resources {
        cpu_milli: request.cpu_milli,
        memory: request.memory,
        storage: request.storage,
        devices: Vec::new(),
    };
    if !resources::fits(&amounts, &room.free) {
        return None;
    }
    let free: Vec<&Device> = room.free_devices().collect();
    let devices = devices::assign(&request.gpus, &free)?;
    Some(Resources { devices, ..amounts })
}
