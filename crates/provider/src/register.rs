//! Makes the chain know this provider and this machine.

use client::NodeError;
use client::capacity::registration_bytes;
use ed25519_consensus::SigningKey as HostKey;
use proto::ToAny;
use proto::akash::base::attributes::v1::Attribute;
use proto::akash::provider::v1beta4::{MsgCreateProvider, MsgUpdateProvider};
use proto::tetra::capacity::v1::{Device, Host, MsgRegisterHost, MsgShrinkHost, Resources};

use crate::book::Amount;
use crate::chain::Chain;
use crate::config::ProviderConfig;
use crate::inventory::Inventory;

/// What the chain knows of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registered {
    /// What is offered, ports aside.
    pub(crate) amount: Amount,
    /// Its devices.
    pub(crate) devices: Vec<Device>,
}

/// Registers what the chain does not know yet, and changes what differs. Returns what the chain knows of this machine.
///
/// # Errors
/// When the node does not answer or the chain refuses.
pub(crate) async fn register(
    chain: &Chain,
    config: &ProviderConfig,
    inventory: &Inventory,
    key: &HostKey,
) -> Result<Registered, NodeError> {
    provider(chain, config, inventory).await?;
    host(chain, inventory, key).await
}

async fn provider(chain: &Chain, config: &ProviderConfig, inventory: &Inventory) -> Result<(), NodeError> {
    let wire = |attribute: &sdl::resources::Attribute| Attribute {
        key: attribute.key.clone(),
        value: attribute.value.clone(),
    };
    let attributes: Vec<Attribute> = inventory.attributes.iter().map(wire).collect();
    let (owner, host_uri) = (chain.address().to_owned(), config.host_uri.clone());
    let message = match chain.provider().await? {
        None => MsgCreateProvider { owner, host_uri, attributes, info: None }.to_any(),
        Some(known) if known.host_uri == host_uri && same(&known.attributes, &attributes) => return Ok(()),
        Some(known) => MsgUpdateProvider { owner, host_uri, attributes, info: known.info }.to_any(),
    };
    tracing::info!(provider = chain.address(), url = config.host_uri, "registering the provider");
    chain.send(vec![message]).await.map(drop)
}

fn same(known: &[Attribute], wanted: &[Attribute]) -> bool {
    let sorted = |list: &[Attribute]| {
        let mut pairs: Vec<_> = list.iter().map(|a| (a.key.clone(), a.value.clone())).collect();
        pairs.sort();
        pairs
    };
    sorted(known) == sorted(wanted)
}

async fn host(chain: &Chain, inventory: &Inventory, key: &HostKey) -> Result<Registered, NodeError> {
    let host_key = key.verification_key().to_bytes().to_vec();
    let mut known = chain.hosts().await?.into_iter().find(|host| host.host_key == host_key);
    if let Some(left) = known.as_ref().and_then(|host| vanished(inventory, host)) {
        let devices = left.devices.len();
        tracing::error!(
            cpu_milli = left.cpu_milli,
            memory = left.memory,
            storage = left.storage,
            devices,
            "hardware vanished"
        );
        let owner = chain.address().to_owned();
        let message = MsgShrinkHost { owner, host_key: host_key.clone(), offered: Some(left.clone()) };
        chain.send(vec![message.to_any()]).await?;
        known = known.map(|mut host| {
            host.devices.retain(|device| left.devices.contains(&device.id));
            Host { offered: Some(left), ..host }
        });
    }
    let offered = offer(inventory, known.as_ref());
    let overcommit = inventory.cpu_overcommit_percent;
    let wanted = (offered.clone(), overcommit, inventory.devices.clone());
    // The chain lists the ids of devices among what is offered, and wants them beside it.
    let plain = |offered: Resources| Resources { devices: Vec::new(), ..offered };
    let before = known.and_then(|host| Some((plain(host.offered?), host.cpu_overcommit_percent, host.devices)));
    if before.as_ref() == Some(&wanted) {
        return Ok(promised(&offered, &inventory.devices));
    }
    let mut message = MsgRegisterHost {
        owner: chain.address().to_owned(),
        host_key,
        offered: Some(offered.clone()),
        // A device that no container can have is not offered; a simulated one says so in its path.
        devices: inventory.devices.clone(),
        cpu_overcommit_percent: overcommit,
        host_signature: Vec::new(),
    };
    let signature = key.sign(&registration_bytes(&chain.facts().chain_id, &message));
    message.host_signature = signature.to_bytes().to_vec();
    let Resources { cpu_milli, memory, storage, .. } = offered;
    let devices = inventory.devices.len();
    tracing::info!(provider = chain.address(), cpu_milli, memory, storage, devices, "registering this machine");
    match (chain.send(vec![message.to_any()]).await, before) {
        (Ok(_), _) => Ok(promised(&offered, &inventory.devices)),
        // Leases hold more than is to be offered now; they go on, and so does what they stand on.
        (Err(error @ (NodeError::Rejected { .. } | NodeError::Query { .. })), Some((before, _, devices))) => {
            tracing::warn!(%error, "the chain keeps the machine as it was registered; close leases and start again");
            Ok(promised(&before, &devices))
        }
        (Err(error), _) => Err(error),
    }
}

