//! What the agent tells of itself: one account, from which `GET /status` (spec/akash.md 3.3) and
//! `akash.provider.v1.Status` (spec/akash.md A.6) are written.

use std::collections::{BTreeMap, BTreeSet};

use proto::akash::inventory::v1::{
    Cluster, Cpu, CpuInfo, Gpu as GpuMessage, GpuInfo, Memory, MemoryInfo, Node, NodeCapabilities, NodeResources,
    ResourcePair, Storage, StorageInfo,
};
use proto::akash::provider::v1::{
    BidEngineStatus, ClusterStatus, Inventory, Leases, ManifestStatus, Reservations, ReservationsMetric,
    ResourcesMetric, Status,
};
use proto::k8s::io::apimachinery::pkg::api::resource::Quantity;
use proto::tetra::capacity::v1::Device;
use proto::{Duration, Timestamp};
use serde_json::{Value, json};
use workload::probe::Gpu;

use crate::book::Amount;
use crate::devices;

/// The class of the volumes whose bytes the book counts.
const CLASS: &str = "default";

/// What the agent tells of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The provider's address, bech32.
    pub address: String,
    /// The height up to which the chain was followed.
    pub height: u64,
    /// Why the chain is not followed any more, if so.
    pub problem: Option<String>,
    /// Services answer at names under this one.
    pub public_host: String,
    /// Leases that run.
    pub leases: usize,
    /// Who has what by a lease.
    pub active: Vec<(String, Amount)>,
    /// Who has what by a bid that is open.
    pub pending: Vec<(String, Amount)>,
    /// The machine.
    pub machine: Machine,
    /// Orders that were bid on.
    pub orders: usize,
    /// What was decided lately, a JSON array.
    pub decisions: Value,
    /// Leases that have a manifest.
    pub manifests: usize,
}

/// A GPU that is offered.
#[derive(Clone, Debug, PartialEq)]
pub struct Sold {
    /// The device.
    pub device: Device,
    /// The bid or lease that has it.
    pub holder: Option<String>,
}

/// What the agent tells of its machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// The agent's name.
    pub name: String,
    /// What may be promised.
    pub capacity: Amount,
    /// What is not promised.
    pub free: Amount,
    /// Cores.
    pub cpus: u32,
    /// As the kernel names the processor.
    pub cpu_model: String,
    /// As images name it, such as `amd64`.
    pub architecture: String,
    /// GPUs that are offered.
    pub devices: Vec<Sold>,
    /// Found, but not offered.
    pub gpus: Vec<Gpu>,
    /// Classes of volumes that are offered.
    pub storage_classes: BTreeSet<String>,
}

impl Standing {
    /// `GET /status`.
    pub fn json(&self) -> Value {
        let show = |amount: Amount| {
            json!({
                "cpu": amount.cpu_milli, "memory": amount.memory, "storage_ephemeral": amount.storage,
                "gpu": amount.gpus, "ports": amount.ports,
            })
        };
        let rows = |rows: &[(String, Amount)]| -> Vec<Value> {
            rows.iter().map(|(holder, amount)| json!({ "id": holder, "resources": show(*amount) })).collect()
        };
        let machine = &self.machine;
        json!({
            "address": self.address,
            "chain": { "height": self.height, "problem": self.problem },
            "cluster_public_hostname": self.public_host,
            "reclamation_window": 0,
            "cluster": {
                "leases": self.leases,
                "inventory": {
                    "active": rows(&self.active),
                    "pending": rows(&self.pending),
                    "available": {
                        "nodes": [{
                            "name": machine.name,
                            "allocatable": show(machine.capacity),
                            "available": show(machine.free),
                            "cpu_model": machine.cpu_model,
                            "architecture": machine.architecture,
                            "gpus": machine.show_gpus(),
                        }],
                        "storage": [{ "class": CLASS, "size": machine.free.storage }],
                    },
                },
            },
            "bidengine": { "orders": self.orders, "decisions": self.decisions },
            "manifest": { "deployments": self.manifests },
        })
    }

