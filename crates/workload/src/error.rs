//! What can go wrong: what happened, why, and what to do next.

use std::io;
use std::path::{Path, PathBuf};

use crate::spec::PodId;

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed operation. The text of every variant names the remedy where one is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The process lacks root.
    #[error("not root (uid {uid}): network namespaces, mounts and cgroups need it; run the agent as root")]
    NotRoot {
        /// Effective user id of this process.
        uid: u32,
    },
    /// An external program is not installed.
    #[error("`{tool}` is not installed; install it: apt-get install -y {package}")]
    ToolMissing {
        /// Program name.
        tool: String,
        /// Debian package that carries it.
        package: String,
    },
    /// An external program ended with an error.
    #[error("`{command}` failed ({status}): {stderr}")]
    ToolFailed {
        /// Command line.
        command: String,
        /// Exit status.
        status: String,
        /// What it wrote to standard error, trimmed.
        stderr: String,
    },
    /// An external program did not end in time and was killed.
    #[error("`{command}` did not end within {seconds} s and was killed; is the machine overloaded?")]
    ToolTimeout {
        /// Command line.
        command: String,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// The image is neither in the local store nor could it be pulled.
    #[error("image `{image}` is not in the local store ({}){}; load it: tetra image load <OCI layout or tar>",
        stored(.available), pull_note(.pull))]
    ImageMissing {
        /// The reference that was asked for.
        image: String,
        /// References that the store holds.
        available: Vec<String>,
        /// Why pulling it from a registry failed, where that was tried.
        pull: Option<String>,
    },
    /// An image, layout or archive does not follow the OCI or docker-save format.
    #[error("image {what} is not usable: {reason}")]
    ImageInvalid {
        /// Which part.
        what: String,
        /// Why.
        reason: String,
    },
    /// A layer holds an entry that would reach outside of the image's root or break a limit.
    #[error("layer entry `{entry}` refused: {reason}; rebuild the image without it")]
    HostileLayer {
        /// Path of the entry.
        entry: String,
        /// The rule it broke.
        reason: String,
    },
    /// The disk cannot hold what was asked for.
    #[error("no space for {what}: {needed} bytes needed, {free} bytes free under {}; free some, or move the agent's data directory",
        .path.display())]
    NoSpace {
        /// What was to be made.
        what: String,
        /// Bytes needed.
        needed: u64,
        /// Bytes free, less what was promised to existing volumes.
        free: u64,
        /// The file system's path.
        path: PathBuf,
    },
    /// Volume sizes cannot be enforced because loop devices do not work.
    #[error(
        "loop devices do not work here ({reason}), so volume sizes cannot be enforced; `modprobe loop`, or give the machine /dev/loop-control"
    )]
    LoopUnavailable {
        /// What was seen.
        reason: String,
    },
    /// The kernel cannot shift an image's owners into the lease's uid range.
    #[error("id-mapped mounts do not work on {} ({reason}); Linux 5.19 or newer is needed, with the data directory on ext4, xfs or btrfs", .path.display())]
    IdmapUnavailable {
        /// Directory that was to be mapped.
        path: PathBuf,
        /// What the kernel said.
        reason: String,
    },
    /// A cgroup controller is not mounted.
    #[error("cgroup controller `{controller}` is missing under {}; mount it, or boot with a unified cgroup hierarchy", .root.display())]
    CgroupMissing {
        /// Controller name.
        controller: String,
        /// Root that was looked at.
        root: PathBuf,
    },
    /// The specification cannot be run as written.
    #[error("{field}: {reason}")]
    InvalidSpec {
        /// Path of the field, such as `services[web].volumes[data].mount`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The specification asks for what this runtime does not offer.
    #[error("{what} is not supported: {reason}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// Why not, and what to use instead.
        reason: String,
    },
    /// No such pod on this machine under this agent.
    #[error("no workload of lease `{0}` here")]
    UnknownPod(PodId),
    /// The pod has no such service replica.
    #[error("lease `{pod}` has no replica {index} of service `{service}`")]
    UnknownReplica {
        /// The pod.
        pod: PodId,
        /// Service name.
        service: String,
        /// Replica number, from 0.
        index: u32,
    },
    /// Another agent holds the data directory.
    #[error("{} is in use by another agent; stop it, or give this one another data directory", .path.display())]
    DataDirBusy {
        /// The data directory.
        path: PathBuf,
    },
    /// What an agent holds is not to be removed, for it runs or may come back.
    #[error("agent {tag} runs, or may come back to its data in {}: stop it with `tetra down` or its service manager, \
        or remove its data first", .data_dir.display())]
    AgentPresent {
        /// What its kernel objects carry in their names.
        tag: String,
        /// Its data directory.
        data_dir: PathBuf,
    },
    /// All uid and address ranges of this machine are taken.
    #[error("all {limit} uid and subnet slots of this machine are taken; close leases, or remove stale files in {}", .claims.display())]
    SlotsExhausted {
        /// Number of slots.
        limit: u16,
        /// Directory of the claims.
        claims: PathBuf,
    },
    /// The container did not start.
    #[error("container `{container}` did not start: {reason}")]
    ContainerStart {
        /// Container id.
        container: String,
        /// What the OCI runtime said.
        reason: String,
    },
    /// A record on disk cannot be read back.
    #[error("{} is damaged: {reason}; remove the lease's workload and start it again", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// An operating-system call failed.
    #[error("{action} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InvalidSpec { field: field.into(), reason: reason.into() }
    }

    pub(crate) fn image(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::ImageInvalid { what: what.into(), reason: reason.to_string() }
    }
}

/// Names the action and the path of a failed system call.
pub(crate) trait IoContext<T> {
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: Into<io::Error>> IoContext<T> for Result<T, E> {
    fn at(self, action: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|source| Error::Io { action, path: path.as_ref().to_owned(), source: source.into() })
    }
}

fn stored(available: &[String]) -> String {
    match available {
        [] => "the store is empty".to_owned(),
        names => format!("it holds: {}", names.join(", ")),
    }
}

fn pull_note(pull: &Option<String>) -> String {
    match pull {
        Some(reason) => format!(" and pulling it failed: {reason}"),
        None => String::new(),
    }
}
