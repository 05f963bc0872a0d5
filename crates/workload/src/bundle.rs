//! The OCI runtime configuration of one container.

use std::path::PathBuf;

use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};

use crate::image::ImageConfig;
use crate::image::users::User;
use crate::seccomp;
use crate::slots::UID_RANGE;
use crate::spec::{PodId, ServiceSpec, VolumeKind};
use crate::tun;

/// Everything that goes into the configuration of one container.
pub(crate) struct Bundle<'a> {
    pub(crate) service: &'a ServiceSpec,
    /// Number of the replica within its service.
    pub(crate) index: u32,
    pub(crate) image: &'a ImageConfig,
    pub(crate) user: &'a User,
    pub(crate) uid_base: u32,
    pub(crate) rootfs: PathBuf,
    pub(crate) user_namespace: PathBuf,
    pub(crate) network_namespace: PathBuf,
    pub(crate) cgroup: String,
    /// The pod, for the annotations.
    pub(crate) pod: &'a PodId,
    /// Generated files: source on the host, and where the container sees them.
    pub(crate) files: Vec<(PathBuf, &'static str)>,
    /// Mounted disk volumes, in the order of the service's volumes.
    pub(crate) disks: Vec<PathBuf>,
    /// The device node with which it may make network devices; none: it may not.
    pub(crate) tun: Option<PathBuf>,
}

/// What the root user of a container may do inside of its own user namespace. No raw sockets, no
/// device nodes, no file capabilities.
const CAPABILITIES: [&str; 10] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// And where it may make network devices: over the network namespace that its user namespace owns.
const NETWORK_CAPABILITY: &str = "CAP_NET_ADMIN";

const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];

const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Tells a container its trace id; a tenant's own value wins.
const TRACE_VARIABLE: &str = "TETRA_TRACE_ID";

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Files in `/dev`, where a container has about twenty. The kernel's own bound is half of the machine's pages.
const DEV_FILES: &str = "nr_inodes=1024";

/// Terminals of one container: the kernel has 3072 for all of them together.
const TERMINALS: &str = "max=256";

/// Size of `/dev/shm` where no volume stands there.
const SHM_BYTES: u64 = 64 << 20;

/// Open files of one process, where the machine's own limit is not lower.
const OPEN_FILES: u64 = 65_536;

