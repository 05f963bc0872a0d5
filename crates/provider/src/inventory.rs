//! What this machine offers.

use std::collections::BTreeSet;
use std::path::Path;

use proto::tetra::capacity::v1::Device;
use sdl::resources::Attribute;
use workload::probe::{Gpu, ProbeRoots};
use workload::{HostReport, Isolation};

use crate::book::Amount;
use crate::cluster::{ClusterConfig, Origin};
use crate::config::ProviderConfig;
use crate::devices::{self, GpuModel, SIMULATED};
use crate::error::ProviderError;

/// Memory that the agent, the node and the kernel keep for themselves, in bytes.
const KEPT_MEMORY: u64 = 256 << 20;

/// The attribute that tells how containers are kept apart from the machine.
pub const ISOLATION: &str = "isolation";
/// The attribute by which deployments ask for network devices of their own, in the way of `feat-persistent-storage`.
pub const TUN: &str = "feat-tun";

/// What this machine offers.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// What was found.
    pub report: HostReport,
    /// What is offered of it, capped; CPU without overcommit.
    pub offered: Amount,
    /// The GPUs that are sold, all simulated.
    pub devices: Vec<Device>,
    /// The most disk that may be offered, in bytes.
    pub storage_cap: Option<u64>,
    /// What may be promised of each core, in percent.
    pub cpu_overcommit_percent: u32,
    /// What the provider claims of itself: its configuration, and what the agent knows of the machine.
    pub attributes: Vec<Attribute>,
}

impl Inventory {
    /// Looks at the machine of this host key.
    ///
    /// # Errors
    /// [`ProviderError::Isolation`] with the remedies where tenants could not be kept apart.
    pub async fn detect(config: &ProviderConfig, data: &Path, host_key: &[u8; 32]) -> Result<Self, ProviderError> {
        if let Some(cluster) = config.cluster.as_ref().filter(|cluster| cluster.origin == Origin::Lease) {
            return Ok(Self::of(config, elsewhere(cluster), host_key));
        }
        let report = workload::probe(&ProbeRoots::default(), data).await?;
        if let Some(problems) = problems(&report) {
            return Err(ProviderError::Isolation(problems));
        }
        if config.isolation == Isolation::Gvisor {
            let tried = workload::gvisor::probe(data).await;
            tried.map_err(|error| ProviderError::Isolation(format!("- isolation by gvisor: {error}")))?;
        }
        if config.network_devices {
            let tried = workload::tun::probe(data);
            tried.map_err(|error| {
                ProviderError::Isolation(format!(
                    "- network_devices: {error}; load the module `tun`, and keep the agent's folder on a file system that takes device nodes"
                ))
            })?;
        }
        Ok(Self::of(config, report, host_key))
    }

    fn of(config: &ProviderConfig, report: HostReport, host_key: &[u8; 32]) -> Self {
        let cap = |found: u64, cap: Option<u64>| cap.map_or(found, |cap| cap.min(found));
        let [first, last] = config.port_range;
        let offered = Amount {
            cpu_milli: cap(u64::from(report.cpus) * 1000, config.offer.cpu_milli),
            memory: cap(report.memory_bytes.saturating_sub(KEPT_MEMORY), config.offer.memory),
            // Whole GiB, so that a log file more is no change of the offer.
            storage: cap(report.disk_free_bytes >> 30 << 30, config.offer.storage),
            ports: u64::from(last.saturating_sub(first)) + u64::from(last >= first),
            gpus: config.simulated_gpus.len() as u64,
        };
        let attributes = attributes(config, &report);
        Self {
            report,
            offered,
            devices: devices::simulated(&config.simulated_gpus, host_key),
            storage_cap: config.offer.storage,
            cpu_overcommit_percent: config.cpu_overcommit_percent,
            attributes,
        }
    }

    /// What may be promised of what is registered: with CPU overcommit, and with this agent's ports, which the chain
    /// does not know.
    pub(crate) fn capacity_of(&self, registered: Amount) -> Amount {
        let cpu_milli = registered.cpu_milli.saturating_mul(u64::from(self.cpu_overcommit_percent)) / 100;
        Amount { cpu_milli, ports: self.offered.ports, ..registered }
    }

    /// Classes of the volumes that the attributes offer.
    pub(crate) fn storage_classes(&self) -> BTreeSet<String> {
        let is_class = |key: &str| key.starts_with("capabilities/storage/") && key.ends_with("/class");
        self.attributes.iter().filter(|attribute| is_class(&attribute.key)).map(|one| one.value.clone()).collect()
    }

    /// GPUs that were found; none can be passed into a container by this runtime, so none is offered.
    pub fn gpus(&self) -> &[Gpu] {
        &self.report.gpus
    }
}

/// What a broker has: its devices are leases on another network, and what they have together is what it offers.
fn elsewhere(cluster: &ClusterConfig) -> HostReport {
    let devices = u64::from(cluster.devices);
    let cpus = cluster.cpu_milli.saturating_mul(devices).div_ceil(1_000);
    let memory = cluster.memory.saturating_mul(devices).saturating_add(KEPT_MEMORY);
    let disk = (cluster.storage.saturating_mul(devices)).div_ceil(1 << 30) << 30;
    HostReport {
        cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
        cpu_model: "leased elsewhere".to_owned(),
        // Its guest is this very program.
        architecture: if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }.to_owned(),
        memory_bytes: memory,
        memory_available_bytes: memory,
        disk_bytes: disk,
        disk_free_bytes: disk,
        gpus: Vec::new(),
        kernel: String::new(),
        cgroup: None,
        tools: Vec::new(),
        capabilities: Vec::new(),
    }
}

/// What does not work, one a line, with its remedy.
fn problems(report: &HostReport) -> Option<String> {
    let tools = report.tools.iter().filter(|tool| tool.version.is_none()).map(|tool| {
        let (name, package) = (&tool.name, &tool.package);
        format!("- `{name}` is not installed; install it: apt-get install -y {package}")
    });
    let broken = report.capabilities.iter().filter_map(|capability| {
        let problem = capability.problem.as_ref()?;
        Some(format!("- {}: {problem}", capability.name))
    });
    let lines: Vec<String> = tools.chain(broken).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The configured ones win; the kinds of storage that the runtime enforces are added, for the chain judges orders with
/// volumes by them.
fn attributes(config: &ProviderConfig, report: &HostReport) -> Vec<Attribute> {
    let mut all = config.attributes.clone();
    let mut add = |key: &str, value: &str| {
        all.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    };
    if report.has("loop") {
        add("capabilities/storage/1/class", "default");
        add("capabilities/storage/1/persistent", "true");
    }
    add("capabilities/storage/2/class", "ram");
    add("capabilities/storage/2/persistent", "false");
    add("capabilities/storage/3/persistent", "false");
    add("arch", &report.architecture);
    add(ISOLATION, config.isolation.as_str());
    if config.network_devices {
        add(TUN, "true");
    }
    for key in config.simulated_gpus.iter().flat_map(GpuModel::capabilities) {
        add(&key, "true");
    }
    add(SIMULATED, if config.simulated_gpus.is_empty() { "false" } else { "true" });
    all.into_iter().map(|(key, value)| Attribute::new(key, value)).collect()
}
