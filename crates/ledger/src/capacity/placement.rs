//! Which hosts serve a claim: a deterministic best fit.
//!
//! Replicas are placed one by one, those with the most devices, then memory, then CPU first. Each goes to the host
//! that it leaves with the least: fewest free devices, then least memory, CPU and storage, then the smallest key. A
//! claim is placed as a whole or not at all.

use std::collections::BTreeMap;

use proto::tetra::capacity::v1::{Device, Resources};

use super::gpu;
use super::resources::{self, Claim, Request};
use super::state::HostKey;

/// The most replicas that one claim may have.
pub const MAX_REPLICAS: u64 = 1024;

/// What a host has left.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    /// Which host.
    pub key: HostKey,
    /// What is free; its devices are the free ones.
    pub free: Resources,
    /// Models of all devices of the host.
    pub devices: Vec<Device>,
}

/// What a claim takes of each host; `None` when it does not fit.
pub fn place(claim: &Claim<'_>, mut rooms: Vec<Room>) -> Option<BTreeMap<HostKey, Resources>> {
    let total: u64 = claim.units.iter().map(|(_, count)| u64::from(*count)).sum();
    if total > MAX_REPLICAS {
        return None;
    }
    let repeated = |(request, count): &(Request, u32)| vec![request.clone(); *count as usize];
    let mut replicas: Vec<Request> = claim.units.iter().flat_map(repeated).collect();
    let devices = |request: &Request| request.gpus.iter().map(|gpu| u64::from(gpu.count)).sum::<u64>();
    replicas.sort_by_key(|request| std::cmp::Reverse((devices(request), request.memory, request.cpu_milli)));

    let mut placed: BTreeMap<HostKey, Resources> = BTreeMap::new();
    for replica in &replicas {
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

/// What a replica would take of a room, with concrete devices; `None` when it does not fit.
fn take(request: &Request, room: &Room) -> Option<Resources> {
    let mut taken = Resources {
        cpu_milli: request.cpu_milli,
        memory: request.memory,
        storage: request.storage,
        devices: Vec::new(),
    };
    if !resources::fits(&taken, &room.free) {
        return None;
    }
    for gpu in &request.gpus {
        let wanted = usize::try_from(gpu.count).ok()?;
        let suits = |device: &&Device| {
            let free = room.free.devices.contains(&device.id) && !taken.devices.contains(&device.id);
            free && gpu::accepted(&gpu.accepts, &device.model)
        };
        let found: Vec<String> =
            room.devices.iter().filter(suits).map(|device| device.id.clone()).take(wanted).collect();
        if found.len() < wanted {
            return None;
        }
        taken.devices.extend(found);
    }
    Some(taken)
}