    /// `akash.provider.v1.Status` at a time. Volumes are not counted apart from the disk that they take, and addresses
    /// are not leased: their fields are absent.
    pub fn message(&self, at: Timestamp) -> Status {
        let inventory = Inventory {
            cluster: Some(self.machine.cluster()),
            reservations: Some(Reservations {
                pending: Some(metric(&self.pending)),
                active: Some(metric(&self.active)),
            }),
            leased_ip: None,
        };
        Status {
            errors: self.problem.iter().cloned().collect(),
            cluster: Some(ClusterStatus {
                leases: Some(Leases { active: number(self.leases) }),
                inventory: Some(inventory),
            }),
            bid_engine: Some(BidEngineStatus { orders: number(self.orders) }),
            manifest: Some(ManifestStatus { deployments: number(self.manifests) }),
            public_hostnames: vec![self.public_host.clone()],
            timestamp: Some(at),
            reclamation_window: Some(Duration::default()),
        }
    }
}

impl Machine {
    /// GPUs that are sold, with who has them, then those that were found on the machine, with why they are not sold.
    fn show_gpus(&self) -> Vec<Value> {
        let sold = self.devices.iter().map(|sold| {
            let mut shown = devices::document(&sold.device);
            shown["offered"] = json!(true);
            shown["holder"] = json!(sold.holder);
            shown
        });
        let found = self.gpus.iter().map(|gpu| {
            let mut shown = json!(gpu);
            shown["simulated"] = json!(false);
            shown["offered"] = json!(false);
            shown["reason"] = json!("no GPU can be passed into a container yet");
            shown
        });
        sold.chain(found).collect()
    }

