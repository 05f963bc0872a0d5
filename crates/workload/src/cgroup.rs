//! Control groups, version 1 (also in the hybrid layout) and version 2.
//!
//! Finds out which version rules, makes groups with their limits, reads usage and out-of-memory kills, and removes
//! groups with their parents.

mod limits;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, IoContext, Result};
use crate::runtime::Usage;

pub(crate) use limits::Limits;

/// Where the kernel's hierarchy is mounted.
pub const CGROUP_ROOT: &str = "/sys/fs/cgroup";

const NEEDED: [&str; 3] = ["cpu", "memory", "pids"];

/// Version of the hierarchy that carries the resource controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CgroupVersion {
    /// One mount per controller, also where a v2 mount without controllers stands beside it.
    V1,
    /// The unified hierarchy.
    V2,
}

/// The machine's cgroup hierarchy.
#[derive(Clone, Debug)]
pub struct Cgroups {
    root: PathBuf,
    version: CgroupVersion,
}

impl Cgroups {
    /// Finds the hierarchy under `root` (normally [`CGROUP_ROOT`]).
    ///
    /// # Errors
    /// [`Error::CgroupMissing`] where cpu, memory or pids cannot be limited.
    pub fn detect(root: &Path) -> Result<Self> {
        let unified = fs::read_to_string(root.join("cgroup.controllers")).ok();
        let missing = NEEDED.iter().find(|&&controller| match &unified {
            Some(list) => !list.split_whitespace().any(|c| c == controller),
            None => !root.join(controller).is_dir(),
        });
        if let Some(&controller) = missing {
            return Err(Error::CgroupMissing { controller: controller.to_owned(), root: root.to_owned() });
        }
        let version = match unified {
            Some(_) => CgroupVersion::V2,
            None => CgroupVersion::V1,
        };
        Ok(Self { root: root.to_owned(), version })
    }

    /// Which version rules.
    pub fn version(&self) -> CgroupVersion {
        self.version
    }

    /// Whether swap can be limited. Without it a limit on memory alone is all there is.
    pub fn limits_swap(&self) -> bool {
        match self.version {
            CgroupVersion::V1 => self.root.join("memory/memory.memsw.limit_in_bytes").exists(),
            // runc skips memory.swap.max where the kernel has no swap accounting.
            CgroupVersion::V2 => true,
        }
    }

    /// Usage of the group at the absolute path `group`; none where the group does not exist.
    pub fn usage(&self, group: &str) -> Option<Usage> {
        Some(match self.version {
            CgroupVersion::V1 => Usage {
                cpu_nanos: number(&self.file("cpuacct", group, "cpuacct.usage"))?,
                memory_bytes: number(&self.file("memory", group, "memory.usage_in_bytes"))?,
                pids: number(&self.file("pids", group, "pids.current"))?,
            },
            CgroupVersion::V2 => Usage {
                cpu_nanos: field(&self.file("", group, "cpu.stat"), "usage_usec")?.saturating_mul(1000),
                memory_bytes: number(&self.file("", group, "memory.current"))?,
                pids: number(&self.file("", group, "pids.current"))?,
            },
        })
    }

    /// File and key that count the group's out-of-memory kills.
    pub(crate) fn oom_counter(&self, group: &str) -> PathBuf {
        match self.version {
            CgroupVersion::V1 => self.file("memory", group, "memory.oom_control"),
            CgroupVersion::V2 => self.file("", group, "memory.events"),
        }
    }

    /// Removes the group and all below it in every controller. Processes must have ended.
    pub(crate) fn remove(&self, group: &str) -> Result<()> {
        self.controller_dirs().into_iter().try_for_each(|dir| remove_tree(&below(&dir, group)))
    }

    /// Number of groups at and below `group`, over all controllers.
    pub(crate) fn count(&self, group: &str) -> usize {
        self.controller_dirs().into_iter().map(|dir| count_dirs(&below(&dir, group))).sum()
    }

    /// Names of the groups at the top of any controller that begin with `prefix`.
    pub(crate) fn top(&self, prefix: &str) -> Vec<String> {
        let groups = self.controller_dirs().into_iter().flat_map(|dir| subdirectories(&dir));
        let names = groups.filter_map(|group| Some(group.file_name()?.to_str()?.to_owned()));
        names.filter(|name| name.starts_with(prefix)).collect()
    }

