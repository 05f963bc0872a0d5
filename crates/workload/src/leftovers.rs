//! Counts of everything that one agent holds of the kernel and the disk, so that a test can count
//! before and after, and `tetra doctor` can find what a crash left.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What one agent holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// Containers known to the OCI runtime.
    pub containers: usize,
    /// Control groups over all controllers, the agent's parents included.
    pub cgroups: usize,
    /// Named network namespaces.
    pub network_namespaces: usize,
    /// Host ends of links.
    pub links: usize,
    /// Mount points, pinned user namespaces included.
    pub mounts: usize,
    /// Loop devices whose files lie in the agent's data directory.
    pub loop_devices: usize,
    /// nftables tables.
    pub firewall_tables: usize,
    /// Claimed uid and subnet slots.
    pub slots: usize,
    /// Recorded pods.
    pub pods: usize,
}

impl Leftovers {
    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Loop devices backed by files below `dir`.
pub(crate) fn loop_devices_below(dir: &Path) -> usize {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    devices
        .filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok())
        .filter(|file| Path::new(file.trim_end()).starts_with(dir))
        .count()
}

/// Number of names in `dir` that begin with `prefix`.
pub(crate) fn entries_with(dir: &Path, prefix: &str) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)).count()
}
