//! Which host and which devices a claim gets.

use insta::assert_snapshot;
use proto::tetra::capacity::v1::{Device, Resources};

use super::support::*;
use crate::capacity::placement::{MAX_REPLICAS, Room, place};
use crate::capacity::{Claim, Request};

fn room(number: u8, (cpu_milli, memory, storage): (u64, u64, u64), devices: &[(&str, &str)]) -> Room {
    let device = |(id, model): &(&str, &str)| Device { id: (*id).to_owned(), model: (*model).to_owned() };
    let devices: Vec<Device> = devices.iter().map(device).collect();
    let free = devices.iter().map(|device| device.id.clone()).collect();
    Room { key: [number; 32], free: Resources { cpu_milli, memory, storage, devices: free }, devices }
}

fn with_gpus(gpus: &[crate::capacity::GpuRequest]) -> Request {
    Request { gpus: gpus.to_vec(), ..request(1, 1, 1) }
}

/// A line for each host: its number and what is taken of it.
fn placed(claim: &Claim<'_>, rooms: &[Room]) -> Option<String> {
    let line = |(key, taken): (&[u8; 32], &Resources)| {
        let Resources { cpu_milli, memory, storage, devices } = taken;
        format!("{}: cpu {cpu_milli}, memory {memory}, storage {storage}, devices {devices:?}\n", key[0])
    };
    place(claim, rooms.to_vec()).map(|placed| placed.iter().map(line).collect())
}

fn big() -> (u64, u64, u64) {
    (100, 100, 100)
}

#[test]
fn the_best_fit_is_the_same_whatever_the_order_of_hosts() {
    let mut rooms = vec![
        room(1, (8_000, 64, 500), &[("gpu-1", A100), ("gpu-2", A100)]),
        room(2, (4_000, 16, 100), &[("gpu-3", T4)]),
        room(3, (4_000, 16, 100), &[]),
        room(4, (4_000, 16, 100), &[]),
    ];
    let claims = [
        ("no device: the smallest host without one, then the smaller key", claim("a", &[(request(1_000, 4, 10), 1)])),
        ("replicas fill a host before the next", claim("b", &[(request(1_500, 8, 10), 5)])),
        ("the most demanding first", claim("c", &[(request(500, 1, 1), 2), (request(4_000, 16, 1), 1)])),
        ("any device: the host with fewer", claim("d", &[(with_gpus(&[gpu(1, &[])]), 1)])),
        ("two of one kind", claim("e", &[(with_gpus(&[gpu(2, &["vendor/nvidia"])]), 1)])),
        ("all at once", claim("f", &[(with_gpus(&[gpu(1, &[])]), 3), (request(3_000, 10, 10), 3)])),
    ];
    let mut text = String::new();
    for (what, claim) in &claims {
        let found = placed(claim, &rooms).unwrap();
        rooms.rotate_left(1);
        assert_eq!(placed(claim, &rooms).unwrap(), found, "{what}");
        text.push_str(&format!("{what}\n{found}\n"));
    }
    assert_snapshot!(text);
}

#[test]
fn a_claim_is_placed_whole_or_not_at_all() {
    let rooms = [room(1, (2_000, 8, 8), &[]), room(2, (1_000, 8, 8), &[])];
    assert!(placed(&claim("a", &[(request(1_000, 1, 1), 3)]), &rooms).is_some());
    assert_eq!(placed(&claim("a", &[(request(1_000, 1, 1), 4)]), &rooms), None);
    // A replica is never split over hosts.
    assert_eq!(placed(&claim("a", &[(request(3_000, 1, 1), 1)]), &rooms), None);
    assert_eq!(placed(&claim("a", &[(request(1, 9, 1), 1)]), &rooms), None);
    assert_eq!(placed(&claim("a", &[(request(1, 1, 9), 1)]), &rooms), None);
    assert_eq!(placed(&claim("a", &[(with_gpus(&[gpu(1, &[])]), 1)]), &rooms), None);
}

#[test]
fn the_number_of_replicas_and_devices_is_bounded() {
    let rooms = [room(1, (u64::MAX, u64::MAX, u64::MAX), &[("gpu-1", T4)])];
    let most = u32::try_from(MAX_REPLICAS).unwrap();
    assert!(placed(&claim("a", &[(request(1, 1, 1), most)]), &rooms).is_some());
    assert_eq!(placed(&claim("a", &[(request(1, 1, 1), most), (request(1, 1, 1), 1)]), &rooms), None);
    assert_eq!(placed(&claim("a", &[(request(1, 1, 1), u32::MAX), (request(1, 1, 1), u32::MAX)]), &rooms), None);
    let greedy = with_gpus(&[gpu(u32::MAX, &[]), gpu(u32::MAX, &[])]);
    assert_eq!(placed(&claim("a", &[(greedy, 1)]), &rooms), None);
}

#[test]
fn who_accepts_any_device_leaves_the_wanted_one() {
    let rooms = [room(1, big(), &[("gpu-1", A100), ("gpu-2", T4)])];
    let (any, a100) = (gpu(1, &[]), gpu(1, &["vendor/nvidia/model/a100"]));
    let within_a_replica = claim("a", &[(with_gpus(&[any.clone(), a100.clone()]), 1)]);
    let over_replicas = claim("a", &[(with_gpus(std::slice::from_ref(&any)), 1), (with_gpus(&[a100]), 1)]);
    for claim in [within_a_replica, over_replicas] {
        let found = placed(&claim, &rooms).expect("both devices serve one each");
        assert!(found.contains("gpu-1") && found.contains("gpu-2"), "{found}");
    }
    // Nobody else wants one: the first.
    assert!(placed(&claim("a", &[(with_gpus(&[any]), 1)]), &rooms).unwrap().contains("gpu-1"));
}

#[test]
fn requests_that_overlap_in_a_ring_find_their_devices() {
    let rooms = [room(1, big(), &[("gpu-1", A100), ("gpu-2", T4), ("gpu-3", MI300)])];
    let ring = [
        gpu(1, &["vendor/nvidia/model/a100", "vendor/nvidia/model/t4"]),
        gpu(1, &["vendor/nvidia/model/t4", "vendor/amd"]),
        gpu(1, &["vendor/nvidia/model/t4"]),
    ];
    for turn in 0..3 {
        let mut gpus = ring.to_vec();
        gpus.rotate_left(turn);
        assert!(placed(&claim("a", &[(with_gpus(&gpus), 1)]), &rooms).is_some(), "{gpus:?}");
    }
}

#[test]
fn the_host_that_others_need_is_left_to_them() {
    let rooms = [room(1, big(), &[("gpu-1", A100)]), room(2, big(), &[("gpu-2", T4), ("gpu-3", T4)])];
    let (any, a100) = (with_gpus(&[gpu(1, &[])]), with_gpus(&[gpu(1, &["vendor/nvidia/model/a100"])]));
    let demanding = Request { memory: 50, ..any };
    assert_eq!(
        placed(&claim("a", &[(demanding, 1), (a100, 1)]), &rooms).expect("each host serves one"),
        "1: cpu 1, memory 1, storage 1, devices [\"gpu-1\"]\n2: cpu 1, memory 50, storage 1, devices [\"gpu-2\"]\n"
    );
}
