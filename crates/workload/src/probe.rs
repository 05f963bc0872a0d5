//! What this machine has and can do; read by the agent's inventory and by `tetra doctor`.

mod gpus;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cgroup::{CGROUP_ROOT, CgroupVersion, Cgroups};
use crate::error::Result;
use crate::shell::Call;
use crate::{userns, volume};
pub use gpus::Gpu;

/// Where to look. [`Default`] is the machine itself; tests give other roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeRoots {
    /// sysfs.
    pub sys: PathBuf,
    /// procfs.
    pub proc: PathBuf,
}

impl Default for ProbeRoots {
    fn default() -> Self {
        Self { sys: "/sys".into(), proc: "/proc".into() }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReport {
    /// Logical CPUs that this process may use.
    pub cpus: u32,
    /// Model name of the first CPU; empty where the kernel tells none.
    pub cpu_model: String,
    /// Architecture as images name it, such as `amd64`.
    pub architecture: String,
    /// Memory of the machine in bytes.
    pub memory_bytes: u64,
    /// Memory that new processes could take now, in bytes.
    pub memory_available_bytes: u64,
    /// Size of the file system of the data directory, in bytes.
    pub disk_bytes: u64,
    /// Bytes of it that are free.
    pub disk_free_bytes: u64,
    /// GPUs; an empty list is a valid answer.
    pub gpus: Vec<Gpu>,
    /// Kernel release.
    pub kernel: String,
    /// Version of the cgroup hierarchy, where cpu, memory and pids can be limited.
    pub cgroup: Option<CgroupVersion>,
    /// External programs.
    pub tools: Vec<Tool>,
    /// What this crate needs of the machine, one entry each.
    pub capabilities: Vec<Capability>,
}

impl HostReport {
    /// Whether workloads can run with every limit enforced.
    pub fn is_ready(&self) -> bool {
        self.capabilities.iter().all(|capability| capability.problem.is_none())
            && self.tools.iter().all(|tool| tool.version.is_some())
    }

    /// Whether the capability of this name works.
    pub fn has(&self, name: &str) -> bool {
        self.capabilities.iter().any(|capability| capability.name == name && capability.problem.is_none())
    }
}

/// One external program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Program name.
    pub name: String,
    /// First line of what it says of its version; none where it is missing.
    pub version: Option<String>,
    /// Debian package that carries it.
    pub package: String,
}

/// One thing the machine must be able to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// `root`, `cgroup`, `overlay`, `loop`, `idmap`, `seccomp`, `user-namespaces`, `nftables`.
    pub name: String,
    /// Why it does not work, with the remedy; none where it works.
    pub problem: Option<String>,
}

/// Looks at the machine. `data_dir` must exist: volumes and images will live there.
///
/// # Errors
/// [`crate::Error::Io`] where `data_dir` cannot be asked for its size. What does not work is
/// reported, not returned as an error.
pub async fn probe(roots: &ProbeRoots, data_dir: &Path) -> Result<HostReport> {
    let memory = read(&roots.proc.join("meminfo"));
    let cpuinfo = read(&roots.proc.join("cpuinfo"));
    let (disk_bytes, disk_free_bytes) = (volume::total_bytes(data_dir)?, volume::free_bytes(data_dir)?);
    let cgroup = Cgroups::detect(Path::new(CGROUP_ROOT));
    Ok(HostReport {
        cpus: std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        cpu_model: value_of(&cpuinfo, "model name").unwrap_or_default(),
        architecture: crate::image::architecture().to_owned(),
        memory_bytes: kilobytes(&memory, "MemTotal"),
        memory_available_bytes: kilobytes(&memory, "MemAvailable"),
        disk_bytes,
        disk_free_bytes,
        gpus: gpus::find(roots),
        kernel: read(&roots.proc.join("sys/kernel/osrelease")).trim().to_owned(),
        cgroup: cgroup.as_ref().ok().map(Cgroups::version),
        tools: tools().await,
        capabilities: capabilities(roots, data_dir, cgroup.map(drop)).await,
    })
}

async fn tools() -> Vec<Tool> {
    let asked = [
        ("runc", "--version"),
        ("nft", "--version"),
        ("ip", "-V"),
        ("mkfs.ext4", "-V"),
        ("mount", "--version"),
        ("unshare", "--version"),
    ];
    futures::future::join_all(asked.map(|(name, flag)| async move {
        let version = Call::new(name).arg(flag).run().await.ok();
        Tool {
            name: name.to_owned(),
            version: version.map(|text| text.lines().next().unwrap_or_default().to_owned()),
            package: crate::shell::package_of(name).to_owned(),
        }
    }))
    .await
}

async fn capabilities(roots: &ProbeRoots, data_dir: &Path, cgroup: Result<()>) -> Vec<Capability> {
    let root = rustix::process::geteuid();
    let is_root = match root.is_root() {
        true => Ok(()),
        false => Err(crate::Error::NotRoot { uid: root.as_raw() }),
    };
    let filesystems = read(&roots.proc.join("filesystems"));
    let overlay = filesystems.lines().any(|line| line.trim_start_matches("nodev").trim() == "overlay");
    let status = read(&roots.proc.join("self/status"));
    let namespaces = read(&roots.proc.join("sys/user/max_user_namespaces"));
    let capability = |name: &str, problem: Option<String>| Capability { name: name.to_owned(), problem };
    let outcome = |name: &str, result: Result<()>| capability(name, result.err().map(|e| e.to_string()));
    let needs = |name: &str, works: bool, remedy: &str| capability(name, (!works).then(|| remedy.to_owned()));
    vec![
        outcome("root", is_root),
        outcome("cgroup", cgroup),
        needs("overlay", overlay, "the kernel has no overlayfs; modprobe overlay"),
        outcome("loop", volume::probe(data_dir).await),
        outcome("idmap", userns::probe_idmap(data_dir).await),
        needs(
            "seccomp",
            status.lines().any(|line| line.starts_with("Seccomp:")),
            "the kernel was built without seccomp filters",
        ),
        needs(
            "user-namespaces",
            namespaces.trim().parse::<u64>().is_ok_and(|limit| limit > 0),
            "user namespaces are off; sysctl user.max_user_namespaces=65536",
        ),
        outcome("nftables", Call::new("nft").args(["list", "tables"]).run().await.map(drop)),
    ]
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Value of the first `name : value` line.
fn value_of(text: &str, name: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

fn kilobytes(meminfo: &str, name: &str) -> u64 {
    let value = value_of(meminfo, name).unwrap_or_default();
    let number = value.split_whitespace().next().and_then(|n| n.parse::<u64>().ok());
    number.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_has_cpus_memory_and_disk() {
        let data = tempfile::tempdir().unwrap();
        let report = probe(&ProbeRoots::default(), data.path()).await.unwrap();
        assert!(report.cpus > 0 && report.memory_bytes > 0 && report.disk_bytes > 0);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<HostReport>(&text).unwrap(), report);
    }
}
