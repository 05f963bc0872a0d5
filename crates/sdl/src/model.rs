//! A deployment file as its author wrote it, read but not yet built into groups and manifest (spec/akash.md 2.1).

use std::collections::BTreeMap;
use std::time::Duration;

use primitives::DecCoin;

use crate::resources::{Attribute, Cpu, Gpu, Memory, Storage};
use crate::yaml::Node;

/// Which rules build groups and credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `2.0`: every service of a placement is a unit of its own.
    V2_0,
    /// `2.1`: services with the same compute profile in a placement share a unit.
    V2_1,
}

/// A parsed deployment file. Maps are in order of name, which is the order in which everything is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdl {
    /// The rules that the file asks for.
    pub version: Version,
    /// Containers by name.
    pub services: BTreeMap<String, Service>,
    /// Hardware profiles by name.
    pub compute: BTreeMap<String, Compute>,
    /// Places and prices by name.
    pub placement: BTreeMap<String, Placement>,
    /// Which service runs in which placement: service, then placement.
    pub deployment: BTreeMap<String, BTreeMap<String, Instances>>,
    /// Declared endpoints by name; the only kind is a leased address.
    pub endpoints: BTreeMap<String, EndpointDeclaration>,
    /// How long the tenant wants to keep a lease after the provider asks it back.
    pub reclamation: Option<Reclamation>,
    /// The tree that it was read from, for places in messages and for the lint.
    pub(crate) source: Node,
}

/// A declared endpoint: an address of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointDeclaration {
    /// `kind: ip`.
    Ip,
}

/// The tenant's wish about reclamation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reclamation {
    /// The shortest window between the provider's notice and the end of the lease.
    pub min_window: Duration,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Image reference, not empty.
    pub image: String,
    /// Replaces the image's entry point.
    pub command: Option<Vec<String>>,
    /// Replaces the image's arguments.
    pub args: Option<Vec<String>>,
    /// `NAME=value` texts.
    pub env: Option<Vec<String>>,
    /// Ports.
    pub expose: Vec<Expose>,
    /// Names of services listed under `dependencies`; they have no effect.
    pub dependencies: Vec<String>,
    /// Mounts, permissions, confidential computing.
    pub params: Option<ServiceParams>,
    /// For a private image registry.
    pub credentials: Option<Credentials>,
}

/// A port of a container and who may reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expose {
    /// The container's port; 0 when the file leaves it out, which only the manifest's validation refuses.
    pub port: u32,
    /// The port seen from outside; 0 for the same as `port`.
    pub external: u32,
    /// Transport.
    pub protocol: Protocol,
    /// Host names to accept.
    pub accept: Option<Vec<String>>,
    /// Who may connect.
    pub to: Vec<ExposeTo>,
    /// Options of the HTTP proxy, defaults filled in.
    pub http_options: HttpOptions,
}

/// Transport protocol of an exposed port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Protocol {
    /// `TCP`, the default.
    #[serde(rename = "TCP")]
    Tcp,
    /// `UDP`.
    #[serde(rename = "UDP")]
    Udp,
}

/// One permitted direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposeTo {
    /// A service of the same deployment, or empty.
    pub service: String,
    /// Whether the whole world may connect.
    pub global: bool,
    /// A declared endpoint, or empty.
    pub ip: String,
}

/// Options of the HTTP proxy in front of a port.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpOptions {
    /// Bytes.
    pub max_body_size: u32,
    /// Milliseconds.
    pub read_timeout: u32,
    /// Milliseconds.
    pub send_timeout: u32,
    /// Further servers that are tried.
    pub next_tries: u32,
    /// Milliseconds; 0 for no limit.
    pub next_timeout: u32,
    /// When the next server is tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_cases: Vec<String>,
    /// Bytes; 0 for the proxy's own default.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub proxy_buffer_size: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// Settings of a service beside its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceParams {
    /// Where volumes are mounted, by volume name.
    pub storage: BTreeMap<String, Mount>,
    /// What the container may read of its own lease, if given.
    pub permissions: Option<Vec<String>>,
    /// Confidential computing.
    pub tee: Option<Tee>,
}

/// Where a volume appears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path.
    pub path: String,
    /// Whether writing is refused.
    pub read_only: bool,
}

/// Confidential computing that a service demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tee {
    /// `cpu`.
    Cpu,
    /// `cpu-gpu`.
    CpuGpu,
}

impl Tee {
    /// The name in files, manifests and the attribute `tee/type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::CpuGpu => "cpu-gpu",
        }
    }
}

/// Access to a private image registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Registry host.
    pub host: String,
    /// User's address, may be empty.
    pub email: String,
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

/// Hardware of a profile; volumes are in canonical order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compute {
    /// Processor time.
    pub cpu: Cpu,
    /// Main memory.
    pub memory: Memory,
    /// Volumes.
    pub storage: Vec<Storage>,
    /// Graphics processors.
    pub gpu: Gpu,
}

/// A place that will do, and the highest price there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// What a provider must claim, sorted by key.
    pub attributes: Vec<Attribute>,
    /// Whose signature the provider's attributes need.
    pub signed_by: SignedBy,
    /// The highest price per unit and block, by compute profile.
    pub pricing: BTreeMap<String, DecCoin>,
}

/// Auditors, by address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignedBy {
    /// All of these must have signed.
    pub all_of: Vec<String>,
    /// One of these must have signed, if there are any.
    pub any_of: Vec<String>,
}

/// How often a service runs in a placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instances {
    /// Name of the compute profile.
    pub profile: String,
    /// Replicas.
    pub count: u32,
}
