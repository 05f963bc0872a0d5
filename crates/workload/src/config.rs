//! How a [`Host`](crate::Host) is set up, and every name that it gives to kernel objects.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::image::ImageLimits;
use crate::shim::SHIM_ARGUMENT;
use crate::spec::{Isolation, PodId};

/// Settings of one agent on this machine.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Name of this agent. Every kernel object it makes carries a hash of it, so that agents of
    /// different names never touch each other's. Must stay the same across restarts.
    pub instance: String,
    /// Images, volumes, logs and records. Belongs to this agent alone.
    pub data_dir: PathBuf,
    /// Mount points and other state that ends with the boot. Must be reachable (`x`) by all users.
    pub run_dir: PathBuf,
    /// Claims of uid ranges and subnets, shared by all agents of this machine.
    pub claims_dir: PathBuf,
    /// OCI runtime with runc's command line, for pods that namespaces isolate.
    pub oci_runtime: PathBuf,
    /// gVisor's, for those that ask for it.
    pub runsc: PathBuf,
    /// How to start the process that watches a container; see [`crate::shim`].
    pub shim: Vec<OsString>,
    /// Name servers written into containers, and reachable from them on port 53.
    pub name_servers: Vec<Ipv4Addr>,
    /// Registries (`host:port`) that are spoken to without TLS.
    pub plain_http_registries: Vec<String>,
    /// Bounds on what an image may hold.
    pub image_limits: ImageLimits,
    /// Size at which a container's log is rotated; one older file is kept.
    pub log_file_bytes: u64,
}

impl HostConfig {
    /// Defaults for an agent: `/run`, `/var/lib/tetra/claims`, `runc` and `runsc` from the path, this program
    /// as shim, the machine's name servers, logs of twice 8 MiB.
    pub fn new(instance: impl Into<String>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            instance: instance.into(),
            data_dir: data_dir.into(),
            run_dir: "/run".into(),
            claims_dir: "/var/lib/tetra/claims".into(),
            oci_runtime: "runc".into(),
            runsc: "runsc".into(),
            shim: vec!["/proc/self/exe".into(), SHIM_ARGUMENT.into()],
            name_servers: machine_name_servers(),
            plain_http_registries: Vec::new(),
            image_limits: ImageLimits::default(),
            log_file_bytes: 8 << 20,
        }
    }
}

/// Used where the machine resolves names through its own loopback, which no container can reach.
const PUBLIC_NAME_SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(9, 9, 9, 9), Ipv4Addr::new(1, 1, 1, 1)];

fn machine_name_servers() -> Vec<Ipv4Addr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers: Vec<Ipv4Addr> = text
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver")?.trim().parse().ok())
        .filter(|address: &Ipv4Addr| !address.is_loopback())
        .collect();
    match servers.is_empty() {
        true => PUBLIC_NAME_SERVERS.to_vec(),
        false => servers,
    }
}

/// Hexadecimal digits of an agent's tag.
pub(crate) const TAG_DIGITS: usize = 5;

/// Names of kernel objects. All carry the agent's tag, those of a pod its key or slot too.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    tag: String,
    run_dir: PathBuf,
}

impl Names {
    pub(crate) fn new(config: &HostConfig) -> Self {
        Self::of_tag(&hash(&config.instance, TAG_DIGITS), &config.run_dir)
    }

    /// The names of the agent with this tag, whose run directory lies in `run_dir`.
    pub(crate) fn of_tag(tag: &str, run_dir: &Path) -> Self {
        Self { tag: tag.to_owned(), run_dir: run_dir.join(format!("tetra-{tag}")) }
    }

    /// Length of a link's name: `t`, tag, slot, ordinal.
    pub(crate) const LINK_LENGTH: usize = 1 + TAG_DIGITS + 4 + 2;

    /// What the agent's names carry.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// `tetra-<tag>`: first part of container cgroups, namespaces and the run directory.
    pub(crate) fn prefix(&self) -> String {
        format!("tetra-{}", self.tag)
    }

    /// Directory of mount points, removed with the last pod.
    pub(crate) fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// State directory of an OCI runtime.
    pub(crate) fn runtime_root(&self, isolation: Isolation) -> PathBuf {
        self.run_dir.join(match isolation {
            Isolation::Namespaces => "runc",
            Isolation::Gvisor => "runsc",
        })
    }

    /// Directory of one pod under the run directory.
    pub(crate) fn pod_run_dir(&self, key: &str) -> PathBuf {
        self.run_dir.join("pods").join(key)
    }

    /// Prefix of all interface names of this agent.
    pub(crate) fn link_prefix(&self) -> String {
        format!("t{}", self.tag)
    }

    /// Prefix of a pod's interface names: 10 characters, so that a replica's fits into 15.
    pub(crate) fn pod_link_prefix(&self, slot: u16) -> String {
        format!("t{}{slot:04x}", self.tag)
    }

    pub(crate) fn link(&self, slot: u16, ordinal: u8) -> String {
        format!("{}{ordinal:02x}", self.pod_link_prefix(slot))
    }

    pub(crate) fn netns(&self, key: &str, ordinal: u8) -> String {
        format!("{}-{key}-{ordinal}", self.prefix())
    }

    pub(crate) fn table_prefix(&self) -> String {
        format!("tetra_{}_", self.tag)
    }

    pub(crate) fn table(&self, key: &str) -> String {
        format!("{}{key}", self.table_prefix())
    }

    /// Absolute cgroup path, so that containers never live in the agent's own cgroup.
    pub(crate) fn cgroup(&self, key: &str, replica: &str) -> String {
        format!("/{}/{key}/{replica}", self.prefix())
    }
}

/// Key of a pod in file and object names.
pub(crate) fn pod_key(id: &PodId) -> String {
    hash(id.as_str(), 12)
}

fn hash(text: &str, digits: usize) -> String {
    let mut digest = hex::encode(Sha256::digest(text));
    digest.truncate(digits);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_fit_the_kernel() {
        let names = Names::new(&HostConfig::new("agent", "/x"));
        assert!(names.link(u16::MAX, u8::MAX).len() <= 15);
        assert_eq!(names.link(u16::MAX, u8::MAX).len(), Names::LINK_LENGTH);
    }

    #[test]
    fn two_agents_share_no_name() {
        let [a, b] = ["a", "b"].map(|i| Names::new(&HostConfig::new(i, "/x")));
        assert_ne!(a.link(1, 1), b.link(1, 1));
        assert_ne!(a.table("k"), b.table("k"));
        assert_ne!(a.run_dir(), b.run_dir());
    }
}
