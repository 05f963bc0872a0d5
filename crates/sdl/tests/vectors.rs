//! The vectors of spec/akash.md 2.8.

mod common;

use common::{EXPOSE, STORAGE, file, vector_a, vector_b};
use sdl::{ReceivedManifest, Sdl};

fn hash(text: &str) -> String {
    hex::encode(Sdl::parse(text).unwrap().manifest().hash())
}

const CANONICAL_A: &str = r#"[{"name":"dc","services":[{"args":null,"command":null,"count":1,"credentials":null,"env":null,"expose":[{"endpointSequenceNumber":0,"externalPort":80,"global":true,"hosts":null,"httpOptions":{"maxBodySize":1048576,"nextCases":["error","timeout"],"nextTimeout":0,"nextTries":3,"readTimeout":60000,"sendTimeout":60000},"ip":"","port":80,"proto":"TCP","service":""}],"image":"nginx","name":"web","resources":{"cpu":{"units":{"val":"100"}},"endpoints":[{"sequence_number":0}],"gpu":{"units":{"val":"0"}},"id":1,"memory":{"size":{"val":"134217728"}},"storage":[{"name":"default","size":{"val":"1073741824"}}]}}]}]"#;

#[test]
fn a_single_service() {
    let sdl = Sdl::parse(&vector_a()).unwrap();
    assert_eq!(sdl.manifest().canonical_json(), CANONICAL_A);
    assert_eq!(hash(&vector_a()), "8952e0df6cc8960a6714ca609db5d977d3e83feb9d3ff6bde1b99b91c9d9b067");
    assert_eq!(sdl.hash_hex(), hash(&vector_a()));
}

#[test]
fn b_escapes() {
    assert_eq!(hash(&vector_b()), "6c7d48c8c2ba5829a0479a24ae12da44b19f1f93c0482898f3beaf15dc2231ad");
}

#[test]
fn c_persistent_volume() {
    let params = "    params: {storage: {data: {mount: /data, readOnly: false}}}";
    let storage = "        storage: [{size: 512Mi}, \
         {name: data, size: 1Gi, attributes: {persistent: true, class: beta3}}]";
    let text = file(&format!("{EXPOSE}\n{params}"), storage);
    assert_eq!(hash(&text), "5d53500f51a218d66f2bb1599bef402c23fcbec84e1be2649c9e7da854ac5a1e");
}

#[test]
fn d_shared_memory_and_gpu() {
    let params = "    params: {storage: {shm: {mount: /dev/shm}}}";
    let resources = "        storage: [{size: 10Gi}, {name: shm, size: 2Gi, attributes: {class: ram}}]
        gpu:
          units: 1
          attributes: {vendor: {nvidia: [{model: a100, ram: 80Gi, interface: sxm}, {model: h100}]}}";
    let text = file(&format!("{EXPOSE}\n{params}"), resources);
    assert_eq!(hash(&text), "9a038e75f394802e3627e378971672452ade0dbc01bbeff72583796605016aa8");
}

#[test]
fn e_udp_and_http_options() {
    let expose = r#"    expose:
      - {port: 53, proto: udp, to: [{global: true}]}
      - port: 8080
        as: 80
        accept: [example.com]
        http_options: {max_body_size: 104857600, next_cases: ["off"]}
        to: [{global: true}]"#;
    assert_eq!(hash(&file(expose, STORAGE)), "89d487e12e0dbc1829f27f7cab4f8296c9ba91d744b5eca1d0762df318f3d171");
}

/// What clients of the old generation send: the same manifest with `"params":null`.
fn old_shape(text: &str) -> ReceivedManifest {
    let manifest = Sdl::parse(text).unwrap().manifest();
    let mut value = serde_json::to_value(&manifest).unwrap();
    value[0]["services"][0]["params"] = serde_json::Value::Null;
    ReceivedManifest::parse(value.to_string().as_bytes()).unwrap()
}

#[test]
fn a_provider_accepts_three_generations_of_clients() {
    let a = old_shape(&vector_a());
    let akashjs = hex::decode("04334ba1caba58f8284974e62ae51c9a11143e09667b56154f015167d0764e42").unwrap();
    let current = hex::decode("8952e0df6cc8960a6714ca609db5d977d3e83feb9d3ff6bde1b99b91c9d9b067").unwrap();
    assert_eq!(a.digests.as_received.as_slice(), akashjs);
    assert_eq!(a.digests.typed.as_slice(), current);
    assert!(a.digests.contains(&akashjs) && a.digests.contains(&current));
    assert!(!a.digests.contains(&[0; 32]) && !a.digests.contains(&[]));

    let b = old_shape(&vector_b());
    let akashjs = "5af6270ec62520feacd8de3302606ae782457c3e23f0d5b7f5412707f18a97bb";
    assert_eq!(hex::encode(b.digests.as_received), akashjs);
    // The Python client puts the digest of the escaped text on the chain.
    assert!(hex::encode(b.digests.ascii).starts_with("c190bfa9"), "{}", hex::encode(b.digests.ascii));
}

#[test]
fn fields_that_are_not_understood_are_refused() {
    let mut value: serde_json::Value = serde_json::from_str(CANONICAL_A).unwrap();
    value[0]["services"][0]["interconnectGroup"] = "auto".into();
    let error = ReceivedManifest::parse(value.to_string().as_bytes()).unwrap_err().to_string();
    assert!(error.contains("interconnectGroup"), "{error}");
    assert!(ReceivedManifest::parse(b"{}").is_err());
    assert!(ReceivedManifest::parse(&[0xff]).is_err());
}
