//! What a lease's group of a manifest is as a pod of this machine, and how the world gets in.

use proto::akash::deployment::v1beta4::GroupSpec;
use proto::tetra::capacity::v1::Device;
use sdl::manifest::{Credentials, Group, Params, Service, ServiceExpose, StorageMount};
use sdl::model::Protocol as SdlProtocol;
use sdl::resources::Storage;
use thiserror::Error;
use workload::{
    Egress, ExposeTo, Exposure, Isolation, PodSpec, Protocol, Resources, ServiceSpec, VolumeKind, VolumeSpec,
};

use crate::devices::{self, Shares};
use crate::inventory::{ISOLATION, TUN};
use crate::lease::LeaseName;

/// Processes and threads of one replica.
const PIDS: u32 = 4096;
/// What a container may write to its root where its manifest buys no volume for that, in bytes.
const LEAST_ROOT: u64 = 16 << 20;

/// Why a manifest cannot be served here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PodError {
    /// Something that this agent does not offer.
    #[error("service {service:?}: {what} is not supported by this provider: {remedy}")]
    Unsupported {
        /// The service.
        service: String,
        /// What.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// GPUs that the lease does not hold.
    #[error("service {service:?}: the lease holds no GPUs on this machine that serve what the manifest asks for")]
    Devices {
        /// The service.
        service: String,
    },
    /// Another isolation than the tenant asked for.
    #[error(
        "the order asks for isolation={wanted}, and this provider runs new leases with isolation={here} now; close the \
         deployment and choose another provider"
    )]
    Isolation {
        /// What the order asks for.
        wanted: String,
        /// What is configured.
        here: Isolation,
    },
    /// Network devices where none are granted any more.
    #[error(
        "the order asks for feat-tun, and this provider grants no network devices now; close the deployment and choose another provider"
    )]
    NetworkDevices,
    /// A mount without a volume.
    #[error("service {service:?}: params.storage mounts {volume:?}, which its resources do not have")]
    UnknownVolume {
        /// The service.
        service: String,
        /// The volume.
        volume: String,
    },
    /// A volume without a mount.
    #[error("service {service:?}: volume {volume:?} has no mount; name one under params.storage")]
    NoMount {
        /// The service.
        service: String,
        /// The volume.
        volume: String,
    },
    /// A number that no machine has.
    #[error("service {service:?}: {what} is out of range")]
    Range {
        /// The service.
        service: String,
        /// What.
        what: &'static str,
    },
    /// Credentials that would be sent to a registry for which they are not.
    #[error("service {service:?}: the credentials are for {host:?}, and image {image:?} comes from elsewhere")]
    Registry {
        /// The service.
        service: String,
        /// Where they are for.
        host: String,
        /// The image.
        image: String,
    },
}

/// The pod of a lease that holds these devices. A simulated one is told to its container, and nothing is passed in.
///
/// # Errors
/// [`PodError`] for the first thing that cannot be served.
pub fn pod(
    lease: &LeaseName,
    group: &Group,
    public_host: &str,
    rights: Rights,
    held: &[Device],
) -> Result<PodSpec, PodError> {
    let shares = devices::share(group, held);
    let services = group.services.iter().map(|service| self::service(lease, service, public_host, shares.as_ref()));
    // Nothing in a manifest speaks of the way out; whoever rents compute expects the internet.
    let services = services.collect::<Result<_, _>>()?;
    let Rights { isolation, network_devices } = rights;
    Ok(PodSpec { id: lease.pod(), services, egress: Egress::Internet, isolation, network_devices })
}

/// What containers of a lease may do to the machine and its network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// How they are kept apart from it.
    pub isolation: Isolation,
    /// Whether they may make network devices.
    pub network_devices: bool,
}

