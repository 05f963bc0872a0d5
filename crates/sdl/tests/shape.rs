//! Rules of groups and manifest that the vectors do not show.

mod common;

use common::{SHARED_PROFILE, file, vector_a};
use proto::akash::deployment::v1beta4 as deployment;
use sdl::resources::{Endpoint, EndpointKind};
use sdl::{GroupSpec, MismatchError, Rate, Sdl};

fn shared(version: &str) -> Sdl {
    Sdl::parse(&SHARED_PROFILE.replace("VERSION", version)).unwrap()
}

fn endpoint(kind: EndpointKind, sequence_number: u32) -> Endpoint {
    Endpoint { kind, sequence_number }
}

#[test]
fn version_2_0_gives_every_service_its_unit() {
    let groups = shared("2.0").groups();
    let units: Vec<_> = groups[0].units.iter().map(|unit| (unit.resources.id, unit.count)).collect();
    assert_eq!(units, [(1, 2), (2, 3)]);
    assert_eq!(groups[0].price().unwrap().to_string(), "2.500000000000000000uact");
}

#[test]
fn version_2_1_shares_the_unit_of_a_profile() {
    let sdl = shared("2.1");
    let groups = sdl.groups();
    assert_eq!(groups[0].units.len(), 1);
    let unit = &groups[0].units[0];
    assert_eq!((unit.resources.id, unit.count), (1, 5));
    // Both services' endpoints, by sequence number. The private direction of `web` has an empty name, sorts first
    // and shifts the leased address to 2.
    let expected = [
        endpoint(EndpointKind::RandomPort, 0),
        endpoint(EndpointKind::SharedHttp, 0),
        endpoint(EndpointKind::LeasedIp, 2),
    ];
    assert_eq!(unit.resources.endpoints, expected);
    let manifest = sdl.manifest();
    let services = &manifest.0[0].services;
    assert!(services.iter().all(|service| service.resources.id == 1));
    assert_eq!(services[1].resources.endpoints, [endpoint(EndpointKind::SharedHttp, 0)]);
    assert_eq!(services[0].expose[0].endpoint_sequence_number, 2);
}

#[test]
fn a_later_repetition_of_an_address_takes_the_number() {
    let text = file(
        "    expose: [{port: 80, to: [{global: true, ip: aa}]}, {port: 81, as: 81, to: [{global: true, ip: aa}]}]",
        common::STORAGE,
    ) + "endpoints: {aa: {kind: ip}}\n";
    let sdl = Sdl::parse(&text).unwrap();
    let numbers: Vec<u32> =
        sdl.manifest().0[0].services[0].expose.iter().map(|expose| expose.endpoint_sequence_number).collect();
    assert_eq!(numbers, [2, 2]);
}

#[test]
fn a_port_without_directions_is_private() {
    let sdl = Sdl::parse(&file("    expose: [{port: 80}]", common::STORAGE)).unwrap();
    let manifest = sdl.manifest();
    let expose = &manifest.0[0].services[0].expose;
    assert_eq!((expose.len(), expose[0].global, expose[0].port), (1, false, 80));
    assert!(sdl.groups()[0].units[0].resources.endpoints.is_empty());
    assert!(sdl.validate().unwrap_err().to_string().contains("zero global services"));
}

#[test]
fn an_empty_list_is_not_an_absent_one() {
    let text = vector_a().replace("    image: nginx", "    image: nginx\n    env: []\n    args: null");
    let service = Sdl::parse(&text).unwrap().manifest().0[0].services[0].clone();
    assert_eq!((service.env, service.args), (Some(Vec::new()), None));
}

