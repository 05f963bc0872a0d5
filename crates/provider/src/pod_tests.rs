use sdl::Sdl;
use sdl::manifest::{Permissions, TeeParams};

use super::*;

const FILE: &str = r#"
version: "2.0"
services:
  db:
    image: ghcr.io/org/db:1
    credentials: { host: ghcr.io, username: me, password: secret }
    expose: [{ port: 5432, to: [{ service: web }] }]
    params: { storage: { data: { mount: /var/lib/db }, shm: { mount: /dev/shm } } }
  web:
    image: hello-web:latest
    command: [/bin/sh, -c]
    args: ["exec httpd -f"]
    env: [GREETING=good day, AKASH_OWNER=mine, EMPTY]
    expose:
      - { port: 8080, as: 80, accept: [example.org], to: [{ global: true }] }
      - { port: 53, proto: udp, to: [{ global: true }] }
      - { port: 9000 }
profiles:
  compute:
    db:
      resources:
        cpu: { units: 1 }
        memory: { size: 512Mi }
        storage:
          - { size: 1Gi }
          - { name: data, size: 2Gi, attributes: { persistent: true, class: default } }
          - { name: shm, size: 64Mi, attributes: { persistent: false, class: ram } }
    web:
      resources:
        cpu: { units: 0.1 }
        memory: { size: 64Mi }
        storage: { size: 64Mi }
  placement:
    here: { pricing: { web: { denom: uusd, amount: 10 }, db: { denom: uusd, amount: 10 } } }
deployment:
  web: { here: { profile: web, count: 2 } }
  db: { here: { profile: db, count: 1 } }
"#;

fn lease() -> LeaseName {
    LeaseName { owner: "tetra1tenant".into(), dseq: 7, gseq: 1, oseq: 2, provider: "tetra1provider".into() }
}

#[test]
fn an_order_for_gvisor_is_not_run_with_namespaces() {
    let mut order = GroupSpec::default();
    let under = |order: &GroupSpec, isolation| {
        let here = Rights { isolation, network_devices: false };
        here.for_order(order).map(|rights| rights.isolation).map_err(|error| error.to_string())
    };
    assert_eq!(under(&order, Isolation::Gvisor), Ok(Isolation::Gvisor));
    let wish = proto::akash::base::attributes::v1::Attribute { key: "isolation".into(), value: "gvisor".into() };
    order.requirements.get_or_insert_default().attributes.push(wish);
    assert_eq!(under(&order, Isolation::Gvisor), Ok(Isolation::Gvisor));
    let refused = under(&order, Isolation::Namespaces).unwrap_err();
    assert!(refused.contains("asks for isolation=gvisor") && refused.contains("isolation=namespaces now"), "{refused}");
}

#[test]
fn network_devices_go_to_those_who_ask_where_they_are_granted() {
    let grants = |network_devices| Rights { isolation: Isolation::Namespaces, network_devices };
    let plain = GroupSpec::default();
    assert_eq!(grants(true).for_order(&plain), Ok(grants(false)));
    let mut asks = plain;
    let wish = proto::akash::base::attributes::v1::Attribute { key: "feat-tun".into(), value: "true".into() };
    asks.requirements.get_or_insert_default().attributes.push(wish);
    assert_eq!(grants(true).for_order(&asks), Ok(grants(true)));
    assert_eq!(grants(false).for_order(&asks), Err(PodError::NetworkDevices));
    let spec = pod(&lease(), &group(), "localhost", grants(true), &[]).unwrap();
    assert!(spec.network_devices && spec.validate().is_ok());
}

fn group() -> Group {
    Sdl::parse(FILE).unwrap().manifest().0.remove(0)
}

#[test]
fn a_manifest_as_a_pod() {
    let spec = pod(&lease(), &group(), "localhost", Rights::default(), &[]).unwrap();
    spec.validate().unwrap();
    let db = spec.services.iter().find(|service| service.name == "db").unwrap();
    assert_eq!(db.credentials.as_ref().map(|login| login.password.as_str()), Some("secret"));
    insta::assert_json_snapshot!(spec);
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let changes: Vec<fn(&mut Group)> = vec![
        |group| {
            let tee = Some(TeeParams { kind: "cpu".into(), attestation: true });
            group.services[0].params.as_mut().unwrap().tee = tee;
        },
        |group| {
            let wish = Some(Permissions { read: vec!["logs".into()] });
            group.services[0].params.as_mut().unwrap().permissions = wish;
        },
        |group| group.services[1].resources.gpu.units.0 = 1,
        |group| group.services[0].params.as_mut().unwrap().storage.as_mut().unwrap()[0].name = "other".into(),
        |group| group.services[0].params = None,
        |group| group.services[0].credentials.as_mut().unwrap().host = "docker.io".into(),
        |group| group.services[1].expose[0].ip = "mine".into(),
        |group| group.services[1].expose[0].port = 70_000,
        |group| group.services[1].resources.cpu.units.0 = u64::MAX,
    ];
    let refusals = changes.into_iter().map(|change| {
        let mut group = group();
        change(&mut group);
        pod(&lease(), &group, "localhost", Rights::default(), &[]).unwrap_err().to_string()
    });
    insta::assert_snapshot!(refusals.collect::<Vec<_>>().join("\n"));
}

#[test]
fn replicas_are_told_of_their_own_simulated_gpus_and_no_other_is_served() {
    let mut group = group();
    let web = group.services.iter_mut().find(|service| service.name == "web").unwrap();
    web.resources.gpu.units.0 = 1;
    web.resources.gpu.attributes = vec![sdl::resources::Attribute::new("vendor/nvidia/model/*", "true")];
    web.env.as_mut().unwrap().push("TETRA_SIMULATED_GPUS=a lie".to_owned());
    let device = |id: &str, model: &str| Device { id: id.into(), model: format!("vendor/nvidia/model/{model}") };
    let made = |held: &[Device]| pod(&lease(), &group, "localhost", Rights::default(), held);
    let held = [device("1", "a100/ram/80Gi/simulated/true"), device("2", "t4/simulated/true")];
    let spec = made(&held).unwrap();
    spec.validate().unwrap();
    let of = |name: &str| spec.services.iter().find(|service| service.name == name).unwrap();
    let told = |names: &str| vec![("TETRA_SIMULATED_GPUS".to_owned(), names.to_owned())];
    assert_eq!(of("web").replica_env, [told("nvidia/a100/80Gi"), told("nvidia/t4")]);
    assert_eq!((of("db").replica_env.len(), of("web").resources.gpus), (0, 0));
    let few = made(&held[..1]).unwrap_err().to_string();
    let real = made(&[device("1", "a100"), device("2", "t4/simulated/true")]).unwrap_err().to_string();
    insta::assert_snapshot!(format!("{few}\n{real}"), @r#"
    service "web": the lease holds no GPUs on this machine that serve what the manifest asks for
    service "web": a GPU in a container is not supported by this provider: choose a provider that offers one
    "#);
}

#[test]
fn registries_of_images() {
    for (image, host, same) in [
        ("hello-web:latest", "docker.io", true),
        ("org/app", "https://index.docker.io/v1/", true),
        ("ghcr.io/org/app", "ghcr.io", true),
        ("ghcr.io/org/app", "docker.io", false),
        ("localhost/app", "localhost", true),
        ("127.0.0.1:5000/app", "127.0.0.1:5000", true),
    ] {
        assert_eq!(registry(image) == hub(host), same, "{image} of {host}");
    }
}
