//! What to run, in neutral words: nothing here knows of a chain or a deployment file.

use std::collections::BTreeSet;
use std::fmt;

use primitives::TraceId;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Most replicas that one pod may have over all its services: one address each of a /24.
pub const MAX_REPLICAS: u32 = 250;

/// Smallest file system that a disk volume can hold, in bytes.
pub const MIN_VOLUME_BYTES: u64 = 1 << 20;

/// Identity of a pod: the lease's own text form. Names on the machine are derived from its hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PodId(String);

impl PodId {
    /// An identity from the lease's text form.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The trace of the deployment whose lease it is; none for a text of another form.
    pub fn trace(&self) -> Option<TraceId> {
        TraceId::of_name(&self.0)
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All services of one lease on this machine. They share a subnet, a uid range and a firewall
/// table; nothing is shared between two pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSpec {
    /// The lease.
    pub id: PodId,
    /// The services; names are unique.
    pub services: Vec<ServiceSpec>,
    /// What the containers may reach outside of the pod.
    pub egress: Egress,
    /// How its containers are kept apart from the machine.
    #[serde(default)]
    pub isolation: Isolation,
    /// Whether root in its containers may make network devices: `/dev/net/tun`, and all rights over its own network
    /// namespace. What leaves that is still bound by the pod's firewall.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub network_devices: bool,
}

/// How containers are kept apart from the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// By the kernel: namespaces, a filter of system calls, no privileges.
    #[default]
    Namespaces,
    /// By gVisor: system calls reach a kernel in user space, which alone speaks to the machine's.
    Gvisor,
}

impl Isolation {
    /// As providers announce it and tenants ask for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Gvisor => "gvisor",
        }
    }

    /// The least memory of a container, in bytes. runc needs about 6 MiB in the container's cgroup before it executes
    /// the process; a sandbox itself takes 13 MiB at rest, and more as its processes grow.
    pub fn least_memory(self) -> u64 {
        match self {
            Self::Namespaces => 8 << 20,
            Self::Gvisor => 64 << 20,
        }
    }

    /// The least limit of processes and threads. A sandbox at rest has about 46 of them, more while many of its processes
    /// are busy, and ends at once with exit code 2 where it gets no more.
    pub fn least_pids(self) -> u32 {
        match self {
            Self::Namespaces => 1,
            Self::Gvisor => 256,
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Traffic that leaves a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Egress {
    /// Public addresses through masquerade, and the configured name servers. Never the host,
    /// another pod, or a private range.
    Internet,
    /// Nothing.
    None,
}

/// One service: an image, its command and what it may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Name, also its host name inside of the pod (RFC 1123 label).
    pub name: String,
    /// Image reference, such as `hello-web:latest` or `ghcr.io/org/app@sha256:…`.
    pub image: String,
    /// Registry login for pulling. Never written to disk.
    #[serde(skip)]
    pub credentials: Option<Credentials>,
    /// Replaces the image's entrypoint, and its default arguments too, where not empty.
    pub command: Vec<String>,
    /// Replaces the image's default arguments where not empty.
    pub args: Vec<String>,
    /// Environment, added to the image's; later entries win.
    pub env: Vec<(String, String)>,
    /// What else is told to one replica alone, by its number; it wins over [`Self::env`] and the image. Replicas beyond
    /// its end are told nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replica_env: Vec<Vec<(String, String)>>,
    /// Number of copies, each with its own namespaces, address and volumes.
    pub replicas: u32,
    /// Limits of each replica.
    pub resources: Resources,
    /// Disk volumes and memory file systems of each replica.
    pub volumes: Vec<VolumeSpec>,
    /// Ports that others may reach.
    pub exposures: Vec<Exposure>,
    /// Whether the root file system is read-only.
    pub read_only_root: bool,
}

/// Registry login.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Limits of one replica; every one is enforced by the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Thousandths of a CPU core: a hard quota, and the weight under contention.
    pub cpu_millis: u32,
    /// Memory in bytes, swap excluded; sizes of [`VolumeKind::Ram`] volumes come on top.
    pub memory_bytes: u64,
    /// Bytes that the container may write to its root file system.
    pub ephemeral_bytes: u64,
    /// Processes and threads.
    pub pids: u32,
    /// Whole GPUs. This runtime refuses any but 0.
    pub gpus: u32,
}

