//! A scene that was uploaded once, changed by a hundredth, and is submitted again: by the command line that users have, to the
//! gateway of a node.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Stage, met, number, script};
use crate::failure::Result;
use crate::shell;

/// The most that may move, in thousandths of the scene.
const GOAL_MILLI: u64 = 20;

pub(super) fn run(stage: &Stage, megabytes: u32) -> Result<Value> {
    println!("upload of a scene of {megabytes} MB of packed images, and of the same with a hundredth changed");
    let mut told = Vec::new();
    for (name, change) in [("large.blend", "none"), ("large-changed.blend", "some")] {
        let scene = stage.home.file(name);
        let path = scene.display().to_string();
        shell::read(&mut script(&stage.python, "large.py", &[&path, &megabytes.to_string(), change]))?;
        let begin = Instant::now();
        let submitted = stage.submit(&scene, &["--copies", "1", "--work", "1"])?;
        let seconds = begin.elapsed().as_secs_f64();
        let (bytes, moved) = (number(&submitted, "/bytes")?, number(&submitted, "/uploaded_bytes")?);
        stage.home.json(&["render", "cancel", &number(&submitted, "/jseq")?.to_string(), "-y"])?;
        std::fs::remove_file(&scene).ok();
        println!("  {name}: {moved} of {bytes} bytes moved, {seconds:.1} s with looking at it, cutting and submitting");
        told.push(json!({ "bytes": bytes, "moved": moved, "seconds": seconds }));
    }
    let (bytes, moved) = (number(&told[1], "/bytes")?, number(&told[1], "/moved")?);
    let share = moved as f64 / bytes.max(1) as f64;
    let goal = met(moved * 1_000 <= bytes * GOAL_MILLI);
    println!("  moved {:.2} % (goal: at most {} %): {goal}", share * 100.0, GOAL_MILLI / 10);
    Ok(json!({ "first": told[0], "changed": told[1], "share": share }))
}
