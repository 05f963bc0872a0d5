//! Amounts of hardware: what is asked for, and sums of what is held.

use proto::tetra::capacity::v1::Resources;

/// What one replica needs; it must fit on one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Bytes.
    pub memory: u64,
    /// Bytes.
    pub storage: u64,
    /// Devices.
    pub gpus: Vec<GpuRequest>,
}

/// Devices of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GpuRequest {
    /// How many.
    pub count: u32,
    /// Capability patterns, `vendor/nvidia/model/a100`, any of which a device must match; none accepts every device.
    pub accepts: Vec<String>,
}

/// What a market wants to hold for one of its holders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Which market.
    pub market: &'a str,
    /// The market's own name of the holder. Holds are released by market and reference.
    pub reference: String,
    /// Kinds of replicas, and how many of each.
    pub units: Vec<(Request, u32)>,
}

/// The sum; `None` on overflow. Device lists are joined.
pub(super) fn add(a: &Resources, b: &Resources) -> Option<Resources> {
    Some(Resources {
        cpu_milli: a.cpu_milli.checked_add(b.cpu_milli)?,
        memory: a.memory.checked_add(b.memory)?,
        storage: a.storage.checked_add(b.storage)?,
        devices: a.devices.iter().chain(&b.devices).cloned().collect(),
    })
}

/// The difference, never below zero. Each device of `b` is taken out of `a` once.
pub(super) fn subtract(a: &Resources, b: &Resources) -> Resources {
    let mut devices = a.devices.clone();
    for device in &b.devices {
        if let Some(place) = devices.iter().position(|held| held == device) {
            devices.remove(place);
        }
    }
    Resources {
        cpu_milli: a.cpu_milli.saturating_sub(b.cpu_milli),
        memory: a.memory.saturating_sub(b.memory),
        storage: a.storage.saturating_sub(b.storage),
        devices,
    }
}

/// With the device list in order, as sums of holds are stored.
pub(super) fn sorted(mut sum: Resources) -> Resources {
    sum.devices.sort();
    sum
}

/// Whether `need` fits into `room`: no amount is larger, and each device is in the room.
pub(super) fn fits(need: &Resources, room: &Resources) -> bool {
    need.cpu_milli <= room.cpu_milli
        && need.memory <= room.memory
        && need.storage <= room.storage
        && need.devices.iter().all(|device| room.devices.contains(device))
}

/// Whether `used` has some of what is short, that is, of what `need` takes more of than there is `room` for.
pub(super) fn uses_what_is_short(used: &Resources, need: &Resources, room: &Resources) -> bool {
    let short = |device: &String| need.devices.contains(device) && !room.devices.contains(device);
    (need.cpu_milli > room.cpu_milli && used.cpu_milli > 0)
        || (need.memory > room.memory && used.memory > 0)
        || (need.storage > room.storage && used.storage > 0)
        || used.devices.iter().any(short)
}
