//! Which devices of a host serve a replica's requests, each its own: a matching, found whenever there is one.

use proto::tetra::capacity::v1::Device;

use super::gpu;
use super::resources::GpuRequest;

/// Whether each free device suits one wanted device.
type Suits = Vec<bool>;

/// The ids of one device for each that is wanted, in the order of `free`. Devices in front are given first. `None`
/// when they do not suffice. The work is at most the cube of the number of free devices, of which a host has few.
pub(super) fn assign(requests: &[GpuRequest], free: &[&Device]) -> Option<Vec<String>> {
    let holders = holders(requests, free)?;
    let given = free.iter().zip(&holders).filter(|(_, holder)| holder.is_some());
    Some(given.map(|(device, _)| device.id.clone()).collect())
}

/// As the chain assigns them: for each request the ids of its devices, in the order of `free`. `None` when they do not
/// suffice. Agents split what a hold has among its replicas by it.
pub fn split(requests: &[GpuRequest], free: &[&Device]) -> Option<Vec<Vec<String>>> {
    let holders = holders(requests, free)?;
    let mut ends = 0_usize;
    let shares = requests.iter().map(|request| {
        let start = ends;
        ends = ends.saturating_add(request.count as usize);
        let ours = |holder: &Option<usize>| holder.is_some_and(|one| (start..ends).contains(&one));
        let devices = free.iter().zip(&holders).filter(|(_, holder)| ours(holder));
        devices.map(|(device, _)| device.id.clone()).collect()
    });
    Some(shares.collect())
}

/// Which wanted device each free one serves, counted over all requests; `None` when they do not suffice.
fn holders(requests: &[GpuRequest], free: &[&Device]) -> Option<Vec<Option<usize>>> {
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
    Some(holders)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn devices(models: &[u8]) -> Vec<Device> {
        let device = |(id, model): (usize, &u8)| Device { id: id.to_string(), model: format!("model/m{model}") };
        models.iter().enumerate().map(device).collect()
    }

    fn request((count, models): (u32, Vec<u8>)) -> GpuRequest {
        GpuRequest { count, accepts: models.iter().map(|model| format!("model/m{model}")).collect() }
    }

    proptest! {
        /// Where the devices suffice, each request gets as many as it wants, all of models that it accepts, and none is
        /// given twice; together they are what the chain takes.
        #[test]
        fn a_split_is_what_was_assigned(
            models in prop::collection::vec(0u8..3, 0..7),
            requests in prop::collection::vec((0u32..3, prop::collection::vec(0u8..3, 0..3)), 0..4),
        ) {
            let all = devices(&models);
            let free: Vec<&Device> = all.iter().collect();
            let requests: Vec<GpuRequest> = requests.into_iter().map(request).collect();
            let shares = split(&requests, &free);
            let mut together = assign(&requests, &free);
            if let Some(together) = &mut together {
                together.sort();
            }
            let mut joined = shares.clone().map(|shares| shares.concat());
            if let Some(joined) = &mut joined {
                joined.sort();
            }
            prop_assert_eq!(&joined, &together);
            for (request, share) in requests.iter().zip(shares.into_iter().flatten()) {
                prop_assert_eq!(share.len(), request.count as usize);
                for id in share {
                    let device = all.iter().find(|device| device.id == id).unwrap();
                    prop_assert!(gpu::accepted(&request.accepts, &device.model));
                }
            }
        }
    }
}
