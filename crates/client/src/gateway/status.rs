//! What a gateway says of a lease (spec/akash.md 3.3, `GET /lease/…/status`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The state of a lease.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseStatus {
    /// By name of service.
    #[serde(default, deserialize_with = "null_as_default")]
    pub services: BTreeMap<String, ServiceStatus>,
    /// Ports of the provider that lead to a service, by name of service.
    #[serde(default, deserialize_with = "null_as_default")]
    pub forwarded_ports: BTreeMap<String, Vec<ForwardedPort>>,
    /// Leased addresses, by name of service.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ips: BTreeMap<String, Vec<LeasedAddress>>,
    /// Why services that should run do not; Tetra's own.
    #[serde(default)]
    pub reason: Option<String>,
    /// Where the time of the last start went, in microseconds by phase; Tetra's own.
    #[serde(default, deserialize_with = "null_as_default")]
    pub start_us: BTreeMap<String, u64>,
}

/// The state of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// Replicas that answer.
    pub available: i32,
    /// Replicas that are wanted.
    pub total: i32,
    /// Host names or URLs under which the proxy serves it.
    #[serde(deserialize_with = "null_as_default")]
    pub uris: Vec<String>,
    /// Which version of the manifest is looked at.
    pub observed_generation: i64,
    /// Replicas that exist.
    pub replicas: i32,
    /// Replicas of the present version.
    pub updated_replicas: i32,
    /// Replicas that are ready.
    pub ready_replicas: i32,
    /// Replicas that are available.
    pub available_replicas: i32,
    /// How often containers of it were started again; Tetra's own, as all below.
    pub restarts: u32,
    /// How the container of it ended that ended last.
    pub last_exit: Option<LastExit>,
    /// When a container that ended is started again, RFC 3339; none while all run.
    pub next_start: Option<String>,
    /// GPUs of each replica; empty where the service asked for none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<Vec<LeasedGpu>>,
}

/// A GPU of a replica.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeasedGpu {
    /// Its id on the chain.
    pub id: String,
    /// Its capability path, such as `vendor/nvidia/model/a100/ram/80Gi`.
    pub model: String,
    /// The same for people.
    pub name: String,
    /// Whether there is no such device: the container runs, and nothing is passed into it.
    pub simulated: bool,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastExit {
    /// Its exit code; 128 + the signal where one ended it.
    pub code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether the kernel ended it because its memory was used up.
    pub out_of_memory: bool,
    /// When, RFC 3339.
    pub at: String,
}

impl ServiceStatus {
    /// Whether every replica answers.
    pub fn is_ready(&self) -> bool {
        self.total > 0 && self.available >= self.total
    }
}

/// A port of the provider that leads to a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardedPort {
    /// Host name of the provider.
    #[serde(default)]
    pub host: String,
    /// The container's port.
    #[serde(default)]
    pub port: u16,
    /// The provider's port.
    #[serde(default)]
    pub external_port: u16,
    /// `TCP` or `UDP`.
    #[serde(default)]
    pub proto: String,
    /// The service.
    #[serde(default)]
    pub name: String,
}

/// A leased address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LeasedAddress {
    /// The container's port.
    pub port: u32,
    /// The port that the outside sees.
    pub external_port: u32,
    /// `TCP` or `UDP`.
    pub protocol: String,
    /// The address.
    #[serde(rename = "IP")]
    pub ip: String,
}

/// Providers in Go write absent maps and lists as null.
fn null_as_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_go_provider_is_understood() {
        let text = r#"{"services":{"web":{"name":"web","available":1,"total":1,"uris":null,"observed_generation":1,
            "replicas":1,"updated_replicas":1,"ready_replicas":1,"available_replicas":1}},
            "forwarded_ports":{"web":[{"host":"h","port":22,"externalPort":30022,"proto":"TCP","name":"web"}]},
            "ips":null}"#;
        let status: LeaseStatus = serde_json::from_str(text).unwrap();
        assert!(status.services["web"].is_ready());
        assert_eq!(status.forwarded_ports["web"][0].external_port, 30022);
        assert!(status.ips.is_empty());
    }
}
