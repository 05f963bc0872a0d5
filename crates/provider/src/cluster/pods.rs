//! What the container of a node runs.

use std::net::Ipv4Addr;

use client::cluster::Manifest;
use proto::tetra::cluster::v1 as wire;
use proto::tetra::cluster::v1::ClusterKind;
use workload::terminal::Size;
use workload::{Egress, ExecSpec, Isolation, PodId, PodSpec, Resources, ServiceSpec, VolumeKind, VolumeSpec};

use super::chain::live;
use client::cluster::{ClusterPath, ExecAsk};

/// The one service of a node's pod.
pub(super) const SERVICE: &str = "node";
/// Where a cluster's checkpoint volume is.
pub(super) const CHECKPOINT: &str = "/checkpoint";
/// Where its data volume is.
pub(super) const DATA: &str = "/data";
/// Ray's ports; all are pinned, in the overlay alone.
pub(super) const RAY_HEAD: u16 = 6_379;
/// The dashboard and the Jobs API of the head.
pub(super) const RAY_DASHBOARD: u16 = 8_265;
/// A worker's own.
pub(super) const RAY_NODE: u16 = 6_380;
/// Where ranks of torchrun-like programs meet.
const MASTER_PORT: u16 = 29_500;
/// Processes and threads of a node.
const PIDS: u32 = 8_192;
/// The least writable disk of a node.
const LEAST_DISK: u64 = 256 << 20;

/// A node's program begins once its overlay is there: a device, or where there can be none a mark that the overlay's process leaves.
const DEVICE_IS_THERE: &str = "grep -q tetra0: /proc/net/dev";
/// The folder of the overlay's process, where that is in the container.
pub(super) const GUEST: &str = "/tmp/.tetra";
/// The mark in it.
pub(super) const MARK: &str = "joined";

fn wait(has_device: bool) -> String {
    let there = if has_device { DEVICE_IS_THERE.to_owned() } else { format!("test -e {GUEST}/{MARK}") };
    format!("until {there}; do sleep 0.1; done; ")
}

/// Where programs find the others when there is no device. Not under the name that many programs look for: those that speak no SOCKS would
/// reach nothing at all.
fn proxy(has_device: bool) -> Option<(String, String)> {
    let address = format!("socks5h://127.0.0.1:{}", mesh::proxy::PORT);
    (!has_device).then(|| ("TETRA_PROXY".to_owned(), address))
}

/// A node's place in its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) number: u32,
    pub(super) rank: u32,
    /// Of the head.
    pub(super) head: u32,
}

/// The place of a node by the chain's word; none while there is no head.
pub(super) fn place(cluster: &wire::Cluster, number: u32) -> Option<Place> {
    let node = live(cluster).find(|node| node.number == number)?;
    let head = live(cluster).find(|node| node.rank == 0)?;
    Some(Place { number, rank: node.rank, head: head.number })
}

/// The pod of a node.
pub(super) fn id(path: &ClusterPath, number: u32) -> PodId {
    PodId::new(format!("cluster/{path}/{number}"))
}

/// The cluster and number of a pod of a node; none of other pods.
pub(super) fn of_pod(id: &PodId) -> Option<(ClusterPath, u32)> {
    let mut parts = id.as_str().strip_prefix("cluster/")?.split('/');
    let (tenant, cseq, number) = (parts.next()?, parts.next()?, parts.next()?);
    let path = ClusterPath { tenant: tenant.to_owned(), cseq: cseq.parse().ok()? };
    parts.next().is_none().then_some((path, number.parse().ok()?))
}

fn shell(script: String) -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned(), script]
}

/// Ray's own command: every port pinned, at the node's address in the overlay.
fn ray(place: Place, memory: u64, cpus: u64) -> String {
    let own = mesh::address::of(place.number);
    let store = (memory / 4).max(80 << 20);
    let common = format!(
        "--node-ip-address={own} --node-manager-port={RAY_NODE} --object-manager-port=6381 --runtime-env-agent-port=6382 \
         --dashboard-agent-grpc-port=6383 --dashboard-agent-listen-port=52365 --metrics-export-port=6384 \
         --min-worker-port=10002 --max-worker-port=10101 --num-cpus={cpus} --memory={memory} \
         --object-store-memory={store} --disable-usage-stats --block"
    );
    match place.rank {
        0 => format!(
            "exec ray start --head --port={RAY_HEAD} --ray-client-server-port=10001 --dashboard-host={own} \
             --dashboard-port={RAY_DASHBOARD} {common}"
        ),
        _ => {
            let head = mesh::address::of(place.head);
            // The head may still start.
            format!("while :; do ray start --address={head}:{RAY_HEAD} {common} && break; sleep 1; done")
        }
    }
}

