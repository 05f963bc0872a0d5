//! A job on two nodes with a thread each, beside two plain Blender processes with a thread each that render a half of the frames
//! each. Plain Blender goes first and last, and the mean counts, for the machine may be busier at one time than at another.
//!
//! The job's time is from its transaction to the last commitment, all of it: dispatch, waiting for blocks, starting Blender,
//! loading, rendering, denoising, writing, hashing. The nodes audit each other meanwhile; the time that audits had the engine
//! is told by the nodes' metrics, and taken off for the ratio without audits.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Args, Stage, met, number, script};
use crate::failure::{Doing, Failure, Result};
use crate::{http, shell};

/// What makes the scene.
const SCENE: &str = "crates/farm/src/scenes/demo.py";
/// The least that is to be had of plain Blender, without audits.
const GOAL: f64 = 0.95;
/// Between two looks at the job.
const LOOK: Duration = Duration::from_millis(500);
/// A job that takes longer than so many times plain Blender, and this, does not go on.
const PATIENCE: (u32, Duration) = (6, Duration::from_secs(300));
const NODES: f64 = 2.0;

/// Width, height and samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size([u32; 3]);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let numbers: Vec<u32> = text.split('x').filter_map(|part| part.parse().ok()).collect();
        numbers.try_into().map(Self).map_err(|_| format!("{text} is not written as 640x360x48"))
    }
}

pub(super) fn run(stage: &Stage, args: &Args) -> Result<Value> {
    // New nodes are audited at each frame until something of theirs is kept back.
    println!("a first job fills what is kept back of the nodes");
    let first = make(stage, "first", Size([640, 360, 64]), 4)?;
    let jseq = number(&stage.submit(&first, &["--auto-approve"])?, "/jseq")?.to_string();
    wait(stage, &jseq, Duration::from_secs(600), &["approved"])?;
    let mut told = json!({});
    for (name, size) in [("heavy", args.heavy), ("light", args.light)] {
        let scene = make(stage, name, size, args.frames)?;
        told[name] = one(stage, name, &scene, size, args.frames)?;
    }
    Ok(told)
}

fn make(stage: &Stage, name: &str, size: Size, frames: u32) -> Result<PathBuf> {
    let scene = stage.home.file(&format!("bench-{name}.blend"));
    let Size([width, height, samples]) = size;
    let mut command = shell::program(&stage.python);
    command.arg("-I").arg(shell::root().join(SCENE)).arg("--out").arg(&scene);
    for (option, value) in [("--width", width), ("--height", height), ("--samples", samples), ("--frames", frames)] {
        command.arg(option).arg(value.to_string());
    }
    command.args(["--seed", "7", "--texture", "256", "--denoise", "--format", "PNG"]);
    shell::read(&mut command)?;
    Ok(scene)
}

fn one(stage: &Stage, name: &str, scene: &Path, size: Size, frames: u32) -> Result<Value> {
    let before = plain(stage, scene, frames)?;
    let (audits, renders) = (busy(stage, "audit")?, busy(stage, "frame")?);
    let begin = Instant::now();
    let jseq = number(&stage.submit(scene, &["--work", "10"])?, "/jseq")?.to_string();
    let submitted = begin.elapsed();
    let limit = Duration::from_secs_f64(before) * PATIENCE.0 + PATIENCE.1;
    wait(stage, &jseq, limit, &["committed", "auditing", "proven", "review"])?;
    let job = (begin.elapsed() - submitted).as_secs_f64();
    let (audits, renders) = (busy(stage, "audit")? - audits, busy(stage, "frame")? - renders);
    let nodes = nodes_of(stage, &jseq)?;
    // What the job leaves to be audited is not to slow plain Blender.
    wait(stage, &jseq, limit, &["review"])?;
    let after = plain(stage, scene, frames)?;
    stage.home.json(&["render", "approve", &jseq, "-y"])?;
    let plain = f64::midpoint(before, after);
    let (with, without) = (plain / job, plain / (job - audits / NODES));
    let share = audits / (NODES * job);
    let Size([width, height, samples]) = size;
    println!("\n{name}: {frames} frames of {width}x{height}, {samples} samples, denoised, on {nodes} nodes");
    println!(
        "  plain Blender {before:.1} and {after:.1} s, {:.1} s a frame and thread",
        plain * NODES / f64::from(frames)
    );
    println!(
        "  the job {job:.1} s; nodes' engines busy {:.1} % with frames, {:.1} % with audits",
        renders / (NODES * job) * 100.0,
        share * 100.0
    );
    println!("  of plain Blender: {without:.3} with audits counted apart, {with:.3} with them");
    if name == "heavy" {
        println!("  goal {GOAL}: {}", met(without >= GOAL));
    }
    Ok(json!({
        "frames": frames, "size": size.0, "plain_seconds": [before, after], "job_seconds": job, "audit_seconds": audits,
        "frame_seconds": renders, "without_audits": without, "with_audits": with, "audit_share": share,
    }))
}

/// Seconds that two processes take for a half of the frames each.
fn plain(stage: &Stage, scene: &Path, frames: u32) -> Result<f64> {
    let out = stage.home.file("plain");
    if out.exists() {
        std::fs::remove_dir_all(&out).doing(out.display())?;
    }
    let (scene, half) = (scene.display().to_string(), frames / 2);
    let out = format!("{}/", out.display());
    let begin = Instant::now();
    let start = |first: u32, last: u32| {
        let mut command = script(&stage.python, "plain.py", &[&scene, &first.to_string(), &last.to_string(), &out]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().doing("plain Blender")
    };
    let both = [start(1, half)?, start(half + 1, frames)?];
    for mut process in both {
        let status = process.wait().doing("plain Blender")?;
        if !status.success() {
            return Err(Failure::new(format!("plain Blender failed: {status}")));
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let made = std::fs::read_dir(&out).doing(&out)?.count();
    if made == frames as usize { Ok(seconds) } else { Err(Failure::new(format!("plain Blender made {made} files"))) }
}

/// Waits until all units of a job are in one of these states.
fn wait(stage: &Stage, jseq: &str, limit: Duration, states: &[&str]) -> Result {
    let deadline = Instant::now() + limit;
    loop {
        let frames = stage.home.json(&["render", "frames", jseq])?;
        let frames = frames.as_array().cloned().unwrap_or_default();
        let is_there = |frame: &Value| frame["state"].as_str().is_some_and(|state| states.contains(&state));
        if !frames.is_empty() && frames.iter().all(is_there) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let found: Vec<&Value> = frames.iter().map(|frame| &frame["state"]).collect();
            return Err(Failure::new(format!("job {jseq} does not become {}: {found:?}", states.join(" or "))));
        }
        std::thread::sleep(LOOK);
    }
}

/// Seconds for which the engines of all nodes had work of a kind, since they started.
fn busy(stage: &Stage, work: &str) -> Result<f64> {
    let name = format!("tetra_provider_render_busy_seconds_sum{{work=\"{work}\"}} ");
    let mut sum = 0.0;
    for provider in &stage.network.report.providers {
        let page = http::get(&provider.metrics)?;
        let line = page.body.lines().find_map(|line| line.strip_prefix(&name));
        sum += line.map_or(Ok(0.0), str::parse::<f64>).doing(&name)?;
    }
    Ok(sum)
}

fn nodes_of(stage: &Stage, jseq: &str) -> Result<usize> {
    let frames = stage.home.json(&["render", "frames", jseq])?;
    let nodes = frames.as_array().into_iter().flatten().map(|frame| frame["node"].to_string());
    Ok(nodes.collect::<BTreeSet<String>>().len())
}
