//! Limits, in force before a process is in the group. The OCI runtime is told the group, not the limits: so they are
//! written in one way for every runtime and for both versions.

use std::fs;
use std::path::{Path, PathBuf};

use super::{CgroupVersion, Cgroups, NEEDED, below};
use crate::error::{IoContext, Result};
use crate::spec::{ServiceSpec, VolumeKind};

/// Length of the period that a CPU quota counts in, in microseconds.
const PERIOD: u64 = 100_000;

/// What one replica may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of memory; there is no swap beside it.
    pub(crate) memory_bytes: u64,
    /// Thousandths of a core.
    pub(crate) cpu_millis: u32,
    /// Processes and threads.
    pub(crate) pids: u32,
}

impl Limits {
    /// What a service's replica paid for. Its volumes in memory come on top of its memory.
    pub(crate) fn of(service: &ServiceSpec) -> Self {
        let wanted = &service.resources;
        let in_memory = service.volumes.iter().filter(|volume| volume.kind == VolumeKind::Ram);
        let memory_bytes = in_memory.fold(wanted.memory_bytes, |sum, volume| sum.saturating_add(volume.size_bytes));
        Self { memory_bytes, cpu_millis: wanted.cpu_millis, pids: wanted.pids }
    }

    fn quota(self) -> u64 {
        u64::from(self.cpu_millis) * PERIOD / 1000
    }

    /// 1024 shares are one core; rounded down, the kernel's least is 2 and its most 262144.
    fn shares(self) -> u64 {
        (u64::from(self.cpu_millis) * 1024 / 1000).clamp(2, 262_144)
    }

    /// The range of shares onto the range of weights, 1 to 10000, as runtimes convert them.
    fn weight(self) -> u64 {
        1 + (self.shares() - 2) * 9999 / 262_142
    }
}

impl Cgroups {
    /// Makes the group at the absolute path `group` with its limits.
    ///
    /// # Errors
    /// [`crate::Error::Io`] with the file that the kernel did not take.
    pub(crate) fn create(&self, group: &str, limits: &Limits) -> Result<()> {
        match self.version {
            CgroupVersion::V1 => self.create_v1(group, limits),
            CgroupVersion::V2 => self.create_v2(group, limits),
        }
    }

    /// Files of the group into which a process writes its id to be limited, all its later children with it.
    pub(crate) fn entrances(&self, group: &str) -> Vec<PathBuf> {
        match self.version {
            CgroupVersion::V1 => {
                ["memory", "cpu", "cpuacct", "pids"].map(|name| self.file(name, group, "cgroup.procs")).into()
            }
            CgroupVersion::V2 => vec![self.file("", group, "cgroup.procs")],
        }
    }

    fn create_v1(&self, group: &str, limits: &Limits) -> Result<()> {
        for controller in ["memory", "cpu", "cpuacct", "pids"] {
            let dir = below(&self.root.join(controller), group);
            fs::create_dir_all(&dir).at("making cgroup", dir)?;
        }
        let write = |controller: &str, name: &str, value: u64| set(&self.file(controller, group, name), value);
        write("memory", "memory.limit_in_bytes", limits.memory_bytes)?;
        if self.limits_swap() {
            // Memory and swap together.
            write("memory", "memory.memsw.limit_in_bytes", limits.memory_bytes)?;
        }
        write("cpu", "cpu.cfs_period_us", PERIOD)?;
        write("cpu", "cpu.cfs_quota_us", limits.quota())?;
        write("cpu", "cpu.shares", limits.shares())?;
        write("pids", "pids.max", limits.pids.into())
    }

    fn create_v2(&self, group: &str, limits: &Limits) -> Result<()> {
        let dir = below(&self.root, group);
        fs::create_dir_all(&dir).at("making cgroup", &dir)?;
        // A controller works below a group only where that group hands it on, from the root downwards.
        let handed_on = NEEDED.map(|name| format!("+{name}")).join(" ");
        let parents: Vec<&Path> = dir.ancestors().skip(1).take_while(|path| path.starts_with(&self.root)).collect();
        for parent in parents.into_iter().rev() {
            set(&parent.join("cgroup.subtree_control"), &handed_on)?;
        }
        set(&dir.join("memory.max"), limits.memory_bytes)?;
        let swap = dir.join("memory.swap.max");
        // Absent where the kernel has no swap to account for.
        if swap.exists() {
            set(&swap, 0)?;
        }
        set(&dir.join("cpu.max"), format!("{} {PERIOD}", limits.quota()))?;
        set(&dir.join("cpu.weight"), limits.weight())?;
        set(&dir.join("pids.max"), limits.pids)
    }
}