/// A file system of fixed size inside of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Name, unique within the service.
    pub name: String,
    /// Size of the file system in bytes, its own metadata included.
    pub size_bytes: u64,
    /// Where the bytes live.
    pub kind: VolumeKind,
    /// Absolute mount point.
    pub mount: String,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// Where a volume's bytes live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeKind {
    /// A file on the agent's disk; lives as long as the pod.
    Disk,
    /// Memory; emptied when the container ends.
    Ram,
}

/// A port that others may reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// Port the process listens on.
    pub port: u16,
    /// Port under which it is offered.
    pub as_port: u16,
    /// Transport.
    pub protocol: Protocol,
    /// To whom.
    pub to: ExposeTo,
}

/// Transport protocol of an exposure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// Lower-case name, as nftables writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Who may reach an exposed port. The host's own processes always may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExposeTo {
    /// The world, through the host's proxy, and every service of the pod.
    Global,
    /// One service of the pod.
    Service(String),
    /// Every service of the pod.
    Pod,
}

impl PodSpec {
    /// Checks everything that can be checked without the machine.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] or [`Error::Unsupported`] for the first rule that is broken.
    pub fn validate(&self) -> Result<()> {
        if self.id.as_str().is_empty() {
            return Err(Error::invalid("id", "is empty"));
        }
        if self.services.is_empty() {
            return Err(Error::invalid("services", "is empty; a pod runs at least one"));
        }
        let replicas: u64 = self.services.iter().map(|s| u64::from(s.replicas)).sum();
        if replicas > u64::from(MAX_REPLICAS) {
            return Err(Error::invalid(
                "services",
                format!("{replicas} replicas; one pod holds at most {MAX_REPLICAS}"),
            ));
        }
        let mut names = BTreeSet::new();
        for service in &self.services {
            if !names.insert(service.name.as_str()) {
                let field = format!("services[{}]", service.name);
                return Err(Error::invalid(field, "name is used twice"));
            }
        }
        if self.network_devices && self.isolation != Isolation::Namespaces {
            return Err(Error::Unsupported {
                what: "network_devices".to_owned(),
                reason: format!("under isolation by {} there are none", self.isolation),
            });
        }
        self.services.iter().try_for_each(|service| service.validate(&names, self.isolation))
    }
}