    fn cluster(&self) -> Cluster {
        let (all, free) = (self.capacity, self.free);
        let disk = || pair(whole, all.storage, free.storage);
        let cpu =
            CpuInfo { id: "0".to_owned(), model: self.cpu_model.clone(), vcores: self.cpus, ..CpuInfo::default() };
        let memory = MemoryInfo { total_size: all.memory.to_string(), ..MemoryInfo::default() };
        let resources = NodeResources {
            cpu: Some(Cpu { quantity: Some(pair(cores, all.cpu_milli, free.cpu_milli)), info: vec![cpu] }),
            memory: Some(Memory { quantity: Some(pair(whole, all.memory, free.memory)), info: vec![memory] }),
            // Those that were found are there, and not to be had.
            gpu: Some(GpuMessage {
                quantity: Some(pair(whole, all.gpus, free.gpus)),
                info: self.devices.iter().map(sold).chain(self.gpus.iter().map(gpu)).collect(),
            }),
            ephemeral_storage: Some(disk()),
            volumes_attached: None,
            volumes_mounted: None,
        };
        let capabilities = NodeCapabilities { storage_classes: self.storage_classes.iter().cloned().collect() };
        let node = Node { name: self.name.clone(), resources: Some(resources), capabilities: Some(capabilities) };
        let info = StorageInfo { class: CLASS.to_owned(), iops: String::new() };
        Cluster { nodes: vec![node], storage: vec![Storage { quantity: Some(disk()), info: Some(info) }] }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A quantity of Kubernetes without a suffix: bytes, or pieces.
fn whole(count: u64) -> Quantity {
    Quantity { string: Some(count.to_string()) }
}

/// Thousandths of a core as Kubernetes writes them: `2`, or `1500m`.
fn cores(milli: u64) -> Quantity {
    match (milli / 1000, milli % 1000) {
        (cores, 0) => whole(cores),
        _ => Quantity { string: Some(format!("{milli}m")) },
    }
}

fn pair(write: fn(u64) -> Quantity, all: u64, free: u64) -> ResourcePair {
    ResourcePair {
        allocatable: Some(write(all)),
        allocated: Some(write(all.saturating_sub(free))),
        attributes: Vec::new(),
        capacity: Some(write(all)),
    }
}

fn gpu(gpu: &Gpu) -> GpuInfo {
    let name = gpu.model.clone().unwrap_or_default();
    GpuInfo { vendor: gpu.vendor.clone(), name, modelid: gpu.device_id.clone(), ..GpuInfo::default() }
}

/// The name tells whether the device is simulated: the message has no other place for it.
fn sold(sold: &Sold) -> GpuInfo {
    let part = |key: &str| {
        let parts: Vec<&str> = sold.device.model.split('/').collect();
        parts.chunks(2).find(|pair| pair.first() == Some(&key)).and_then(|pair| pair.get(1)).map(ToString::to_string)
    };
    let mark = if devices::is_simulated(&sold.device.model) { " (simulated)" } else { "" };
    GpuInfo {
        vendor: part("vendor").unwrap_or_default(),
        name: format!("{}{mark}", part("model").unwrap_or_default()),
        interface: part("interface").unwrap_or_default(),
        memory_size: part("ram").unwrap_or_default(),
        ..GpuInfo::default()
    }
}

fn metric(rows: &[(String, Amount)]) -> ReservationsMetric {
    let sum = |part: fn(&Amount) -> u64| rows.iter().fold(0u64, |sum, (_, amount)| sum.saturating_add(part(amount)));
    let resources = ResourcesMetric {
        cpu: Some(cores(sum(|amount| amount.cpu_milli))),
        memory: Some(whole(sum(|amount| amount.memory))),
        gpu: Some(whole(sum(|amount| amount.gpus))),
        ephemeral_storage: Some(whole(sum(|amount| amount.storage))),
        storage: BTreeMap::new(),
    };
    ReservationsMetric { count: number(rows.len()), resources: Some(resources) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_in_both_forms() {
        let amount = |cpu_milli| Amount { cpu_milli, memory: 1 << 30, storage: 5 << 30, ports: 1, gpus: 0 };
        let standing = Standing {
            address: "tetra1x".to_owned(),
            height: 7,
            problem: Some("the node does not answer".to_owned()),
            public_host: "localhost".to_owned(),
            leases: 1,
            active: vec![("a/1/1/1/b".to_owned(), amount(500))],
            pending: vec![("a/2/1/1/b".to_owned(), amount(1000)), ("a/3/1/1/b".to_owned(), amount(1500))],
            machine: Machine {
                name: "agent".to_owned(),
                capacity: Amount { cpu_milli: 8000, memory: 16 << 30, storage: 100 << 30, ports: 10, gpus: 2 },
                free: Amount { cpu_milli: 5000, memory: 13 << 30, storage: 85 << 30, ports: 7, gpus: 1 },
                cpus: 8,
                cpu_model: "Model".to_owned(),
                architecture: "amd64".to_owned(),
                devices: vec![
                    Sold {
                        device: Device {
                            id: "simulated-1".to_owned(),
                            model: "vendor/nvidia/model/a100/ram/80Gi/interface/sxm/simulated/true".to_owned(),
                        },
                        holder: Some("a/1/1/1/b".to_owned()),
                    },
                    Sold {
                        device: Device {
                            id: "simulated-2".to_owned(),
                            model: "vendor/nvidia/model/t4/simulated/true".to_owned(),
                        },
                        holder: None,
                    },
                ],
                gpus: vec![Gpu {
                    pci_address: "0000:01:00.0".to_owned(),
                    vendor: "nvidia".to_owned(),
                    device_id: "2204".to_owned(),
                    model: None,
                    uuid: None,
                    node: None,
                    kind: None,
                }],
                storage_classes: ["default".to_owned(), "ram".to_owned()].into(),
            },
            orders: 3,
            decisions: json!([]),
            manifests: 1,
        };
        insta::assert_json_snapshot!(standing.json());
        insta::assert_debug_snapshot!(standing.message(Timestamp { seconds: 1_700_000_000, nanos: 0 }));
    }
}