impl Rights {
    /// Those of a new lease: of what is granted here (`self`) what its order asks for, and no less. The bid was made under what was
    /// granted then.
    ///
    /// # Errors
    /// [`PodError::Isolation`], [`PodError::NetworkDevices`].
    pub fn for_order(self, order: &GroupSpec) -> Result<Self, PodError> {
        let required = || order.requirements.iter().flat_map(|requirements| &requirements.attributes);
        let mut wishes = required().filter(|attribute| attribute.key == ISOLATION);
        if let Some(wish) = wishes.find(|wish| wish.value != self.isolation.as_str()) {
            return Err(PodError::Isolation { wanted: wish.value.clone(), here: self.isolation });
        }
        let asks = required().any(|attribute| attribute.key == TUN && attribute.value == "true");
        match asks && !self.network_devices {
            true => Err(PodError::NetworkDevices),
            false => Ok(Self { network_devices: asks, ..self }),
        }
    }
}

fn service(
    lease: &LeaseName,
    service: &Service,
    public_host: &str,
    shares: Option<&Shares>,
) -> Result<ServiceSpec, PodError> {
    let name = &service.name;
    let unsupported = |what, remedy| PodError::Unsupported { service: name.clone(), what, remedy };
    let range = |what| PodError::Range { service: name.clone(), what };
    if let Some(Params { tee: Some(_), .. }) = &service.params {
        return Err(unsupported("confidential computing (params.tee)", "choose a provider that claims tee/type"));
    }
    if let Some(Params { permissions: Some(wish), .. }) = &service.params
        && !wish.read.is_empty()
    {
        return Err(unsupported("access to the lease from inside (params.permissions)", "leave it out"));
    }
    let replicas = replica_gpus(service, shares)?;
    let (volumes, root) = volumes(service)?;
    let resources = Resources {
        cpu_millis: u32::try_from(service.resources.cpu.units.0).map_err(|_| range("cpu"))?,
        memory_bytes: service.resources.memory.size.0,
        ephemeral_bytes: root.max(LEAST_ROOT),
        pids: PIDS,
        // Of those that are passed into it.
        gpus: 0,
    };
    Ok(ServiceSpec {
        name: name.clone(),
        image: service.image.clone(),
        credentials: credentials(service)?,
        command: service.command.clone().unwrap_or_default(),
        args: service.args.clone().unwrap_or_default(),
        env: env(lease, service, public_host),
        replica_env: replicas.iter().map(|devices| devices::told(devices)).collect(),
        replicas: service.count,
        resources,
        volumes,
        exposures: service.expose.iter().map(|expose| exposure(name, expose)).collect::<Result<_, _>>()?,
        read_only_root: false,
    })
}

/// The devices of each replica; all are simulated, for no other can be passed into a container.
fn replica_gpus<'a>(service: &Service, shares: Option<&'a Shares>) -> Result<&'a [Vec<Device>], PodError> {
    if service.resources.gpu.units.0 == 0 {
        return Ok(&[]);
    }
    let shares = shares.ok_or_else(|| PodError::Devices { service: service.name.clone() })?;
    let replicas = shares.get(&service.name).map(Vec::as_slice).unwrap_or_default();
    if replicas.iter().flatten().any(|device| !devices::is_simulated(&device.model)) {
        let (what, remedy) = ("a GPU in a container", "choose a provider that offers one");
        return Err(PodError::Unsupported { service: service.name.clone(), what, remedy });
    }
    Ok(replicas)
}

/// Mounted volumes, and bytes of the root file system: all that is neither mounted nor persistent.
fn volumes(service: &Service) -> Result<(Vec<VolumeSpec>, u64), PodError> {
    let name = &service.name;
    let mounts: &[StorageMount] =
        service.params.as_ref().and_then(|params| params.storage.as_deref()).unwrap_or_default();
    let has = |mount: &&StorageMount| service.resources.storage.iter().any(|volume| volume.name == mount.name);
    if let Some(mount) = mounts.iter().find(|mount| !has(mount)) {
        return Err(PodError::UnknownVolume { service: name.clone(), volume: mount.name.clone() });
    }
    let (mut mounted, mut root) = (Vec::new(), 0u64);
    for volume in &service.resources.storage {
        let in_memory = volume.attribute("class") == Some("ram");
        match mounts.iter().find(|mount| mount.name == volume.name) {
            Some(mount) => mounted.push(volume_spec(volume, mount, in_memory)),
            None if in_memory || volume.is_persistent() => {
                return Err(PodError::NoMount { service: name.clone(), volume: volume.name.clone() });
            }
            None => root = root.saturating_add(volume.size.0),
        }
    }
    Ok((mounted, root))
}

