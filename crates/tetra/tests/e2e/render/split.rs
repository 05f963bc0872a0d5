//! One heavy picture on several nodes: tiles of a split frame, joined to what Blender makes of the scene by hand.

use farm::pixels::read_image;

use super::stage::{Stage, bpy, one_thread, small};

#[test]
fn tiles_of_a_split_frame_make_the_picture_that_blender_makes() {
    let Some(stage) = Stage::start(2, &small(), &one_thread()) else { return };
    let net = &stage.net;
    let job = stage.submit(&["--split", "--frames", "1", "--grid", "2x2", "--work", "2", "--credits", "2"]);
    stage.until_all(&job, "review");
    let frames = stage.frames(&job);
    let tiles: Vec<i64> = frames.iter().map(|frame| frame["tile"].as_i64().unwrap()).collect();
    assert_eq!(tiles, [0, 1, 2, 3], "{frames:#?}");
    assert!(net.json(&["render", "audit", &job, "#3"]).to_string().contains("honest"));
    net.json(&["render", "approve", &job, "--yes"]);
    let target = stage.folder.path().join("frames");
    let to = target.display().to_string();
    let download = ["render", "download", &job, "--to", &to];
    let said = net.fails(2, &download);
    assert!(said.contains("4 tiles are here") && said.contains("--scene"), "{said}");
    let scene = stage.scene.display().to_string();
    let joined = net.json(&[&download[..], &["--scene", &scene]].concat());
    assert_eq!(joined["moved_bytes"], 0, "{joined:#}");
    stage.money(&[&job]);

    let Some(python) = bpy() else { return };
    let hand = stage.folder.path().join("hand");
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../farm/tests/scenes/by_hand.py");
    let output = std::process::Command::new(python).arg(script).arg(&stage.scene).arg("1").arg(&hand).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let picture = |path: std::path::PathBuf| read_image(std::fs::File::open(path).unwrap()).unwrap();
    assert!(picture(target.join("0001.png")) == picture(hand.with_extension("png")), "pixels differ");
    for wrong in [&["--frames", "1-2"], &["--frames", "1"]] {
        let grid: &[&str] = if wrong[1] == "1" { &["--grid", "1x1"] } else { &[] };
        let submit =
            [&["render", "submit", &scene, "--split", "--work", "2", "--yes", "--no-wait"], &wrong[..], grid].concat();
        net.fails(2, &submit);
    }
}