fn set(path: &Path, value: impl ToString) -> Result<()> {
    fs::write(path, value.to_string()).at("setting", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { memory_bytes: 64 << 20, cpu_millis: 1500, pids: 100 };

    fn read(path: PathBuf) -> String {
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A folder that looks like the hierarchy; the files of new groups appear as they are written.
    fn fake(files: &[&str]) -> (tempfile::TempDir, Cgroups) {
        let root = tempfile::tempdir().unwrap();
        for path in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "cpuset cpu io memory pids\n").unwrap();
        }
        let cgroups = Cgroups::detect(root.path()).unwrap();
        (root, cgroups)
    }

    #[test]
    fn version_2_gets_the_right_files_with_the_right_values() {
        let (root, cgroups) = fake(&["cgroup.controllers", "t/p/web-0/memory.swap.max"]);
        cgroups.create("/t/p/web-0", &LIMITS).unwrap();
        for parent in ["", "t", "t/p"] {
            let handed_on = read(root.path().join(parent).join("cgroup.subtree_control"));
            assert_eq!(handed_on, "+cpu +memory +pids", "at {parent:?}");
        }
        let group = root.path().join("t/p/web-0");
        assert!(!group.join("cgroup.subtree_control").exists(), "a group with processes hands nothing on");
        let values = ["memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "pids.max"];
        let values = values.map(|name| read(group.join(name)));
        assert_eq!(values, ["67108864", "0", "150000 100000", "59", "100"]);
        assert_eq!(cgroups.entrances("/t/p/web-0"), [group.join("cgroup.procs")]);
    }

    #[test]
    fn version_2_without_swap_accounting_is_no_error() {
        let (root, cgroups) = fake(&["cgroup.controllers"]);
        cgroups.create("/t", &LIMITS).unwrap();
        assert!(!root.path().join("t/memory.swap.max").exists());
    }

    #[test]
    fn version_1_gets_a_group_in_each_controller() {
        let (root, cgroups) = fake(&["memory/memory.memsw.limit_in_bytes", "cpu/x", "cpuacct/x", "pids/x"]);
        cgroups.create("/t/web-0", &LIMITS).unwrap();
        let values = [
            "memory/t/web-0/memory.limit_in_bytes",
            "memory/t/web-0/memory.memsw.limit_in_bytes",
            "cpu/t/web-0/cpu.cfs_period_us",
            "cpu/t/web-0/cpu.cfs_quota_us",
            "cpu/t/web-0/cpu.shares",
            "pids/t/web-0/pids.max",
        ];
        let values = values.map(|name| read(root.path().join(name)));
        assert_eq!(values, ["67108864", "67108864", "100000", "150000", "1536", "100"]);
        let entrances = cgroups.entrances("/t/web-0");
        assert!(entrances.iter().all(|path| path.parent().is_some_and(Path::is_dir)), "{entrances:?}");
    }

    #[test]
    fn the_least_and_the_most_stay_within_what_the_kernel_takes() {
        let of = |cpu_millis| Limits { cpu_millis, ..LIMITS };
        assert_eq!([of(1).shares(), of(1000).shares(), of(u32::MAX).shares()], [2, 1024, 262_144]);
        assert_eq!([of(1).weight(), of(1000).weight(), of(u32::MAX).weight()], [1, 39, 10_000]);
    }

    #[test]
    fn a_file_that_is_refused_is_named() {
        let (root, cgroups) = fake(&["cgroup.controllers"]);
        fs::create_dir_all(root.path().join("t/memory.max")).unwrap();
        let error = cgroups.create("/t", &LIMITS).unwrap_err();
        assert!(error.to_string().contains("memory.max"), "{error}");
    }
}
