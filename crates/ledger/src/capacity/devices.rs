//! Which devices of a host serve a replica's requests, each its own: a matching, found whenever there is one.

use proto::tetra::capacity::v1::Device;

use super::gpu;
use super::resources::GpuRequest;

/// Whether each free device suits one wanted device.
type Suits = Vec<bool>;

/// The ids of one device for each that is wanted, in the order of `free`. Devices in front are given first. `None`
/// when they do not suffice. The work is at most the cube of the number of free devices, of which a host has few.
pub(super) fn assign(requests: &[GpuRequest], free: &[&Device]) -> Option<Vec<String>> {
    let total: u64 = requests.iter().map(|request| u64::from(request.count)).sum();
    if total > free.len() as u64 {
        return None;
    }
    let mut wanted: Vec<Suits> = Vec::new();
    for request in requests {
        let suits: Suits = free.iter().map(|device| gpu::accepted(&request.accepts, &device.model)).collect();
        wanted.extend(std::iter::repeat_n(suits, request.count as usize));
    }
    let mut holders: Vec<Option<usize>> = vec![None; free.len()];
    for one in 0..wanted.len() {
        if !give(one, &wanted, &mut holders, &mut vec![false; free.len()]) {
            return None;
        }
    }
    let given = free.iter().zip(&holders).filter(|(_, holder)| holder.is_some());
    Some(given.map(|(device, _)| device.id.clone()).collect())
}

/// Gives `one` a device that nobody has, or one whose holder can be given another. No device is `tried` twice.
fn give(one: usize, wanted: &[Suits], holders: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    let suits = |place: &usize| wanted.get(one).and_then(|suits| suits.get(*place)).copied().unwrap_or(false);
    let suiting: Vec<usize> = (0..holders.len()).filter(suits).collect();
    let holder = |holders: &[Option<usize>], place: usize| holders.get(place).copied().flatten();
    let free = suiting.iter().copied().find(|place| holder(holders, *place).is_none());
    let found = free.or_else(|| {
        suiting.into_iter().find(|place| {
            let first = tried.get_mut(*place).is_some_and(|tried| !std::mem::replace(tried, true));
            first && holder(holders, *place).is_some_and(|other| give(other, wanted, holders, tried))
        })
    });
    if let Some(slot) = found.and_then(|place| holders.get_mut(place)) {
        *slot = Some(one);
    }
    found.is_some()
}
