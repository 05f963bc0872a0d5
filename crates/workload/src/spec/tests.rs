use super::*;

fn service(name: &str) -> ServiceSpec {
    ServiceSpec {
        name: name.to_owned(),
        image: "busybox".to_owned(),
        credentials: None,
        command: Vec::new(),
        args: Vec::new(),
        env: Vec::new(),
        replica_env: vec![],
        replicas: 1,
        resources: Resources { cpu_millis: 100, memory_bytes: 64 << 20, ephemeral_bytes: 16 << 20, pids: 64, gpus: 0 },
        volumes: Vec::new(),
        exposures: Vec::new(),
        read_only_root: false,
    }
}

fn pod(service: ServiceSpec) -> PodSpec {
    PodSpec {
        id: PodId::new("1"),
        services: vec![service],
        egress: Egress::None,
        isolation: Isolation::Namespaces,
        network_devices: false,
    }
}

fn refusal(change: impl FnOnce(&mut ServiceSpec)) -> String {
    let mut web = service("web");
    change(&mut web);
    pod(web).validate().unwrap_err().to_string()
}

fn volume(mount: &str) -> VolumeSpec {
    VolumeSpec {
        name: "data".to_owned(),
        size_bytes: 16 << 20,
        kind: VolumeKind::Disk,
        mount: mount.to_owned(),
        read_only: false,
    }
}

#[test]
fn a_plain_service_passes() {
    let mut web = service("web");
    web.volumes.push(volume("/dev/shm"));
    pod(web.clone()).validate().unwrap();
    // With network devices too, which one kind of isolation has none of.
    let mut devices = PodSpec { network_devices: true, ..pod(web) };
    devices.validate().unwrap();
    devices.isolation = Isolation::Gvisor;
    let refused = devices.validate().unwrap_err().to_string();
    assert!(refused.contains("network_devices") && refused.contains("gvisor"), "{refused}");
}

#[test]
fn refusals_name_the_field_and_the_rule() {
    let exposure = |port, to| Exposure { port, as_port: 80, protocol: Protocol::Tcp, to };
    insta::assert_snapshot!(
        [
            refusal(|s| s.name = "Web".into()),
            refusal(|s| s.replicas = 0),
            refusal(|s| s.replicas = 251),
            refusal(|s| s.resources.gpus = 1),
            refusal(|s| s.resources.memory_bytes = 1),
            refusal(|s| s.env.push(("A=B".into(), String::new()))),
            refusal(|s| s.volumes.push(volume("/var/../etc"))),
            refusal(|s| s.volumes.push(volume("/proc/x"))),
            refusal(|s| s.volumes.push(volume("data"))),
            refusal(|s| s.volumes = vec![volume("/a"), volume("/b")]),
            refusal(|s| s.exposures.push(exposure(80, ExposeTo::Service("db".into())))),
            refusal(|s| s.exposures = vec![exposure(80, ExposeTo::Global), exposure(81, ExposeTo::Pod)]),
        ]
        .join("\n")
    );
}
