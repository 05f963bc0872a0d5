//! Renders end to end with real Blender: two nodes on one machine, which audit each other as development networks allow.

use std::io::Read;
use std::path::PathBuf;

use provider::Home;
use provider::render::RenderConfig;
use serde_json::Value;

use super::stage::{all, patiently, renders, scene};
use super::store;
use crate::net::Net;

#[test]
fn frames_are_rendered_audited_approved_and_downloaded() {
    let folder = tempfile::tempdir().unwrap();
    let Some(scene) = scene(folder.path()) else { return };
    let Some(net) = Net::start_with(&["--providers", "2"], false) else { return };
    for place in [0, 1] {
        let home = Home::new(net.report["providers"][place]["dir"].as_str().unwrap());
        let gib = 1 << 30;
        let options = RenderConfig {
            cpu_milli: 500,
            memory: gib,
            storage: gib / 2,
            cache_bytes: gib / 2,
            threads: Some(1),
            ..RenderConfig::default()
        };
        provider::render::enable(&home, options).unwrap();
    }
    patiently("two ready nodes", || {
        let nodes = net.json(&["render", "nodes"]);
        let ready = nodes.to_string().to_lowercase().matches("ready").count();
        if ready == 2 { Ok(()) } else { Err(nodes) }
    });
    let scene = scene.display().to_string();
    net.json(&["render", "credits", "buy", "100lux", "--yes"]);
    // What it will take, by tiles that a node renders at no charge.
    let told = net.json(&["render", "estimate", &scene, "--frames", "1-2"]);
    let [least, expected, most] = [0, 1, 2].map(|place| told["ucredits"][place].as_u64().unwrap());
    assert!(0 < least && least <= expected && expected <= most, "{told:#}");
    assert!(told["by"]["endpoint"].as_str().unwrap().starts_with("https://"), "{told:#}");
    let wanted = ["--frames", "1-2", "--work", "0.5", "--credits", "2", "--grid", "3x2", "--copies", "1"];
    let submit = [&["render", "submit", &scene], wanted.as_slice(), &["--no-wait", "--yes"]].concat();
    let job = net.json(&submit)["jseq"].to_string();

    // Nothing is to be had before it is paid for.
    patiently("frames in review", || {
        let frames = net.json(&["render", "frames", &job]);
        if all(&frames, "review") { Ok(()) } else { Err(frames) }
    });
    let audits = net.json(&["render", "audit", &job, "1"]);
    assert!(audits.to_string().to_lowercase().contains("honest"), "{audits:#}");

    net.json(&["render", "approve", &job, "--yes"]);
    patiently("approved frames", || {
        let frames = net.json(&["render", "frames", &job]);
        if all(&frames, "approved") { Ok(()) } else { Err(frames) }
    });
    let target = folder.path().join("frames");
    net.json(&["render", "download", &job, "--to", target.to_str().unwrap()]);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&target).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "png"));
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        let mut head = [0; 24];
        std::fs::File::open(&file).unwrap().read_exact(&mut head).unwrap();
        // Width and height of a PNG's first chunk.
        assert_eq!((&head[1..4], &head[16..24]), (b"PNG".as_slice(), [0, 0, 0, 96, 0, 0, 0, 54].as_slice()));
    }
    store::takes_frames(&net, &job, &target);
}

#[test]
fn a_node_that_is_disabled_ends_its_renders() {
    let folder = tempfile::tempdir().unwrap();
    if scene(folder.path()).is_none() {
        return;
    }
    let Some(net) = Net::start_with(&["--providers", "1"], false) else { return };
    let home = Home::new(net.provider());
    let gib = 1 << 30;
    let options =
        RenderConfig { cpu_milli: 500, memory: gib, storage: gib / 2, cache_bytes: gib / 2, ..RenderConfig::default() };
    provider::render::enable(&home, options).unwrap();
    // Its benchmark is a render like any other.
    patiently("a process", || if renders(&net) > 0 { Ok(()) } else { Err(Value::Null) });
    patiently("a ready node", || {
        let nodes = net.json(&["render", "nodes"]);
        if nodes.to_string().to_lowercase().contains("ready") { Ok(()) } else { Err(nodes) }
    });
    provider::render::disable(&home, false).unwrap();
    patiently("a disabled node", || {
        let nodes = net.json(&["render", "nodes"]);
        if nodes.to_string().to_lowercase().contains("disabled") { Ok(()) } else { Err(nodes) }
    });
    assert_eq!(renders(&net), 0);
}