    fn file(&self, controller: &str, group: &str, name: &str) -> PathBuf {
        below(&self.root.join(controller), group).join(name)
    }

    fn controller_dirs(&self) -> Vec<PathBuf> {
        match self.version {
            CgroupVersion::V2 => vec![self.root.clone()],
            CgroupVersion::V1 => subdirectories(&self.root),
        }
    }
}

/// Value of `key` in a file of `key value` lines.
pub(crate) fn field(path: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        (name == key).then(|| value.trim().parse().ok())?
    })
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn below(dir: &Path, group: &str) -> PathBuf {
    dir.join(group.trim_start_matches('/'))
}

fn subdirectories(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        // Symlinks such as cpu -> cpu,cpuacct would name a controller twice.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn remove_tree(dir: &Path) -> Result<()> {
    for child in subdirectories(dir) {
        remove_tree(&child)?;
    }
    match fs::remove_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome.at("removing cgroup", dir),
    }
}

fn count_dirs(dir: &Path) -> usize {
    match dir.is_dir() {
        true => 1 + subdirectories(dir).iter().map(|d| count_dirs(d)).sum::<usize>(),
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fake(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn version_2_is_read() {
        let root = fake(&[
            ("cgroup.controllers", "cpuset cpu io memory pids\n"),
            ("t/p/web-0/cpu.stat", "usage_usec 1500\nuser_usec 1000\n"),
            ("t/p/web-0/memory.current", "4096\n"),
            ("t/p/web-0/pids.current", "3\n"),
            ("t/p/web-0/memory.events", "low 0\noom 2\noom_kill 1\n"),
        ]);
        let cgroups = Cgroups::detect(root.path()).unwrap();
        assert_eq!(cgroups.version(), CgroupVersion::V2);
        let usage = Usage { cpu_nanos: 1_500_000, memory_bytes: 4096, pids: 3 };
        assert_eq!(cgroups.usage("/t/p/web-0"), Some(usage));
        assert_eq!(field(&cgroups.oom_counter("/t/p/web-0"), "oom_kill"), Some(1));
        assert_eq!(cgroups.count("/t"), 3);
        assert_eq!(cgroups.usage("/t/p/gone"), None);
    }

    #[test]
    fn hybrid_is_version_1() {
        let root = fake(&[
            ("unified/cgroup.controllers", "hugetlb\n"),
            ("cpu/x", ""),
            ("cpuacct/t/cpuacct.usage", "7\n"),
            ("memory/t/memory.usage_in_bytes", "8\n"),
            ("memory/t/memory.oom_control", "oom_kill_disable 0\noom_kill 4\n"),
            ("pids/t/pids.current", "9\n"),
        ]);
        let cgroups = Cgroups::detect(root.path()).unwrap();
        assert_eq!(cgroups.version(), CgroupVersion::V1);
        assert!(!cgroups.limits_swap());
        let usage = Usage { cpu_nanos: 7, memory_bytes: 8, pids: 9 };
        assert_eq!(cgroups.usage("/t"), Some(usage));
        assert_eq!(field(&cgroups.oom_counter("/t"), "oom_kill"), Some(4));
    }

    #[test]
    fn empty_groups_are_removed_with_their_parents() {
        let root = tempfile::tempdir().unwrap();
        for dir in ["cpu/t/p/web-0", "memory/t/p/web-0", "pids"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        let cgroups = Cgroups::detect(root.path()).unwrap();
        assert_eq!(cgroups.count("/t"), 6);
        assert_eq!(cgroups.top("t"), ["t", "t"]);
        cgroups.remove("/t").unwrap();
        assert_eq!(cgroups.count("/t"), 0);
    }

    #[test]
    fn a_missing_controller_is_named() {
        let root = fake(&[("cgroup.controllers", "cpu pids\n")]);
        let error = Cgroups::detect(root.path()).unwrap_err();
        assert!(error.to_string().contains("`memory`"), "{error}");
    }
}