#[test]
fn confidential_computing_is_a_demand_on_the_placement() {
    let text = vector_a().replace("    image: nginx", "    image: nginx\n    params: {tee: cpu}");
    let sdl = Sdl::parse(&text).unwrap();
    assert_eq!(sdl.groups()[0].attributes[0].key, "tee/type");
    let json = sdl.manifest().canonical_json();
    assert!(json.contains(r#""params":{"storage":null,"tee":{"attestation":true,"type":"cpu"}}"#), "{json}");
}

#[test]
fn anchors_and_merge_keys_are_expanded() {
    let text = vector_a()
        .replace("cpu: {units: 0.1}", "cpu: &cpu {units: 0.1, attributes: {arch: amd64}}")
        .replace("memory: {size: 128Mi}", "memory: {<<: *cpu, size: 128Mi}");
    assert_eq!(Sdl::parse(&text).unwrap().compute["web"].memory.size.0, 128 << 20);
}

#[test]
fn groups_survive_the_wire() {
    for version in ["2.0", "2.1"] {
        let groups = shared(version).groups();
        for group in &groups {
            let message = deployment::GroupSpec::from(group);
            assert_eq!(message.resources[0].price.as_ref().unwrap().amount, "500000000000000000");
            assert_eq!(GroupSpec::try_from(&message).as_ref(), Ok(group));
        }
    }
}

#[test]
fn groups_and_manifest_as_json() {
    insta::assert_json_snapshot!("groups_2_1", shared("2.1").groups_json());
    insta::assert_snapshot!("manifest_2_1", shared("2.1").manifest().pretty_json());
    insta::assert_json_snapshot!("summary_2_1", shared("2.1").summary());
}

#[test]
fn a_manifest_fits_its_own_groups_only() {
    for version in ["2.0", "2.1"] {
        let sdl = shared(version);
        sdl.validate().unwrap();
        let groups = sdl.group_messages();
        let manifest = sdl.manifest();
        manifest.matches_deployment(&groups).unwrap();
        manifest.matches_group(&groups[0]).unwrap();

        let mut more = manifest.clone();
        more.0[0].services[0].count += 1;
        assert!(matches!(more.matches_deployment(&groups), Err(MismatchError::Amount { what: "replicas", .. })));

        let mut bigger = manifest.clone();
        bigger.0[0].services[0].resources.memory.size.0 += 1;
        let error = bigger.matches_deployment(&groups);
        assert!(matches!(error, Err(MismatchError::Resources { what: "memory", .. })));

        let mut closed = manifest.clone();
        closed.0[0].services[1].expose[0].global = false;
        let error = closed.matches_deployment(&groups);
        assert!(matches!(error, Err(MismatchError::Amount { what: "HTTP endpoints", .. })));

        let mut other_image = manifest.clone();
        other_image.0[0].services[0].image = "api:2".to_owned();
        assert_eq!(other_image.matches_deployment(&groups), Ok(()));

        assert!(matches!(manifest.matches_deployment(&[]), Err(MismatchError::GroupCount { .. })));
    }
}

#[test]
fn prices_are_converted_rounding_down() {
    let sdl = Sdl::parse(&vector_a()).unwrap();
    let rate = Rate {
        from: sdl.groups()[0].units[0].price.denom.clone(),
        to: primitives::Denom::new("utet").unwrap(),
        numerator: 1,
        denominator: 3,
    };
    let converted = sdl.reprice(&rate).unwrap();
    assert_eq!(converted.groups()[0].units[0].price.to_string(), "333.333333333333333333utet");
    assert_eq!(converted.groups(), sdl::reprice::reprice_groups(&sdl.groups(), &rate).unwrap());
    assert_eq!(converted.hash_hex(), sdl.hash_hex());
    assert!(converted.reprice(&rate).unwrap_err().to_string().contains("give a rate for utet"));
    assert!(sdl.reprice(&Rate { denominator: 0, ..rate.clone() }).is_err());
    assert!(sdl.reprice(&Rate { numerator: 0, ..rate }).is_err());
}

#[test]
fn the_reclamation_window_reaches_the_message() {
    let text = vector_a() + "reclamation: {min_window: 1h30m}\n";
    let message = Sdl::parse(&text).unwrap().reclamation_message().unwrap();
    assert_eq!(message.min_window.unwrap().seconds, 5400);
    assert!(Sdl::parse(&(vector_a() + "reclamation: {min_window: 0s}\n")).is_err());
    assert_eq!(Sdl::parse(&vector_a()).unwrap().reclamation_message(), None);
}

#[test]
fn line_ends_and_byte_order_marks_do_not_matter() {
    let expected = Sdl::parse(&vector_a()).unwrap().hash_hex();
    let windows = format!("\u{feff}{}", vector_a().replace('\n', "\r\n"));
    assert_eq!(Sdl::parse(&windows).unwrap().hash_hex(), expected);
    assert_eq!(Sdl::parse(&format!("# a comment\n---\n{}...\n", vector_a())).unwrap().hash_hex(), expected);
}

#[test]
fn credentials_differ_by_version() {
    let given = "    image: api\n    credentials: {host: ' h ', email: a@b.c, username: u, password: secret}";
    let credentials = |version: &str| {
        let text = SHARED_PROFILE.replace("VERSION", version).replace("    image: api", given);
        Sdl::parse(&text).unwrap().manifest().0[0].services[0].credentials.clone().unwrap()
    };
    assert_eq!((credentials("2.0").host.as_str(), credentials("2.0").email.as_str()), (" h ", ""));
    assert_eq!((credentials("2.1").host.as_str(), credentials("2.1").email.as_str()), ("h", "a@b.c"));
}