impl Bundle<'_> {
    /// The content of `config.json`.
    pub(crate) fn config(&self) -> Value {
        let user = self.user;
        let directory = match self.image.working_dir.as_str() {
            "" => "/",
            directory => directory,
        };
        let bounding: Vec<&str> =
            CAPABILITIES.into_iter().chain(self.tun.as_ref().map(|_| NETWORK_CAPABILITY)).collect();
        let capabilities: &[&str] = if user.uid == 0 { &bounding } else { &[] };
        json!({
            "ociVersion": "1.0.2",
            "hostname": self.service.name,
            "process": {
                "terminal": false,
                "user": { "uid": user.uid, "gid": user.gid, "additionalGids": user.additional_gids },
                "args": self.image.process(&self.service.command, &self.service.args),
                "env": self.environment(),
                "cwd": directory,
                "capabilities": {
                    "bounding": bounding,
                    "effective": capabilities,
                    "permitted": capabilities,
                },
                "rlimits": [open_files()],
                "noNewPrivileges": true,
            },
            "annotations": self.annotations(),
            "root": { "path": self.rootfs, "readonly": self.service.read_only_root },
            "mounts": self.mounts(),
            "linux": {
                "namespaces": [
                    { "type": "pid" },
                    { "type": "ipc" },
                    { "type": "uts" },
                    { "type": "mount" },
                    { "type": "cgroup" },
                    { "type": "user", "path": self.user_namespace },
                    { "type": "network", "path": self.network_namespace },
                ],
                "uidMappings": [{ "containerID": 0, "hostID": self.uid_base, "size": UID_RANGE }],
                "gidMappings": [{ "containerID": 0, "hostID": self.uid_base, "size": UID_RANGE }],
                "cgroupsPath": self.cgroup,
                // The group has its limits already.
                "resources": { "devices": self.device_rules() },
                "seccomp": seccomp::profile(),
                "maskedPaths": MASKED,
                "readonlyPaths": READ_ONLY,
            },
        })
    }

    /// All devices but those that every container has are refused.
    fn device_rules(&self) -> Vec<Value> {
        let mut rules = vec![json!({ "allow": false, "access": "rwm" })];
        if self.tun.is_some() {
            rules.push(json!({ "allow": true, "type": "c", "major": tun::MAJOR, "minor": tun::MINOR, "access": "rw" }));
        }
        rules
    }

    /// What tools that list containers show of whose they are.
    fn annotations(&self) -> Value {
        let mut annotations = json!({ "org.tetra.lease": self.pod.as_str() });
        if let Some(trace) = self.pod.trace() {
            annotations["org.tetra.trace-id"] = json!(trace.to_string());
        }
        annotations
    }

    /// The trace, the image's environment, the service's, then the replica's; a name stands once, its last value wins.
    fn environment(&self) -> Vec<String> {
        let trace = self.pod.trace().map(|trace| trace.to_string());
        let mut pairs: Vec<(&str, &str)> = trace.iter().map(|trace| (TRACE_VARIABLE, trace.as_str())).collect();
        pairs.extend([("PATH", DEFAULT_PATH), ("HOSTNAME", self.service.name.as_str())]);
        pairs.push(("HOME", self.user.home.as_deref().unwrap_or("/")));
        pairs.extend(self.image.env.iter().filter_map(|pair| pair.split_once('=')));
        pairs.extend(self.service.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let own = self.service.replica_env.get(self.index as usize).into_iter().flatten();
        pairs.extend(own.map(|(name, value)| (name.as_str(), value.as_str())));
        let last = |index: usize, name: &str| pairs[index + 1..].iter().all(|(other, _)| *other != name);
        pairs
            .iter()
            .enumerate()
            .filter(|(index, (name, _))| last(*index, name))
            .map(|(_, (name, value))| format!("{name}={value}"))
            .collect()
    }

    fn mounts(&self) -> Vec<Value> {
        let mut mounts = vec![
            mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
            mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=64k", DEV_FILES]),
            mount(
                "/dev/pts",
                "devpts",
                "devpts",
                &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", TERMINALS],
            ),
            mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
            mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
        ];
        if !self.service.volumes.iter().any(|volume| volume.mount == "/dev/shm") {
            let files = inodes(SHM_BYTES);
            let size = format!("size={SHM_BYTES}");
            mounts.push(mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", &size, &files]));
        }
        for (source, target) in &self.files {
            mounts.push(json!({
                "destination": target,
                "type": "bind",
                "source": source,
                "options": ["bind", "nosuid", "nodev", "noexec", "ro"],
            }));
        }
        if let Some(node) = &self.tun {
            let options = ["bind", "nosuid", "noexec"];
            mounts.push(json!({ "destination": tun::PATH, "type": "bind", "source": node, "options": options }));
        }
        mounts.extend(self.volume_mounts());
        mounts
    }

    /// Shallow mount points first, so that none hides another.
    fn volume_mounts(&self) -> Vec<Value> {
        let mut disks = self.disks.iter();
        let mut volumes: Vec<(&str, Value)> = Vec::new();
        for volume in &self.service.volumes {
            let access = if volume.read_only { "ro" } else { "rw" };
            let value = match volume.kind {
                VolumeKind::Ram => {
                    let (size, files) = (format!("size={}", volume.size_bytes), inodes(volume.size_bytes));
                    mount(&volume.mount, "tmpfs", "tmpfs", &["nosuid", "nodev", "mode=1777", &size, &files, access])
                }
                VolumeKind::Disk => json!({
                    "destination": volume.mount,
                    "type": "bind",
                    "source": disks.next(),
                    "options": ["bind", "nosuid", "nodev", access],
                }),
            };
            volumes.push((&volume.mount, value));
        }
        volumes.sort_by_key(|(path, _)| path.matches('/').count());
        volumes.into_iter().map(|(_, value)| value).collect()
    }
}

/// As many files as pages, so that files without content end too.
fn inodes(bytes: u64) -> String {
    format!("nr_inodes={}", (bytes / 4096).max(1024))
}

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Value {
    json!({ "destination": destination, "type": kind, "source": source, "options": options })
}

/// Raising a limit above this process's own would fail without CAP_SYS_RESOURCE.
fn open_files() -> Value {
    let own = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let limit = own.min(OPEN_FILES);
    json!({ "type": "RLIMIT_NOFILE", "hard": limit, "soft": limit })
}
