use super::*;
use crate::spec::{Exposure, PodId, Resources, ServiceSpec};

fn service(name: &str, exposures: Vec<Exposure>) -> ServiceSpec {
    ServiceSpec {
        name: name.to_owned(),
        image: "busybox".to_owned(),
        credentials: None,
        command: Vec::new(),
        args: Vec::new(),
        env: Vec::new(),
        replica_env: vec![],
        replicas: 1,
        resources: Resources { cpu_millis: 100, memory_bytes: 1 << 26, ephemeral_bytes: 1 << 24, pids: 9, gpus: 0 },
        volumes: Vec::new(),
        exposures,
        read_only_root: false,
    }
}

fn exposure(port: u16, as_port: u16, to: ExposeTo) -> Exposure {
    Exposure { port, as_port, protocol: Protocol::Tcp, to }
}

fn ruleset(egress: Egress) -> String {
    let spec = PodSpec {
        isolation: crate::spec::Isolation::Namespaces,
        network_devices: false,
        id: PodId::new("1"),
        services: vec![
            service("web", vec![exposure(80, 80, ExposeTo::Global)]),
            service("db", vec![exposure(5432, 15432, ExposeTo::Service("web".into()))]),
        ],
        egress,
    };
    let subnet = Subnet::of(5);
    let endpoints = [("web", 0), ("db", 1)].map(|(service, ordinal)| Endpoint {
        service,
        link: format!("tabcde0005{ordinal:02x}"),
        address: subnet.replica(ordinal),
    });
    Firewall {
        table: "tetra_abcde_key",
        link_prefix: "tabcde0005",
        subnet,
        name_servers: &[Ipv4Addr::new(9, 9, 9, 9)],
        spec: &spec,
        endpoints: &endpoints,
    }
    .ruleset()
}

#[test]
fn the_table_reads_as_the_policy() {
    insta::assert_snapshot!(ruleset(Egress::Internet));
}

#[test]
fn without_egress_only_peers_are_reachable() {
    let rules = ruleset(Egress::None);
    assert!(!rules.contains("dport 53"));
    assert!(!rules.contains("    accept\n"));
}
