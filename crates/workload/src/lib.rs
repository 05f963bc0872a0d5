//! Containers on one machine behind one trait.
//!
//! A *pod* is everything of one lease: services, their replicas, volumes, and a private network.
//! The caller describes it in neutral words ([`PodSpec`]) and asks a [`Runtime`] to bring it about;
//! [`Host`] is the runtime of this machine. Nothing here knows of a chain or a deployment file.
//!
//! Containers are not children of the agent. Each is watched by a [`shim`], which outlives the
//! agent, and everything about it is found again from disk and the kernel.
//!
//! How a replica is isolated:
//!
//! * namespaces of its own (pid, ipc, uts, mount, cgroup, network) under a user namespace whose
//!   uid range belongs to its lease alone; the image is shown to it by an id-mapped mount
//! * hard limits by cgroup (v1 and v2) on CPU, memory without swap, and processes
//! * a root file system and volumes of fixed size (ext4 in a sparse file on a loop device)
//! * a seccomp allow-list, no new privileges, ten capabilities that count in its user namespace only; an eleventh,
//!   over its own network, where it may make network devices
//! * a routed link and an nftables table per pod: to the host nothing, to other pods and private
//!   ranges nothing, to services of the pod the exposed ports, to the internet where asked
//!
//! | module | what it holds |
//! |---|---|
//! | [`spec`] | what to run |
//! | [`runtime`] | the trait and what it returns |
//! | `host` | the trait on this machine: up, down, status |
//! | [`image`] | store, loading, pulling, unpacking |
//! | `bundle`, `seccomp` | the OCI configuration |
//! | [`tun`] | the device of those that may make network devices |
//! | [`gvisor`] | the hardened class, for pods that ask for it |
//! | `userns`, `idmap`, `rootfs`, `volume` | namespaces, mounts, sizes |
//! | `network`, `nft`, `slots` | links, firewall, uid and address ranges |
//! | [`shim`], `logs`, `process` | the process beside a container |
//! | [`cgroup`], [`leftovers`], [`probe`](mod@probe) | limits and usage, what is held, what the machine offers |
//! | [`agents`] | who is on this machine, and what those hold that never return |
//! | `shell` | the one way to call external programs |
//! | [`crash`] | points at which tests end the process; none in a release build |

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

pub mod agents;
mod bundle;
pub mod cgroup;
mod config;
pub mod crash;
mod error;
pub mod gvisor;
mod host;
mod idmap;
pub mod image;
pub mod leftovers;
mod logs;
mod network;
mod nft;
pub mod probe;
mod process;
mod rootfs;
pub mod runtime;
mod seccomp;
mod shell;
pub mod shim;
mod slots;
pub mod spec;
pub mod terminal;
pub mod tun;
mod userns;
mod volume;

pub use agents::{Presence, Resident};
pub use config::HostConfig;
pub use error::{Error, Result};
pub use host::Host;
pub use image::{ImageStore, ImageSummary};
pub use leftovers::Leftovers;
pub use probe::{HostReport, probe};
pub use process::ProcessId;
pub use runtime::{
    Exec, ExecSpec, ExitStatus, LogLine, LogQuery, LogStream, Phases, PodStatus, ReplicaStatus, Runtime, Started,
    State, Usage,
};
pub use spec::{
    Credentials, Egress, ExposeTo, Exposure, Isolation, PodId, PodSpec, Protocol, Resources, ServiceSpec, VolumeKind,
    VolumeSpec,
};
