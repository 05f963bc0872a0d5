//! What a provider gets to know about the containers of a deployment (spec/akash.md 2.6).
//!
//! The `serde` forms are the Go JSON of section 2.7, presence rules included; unknown fields are refused, because a
//! field that is not understood could not be served.

use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::model::{HttpOptions, Protocol};
use crate::resources::{Resources, null_as_empty};

/// All groups of a deployment, in order of name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest(pub Vec<Group>);

/// The containers of one placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Name of the placement.
    pub name: String,
    /// Containers in order of name.
    pub services: Vec<Service>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Name.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// Replaces the image's entry point.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// Replaces the image's arguments.
    #[serde(default)]
    pub args: Option<Vec<String>>,
    /// `NAME=value` texts.
    #[serde(default)]
    pub env: Option<Vec<String>>,
    /// What one replica needs.
    pub resources: Resources,
    /// Replicas.
    pub count: u32,
    /// Ports in canonical order.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub expose: Vec<ServiceExpose>,
    /// Mounts, permissions, confidential computing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Params>,
    /// For a private image registry.
    #[serde(default)]
    pub credentials: Option<Credentials>,
}

/// A port and one direction from which it may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceExpose {
    /// The container's port; 0 when the file left it out, which JSON shows as null and validation refuses.
    #[serde(with = "missing_as_null")]
    pub port: u32,
    /// The port seen from outside; 0 for the same.
    #[serde(default)]
    pub external_port: u32,
    /// Transport.
    pub proto: Protocol,
    /// The service that may connect, or empty.
    #[serde(default)]
    pub service: String,
    /// Whether the whole world may connect.
    #[serde(default)]
    pub global: bool,
    /// Host names to accept.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    /// Options of the HTTP proxy.
    pub http_options: HttpOptions,
    /// The leased address, or empty.
    #[serde(default)]
    pub ip: String,
    /// The number of the leased address, or 0.
    #[serde(default)]
    pub endpoint_sequence_number: u32,
}

impl ServiceExpose {
    /// The port that the outside sees.
    pub fn outside_port(&self) -> u32 {
        if self.external_port == 0 { self.port } else { self.external_port }
    }

    /// Whether the shared HTTP proxy serves it: global TCP on port 80.
    pub fn is_http(&self) -> bool {
        self.global && self.proto == Protocol::Tcp && self.outside_port() == 80
    }

    /// The canonical order: service, port, protocol, global first.
    pub(crate) fn order(&self) -> (&str, u32, Protocol, bool) {
        (&self.service, self.port, self.proto, !self.global)
    }
}

/// Settings of a container beside its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Mounts in order of volume name; `None` (JSON null) when there are none.
    #[serde(default)]
    pub storage: Option<Vec<StorageMount>>,
    /// A second place for registry access in the wire format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// What the container may read of its own lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Confidential computing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tee: Option<TeeParams>,
}

/// Where a volume appears in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageMount {
    /// Name of the volume.
    pub name: String,
    /// Absolute path.
    pub mount: String,
    /// Whether writing is refused.
    #[serde(default)]
    pub read_only: bool,
}

/// Rights inside the lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// What may be read: `deployment`, `logs`, `events`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
}

/// Confidential computing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeeParams {
    /// `cpu` or `cpu-gpu`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether the provider adds an attestation helper.
    pub attestation: bool,
}

/// Access to a private image registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Registry host.
    pub host: String,
    /// User's address, may be empty.
    #[serde(default)]
    pub email: String,
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

impl Manifest {
    /// The canonical JSON text, over which the hash is taken (spec/akash.md 2.7).
    pub fn canonical_json(&self) -> String {
        canonical::text_of(self)
    }

    /// SHA-256 of the canonical JSON text: the 32 bytes that stand on the chain.
    pub fn hash(&self) -> [u8; 32] {
        canonical::sha256(&self.canonical_json())
    }

    /// The group of a name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.0.iter().find(|group| group.name == name)
    }
}

/// A number that is null in JSON when it is 0, that is, when it was left out.
mod missing_as_null {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
    pub(super) fn serialize<S: Serializer>(value: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        Some(*value).filter(|value| *value > 0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(0))
    }
}
