//! What happens to jobs when something goes wrong: each ends in a state with a name, and every unit of money is where it belongs.

use std::path::{Path, PathBuf};
use std::process::Command;

use provider::render::RenderConfig;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::stage::{Stage, bpy, heavy, one_thread, patiently, small};
use crate::net::until;
use crate::small_disk::SmallDisk;

const ONE: [&str; 6] = ["--frames", "1", "--work", "3", "--credits", "2"];

/// A script of the farm's tests, which changes the scene of a stage; none where Blender is no module of Python.
fn changed(stage: &Stage, script: &str, arguments: &[&str]) -> Option<PathBuf> {
    let python = bpy()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../farm/tests/scenes").join(script);
    let out = stage.folder.path().join("changed.blend");
    let mut command = Command::new(python);
    let output = command.arg(script).arg(&stage.scene).args(arguments).arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(out)
}

#[test]
fn a_lease_takes_the_machine_of_a_frame_and_gives_it_back() {
    // All of the machine is the window.
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    let whole = RenderConfig { cpu_milli: cores * 1_000, ..one_thread() };
    let Some(stage) = Stage::start(1, &heavy(), &whole) else { return };
    let net = &stage.net;
    net.load_image();
    let job = stage.submit(&ONE);
    stage.until_rendering();

    let file = net.file("lease.yaml", "examples/env-command/deploy.yaml", &[]);
    let deployment = net.deploy(&file);
    assert!(until(|| deployment.page()).is_ok());
    let node = net.json(&["render", "nodes"])[0].take();
    assert_eq!(node["state"], "yielded", "{node:#}");
    stage.clean();
    let frame = stage.frames(&job)[0].clone();
    assert_eq!((&frame["state"], &frame["bill"]["ucredits"]), (&"pending".into(), &0.into()), "{frame:#}");
    assert!(frame["history"].to_string().contains("another market took the machine"), "{frame:#}");
    assert_eq!(stage.job(&job)["state"], "queued");
    stage.money(&[&job]);

    // With the lease gone, the window comes back by itself and the frame is rendered, which is nobody's fault.
    net.close(deployment.dseq);
    stage.until_all(&job, "review");
    assert_eq!(net.json(&["render", "nodes"])[0]["strikes"], 0);
    net.json(&["render", "approve", &job, "--yes"]);
    assert_eq!(stage.job(&job)["state"], "done");
    stage.money(&[&job]);
    assert!(net.held().is_empty(), "{:?}", net.held());
}

#[test]
fn a_node_that_is_killed_in_the_middle_of_a_frame_finishes_it() {
    let Some(mut stage) = Stage::start(1, &heavy(), &one_thread()) else { return };
    let job = stage.submit(&ONE);
    stage.until_rendering();
    let before = stage.frames(&job)[0].clone();
    stage.net.crash_agent();
    stage.clean();
    stage.net.again();
    stage.until_all(&job, "review");
    let after = stage.frames(&job)[0].clone();
    assert_eq!((&after["node"], &after["attempt"]), (&before["node"], &before["attempt"]), "the same try goes on");
    stage.net.json(&["render", "approve", &job, "--yes"]);
    assert_eq!(stage.job(&job)["state"], "done");
    stage.money(&[&job]);
}

#[test]
fn a_chain_that_dies_at_the_end_of_an_epoch_goes_on_with_the_next() {
    let Some(mut stage) = Stage::start(1, &small(), &one_thread()) else { return };
    let job = stage.submit(&["--frames", "1-2", "--work", "0.5", "--credits", "2", "--grid", "3x2", "--auto-approve"]);
    let open = |stage: &Stage| stage.net.json(&["render", "epoch"])["number"].as_u64().unwrap();
    let epoch = stage.net.json(&["render", "epoch"]);
    let before = epoch["number"].as_u64().unwrap();
    let ends = OffsetDateTime::parse(epoch["ends"].as_str().unwrap(), &Rfc3339).unwrap();
    stage.net.crash_validator();
    // It is dead when the epoch ends, by the clock of all.
    patiently("the end of the epoch", || if OffsetDateTime::now_utc() > ends { Ok(()) } else { Err(Value::Null) });
    stage.net.again();
    patiently("a later epoch", || {
        let now = open(&stage);
        if now > before + 1 { Ok(()) } else { Err(now.into()) }
    });
    stage.until_all(&job, "approved");
    assert_eq!(stage.job(&job)["state"], "done");
    for number in 1..open(&stage) {
        let epoch = stage.net.json(&["render", "epoch", &number.to_string()]);
        assert_eq!((&epoch["closed"], &epoch["anomaly"]), (&true.into(), &"".into()), "{epoch:#}");
    }
    stage.money(&[&job]);
}