impl ServiceSpec {
    fn validate(&self, services: &BTreeSet<&str>, isolation: Isolation) -> Result<()> {
        let field = |name: &str| format!("services[{}].{name}", self.name);
        if !is_label(&self.name) {
            return Err(Error::invalid(
                field("name"),
                "must be 1 to 63 of a-z, 0-9 and '-', with no '-' at either end",
            ));
        }
        if self.replicas == 0 {
            return Err(Error::invalid(field("replicas"), "must be at least 1"));
        }
        if self.resources.gpus > 0 {
            return Err(Error::Unsupported {
                what: field("resources.gpus"),
                reason: "this runtime passes no GPU into a container; use a provider that does".to_owned(),
            });
        }
        self.validate_resources(&field, isolation)?;
        if self.replica_env.len() > self.replicas as usize {
            return Err(Error::invalid(field("replica_env"), "is of more replicas than there are"));
        }
        for (name, value) in self.env.iter().chain(self.replica_env.iter().flatten()) {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let reason = "a name holds no '=', and neither side a NUL";
                return Err(Error::invalid(field(&format!("env[{name}]")), reason));
            }
        }
        if self.command.iter().chain(&self.args).any(|a| a.contains('\0')) {
            return Err(Error::invalid(field("command"), "holds a NUL"));
        }
        self.validate_volumes()?;
        self.validate_exposures(services)
    }

    fn validate_resources(&self, field: &dyn Fn(&str) -> String, isolation: Isolation) -> Result<()> {
        let Resources { cpu_millis, memory_bytes, ephemeral_bytes, pids, .. } = self.resources;
        // The kernel's smallest quota is 1 ms per 100 ms period.
        if cpu_millis < 10 {
            return Err(Error::invalid(field("resources.cpu_millis"), "must be at least 10"));
        }
        let least = isolation.least_memory();
        if memory_bytes < least {
            let reason = format!("must be at least {} MiB under isolation by {isolation}", least >> 20);
            return Err(Error::invalid(field("resources.memory_bytes"), reason));
        }
        if ephemeral_bytes < MIN_VOLUME_BYTES {
            return Err(Error::invalid(field("resources.ephemeral_bytes"), "must be at least 1 MiB"));
        }
        let least = isolation.least_pids();
        if pids < least {
            let reason = format!("must be at least {least} under isolation by {isolation}");
            return Err(Error::invalid(field("resources.pids"), reason));
        }
        Ok(())
    }

    fn validate_volumes(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        let mut mounts = BTreeSet::new();
        for volume in &self.volumes {
            let field = format!("services[{}].volumes[{}]", self.name, volume.name);
            if !is_label(&volume.name) {
                return Err(Error::invalid(field, "name must be an RFC 1123 label"));
            }
            if !names.insert(&volume.name) {
                return Err(Error::invalid(field, "name is used twice"));
            }
            if volume.size_bytes < MIN_VOLUME_BYTES {
                return Err(Error::invalid(field, "size must be at least 1 MiB"));
            }
            if !is_mount_point(&volume.mount) {
                let reason = "mount must be absolute, not '/', with no '..' and no ':'";
                return Err(Error::invalid(field, reason));
            }
            if RESERVED_MOUNTS.iter().any(|r| is_within(&volume.mount, r)) {
                return Err(Error::invalid(field, "mount lies in /proc, /sys or /dev"));
            }
            if !mounts.insert(volume.mount.trim_end_matches('/')) {
                return Err(Error::invalid(field, "mount is used twice"));
            }
        }
        Ok(())
    }

    fn validate_exposures(&self, services: &BTreeSet<&str>) -> Result<()> {
        for exposure in &self.exposures {
            let field = format!("services[{}].exposures[{}]", self.name, exposure.port);
            if exposure.port == 0 || exposure.as_port == 0 {
                return Err(Error::invalid(field, "port 0 cannot be exposed"));
            }
            if let ExposeTo::Service(peer) = &exposure.to
                && !services.contains(peer.as_str())
            {
                let reason = format!("names the service `{peer}`, which this pod does not have");
                return Err(Error::invalid(field, reason));
            }
            let clash = self.exposures.iter().any(|other| {
                (other.as_port, other.protocol) == (exposure.as_port, exposure.protocol) && other.port != exposure.port
            });
            if clash {
                let reason = format!(
                    "port taken: {} {} is offered by two container ports",
                    exposure.protocol.as_str(),
                    exposure.as_port
                );
                return Err(Error::invalid(field, reason));
            }
        }
        Ok(())
    }
}

/// `/dev/shm` is the one place under `/dev` where a volume makes sense.
const RESERVED_MOUNTS: [&str; 3] = ["/proc", "/sys", "/dev"];

fn is_within(path: &str, parent: &str) -> bool {
    path != "/dev/shm" && path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_label(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_mount_point(path: &str) -> bool {
    path.starts_with('/')
        && path.len() > 1
        && !path.contains(['\0', ':', '\n'])
        && path[1..].trim_end_matches('/').split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests;