fn command(kind: ClusterKind, manifest: &Manifest, (place, has_device): (Place, bool), each: &Each) -> Vec<String> {
    if kind == ClusterKind::Ray {
        return shell(format!("{}{}", wait(has_device), ray(place, each.memory, each.cpu_milli.div_ceil(1_000))));
    }
    match manifest.command.is_empty() {
        true => shell("trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done".to_owned()),
        false => {
            let mut command = shell(format!("{}exec \"$@\"", wait(has_device)));
            command.push("node".to_owned());
            command.extend(manifest.command.iter().cloned());
            command
        }
    }
}

/// What comes with a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Each {
    pub(super) cpu_milli: u64,
    pub(super) memory: u64,
    pub(super) storage: u64,
}

impl From<&wire::OfferTerms> for Each {
    fn from(terms: &wire::OfferTerms) -> Self {
        let each = terms.each.clone().unwrap_or_default();
        Self { cpu_milli: each.cpu_milli, memory: each.memory, storage: each.storage }
    }
}

/// What programs of every kind are told of the cluster.
fn told(cluster: &wire::Cluster, place: Place) -> Vec<(String, String)> {
    let mut nodes: Vec<(u32, Ipv4Addr)> =
        live(cluster).map(|node| (node.rank, mesh::address::of(node.number))).collect();
    nodes.sort_unstable();
    let hosts: Vec<String> = nodes.iter().map(|(_, address)| address.to_string()).collect();
    [
        ("RANK", place.rank.to_string()),
        ("WORLD_SIZE", hosts.len().to_string()),
        ("MASTER_ADDR", mesh::address::of(place.head).to_string()),
        ("MASTER_PORT", MASTER_PORT.to_string()),
        ("TETRA_ADDRESS", mesh::address::of(place.number).to_string()),
        ("TETRA_HOSTS", hosts.join(" ")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// What Ray's programs show each other.
fn secrets(kind: ClusterKind, manifest: &Manifest) -> Vec<(String, String)> {
    match kind {
        ClusterKind::Ray => [("RAY_AUTH_MODE", "token"), ("RAY_AUTH_TOKEN", &manifest.secret)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        _ => Vec::new(),
    }
}

/// The container of a node. What changes as others come and go is told to programs when they are run, so that it stays the same
/// while its head does.
pub(super) fn spec(
    path: &ClusterPath,
    kind: ClusterKind,
    manifest: &Manifest,
    (place, has_device): (Place, bool),
    each: &Each,
) -> PodSpec {
    let mut env: Vec<(String, String)> = manifest.env.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    env.extend(secrets(kind, manifest));
    env.extend(proxy(has_device));
    env.push(("TETRA_ADDRESS".to_owned(), mesh::address::of(place.number).to_string()));
    let shared = VolumeSpec {
        name: "shm".to_owned(),
        size_bytes: (each.memory / 2).max(64 << 20),
        kind: VolumeKind::Ram,
        mount: "/dev/shm".to_owned(),
        read_only: false,
    };
    let mut volumes = vec![shared];
    let disks = [("checkpoint", manifest.checkpoint_bytes, CHECKPOINT), ("data", manifest.data_bytes, DATA)];
    volumes.extend(disks.into_iter().filter(|(_, size_bytes, _)| *size_bytes > 0).map(|(name, size_bytes, mount)| {
        let (name, mount) = (name.to_owned(), mount.to_owned());
        VolumeSpec { name, size_bytes, kind: VolumeKind::Disk, mount, read_only: false }
    }));
    let service = ServiceSpec {
        name: SERVICE.to_owned(),
        image: manifest.image.clone(),
        credentials: None,
        command: command(kind, manifest, (place, has_device), each),
        args: Vec::new(),
        env,
        replica_env: Vec::new(),
        replicas: 1,
        resources: Resources {
            cpu_millis: u32::try_from(each.cpu_milli).unwrap_or(u32::MAX),
            memory_bytes: each.memory,
            ephemeral_bytes: each.storage.max(LEAST_DISK),
            pids: PIDS,
            gpus: 0,
        },
        volumes,
        exposures: Vec::new(),
        read_only_root: false,
    };
    PodSpec {
        id: id(path, place.number),
        services: vec![service],
        egress: Egress::Internet,
        isolation: Isolation::Namespaces,
        network_devices: false,
    }
}

/// A program of the tenant on a node, with what it is told of the cluster.
pub(super) fn program(cluster: &wire::Cluster, place: Place, ask: ExecAsk, has_device: bool) -> ExecSpec {
    let kind = cluster.ask.clone().unwrap_or_default().kind();
    let mut env = told(cluster, place);
    if kind == ClusterKind::Ray {
        let head = mesh::address::of(place.head);
        env.push(("RAY_ADDRESS".to_owned(), format!("{head}:{RAY_HEAD}")));
    }
    env.extend(proxy(has_device));
    env.extend(ask.env);
    let args = match kind {
        ClusterKind::Mpi => {
            let mut args = shell(
                "for host in $TETRA_HOSTS; do echo \"$host slots=1\"; done > /tmp/hostfile; exec \"$@\"".to_owned(),
            );
            args.push("program".to_owned());
            args.extend(ask.args);
            args
        }
        _ => ask.args,
    };
    let terminal = ask.terminal.map(|size| Size { columns: size.columns, rows: size.rows });
    if terminal.is_some() && !env.iter().any(|(name, _)| name == "TERM") {
        env.push(("TERM".to_owned(), "xterm-256color".to_owned()));
    }
    ExecSpec { args, env, dir: ask.dir, terminal }
}

#[cfg(test)]
mod tests {
    use proto::tetra::cluster::v1::{Ask, NodeState};

    use super::*;

    fn cluster(kind: ClusterKind) -> wire::Cluster {
        let node =
            |number, rank, state: NodeState| wire::Node { number, rank, state: state.into(), ..Default::default() };
        wire::Cluster {
            ask: Some(Ask { kind: kind.into(), ..Ask::default() }),
            nodes: vec![node(1, 0, NodeState::Lost), node(2, 1, NodeState::Running), node(3, 0, NodeState::Starting)],
            ..wire::Cluster::default()
        }
    }

    fn manifest() -> Manifest {
        Manifest {
            image: "i".to_owned(),
            command: Vec::new(),
            env: Default::default(),
            secret: "s".to_owned(),
            checkpoint_bytes: 0,
            data_bytes: 0,
        }
    }

    const EACH: Each = Each { cpu_milli: 1_500, memory: 2 << 30, storage: 0 };

    #[test]
    fn programs_are_told_their_place_among_those_that_live() {
        let cluster = cluster(ClusterKind::Torchrun);
        let place = place(&cluster, 2).unwrap();
        assert_eq!(place, Place { number: 2, rank: 1, head: 3 });
        let ask = ExecAsk { args: vec!["python".to_owned()], ..ExecAsk::default() };
        let spec = program(&cluster, place, ask, true);
        let env: Vec<String> = spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            env,
            [
                "RANK=1",
                "WORLD_SIZE=2",
                "MASTER_ADDR=100.127.0.3",
                "MASTER_PORT=29500",
                "TETRA_ADDRESS=100.127.0.2",
                "TETRA_HOSTS=100.127.0.3 100.127.0.2",
            ]
        );
    }

    #[test]
    fn without_a_device_programs_wait_for_a_mark_and_are_told_their_proxy() {
        let cluster = cluster(ClusterKind::Shell);
        let path = ClusterPath { tenant: "t".to_owned(), cseq: 7 };
        let manifest = Manifest { command: vec!["serve".to_owned()], ..manifest() };
        let place = place(&cluster, 2).unwrap();
        let service = spec(&path, ClusterKind::Shell, &manifest, (place, false), &EACH).services.remove(0);
        assert_eq!(service.command[2], "until test -e /tmp/.tetra/joined; do sleep 0.1; done; exec \"$@\"");
        let proxy = ("TETRA_PROXY".to_owned(), "socks5h://127.0.0.1:1080".to_owned());
        assert!(service.env.contains(&proxy));
        assert!(program(&cluster, place, ExecAsk::default(), false).env.contains(&proxy));
    }

    #[test]
    fn ray_runs_at_the_address_of_the_overlay_with_its_token_and_pinned_ports() {
        let cluster = cluster(ClusterKind::Ray);
        let path = ClusterPath { tenant: "t".to_owned(), cseq: 7 };
        let place = place(&cluster, 2).unwrap();
        let spec = spec(&path, ClusterKind::Ray, &manifest(), (place, true), &EACH);
        let script = spec.services[0].command[2].clone();
        assert!(script.contains("ray start --address=100.127.0.3:6379 --node-ip-address=100.127.0.2"), "{script}");
        assert!(script.contains("--num-cpus=2"));
        let env = &spec.services[0].env;
        assert!(env.contains(&("RAY_AUTH_MODE".to_owned(), "token".to_owned())));
        assert!(env.contains(&("RAY_AUTH_TOKEN".to_owned(), "s".to_owned())));
        assert!(spec.services[0].exposures.is_empty());
        spec.validate().unwrap();
        assert_eq!(of_pod(&spec.id), Some((path, 2)));
        assert_eq!(of_pod(&PodId::new("tetra1/5/1/1/tetra2")), None);
    }
}