fn promised(offered: &Resources, devices: &[Device]) -> Registered {
    let Resources { cpu_milli, memory, storage, .. } = *offered;
    let amount = Amount { cpu_milli, memory, storage, ports: 0, gpus: devices.len() as u64 };
    Registered { amount, devices: devices.to_vec() }
}

/// What is left of a host's registered resources, if this machine has less than them altogether.
fn vanished(inventory: &Inventory, host: &Host) -> Option<Resources> {
    let known = host.offered.as_ref()?;
    let report = &inventory.report;
    let has = |id: &String| inventory.devices.iter().any(|device| device.id == *id);
    let left = Resources {
        cpu_milli: known.cpu_milli.min(u64::from(report.cpus) * 1000),
        memory: known.memory.min(report.memory_bytes),
        storage: known.storage.min(report.disk_bytes),
        devices: known.devices.iter().filter(|id| has(id)).cloned().collect(),
    };
    (left != *known).then_some(left)
}

/// Free disk shrinks with every image and volume of our own, so what is registered stays as long as half of it is free.
fn offer(inventory: &Inventory, known: Option<&Host>) -> Resources {
    let Amount { cpu_milli, memory, storage, .. } = inventory.offered;
    let before = known.and_then(|host| host.offered.as_ref()).map(|offered| offered.storage);
    let allowed = inventory.storage_cap.unwrap_or(u64::MAX);
    let stays = |before: &u64| (storage..=allowed).contains(before) && *before / 2 <= storage;
    Resources { cpu_milli, memory, storage: before.filter(stays).unwrap_or(storage), devices: Vec::new() }
}

#[cfg(test)]
mod tests {
    use workload::HostReport;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn inventory(storage_cap: Option<u64>, free: u64) -> Inventory {
        let report = HostReport {
            cpus: 4,
            cpu_model: String::new(),
            architecture: "amd64".into(),
            memory_bytes: 8 * GIB,
            memory_available_bytes: 8 * GIB,
            disk_bytes: 100 * GIB,
            disk_free_bytes: free,
            gpus: vec![],
            kernel: String::new(),
            cgroup: None,
            tools: vec![],
            capabilities: vec![],
        };
        let storage = storage_cap.map_or(free, |cap| cap.min(free));
        let offered = Amount { cpu_milli: 4000, memory: 7 * GIB, storage, ports: 10, gpus: 0 };
        Inventory { report, offered, devices: vec![], storage_cap, cpu_overcommit_percent: 100, attributes: vec![] }
    }

    fn host(cpu_milli: u64, storage: u64) -> Host {
        let offered = Resources { cpu_milli, memory: 7 * GIB, storage, devices: vec![] };
        Host { offered: Some(offered), ..Host::default() }
    }

    #[test]
    fn disk_that_our_own_volumes_use_is_no_change() {
        let stored = |cap, free, before| offer(&inventory(cap, free), Some(&host(4000, before))).storage / GIB;
        assert_eq!(offer(&inventory(None, 60 * GIB), None).storage, 60 * GIB);
        assert_eq!(stored(None, 50 * GIB, 60 * GIB), 60);
        assert_eq!(stored(None, 20 * GIB, 60 * GIB), 20);
        assert_eq!(stored(None, 70 * GIB, 60 * GIB), 70);
        assert_eq!(stored(Some(10 * GIB), 50 * GIB, 60 * GIB), 10);
        assert_eq!(stored(Some(10 * GIB), 50 * GIB, 10 * GIB), 10);
    }

    #[test]
    fn only_hardware_that_is_gone_shrinks_a_host() {
        let inventory = inventory(None, 10 * GIB);
        assert_eq!(vanished(&inventory, &host(4000, 60 * GIB)), None);
        let device = |id: &str| Device { id: id.to_owned(), model: "vendor/nvidia/model/t4".to_owned() };
        let with = Inventory { devices: vec![device("one"), device("two")], ..inventory.clone() };
        let mut two = host(4000, 60 * GIB);
        two.offered.as_mut().unwrap().devices = vec!["one".to_owned(), "gone".to_owned()];
        assert_eq!(vanished(&with, &two).unwrap().devices, ["one"]);
        let left = vanished(&inventory, &host(8000, 60 * GIB)).unwrap();
        assert_eq!((left.cpu_milli, left.storage), (4000, 60 * GIB));
        assert_eq!(vanished(&inventory, &host(4000, 200 * GIB)).map(|left| left.storage), Some(100 * GIB));
    }
}