/// The chunks on the disk of the first node.
fn chunks(stage: &Stage) -> Vec<PathBuf> {
    let mut folders = vec![stage.home(0).path().join("render/chunks")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found
}

/// Whether a chunk is what its name says.
fn is_whole(path: &Path) -> bool {
    std::fs::read(path)
        .is_ok_and(|bytes| farm::Digest::of(&bytes).to_string() == path.file_name().unwrap().to_str().unwrap())
}

#[test]
fn a_chunk_that_is_corrupted_is_fetched_anew() {
    let Some(stage) = Stage::start(2, &small(), &one_thread()) else { return };
    let submit = ["--frames", "1-2", "--work", "0.5", "--credits", "2", "--grid", "3x2", "--copies", "2"];
    let first = stage.submit(&submit);
    stage.until_all(&first, "review");
    // A bit of every chunk of one node turns.
    let before = chunks(&stage);
    assert!(!before.is_empty() && before.iter().all(|path| is_whole(path)));
    for path in &before {
        let mut bytes = std::fs::read(path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    assert!(!before.iter().any(|path| is_whole(path)));
    // Its copy of the whole scene is made of them anew.
    for entry in std::fs::read_dir(stage.home(0).path().join("render/scenes")).unwrap().flatten() {
        if entry.path().extension().is_some_and(|kind| kind == "blend") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let second = stage.submit(&submit);
    stage.until_all(&second, "review");
    // It rendered or audited each frame, which takes the whole scene: what is under a chunk's name is that chunk again.
    let after = chunks(&stage);
    let damaged: Vec<_> = after.iter().filter(|path| !is_whole(path)).collect();
    assert!(damaged.is_empty() && after.len() >= before.len(), "{damaged:?} of {}", after.len());
    for job in [&first, &second] {
        stage.net.json(&["render", "approve", job, "--yes"]);
        assert_eq!(stage.job(job)["state"], "done");
    }
    stage.money(&[&first, &second]);
}

#[test]
fn frames_of_a_node_whose_disk_is_full_go_to_the_other() {
    let Some(stage) = Stage::start(2, &small(), &one_thread()) else { return };
    let submit = ["--frames", "1-2", "--work", "0.5", "--credits", "2", "--grid", "3x2", "--copies", "2"];
    let first = stage.submit(&submit);
    stage.until_all(&first, "review");
    stage.clean();
    let disk = SmallDisk::over(&stage.home(0).path().join("render"), 64 << 20);
    disk.fill(0);
    let second = stage.submit(&submit);
    stage.until_all(&second, "review");
    // The full node said why, paid nothing for it, and rendered nothing.
    let owner = stage.net.report["providers"][0]["address"].clone();
    let frames = stage.frames(&second);
    assert!(frames.iter().all(|frame| frame["node"]["owner"] != owner), "{frames:#?}");
    let told = Value::Array(frames).to_string();
    assert!(told.contains("disk_full") || told.contains("fetch_failed"), "{told}");
    assert_eq!(stage.net.json(&["render", "nodes"])[0]["strikes"], 0);
    // With room again it takes frames as before.
    disk.free();
    let third = stage.submit(&submit);
    stage.until_all(&third, "review");
    stage.ready(2);
    for job in [&first, &second, &third] {
        stage.net.json(&["render", "approve", job, "--yes"]);
        assert_eq!(stage.job(job)["state"], "done");
    }
    stage.money(&[&first, &second, &third]);
}

#[test]
fn scenes_that_lack_files_or_bring_scripts() {
    let Some(mut stage) = Stage::start(2, &small(), &one_thread()) else { return };
    let texture = stage.folder.path().join("rings.png").display().to_string();
    let Some(lost) = changed(&stage, "lost.py", &[&texture, "lost"]) else { return };
    let lost = lost.display().to_string();
    let before = stage.net.json(&["render", "credits", "show"]);
    let said = stage.net.run(&["render", "submit", &lost, "--no-wait", "--yes", "--credits", "2", "--work", "1"]);
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!said.status.success() && text.contains(&texture), "{text}");
    assert_eq!(stage.net.json(&["render", "credits", "show"]), before, "no money moved");
    assert_eq!(stage.net.json(&["render", "list"]), Value::Array(Vec::new()));

    // Somebody listens, and nobody calls; nobody writes.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let written = stage.folder.path().join("written").display().to_string();
    let Some(hostile) = changed(&stage, "hostile.py", &[&written, &port]) else { return };
    stage.scene = hostile;
    let job = stage.submit(&["--frames", "1-2", "--work", "0.5", "--credits", "2", "--grid", "3x2"]);
    stage.until_all(&job, "review");
    assert!(!Path::new(&written).exists());
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    stage.net.json(&["render", "approve", &job, "--yes"]);
    assert_eq!(stage.job(&job)["state"], "done");
    stage.money(&[&job]);
}