fn volume_spec(volume: &Storage, mount: &StorageMount, in_memory: bool) -> VolumeSpec {
    VolumeSpec {
        name: volume.name.clone(),
        size_bytes: volume.size.0,
        kind: if in_memory { VolumeKind::Ram } else { VolumeKind::Disk },
        mount: mount.mount.clone(),
        read_only: mount.read_only,
    }
}

fn exposure(service: &str, expose: &ServiceExpose) -> Result<Exposure, PodError> {
    let port = |number: u32, what| {
        let port = u16::try_from(number).ok().filter(|port| *port > 0);
        port.ok_or_else(|| PodError::Range { service: service.to_owned(), what })
    };
    if !expose.ip.is_empty() {
        let (what, remedy) = ("a leased IP address", "leave `ip` out, or choose a provider that has addresses");
        return Err(PodError::Unsupported { service: service.to_owned(), what, remedy });
    }
    Ok(Exposure {
        port: port(expose.port, "an exposed port")?,
        as_port: port(expose.outside_port(), "the outside port of an exposure")?,
        protocol: match expose.proto {
            SdlProtocol::Tcp => Protocol::Tcp,
            SdlProtocol::Udp => Protocol::Udp,
        },
        to: match (expose.global, expose.service.as_str()) {
            (true, _) => ExposeTo::Global,
            (false, "") => ExposeTo::Pod,
            (false, peer) => ExposeTo::Service(peer.to_owned()),
        },
    })
}

/// The service's own, and what upstream's providers tell a container unless it says otherwise (spec/akash.md 3.5).
fn env(lease: &LeaseName, service: &Service, public_host: &str) -> Vec<(String, String)> {
    let own = service.env.iter().flatten().map(|entry| match entry.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (entry.clone(), String::new()),
    });
    let mut all: Vec<(String, String)> = own.collect();
    let told = [
        ("AKASH_GROUP_SEQUENCE", lease.gseq.to_string()),
        ("AKASH_DEPLOYMENT_SEQUENCE", lease.dseq.to_string()),
        ("AKASH_ORDER_SEQUENCE", lease.oseq.to_string()),
        ("AKASH_OWNER", lease.owner.clone()),
        ("AKASH_PROVIDER", lease.provider.clone()),
        ("AKASH_CLUSTER_PUBLIC_HOSTNAME", public_host.to_owned()),
    ];
    for (name, value) in told {
        if !all.iter().any(|(taken, _)| taken == name) {
            all.push((name.to_owned(), value));
        }
    }
    all
}

fn credentials(service: &Service) -> Result<Option<workload::Credentials>, PodError> {
    let second = service.params.as_ref().and_then(|params| params.credentials.as_ref());
    let Some(Credentials { host, username, password, .. }) = service.credentials.as_ref().or(second) else {
        return Ok(None);
    };
    if registry(&service.image) != hub(host) {
        let (service, image) = (service.name.clone(), service.image.clone());
        return Err(PodError::Registry { service, host: host.clone(), image });
    }
    Ok(Some(workload::Credentials { username: username.clone(), password: password.clone() }))
}

const HUB: &str = "docker.io";

/// Where an image comes from: its first part, if that looks like a host.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => hub(first),
        _ => HUB,
    }
}

/// The many names of one registry as one.
fn hub(host: &str) -> &str {
    let host = host.trim_start_matches("https://").trim_end_matches('/');
    match host {
        "index.docker.io" | "index.docker.io/v1" | "registry-1.docker.io" | "hub.docker.com" => HUB,
        other => other,
    }
}

#[cfg(test)]
#[path = "pod_tests.rs"]
mod tests;
